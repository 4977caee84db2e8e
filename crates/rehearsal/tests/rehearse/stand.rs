//! One helper for all tests: trees from text, rehearsed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use evenkeel_model::{Answer, Config, Files, Want, load};
use evenkeel_rehearsal::rehearse::{How, Question, Settings, Tree};
use evenkeel_rehearsal::{Finding, Report, rehearse};
use tempfile::TempDir;

/// The nginx of the machine.
const NGINX: &str = "/usr/sbin/nginx";
/// Where every tree lives inside.
const CONFIG_DIR: &str = "/etc/nginx";

/// Whether tests that do not say it are held without namespaces.
pub(crate) static REDUCED: AtomicBool = AtomicBool::new(false);

/// A tree in a directory of its own.
pub(crate) struct OnDisk {
    directory: TempDir,
    pub(crate) config: Config,
}

/// A tree of these files.
pub(crate) fn tree_of(files: &[(&str, &str)]) -> OnDisk {
    let directory = tempfile::Builder::new().prefix("evenkeel-test-").tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let config = read(directory.path());
    OnDisk { directory, config }
}

/// A tree whose http block is this.
pub(crate) fn tree(http: &str) -> OnDisk {
    tree_of(&[("nginx.conf", &main_file("", http))])
}

/// A main file: lines of its own at the top, and a http block.
pub(crate) fn main_file(top: &str, http: &str) -> String {
    let user = "user www-data;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\n";
    format!("{user}{top}\nevents {{ worker_connections 64; }}\nhttp {{\naccess_log off;\n{http}\n}}\n")
}

fn read(directory: &Path) -> Config {
    let settings = evenkeel_model::Settings::new(format!("{CONFIG_DIR}/nginx.conf").into_bytes());
    let mut files = Files::new();
    let below = |path: &[u8]| -> PathBuf {
        let path = Path::new(OsStr::from_bytes(path));
        path.strip_prefix(CONFIG_DIR).map_or(path.to_owned(), |below| directory.join(below))
    };
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(wants) => wants.0.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) => {
                        std::fs::read(below(path)).map_or(Answer::Absent, |bytes| Answer::Bytes(bytes.into()))
                    }
                    Want::Directory(path) => {
                        std::fs::read_dir(below(path)).map_or(Answer::Absent, |entries| {
                            Answer::Directory(
                                entries.map(|entry| entry.unwrap().file_name().as_bytes().to_vec()).collect(),
                            )
                        })
                    }
                    Want::Presence(path) if below(path).exists() => Answer::Present,
                    Want::Presence(_) => Answer::Unknown,
                };
                files.supply(want, answer);
            }),
        }
    }
}

/// How a test rehearses, unless it says otherwise: nobody outside is asked.
pub(crate) fn settings() -> Settings {
    Settings {
        program: "/proc/self/exe".into(),
        nginx: vec![NGINX.into()],
        config_dir: CONFIG_DIR.into(),
        args: Vec::new(),
        how: if REDUCED.load(Ordering::Relaxed) { How::Reduced } else { How::Best },
        offline: true,
        untrusted: false,
        master: None,
        load: None,
        changes: Vec::new(),
        to_come: Vec::new(),
        began: Instant::now(),
    }
}

/// Rehearses the way from one tree to another.
pub(crate) fn from_to(live: &OnDisk, new: &OnDisk) -> Report {
    run(Some(live), new, &[], &settings())
}

/// Rehearses.
pub(crate) fn run(
    live: Option<&OnDisk>,
    new: &OnDisk,
    questions: &[Question],
    settings: &Settings,
) -> Report {
    rehearsed(live.map(|live| live.as_tree(&[])).as_ref(), &new.as_tree(&[]), questions, settings)
}

/// Rehearses a tree with files that are kept elsewhere.
pub(crate) fn run_kept(new: &OnDisk, kept: &[(PathBuf, PathBuf)], questions: &[Question]) -> Report {
    rehearsed(None, &new.as_tree(kept), questions, &settings())
}

fn rehearsed(live: Option<&Tree<'_>>, new: &Tree<'_>, questions: &[Question], settings: &Settings) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(rehearse(new, live, questions, settings, &mut |_| {})).unwrap()
}

impl OnDisk {
    /// Where a file of it lies.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn as_tree<'t>(&'t self, kept: &'t [(PathBuf, PathBuf)]) -> Tree<'t> {
        Tree { directory: self.directory.path(), config: &self.config, kept }
    }
}

/// The only finding of a rule.
#[track_caller]
pub(crate) fn only<'r>(report: &'r Report, rule: &str) -> &'r Finding {
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == rule).collect();
    assert_eq!(found.len(), 1, "{:#?}", report.findings);
    found[0]
}

/// Whether nothing was found but that users would see nginx's own page: most trees here are about something else.
pub(crate) fn only_without_page(report: &Report) -> bool {
    report.findings.iter().all(|finding| finding.rule == "no-error-page")
}

/// The rules of the findings that are in the way.
pub(crate) fn blocking(report: &Report) -> BTreeSet<&'static str> {
    report.blocking(&[]).map(|finding| finding.rule).collect()
}
