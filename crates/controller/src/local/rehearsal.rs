//! The rehearsal of a change: the step from what stands here to what is proposed, under a real nginx in a sandbox, before
//! anything of the host is touched.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use evenkeel_fleet::Evidence;
use evenkeel_host::nginx::find::{Args, Master};
use evenkeel_model::{Config, RouteSpec};
use evenkeel_rehearsal::rehearse::{How, Predicted, Question, Settings, Tree, rehearse};
use evenkeel_syntax::fileset::FileSet;

use super::app::Move;
use super::{Host, HostError, Look, Teller};
use crate::stages;

/// How often a person is told what is being done, and heard when they interrupt.
const TICK: Duration = Duration::from_millis(40);

/// A proposed tree that passed what comes before.
pub(super) struct Proposed<'a> {
    pub(super) files: &'a FileSet,
    pub(super) config: &'a Config,
    /// A directory with exactly these files; those that are kept stand in the live tree alone.
    pub(super) directory: &'a Path,
    /// Whether nginx would start with what stands there now: without that there is no step from it to rehearse.
    pub(super) old_starts: bool,
    /// The application that comes first.
    pub(super) app: Option<&'a Move>,
}

/// What a rehearsal said.
pub(super) struct Rehearsed {
    pub(super) evidence: Evidence,
    /// What was in the way and was accepted, as recorded.
    pub(super) accepted: Vec<String>,
    /// What else a person should know.
    pub(super) notes: Vec<String>,
}

impl Host {
    /// Rehearses the step from the live tree to a proposed one.
    pub(super) fn rehearsed(
        &self,
        master: &Master,
        (live, new, changes): (&Look, &Proposed<'_>, Vec<Predicted>),
        (accept, offline): (&[String], bool),
        teller: &mut dyn Teller,
    ) -> Result<Rehearsed, HostError> {
        let place = &self.settings.place;
        let began = Instant::now();
        if master.own_view {
            return Err(HostError::OtherView);
        }
        let kept = |path: &PathBuf| (path.clone(), place.config_dir.join(path));
        let kept: Vec<(PathBuf, PathBuf)> = live.snapshot.kept.iter().map(kept).collect();
        let old = Tree { directory: &place.config_dir, config: &live.config, kept: &[] };
        let old = new.old_starts.then_some(old);
        let tree = Tree { directory: new.directory, config: new.config, kept: &kept };
        let settings = Settings {
            program: "/proc/self/exe".into(),
            nginx: vec![format!("/proc/{}/exe", master.id.pid).into()],
            config_dir: place.config_dir.clone(),
            args: started_with(master),
            how: How::Best,
            offline,
            untrusted: false,
            master: Some(master.id.pid),
            load: None,
            changes,
            to_come: new.app.and_then(Move::listens).into_iter().collect(),
            began,
        };
        let questions = self.questions(&live.snapshot.files, new.files);
        let said = RefCell::new(None);
        let mut doing = |what: &str| {
            said.replace(Some(what.to_owned()));
        };
        let report = self.runtime.block_on(async {
            let mut held = pin!(rehearse(&tree, old.as_ref(), &questions, &settings, &mut doing));
            let mut tick = tokio::time::interval(TICK);
            loop {
                tokio::select! {
                    biased;
                    report = &mut held => return Ok(report?),
                    _ = tick.tick() => {
                        if let Some(what) = said.take() {
                            teller.doing(&format!("rehearsing: {what}"));
                        }
                        // What was begun ends with the future.
                        if teller.interrupted() {
                            return Err(HostError::Interrupted);
                        }
                    }
                }
            }
        })?;
        let (evidence, accepted, notes) = stages::rehearsal_evidence(&report, accept);
        Ok(Rehearsed { evidence, accepted, notes })
    }

    /// What `routes.toml` asks: the new tree's routes, and those of the live tree that it takes away.
    fn questions(&self, from: &FileSet, to: &FileSet) -> Vec<Question> {
        let mut routes = self.expected(to).unwrap_or_default();
        let old = self.expected(from).unwrap_or_default();
        let gone = |route: &RouteSpec| {
            !routes.iter().any(|new| new.name == route.name || new.request == route.request)
        };
        let gone: Vec<RouteSpec> = old.iter().filter(|route| gone(route)).cloned().collect();
        routes.extend(gone);
        routes.iter().map(|route| Question::beside(route, &old, "routes.toml")).collect()
    }
}

/// The arguments of a master, without its own name.
fn started_with(master: &Master) -> Vec<String> {
    let Args { conf, prefix, globals, error_log, .. } = &master.args;
    let text = |value: &OsStr| value.to_string_lossy().into_owned();
    let pairs = [
        ("-c", conf.as_ref().map(|it| it.as_os_str())),
        ("-p", prefix.as_ref().map(|it| it.as_os_str())),
        ("-g", globals.as_deref()),
        ("-e", error_log.as_ref().map(|it| it.as_os_str())),
    ];
    let given = pairs.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), text(value?)]));
    given.flatten().collect()
}
