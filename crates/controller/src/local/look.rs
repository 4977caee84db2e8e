//! Looking at this host: its nginx, its live tree, a proposed tree; and what is said of them.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_agent::Looks;
use evenkeel_fleet::{Evidence, EvidenceKind};
use evenkeel_host::configdir::{self, Keep, Snapshot};
use evenkeel_host::nginx::check::{self, CheckError, Question, Verdict};
use evenkeel_host::nginx::compiled::{Compiled, compiled};
use evenkeel_host::nginx::find::Master;
use evenkeel_host::nginx::generation::{Expected, LIMIT, STAY};
use evenkeel_model::{Config, RouteSpec};
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};

use super::{Host, HostError, Teller};
use crate::risk::Promises;
use crate::routes::Route;
use crate::source::{Root, Source};
use crate::stages::{self, Outside};

/// How long nginx may take to say what it thinks of a tree.
pub(super) const NGINX_WITHIN: Duration = Duration::from_secs(30);
/// How long nginx may take to say what it is.
pub const SAYS_WITHIN: Duration = Duration::from_secs(5);
/// A reload takes up to this many times as long as `nginx -t` of the same tree.
const RELOAD_PER_CHECK: u32 = 4;

/// A tree of this host: what it holds and what it means.
#[derive(Debug)]
pub struct Look {
    /// Files and links.
    pub snapshot: Snapshot,
    /// What they mean.
    pub config: Config,
    /// What an nginx with it looks like.
    pub outside: Outside,
}

/// What the running nginx said of a tree.
pub(super) struct Preflight {
    pub(super) evidence: Evidence,
    /// Whether it could be asked at all.
    pub(super) asked: bool,
    pub(super) took: Duration,
}

impl Host {
    /// What the nginx of this host was built with: the running binary where there is one.
    pub(super) fn compiled(&self, master: Option<&Master>) -> Result<Compiled, HostError> {
        let exe = master.map(|master| PathBuf::from(format!("/proc/{}/exe", master.id.pid)));
        let binary = exe.as_deref().unwrap_or(&self.settings.place.nginx);
        Ok(compiled(binary, SAYS_WITHIN)?)
    }

    pub(super) fn model_settings(
        &self,
        compiled: &Compiled,
        master: Option<&Master>,
    ) -> evenkeel_model::Settings {
        let nginx_v =
            format!("nginx/{}\nconfigure arguments: {}", compiled.version, compiled.arguments.join(" "));
        let args = master.map(|master| &master.args);
        let prefix = args.and_then(|args| args.prefix.as_deref());
        let error_log = args.and_then(|args| args.error_log.as_deref());
        stages::settings(&self.settings.place.main, Some(&nginx_v), prefix, error_log)
    }

    /// In what the nginx that runs differs from the one that a restart would bring, when its file was replaced since.
    pub(super) fn replaced(&self, master: &Master, runs: &Compiled) -> Option<String> {
        if !master.exe_deleted {
            return None;
        }
        let on_disk = compiled(&self.settings.place.nginx, SAYS_WITHIN);
        let on_disk = on_disk.map_or_else(|error| format!("unknown ({error})"), |it| it.version);
        let (pid, version) = (master.id.pid, &runs.version);
        Some(format!(
            "nginx {pid} runs version {version} from a file that was replaced since, and {} is version {on_disk} now: \
             it takes over only at a binary upgrade (USR2) or a restart",
            self.settings.place.nginx.display()
        ))
    }

    /// The live tree as it stands on disk.
    pub(super) fn live(&self, settings: &evenkeel_model::Settings) -> Result<(Look, Keep), HostError> {
        let config_dir = &self.settings.place.config_dir;
        let config = Source::new(Root::Directory(config_dir), config_dir, true).load(settings);
        let keep = self.keep(&config)?;
        let snapshot = configdir::read(config_dir, &keep)?;
        let outside = stages::outside(&config);
        Ok((Look { snapshot, config, outside }, keep))
    }

    /// A proposed tree, as it would stand on this host: with the keys that are kept there.
    pub(super) fn proposed(
        &self,
        tree: &Path,
        settings: &evenkeel_model::Settings,
        live: &Look,
        keep: &Keep,
    ) -> Result<Look, HostError> {
        let snapshot = configdir::read(tree, keep)?;
        let main = self.relative(&self.settings.place.main);
        let has_main = RelPath::new(main.as_os_str().as_bytes().to_vec())
            .is_ok_and(|main| snapshot.files.get(&main).is_some());
        if !has_main {
            return Err(HostError::NoMain { main, tree: tree.to_path_buf() });
        }
        let config = self.meaning(&snapshot.files, settings, live);
        // What the proposed configuration writes inside the tree is not part of it either.
        let keep = keep.clone().with_paths(
            stages::written_inside(&config, &self.settings.place.config_dir).iter().map(Vec::as_slice),
        )?;
        let snapshot = configdir::read(tree, &keep)?;
        let outside = stages::outside(&config);
        Ok(Look { snapshot, config, outside })
    }

    /// What a tree in memory would mean on this host.
    pub(super) fn meaning(
        &self,
        files: &FileSet,
        settings: &evenkeel_model::Settings,
        live: &Look,
    ) -> Config {
        let config_dir = &self.settings.place.config_dir;
        let root = Root::Files { files, live: config_dir, kept: &live.snapshot.kept };
        Source::new(root, config_dir, true).load(settings)
    }

    fn keep(&self, config: &Config) -> Result<Keep, HostError> {
        let written = stages::written_inside(config, &self.settings.place.config_dir);
        let pid = self.settings.place.pid.strip_prefix(&self.settings.place.config_dir).ok();
        let paths = written.iter().map(Vec::as_slice).chain(pid.map(|pid| pid.as_os_str().as_bytes()));
        let patterns = self.settings.keep.iter().map(|line| line.as_bytes());
        Ok(Keep::default().with_patterns(patterns)?.with_paths(paths)?)
    }

    /// Asks the running nginx what it thinks of a tree. Where it cannot be asked, that is an error unless it was `accepted`
    /// to go on without: then the evidence says so.
    pub(super) fn preflight(
        &self,
        master: &Master,
        files: &FileSet,
        (live, new): (&Look, &Outside),
        accepted: bool,
        teller: &dyn Teller,
    ) -> Result<Preflight, HostError> {
        let started = Instant::now();
        let question = self.question(Some(master), live, new);
        let by = format!("the running nginx (process {})", master.id.pid);
        let (evidence, asked) = match check::proposed_unless(&question, files, &|| teller.interrupted()) {
            Ok(verdict) => (stages::preflight_evidence(&verdict, &by), true),
            Err(error @ CheckError::Interrupted) => return Err(error.into()),
            Err(error) if accepted => {
                let why = format!("not asked, and accepted to go on without: {error}");
                (Evidence::new(EvidenceKind::Preflight, true, why), false)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Preflight { evidence, asked, took: started.elapsed() })
    }

    /// Whether a start of nginx would work with what is on disk now.
    pub(super) fn restart_works(&self, live: &Look) -> Result<Verdict, HostError> {
        Ok(check::live(&self.question(None, live, &live.outside))?)
    }

    /// Whether a start of nginx would work with these files on disk.
    pub(super) fn would_start(&self, files: &FileSet, live: &Look) -> Result<Verdict, HostError> {
        Ok(check::proposed(&self.question(None, live, &live.outside), files)?)
    }

    pub(super) fn question<'a>(
        &'a self,
        master: Option<&'a Master>,
        live: &'a Look,
        new: &'a Outside,
    ) -> Question<'a> {
        Question {
            place: &self.settings.place,
            master,
            kept: &live.snapshot.kept,
            written: &new.written,
            limit: NGINX_WITHIN,
        }
    }

    /// The routes of a tree that are asked of a running nginx.
    pub(super) fn routes(&self, files: &FileSet) -> Result<Vec<Route>, String> {
        routes_toml(files, self.settings.routes)
    }

    /// Everything that the `routes.toml` of a tree expects.
    pub(super) fn expected(&self, files: &FileSet) -> Result<Vec<RouteSpec>, String> {
        routes_toml(files, self.settings.expected)
    }

    /// Everything that the `routes.toml` of a tree promises.
    pub(super) fn promises(&self, files: &FileSet) -> Result<Promises, String> {
        let invariants = routes_toml(files, self.settings.invariants)?;
        Ok(Promises { routes: self.expected(files)?, invariants })
    }
}

fn routes_toml<T>(files: &FileSet, read: fn(&str) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    let Ok(path) = RelPath::new("routes.toml") else { return Ok(Vec::new()) };
    match files.get(&path) {
        Some(Entry::File(bytes)) => {
            let text = std::str::from_utf8(bytes).map_err(|_| "routes.toml is not text".to_owned())?;
            read(text).map_err(|why| format!("routes.toml: {why}"))
        }
        _ => Ok(Vec::new()),
    }
}

/// What an nginx looks like, and how long a reload may take when `nginx -t` took `check`.
pub(super) fn looks(outside: &Outside, check: Duration) -> Looks {
    looks_within(outside, LIMIT.max(check * RELOAD_PER_CHECK))
}

/// What an nginx looks like when a reload may take so long.
pub(super) fn looks_within(outside: &Outside, limit: Duration) -> Looks {
    let expected = Expected { workers: outside.workers, listens: outside.listens.clone(), stay: STAY, limit };
    Looks { expected, error_logs: outside.error_logs.clone() }
}
