//! After packages changed: what became of the tree and of each configuration file, whose work that was, and whether nginx would
//! come up with it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_fleet::journal::{Conffile, ConffileOutcome, PackageRun, PackageStage, PackageStep};
use evenkeel_fleet::{BundleId, Input, Timestamp, What};
use evenkeel_host::configdir::bundles;
use evenkeel_host::nginx::find::find;
use evenkeel_host::packages::conffile::{self, Force, md5};
use evenkeel_host::packages::dpkg::{Dpkg, Installed, Known, NEW_CONFFILE};
use evenkeel_host::packages::log::{self, Told};
use evenkeel_host::packages::{hold, stale};
use evenkeel_host::place::ensure_state_dir;
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};
use evenkeel_syntax::secret::redact_str;

use super::super::{Host, HostError, Journal, Look};
use super::before::in_tree;
use crate::diff;

/// How many packages are named when nothing tells which of them it was.
const SUSPECTS_MAX: usize = 50;
/// How far the start of a process and the clock of the journal may lie apart.
const SLACK: Duration = Duration::from_secs(2);

/// A transaction that is over.
#[derive(Debug, Clone)]
pub struct After<'a> {
    /// When the package manager was started.
    pub since: SystemTime,
    /// Its command line.
    pub command: &'a str,
}

impl Host {
    /// Looks at what packages did, and writes it down; holds automatic restarts back where nginx would not come up. `None` when
    /// nothing of it matters to nginx.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at or written down.
    pub fn packages_after(&self, after: &After<'_>) -> Result<Option<PackageRun>, HostError> {
        if !self.settings.place.main.exists() {
            return Ok(None);
        }
        ensure_state_dir(&self.settings.place.state_dir)?;
        let dpkg = Dpkg::default();
        let told = log::since(&dpkg.log, after.since).unwrap_or_default();
        let mut journal = self.open_journal();
        let begun = journal.as_ref().ok().and_then(|journal| self.begun(journal, after.since));
        let compiled = self.compiled(None)?;
        let (live, _) = self.live(&self.model_settings(&compiled, None))?;
        let files = &live.snapshot.files;
        let here = BundleId(files.digest().0);
        let last = journal.as_ref().ok().and_then(|journal| self.last_known(journal));
        let before = begun.as_ref().and_then(|run| run.before).or(last);
        let changed = before.is_some_and(|before| before != here);
        let (mut steps, mut notes) = (self.of_interest(&dpkg, begun.as_ref(), &told), Vec::new());
        if let Ok(journal) = &journal {
            let recorded = self.recorded(journal, after.since);
            let again = |step: &PackageStep| begun.as_ref().is_some_and(|run| run.packages.contains(step));
            // A package manager may make many transactions in one run: each is told of once.
            steps.retain(|step| again(step) || !recorded.contains(step));
        }
        if steps.is_empty() {
            if !changed || !self.changed_since(&live, after.since) || told.steps.is_empty() {
                return Ok(None);
            }
            steps = told.steps.iter().take(SUSPECTS_MAX).cloned().collect();
            notes.push(
                "none of these packages owns a file of the tree: one of their scripts changed it, or somebody else at the \
same time"
                    .to_owned(),
            );
        }
        let old = before.and_then(|before| self.bundle(before).ok());
        let was = old.as_ref().unwrap_or(files);
        bundles::save(&self.settings.place.state_dir, files)?;
        let names = steps.iter().map(|step| step.name.clone()).collect();
        let known = dpkg.installed(&names).unwrap_or_default();
        notes.extend(half_done(&known));
        notes.extend(self.older_than_disk());
        let baseline = self.baseline(was, &live)?;
        let judged = self.judge(files, (&live, &baseline), "as it is installed")?;
        let state_dir = &self.settings.place.state_dir;
        let held = match &judged.refused {
            Some(reason) => {
                if let Err(error) = hold::hold(state_dir, reason) {
                    notes.push(format!("could not hold automatic restarts back: {error}"));
                }
                notes.push(BY_HAND.to_owned());
                Some(reason.clone())
            }
            None => {
                let _stays = hold::lift(state_dir);
                None
            }
        };
        let run = PackageRun {
            host: self.settings.name.clone(),
            stage: PackageStage::Done,
            packages: steps,
            who: self.settings.who.clone(),
            command: redact_str(after.command).into_owned(),
            before,
            after: Some(here),
            conffiles: self.outcomes(&known, (was, files), &told, begun.as_ref()),
            changes: diff::changes(was, files),
            diff: diff::text(&without_leftovers(was), &without_leftovers(files)),
            effect: judged.effect,
            evidence: judged.evidence,
            notes,
            held,
        };
        match &mut journal {
            Ok(journal) => {
                let _ = journal.tell(&self.runtime, &Input::Packages(run.clone()))?;
                Ok(Some(run))
            }
            Err(_) => journal.map(|_| Some(run)),
        }
    }

    /// What was written down before this transaction, unless its end was written down too.
    fn begun(&self, journal: &Journal, since: SystemTime) -> Option<PackageRun> {
        let begins =
            |run: &&PackageRun| matches!(run.stage, PackageStage::Begun | PackageStage::Overridden { .. });
        self.runs_since(journal, since).next().filter(begins).cloned()
    }

    /// The steps that were written down since a time.
    fn recorded(&self, journal: &Journal, since: SystemTime) -> Vec<PackageStep> {
        let runs = self.runs_since(journal, since);
        runs.filter(|run| run.stage == PackageStage::Done).flat_map(|run| run.packages.clone()).collect()
    }

    /// What was written down of package managers since a time, the newest first.
    fn runs_since<'j>(
        &self,
        journal: &'j Journal,
        since: SystemTime,
    ) -> impl Iterator<Item = &'j PackageRun> + use<'j> {
        let since = since.checked_sub(SLACK).unwrap_or(since).duration_since(SystemTime::UNIX_EPOCH);
        let from = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let host = self.settings.name.clone();
        let newest = journal.events().iter().rev();
        let ours = newest.take_while(move |event| event.at >= Timestamp::from_millis(from));
        ours.filter_map(move |event| match &event.what {
            What::Packages(run) if run.host == host => Some(run),
            _ => None,
        })
    }

    /// The tree that was written down last, whoever brought it.
    fn last_known(&self, journal: &Journal) -> Option<BundleId> {
        let confirmed = || journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed());
        let last = journal.events().iter().rev().find_map(|event| match &event.what {
            What::Adopted(_) | What::Confirmed { .. } => Some(confirmed()),
            What::Packages(run) if run.stage == PackageStage::Done => Some(run.after),
            _ => None,
        });
        last.flatten()
    }

    /// The packages that matter, from what was written down before and from dpkg's log.
    fn of_interest(&self, dpkg: &Dpkg, begun: Option<&PackageRun>, told: &Told) -> Vec<PackageStep> {
        let names: BTreeSet<String> = told.steps.iter().map(|step| step.name.clone()).collect();
        let known = dpkg.installed(&names).unwrap_or_default();
        let mut steps: Vec<PackageStep> = begun.map(|run| run.packages.clone()).unwrap_or_default();
        for step in &told.steps {
            let known = known.get(&step.name);
            if steps.iter().all(|it| it.name != step.name) && self.matters(dpkg, &step.name, known, None) {
                steps.push(step.clone());
            }
        }
        steps
    }

    /// Whether a file of the tree is newer than a time, by the clock of the kernel.
    fn changed_since(&self, live: &Look, since: SystemTime) -> bool {
        let newer = |path: &Path| {
            let Ok(meta) = std::fs::symlink_metadata(path) else { return false };
            let seconds = u64::try_from(meta.ctime()).unwrap_or(0);
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + SLACK >= since
        };
        let dir = &self.settings.place.config_dir;
        let directories = live.snapshot.files.iter().filter_map(|(path, _)| {
            let path =
                dir.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path.as_bytes()));
            let parent = path.parent()?.to_path_buf();
            Some([path, parent])
        });
        directories.flatten().any(|path| newer(&path))
    }

    /// The programs and modules that run, and are no longer those on disk.
    fn older_than_disk(&self) -> Option<String> {
        let master = find(&self.settings.place).ok()?;
        let replaced = stale::replaced(master.id.pid);
        let all: Vec<String> = replaced.iter().map(|path| path.display().to_string()).collect();
        (!all.is_empty()).then(|| {
            format!(
                "nginx (process {}) runs what is no longer on disk: {}; what is there begins to run at its next restart or \
upgrade, not at a reload",
                master.id.pid,
                all.join(", ")
            )
        })
    }

    /// What became of each configuration file.
    pub(in crate::local) fn outcomes(
        &self,
        known: &BTreeMap<String, Installed>,
        (was, now): (&FileSet, &FileSet),
        told: &Told,
        begun: Option<&PackageRun>,
    ) -> Vec<Conffile> {
        let config_dir = &self.settings.place.config_dir;
        let decided: BTreeMap<&Path, bool> =
            told.decided.iter().map(|(path, taken)| (path.as_path(), *taken)).collect();
        let mut all = Vec::new();
        for (package, installed) in known {
            for conffile in &installed.conffiles {
                let Some(name) = in_tree(config_dir, &conffile.path) else { continue };
                let decision = decided.get(conffile.path.as_path()).copied();
                let Some(outcome) = outcome(&name, (was, now), decision, conffile) else { continue };
                let it = Conffile { path: diff::shown(&name), package: package.clone(), outcome };
                // dpkg keeps a file that was dropped in its books for ever; only beforehand it is known when that happens.
                if outcome != ConffileOutcome::Dropped || begun.is_some_and(|run| run.conffiles.contains(&it))
                {
                    all.push(it);
                }
            }
        }
        all.sort();
        all
    }
}

/// What cannot be held back.
const BY_HAND: &str = "a restart by hand (`systemctl restart nginx`) asks nobody and would take nginx down: first `evenkeel \
rollback`, or put it right and `evenkeel adopt`";

/// What became of a configuration file, by what lies there and by what dpkg logged.
fn outcome(
    name: &RelPath,
    (was, now): (&FileSet, &FileSet),
    decision: Option<bool>,
    known: &Known,
) -> Option<ConffileOutcome> {
    let shipped = Some(known.shipped.as_str()).filter(|digest| *digest != NEW_CONFFILE);
    let beside = |suffix: &str| {
        let path = RelPath::new([name.as_bytes(), suffix.as_bytes()].concat()).ok()?;
        let entry = now.get(&path)?;
        // One that lay there before, and is as it was, is of an earlier transaction.
        (was.get(&path) != Some(entry)).then_some(entry)
    };
    let (before, after) = (was.get(name), now.get(name));
    if let Some(Entry::File(new)) = beside(".dpkg-new") {
        // dpkg lays all of them out before it decides on the first: only where it would ask is anything undecided.
        let stands = match after {
            Some(Entry::File(bytes)) => Some(md5(bytes)),
            _ => None,
        };
        let will = conffile::outcome(shipped, stands.as_deref(), Some(&md5(new)), Force::default());
        return will.filter(|it| *it == ConffileOutcome::Undecided);
    }
    match (before, after, decision) {
        (None, Some(_), _) => Some(ConffileOutcome::Appeared),
        (None, None, _) | (Some(_), None, Some(false)) => {
            let told = decision.is_some() || beside(".dpkg-dist").is_some();
            told.then_some(ConffileOutcome::StaysDeleted)
        }
        (Some(Entry::File(old)), Some(new), _) if !matches!(new, Entry::File(new) if new == old) => {
            let kept = beside(".dpkg-old").is_some();
            Some(if kept || decision == Some(true) {
                ConffileOutcome::Overwritten
            } else {
                ConffileOutcome::Replaced
            })
        }
        _ if decision == Some(false) || beside(".dpkg-dist").is_some() => Some(ConffileOutcome::Kept),
        _ if known.obsolete => Some(ConffileOutcome::Dropped),
        _ => None,
    }
}

/// A tree without what package managers leave beside its files: named among the changes, and too long to be read.
fn without_leftovers(files: &FileSet) -> FileSet {
    const LEFT: &[&[u8]] = &[b".dpkg-new", b".dpkg-dist", b".dpkg-old", b".rpmnew", b".rpmsave", b".rpmorig"];
    let mut out = FileSet::default();
    for (path, entry) in files.iter().filter(|(path, _)| !LEFT.iter().any(|it| path.as_bytes().ends_with(it)))
    {
        out.insert(path.clone(), entry.clone());
    }
    out
}

/// Packages that are not configured.
fn half_done(known: &BTreeMap<String, Installed>) -> Option<String> {
    let half: Vec<String> = known
        .iter()
        .filter(|(_, it)| !matches!(it.state.as_str(), "installed" | "config-files"))
        .map(|(name, it)| format!("{name} is {}", it.state))
        .collect();
    (!half.is_empty()).then(|| format!("not finished: {}; `dpkg --configure -a` goes on", half.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConffileOutcome::{Appeared, Dropped, Kept, Overwritten, Replaced, StaysDeleted, Undecided};

    fn tree(files: &[(&str, &str)]) -> FileSet {
        let mut set = FileSet::default();
        for (path, text) in files {
            set.insert(RelPath::new(*path).unwrap(), Entry::File(text.as_bytes().to_vec().into()));
        }
        set
    }

    /// What the package shipped is not what stands there.
    fn known(obsolete: bool) -> Known {
        Known { path: "/etc/nginx/a".into(), shipped: md5(b"0"), obsolete }
    }

    #[test]
    fn what_became_of_a_conffile_is_told_by_what_lies_there() {
        let (plain, none) = (tree(&[("a", "1")]), tree(&[]));
        for (was, now, decision, expected) in [
            (&plain, tree(&[("a", "1")]), None, None),
            (&plain, tree(&[("a", "2")]), None, Some(Replaced)),
            (&plain, tree(&[("a", "1"), ("a.dpkg-dist", "2")]), Some(false), Some(Kept)),
            (&plain, tree(&[("a", "2"), ("a.dpkg-old", "1")]), Some(true), Some(Overwritten)),
            (&plain, tree(&[("a", "1"), ("a.dpkg-new", "2")]), None, Some(Undecided)),
            (&none, tree(&[("a", "2")]), None, Some(Appeared)),
            (&none, tree(&[("a.dpkg-dist", "2")]), Some(false), Some(StaysDeleted)),
            (&none, tree(&[]), None, None),
            (
                &tree(&[("a", "1"), ("a.dpkg-dist", "2")]),
                tree(&[("a", "1"), ("a.dpkg-dist", "2")]),
                None,
                None,
            ),
        ] {
            let name = RelPath::new("a").unwrap();
            assert_eq!(outcome(&name, (was, &now), decision, &known(false)), expected, "{now:?}");
        }
        let name = RelPath::new("a").unwrap();
        assert_eq!(outcome(&name, (&plain, &plain), None, &known(true)), Some(Dropped));
        // As the package shipped it: dpkg will not ask, it has only not come to it yet.
        let untouched = Known { shipped: md5(b"1"), ..known(false) };
        let unpacked = tree(&[("a", "1"), ("a.dpkg-new", "2")]);
        assert_eq!(outcome(&name, (&plain, &unpacked), None, &untouched), None);
    }
}
