//! A control group of the test's own, whose members can be killed at once.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the second version of control groups is mounted, alone or beside the first.
const ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// A control group; gone when it goes out of scope.
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes one. `None`, with a line that says so, where none can be made: then those that would be in it are killed
    /// one by one, all at once.
    pub(crate) fn new() -> Option<Cgroup> {
        let name = format!("evenkeel-test-{}", std::process::id());
        for root in ROOTS.iter().filter(|root| Path::new(root).join("cgroup.procs").exists()) {
            let path = Path::new(root).join(&name);
            if std::fs::create_dir(&path).is_ok() {
                let group = Cgroup { path };
                if group.path.join("cgroup.kill").exists() {
                    return Some(group);
                }
            }
        }
        println!("no control group can be made here: its members are killed by their numbers");
        None
    }

    /// The same command, begun in this group.
    pub(crate) fn command(&self, command: &Command) -> Command {
        let mut shell = Command::new("/bin/sh");
        let script = format!("echo $$ >{}; exec \"$@\"", self.path.join("cgroup.procs").display());
        shell.arg("-c").arg(script).arg("sh").arg(command.get_program()).args(command.get_args());
        shell
    }

    /// Kills every member.
    pub(crate) fn kill(&self) {
        std::fs::write(self.path.join("cgroup.kill"), "1").unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _still_has_members = std::fs::remove_dir(&self.path);
    }
}
