//! What `rehearse` makes of trees that need what a sandbox lacks, or that mean it harm: an answer in time, and a machine
//! as it was.

mod harm;
mod needs;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::Ran;

/// What nginx needs to run the code of a tree.
const LUA: &str = "load_module modules/ndk_http_module.so;\nload_module modules/ngx_http_lua_module.so;\n";

/// How long an ordinary rehearsal may take on a busy machine.
const QUICK: Duration = Duration::from_secs(30);

/// A tree that is rehearsed.
struct Tree {
    directory: tempfile::TempDir,
}

impl Tree {
    /// A tree whose main file is `text`.
    fn new(text: &str) -> Tree {
        let directory = tempfile::Builder::new().prefix("evenkeel-bad-").tempdir().unwrap();
        std::fs::create_dir(directory.path().join("tree")).unwrap();
        std::fs::write(directory.path().join("tree/nginx.conf"), text).unwrap();
        Tree { directory }
    }

    /// A tree with `http` in its http block and `main` before it.
    fn http(main: &str, http: &str) -> Tree {
        Tree::new(&format!("{main}\nevents {{ worker_connections 4096; }}\nhttp {{\n{http}\n}}\n"))
    }

    fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.arg("rehearse").arg(self.path("tree")).args([
            "--prefix",
            "/etc/nginx",
            "--offline",
            "--json",
        ]);
        command.args(["--config", "/dev/null", "--nginx", "/usr/sbin/nginx"]);
        command.arg("--pid").arg(self.path("no.pid")).arg("--state-dir").arg(self.path("state"));
        command.args(more).current_dir(self.directory.path());
        command
    }

    /// Rehearses it. Standard input is open and says nothing.
    #[track_caller]
    fn rehearse(&self, more: &[&str], within: Duration) -> Ran {
        let began = Instant::now();
        let mut command = self.command(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let silent = child.stdin.take();
        let ran = Ran::from(child.wait_with_output().unwrap());
        drop(silent);
        assert!(!ran.said().contains("panicked") && ran.code >= 0, "{ran:?}");
        assert!(began.elapsed() < within, "it took {:?}: {ran:?}", began.elapsed());
        ran
    }

    /// Holds that the tree works, in the sandbox and in the reduced mode.
    #[track_caller]
    fn works(&self) {
        for more in [&[][..], &["--mode", "reduced"]] {
            let ran = self.rehearse(more, QUICK);
            assert_eq!(ran.code, 0, "{more:?}: {}\n{}", ran.out, ran.err);
        }
    }

    /// Holds that the start fails by this rule and with these words.
    #[track_caller]
    fn fails(&self, rule: &str, words: &str, within: Duration) {
        let report = self.rehearse(&[], within).ends(1).json();
        let findings = report["findings"].as_array().unwrap();
        let is_it = |finding: &serde_json::Value| {
            finding["rule"] == rule && finding["message"].as_str().is_some_and(|said| said.contains(words))
        };
        assert!(findings.iter().any(is_it), "no {rule}: {words}: {findings:#?}");
    }
}
