//! Starting nginx inside, and knowing what came of it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::error::SandboxError;
use super::wire::{Order, Raw, Says};
use super::{Sandbox, Started, launch, processes, sys};

/// How often it is looked whether nginx runs.
const LOOK: Duration = Duration::from_millis(1);
/// How long workers may take after the start has ended well. Without any it runs all the same: its sockets are open.
const WORKERS: Duration = Duration::from_millis(500);
/// How long nginx may take to end by itself.
const GOES: Duration = Duration::from_millis(400);
/// How much of the output is read.
const OUTPUT_BYTES_MAX: usize = 256 << 10;

impl Sandbox {
    /// Starts nginx as on the host: these arguments and no others, in `/`, with a small environment.
    ///
    /// # Errors
    /// [`SandboxError::Ended`], or the program could not be executed. An nginx that refuses is an answer.
    pub async fn start_nginx(&self, nginx: &Path, args: &[String]) -> Result<Started, SandboxError> {
        let before = processes::children(self.init_pid);
        let order = Order::Start { program: Raw::from(nginx), arguments: args.to_vec() };
        let (says, beside) = self.control.ask(order).await.map_err(|source| self.says(source, nginx))?;
        let (Says::Started { pid: inside }, Ok([handle, output])) = (says, <[OwnedFd; 2]>::try_from(beside))
        else {
            return Err(SandboxError::Ended { because: None });
        };
        let began = Instant::now();
        // It may have ended already; its end can still be asked for.
        let pid = launch::pid_of(&handle).unwrap_or(-1);
        let mut master_since = None;
        let mut wait = tokio::time::interval(LOOK);
        wait.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !has_ended(&handle) {
            wait.tick().await;
            // With `daemon off` it stays, and has workers as soon as it is ready.
            if began.elapsed() > Duration::from_millis(20) && runs(pid) {
                return Ok(Started::Running { pid, output: read(&output) });
            }
            // One that has become the master is done with its start, and its workers may be dead.
            if processes::title(pid).starts_with("nginx: master process") {
                let since = *master_since.get_or_insert_with(Instant::now);
                if since.elapsed() > WORKERS {
                    return Ok(Started::Running { pid, output: read(&output) });
                }
            }
            if began.elapsed() > self.limits.start {
                let _it_may_have_ended = sys::pidfd_send_signal(handle.as_fd(), libc::SIGKILL);
                return Ok(Started::Hangs { after: began.elapsed(), output: read(&output) });
            }
        }
        let status = self.status(inside).await.map_err(|source| self.says(source, nginx))?;
        if status != 0 {
            return Ok(Started::Refused { status, output: read(&output) });
        }
        // Whoever went into the background is a child of the first process now.
        let master = || {
            let mut children = processes::children(self.init_pid).into_iter();
            children.find(|child| !before.contains(child) && !processes::has_ended(*child))
        };
        let settled = Instant::now() + WORKERS;
        while let Some(pid) = master() {
            if runs(pid) || Instant::now() > settled {
                return Ok(Started::Running { pid, output: read(&output) });
            }
            wait.tick().await;
        }
        Ok(Started::Refused { status, output: read(&output) })
    }

    /// Ends every process that was started inside: asks for a moment, then kills.
    pub async fn stop_nginx(&self) {
        for pid in processes::children(self.init_pid) {
            // Asked to, nginx takes its unix sockets and its pid file away.
            let _it_may_have_ended = self.signal(pid, Signal::SIGTERM).await;
        }
        let limit = Instant::now() + GOES;
        while Instant::now() < limit
            && processes::children(self.init_pid).into_iter().any(|child| !processes::has_ended(child))
        {
            tokio::time::sleep(LOOK).await;
        }
        let _it_may_have_ended = self.control.ask(Order::KillAll).await;
    }

    /// Signals a process of the sandbox.
    ///
    /// # Errors
    /// It is none of the sandbox's, or has ended.
    pub async fn signal(&self, pid: i32, signal: Signal) -> io::Result<()> {
        let handle = sys::pidfd_open(pid)?;
        // The handle is held first, so that the number cannot go to somebody else meanwhile.
        if !processes::descends(pid, self.init_pid) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        sys::pidfd_send_signal(handle.as_fd(), signal as libc::c_int)
    }

    /// Waits until the first process has taken the end of a program that has ended.
    async fn status(&self, inside: i32) -> io::Result<i32> {
        loop {
            match self.control.ask(Order::Status { pid: inside }).await? {
                (Says::Status { status: Some(status) }, _) => return Ok(status),
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    fn says(&self, source: io::Error, path: &Path) -> SandboxError {
        match source.kind() {
            io::ErrorKind::BrokenPipe => SandboxError::Ended { because: self.control.because() },
            _ => SandboxError::Path { path: path.to_owned(), source },
        }
    }
}

fn has_ended(handle: &OwnedFd) -> bool {
    let mut ready = [PollFd::new(handle.as_fd(), PollFlags::POLLIN)];
    poll(&mut ready, PollTimeout::ZERO) == Ok(1)
}

/// Says whether nginx has come as far as waiting for events: its workers, or itself without any.
fn runs(pid: i32) -> bool {
    let is_worker = |child: &i32| processes::title(*child).starts_with("nginx: worker process");
    processes::children(pid).iter().any(is_worker) || processes::waits_for_events(pid)
}

fn read(output: &OwnedFd) -> Vec<u8> {
    let Ok(copy) = output.try_clone() else { return Vec::new() };
    let mut bytes = vec![0; OUTPUT_BYTES_MAX];
    let length = std::fs::File::from(copy).read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(length);
    bytes
}

/// Reads the first bytes of a file that was opened inside.
pub(super) fn contents(file: OwnedFd, limit: usize) -> io::Result<Vec<u8>> {
    let file = std::fs::File::from(file);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let length = usize::try_from(found.len()).unwrap_or(usize::MAX).min(limit);
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], u64::try_from(filled).unwrap_or(u64::MAX))? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
