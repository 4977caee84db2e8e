//! An application and its configuration as one release: the application goes first, and back last.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use evenkeel_fleet::{BundleId, Evidence, EvidenceKind, Input, ReleaseId};
use evenkeel_host::app::{Armed, Guard, Step, StepError, Versions, take_back};
use evenkeel_host::probe::http::{Method, Request, send};
use evenkeel_host::probe::{Limits, Target};
use evenkeel_host::slots::Record;
use evenkeel_host::trusted;
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};
use evenkeel_syntax::secret::redact_str;

use super::{Ended, Host, Journal, Outcome, Teller};

/// The file of a tree that names its application.
const RELEASE_TOML: &str = "release.toml";
/// Longest file of steps, in bytes, and most such files.
const STEPS_BYTES_MAX: u64 = 1 << 20;
const STEP_FILES_MAX: usize = 1_000;
/// How long one question for the version may take.
const ASK_WITHIN: Duration = Duration::from_secs(2);
/// How long the application may take to answer with its version when no step says more.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(100);

/// What a tree says of its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The version that this configuration is for.
    pub version: String,
    /// The step that brings it.
    pub update: String,
    /// The step that takes it back.
    pub rollback: String,
    /// A step that says whether it works.
    pub check: Option<String>,
    /// Where the application says its version.
    pub answers: Option<Answers>,
    /// The routes of `routes.toml` that this version needs, by name.
    pub requires: Vec<String>,
}

/// A question whose answer tells the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The address to ask, on this machine.
    pub at: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// The request target.
    pub target: String,
    /// What the answer must hold.
    pub contains: String,
}

/// An application on its way from one version to another, with the steps of this host.
#[derive(Debug)]
pub(super) struct Move {
    versions: Versions,
    update: Step,
    rollback: Step,
    check: Option<Step>,
    answers: Option<Answers>,
}

/// An application that was touched, and who takes it back.
#[derive(Debug, Default)]
pub(super) struct Touched(Option<Guard>);

impl Host {
    fn app(&self, files: &FileSet) -> Result<Option<App>, String> {
        let Ok(path) = RelPath::new(RELEASE_TOML) else { return Ok(None) };
        match files.get(&path) {
            Some(Entry::File(bytes)) => {
                let text = std::str::from_utf8(bytes).map_err(|_| format!("{RELEASE_TOML} is not text"))?;
                (self.settings.app)(text).map_err(|why| format!("{RELEASE_TOML}: {why}"))
            }
            _ => Ok(None),
        }
    }

    /// What a change means for the application; `None`: it stays as it is.
    ///
    /// # Errors
    /// Why it cannot be brought along: that refuses the change.
    pub(super) fn app_move(&self, from: &FileSet, to: &FileSet) -> Result<Option<Move>, String> {
        let Some(new) = self.app(to)? else { return Ok(None) };
        let routes = self.expected(to)?;
        for name in &new.requires {
            let route = routes.iter().find(|route| route.name == *name);
            if !route.is_some_and(|route| route.live.is_some() || route.expect.is_some()) {
                let version = &new.version;
                return Err(format!(
                    "{RELEASE_TOML}: version {version} requires the route \"{name}\", and routes.toml has none with live or expect"
                ));
            }
        }
        // A live tree whose file cannot be read says nothing of what runs.
        let old = self.app(from).unwrap_or_default();
        if old.as_ref().is_some_and(|old| old.version == new.version) {
            return Ok(None);
        }
        let steps = self.steps()?;
        let step = |name: &String| {
            let known = steps.iter().find(|step| step.name == *name).cloned();
            let directory = self.settings.apps_dir.display();
            known.ok_or_else(|| {
                format!("{RELEASE_TOML}: this host defines no step \"{name}\" (in {directory}/*.toml)")
            })
        };
        Ok(Some(Move {
            versions: Versions {
                old: old.map(|old| old.version).unwrap_or_default(),
                new: new.version.clone(),
            },
            update: step(&new.update)?,
            rollback: step(&new.rollback)?,
            check: new.check.as_ref().map(step).transpose()?,
            answers: new.answers,
        }))
    }

    /// The steps that this host defines.
    fn steps(&self) -> Result<Vec<Step>, String> {
        let directory = &self.settings.apps_dir;
        let about = |error: &dyn std::fmt::Display| format!("read {}: {error}", directory.display());
        let meta = match fs::metadata(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            meta => meta.map_err(|error| about(&error))?,
        };
        // Whoever may add a file there says what root runs.
        let me = fs::metadata("/proc/self").map(|me| me.uid()).unwrap_or_default();
        if meta.mode() & 0o022 != 0 || (meta.uid() != 0 && meta.uid() != me) {
            return Err(about(&"others may write there: chown root and chmod go-w it"));
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(|error| about(&error))?.take(STEP_FILES_MAX) {
            let path = entry.map_err(|error| about(&error))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut steps: Vec<Step> = Vec::new();
        for path in paths {
            let text =
                trusted::read(&path, STEPS_BYTES_MAX).map_err(|error| evenkeel_agent::chain(&error))?;
            for step in (self.settings.steps)(&text).map_err(|why| format!("{}: {why}", path.display()))? {
                if steps.iter().any(|known| known.name == step.name) {
                    return Err(format!("{}: the step \"{}\" is defined twice", path.display(), step.name));
                }
                steps.push(step);
            }
        }
        Ok(steps)
    }

    /// Brings the application to the new version, its way back armed first. Gives what that came to; the application is
    /// touched from now on.
    pub(super) fn update_app(
        &self,
        app: &Move,
        (release, to): (ReleaseId, BundleId),
        touched: &mut Touched,
        teller: &mut dyn Teller,
    ) -> Evidence {
        let (old, new) = (&app.versions.old, &app.versions.new);
        let evidence = |holds, text: String| Evidence::new(EvidenceKind::App, holds, redact_str(&text));
        let from = if old.is_empty() { String::new() } else { format!(" from {old}") };
        teller.doing(&format!("bringing the application{from} to {new}"));
        let state_dir = &self.settings.place.state_dir;
        let armed = Armed { release, to, step: app.rollback.clone(), versions: app.versions.clone() };
        let guard = armed.save(state_dir).map_err(|error| evenkeel_agent::chain(&error)).and_then(|()| {
            Guard::start(state_dir, app.rollback.within).map_err(|error| {
                let _nothing_was_touched = Armed::remove(state_dir);
                evenkeel_agent::chain(&error)
            })
        });
        match guard {
            Ok(guard) => touched.0 = Some(guard),
            Err(why) => {
                return evidence(false, format!("nothing would take the application back: failed to {why}"));
            }
        }
        let begun = Instant::now();
        for step in [Some(&app.update), app.check.as_ref()].into_iter().flatten() {
            if let Err(error) = step.run(&app.versions, &|| teller.interrupted()) {
                return evidence(false, format!("failed to {}", told(&error)));
            }
        }
        if let Some(answers) = &app.answers
            && let Err(why) = self.version_answered(answers, teller)
        {
            return evidence(false, format!("the application does not answer with {new}: {why}"));
        }
        let took = crate::when::span(super::span(begun.elapsed()));
        evidence(true, format!("the application went{from} to {new}, in {took}; its way back is armed"))
    }

    fn version_answered(&self, answers: &Answers, teller: &dyn Teller) -> Result<(), String> {
        let request = Request {
            method: Method::Get,
            uri: answers.target.clone(),
            host: answers.host.clone(),
            headers: Vec::new(),
            tls: None,
        };
        let (target, limits) = (Target::Tcp(answers.at), Limits::within(ASK_WITHIN));
        let end = Instant::now() + ANSWERS_WITHIN;
        loop {
            let why = match self.runtime.block_on(send(&target, &request, limits)) {
                Ok(sample) => {
                    let body = String::from_utf8_lossy(&sample.body);
                    if sample.status == 200 && body.contains(&answers.contains) {
                        return Ok(());
                    }
                    let said: String = body.trim().chars().take(80).collect();
                    format!("http://{}{} says {} \"{said}\"", answers.at, answers.target, sample.status)
                }
                Err(failure) => failure.to_string(),
            };
            if Instant::now() >= end || teller.interrupted() {
                return Err(why);
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Ends what was begun with the application, as its release ended.
    pub(super) fn end_app(
        &self,
        journal: &mut Journal,
        touched: Touched,
        outcome: &mut Outcome,
        teller: &mut dyn Teller,
    ) {
        let Some(guard) = touched.0 else { return };
        let said = match outcome.ended {
            Ended::Confirmed => {
                // A guard that does not hear this finds it out by itself.
                let _finds_out = guard.keep();
                return;
            }
            Ended::Refused | Ended::Conflict | Ended::RolledBack { .. } | Ended::TakenBack { .. } => {
                teller.doing("taking the application back");
                match guard.back() {
                    Ok(()) => Ok("the application was taken back".to_owned()),
                    Err(error) => Err(format!(
                        "the application is NOT back: failed to {}",
                        evenkeel_agent::chain(&error)
                    )),
                }
            }
            // Its release is still open, or nobody knows: the guard follows the slots.
            Ended::Unchanged | Ended::WouldApply | Ended::Stuck => return,
        };
        self.tell_app(journal, outcome, said, teller);
    }

    /// Takes the application back along with a release that went back to its configuration.
    pub(super) fn app_back(
        &self,
        journal: &mut Journal,
        (from, to): (&FileSet, &FileSet),
        outcome: &mut Outcome,
        teller: &mut dyn Teller,
    ) {
        let (Ok(Some(present)), Ok(target)) = (self.app(from), self.app(to)) else { return };
        let old = target.map(|app| app.version).unwrap_or_default();
        if old == present.version {
            return;
        }
        teller.doing("taking the application back");
        let steps = self.steps();
        let step = steps.and_then(|steps| {
            let step = steps.into_iter().find(|step| step.name == present.rollback);
            step.ok_or_else(|| format!("find the step \"{}\" on this host", present.rollback))
        });
        let versions = Versions { old: old.clone(), new: present.version.clone() };
        let ran = step.and_then(|step| step.run(&versions, &|| false).map_err(|error| told(&error)));
        let said = match ran {
            Ok(()) if old.is_empty() => {
                Ok(format!("the application was taken back from {}", present.version))
            }
            Ok(()) => Ok(format!("the application was taken back from {} to {old}", present.version)),
            Err(why) => Err(format!("the application is NOT back: failed to {why}")),
        };
        self.tell_app(journal, outcome, said, teller);
    }

    /// Ends what a command that died left of an application, as the slots say.
    pub(super) fn settle_app(&self, journal: &mut Journal, record: Option<&Record>) -> Option<String> {
        let said = match take_back(&self.settings.place.state_dir, record) {
            Ok(None) => return None,
            Ok(Some((armed, true))) => {
                format!("the application of {} was taken back to {}", armed.release, armed.versions.old)
            }
            Ok(Some((armed, false))) => {
                format!("the application of {} stays at {}", armed.release, armed.versions.new)
            }
            Err(error) => format!("the application is NOT back: failed to {}", evenkeel_agent::chain(&error)),
        };
        let said = redact_str(&said).into_owned();
        let (host, who) = (Some(self.settings.name.clone()), self.settings.who.clone());
        let _best_effort =
            journal.tell(&self.runtime, &Input::Note { host, release: None, who, text: said.clone() });
        Some(said)
    }

    fn tell_app(
        &self,
        journal: &mut Journal,
        outcome: &mut Outcome,
        said: Result<String, String>,
        teller: &mut dyn Teller,
    ) {
        let good = said.is_ok();
        let text = match said {
            Ok(text) | Err(text) => redact_str(&text).into_owned(),
        };
        teller.done(EvidenceKind::App.name(), &text, good);
        let (host, who) = (Some(self.settings.name.clone()), self.settings.who.clone());
        let note = Input::Note { host, release: outcome.release, who, text: text.clone() };
        let _best_effort = journal.tell(&self.runtime, &note);
        if !good {
            outcome.could_not_look = true;
            outcome.notes.push(format!("{text}; `evenkeel recover` tries again"));
        }
    }
}

fn told(error: &StepError) -> String {
    evenkeel_agent::chain(error)
}

/// Where a host defines the steps of its applications when nobody says otherwise.
pub const APPS_DIR: &str = "/etc/evenkeel/apps.d";

impl Move {
    /// In one line, for a look that changes nothing.
    pub(super) fn planned(&self) -> String {
        let Versions { old, new } = &self.versions;
        let from = if old.is_empty() { String::new() } else { format!("from {old} ") };
        format!("step {} would bring the application {from}to {new}", self.update.name)
    }

    /// Where its new version is asked, and so listens, when it has come.
    pub(super) fn listens(&self) -> Option<SocketAddr> {
        self.answers.as_ref().map(|answers| answers.at)
    }
}
