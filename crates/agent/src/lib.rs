//! The host's half of a release: it takes orders, `fleet::apply` decides what may follow what, `host` acts.
//!
//! Invariants:
//! * It knows no journal, no findings and no routes: what it cannot import it cannot do.
//! * What it is about to do stands in the slots before it does it, so the fuse can finish or undo it.
//! * A configuration whose proof fails is taken back here, at once, without asking anybody.
//! * It reports what it saw; it never reports what it only ordered.

mod apply;
mod put;
mod read;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_fleet::{Generation, ReleaseId, Report, Span, Timestamp};
use evenkeel_host::configdir::{FileSet, Keep};
use evenkeel_host::fuse::{self, Ask, Launch, RevertError};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::install;
use evenkeel_host::nginx::generation::Expected;
use evenkeel_host::place::Place;
use evenkeel_host::slots::{ConfirmError, Record, Slots, SlotsError};

pub use apply::chain;
pub use put::PutError;
pub use report::{count, reverted, woken};

/// How long the fuse may take to bring the old configuration back: nginx alone may be deaf for 2.5 s.
const REVERT_WITHIN: Duration = Duration::from_secs(20);

/// The release of what is done without a journal: a number that no journal gives.
pub const OUTSIDE: ReleaseId = ReleaseId(0);

/// The host's half.
#[derive(Debug)]
pub struct Agent {
    pub(crate) place: Place,
    pub(crate) keep: Keep,
    pub(crate) launch: Launch,
}

/// An order to apply.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its number.
    pub generation: Generation,
    /// The release.
    pub release: ReleaseId,
    /// The tree that stands there.
    pub from: &'a FileSet,
    /// The tree that shall stand there.
    pub to: &'a FileSet,
    /// What nginx looks like with `from`.
    pub before: &'a Looks,
    /// What nginx shall look like with `to`.
    pub after: &'a Looks,
    /// What nginx looks like with the bundle that was confirmed before `from`, in case it does not take `from` any more.
    pub good: Option<&'a Looks>,
    /// Whether the master stands by with `from` in memory until the release is confirmed, so that going back reads
    /// nothing.
    pub parse_free: bool,
    /// From arming to proof.
    pub proof_within: Span,
    /// From arming to confirmation.
    pub confirm_within: Span,
}

/// What an nginx looks like from outside with one configuration.
#[derive(Debug, Clone)]
pub struct Looks {
    /// Workers and listening sockets.
    pub expected: Expected,
    /// Where its master writes notices and errors.
    pub error_logs: Vec<PathBuf>,
}

/// Who is told of each step, and may interrupt between them.
pub trait Watcher {
    /// Something is about to be done.
    fn doing(&mut self, what: &str);
    /// Whether to stop and go back.
    fn interrupted(&self) -> bool;
    /// The first new workers serve: what is wrong with what they answer, if anything. Asked while the proof still waits
    /// for them to stay, so that wrong answers end early.
    fn wrong(&mut self) -> Option<String>;
}

/// What came of an order to apply.
#[derive(Debug)]
#[must_use]
pub struct Applied {
    /// What to tell the fleet, in this order, and when each was so.
    pub reports: Vec<(Timestamp, Report)>,
    /// The workers that were proven; empty when nothing was.
    pub workers: Vec<ProcessId>,
    /// What could not even be looked at, as opposed to an answer that is no.
    pub could_not_look: bool,
}

/// Why the state of an apply on this host cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The slots cannot be read.
    #[error(transparent)]
    Slots(#[from] SlotsError),
}

impl Agent {
    /// The half of the host at `place`.
    #[must_use]
    pub fn new(place: Place, keep: Keep) -> Agent {
        Agent { place, keep, launch: Launch::here() }
    }

    /// What the slots say; `None` when nothing was ever applied here.
    ///
    /// # Errors
    /// [`StandingError`] when they cannot be read.
    pub fn standing(&self) -> Result<Option<Record>, StandingError> {
        self.slots(true)
    }

    /// The same for a glance: what was confirmed a moment ago may not be durable yet.
    ///
    /// # Errors
    /// [`StandingError`] as [`Agent::standing`].
    pub fn glance(&self) -> Result<Option<Record>, StandingError> {
        self.slots(false)
    }

    fn slots(&self, durable: bool) -> Result<Option<Record>, StandingError> {
        match Slots::open(&self.place.state_dir) {
            Ok(slots) => {
                let record = slots.read()?;
                if durable && record.as_ref().is_some_and(|record| record.stage() == Stage::Confirmed) {
                    // Whoever confirmed it may have died before it was durable, and a journal may be told of it now.
                    let _a_broken_disk_stops_no_way_back = slots.sync();
                }
                Ok(record)
            }
            Err(SlotsError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Follows an order to apply, up to the proof. A proof that fails has been taken back when this returns.
    pub fn apply(&self, order: &Order<'_>, watcher: &mut dyn Watcher) -> Applied {
        apply::apply(self, order, watcher)
    }

    /// Makes the proven release permanent.
    ///
    /// # Errors
    /// [`ConfirmError`] when it is too late, or something else is open.
    pub fn confirm(&self, release: ReleaseId) -> Result<Report, ConfirmError> {
        let record = fuse::confirm(&self.place.state_dir, Some(release))?;
        if let Ok(staged) = install::Staged::open(&record.plan, record.plan_digest) {
            // What is left beside the tree is swept by the next apply.
            let _left = staged.discard(false);
        }
        Ok(Report::Confirmed)
    }

    /// Takes the open release back and waits until that is done and proven, or known not to be.
    ///
    /// # Errors
    /// [`RevertError`] when nothing is open, or not all could be put back.
    pub fn revert(&self, why: RevertWhy, note: &str) -> Result<Record, RevertError> {
        let within_ms = u64::try_from(REVERT_WITHIN.as_millis()).unwrap_or(u64::MAX);
        fuse::request_revert(&self.place.state_dir, &Ask { why, note, within_ms })
    }

    /// How a revert went that somebody else made, when the slots say that there was one.
    #[must_use]
    pub fn reverted(&self, release: ReleaseId) -> Option<Report> {
        let record = self.standing().ok()??;
        let ended = record.applying.release == release && record.stage() == Stage::Reverted;
        ended.then(|| Report::Reverted(report::reverted(&record)))
    }

    /// What became of the workers that were proven, when they are not all still there.
    #[must_use]
    pub fn gone(&self, workers: &[ProcessId]) -> Option<String> {
        gone(workers)
    }
}

fn gone(workers: &[ProcessId]) -> Option<String> {
    let gone = workers.iter().filter(|worker| !worker.lives()).count();
    (gone > 0).then(|| format!("{gone} of {} are gone", count(workers.len(), "worker")))
}
