//! Where the request goes from this machine: what to ask there, and what this machine sees of it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use evenkeel_fleet::watch::Failure;
use evenkeel_host::balancer::haproxy::{Check, Haproxy, Server};

use super::Look;

/// The socket of HAProxy where its packages put it.
const HAPROXY: &str = "/run/haproxy/admin.sock";
/// How long HAProxy may take to answer.
const LIMIT: Duration = Duration::from_secs(2);
/// The most places that are named.
const NEXT_MAX: usize = 16;

/// A place to which the request goes from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// What to ask for there.
    pub url: String,
    /// Where.
    pub address: SocketAddr,
    /// What this machine sees of it, where it is not well: a class of failures, or a status.
    pub seen: Option<String>,
    /// The address of this machine on the way there.
    pub from: Option<IpAddr>,
}

impl Look<'_> {
    /// Where the request goes from here: to the servers of the balancer, or to those of the upstream.
    pub(super) async fn goes_on(&mut self) -> Vec<Next> {
        let mut all = self.behind_the_balancer().await;
        let uri = self.passed.clone().unwrap_or_else(|| self.request.uri.clone());
        // Where it is known that the application is elsewhere, nobody has to look where it is not.
        let direct = || self.evidence.direct.iter().flatten();
        let moved = direct().any(|one| one.because.is_some() && one.failure.is_none());
        let asked = direct().filter(|one| one.configured && !(moved && one.failure.is_some()));
        all.extend(asked.filter_map(|one| {
            let address = one.at.strip_prefix("http://")?.parse().ok()?;
            Some(self.next(address, &uri, one.failure.as_ref().map(name)))
        }));
        all.truncate(NEXT_MAX);
        all
    }

    /// Whether HAProxy answers at the address that was asked: what nginx there is on this machine is none of its business.
    pub(super) fn is_balancer(&self) -> bool {
        let asked = || self.evidence.samples.iter().filter_map(|seen| seen.address);
        let is_its = |at: SocketAddr| {
            asked().any(|to| to.port() == at.port() && (to.ip() == at.ip() || at.ip().is_unspecified()))
        };
        let is_one = |program: &str| program.starts_with("haproxy");
        let mut sockets = self.evidence.listening.iter().flatten();
        sockets.any(|socket| is_its(socket.at) && socket.program.as_deref().is_some_and(is_one))
    }

    async fn behind_the_balancer(&self) -> Vec<Next> {
        if !self.is_balancer() || !Path::new(HAPROXY).exists() {
            return Vec::new();
        }
        let servers = Haproxy::at(HAPROXY, LIMIT).servers().await.unwrap_or_default();
        let next = |server: &Server| {
            let address = server.address.parse().ok()?;
            Some(self.next(address, &self.request.uri, server.check.as_ref().and_then(checked)))
        };
        servers.iter().filter_map(next).collect()
    }

    fn next(&self, address: SocketAddr, uri: &str, seen: Option<String>) -> Next {
        let port = if address.port() == 80 { String::new() } else { format!(":{}", address.port()) };
        let url = format!("http://{}{port}{uri}", self.request.host_name());
        Next { url, address, seen, from: own(address) }
    }
}

/// How `--seen` calls a failure.
fn name(failure: &Failure) -> String {
    match failure {
        Failure::Status(status) => status.to_string(),
        other => other.class().to_owned(),
    }
}

/// What a check of HAProxy saw, in our words. `None`: all is well, or there is no word for it.
///
/// Source: doc/management.txt of HAProxy 2.6, section 9.1, `check_status`
fn checked(check: &Check) -> Option<String> {
    match check.class.as_str() {
        "L4TOUT" => Some(String::from("filtered")),
        "L4CON" => Some(String::from("refused")),
        "L7STS" => Some(check.code.to_string()),
        _ => None,
    }
}

/// The address by which this machine reaches another. Nothing is sent.
fn own(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_of_haproxy_is_said_in_our_words() {
        let check =
            |class: &str, code| Check { class: class.to_owned(), code, took_ms: 1, reason: String::new() };
        assert_eq!(checked(&check("L4TOUT", 0)).as_deref(), Some("filtered"));
        assert_eq!(checked(&check("L7STS", 404)).as_deref(), Some("404"));
        assert_eq!(checked(&check("L7OK", 200)), None);
    }

    #[test]
    fn way_to_itself_begins_at_itself() {
        let to = SocketAddr::from(([127, 0, 0, 1], 9));
        assert_eq!(own(to), Some(to.ip()));
    }
}
