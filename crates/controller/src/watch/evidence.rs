//! A verdict as evidence of an incident.

use evenkeel_fleet::HostId;
use evenkeel_fleet::journal::{Clue, Severity, Source};
use evenkeel_fleet::watch::ProbeId;
use evenkeel_fleet::watch::verdict::Trouble;

const PREFIX: &str = "probe:";

/// What tells the evidence of one probe of one host from other evidence.
pub(super) fn key(probe: &ProbeId, host: &HostId) -> String {
    format!("{PREFIX}{probe}@{host}")
}

/// Whether evidence comes from a probe.
pub(super) fn is_probe(key: &str) -> bool {
    key.starts_with(PREFIX)
}

pub(super) fn clue(
    probe: &ProbeId,
    host: &HostId,
    trouble: &Trouble,
    severity: Severity,
    upstream: Option<String>,
) -> Clue {
    let flapping = if trouble.flapping { ", now and again" } else { "" };
    let says =
        format!("{probe}: {}{flapping} ({} of {} vantages)", trouble.says, trouble.failing, trouble.asked);
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
