//! This machine's firewall, read once, and asked about single addresses: what a diagnosis wants to know of it.

use std::net::SocketAddr;

use evenkeel_diagnosis::evidence;
use evenkeel_host::firewall;
use evenkeel_model::reach::{Client, DecidingRule, Firewall, Host, How, Target, Transport, Verdict};

use super::{ReachError, given};

/// The firewall of this machine as it stands now.
#[derive(Debug)]
pub struct Machine {
    firewall: Firewall,
    host: Host,
    unread: Vec<String>,
}

impl Machine {
    /// Reads rules, addresses and routes. What this user may not read is no error: verdicts say so then.
    ///
    /// # Errors
    /// [`ReachError`] when what was read cannot be understood.
    pub fn read() -> Result<Machine, ReachError> {
        let facts = firewall::facts().map_err(ReachError::Facts)?;
        let running = firewall::running();
        let firewall = Firewall::read(&given::dumps(&running.dumps))?;
        Ok(Machine { firewall, host: given::host(&facts), unread: running.unread })
    }

    /// Whether a client reaches an address of this machine by TCP, and which rule stops it.
    #[must_use]
    pub fn verdict(&self, to: SocketAddr, client: &Client) -> evidence::Verdict {
        let target = Target {
            address: Some(to.ip()),
            v6: to.is_ipv6(),
            everywhere: false,
            port: to.port(),
            transport: Transport::Tcp,
        };
        let verdict = self.firewall.verdict(&self.host, &target, client);
        // What stops it for certain does so whatever else there is.
        match (verdict, self.unread.first()) {
            (Verdict::Blocked { rule, how, .. }, _) => evidence::Verdict::Blocked {
                rule: rule_text(&rule),
                rejects: matches!(how, How::Rejected(_) | How::Reset),
            },
            (_, Some(unread)) => evidence::Verdict::Unknown { because: unread.clone() },
            (Verdict::Unknown { because }, None) => evidence::Verdict::Unknown { because },
            (Verdict::Reachable { provided }, None) if provided.is_empty() => evidence::Verdict::Reachable,
            (Verdict::Reachable { provided }, None) => {
                evidence::Verdict::Conditional { on: provided.join(", ") }
            }
        }
    }
}

/// `inet filter input, rule 3 (handle 7): tcp dport 80 drop`
pub(crate) fn rule_text(rule: &DecidingRule) -> String {
    let DecidingRule { family, table, chain, handle, number, text, .. } = rule;
    let number = number.map(|number| format!(", rule {number}")).unwrap_or_default();
    let handle = handle.map(|handle| format!(" (handle {handle})")).unwrap_or_default();
    format!("{family} {table} {chain}{number}{handle}: {text}")
}
