//! `status`: released, on disk, running.

use evenkeel_controller::local::{Agrees, Host, Running, Status};
use evenkeel_controller::when;
use serde_json::json;

use super::drift::silences;

use crate::output::{Exit, Output};

pub(crate) fn status(host: &Host, output: Output) -> anyhow::Result<Exit> {
    let status = host.status()?;
    output.print(|| text(&status, output), || document(&status));
    Ok(if status.journal_unread { Exit::CouldNotLook } else { (status.agrees() == Agrees::Yes).into() })
}

fn running(status: &Status) -> (&'static str, &str) {
    match &status.running {
        Running::OnDisk { because } => ("what is on disk", because),
        Running::Other { because } => ("something else than what is on disk", because),
        Running::Unknown { because } => ("not known", because),
        Running::Stopped { because } => ("nothing", because),
    }
}

fn text(status: &Status, output: Output) -> String {
    let mut out = String::new();
    let mut line = |name: &str, good: bool, text: &str| {
        let mark = output.verdict(good, if good { "ok" } else { "NO" });
        out.push_str(&format!("{mark}  {name:<9} {text}\n"));
    };
    match status.released {
        Some((bundle, Some(release))) => line("released", true, &format!("{} ({release})", bundle.short())),
        Some((bundle, None)) => line("released", true, &format!("{} (adopted)", bundle.short())),
        None => line("released", false, "nothing yet; `evenkeel adopt` begins"),
    }
    let same = status.released.is_some_and(|(bundle, _)| bundle == status.on_disk);
    line("on disk", same || status.is_silenced(), &status.on_disk.short());
    let shown = 20;
    for path in status.drift.iter().take(shown) {
        let is_silent = status.silences.iter().any(|(silent, _)| path.ends_with(&format!(" {silent}")));
        line("", is_silent, path);
    }
    if status.drift.len() > shown {
        line("", false, &format!("… and {} more", status.drift.len() - shown));
    }
    for (path, it) in &status.silences {
        line(
            "",
            true,
            &format!("{path} is silent until {}, by {}: {}", when::shown(it.until), it.who, it.why),
        );
    }
    if !status.drift.is_empty() {
        line("", status.is_silenced(), "who made it so, and what it does: `evenkeel drift`");
    }
    let (what, because) = running(status);
    line("running", matches!(status.running, Running::OnDisk { .. }), &format!("{what}: {because}"));
    match &status.restart {
        Ok(_) => line("restart", true, "would work now"),
        Err(why) => line("restart", false, &format!("would fail: {why}")),
    }
    if let Some((release, stage)) = status.open {
        line("open", false, &format!("{release} is {stage}: `evenkeel confirm` or `evenkeel rollback`"));
    }
    if let Some(frozen) = &status.frozen {
        out.push_str(&format!("    frozen    {frozen}\n"));
    }
    for note in &status.notes {
        out.push_str(&format!("    note      {note}\n"));
    }
    out
}

fn document(status: &Status) -> serde_json::Value {
    let (what, because) = running(status);
    let kind = match status.running {
        Running::OnDisk { .. } => "on-disk",
        Running::Other { .. } => "other",
        Running::Unknown { .. } => "unknown",
        Running::Stopped { .. } => "stopped",
    };
    json!({
        "agrees": status.agrees() == Agrees::Yes,
        "released": status.released.map(|(bundle, release)| json!({
            "bundle": bundle.to_string(), "release": release.map(|release| release.to_string()) })),
        "on_disk": { "bundle": status.on_disk.to_string(), "drift": status.drift, "silences": silences(status) },
        "running": { "kind": kind, "text": what, "because": because },
        "restart": { "works": status.restart.is_ok(), "reason": status.restart.as_ref().err() },
        "open": status.open.map(|(release, stage)| json!({ "release": release.to_string(), "stage": stage })),
        "frozen": status.frozen, "notes": status.notes,
    })
}
