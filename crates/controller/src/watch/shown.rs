//! Certificates that probes are shown anyway: when they end, and that another one is served.

use std::collections::{BTreeMap, VecDeque};

use evenkeel_fleet::incident::Input;
use evenkeel_fleet::journal::{self, Clue, Seen, Severity, Source};
use evenkeel_fleet::watch::ProbeId;
use evenkeel_fleet::{HostId, Timestamp};
use evenkeel_host::probe::{Ask, Certificate, Spec, Target};

use super::Loop;
use crate::ready::{days_left, ends};
use crate::when;

/// So many certificates of a probe are known: several may be served in turn.
const KNOWN_MAX: usize = 4;

/// The serial numbers that each probe was shown lately.
pub(super) type Known = BTreeMap<(ProbeId, HostId), VecDeque<String>>;

const PREFIX: &str = "certificate:";

/// What tells this evidence from other evidence.
pub(super) fn key(probe: &ProbeId, host: &HostId) -> String {
    format!("{PREFIX}{probe}@{host}")
}

/// Whether evidence is of this kind.
pub(super) fn is_ours(key: &str) -> bool {
    key.starts_with(PREFIX)
}

impl Loop<'_> {
    pub(super) async fn shown(&mut self, probe: ProbeId, host: HostId, certificate: Certificate) {
        let now = self.clock.now();
        let known = self.shown.entry((probe.clone(), host.clone())).or_default();
        let is_new = !known.contains(&certificate.serial);
        let another = is_new && !known.is_empty();
        if is_new {
            known.truncate(KNOWN_MAX - 1);
            known.push_front(certificate.serial.clone());
        }
        if another {
            let it = self.plan.asked.iter().find(|it| it.probe == probe && it.host == host);
            let seen = seen(&host, it.map(|it| &it.spec), &certificate);
            self.tell(Input::Seen(Seen::Certificate(seen))).await;
        }
        match ends(&certificate, now) {
            Some(severity) => {
                let clue = clue(&probe, &host, &certificate, severity, now);
                self.tell(Input::Report(clue)).await;
            }
            None => {
                let why = format!("{host} shows one that is good for longer");
                self.tell(Input::Clear { key: key(&probe, &host), at: now, why }).await;
            }
        }
    }
}

fn clue(
    probe: &ProbeId,
    host: &HostId,
    certificate: &Certificate,
    severity: Severity,
    now: Timestamp,
) -> Clue {
    let left = match severity {
        Severity::Critical => "it has ended".to_owned(),
        _ => format!("{} days are left", days_left(certificate.not_after, now)),
    };
    Clue {
        key: key(probe, host),
        source: Source::Certificate,
        host: Some(host.clone()),
        upstream: None,
        probe: Some(probe.clone()),
        class: None,
        says: format!("the certificate that {probe} is shown ends {}", when::shown(certificate.not_after)),
        details: vec![left, format!("{}, signed by {}", certificate.subject, certificate.issuer)],
        since: now,
        severity,
    }
}

fn seen(host: &HostId, spec: Option<&Spec>, certificate: &Certificate) -> journal::Certificate {
    let name = match spec.map(|spec| &spec.ask) {
        Some(Ask::Http(http)) => http.request.host.clone(),
        Some(Ask::Tls(tls)) => tls.name.clone(),
        _ => certificate.names.first().cloned().unwrap_or_default(),
    };
    let address = match spec.map(|spec| &spec.target) {
        Some(Target::Tcp(address)) => address.to_string(),
        _ => String::new(),
    };
    journal::Certificate {
        host: host.clone(),
        name,
        address,
        serial: certificate.serial.clone(),
        on_disk: None,
        issuer: certificate.issuer.clone(),
        ends: certificate.not_after,
        fault: None,
    }
}
