//! The commands that change this host: `adopt`, `apply`, `confirm`, `rollback`, `recover`, `freeze`, `thaw`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use evenkeel_controller::local::{Ended, Host, Outcome, Request, Teller};
use evenkeel_controller::when;
use evenkeel_fleet::apply::Way;
use evenkeel_syntax::secret::redact_str;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::args::{self, Global};
use crate::commands::{approve, host_of};
use crate::output::{Exit, Output, Progress, put};
use crate::settings::{Settings, absolute};

/// Tells a person on the terminal, and listens for Ctrl-C.
struct Terminal {
    output: Output,
    progress: Progress,
    stages: Vec<serde_json::Value>,
    interrupted: Arc<AtomicBool>,
}

impl Terminal {
    fn new(output: Output) -> anyhow::Result<Terminal> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, interrupted.clone()).context("listen for Ctrl-C")?;
        }
        Ok(Terminal { output, progress: output.progress(), stages: Vec::new(), interrupted })
    }
}

impl Teller for Terminal {
    fn doing(&mut self, what: &str) {
        self.progress.say(what);
    }

    fn done(&mut self, stage: &str, what: &str, good: bool) {
        let what = redact_str(what);
        self.stages.push(json!({ "stage": stage, "text": what, "good": good }));
        if !self.output.json {
            let mark = self.output.verdict(good, if good { "ok" } else { "NO" });
            self.progress.aside(|| put(&format!("{mark}  {stage:<17} {what}")));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

pub(crate) fn apply(args: &args::Apply, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let request = Request {
        tree: absolute(args.tree.clone())?,
        confirm_within: args.confirm_within.or(settings.confirm_within),
        bake: args.bake.or(settings.bake),
        proof_within: args.proof_within,
        hold: args.hold,
        accept: args.accept.clone(),
        why: args.message.clone(),
        way_back: args.way_back.map(crate::commands::way_back),
        no_rehearsal: args.no_rehearsal,
        offline: args.offline,
        dry_run: args.dry_run,
        approvals: args.approval.clone(),
        emergency: args.emergency.clone(),
        ask_approval: args.request_approval.as_ref().map(|_| args.good_for),
    };
    let host = host_of(&settings)?;
    let mut terminal = Terminal::new(output)?;
    let outcome = host.apply(&request, &mut terminal)?;
    if let (Some(path), Some(approval)) = (&args.request_approval, &outcome.to_approve) {
        return approve::asked(approval, path, output);
    }
    Ok(report(&outcome, terminal))
}

pub(crate) fn adopt(args: &args::Adopt, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let outcome = host.adopt(&args.message)?;
    Ok(report(&outcome, Terminal::new(output)?))
}

pub(crate) fn confirm(host: &Host, output: Output) -> anyhow::Result<Exit> {
    let mut terminal = Terminal::new(output)?;
    let outcome = host.confirm(&mut terminal)?;
    Ok(report(&outcome, terminal))
}

pub(crate) fn rollback(args: &args::Rollback, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let mut terminal = Terminal::new(output)?;
    let outcome = host.rollback(args.to.as_deref(), &args.message, &mut terminal)?;
    Ok(report(&outcome, terminal))
}

pub(crate) fn recover(host: &Host, output: Output) -> anyhow::Result<Exit> {
    let mut terminal = Terminal::new(output)?;
    let outcome = host.recover(&mut terminal)?;
    Ok(report(&outcome, terminal))
}

pub(crate) fn freeze(args: &args::Freeze, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let until = host.freeze(&args.message, args.for_time)?;
    let ends = until.map_or_else(|| "`evenkeel thaw`".to_owned(), when::shown);
    output.print(
        || format!("frozen: nothing goes forward on this host until {ends}; a rollback always works"),
        || json!({ "frozen": true, "until": until.map(when::rfc3339) }),
    );
    Ok(Exit::Yes)
}

pub(crate) fn thaw(args: &args::Thaw, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let was_frozen = host.thaw(&args.message)?;
    let text = if was_frozen { "thawed" } else { "nothing was frozen" };
    output.print(|| text.to_owned(), || json!({ "frozen": false, "was_frozen": was_frozen }));
    Ok(Exit::Yes)
}

/// Prints how it ended, and says whether that is good.
fn report(outcome: &Outcome, terminal: Terminal) -> Exit {
    let Terminal { output, progress, stages, .. } = terminal;
    drop(progress);
    output.print(|| text(outcome, output), || document(outcome, &stages));
    if outcome.could_not_look || outcome.ended == Ended::Stuck {
        return Exit::CouldNotLook;
    }
    is_good(outcome.ended).into()
}

/// Whether a command did what it was asked for. A rollback that was itself rolled back did not.
fn is_good(ended: Ended) -> bool {
    matches!(
        ended,
        Ended::Confirmed | Ended::Unchanged | Ended::WouldApply | Ended::TakenBack { proven: true }
    )
}

fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Confirmed => "confirmed",
        Ended::Unchanged => "unchanged",
        Ended::WouldApply => "would apply",
        Ended::Refused => "refused",
        Ended::Conflict => "conflict",
        Ended::RolledBack { proven: true } | Ended::TakenBack { proven: true } => "rolled back",
        Ended::RolledBack { proven: false } | Ended::TakenBack { proven: false } => "rolled back, NOT PROVEN",
        Ended::Stuck => "stuck",
    }
}

fn text(outcome: &Outcome, output: Output) -> String {
    let good = is_good(outcome.ended);
    let mut out = output.verdict(good, word(outcome.ended));
    if let Some(release) = outcome.release {
        out.push_str(&format!("  {release}"));
    }
    if !outcome.reason.is_empty() {
        out.push_str(&format!("  {}", redact_str(&outcome.reason)));
    }
    out.push('\n');
    match (outcome.ended, outcome.took) {
        (Ended::RolledBack { proven: true } | Ended::TakenBack { proven: true }, Some(took)) => {
            out.push_str(&format!(
                "  the old configuration serves again{}: proven {} after the decision\n",
                if outcome.way == Some(Way::ParseFree) { ", from memory" } else { "" },
                when::span(took)
            ));
        }
        (Ended::RolledBack { proven: false } | Ended::TakenBack { proven: false }, _) => {
            out.push_str(match outcome.way {
                Some(Way::LastKnownGood) => {
                    "  nginx does not take the old configuration today: the bundle confirmed before it stands on disk and serves\n  \
                     put right what the notes say, then apply again; `evenkeel adopt` stays with what serves now\n"
                }
                _ => {
                    "  ATTENTION: nginx may still serve what nobody confirmed. The old files stand again; that they serve is not proven\n  \
                     put right what the notes say: the fuse tries again for an hour, `evenkeel recover` at once; look at `evenkeel status`\n"
                }
            });
        }
        (Ended::Stuck, _) => out.push_str("  `evenkeel status` says more, `evenkeel recover` goes on\n"),
        _ => {}
    }
    for note in &outcome.notes {
        out.push_str(&format!("  note: {}\n", redact_str(note)));
    }
    if let (Some(release), false) = (outcome.release, good) {
        out.push_str(&format!("  post-mortem: evenkeel postmortem {release}\n"));
    }
    out
}

fn document(outcome: &Outcome, stages: &[serde_json::Value]) -> serde_json::Value {
    let proven = match outcome.ended {
        Ended::RolledBack { proven } | Ended::TakenBack { proven } => Some(proven),
        _ => None,
    };
    let notes: Vec<_> = outcome.notes.iter().map(|note| redact_str(note).into_owned()).collect();
    json!({
        "release": outcome.release.map(|release| release.to_string()),
        "outcome": word(outcome.ended), "reason": redact_str(&outcome.reason), "caught_by": outcome.caught_by, "proven": proven,
        "way": outcome.way.map(Way::name), "took_ms": outcome.took.map(evenkeel_fleet::Span::as_millis), "stages": stages, "notes": notes,
    })
}
