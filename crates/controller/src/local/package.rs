//! Packages: what a package manager is about to do to this host, what it did, and whether nginx would come up afterwards.
//!
//! A package operation is never broken by a failure of ours: every error here lets it pass, with a warning. Only a proven no
//! stops it.

mod after;
mod before;
mod judge;

use std::path::{Path, PathBuf};

use evenkeel_fleet::journal::{PackageStep, Served};
use evenkeel_fleet::{BundleId, Input};
use evenkeel_host::configdir::bundles;
use evenkeel_host::nginx::check::Verdict;
use evenkeel_host::packages::dpkg::{Dpkg, Installed};
use evenkeel_host::packages::hold;
use evenkeel_host::packages::unpacked::declared_conffiles;

pub use after::After;
pub use before::Before;

use super::{Ended, Host, HostError, Outcome};
use crate::stages;

/// Packages that are nginx, or belong to it, by the beginning of their names.
const NGINX_NAMES: &[&str] = &["nginx", "libnginx-mod-", "angie", "openresty", "freenginx", "tengine"];

/// A package that matters here.
struct Touched {
    step: PackageStep,
    /// What will be unpacked.
    archive: Option<PathBuf>,
    /// What dpkg knows of it.
    known: Option<Installed>,
}

impl Host {
    /// Whether a package is nginx, a module of it, or has a file in the tree.
    fn matters(&self, dpkg: &Dpkg, name: &str, known: Option<&Installed>, archive: Option<&Path>) -> bool {
        let (config_dir, nginx) = (&self.settings.place.config_dir, &self.settings.place.nginx);
        let real = std::fs::canonicalize(nginx).unwrap_or_else(|_| nginx.clone());
        let is_ours = |path: &Path| path.starts_with(config_dir) && path != config_dir;
        NGINX_NAMES.iter().any(|start| name.starts_with(start))
            || known.is_some_and(|known| known.conffiles.iter().any(|it| is_ours(&it.path)))
            || known.is_some_and(|known| {
                dpkg.has_file(name, known, |path| is_ours(path) || path == nginx || path == real)
            })
            || archive
                .and_then(|archive| declared_conffiles(archive).ok())
                .is_some_and(|all| all.iter().any(|path| is_ours(path)))
    }

    /// Why an automatic restart or reload should not happen now, if it should not: what a package left is held back, or nginx
    /// would not start with what is on disk. What cannot be looked at holds nothing back.
    #[must_use]
    pub fn package_policy(&self, action: &str) -> Option<String> {
        const COMES_UP: &[&str] =
            &["start", "restart", "try-restart", "reload", "force-reload", "reload-or-restart", "upgrade"];
        if !COMES_UP.contains(&action) {
            return None;
        }
        if let Some(reason) = hold::held(&self.settings.place.state_dir) {
            return Some(reason);
        }
        let looked = || -> Result<Verdict, HostError> {
            let compiled = self.compiled(None)?;
            let (live, _) = self.live(&self.model_settings(&compiled, None))?;
            self.restart_works(&live)
        };
        match looked() {
            Ok(refused @ Verdict::Refused { .. }) => {
                Some(stages::preflight_evidence(&refused, "nginx as it is installed").summary)
            }
            Ok(Verdict::Accepted { .. }) | Err(_) => None,
        }
    }

    /// Writes down that a service manager started nginx, or had it read its tree again, and what stood there.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at or written down.
    pub fn package_unit(&self, action: &str) -> Result<BundleId, HostError> {
        let compiled = self.compiled(None)?;
        let (live, _) = self.live(&self.model_settings(&compiled, None))?;
        let bundle = BundleId(bundles::save(&self.settings.place.state_dir, &live.snapshot.files)?.0);
        let (host, who) = (self.settings.name.clone(), self.settings.who.clone());
        let served = Served { host, action: action.to_owned(), bundle, who };
        let mut journal = self.open_journal()?;
        let _ = journal.tell(&self.runtime, &Input::Served(served))?;
        Ok(bundle)
    }

    /// Allows automatic restarts again after a command that ended well: what is on disk now is somebody's will.
    pub(super) fn lift_hold(&self, mut outcome: Outcome) -> Outcome {
        let good = match outcome.ended {
            Ended::Confirmed | Ended::TakenBack { proven: true } => true,
            // `adopt` of what is confirmed already.
            Ended::Unchanged => true,
            _ => false,
        };
        if good {
            match hold::lift(&self.settings.place.state_dir) {
                Ok(true) => {
                    outcome.notes.push("automatic restarts of nginx are no longer held back".to_owned());
                }
                Ok(false) => {}
                Err(error) => outcome.notes.push(format!("automatic restarts are still held back: {error}")),
            }
        }
        outcome
    }
}
