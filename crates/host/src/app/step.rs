//! One step of an application: what is run, as whom, for how long.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{self, RunError};

/// How much of what a step says is kept, in bytes.
const SAID_BYTES_MAX: usize = 16 << 10;
/// Longest version.
const VERSION_BYTES_MAX: usize = 64;
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One step, as this host defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// The program, as an absolute path, and its arguments. `{old}` and `{new}` stand for the versions.
    pub command: Vec<String>,
    /// Who runs it; whoever runs this when `None`.
    pub user: Option<String>,
    /// How long it may take.
    pub within: Duration,
}

/// From which version to which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// What runs before the release; empty when nobody says.
    pub old: String,
    /// What runs after it.
    pub new: String,
}

/// Why a step did not do what it is for.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// It has no program, or one without a place.
    #[error("run step {0}: its program must be an absolute path")]
    NoProgram(String),
    /// There is no such user.
    #[error("run step {step}: there is no user {user}")]
    NoUser {
        /// The step.
        step: String,
        /// The user.
        user: String,
    },
    /// Only root can be somebody else.
    #[error("run step {step} as {user}: only root can; run as root")]
    NotRoot {
        /// The step.
        step: String,
        /// The user.
        user: String,
    },
    /// It did not run to its end.
    #[error("run step {step}")]
    Run {
        /// The step.
        step: String,
        /// Why not.
        source: RunError,
    },
    /// It says that it failed.
    #[error("run step {step}: {status}{said}")]
    Failed {
        /// The step.
        step: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last words.
        said: String,
    },
}

/// Whether a text may be a version: it becomes an argument of somebody's program.
pub fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-~".contains(&byte);
    !text.is_empty() && text.len() <= VERSION_BYTES_MAX && text.bytes().all(plain) && !text.starts_with('-')
}

impl Step {
    /// Runs it to its end. `enough` is asked a few times a second whether somebody wants it to stop.
    ///
    /// # Errors
    /// [`StepError`]; what it had started is killed.
    pub fn run(&self, versions: &Versions, enough: &dyn Fn() -> bool) -> Result<(), StepError> {
        let filled = |word: &String| word.replace("{old}", &versions.old).replace("{new}", &versions.new);
        let mut words = self.command.iter().map(filled);
        let program = words.next().map(PathBuf::from).filter(|program| program.is_absolute());
        let program = program.ok_or_else(|| StepError::NoProgram(self.name.clone()))?;
        let mut command = Command::new(&program);
        command.args(words).env_clear().env("PATH", PATH).current_dir("/");
        command.env("EVENKEEL_OLD_VERSION", &versions.old).env("EVENKEEL_NEW_VERSION", &versions.new);
        self.become_user(&mut command)?;
        let step = || self.name.clone();
        let ended = process::run_command(command, &program, (self.within, enough), SAID_BYTES_MAX)
            .map_err(|source| StepError::Run { step: step(), source })?;
        if ended.status.success() {
            return Ok(());
        }
        let words = if ended.stderr.is_empty() { &ended.stdout } else { &ended.stderr };
        let last = String::from_utf8_lossy(words);
        let last = last.trim().lines().next_back().unwrap_or_default();
        let said = if last.is_empty() { String::new() } else { format!(": {last}") };
        Err(StepError::Failed { step: step(), status: ended.status, said })
    }

    fn become_user(&self, command: &mut Command) -> Result<(), StepError> {
        let Some(user) = &self.user else { return Ok(()) };
        let (step, user) = (self.name.clone(), user.clone());
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let Some((uid, gid, home)) = account(&passwd, &user) else {
            return Err(StepError::NoUser { step, user });
        };
        let me = nix::unistd::geteuid();
        if me.as_raw() == uid {
            return Ok(());
        }
        if !me.is_root() {
            return Err(StepError::NotRoot { step, user });
        }
        // Whoever becomes another user this way has none of root's groups either.
        command.uid(uid).gid(gid).env("HOME", home).env("USER", &user).env("LOGNAME", &user);
        Ok(())
    }
}

/// User, group and home of a name. The file itself is read: a static program must not load name service modules.
fn account(passwd: &str, name: &str) -> Option<(u32, u32, String)> {
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&name))?;
    let number = |at: usize| fields.get(at).and_then(|text| text.parse().ok());
    Some((number(2)?, number(3)?, (*fields.get(5)?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(words: &[&str]) -> Step {
        let command = words.iter().map(|word| (*word).to_owned()).collect();
        Step { name: "update".to_owned(), command, user: None, within: Duration::from_secs(5) }
    }

    fn run(step: &Step) -> Result<(), StepError> {
        step.run(&Versions { old: "1.0".to_owned(), new: "1.1".to_owned() }, &|| false)
    }

    #[test]
    fn versions_are_arguments_and_never_more_than_one_each() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let script = format!("printf '%s|' \"$@\" > {}", out.display());
        run(&step(&["/bin/sh", "-c", &script, "sh", "{old}", "to {new}; rm -rf x"])).unwrap();
        assert_eq!(std::fs::read_to_string(out).unwrap(), "1.0|to 1.1; rm -rf x|");
    }

    #[test]
    fn step_that_fails_or_hangs_says_so() {
        let failed = run(&step(&["/bin/sh", "-c", "echo one; echo no database >&2; exit 3"])).unwrap_err();
        assert!(failed.to_string().contains("exit status: 3: no database"), "{failed}");
        let slow = Step { within: Duration::from_millis(50), ..step(&["/bin/sleep", "60"]) };
        assert!(matches!(run(&slow), Err(StepError::Run { source: RunError::TimedOut { .. }, .. })));
        assert!(matches!(run(&step(&["sleep", "1"])), Err(StepError::NoProgram(_))));
        assert!(matches!(run(&step(&[])), Err(StepError::NoProgram(_))));
        let nobody = Step { user: Some("no-such-user".to_owned()), ..step(&["/bin/true"]) };
        assert!(matches!(run(&nobody), Err(StepError::NoUser { .. })));
    }

    #[test]
    fn another_user_runs_it_without_roots_groups() {
        let dir = tempfile::tempdir().unwrap();
        let other = Step {
            user: Some("nobody".to_owned()),
            ..step(&["/bin/sh", "-c", "test \"$(id -u)\" = 65534 && test \"$(id -G)\" = 65534"])
        };
        match run(&other) {
            Ok(()) => assert!(nix::unistd::geteuid().is_root()),
            Err(StepError::NotRoot { .. }) => assert!(!nix::unistd::geteuid().is_root()),
            Err(other) => panic!("{other} in {}", dir.path().display()),
        }
    }

    #[test]
    fn version_is_a_word() {
        for good in ["1.1", "2026-11-21", "v3+build.7", "1.0~rc1"] {
            assert!(is_version(good), "{good}");
        }
        for bad in ["", "-rf", "1 2", "1;2", "$(id)", "1\n2", "a/b", &"1".repeat(65)] {
            assert!(!is_version(bad), "{bad:?}");
        }
    }

    #[test]
    fn accounts_are_read_as_they_stand() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\ndeploy:x:1001:1002:,,,:/home/deploy:/bin/sh\nbroken:x\n";
        assert_eq!(account(passwd, "deploy"), Some((1001, 1002, "/home/deploy".to_owned())));
        assert_eq!(account(passwd, "broken"), None);
        assert_eq!(account(passwd, "dep"), None);
    }
}
