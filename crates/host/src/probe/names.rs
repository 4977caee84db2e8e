//! The addresses of a name, as this machine would find them: `/etc/hosts` first, then the servers of `/etc/resolv.conf`.
//!
//! Names are whole names: search domains are not tried, for users have none of ours. Asked by this program itself, so that a
//! static binary needs nothing of the machine's libc, a question can be left alone when it hangs, and a failure has a class.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use evenkeel_fleet::watch::{DnsFault, Failure};

use super::Limits;
use super::dns::{Family, resolve};

/// The largest of both files that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// As many servers as the machine's libc asks (`MAXNS`, resolv.h).
const SERVERS_MAX: usize = 3;

/// The name servers of this machine.
#[must_use]
pub fn servers() -> Vec<SocketAddr> {
    let found = servers_of(&text("/etc/resolv.conf"));
    if found.is_empty() { vec![([127, 0, 0, 1], 53).into()] } else { found }
}

/// The addresses of `name`, of one kind.
///
/// # Errors
/// [`Failure::Dns`], or what was met on the way to the last server that was asked.
pub async fn addresses(name: &str, family: Family, limits: Limits) -> Result<Vec<IpAddr>, Failure> {
    let of_family = |address: &IpAddr| address.is_ipv4() == (family == Family::Ipv4);
    if let Ok(address) = name.parse::<IpAddr>() {
        return if of_family(&address) { Ok(vec![address]) } else { Err(Failure::Dns(DnsFault::NoAddress)) };
    }
    let known: Vec<IpAddr> = hosts(&text("/etc/hosts"), name).into_iter().filter(of_family).collect();
    if !known.is_empty() {
        return Ok(known);
    }
    let mut last = Failure::Dns(DnsFault::TimedOut);
    for server in servers() {
        match resolve(server, name, family, limits).await {
            Ok(found) => return Ok(found),
            Err(sure @ Failure::Dns(DnsFault::NoSuchName | DnsFault::NoAddress)) => return Err(sure),
            Err(other) => last = other,
        }
    }
    Err(last)
}

fn text(path: &str) -> String {
    let small = std::fs::metadata(Path::new(path)).is_ok_and(|meta| meta.len() <= FILE_BYTES_MAX);
    if small { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

/// Source: hosts(5)
fn hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name.trim_end_matches('.'))).then_some(address)
    });
    lines.collect()
}

/// Source: resolv.conf(5)
fn servers_of(text: &str) -> Vec<SocketAddr> {
    let found = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next())??;
        address.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 53))
    });
    found.take(SERVERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_machine_are_read_as_it_reads_them() {
        let text = "127.0.0.1 localhost # shop.test\n10.0.0.5\tshop.test Www.shop.test\n::1 localhost\n10.0.0.6 shop.test\nbad shop.test\n";
        let found = |name| hosts(text, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("shop.test."), ["10.0.0.5", "10.0.0.6"]);
        assert_eq!(found("www.shop.test"), ["10.0.0.5"]);
        assert_eq!(found("localhost"), ["127.0.0.1", "::1"]);
        assert!(found("other.test").is_empty());
        let text = "search a.test\nnameserver 10.0.0.1\n#nameserver 10.0.0.9\nnameserver ::1\nnameserver x\nnameserver 1.1.1.1\nnameserver 2.2.2.2";
        let servers: Vec<String> = servers_of(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.1:53", "[::1]:53", "1.1.1.1:53"]);
    }
}
