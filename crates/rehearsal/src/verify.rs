//! Predictions of a comparison, held against two real nginxes: the old tree and the new one, each started afresh.

use std::cell::OnceCell;

use evenkeel_model::{Request, Route};

use crate::asker::Asker;
use crate::inventory::{Around, Names};
use crate::machine::Machine;
use crate::reach::{Target, targets};
use crate::rehearse::{RehearsalError, Settings, Tree, built, chain, lent};
use crate::run::{Play, Side, replay};
use crate::setup::setup;

/// What a comparison says of a request.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its way through the old tree.
    pub old: &'a Route,
    /// Its way through the new tree.
    pub new: &'a Route,
    /// What is assumed of files, upstreams and credentials, for people.
    pub given: Vec<String>,
}

/// What a real nginx says of a claim about one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As predicted.
    Agrees,
    /// Otherwise, and how.
    Disagrees(String),
    /// It could not be asked, and why.
    NotAsked(String),
}

/// What came of all claims.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// Of each claim, in order: the old tree and the new one.
    pub verdicts: Vec<[Verdict; 2]>,
    /// The nginx, for people.
    pub nginx: String,
    /// How the sandbox was built.
    pub mode: String,
    /// Trees that did not start, and what they said.
    pub failed: Vec<String>,
}

/// Asks both trees every request of the claims, under the first nginx of the settings.
///
/// Runs on a current-thread runtime. `progress` is told what is being done now.
///
/// # Errors
/// [`RehearsalError`] when there is no sandbox; never because a claim is wrong.
pub async fn verify(
    old: &Tree<'_>,
    new: &Tree<'_>,
    claims: &[Claim<'_>],
    settings: &Settings,
    progress: &mut dyn FnMut(&str),
) -> Result<Replay, RehearsalError> {
    let Some(nginx) = settings.nginx.first() else { return Ok(Replay::default()) };
    let mut machine = Machine::look(settings.master);
    // Only the trees decide here: addresses of another host are taken for our own.
    lent(&mut machine, new, None, settings);
    lent(&mut machine, old, None, settings);
    let machine = machine;
    let (old_targets, new_targets) = (targets(old.config), targets(new.config));
    let all: Vec<&Target> = new_targets.iter().chain(&old_targets).collect();
    let mut names = Names::assign(all.iter().copied(), &machine);
    for tree in [old, new] {
        names.take_listens(tree.config, &machine);
    }
    let around = |tree: &Tree<'_>, targets: &[Target]| {
        Around::of(tree.config, targets, &names, &machine, Some(old.config))
    };
    let (around_old, around_new) = (around(old, &old_targets), around(new, &new_targets));
    let old_side = Side { tree: old, around: around_old, asker: Asker::new(old.config, &machine) };
    let new_side = Side { tree: new, around: around_new, asker: Asker::new(new.config, &machine) };
    let play = Play {
        new: new_side,
        live: Some(old_side),
        questions: &[],
        items: OnceCell::new(),
        machine: &machine,
        names: &names,
        settings,
    };
    let known = built(nginx).await;
    let trees = [old, new];
    let setup = setup(&trees, &all, &names, &machine, settings, (nginx, known.as_ref()))
        .map_err(|error| RehearsalError::Sandbox { reason: chain(&error), hint: None })?;
    let mut replay = replay(&play, setup, claims, progress).await?;
    let version = known.map_or_else(|| String::from("nginx"), |known| format!("nginx {}", known.version));
    replay.nginx = version;
    Ok(replay)
}
