//! What package managers did to the tree, from what they leave: their logs, their files beside ours.

use std::path::Path;
use std::time::{Duration, SystemTime};

use evenkeel_fleet::journal::{Author, Conffile, DriftChange, KnownBy};
use evenkeel_host::packages::dpkg::{Dpkg, Installed};
use evenkeel_host::packages::{history, log};
use evenkeel_syntax::fileset::FileSet;
use evenkeel_syntax::secret::redact_str;

use super::super::Host;

/// How far a change and a line of a log may lie apart.
const SLACK: Duration = Duration::from_secs(60);
/// A package manager that wrote into its log within this time may have changed the tree.
const LATELY: Duration = Duration::from_secs(120);
/// Where apt writes what it was told to do.
const APT_HISTORY: &str = "/var/log/apt/history.log";
/// What package managers leave beside a file.
const LEFT: &[&str] = &[".dpkg-new", ".dpkg-dist", ".dpkg-old"];

impl Host {
    /// Each configuration file of a package about which a package manager decided since the oldest change, and what became
    /// of it. Authors that nobody saw are filled in from that.
    pub(super) fn by_packages(
        &self,
        changes: &mut [DriftChange],
        (released, live): (&FileSet, &FileSet),
    ) -> Vec<Conffile> {
        let dpkg = Dpkg::default();
        let config_dir = &self.settings.place.config_dir;
        let Ok(known) = dpkg.owners(config_dir) else { return Vec::new() };
        let times: Vec<Option<SystemTime>> =
            changes.iter().map(|change| touched(&config_dir.join(&change.path))).collect();
        let Some(since) = times.iter().flatten().min().and_then(|oldest| oldest.checked_sub(SLACK)) else {
            return Vec::new();
        };
        let told = log::since(&dpkg.log, since).unwrap_or_default();
        let outcomes = self.outcomes(&known, (released, live), &told, None);
        for (change, at) in changes.iter_mut().zip(times) {
            // Their books tell better than what merely ran at that time.
            if change.author.as_ref().is_some_and(|author| author.known_by <= KnownBy::Package) {
                continue;
            }
            let left = LEFT.iter().find_map(|left| change.path.strip_suffix(left));
            let path = left.unwrap_or(&change.path);
            let decided = outcomes.iter().find(|it| it.path == path).map(|it| &it.package);
            // Until it has asked, dpkg leaves all of them beside, also those about which there is nothing to ask.
            let owns = |it: &Installed| it.conffiles.iter().any(|it| it.path == config_dir.join(path));
            let beside = || left.and_then(|_| known.iter().find(|(_, it)| owns(it))).map(|(name, _)| name);
            let Some(package) = decided.or_else(beside) else { continue };
            let run = at.and_then(|at| history::at(Path::new(APT_HISTORY), at).ok()?);
            let step = told.steps.iter().rev().find(|step| step.name == *package);
            let command = match (run.as_ref(), step) {
                (Some(run), _) => redact_str(&run.command).into_owned(),
                (None, Some(step)) => {
                    let version =
                        |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
                    format!("dpkg, {} from {} to {}", step.name, version(&step.old), version(&step.new))
                }
                (None, None) => format!("dpkg, of package {package}"),
            };
            change.author = Some(Author {
                command,
                pid: None,
                user: None,
                login: run.and_then(|run| run.by),
                unit: None,
                above: Vec::new(),
                known_by: KnownBy::Package,
            });
        }
        outcomes
    }
}

/// Whether a package manager wrote into its log within the last minutes.
pub(super) fn packages_ran_lately() -> bool {
    let written = std::fs::metadata(Dpkg::default().log).and_then(|meta| meta.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|ago| ago < LATELY))
}

/// When a path was touched last: it, or where nothing stands any more the directory that held it.
pub(super) fn touched(path: &Path) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::symlink_metadata(path).ok();
    let meta = meta.or_else(|| std::fs::symlink_metadata(path.parent()?).ok())?;
    let (seconds, nanos) = (u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
}
