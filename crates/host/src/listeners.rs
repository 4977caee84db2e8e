//! Every TCP socket of this machine that listens, and which program holds it.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use crate::identity::ProcessId;

/// The largest number of processes whose descriptors are looked at.
const PROCESSES_MAX: usize = 20_000;
/// `TCP_LISTEN`, include/net/tcp_states.h
const LISTEN: &str = "0A";

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where.
    pub at: SocketAddr,
    /// The name of the program that holds it, as far as this user may know.
    pub program: Option<String>,
    /// How long ago the process started that holds it; of several, the oldest.
    pub age: Option<Duration>,
    /// That process.
    pub process: Option<ProcessId>,
}

/// Gives every listening TCP socket that this process's network has.
#[must_use]
pub fn listeners() -> Vec<Listener> {
    let mut found: Vec<(SocketAddr, u64)> = Vec::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        found.extend(text.lines().skip(1).filter_map(listening));
    }
    let programs = programs();
    let listener = |(at, inode)| {
        let holder = programs.get(&inode);
        let process = holder.and_then(|holder| holder.oldest);
        let program = holder.map(|holder| holder.program.clone());
        Listener { at, program, age: process.map(ProcessId::age), process }
    };
    found.into_iter().map(listener).collect()
}

/// A line of `/proc/net/tcp` that tells of a listening socket: where, and its number.
///
/// Source: proc_net_tcp(5)
fn listening(line: &str) -> Option<(SocketAddr, u64)> {
    let mut words = line.split_ascii_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?.parse().ok()?;
    (state == LISTEN).then_some((address(local)?, inode))
}

/// `0100007F:1F90`, of which each group of four bytes is in the order of the machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let groups: Option<Vec<[u8; 4]>> = (0..host.len() / 8)
        .map(|at| Some(u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes()))
        .collect();
    let bytes: Vec<u8> = groups?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Who holds a socket.
struct Holder {
    program: String,
    oldest: Option<ProcessId>,
}

/// Which program holds which socket.
fn programs() -> HashMap<u64, Holder> {
    let mut programs = HashMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().take(PROCESSES_MAX);
    for process in processes {
        if !process.file_name().as_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // Another user's descriptors, or a process that ended meanwhile.
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut name = None;
        for descriptor in descriptors.flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let number = target
                .to_str()
                .and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(number) = number {
                let comm =
                    || fs::read_to_string(process.path().join("comm")).unwrap_or_default().trim().to_owned();
                let pid = process.file_name().to_str().and_then(|pid| pid.parse().ok());
                let id = pid.and_then(ProcessId::of);
                let program = name.get_or_insert_with(comm).clone();
                let holder = programs.entry(number).or_insert(Holder { program, oldest: id });
                let older = |one: &ProcessId, than: ProcessId| one.start_ticks < than.start_ticks;
                if let (Some(id), Some(oldest)) = (id, holder.oldest)
                    && older(&id, oldest)
                {
                    holder.oldest = Some(id);
                }
            }
        }
    }
    programs
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn own_listener_is_found_with_its_program() {
        for wanted in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(wanted) else { continue };
            let at = listener.local_addr().unwrap();
            let found = listeners().into_iter().find(|one| one.at == at).unwrap();
            let comm = fs::read_to_string("/proc/self/comm").unwrap();
            assert_eq!(found.program.as_deref(), Some(comm.trim()));
            assert_eq!(found.age.map(|age| age < Duration::from_hours(1)), Some(true));
        }
    }

    #[test]
    fn what_is_no_line_of_a_table_is_passed_over() {
        for text in
            ["", "0: x", "0: 0100007F:1F90 00000000:0000 01 0 0 0 0 0 7", "0: ZZ:ZZ 0:0 0A 0 0 0 0 0 7"]
        {
            assert_eq!(listening(text), None);
        }
    }
}
