//! What probes saw.

use evenkeel_fleet::watch::{CertificateFault, Failure};

use super::Fact;
use crate::Finding;
use crate::evidence::{Evidence, OTHERS, Reply, Seen, asset};

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
        Fact::RedirectsToHttps => redirects(evidence, "the same place by https", |url, to| {
            url.strip_prefix("http://")
                .zip(to.strip_prefix("https://"))
                .is_some_and(|(from, to)| (bare_host(from), path(from)) == (bare_host(to), path(to)))
        }),
        Fact::RedirectsAway => redirects(evidence, "another host", |url, to| {
            let rest = |url: &str| url.split_once("://").map(|(_, rest)| bare_host(rest).to_owned());
            rest(url).zip(rest(to)).is_some_and(|(from, to)| from != to)
        }),
        Fact::RedirectsNowhere => {
            reply(evidence, "no redirect leads to a host without an address", |seen, reply| {
                let host = reply.leads_nowhere.as_ref()?;
                Some(format!(
                    "{} redirects to {}, and {host} has no address",
                    seen.url,
                    seen.redirect.as_deref()?
                ))
            })
        }
        Fact::PageForAsset => reply(evidence, "what came is what the path asks for", |seen, reply| {
            let (asset, kind) = (asset(&seen.url)?, reply.kind.as_deref()?);
            (reply.status == 200 && kind.starts_with("text/html"))
                .then(|| format!("a page came ({kind}) where {} asks for a .{asset}", seen.url))
        }),
        Fact::NotUpgraded => reply(evidence, "no other protocol was asked for, or it came", |seen, reply| {
            (seen.url.starts_with("ws") && reply.status != 101)
                .then(|| format!("{} is answered with {}, not with 101", seen.url, reply.status))
        }),
        Fact::HeadersDropped => match &evidence.route {
            None => Finding::unknown("the configuration: evenkeel route"),
            Some(route) => reply(evidence, "no header is missing that an outer block adds", |seen, reply| {
                let missing: Vec<&str> = route
                    .dropped
                    .iter()
                    .filter(|name| !reply.headers.contains(name))
                    .map(String::as_str)
                    .collect();
                (!missing.is_empty())
                    .then(|| format!("the answer to {} lacks {}", seen.url, missing.join(", ")))
            }),
        },
        Fact::CachedCookie => match &evidence.route {
            None => Finding::unknown("the configuration: evenkeel route"),
            Some(route) => reply(evidence, "no cookie comes from a cache", |seen, reply| {
                (route.caches_cookies && reply.same_cookie).then(|| {
                    format!("two clients get the same cookie from {}, and its location caches them", seen.url)
                })
            }),
        },
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

fn redirects(evidence: &Evidence, what: &str, leads: impl Fn(&str, &str) -> bool) -> Finding {
    if evidence.samples.is_empty() {
        return Finding::unknown("a probe of the URL");
    }
    let found = evidence.samples.iter().find_map(|seen| {
        let to = seen.redirect.as_deref().filter(|to| leads(&seen.url, to))?;
        Some(format!("{} redirects to {to}", seen.url))
    });
    found.map_or_else(|| Finding::No(format!("nothing redirects to {what}")), Finding::Yes)
}

fn reply(evidence: &Evidence, no: &str, says: impl Fn(&Seen, &Reply) -> Option<String>) -> Finding {
    if evidence.samples.iter().all(|seen| seen.reply.is_none()) {
        return Finding::unknown("an answer of the URL");
    }
    let found = evidence.samples.iter().find_map(|seen| says(seen, seen.reply.as_ref()?));
    found.map_or_else(|| Finding::No(no.to_owned()), Finding::Yes)
}

/// The host of what comes after `://`, without its port.
fn bare_host(rest: &str) -> &str {
    let host = rest.split('/').next().unwrap_or_default();
    host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host)
}

fn path(rest: &str) -> &str {
    rest.split_once('/').map_or("", |(_, path)| path)
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
        (_, 0 | 1) | ([OTHERS], _) => Finding::unknown("a probe from another vantage"),
        ([one], more) => Finding::Yes(format!("only {one} sees it; {} others get answers", more - 1)),
        (red, _) => Finding::No(format!("{} vantages see it", red.len())),
    }
}
