//! What nginx says of a tree that is not in place (`nginx -t`), asked so that nothing on the host changes.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_syntax::fileset::FileSet;

use self::child::Part;
use self::covers::Covers;
use self::layout::Layout;
use self::stage::{Failed, prepare};
use super::find::Master;
use super::log::Level;
use crate::place::Place;
use crate::process::{RunError, run_command};

mod answer;
mod child;
mod covers;
mod layout;
mod stage;

/// A question to nginx.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The host.
    pub place: &'a Place,
    /// The running master, whose binary, arguments and limits are used; `None` asks the binary on disk, as a
    /// start would run it.
    pub master: Option<&'a Master>,
    /// Paths relative to the tree, of the live tree, that nginx must see although no bundle holds them: keys,
    /// password files.
    pub kept: &'a [PathBuf],
    /// What nginx may make or write when it reads this configuration: logs, the pid file, temporary and cache
    /// directories. They are covered, and what appears there is removed again. The built-in ones are added.
    pub written: &'a [PathBuf],
    /// How long it may take.
    pub limit: Duration,
}

/// What `nginx -t` said of a configuration. A refusal is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// nginx would read it.
    Accepted {
        /// What it remarked all the same.
        warnings: Vec<Message>,
    },
    /// nginx would not.
    Refused {
        /// Why, in its own words.
        messages: Vec<Message>,
    },
}

/// One thing that nginx said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// How bad it is.
    pub level: Level,
    /// The text, without level, place and secrets.
    pub text: String,
    /// The file it speaks of, absolute, as nginx sees it.
    pub file: Option<PathBuf>,
    /// The line there.
    pub line: Option<u32>,
}

/// Why there is no [`Verdict`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The kernel does not let us make a private view of the file system.
    #[error("make a private view of the file system to ask nginx in ({hint})")]
    NoNamespace {
        /// Which setting forbids it, as far as one can tell.
        hint: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The master lives in a namespace that we cannot enter.
    #[error("enter the namespace of nginx {pid} to ask it there ({hint})")]
    OtherNamespace {
        /// The master.
        pid: i32,
        /// What would help.
        hint: String,
    },
    /// The proposed tree could not be laid out.
    #[error("lay out the tree for nginx to read, at {path}", path = path.display())]
    LayOut {
        /// Which path failed.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// nginx could not be started.
    #[error("start {nginx}", nginx = nginx.display())]
    Start {
        /// The binary.
        nginx: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It did not answer in time and was killed.
    #[error("hear from {nginx} -t within {limit_ms} ms", nginx = nginx.display())]
    TimedOut {
        /// The binary.
        nginx: PathBuf,
        /// The limit, in milliseconds.
        limit_ms: u64,
    },
    /// Nobody wanted to hear of it any more; it was killed.
    #[error("hear from nginx -t: interrupted")]
    Interrupted,
    /// It was ended by a signal.
    #[error("hear from {nginx} -t: it was ended by signal {signal}", nginx = nginx.display())]
    Died {
        /// The binary.
        nginx: PathBuf,
        /// The signal.
        signal: i32,
    },
    /// The master has ended.
    #[error("ask nginx {pid}: it has ended")]
    Gone {
        /// The master.
        pid: i32,
    },
}

/// How much of what nginx says is read. A broken tree may have a warning for every server.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Asks what nginx would say if this tree stood at `place.config_dir`.
///
/// One thing cannot be kept from the host: nginx binds the addresses that nobody listens on yet, for as long as
/// it answers. An address that another process holds is no refusal to it: only a reload finds that out.
///
/// # Errors
/// [`CheckError`] when nginx could not be asked; never because the configuration is bad.
pub fn proposed(question: &Question<'_>, tree: &FileSet) -> Result<Verdict, CheckError> {
    ask(question, Some(tree), &|| false)
}

/// Asks as [`proposed`] does, until somebody says that it is enough; then [`CheckError::Interrupted`].
///
/// # Errors
/// [`CheckError`] as [`proposed`].
pub fn proposed_unless(
    question: &Question<'_>,
    tree: &FileSet,
    interrupted: &dyn Fn() -> bool,
) -> Result<Verdict, CheckError> {
    ask(question, Some(tree), interrupted)
}

/// Asks what nginx says of what is on disk.
///
/// # Errors
/// [`CheckError`] when nginx could not be asked; never because the configuration is bad.
pub fn live(question: &Question<'_>) -> Result<Verdict, CheckError> {
    ask(question, None, &|| false)
}

fn ask(
    question: &Question<'_>,
    tree: Option<&FileSet>,
    interrupted: &dyn Fn() -> bool,
) -> Result<Verdict, CheckError> {
    let nginx = question.master.map_or(&question.place.nginx, |master| &master.exe).clone();
    if let Some(master) = question.master.filter(|master| !master.id.lives()) {
        return Err(CheckError::Gone { pid: master.id.pid });
    }
    let layout = match tree {
        Some(tree) => Some(Layout::of(question, tree)?),
        None => None,
    };
    let covers = Covers::over(question);
    let (command, report) = prepare(question, layout, &covers)?;
    let ended = run_command(command, &nginx, (question.limit, interrupted), OUTPUT_BYTES_MAX);
    covers.take_away();
    match ended {
        Ok(output) => match output.status.signal() {
            Some(signal) => Err(CheckError::Died { nginx, signal }),
            None => Ok(answer::read(output.status.success(), &output.stderr)),
        },
        Err(RunError::Interrupted { .. }) => Err(CheckError::Interrupted),
        Err(RunError::TimedOut { limit_ms, .. }) => Err(CheckError::TimedOut { nginx, limit_ms }),
        Err(RunError::Start { source, .. }) => Err(match report.failed() {
            Some(failed) => not_staged(question, failed),
            None => CheckError::Start { nginx, source },
        }),
        Err(RunError::Wait { source, .. }) => Err(CheckError::Start { nginx, source }),
    }
}

/// Says which of our own steps failed before nginx was run.
fn not_staged(question: &Question<'_>, failed: Failed) -> CheckError {
    let nginx = question.master.map_or(&question.place.nginx, |master| &master.exe).clone();
    let source = failed.source;
    match failed.part {
        Part::Enter => other_namespace(question.master.map_or(0, |master| master.id.pid)),
        Part::Unshare => CheckError::NoNamespace { hint: namespace_hint(Path::new("/proc/sys")), source },
        Part::LayOut => {
            let path = failed.path.unwrap_or_else(|| question.place.config_dir.clone());
            CheckError::LayOut { path, source }
        }
        Part::BecomeMaster => CheckError::Start { nginx, source },
    }
}

fn other_namespace(pid: i32) -> CheckError {
    CheckError::OtherNamespace { pid, hint: "run evenkeel as root, or in the container of nginx".to_owned() }
}

/// Names the setting that keeps us from making namespaces, as far as one can tell.
fn namespace_hint(sys: &Path) -> String {
    let value = |name: &str| {
        std::fs::read_to_string(sys.join(name)).ok().map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    if nix::unistd::geteuid().is_root() {
        return "root needs CAP_SYS_ADMIN, which this container or unit takes away".to_owned();
    }
    for (name, forbids, wanted) in [
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("user/max_user_namespaces", "0", "1000 or more"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0, or an AppArmor profile that allows userns"),
    ] {
        if value(name) == forbids {
            return format!("{} is {forbids}, it has to be {wanted}; or run as root", name.replace('/', "."));
        }
    }
    "run as root, or allow user namespaces".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_that_forbids_namespaces_is_named() {
        let sys = tempfile::tempdir().unwrap();
        if nix::unistd::geteuid().is_root() {
            assert!(namespace_hint(sys.path()).contains("CAP_SYS_ADMIN"));
            return;
        }
        assert_eq!(namespace_hint(sys.path()), "run as root, or allow user namespaces");
        std::fs::create_dir(sys.path().join("user")).unwrap();
        std::fs::write(sys.path().join("user/max_user_namespaces"), "0\n").unwrap();
        assert!(namespace_hint(sys.path()).starts_with("user.max_user_namespaces is 0"));
    }
}
