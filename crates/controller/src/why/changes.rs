//! What changed lately: releases, packages, files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_diagnosis::evidence::{Change, ChangeKind};
use evenkeel_fleet::journal::{Conffile, DriftChange, DriftHow, KnownBy};
use evenkeel_fleet::{Timestamp, What};
use evenkeel_host::drift::author::{Process, Users};
use evenkeel_host::listeners::Listener;
use evenkeel_host::packages::log;

use super::Look;
use super::nginx::at;
use crate::local::Journal;
use crate::when;

/// Where dpkg writes down what it did.
const DPKG_LOG: &str = "/var/log/dpkg.log";
/// The largest file of certificates that is read.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// The releases of a journal since a moment, as changes.
#[must_use]
pub fn of_journal(journal: &Journal, since: Timestamp) -> Vec<Change> {
    let recent = journal.events().iter().filter(|event| event.at >= since);
    let change = recent.filter_map(|event| match &event.what {
        What::Proposed { release, proposal } => Some(Change {
            at: event.at,
            kind: ChangeKind::Release,
            what: format!("{release} of {}: {}", when::shown(event.at), proposal.why),
            author: Some(proposal.who.to_string()),
            meaning: Vec::new(),
            touches: Vec::new(),
            rollback: Some(String::from("evenkeel rollback")),
        }),
        _ => None,
    });
    change.collect()
}

/// A path that is no longer as it was released, with who made it so.
fn drifted(change: &DriftChange, conffiles: &[Conffile]) -> Change {
    let of_package = conffiles.iter().find(|it| it.path == change.path);
    let by_package = change.author.as_ref().is_some_and(|author| author.known_by == KnownBy::Package);
    let is_package = by_package || of_package.is_some();
    let how = match change.how {
        DriftHow::Added => "was added",
        DriftHow::Removed => "was taken away",
        _ => "was changed",
    };
    let mut what = format!("{} {how} at {}", change.path, when::shown(change.at));
    if let Some(author) = &change.author {
        what.push_str(&format!(" by `{}`", author.command));
    }
    if let Some(conffile) = of_package {
        what.push_str(&format!(", a file of package {}: {}", conffile.package, conffile.outcome.said()));
    }
    Change {
        at: change.at,
        kind: if is_package { ChangeKind::Package } else { ChangeKind::Edit },
        what,
        author: change.author.as_ref().map(|author| author.command.clone()),
        meaning: Vec::new(),
        touches: Vec::new(),
        rollback: Some(String::from("evenkeel rollback")),
    }
}

impl Look<'_> {
    pub(super) fn changes(&mut self) {
        let since = self.since();
        self.evidence.changes.extend(self.asked.changes.iter().filter(|change| change.at >= since).cloned());
        let released = self.evidence.changes.iter().any(|change| change.kind == ChangeKind::Release);
        match self.asked.differs.filter(|differs| differs.released.is_some()) {
            Some(differs) => {
                // What a package leaves beside a file says that it was there; nginx reads none of it.
                let left = |path: &str| {
                    [".dpkg-old", ".dpkg-dist", ".dpkg-new"].iter().any(|end| path.ends_with(end))
                };
                let all = differs.changes.iter().filter(|change| change.at >= since && !left(&change.path));
                let all = all.map(|change| drifted(change, &differs.conffiles));
                self.evidence.changes.extend(all);
            }
            None if !released => self.edits(since),
            None => {}
        }
        // One whose file is named above needs no second line.
        if !self.evidence.changes.iter().any(|change| change.kind == ChangeKind::Package) {
            self.packages();
        }
        self.replaced(since);
    }

    /// Programs that listen and were started lately, nginx apart.
    pub(super) fn restarted(&mut self, listeners: &[Listener]) {
        let mut told: Vec<&str> = Vec::new();
        for one in listeners {
            let (Some(program), Some(age)) = (one.program.as_deref(), one.age) else { continue };
            if age > self.asked.back || program.starts_with("nginx") || told.contains(&program) {
                continue;
            }
            let Some(started) = SystemTime::now().checked_sub(age).and_then(at) else { continue };
            told.push(program);
            let process = one.process.and_then(|id| Process::look(id.pid));
            let command = process.as_ref().map(|it| format!(" as `{}`", it.command())).unwrap_or_default();
            let same = listeners.iter().filter(|other| other.program.as_deref() == Some(program));
            self.evidence.changes.push(Change {
                at: started,
                kind: ChangeKind::Application,
                what: format!(
                    "{program}, which listens at {}, was started at {}{command}",
                    one.at,
                    when::shown(started)
                ),
                author: process.map(|it| Users::default().name(it.login.unwrap_or(it.user))),
                meaning: Vec::new(),
                touches: same.map(|other| other.at.to_string()).collect(),
                rollback: None,
            });
        }
    }

    /// Files of the configuration that a package replaced: it leaves what stood there beside them.
    fn replaced(&mut self, since: Timestamp) {
        let Some(config) = self.asked.config else { return };
        let mut replaced = Vec::new();
        for file in config.files() {
            let path = Path::new(OsStr::from_bytes(&file.path));
            let mut old = path.as_os_str().to_owned();
            old.push(".dpkg-old");
            // dpkg keeps the old file's time of change; when its name was made, it cannot.
            let renamed = std::fs::symlink_metadata(&old).ok().and_then(|old| {
                let since = Duration::new(u64::try_from(old.ctime()).ok()?, 0);
                at(SystemTime::UNIX_EPOCH + since)
            });
            if renamed.is_some_and(|renamed| renamed.as_millis() + 1_000 > since.as_millis()) {
                replaced.push(file.display.clone());
            }
        }
        self.evidence.replaced = Some(replaced);
    }

    /// Files of the configuration that were written lately, where no release of ours wrote them.
    fn edits(&mut self, since: Timestamp) {
        let Some(config) = self.asked.config else { return };
        for file in config.files() {
            let Ok(modified) =
                std::fs::metadata(OsStr::from_bytes(&file.path)).and_then(|metadata| metadata.modified())
            else {
                continue;
            };
            if let Some(changed) = at(modified).filter(|changed| *changed >= since) {
                self.evidence.changes.push(Change {
                    at: changed,
                    kind: ChangeKind::Edit,
                    what: format!("{} was written at {}", file.display, when::shown(changed)),
                    author: None,
                    meaning: Vec::new(),
                    touches: Vec::new(),
                    rollback: None,
                });
            }
        }
    }

    fn packages(&mut self) {
        let Some(since) = SystemTime::now().checked_sub(self.asked.back.min(Duration::from_hours(24))) else {
            return;
        };
        let Ok(told) = log::since(Path::new(DPKG_LOG), since) else { return };
        if told.steps.is_empty() && told.decided.is_empty() {
            return;
        }
        let names: Vec<String> = told.steps.iter().map(|step| step.name.clone()).take(5).collect();
        self.evidence.changes.push(Change {
            at: at(since).unwrap_or_default(),
            kind: ChangeKind::Package,
            what: format!(
                "packages changed in the last {} minutes: {}",
                self.asked.back.as_secs() / 60,
                names.join(", ")
            ),
            author: None,
            meaning: Vec::new(),
            touches: Vec::new(),
            rollback: None,
        });
    }

    /// The certificate on disk beside the one that is served.
    pub(super) fn certificates(&mut self) {
        let (Some(config), Some(certificates)) = (self.asked.config, &mut self.evidence.certificates) else {
            return;
        };
        let paths = config.nodes().filter(|node| node.is("ssl_certificate"));
        // What is relative lies beside the main file.
        let at_home = |path: &str| self.asked.place.config_dir.join(path).display().to_string();
        let paths: Vec<String> = paths.filter_map(|node| Some(at_home(node.arg_str(0)?))).collect();
        for certificate in certificates {
            for path in &paths {
                let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= PEM_BYTES_MAX);
                let bytes = if small { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
                let Some(found) = evenkeel_host::probe::Certificate::of_pem(&bytes) else { continue };
                let fits = found
                    .names
                    .iter()
                    .any(|name| *name == certificate.name || found.serial == certificate.served);
                if fits {
                    certificate.disk = Some(found.serial);
                    certificate.disk_until = Some(found.not_after);
                    certificate.path = Some(path.clone());
                }
            }
        }
    }
}
