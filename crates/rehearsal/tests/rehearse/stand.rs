//! One helper for all tests: trees from text, rehearsed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use evenkeel_model::{Answer, Config, Files, Want, load};
use evenkeel_rehearsal::rehearse::{How, Question, Settings, Tree};
use evenkeel_rehearsal::{Finding, Report, rehearse};
use tempfile::TempDir;

/// The nginx of the machine.
const NGINX: &str = "/usr/sbin/nginx";
/// Where every tree lives inside.
const CONFIG_DIR: &str = "/etc/nginx";

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
        how: How::Best,
        offline: true,
        untrusted: false,
        master: None,
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tree = |it: &'_ OnDisk| -> (PathBuf, ()) { (it.directory.path().to_owned(), ()) };
    let (directory, ()) = tree(new);
    let live_directory = live.map(|live| tree(live).0);
    let old = live.zip(live_directory.as_deref()).map(|(live, directory)| Tree {
        directory,
        config: &live.config,
        kept: &[],
    });
    let new = Tree { directory: &directory, config: &new.config, kept: &[] };
    runtime.block_on(rehearse(&new, old.as_ref(), questions, settings, &mut |_| {})).unwrap()
}

/// The only finding of a rule.
#[track_caller]
pub(crate) fn only<'r>(report: &'r Report, rule: &str) -> &'r Finding {
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.rule == rule).collect();
    assert_eq!(found.len(), 1, "{:#?}", report.findings);
    found[0]
}

/// The rules of the findings that are in the way.
pub(crate) fn blocking(report: &Report) -> BTreeSet<&'static str> {
    report.blocking(&[]).map(|finding| finding.rule).collect()
}
