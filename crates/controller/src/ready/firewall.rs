//! What the firewall does with clients of each `listen`, now and after the next boot.

use evenkeel_fleet::journal::Severity;
use evenkeel_model::reach::{Transport, Verdict};

use super::{Ill, Listened, Part, Passage};
use crate::reach::{Listen, Reach, rule_text};

/// A `listen` in a few words.
pub(crate) fn listened(listen: &Listen) -> Listened {
    let transport = match listen.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let now = passage(&listen.now);
    let after_boot = listen.after_boot.as_ref().map_or_else(|| now.clone(), passage);
    Listened { address: listen.address.to_string(), transport: transport.to_owned(), now, after_boot }
}

fn passage(reach: &Reach) -> Passage {
    match reach {
        Reach::Local | Reach::NoAddress => Passage::Local,
        Reach::Firewall(_, Verdict::Reachable { .. }) => Passage::Reachable,
        Reach::Firewall(_, Verdict::Blocked { rule, .. }) => Passage::Blocked { rule: rule_text(rule) },
        Reach::Firewall(_, Verdict::Unknown { because }) => Passage::Unknown { because: because.clone() },
    }
}

/// What works now, and would not after a boot.
pub(crate) fn after_boot(listen: &Listened) -> Option<Ill> {
    let Listened { address, transport, now, after_boot } = listen;
    match (now, after_boot) {
        (Passage::Reachable, Passage::Blocked { rule }) => Some(Ill {
            part: Part::Firewall,
            about: format!("{address} {transport}, after a boot"),
            says: format!(
                "clients reach {address} ({transport}) now, and not after a boot: the saved rules block it"
            ),
            details: vec![rule.clone()],
            severity: Severity::Warning,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_boot_would_take_away_is_told_and_what_is_stopped_anyway_is_not() {
        let blocked = || Passage::Blocked { rule: "inet filter input: policy drop".to_owned() };
        let listen = |now, after_boot| Listened {
            address: "0.0.0.0:443".to_owned(),
            transport: "tcp".to_owned(),
            now,
            after_boot,
        };
        let said = after_boot(&listen(Passage::Reachable, blocked())).unwrap();
        assert_eq!(said.details, ["inet filter input: policy drop"]);
        for (now, later) in [
            (Passage::Reachable, Passage::Reachable),
            (blocked(), blocked()),
            (blocked(), Passage::Reachable),
            (Passage::Reachable, Passage::Unknown { because: "a rule".to_owned() }),
            (Passage::Local, blocked()),
        ] {
            assert_eq!(after_boot(&listen(now, later)), None);
        }
    }
}
