//! Whether a place from which probes are sent can be believed.

use std::collections::BTreeSet;
use std::fmt;

use super::{Answer, CertificateFault, Failure, Layer};
use crate::{HostId, Span, Timestamp};

/// The last answer to one probe from one vantage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The host that was asked.
    pub host: HostId,
    /// Whether it is an anchor of the vantage: something that has nothing to do with the hosts that are watched.
    pub anchor: bool,
    /// Since when it is answered this way.
    pub since: Timestamp,
    /// How it went last.
    pub answer: Answer,
}

/// Whether a vantage is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fitness {
    /// It is.
    Fit,
    /// What it says of hosts counts for nothing now.
    Unfit(Suspicion),
}

/// Why a vantage is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion {
    /// It does not even see its own anchors.
    Anchor(Failure),
    /// No question leaves it.
    OwnSide(String),
    /// All hosts began to fail at once and at a layer where this place may be to blame.
    AllAtOnce {
        /// How many.
        hosts: usize,
        /// Where.
        layer: Layer,
    },
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor(failure) => write!(f, "it does not see its own anchor: {failure}"),
            Self::OwnSide(reason) => write!(f, "no question leaves it: {reason}"),
            Self::AllAtOnce { hosts, layer } => {
                let layer = match layer {
                    Layer::Name => "their names",
                    Layer::Connection => "the connection",
                    _ => "their certificates",
                };
                write!(f, "all {hosts} hosts began to fail at once, at {layer}: that may be this place")
            }
        }
    }
}

/// How long a vantage must be unfit before that is evidence of an incident: what only blinks is nothing to wake anybody for. Its
/// samples count for nothing from the first moment.
pub const BLINK: Span = Span::from_secs(60);

/// Whether it is evidence of an incident that a vantage is unfit since then. `alone`: there is no other that sees.
#[must_use]
pub fn is_evidence(since: Timestamp, now: Timestamp, alone: bool) -> bool {
    alone || now.since(since) >= BLINK
}

/// Judges one vantage by its last looks. `at_once` is how far apart the first failures of a common cause are: two cadences.
///
/// An anchor that is seen settles it: who sees something can see. Without anchors, a vantage suspects itself when all hosts, at least
/// two, began to fail at once before HTTP was spoken. Beyond that they have been reached, and what is wrong is over there.
#[must_use]
pub fn fitness(looks: &[Look], at_once: Span) -> Fitness {
    let (anchors, hosts): (Vec<&Look>, Vec<&Look>) = looks.iter().partition(|look| look.anchor);
    let failed = |look: &&Look| match &look.answer {
        Answer::Up => None,
        Answer::Down(failure) => Some(failure.clone()),
    };
    if !anchors.is_empty() {
        let failures: Vec<Failure> = anchors.iter().filter_map(failed).collect();
        return match failures.first() {
            Some(failure) if failures.len() == anchors.len() => {
                Fitness::Unfit(Suspicion::Anchor(failure.clone()))
            }
            _ => Fitness::Fit,
        };
    }
    let failures: Vec<Failure> = hosts.iter().filter_map(failed).collect();
    if failures.is_empty() || failures.len() < hosts.len() {
        return Fitness::Fit;
    }
    let own = failures.iter().filter_map(|failure| match failure {
        Failure::OwnSide { reason } => Some(reason),
        _ => None,
    });
    let own: Vec<&String> = own.collect();
    if own.len() == failures.len() {
        return Fitness::Unfit(Suspicion::OwnSide(own[0].clone()));
    }
    let names: BTreeSet<&HostId> = hosts.iter().map(|look| &look.host).collect();
    let layers: BTreeSet<Option<Layer>> = failures.iter().map(blamed).collect();
    let since = hosts.iter().map(|look| look.since);
    let first = since.clone().min().unwrap_or_default();
    let last = since.max().unwrap_or_default();
    match layers.first() {
        Some(Some(layer)) if layers.len() == 1 && names.len() >= 2 && last.since(first) <= at_once => {
            Fitness::Unfit(Suspicion::AllAtOnce { hosts: names.len(), layer: *layer })
        }
        _ => Fitness::Fit,
    }
}

/// The layer of a failure for which a vantage may be to blame; `None` when the host was reached and is itself at fault.
fn blamed(failure: &Failure) -> Option<Layer> {
    match failure {
        // A clock that is wrong here makes every certificate look wrong.
        Failure::Certificate(CertificateFault::Expired(_) | CertificateFault::NotYetValid(_)) => {
            Some(Layer::Tls)
        }
        // Somebody over there has answered.
        Failure::Refused | Failure::Rejected(_) => None,
        other => Some(other.layer()).filter(|layer| matches!(layer, Layer::Name | Layer::Connection)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::DnsFault;

    const AT_ONCE: Span = Span::from_secs(4);

    fn look(host: &str, since: u64, answer: Answer) -> Look {
        let host = HostId::new(host).unwrap();
        Look { host, anchor: false, since: Timestamp::from_millis(since * 1_000), answer }
    }

    fn down(host: &str, since: u64, failure: Failure) -> Look {
        look(host, since, Answer::Down(failure))
    }

    fn unfit(looks: &[Look]) -> bool {
        matches!(fitness(looks, AT_ONCE), Fitness::Unfit(_))
    }

    #[test]
    fn who_sees_nothing_suspects_itself_first() {
        let looks = [down("a", 10, Failure::Filtered), down("b", 12, Failure::HostDown)];
        assert_eq!(
            fitness(&looks, AT_ONCE),
            Fitness::Unfit(Suspicion::AllAtOnce { hosts: 2, layer: Layer::Connection })
        );
        let names = ["a", "b"].map(|host| down(host, 10, Failure::Dns(DnsFault::TimedOut)));
        assert!(unfit(&names));
        let own = [down("a", 10, Failure::OwnSide { reason: "no route".to_owned() })];
        assert!(unfit(&own), "one host is enough where nothing leaves");
        let clock = ["a", "b"].map(|host| {
            down(host, 10, Failure::Certificate(CertificateFault::NotYetValid(Timestamp::from_millis(0))))
        });
        assert!(unfit(&clock));
    }

    #[test]
    fn who_sees_something_is_believed() {
        assert!(!unfit(&[]));
        assert!(!unfit(&[down("a", 10, Failure::Filtered), look("b", 1, Answer::Up)]));
        assert!(!unfit(&[down("a", 10, Failure::Filtered), down("a", 10, Failure::Filtered)]), "one host");
        assert!(!unfit(&[down("a", 10, Failure::Filtered), down("b", 90, Failure::Filtered)]), "not at once");
        assert!(!unfit(&[down("a", 10, Failure::Status(502)), down("b", 10, Failure::Status(502))]));
        assert!(
            !unfit(&[down("a", 10, Failure::Refused), down("b", 10, Failure::Refused)]),
            "hosts answered"
        );
    }

    #[test]
    fn an_anchor_settles_it() {
        let anchor = |answer| Look { anchor: true, ..look("anchor", 1, answer) };
        let hosts = [down("a", 10, Failure::Filtered), down("b", 10, Failure::Filtered)];
        assert!(!unfit(&[&hosts[..], &[anchor(Answer::Up)]].concat()));
        assert!(unfit(&[look("a", 1, Answer::Up), anchor(Answer::Down(Failure::Filtered))]));
        let one_of_two = [anchor(Answer::Down(Failure::Filtered)), anchor(Answer::Up)];
        assert!(!unfit(&one_of_two));
    }
}
