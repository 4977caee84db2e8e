//! A time-out says little where a firewall was heard a moment ago.
//!
//! A kernel sends ICMP messages to one address at about one a second, after a few at once (`icmp_ratelimit`, icmp(7)). Of probes
//! that come faster, most meet silence from a firewall that rejects. So what was heard from the same port a minute ago stands.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use evenkeel_fleet::watch::{Failure, Icmp};

/// How long a message that was heard explains the silence after it.
const STANDS_FOR: Duration = Duration::from_secs(60);
/// How many ports are remembered.
const PORTS_MAX: usize = 20_000;

/// What firewalls have said lately, port by port.
#[derive(Debug, Default)]
pub struct Doubt {
    heard: HashMap<SocketAddr, (Icmp, Instant)>,
}

impl Doubt {
    /// What `failure` at `port` means, after all that was heard before. `None`, a probe that went well, forgets it.
    pub fn settle(&mut self, port: SocketAddr, failure: Option<&Failure>, now: Instant) -> Option<Failure> {
        match failure {
            Some(Failure::Rejected(icmp)) => {
                if self.heard.len() >= PORTS_MAX {
                    self.heard.retain(|_, (_, at)| now.duration_since(*at) < STANDS_FOR);
                }
                if self.heard.len() < PORTS_MAX {
                    self.heard.insert(port, (*icmp, now));
                }
            }
            Some(Failure::Filtered) => {
                let before = self.heard.get(&port).filter(|(_, at)| now.duration_since(*at) < STANDS_FOR);
                if let Some((icmp, _)) = before {
                    return Some(Failure::Rejected(*icmp));
                }
                self.heard.remove(&port);
            }
            _ => {
                self.heard.remove(&port);
            }
        }
        failure.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_after_a_rejection_is_that_rejection_for_a_while() {
        let (start, port) = (Instant::now(), "10.0.0.2:443".parse().unwrap());
        let at = |secs| start + Duration::from_secs(secs);
        let rejected = Failure::Rejected(Icmp { kind: 3, code: 13, from: "10.0.0.2".parse().unwrap() });
        let mut doubt = Doubt::default();
        let filtered = Some(&Failure::Filtered);
        assert_eq!(doubt.settle(port, filtered, at(0)), Some(Failure::Filtered));
        assert_eq!(doubt.settle(port, Some(&rejected), at(1)), Some(rejected.clone()));
        assert_eq!(doubt.settle(port, filtered, at(2)), Some(rejected.clone()));
        assert_eq!(doubt.settle("10.0.0.2:80".parse().unwrap(), filtered, at(3)), Some(Failure::Filtered));
        assert_eq!(doubt.settle(port, filtered, at(60)), Some(rejected.clone()));
        assert_eq!(doubt.settle(port, filtered, at(61)), Some(Failure::Filtered));
        assert_eq!(doubt.settle(port, Some(&rejected), at(62)), Some(rejected));
        assert_eq!(doubt.settle(port, None, at(63)), None);
        assert_eq!(doubt.settle(port, filtered, at(64)), Some(Failure::Filtered));
    }
}
