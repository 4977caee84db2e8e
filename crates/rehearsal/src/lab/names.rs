//! `__lab dns`: answers for the names of the lab, from lines of a name and an address in `/etc/lab.zone`.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;

use crate::stub::Zone;
use crate::stub::dns::reply;

const ZONE: &str = "/etc/lab.zone";
const PID_FILE: &str = "/run/dns.pid";
/// The longest question.
const QUESTION_BYTES_MAX: usize = 4096;

/// Starts it in the background: when this returns, it listens.
pub(super) fn main() -> ExitCode {
    let at = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 53);
    super::daemon::run(PID_FILE, || UdpSocket::bind(at), serve)
}

async fn serve(socket: UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let mut question = vec![0; QUESTION_BYTES_MAX];
    loop {
        // An error is what an earlier answer met.
        let Ok((length, from)) = socket.recv_from(&mut question).await else {
            tokio::task::yield_now().await;
            continue;
        };
        // Read for each question: whoever edits the zone sees it at once.
        let zone = zone(&std::fs::read_to_string(ZONE).unwrap_or_default());
        if let Some(answer) = reply(&question[..length], &zone) {
            let _asks_again = socket.send_to(&answer, from).await;
        }
    }
}

fn zone(text: &str) -> Zone {
    let mut zone = Zone::default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    for (name, address) in lines {
        if let Ok(address) = address.trim().parse() {
            zone.names.entry(name.to_ascii_lowercase()).or_default().push(address);
        }
    }
    zone
}

#[cfg(test)]
mod tests {
    #[test]
    fn name_may_have_addresses_of_both_families() {
        let zone = super::zone("a.lab 10.73.0.2\na.lab fd73::2\nbad\nb.lab x\n");
        assert_eq!(zone.addresses("A.lab.").map(|all| all.len()), Some(2));
        assert_eq!(zone.addresses("b.lab"), None);
    }
}
