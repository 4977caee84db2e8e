//! The lab, for real: it comes up, every outage happens in it and is put right, and nothing of it is left. As root and as
//! an ordinary user the same; what differs is how users are mapped.

mod life;
mod outages;
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// A lab of this test alone; gone with it.
struct Lab {
    dir: PathBuf,
    _above: tempfile::TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _it_may_be_down = evenkeel(&self.dir, &["down"]);
    }
}

fn evenkeel(dir: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("lab").arg(words[0]).arg("--dir").arg(dir).args(&words[1..]).output().unwrap()
}

impl Lab {
    /// A directory for one.
    fn new() -> Lab {
        let above = tempfile::tempdir().unwrap();
        Lab { dir: above.path().join("lab"), _above: above }
    }

    /// One that is up.
    fn up() -> Lab {
        let lab = Lab::new();
        lab.json(&["up"]);
        lab
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("--json");
        let output = evenkeel(&self.dir, &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The exit code of a command on a host, and all that it said.
    fn shell(&self, host: &str, words: &[&str]) -> (i32, String) {
        let output = evenkeel(&self.dir, &[&["shell", host, "--"], words].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
    }

    /// What one user gets.
    #[track_caller]
    fn ask(&self, from: &str, to: &str, how: &[&str]) -> Value {
        let how = if how.is_empty() { &["GET", "/"][..] } else { how };
        let (code, said) = self.shell(from, &[&["evenkeel", "__lab", "ask", to], how].concat());
        assert_eq!(code, 0, "{said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Every process that holds it or is in it by name: the keeper, and the first one of each host.
    fn holders(&self) -> Vec<i64> {
        let text = std::fs::read(self.dir.join("lab.json")).unwrap_or_default();
        let state: Value = serde_json::from_slice(&text).unwrap_or_default();
        let hosts = state["hosts"].as_array().cloned().unwrap_or_default();
        let hosts = hosts.iter().map(|host| host["init"]["pid"].clone());
        std::iter::once(state["keeper"]["pid"].clone()).chain(hosts).filter_map(|pid| pid.as_i64()).collect()
    }
}

#[track_caller]
fn wait_until(what: &str, is: impl Fn() -> bool) {
    wait_until_or(what, is, String::new);
}

/// The same; `said` is what helps to see why it did not come.
#[track_caller]
fn wait_until_or(what: &str, is: impl Fn() -> bool, said: impl Fn() -> String) {
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < PATIENCE, "not so in time: {what}\n{}", said());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_gone(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    matches!(state, None | Some("Z" | "X"))
}
