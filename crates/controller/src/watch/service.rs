//! What a service manager is told: that the watch is ready, lives, and ends. Without one, nothing.
//!
//! Source: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Waits until this process is told to stop, and gives by what.
pub async fn stopped() -> String {
    use tokio::signal::unix::{SignalKind, signal};
    let (term, int) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut int)) = (term, int) else { return std::future::pending().await };
    tokio::select! {
        _ = term.recv() => "SIGTERM".to_owned(),
        _ = int.recv() => "SIGINT".to_owned(),
    }
}

pub(super) fn ready() {
    tell("READY=1\nSTATUS=watching\n");
}

pub(super) fn alive() {
    tell("WATCHDOG=1\n");
}

pub(super) fn stopping() {
    tell("STOPPING=1\n");
}

fn tell(what: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match socket.to_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&socket),
    };
    // A manager that does not listen is not worth a word.
    let _unheard =
        address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(what.as_bytes(), &address));
}
