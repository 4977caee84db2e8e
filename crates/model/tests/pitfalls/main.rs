//! Every pitfall of nginx's routing that we know of, each as a small configuration and a few requests, whose answers are
//! asked of the router and of real nginxes: that of this machine (`EVENKEEL_NGINX` names another than `/usr/sbin/nginx`)
//! and the newest (`make` fetches it; without it the first is asked alone).
#![expect(clippy::disallowed_methods, reason = "a test asks the real file system and a real nginx")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../route/tls.rs"]
#[expect(dead_code, reason = "the random test uses more of it")]
mod tls;
#[path = "../route/watch.rs"]
mod watch;

mod access;
mod added;
mod ask;
mod connection;
mod content;
mod h2;
mod location;
mod passing;
mod phases;
mod play;
mod rewriting;
mod told;
mod uri;

use play::{check, check_each, check_refused};
