//! The moments of an incident, and the durations between them.

use crate::{Span, Timestamp};

/// The moments of an incident; `None` where it has not come, or where nobody noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The first failing probe, or the first failure above the ordinary after a change: whichever came first.
    pub onset: Option<Timestamp>,
    /// The incident was opened.
    pub detected: Option<Timestamp>,
    /// The first channel accepted it.
    pub accepted: Option<Timestamp>,
    /// Somebody took it on.
    pub acknowledged: Option<Timestamp>,
    /// The cause that proved true was named for the first time.
    pub diagnosed: Option<Timestamp>,
    /// Users met it no longer.
    pub mitigated: Option<Timestamp>,
    /// What caused it was put right.
    pub resolved: Option<Timestamp>,
}

/// The durations that are compared between incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durations {
    /// From onset to detection.
    pub to_detect: Option<Span>,
    /// From detection to the first channel that accepted the alert.
    pub alert_delay: Option<Span>,
    /// From detection to acknowledgement.
    pub to_acknowledge: Option<Span>,
    /// From acknowledgement to the true cause being named; zero when the alert named it already.
    pub to_diagnose: Option<Span>,
    /// From detection to the true cause being named, whoever took it on and when.
    pub to_name: Option<Span>,
    /// From onset to the end of the impact.
    pub to_mitigate: Option<Span>,
    /// From onset to the repair.
    pub to_repair: Option<Span>,
    /// From detection to the repair: what other tools call time to repair.
    pub to_repair_from_detection: Option<Span>,
}

impl Times {
    /// The durations between them.
    #[must_use]
    pub fn durations(&self) -> Durations {
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| Some(to?.since(from?));
        Durations {
            to_detect: between(self.onset, self.detected),
            alert_delay: between(self.detected, self.accepted),
            to_acknowledge: between(self.detected, self.acknowledged),
            to_diagnose: between(self.acknowledged, self.diagnosed),
            to_name: between(self.detected, self.diagnosed),
            to_mitigate: between(self.onset, self.mitigated),
            to_repair: between(self.onset, self.resolved),
            to_repair_from_detection: between(self.detected, self.resolved),
        }
    }

    /// All moments that are known, with their names, in time order.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, Timestamp)> {
        let all = [
            ("onset", self.onset),
            ("detected", self.detected),
            ("alert accepted", self.accepted),
            ("acknowledged", self.acknowledged),
            ("cause named", self.diagnosed),
            ("impact ended", self.mitigated),
            ("repaired", self.resolved),
        ];
        let mut known: Vec<_> = all.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
        known.sort_by_key(|(_, at)| *at);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_between_the_moments_that_their_names_say() {
        let at = |seconds: u64| Some(Timestamp::from_millis(seconds * 1_000));
        let times = Times {
            onset: at(10),
            detected: at(14),
            accepted: at(15),
            acknowledged: at(60),
            diagnosed: at(14),
            mitigated: at(70),
            resolved: None,
        };
        let told = times.durations();
        assert_eq!(told.to_detect, Some(Span::from_secs(4)));
        assert_eq!(told.alert_delay, Some(Span::from_secs(1)));
        assert_eq!(told.to_acknowledge, Some(Span::from_secs(46)));
        assert_eq!(told.to_diagnose, Some(Span::ZERO), "the alert named the cause before anybody looked");
        assert_eq!(told.to_name, Some(Span::ZERO));
        assert_eq!(told.to_mitigate, Some(Span::from_secs(60)));
        assert_eq!(told.to_repair, None);
        assert_eq!(times.named().first(), Some(&("onset", Timestamp::from_millis(10_000))));
    }
}
