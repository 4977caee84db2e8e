//! A verdict as evidence of an incident.

use evenkeel_fleet::journal::{Clue, Severity, Source};
use evenkeel_fleet::watch::verdict::Trouble;
use evenkeel_fleet::watch::{ProbeId, VantageId};
use evenkeel_fleet::{HostId, Timestamp};

const PREFIX: &str = "probe:";
const VANTAGE: &str = "vantage:";

/// What tells the evidence of one probe of one host from other evidence.
pub(super) fn key(probe: &ProbeId, host: &HostId) -> String {
    format!("{PREFIX}{probe}@{host}")
}

/// Whether evidence comes from probes.
pub(super) fn is_ours(key: &str) -> bool {
    key.starts_with(PREFIX) || key.starts_with(VANTAGE)
}

/// What tells the evidence against one vantage from other evidence.
pub(super) fn vantage_key(vantage: &VantageId) -> String {
    format!("{VANTAGE}{vantage}")
}

/// That a vantage cannot be relied upon: bad when there is no other one left.
pub(super) fn vantage(vantage: &VantageId, why: &str, since: Timestamp, alone: bool) -> Clue {
    Clue {
        key: vantage_key(vantage),
        source: Source::Vantage,
        host: None,
        upstream: None,
        probe: None,
        class: None,
        says: format!("the vantage {vantage} cannot be relied upon: {why}"),
        details: Vec::new(),
        since,
        severity: if alone { Severity::Critical } else { Severity::Warning },
    }
}

pub(super) fn clue(
    probe: &ProbeId,
    host: &HostId,
    trouble: &Trouble,
    severity: Severity,
    upstream: Option<String>,
) -> Clue {
    let flapping = if trouble.flapping { ", now and again" } else { "" };
    // What it means stands in the details; a title is read on a phone.
    let short = trouble.says.split([':', '(']).next().unwrap_or_default().trim();
    let vantages = if trouble.asked == 1 { "vantage" } else { "vantages" };
    let says = format!("{probe}: {short}{flapping} ({} of {} {vantages})", trouble.failing, trouble.asked);
    Clue {
        key: key(probe, host),
        source: Source::Probe,
        host: Some(host.clone()),
        upstream,
        probe: Some(probe.clone()),
        class: Some(trouble.class.to_owned()),
        says,
        details: trouble.details.clone(),
        since: trouble.onset,
        severity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_is_short_and_the_details_say_what_it_means() {
        let trouble = Trouble {
            onset: Timestamp::from_millis(1),
            class: "refused",
            says: "refused with a reset: nobody listens there (or a firewall does)".to_owned(),
            details: vec!["from here: refused with a reset: nobody listens there".to_owned()],
            failing: 2,
            asked: 3,
            flapping: true,
        };
        let (probe, host) = (ProbeId("home".to_owned()), HostId::new("web-1").expect("a name"));
        let clue = clue(&probe, &host, &trouble, Severity::Critical, None);
        assert_eq!(clue.says, "home: refused with a reset, now and again (2 of 3 vantages)");
        assert_eq!(clue.details, trouble.details);
    }
}
