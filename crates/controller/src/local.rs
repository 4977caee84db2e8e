//! A fleet of one: this host, its journal, and the agent in this process.

mod adopt;
mod app;
mod apply;
mod approval;
mod bake;
mod drift;
mod end;
mod error;
mod freeze;
mod leaving;
mod look;
mod package;
mod rates;
mod ready;
mod record;
mod recover;
mod rehearsal;
mod replay;
mod rollback;
mod settle;
mod status;
mod unjournaled;
mod walk;
mod way_back;

use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_fleet::apply::Way;
use evenkeel_fleet::approval::Approval;
use evenkeel_fleet::{Actor, HostId, ReleaseId, Span};
use evenkeel_host::app::Step;
use evenkeel_host::lock::ApplyLock;
use evenkeel_host::place::{Place, ensure_state_dir};
use evenkeel_model::{Invariant, RouteSpec};
use tokio::runtime::Runtime;

pub use app::{APPS_DIR, Answers, App};
pub use apply::Request;
pub use approval::Approvals;
pub use drift::{Differs, DriftReport, FollowError, Follower, ServedCertificate, Wrong};
pub use error::HostError;
pub use look::{Look, SAYS_WITHIN};
pub use package::{After, Before};
pub use rates::Answering;
pub use ready::Demands;
pub use record::{Journal, Told, now};
pub use status::{Agrees, Running, Status};
pub use way_back::WayBack;

use crate::routes::Route;

/// Reads the text of a `routes.toml`.
pub type RouteReader = fn(&str) -> Result<Vec<Route>, String>;
/// Reads the text of a `routes.toml`: everything that it expects, or what is wrong with it.
pub type ExpectationReader = fn(&str) -> Result<Vec<RouteSpec>, String>;

/// Reads the text of a `routes.toml`: what must hold for every request, or what is wrong with it.
pub type InvariantReader = fn(&str) -> Result<Vec<Invariant>, String>;

/// Reads the text of a `release.toml`: the application that belongs to the tree, or what is wrong with it.
pub type AppReader = fn(&str) -> Result<Option<App>, String>;
/// Reads a file of steps of this host.
pub type StepReader = fn(&str) -> Result<Vec<Step>, String>;

/// What a host's settings say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where tree, nginx and state are.
    pub place: Place,
    /// What this host is called.
    pub name: HostId,
    /// More patterns of files that are never touched.
    pub keep: Vec<String>,
    /// Which rules are on.
    pub rules: evenkeel_lint::Settings,
    /// Which way back releases are given.
    pub way_back: WayBack,
    /// Who is acting.
    pub who: Actor,
    /// Reads `routes.toml`.
    pub routes: RouteReader,
    /// Reads `routes.toml` for a rehearsal: everything that it expects.
    pub expected: ExpectationReader,
    /// Reads the invariants of a `routes.toml`.
    pub invariants: InvariantReader,
    /// Who must approve what is a high risk.
    pub approvals: Approvals,
    /// Reads `release.toml`.
    pub app: AppReader,
    /// Reads a file of steps.
    pub steps: StepReader,
    /// Where this host defines the steps of its applications.
    pub apps_dir: PathBuf,
    /// Where the tree answers with `$pid`, when it does: asked at each proof.
    pub generation: Option<std::net::SocketAddr>,
}

/// This host.
#[derive(Debug)]
pub struct Host {
    settings: Settings,
    runtime: Runtime,
}

/// Who is told what is done, and may interrupt it.
pub trait Teller {
    /// Something is about to be done.
    fn doing(&mut self, what: &str);
    /// A stage is done: its name, what came of it, and whether that is good.
    fn done(&mut self, stage: &str, what: &str, good: bool);
    /// Whether to stop and go back.
    fn interrupted(&self) -> bool;
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The new bundle is permanent.
    Confirmed,
    /// There was nothing to do.
    Unchanged,
    /// Everything was looked at, nothing was changed, as asked.
    WouldApply,
    /// Refused before the switch.
    Refused,
    /// Somebody else had written to the tree.
    Conflict,
    /// The host went back.
    RolledBack {
        /// Whether the old configuration is proven to serve.
        proven: bool,
    },
    /// The host went back because somebody asked for it.
    TakenBack {
        /// Whether the old configuration is proven to serve.
        proven: bool,
    },
    /// The way back is not finished.
    Stuck,
}

/// What came of a command that changes this host.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The release, when there was one.
    pub release: Option<ReleaseId>,
    /// How it ended.
    pub ended: Ended,
    /// Why, in one sentence.
    pub reason: String,
    /// Which stage said no: the name of its evidence, or why the host went back by itself.
    pub caught_by: Option<&'static str>,
    /// Whether something could not be looked at, as opposed to an answer that is no.
    pub could_not_look: bool,
    /// From the decision to go back to the end of its proof.
    pub took: Option<Span>,
    /// The text that somebody else would have to sign, when it was asked for and the change needs it.
    pub to_approve: Option<Approval>,
    /// Which way it went back.
    pub way: Option<Way>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

impl Outcome {
    fn new(release: Option<ReleaseId>, ended: Ended, reason: impl Into<String>) -> Outcome {
        Outcome {
            release,
            ended,
            reason: reason.into(),
            caught_by: None,
            could_not_look: false,
            took: None,
            to_approve: None,
            way: None,
            notes: Vec::new(),
        }
    }
}

impl Host {
    /// This host. Nothing is read or made yet.
    ///
    /// # Errors
    /// When the kernel gives no event queue.
    pub fn new(settings: Settings) -> std::io::Result<Host> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Host { settings, runtime })
    }

    /// Where everything is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.settings.place
    }

    fn journal_path(&self) -> PathBuf {
        self.settings.place.state_dir.join("journal.db")
    }

    /// The journal, to look at.
    ///
    /// # Errors
    /// [`HostError`] says whether it is missing, corrupt, newer, or not to be read by this user.
    pub fn read_journal(&self) -> Result<Journal, HostError> {
        Ok(Journal::read(&self.runtime, &self.journal_path())?)
    }

    /// The journal to append to, caught up with what the fuse did.
    fn open_journal(&self) -> Result<Journal, HostError> {
        ensure_state_dir(&self.settings.place.state_dir)?;
        Ok(Journal::open(&self.runtime, &self.journal_path())?)
    }

    /// The right to change this host.
    fn lock(&self, what: &str) -> Result<ApplyLock, HostError> {
        ensure_state_dir(&self.settings.place.state_dir)?;
        let (pid, who) = (std::process::id(), &self.settings.who);
        let since = crate::when::shown(now());
        Ok(ApplyLock::acquire(
            &self.settings.place.state_dir,
            &format!("{what}, process {pid}, by {who}, since {since}"),
        )?)
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.settings.place.config_dir).unwrap_or(path).to_path_buf()
    }
}

/// A time limit as the fleet counts.
fn span(duration: Duration) -> Span {
    Span::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
