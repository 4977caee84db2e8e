//! Drift: what on this host is no longer as it was released, who made it so, and what it means.

mod differs;
mod follow;
mod packages;
mod served;
mod silence;

use std::collections::BTreeMap;

use evenkeel_fleet::journal::{Conffile, DriftChange, DriftHow};
use evenkeel_fleet::watch::drift::Baseline;
use evenkeel_fleet::{BundleId, Digest, Evidence, OpenDrift, Timestamp};
use evenkeel_host::drift::queues::{Queue, queues};
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_syntax::fileset::{FileSet, RelPath};

pub use differs::Differs;
pub use follow::{FollowError, Follower};
pub use served::{ServedCertificate, Wrong};

use super::{Host, HostError, Look, Running, Status, now};
use crate::{diff, stages};

/// So many rows of what a drift means are kept.
const MEANING_MAX: usize = 20;

/// What differs on a host, now.
#[derive(Debug)]
pub struct DriftReport {
    /// Released, on disk and running.
    pub status: Status,
    /// Each path that differs from the release, with who made it so.
    pub changes: Vec<DriftChange>,
    /// What they do to those who ask.
    pub meaning: Vec<String>,
    /// What package managers made of their configuration files.
    pub conffiles: Vec<Conffile>,
    /// Each certificate of the configuration, as nginx shows it and as it lies on the disk.
    pub certificates: Vec<ServedCertificate>,
    /// The accept queues of what the configuration listens on.
    pub queues: Vec<Queue>,
    /// Since when somebody watches, or what is missing because nobody does.
    pub followed: Option<Timestamp>,
}

impl DriftReport {
    /// Whether released, on disk and running are one, but for what is silenced.
    #[must_use]
    pub fn none(&self) -> bool {
        (self.changes.is_empty() || self.status.is_silenced())
            && self.certificates.iter().all(|it| it.wrong.is_empty())
            && !self.queues.iter().any(Queue::is_full)
            && self.status.agrees() == super::Agrees::Yes
    }
}

impl Host {
    /// Looks at everything in which this host may differ from what was released, and changes nothing.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at.
    pub fn drift_now(&self) -> Result<DriftReport, HostError> {
        let status = self.status()?;
        let compiled = self.compiled(None)?;
        let (live, _) = self.live(&self.model_settings(&compiled, None))?;
        let released =
            status.released.map(|(bundle, _)| self.bundle(bundle)).transpose()?.unwrap_or_default();
        let journal = self.read_journal().ok();
        let watched = journal.as_ref().and_then(|journal| journal.fleet().host(&self.settings.name)?.drift());
        let mut changes = match status.released {
            Some(_) => changed(&released, &live.snapshot.files, watched),
            None => Vec::new(),
        };
        let conffiles = self.by_packages(&mut changes, (&released, &live.snapshot.files));
        let meaning = if changes.is_empty() { Vec::new() } else { self.means(&released, &live)? };
        let certificates = match status.running {
            Running::Stopped { .. } => Vec::new(),
            _ => self.served(&live.config),
        };
        let listens = &live.outside.listens;
        let mut queues = queues().unwrap_or_default();
        queues.retain(|queue| listens.contains(&Listen::Tcp(queue.address)));
        let followed = watched.map(|drift| drift.since);
        Ok(DriftReport { status, changes, meaning, conffiles, certificates, queues, followed })
    }

    /// What the live tree does otherwise than what was released, one line each: classes of requests, settings.
    fn means(&self, released: &FileSet, live: &Look) -> Result<Vec<String>, HostError> {
        let compiled = self.compiled(None)?;
        let was = self.meaning(released, &self.model_settings(&compiled, None), live);
        let nothing = |_: &[u8]| evenkeel_model::FileKind::Unknown;
        let options = evenkeel_model::DiffOptions::default();
        let evidence = stages::diff_evidence(&evenkeel_model::diff(&was, &live.config, &nothing, &options));
        Ok(lines(evidence))
    }
}

/// Each path that differs, with who made it so where somebody watched.
fn changed(released: &FileSet, live: &FileSet, watched: Option<&OpenDrift>) -> Vec<DriftChange> {
    let change = |change: evenkeel_fleet::FileChange| {
        let seen = watched.and_then(|drift| drift.changes.get(&change.path));
        let seen = seen.filter(|seen| seen.new == change.new);
        let how = match (change.old, change.new) {
            (None, _) => DriftHow::Added,
            (_, None) => DriftHow::Removed,
            _ => DriftHow::Changed,
        };
        DriftChange {
            how,
            old: change.old,
            new: change.new,
            at: seen.map_or_else(now, |seen| seen.at),
            author: seen.and_then(|seen| seen.author.clone()),
            path: change.path,
        }
    };
    diff::changes(released, live).into_iter().map(change).collect()
}

fn lines(evidence: Evidence) -> Vec<String> {
    let mut lines = vec![evidence.summary];
    let more = evidence.details.len().saturating_sub(MEANING_MAX);
    lines.extend(evidence.details.into_iter().take(MEANING_MAX));
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// A bundle as drift knows it, and the paths whose text is not their bytes.
fn baseline(bundle: BundleId, files: &FileSet) -> Baseline {
    let entries: BTreeMap<String, Digest> =
        files.iter().map(|(path, entry)| (diff::shown(path), Digest(entry.digest().0))).collect();
    Baseline { bundle, entries }
}

/// The path that a text stands for, where it is the text of a path at all.
fn path(text: &str) -> Option<RelPath> {
    RelPath::new(text.as_bytes().to_vec()).ok().filter(|path| diff::shown(path) == text)
}
