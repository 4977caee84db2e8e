//! `why`: what is wrong with a URL, now.

use std::fmt::Write as _;
use std::time::Duration;

use evenkeel_controller::local::now;
use evenkeel_controller::when;
use evenkeel_controller::why::{self, Answer, Asked, Balancer};
use evenkeel_diagnosis::evidence::{Change, ChangeKind};
use evenkeel_diagnosis::{Cause, Confidence};
use evenkeel_fleet::Span;
use evenkeel_syntax::secret::redact_str;
use serde_json::{Value, json};

use super::{host_of, why_replay};
use crate::args::{self, Global};
use crate::output::{Exit, Output};
use crate::settings::Settings;
use crate::tree::Tree;

/// How many causes are shown with everything that is said of them.
const CAUSES_SHOWN: usize = 3;

pub(crate) fn why(args: &args::Why, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let host = host_of(&settings)?;
    let Some(url) = args.url.as_deref().filter(|_| !args.replay) else {
        return why_replay::replay(&host, global, output);
    };
    let mut unseen = Vec::new();
    let tree = match Tree::read(&settings.config_dir, None, None, &settings) {
        Ok(tree) => Some(tree),
        Err(error) => {
            unseen.push(format!("the configuration of this host: {error:#}"));
            None
        }
    };
    let back = Duration::from_secs(u64::from(args.back) * 60);
    let since = now() - Span::from_secs(back.as_secs());
    // A host that never had a release has no journal, and that is no fault.
    let changes = host.read_journal().map(|journal| why::of_journal(&journal, since)).unwrap_or_default();
    // Where there is no nginx there is nothing to compare; the look itself says what it could not look at.
    let differs = tree.as_ref().and_then(|_| host.differs().ok());
    let mut answer = why::look(&Asked {
        url,
        address: args.address,
        config: tree.as_ref().map(|tree| &tree.config),
        place: host.place(),
        back,
        changes,
        differs: differs.as_ref(),
        former: differs.as_ref().and_then(|differs| differs.released.as_ref()),
        seen: args.seen.clone(),
        vantages: Vec::new(),
        balancer: Balancer { socket: args.haproxy.clone(), log: args.haproxy_log.clone() },
        authorities: None,
    })?;
    answer.unseen.splice(0..0, unseen);
    output.print(|| text(url, &answer, output), || document(url, &answer));
    Ok(is_well(&answer).into())
}

fn is_well(answer: &Answer) -> bool {
    !answer.diagnosis.failing && answer.diagnosis.causes.is_empty()
}

fn text(url: &str, answer: &Answer, output: Output) -> String {
    let mut out = String::new();
    for seen in &answer.evidence.samples {
        let at = seen.address.map(|address| format!(" at {address}")).unwrap_or_default();
        let (mark, what) = match &seen.failure {
            None => (output.verdict(true, "ok"), String::from("answers")),
            Some(failure) => (output.verdict(false, "NO"), said(failure)),
        };
        let _ = writeln!(out, "{mark}  {url}{at}: {what} ({} ms)", seen.took_ms);
    }
    let diagnosis = &answer.diagnosis;
    // Where one is sure, those that merely fit as well are only named.
    let sure = diagnosis.first().is_some_and(|first| first.confidence == Confidence::Confident);
    let is_told = |cause: &&Cause| !sure || cause.confidence > Confidence::Possible;
    let told: Vec<&Cause> = diagnosis.causes.iter().filter(is_told).take(CAUSES_SHOWN).collect();
    for (at, cause) in told.iter().enumerate() {
        let _ = write!(out, "\n{}. {} ({}, {})\n", at + 1, cause.says, cause.id, cause.confidence);
        tell(&mut out, cause);
    }
    let untold = diagnosis.causes.iter().filter(|cause| !told.iter().any(|shown| shown.id == cause.id));
    list(&mut out, "less likely", untold.map(|cause| format!("{} ({})", cause.id, cause.confidence)));
    if diagnosis.failing && diagnosis.causes.is_empty() {
        out.push_str("\nNot enough evidence for a cause.\n");
    }
    list(
        &mut out,
        "ruled out",
        diagnosis.ruled_out.iter().map(|one| format!("{}, because {}", one.id, one.because)),
    );
    list(&mut out, "would settle it", diagnosis.missing.iter().cloned());
    list(&mut out, "not looked at", answer.unseen.iter().cloned());
    if is_well(answer) {
        out.push_str("\nNothing is wrong.\n");
    }
    redact_str(&out).into_owned()
}

fn said(failure: &evenkeel_fleet::watch::Failure) -> String {
    failure.to_string()
}

fn tell(out: &mut String, cause: &Cause) {
    list_in(out, "rests on", &cause.rests_on);
    list_in(out, "against", &cause.against);
    let _ = writeln!(out, "   check     {}", cause.first_check);
    let _ = writeln!(out, "   fix       {}", cause.fix);
    if let Some(rollback) = &cause.rollback {
        let _ = writeln!(out, "   back      {rollback}");
    }
}

fn list_in(out: &mut String, name: &str, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let _ = writeln!(out, "   {name:<9} {line}");
    }
}

fn list(out: &mut String, name: &str, lines: impl Iterator<Item = String>) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(out, "\n{name}:");
        }
        let _ = writeln!(out, "   {line}");
    }
}

fn document(url: &str, answer: &Answer) -> Value {
    let diagnosis = &answer.diagnosis;
    let samples: Vec<Value> = answer
        .evidence
        .samples
        .iter()
        .map(|seen| {
            json!({
                "address": seen.address.map(|address| address.to_string()),
                "class": seen.failure.as_ref().map(|failure| failure.class()),
                "failure": seen.failure.as_ref().map(|failure| redact_str(&said(failure)).into_owned()),
                "took_ms": seen.took_ms,
            })
        })
        .collect();
    let causes: Vec<Value> = diagnosis.causes.iter().map(cause_document).collect();
    let ruled_out: Vec<Value> = diagnosis
        .ruled_out
        .iter()
        .map(|one| json!({ "id": one.id, "says": redacted(&one.says), "because": redacted(&one.because) }))
        .collect();
    let change = |change: &Change| {
        json!({ "at": when::rfc3339(change.at), "kind": kind(change.kind), "what": redacted(&change.what),
                "author": change.author.as_deref().map(redacted) })
    };
    let next = |next: &why::Next| {
        json!({ "url": redacted(&next.url), "address": next.address.to_string(), "seen": next.seen,
                "from": next.from.map(|from| from.to_string()) })
    };
    json!({
        "url": redacted(url),
        "failing": diagnosis.failing,
        "samples": samples,
        "causes": causes,
        "ruled_out": ruled_out,
        "missing": diagnosis.missing.iter().map(|text| redacted(text)).collect::<Vec<_>>(),
        "not_looked_at": answer.unseen.iter().map(|text| redacted(text)).collect::<Vec<_>>(),
        "changes": answer.evidence.changes.iter().map(change).collect::<Vec<_>>(),
        "next": answer.next.iter().map(next).collect::<Vec<_>>(),
    })
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Release => "release",
        ChangeKind::Edit => "edit",
        ChangeKind::Package => "package",
        ChangeKind::Firewall => "firewall",
        ChangeKind::Certificate => "certificate",
        ChangeKind::Dns => "dns",
        ChangeKind::Application => "application",
        ChangeKind::Restart => "restart",
    }
}

fn cause_document(cause: &Cause) -> Value {
    let all = |texts: &[String]| texts.iter().map(|text| redacted(text)).collect::<Vec<_>>();
    json!({
        "id": cause.id,
        "says": redacted(&cause.says),
        "confidence": cause.confidence.name(),
        "confident": cause.confidence == Confidence::Confident,
        "rests_on": all(&cause.rests_on),
        "against": all(&cause.against),
        "first_check": redacted(&cause.first_check),
        "fix": redacted(&cause.fix),
        "change": cause.change.as_deref().map(redacted),
        "rollback": cause.rollback,
    })
}

fn redacted(text: &str) -> String {
    redact_str(text).into_owned()
}
