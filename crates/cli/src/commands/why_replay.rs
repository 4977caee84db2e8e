//! `why --replay`: what would have stopped the change that stands here.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::bail;
use evenkeel_controller::local::Host;
use evenkeel_controller::when;
use evenkeel_fleet::journal::{Gate, Replay, Verdict};
use evenkeel_syntax::secret::redact_str;
use serde_json::json;

use crate::args::Global;
use crate::output::{Exit, Output};

pub(super) fn replay(host: &Host, global: &Global, output: Output) -> anyhow::Result<Exit> {
    // Somebody may be repairing this host: that goes first.
    evenkeel_host::process::others_first();
    let progress = output.progress();
    let program = Path::new("/proc/self/exe");
    let replay = host.replay(program, global.config.as_deref(), &mut |what| progress.say(what))?;
    drop(progress);
    let Some(replay) = replay else {
        bail!("play a change once more: nothing was released here; `evenkeel adopt` begins");
    };
    let replay = redacted(replay);
    output.print(|| text(&replay, output), || json!({ "replay": replay }));
    let quiet = |gate: &Gate| matches!(gate.verdict, Verdict::Passes | Verdict::NotAsked);
    Ok((replay.bundles.is_none() && replay.gates.iter().all(quiet)).into())
}

fn redacted(replay: Replay) -> Replay {
    let gates = replay.gates.into_iter().map(|it| Gate { said: redact_str(&it.said).into_owned(), ..it });
    Replay { gates: gates.collect(), ..replay }
}

fn text(replay: &Replay, output: Output) -> String {
    let mut out = String::new();
    match replay.bundles {
        Some((released, stands)) => {
            let _ = writeln!(out, "{} is released, {} stands here:\n", released.short(), stands.short());
        }
        None => out.push_str("What stands here is as released.\n\n"),
    }
    for gate in &replay.gates {
        let (mark, what) = match gate.verdict {
            Verdict::Stops => (output.verdict(true, "ok"), "stops it"),
            Verdict::Tells => (output.verdict(true, "ok"), "tells of it"),
            Verdict::Passes => (output.verdict(false, "--"), "lets it pass"),
            Verdict::NotAsked => (output.verdict(false, "--"), "was not asked"),
        };
        let took = gate.took.map_or_else(String::new, |took| format!(" ({})", when::span(took)));
        let _ = writeln!(out, "{mark}  {}: {what}{took}\n      {}", gate.name, gate.said);
    }
    if !replay.diff.is_empty() {
        let _ = write!(out, "\n{}", replay.diff);
    }
    out
}
