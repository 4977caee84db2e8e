//! What probes saw.

use evenkeel_fleet::watch::{CertificateFault, Failure};

use super::Fact;
use crate::Finding;
use crate::evidence::{Evidence, Seen};

pub(super) fn ask(fact: Fact, evidence: &Evidence) -> Option<Finding> {
    Some(match fact {
        Fact::Probe(class) => {
            found(evidence, |_, failure| failure.class() == class, &format!("no probe failed as \"{class}\""))
        }
        Fact::Status(status) => {
            let logged = || evidence.access.iter().flatten().find(|answers| answers.status == status);
            match found(evidence, |_, failure| *failure == Failure::Status(status), "") {
                Finding::No(_) if logged().is_some() => Finding::Yes(format!("the access log has {status}")),
                Finding::No(_) => Finding::No(format!("nobody got {status}")),
                other => other,
            }
        }
        Fact::Alert(alerts) => found(
            evidence,
            |_, failure| matches!(failure, Failure::TlsAlert(alert) if alerts.contains(alert)),
            "no such alert ended a handshake",
        ),
        Fact::Certificate(kind) => found(
            evidence,
            |_, failure| matches!(failure, Failure::Certificate(fault) if kind_of(fault) == kind),
            "the certificate is not bad in this way",
        ),
        Fact::OnlyIpv6 => only_ipv6(evidence),
        Fact::OneVantage => one_vantage(evidence),
        Fact::RedirectsToItself => {
            let itself = |seen: &&Seen| seen.redirect.as_deref() == Some(seen.url.as_str());
            match evidence.samples.iter().find(itself) {
                Some(seen) => Finding::Yes(format!("{} redirects to itself", seen.url)),
                None => Finding::No(String::from("no redirect leads to where it came from")),
            }
        }
        Fact::FailedWithin(limit) => match evidence.down().next() {
            Some((seen, _)) => {
                let took = format!("it failed after {} ms", seen.took_ms);
                Finding::of(seen.took_ms <= limit, took.clone(), took)
            }
            None => Finding::unknown("how long the request takes to fail"),
        },
        _ => return None,
    })
}

fn found(evidence: &Evidence, fits: impl Fn(&Seen, &Failure) -> bool, no: &str) -> Finding {
    if evidence.samples.is_empty() {
        return Finding::unknown("a probe of the URL");
    }
    match evidence.down().find(|(seen, failure)| fits(seen, failure)) {
        Some((seen, failure)) => Finding::Yes(format!("{}: {} ({})", seen.url, failure, place(seen))),
        None => Finding::No(no.to_owned()),
    }
}

fn place(seen: &Seen) -> String {
    match seen.address {
        Some(address) => format!("at {address}, from {}", seen.vantage),
        None => format!("from {}", seen.vantage),
    }
}

fn kind_of(fault: &CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Expired(_) => "expired",
        CertificateFault::NotYetValid(_) => "not-yet",
        CertificateFault::OtherName(_) => "other-name",
        CertificateFault::UnknownIssuer => "unknown-issuer",
        CertificateFault::SelfSigned => "self-signed",
        CertificateFault::Other(_) => "other",
    }
}

fn only_ipv6(evidence: &Evidence) -> Finding {
    let of = |v6: bool| {
        evidence
            .samples
            .iter()
            .filter(move |seen| seen.address.is_some_and(|address| address.is_ipv6() == v6))
    };
    if of(true).count() == 0 || of(false).count() == 0 {
        return Finding::unknown("a probe over IPv4 and one over IPv6");
    }
    let only = of(true).all(|seen| seen.failure.is_some()) && of(false).all(|seen| seen.failure.is_none());
    Finding::of(only, "IPv4 answers, IPv6 does not", "IPv4 and IPv6 answer alike")
}

fn one_vantage(evidence: &Evidence) -> Finding {
    let mut vantages: Vec<(&str, bool)> = Vec::new();
    for seen in &evidence.samples {
        match vantages.iter_mut().find(|(name, _)| *name == seen.vantage) {
            Some((_, up)) => *up |= seen.failure.is_none(),
            None => vantages.push((&seen.vantage, seen.failure.is_none())),
        }
    }
    let red: Vec<_> = vantages.iter().filter(|(_, up)| !up).map(|(name, _)| *name).collect();
    match (red.as_slice(), vantages.len()) {
        (_, 0 | 1) => Finding::unknown("a probe from another vantage"),
        ([one], more) => Finding::Yes(format!("only {one} sees it; {} others get answers", more - 1)),
        (red, _) => Finding::No(format!("{} vantages see it", red.len())),
    }
}
