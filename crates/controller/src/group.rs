//! A program that somebody else wrote, with whatever it starts: ended together when it takes too long.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// The processes of a program; dropped while it runs, it ends all of them.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    first: Option<Pid>,
}

impl Group {
    /// Starts a program in a group of its own: Ctrl-C on the terminal is not for it.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Group> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let first = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        Ok(Group { child, first })
    }

    /// The program itself.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits for the end of the program. What it leaves running then was meant to.
    pub(crate) async fn wait(&mut self) -> std::io::Result<std::process::ExitStatus> {
        let status = self.child.wait().await?;
        // The number may be another's from here on.
        self.first = None;
        Ok(status)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(first) = self.first {
            let _it_may_have_ended = killpg(first, Signal::SIGKILL);
        }
    }
}
