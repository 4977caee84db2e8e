//! Starts the processes of a sandbox, and sees them end.

use std::io::{self, Seek};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::control::Control;
use super::error::SandboxError;
use super::hint::hint;
use super::identity::Identity;
use super::sys;
use super::wire::{Failure, Order, Plan, Pool, Question, Says};

/// The step that another mode may take otherwise.
pub(crate) const MAPS: &str = "have the users mapped into a user namespace";
/// How long a sandbox may take to stand.
const STANDS: Duration = Duration::from_secs(20);
/// How long its end may take before it is killed from here. It takes some milliseconds.
const ENDS: Duration = Duration::from_secs(2);

/// The re-executed process, child of this one. Dropping it waits until everything in the sandbox is gone.
#[derive(Debug)]
pub(super) struct First {
    child: Child,
    handle: OwnedFd,
}

impl Drop for First {
    /// The control socket is closed by now, so it is on its way.
    fn drop(&mut self) {
        let mut ready = [PollFd::new(self.handle.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::from(u16::try_from(ENDS.as_millis()).unwrap_or(u16::MAX));
        if poll(&mut ready, limit) != Ok(1) {
            let _it_has_ended = self.child.kill();
        }
        let _status = self.child.wait();
    }
}

/// A sandbox that stands.
pub(super) struct Launched {
    pub(super) control: Control,
    pub(super) first: First,
    pub(super) init_pid: i32,
    pub(super) differences: Vec<String>,
}

/// Starts a sandbox and waits until it stands.
pub(super) async fn launch(
    program: &Path,
    identity: &Identity,
    (plan, pool): (&Plan, &Pool),
) -> Result<Launched, SandboxError> {
    let spawn = |source| SandboxError::Spawn { program: program.to_owned(), source };
    let (first, socket) = start(program, plan, pool).map_err(spawn)?;
    let control = Control::new(socket).map_err(spawn)?;
    let stands = tokio::time::timeout(STANDS, stands(&control, &first, identity)).await;
    match stands {
        Ok(Ok((init_pid, differences))) => Ok(Launched { control, first, init_pid, differences }),
        Ok(Err(error)) => {
            drop(control);
            Err(error)
        }
        Err(_) => {
            drop(control);
            Err(SandboxError::TimedOut { limit: STANDS })
        }
    }
}

fn start(program: &Path, plan: &Plan, pool: &Pool) -> io::Result<(First, OwnedFd)> {
    let mut written = std::fs::File::from(memfd_create("plan", MFdFlags::MFD_CLOEXEC)?);
    pool.write(plan, &mut written)?;
    written.rewind()?;
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut command = Command::new(program);
    // No environment: nothing of it concerns whoever is inside.
    command.arg("__sandbox").env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sys::pass_descriptors(&mut command, theirs.as_raw_fd(), written.as_raw_fd());
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).expect("process numbers fit an i32");
    match sys::pidfd_open(pid) {
        Ok(handle) => Ok((First { child, handle }, ours)),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error)
        }
    }
}

async fn stands(
    control: &Control,
    first: &First,
    identity: &Identity,
) -> Result<(i32, Vec<String>), SandboxError> {
    loop {
        let Ok(Some((answer, mut beside))) = control.receive().await else {
            return Err(SandboxError::Ended { because: control.because() });
        };
        match answer.says {
            Says::MapMe => {
                let (identity, pid) = (identity.clone(), first.child.id());
                let mapped = tokio::task::spawn_blocking(move || identity.map(pid)).await;
                let mapped = mapped.unwrap_or_else(|error| Err(io::Error::other(error)));
                mapped.map_err(|source| refused(MAPS.to_owned(), source))?;
                let said = control.send(&Question { number: 0, order: Order::Mapped }).await;
                said.map_err(|_| SandboxError::Ended { because: None })?;
            }
            Says::Up { differences } => {
                let handle = beside.pop().ok_or(SandboxError::Ended { because: None })?;
                let pid = pid_of(&handle).map_err(|source| SandboxError::Refused {
                    step: "see the first process of the sandbox".to_owned(),
                    source,
                    hint: None,
                })?;
                return Ok((pid, differences));
            }
            Says::Down(Failure { path: Some(path), errno, .. }) => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(SandboxError::Path { path: path.path(), source });
            }
            Says::Down(Failure { step, errno, .. }) => {
                return Err(refused(step, io::Error::from_raw_os_error(errno)));
            }
            _ => {}
        }
    }
}

fn refused(step: String, source: io::Error) -> SandboxError {
    let errno = source.raw_os_error().unwrap_or(match source.kind() {
        io::ErrorKind::PermissionDenied => libc::EPERM,
        _ => 0,
    });
    let hint = hint(&step, errno);
    SandboxError::Refused { step, source, hint }
}

/// Gives the number of a process by its handle, as this process sees it.
pub(crate) fn pid_of(handle: &OwnedFd) -> io::Result<i32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse::<i32>().ok());
    pid.filter(|pid| *pid > 0).ok_or_else(|| io::ErrorKind::NotFound.into())
}
