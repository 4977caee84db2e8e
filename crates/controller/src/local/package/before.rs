//! Before packages change: what is there is kept, what would be is looked at, and a proven no stops it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use evenkeel_agent::chain;
use evenkeel_fleet::journal::{Conffile, ConffileOutcome, PackageRun, PackageStage, PackageStep};
use evenkeel_fleet::{BundleId, Input};
use evenkeel_host::configdir::{bundles, read_entry};
use evenkeel_host::packages::conffile::{Force, md5, outcome};
use evenkeel_host::packages::dpkg::{Dpkg, NEW_CONFFILE};
use evenkeel_host::packages::protocol::{Action, Item};
use evenkeel_host::packages::unpacked::{Unpacked, declared_conffiles};
use evenkeel_host::place::ensure_state_dir;
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};
use evenkeel_syntax::secret::redact_str;

use super::super::settle::abandoned;
use super::super::{Host, HostError, Journal, Look, now};
use super::Touched;
use super::judge::Judged;
use crate::{diff, when};

/// A transaction that is about to begin.
#[derive(Debug, Clone)]
pub struct Before<'a> {
    /// Its packages.
    pub items: &'a [Item],
    /// The options that dpkg will get.
    pub options: &'a [String],
    /// The command line behind it.
    pub command: &'a str,
    /// Why somebody wants it in spite of everything.
    pub wanted: Option<&'a str>,
}

/// What will stand there.
struct Predicted {
    files: FileSet,
    conffiles: Vec<Conffile>,
    notes: Vec<String>,
}

impl Host {
    /// Looks at what is about to happen, keeps what is there, and writes the decision down. `None` when nothing of it matters
    /// to nginx.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at; then it has to pass.
    pub fn packages_before(&self, before: &Before<'_>) -> Result<Option<PackageRun>, HostError> {
        let dpkg = Dpkg::default();
        let touched = self.touched(&dpkg, before.items);
        if touched.is_empty() || !self.settings.place.main.exists() {
            return Ok(None);
        }
        ensure_state_dir(&self.settings.place.state_dir)?;
        let compiled = self.compiled(None)?;
        let (live, _) = self.live(&self.model_settings(&compiled, None))?;
        let files = &live.snapshot.files;
        let saved = bundles::save(&self.settings.place.state_dir, files);
        let mut notes: Vec<String> =
            saved.err().map(|error| warning("keep what stands here", &error)).into_iter().collect();
        let mut journal = match self.open_journal() {
            Ok(journal) => Some(journal),
            Err(error) => {
                notes.push(warning("write this down", &error));
                None
            }
        };
        let mut against = Vec::new();
        if let Some(journal) = &mut journal {
            against.extend(self.forbidden(journal));
            notes.extend(self.standing_here(journal, &live));
        }
        let force = dpkg.force(before.options.iter().map(String::as_str));
        let looked = self.look_ahead(&touched, force, &live);
        let mut run = PackageRun {
            host: self.settings.name.clone(),
            stage: PackageStage::Begun,
            packages: touched.into_iter().map(|it| it.step).collect(),
            who: self.settings.who.clone(),
            command: redact_str(before.command).into_owned(),
            before: Some(BundleId(files.digest().0)),
            after: None,
            conffiles: Vec::new(),
            changes: Vec::new(),
            diff: String::new(),
            effect: String::new(),
            evidence: Vec::new(),
            notes,
            held: None,
        };
        match looked {
            Ok((predicted, judged)) => {
                run.after = Some(BundleId(predicted.files.digest().0));
                run.changes = diff::changes(files, &predicted.files);
                run.diff = diff::text(files, &predicted.files);
                run.conffiles = predicted.conffiles;
                run.notes.extend(predicted.notes);
                run.effect = judged.effect;
                run.evidence = judged.evidence;
                match judged.refused {
                    Some(_) if !self.starts_now(&live) => run.notes.push(
                        "nginx refuses what stands here already: the packages are not the cause, and a restart by them would \
take it down; automatic ones are held back"
                            .to_owned(),
                    ),
                    refused => against.extend(refused),
                }
            }
            Err(error) => run.notes.push(warning("look ahead", &error)),
        }
        if !against.is_empty() {
            let reason = against.join("; ");
            run.stage = match before.wanted {
                Some(why) => PackageStage::Overridden { reason, why: redact_str(why).into_owned() },
                None => PackageStage::Stopped(reason),
            };
        }
        if let Some(journal) = &mut journal
            && let Err(error) = journal.tell(&self.runtime, &Input::Packages(run.clone()))
        {
            run.notes.push(warning("write this down", &error));
        }
        Ok(Some(run))
    }

    /// The packages that matter, each once.
    fn touched(&self, dpkg: &Dpkg, items: &[Item]) -> Vec<Touched> {
        let names: BTreeSet<String> = items.iter().map(|item| item.name.clone()).collect();
        let known = dpkg.installed(&names).unwrap_or_default();
        let mut all: BTreeMap<&str, Touched> = BTreeMap::new();
        for item in items {
            let of_name = all.entry(&item.name).or_insert_with(|| {
                let known = known.get(&item.name).cloned();
                let here =
                    known.as_ref().filter(|it| it.state != "config-files").map(|it| it.version.clone());
                let old = item.old.clone().or(here);
                let step = PackageStep { name: item.name.clone(), old, new: item.new.clone() };
                Touched { step, archive: None, known }
            });
            if let Action::Unpack(archive) = &item.action {
                of_name.archive = Some(archive.clone());
            }
        }
        let matters =
            |it: &Touched| self.matters(dpkg, &it.step.name, it.known.as_ref(), it.archive.as_deref());
        all.into_values().filter(matters).collect()
    }

    /// What stands in the way of any change now.
    fn forbidden(&self, journal: &Journal) -> Vec<String> {
        let frozen = journal.fleet().frozen(&self.settings.name, now()).map(|freeze| {
            let until =
                freeze.until.map_or_else(String::new, |until| format!(" until {}", when::shown(until)));
            format!("frozen by {}{until}: {}", freeze.who, freeze.why)
        });
        let open = self.agent_here().standing().ok().flatten();
        let open = open.filter(|record| record.stage().unconfirmed() && !abandoned(record)).map(|record| {
            format!("{} is {} and waits for its confirmation", record.applying.release, record.stage().name())
        });
        frozen.into_iter().chain(open).collect()
    }

    /// Makes what stands here the confirmed bundle where nothing was confirmed yet, so that there is a way back; says where it is
    /// not what was confirmed.
    fn standing_here(&self, journal: &mut Journal, live: &Look) -> Option<String> {
        let here = BundleId(live.snapshot.files.digest().0);
        match journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed()) {
            Some(confirmed) if confirmed == here => None,
            Some(confirmed) => Some(format!(
                "what stands here was not released: it is kept as bundle {}, the confirmed one is {}",
                here.short(),
                confirmed.short()
            )),
            None => {
                let adopted = self.adopt_look(journal, live, "what stood here before packages changed it");
                adopted.err().map(|error| warning("adopt what stands here", &error))
            }
        }
    }

    /// Unpacks what comes beside the system, works out what dpkg will do with each configuration file, and asks the nginx that
    /// will be there.
    fn look_ahead(
        &self,
        touched: &[Touched],
        force: Force,
        live: &Look,
    ) -> Result<(Predicted, Judged), HostError> {
        let mut unpacked = Unpacked::below(&self.settings.place.state_dir)?;
        let mut predicted =
            Predicted { files: live.snapshot.files.clone(), conffiles: Vec::new(), notes: Vec::new() };
        let mut of = "as it is installed";
        for package in touched {
            match &package.archive {
                Some(archive) => {
                    let archive = std::path::absolute(archive).unwrap_or_else(|_| archive.clone());
                    let root = unpacked.add(&archive)?;
                    let nginx = &self.settings.place.nginx;
                    if root.join(nginx.strip_prefix("/").unwrap_or(nginx)).exists() {
                        of = "of the new package";
                    }
                    self.predict(&mut predicted, package, (&archive, root), force)?;
                }
                None if package.step.new.is_none() => {
                    predicted.notes.push(format!("{} is taken away", package.step.name));
                }
                None => {}
            }
        }
        let asked: Vec<&str> = predicted
            .conffiles
            .iter()
            .filter(|it| it.outcome == ConffileOutcome::Undecided)
            .map(|it| it.path.as_str())
            .collect();
        if !asked.is_empty() {
            predicted.notes.push(format!(
                "dpkg will ask about {}: without a terminal the package stays half configured; -o \
Dpkg::Options::=--force-confold keeps what is here",
                asked.join(", ")
            ));
        }
        let was = self.baseline(&live.snapshot.files, live)?;
        let judged = unpacked.laid_over(|| self.judge(&predicted.files, (live, &was), of));
        let judged = match judged {
            Ok(judged) => judged?,
            Err(error) => {
                predicted.notes.push(format!(
                    "the nginx that comes could not be asked ({error}); the one that is installed was"
                ));
                self.judge(&predicted.files, (live, &was), "as it is installed")?
            }
        };
        Ok((predicted, judged))
    }

    /// What dpkg will do with the configuration files of one package.
    fn predict(
        &self,
        predicted: &mut Predicted,
        package: &Touched,
        (archive, root): (&Path, &Path),
        force: Force,
    ) -> Result<(), HostError> {
        let config_dir = &self.settings.place.config_dir;
        let known = package.known.iter().flat_map(|known| &known.conffiles);
        let shipped: BTreeMap<&Path, &str> = known
            .filter(|it| it.path.starts_with(config_dir) && !it.obsolete)
            .map(|it| (it.path.as_path(), it.shipped.as_str()))
            .collect();
        let declared: BTreeSet<_> =
            declared_conffiles(archive)?.into_iter().filter(|path| path.starts_with(config_dir)).collect();
        let all: BTreeSet<&Path> =
            shipped.keys().copied().chain(declared.iter().map(|it| it.as_path())).collect();
        for path in all {
            let relative = self.relative(path);
            let Ok(name) = RelPath::new(relative.as_os_str().as_bytes().to_vec()) else { continue };
            let below = root.join(path.strip_prefix("/").unwrap_or(path));
            let comes = match declared.contains(path).then(|| read_entry(&below)) {
                Some(Ok(Some(Entry::File(bytes)))) => Some(bytes),
                _ => None,
            };
            // dpkg follows a link to what it compares.
            let stands = std::fs::read(path).ok().map(|bytes| md5(&bytes));
            let was = shipped.get(path).copied().filter(|digest| *digest != NEW_CONFFILE);
            let will = comes.as_deref().map(md5);
            let Some(outcome) = outcome(was, stands.as_deref(), will.as_deref(), force) else { continue };
            let is_link = matches!(predicted.files.get(&name), Some(Entry::Link(_)));
            if let (Some(bytes), false) = (comes, is_link) {
                put(&mut predicted.files, &name, Entry::File(bytes), outcome);
            }
            let package = package.step.name.clone();
            predicted.conffiles.push(Conffile { path: diff::shown(&name), package, outcome });
        }
        Ok(())
    }
}

/// Lays the package's file into the tree as dpkg will: in its place, or beside it.
fn put(files: &mut FileSet, name: &RelPath, comes: Entry, outcome: ConffileOutcome) {
    let beside = |suffix: &str| RelPath::new([name.as_bytes(), suffix.as_bytes()].concat()).ok();
    match outcome {
        ConffileOutcome::Replaced | ConffileOutcome::Appeared => {
            files.insert(name.clone(), comes);
        }
        ConffileOutcome::Overwritten => {
            if let (Some(old), Some(beside)) = (files.insert(name.clone(), comes), beside(".dpkg-old")) {
                files.insert(beside, old);
            }
        }
        ConffileOutcome::Kept | ConffileOutcome::StaysDeleted => {
            beside(".dpkg-dist").map(|beside| files.insert(beside, comes));
        }
        ConffileOutcome::Undecided => {
            beside(".dpkg-new").map(|beside| files.insert(beside, comes));
        }
        ConffileOutcome::Dropped => {}
    }
}

/// What could not be done, without standing in the way.
fn warning(what: &str, error: &dyn std::error::Error) -> String {
    format!("could not {what}: {}", chain(error))
}

/// The path of a conffile as dpkg logs it, in the tree.
pub(super) fn in_tree(config_dir: &Path, path: &Path) -> Option<RelPath> {
    let relative: &OsStr = path.strip_prefix(config_dir).ok()?.as_os_str();
    RelPath::new(relative.as_bytes().to_vec()).ok()
}
