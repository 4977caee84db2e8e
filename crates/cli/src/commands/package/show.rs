//! A run of a package manager, for people and as JSON.

use evenkeel_fleet::journal::{Conffile, ConffileOutcome, PackageRun, PackageStage};
use serde_json::{Value, json};

/// How many lines of each kind are shown where somebody watches packages go by.
const SHOWN: usize = 12;
/// What to do when restarts are held back.
pub(super) const WAY_OUT: &str = "`evenkeel rollback` puts the released tree back; or put it right and `evenkeel adopt`: either lets restarts through again";

/// How a run of a package manager stands, in one line.
pub(crate) fn outcome(run: &PackageRun) -> String {
    match &run.stage {
        PackageStage::Begun => format!("begins: {}", run.packages()),
        PackageStage::Stopped(why) => format!("stopped: {why}"),
        PackageStage::Overridden { reason, why } => format!("goes on, \"{why}\", in spite of: {reason}"),
        PackageStage::Done if run.held.is_some() => format!("restarts held: {}", run.packages()),
        PackageStage::Done => run.packages(),
    }
}

/// What is said of it while it goes by.
pub(super) fn told(run: &PackageRun) -> String {
    let mut out = format!("{}\n", run.packages());
    let mut line = |name: &str, text: &str| out.push_str(&format!("  {name:<9} {text}\n"));
    let done = run.stage == PackageStage::Done;
    for it in run.conffiles.iter().take(SHOWN) {
        line(if done { "file" } else { "will be" }, &format!("{}: {}", it.path, it.outcome.said()));
    }
    let of_packages = |path: &str| run.conffiles.iter().any(|it| path.starts_with(&it.path));
    for it in run.changes.iter().filter(|it| done && !of_packages(&it.path)).take(SHOWN) {
        line("changed", &it.to_string());
    }
    if !run.effect.is_empty() {
        line("requests", &run.effect);
    }
    for it in run.evidence.iter().filter(|it| it.kind != evenkeel_fleet::EvidenceKind::Diff) {
        line(if it.holds { "ok" } else { "NO" }, &it.summary);
    }
    for note in &run.notes {
        line("note", note);
    }
    match &run.stage {
        PackageStage::Begun => {}
        PackageStage::Stopped(why) => {
            line("STOPPED", why);
            line(
                "way out",
                "leave these packages out (apt-mark hold …), put right what stands in the way, or thaw;",
            );
            line(
                "",
                "EVENKEEL_PACKAGE_OVERRIDE='why' in the environment goes on all the same, and is recorded",
            );
        }
        PackageStage::Overridden { reason, why } => {
            line("IN SPITE", &format!("{reason} ({why})"));
        }
        PackageStage::Done => {}
    }
    if let Some(held) = &run.held {
        line("HELD", &format!("automatic restarts of nginx wait: {held}"));
        line("way out", WAY_OUT);
    }
    out
}

/// What `show` says of it, line by line.
pub(crate) fn details(run: &PackageRun) -> String {
    let mut out = format!("{}\n", outcome(run));
    let mut field = |name: &str, text: &str| out.push_str(&format!("{name:<10}{text}\n"));
    field("host", run.host.as_str());
    field("who", &run.who.to_string());
    field("command", &run.command);
    for step in &run.packages {
        field("package", &step.to_string());
    }
    for (name, bundle) in [("before", run.before), ("after", run.after)] {
        if let Some(bundle) = bundle {
            field(name, &bundle.to_string());
        }
    }
    if let PackageStage::Overridden { why, .. } = &run.stage {
        field("OVERRIDE", why);
    }
    for it in &run.conffiles {
        field("file", &format!("{} ({}): {}", it.path, it.package, it.outcome.said()));
    }
    for change in &run.changes {
        field("changed", &change.to_string());
    }
    field("requests", &run.effect);
    for it in &run.evidence {
        field(if it.holds { "ok" } else { "NO" }, &format!("{}: {}", it.kind, it.summary));
    }
    for note in &run.notes {
        field("note", note);
    }
    if let Some(held) = &run.held {
        field("HELD", held);
    }
    if !run.diff.is_empty() {
        out.push_str(&format!("\n{}", run.diff));
    }
    out
}

pub(crate) fn document(run: &PackageRun) -> Value {
    let (stage, reason, why) = match &run.stage {
        PackageStage::Begun => ("begun", None, None),
        PackageStage::Stopped(reason) => ("stopped", Some(reason), None),
        PackageStage::Overridden { reason, why } => ("overridden", Some(reason), Some(why)),
        PackageStage::Done => ("done", None, None),
    };
    let packages: Vec<Value> =
        run.packages.iter().map(|it| json!({ "name": it.name, "old": it.old, "new": it.new })).collect();
    let conffiles: Vec<Value> = run.conffiles.iter().map(conffile).collect();
    let changes: Vec<&str> = run.changes.iter().map(|it| it.path.as_str()).collect();
    json!({
        "stage": stage, "reason": reason, "override": why, "packages": packages, "who": run.who.to_string(),
        "command": run.command, "before": run.before.map(|it| it.to_string()), "after": run.after.map(|it| it.to_string()),
        "conffiles": conffiles, "changes": changes, "requests": run.effect, "notes": run.notes, "held": run.held,
    })
}

/// A configuration file of a package, as JSON.
pub(crate) fn conffile(it: &Conffile) -> Value {
    json!({ "path": it.path, "package": it.package, "outcome": word(it.outcome) })
}

fn word(outcome: ConffileOutcome) -> &'static str {
    match outcome {
        ConffileOutcome::Replaced => "replaced",
        ConffileOutcome::Kept => "kept",
        ConffileOutcome::Overwritten => "overwritten",
        ConffileOutcome::Undecided => "undecided",
        ConffileOutcome::Appeared => "appeared",
        ConffileOutcome::StaysDeleted => "stays-deleted",
        ConffileOutcome::Dropped => "dropped",
    }
}
