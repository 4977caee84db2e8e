//! One answer, for people and as JSON.

use std::time::Duration;

use evenkeel_fleet::watch::{Answer, Failure};
use evenkeel_fleet::{Span, Timestamp};
use evenkeel_host::clock::unix_ms;
use evenkeel_host::probe::{Certificate, Phases};
use evenkeel_syntax::secret::redact_str;
use serde_json::{Value, json};

use super::Asked;
use crate::output::Output;

/// How many names of a certificate are printed.
const NAMES_SHOWN: usize = 5;
const DAY: u64 = 86_400_000;

pub(super) fn text(asked: &Asked, output: Output) -> String {
    let report = &asked.report;
    let target = asked.target.as_ref().map_or_else(String::new, |target| format!(" at {target}"));
    let up = report.answer == Answer::Up;
    let word = output.verdict(up, if up { "up  " } else { "down" });
    let mut text =
        format!("{word}  {}{target}: {} in {}\n", redact_str(&asked.url), outcome(asked), ms(report.took));
    if let Answer::Down(failure) = &report.answer {
        text += &format!("      {}\n", redact_str(&failure.to_string()));
    }
    if let Some(hint) = &report.seen.hint {
        text += &format!("      nginx says: {hint}\n");
    }
    let phases: Vec<String> = phases(&report.phases)
        .iter()
        .filter_map(|(name, took)| Some(format!("{name} {}", ms((*took)?))))
        .collect();
    if !phases.is_empty() {
        text += &format!("      {}\n", phases.join(", "));
    }
    if let Some(shown) = &report.seen.certificate {
        text += &format!("      {}\n", certificate(shown, report.seen.tls_version.as_deref()));
    }
    text
}

fn outcome(asked: &Asked) -> String {
    let report = &asked.report;
    let status = report.seen.status.map(|status| format!("status {status}"));
    let bytes = report.seen.body_bytes.map(|bytes| format!("{bytes} bytes"));
    let addresses = (!report.seen.addresses.is_empty())
        .then(|| report.seen.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let class = match &report.answer {
        // The number says it already.
        Answer::Up | Answer::Down(Failure::Status(_)) => None,
        Answer::Down(failure) => Some(failure.class().to_owned()),
    };
    let parts: Vec<String> = [class, status, bytes, addresses].into_iter().flatten().collect();
    if parts.is_empty() { "answered".to_owned() } else { parts.join(", ") }
}

fn certificate(shown: &Certificate, version: Option<&str>) -> String {
    let mut names = shown.names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if shown.names.len() > NAMES_SHOWN {
        names += &format!(" and {} more", shown.names.len() - NAMES_SHOWN);
    }
    let now = Timestamp::from_millis(u64::try_from(unix_ms()).unwrap_or(0));
    let left = match shown.not_after.since(now) {
        Span::ZERO => format!("ended {} days ago", now.since(shown.not_after).as_millis() / DAY),
        left => format!("{} days left", left.as_millis() / DAY),
    };
    let version = version.map_or_else(String::new, |version| format!("; {version}"));
    format!("certificate {} for {names}; from {}; {left}{version}", shown.serial, shown.issuer)
}

fn phases(phases: &Phases) -> [(&'static str, Option<Duration>); 4] {
    [
        ("connect", phases.connect),
        ("TLS", phases.tls),
        ("first byte", phases.first_byte),
        ("rest", phases.rest),
    ]
}

pub(super) fn document(asked: &Asked) -> Value {
    let report = &asked.report;
    let seen = &report.seen;
    let failure = match &report.answer {
        Answer::Up => None,
        Answer::Down(failure) => Some(failure),
    };
    let phases: serde_json::Map<String, Value> = phases(&report.phases)
        .into_iter()
        .filter_map(|(name, took)| {
            Some((format!("{}_ms", name.to_lowercase().replace(' ', "_")), json!(fraction(took?))))
        })
        .collect();
    json!({
        "url": redact_str(&asked.url),
        "target": asked.target.as_ref().map(ToString::to_string),
        "up": failure.is_none(),
        "class": failure.map(|failure| failure.class()),
        "says": failure.map(|failure| redact_str(&failure.to_string()).into_owned()),
        "took_ms": fraction(report.took),
        "phases": phases,
        "status": seen.status,
        "body_bytes": seen.body_bytes,
        "addresses": seen.addresses,
        "tls_version": seen.tls_version,
        "hint": seen.hint,
        "certificate": seen.certificate.as_ref().map(|shown| json!({
            "serial": shown.serial,
            "names": shown.names,
            "subject": shown.subject,
            "issuer": shown.issuer,
            "not_before": moment(shown.not_before),
            "not_after": moment(shown.not_after),
            "chain": shown.chain,
        })),
    })
}

fn moment(at: Timestamp) -> u64 {
    at.as_millis() / 1_000
}

fn fraction(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 1_000.0 { format!("{ms:.1} ms") } else { format!("{:.1} s", ms / 1_000.0) }
}
