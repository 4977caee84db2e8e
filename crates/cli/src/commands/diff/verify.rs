//! Every witness, asked of two real nginxes in a sandbox.

use std::time::Instant;

use anyhow::Context as _;
use evenkeel_model::Diff;
use evenkeel_rehearsal::verify::{Claim, Verdict};
use evenkeel_rehearsal::{Settings as Wanted, Tree as Proposed};

use super::show::asked;
use super::{Trees, assumptions, side_name};
use crate::args::{self, Global};
use crate::commands::rehearse::{arguments, binaries, how, with_hint};
use crate::output::Progress;
use crate::settings::{Settings, absolute};
use crate::tree::Tree;

/// What real nginxes said of the witnesses.
pub(super) struct Verified {
    /// Which, for people.
    pub(super) nginx: String,
    /// How the sandbox was built.
    pub(super) mode: String,
    /// How many answers were held against their prediction.
    pub(super) asked: usize,
    /// Where they are not as predicted; there must be none.
    pub(super) disagree: Vec<String>,
    /// Trees that did not start.
    pub(super) failed: Vec<String>,
    /// What could not be asked, and why.
    pub(super) not_asked: Vec<String>,
}

pub(super) fn verify(
    trees: &Trees,
    diff: &Diff,
    args: &args::Diff,
    global: &Global,
    settings: &Settings,
    progress: &Progress,
) -> anyhow::Result<Verified> {
    let prefix = match &args.prefix {
        Some(prefix) => absolute(prefix.clone())?,
        None => settings.config_dir.clone(),
    };
    let nginx = binaries(global, settings)?;
    let wanted = Wanted {
        program: "/proc/self/exe".into(),
        nginx: nginx.into_iter().take(1).collect(),
        config_dir: prefix,
        args: arguments(&trees.new),
        how: how(args.mode.as_deref()),
        offline: true,
        untrusted: args.mode.as_deref() != Some("reduced"),
        master: None,
        load: None,
        changes: Vec::new(),
        to_come: Vec::new(),
        began: Instant::now(),
    };
    let examples = diff.changes.iter().flat_map(|change| {
        let others = change.examples.iter().filter(|other| other.request != change.witness.request);
        std::iter::once(&change.witness).chain(others)
    });
    let claims: Vec<Claim<'_>> = examples
        .map(|example| Claim {
            request: &example.request,
            old: &example.old,
            new: &example.new,
            given: assumptions(&example.world),
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    let mut say = |what: &str| progress.say(what);
    let (old, new) = (proposed(&trees.old), proposed(&trees.new));
    let held = evenkeel_rehearsal::verify(&old, &new, &claims, &wanted, &mut say);
    let replay = runtime.block_on(held).map_err(with_hint)?;
    let mut verified = Verified {
        nginx: replay.nginx,
        mode: replay.mode,
        asked: 0,
        disagree: Vec::new(),
        failed: replay.failed,
        not_asked: Vec::new(),
    };
    for (claim, [old, new]) in claims.iter().zip(replay.verdicts) {
        for (side, verdict) in [(evenkeel_model::Side::Old, old), (evenkeel_model::Side::New, new)] {
            let about = format!("{} in the {} tree", asked(claim.request), side_name(side));
            match verdict {
                Verdict::Agrees => verified.asked += 1,
                Verdict::Disagrees(why) => {
                    verified.asked += 1;
                    verified.disagree.push(format!("{about}: {why}"));
                }
                Verdict::NotAsked(why) => verified.not_asked.push(format!("{about}: {why}")),
            }
        }
    }
    Ok(verified)
}

fn proposed(tree: &Tree) -> Proposed<'_> {
    Proposed { directory: &tree.place.directory, config: &tree.config, kept: &[] }
}
