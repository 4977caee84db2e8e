//! What a service manager is told: that the watch is ready, lives, and ends. Without one, nothing.
//!
//! Source: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Waits until this process is told to stop, and gives by what. A terminal that closes tells so, unless `nohup` says otherwise.
pub async fn stopped() -> String {
    use tokio::signal::unix::{SignalKind, signal};
    let hangs_up = !ignores(nix::sys::signal::Signal::SIGHUP as i32);
    let (term, int) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut int)) = (term, int) else { return std::future::pending().await };
    let mut hup = if hangs_up { signal(SignalKind::hangup()).ok() } else { None };
    let hung_up = async {
        match &mut hup {
            Some(hup) => hup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = term.recv() => "SIGTERM".to_owned(),
        _ = int.recv() => "SIGINT".to_owned(),
        _ = hung_up => "SIGHUP".to_owned(),
    }
}

/// Whether whoever started this process had it ignore a signal.
fn ignores(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
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
