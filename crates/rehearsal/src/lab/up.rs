//! Brings a lab up, and takes it down.

use std::fs::File;
use std::io::{self, Seek as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use super::first::{OWN_PROGRAM, Plan, Stays, take_away};
use super::layout::{MEMBERS, Member, Role};
use super::state::{LabDir, Process, Standing, State};
use super::{Lab, LabError};
use crate::sandbox::Mode;
use crate::sandbox::accounts;
use crate::sandbox::hint::hint;
use crate::sandbox::identity::Identity;
use crate::sandbox::launch::{MAPS, pid_of};
use crate::sandbox::sys;
use crate::sandbox::wire::{self, Answer, Failure, Order, Question, Says};

/// How long a lab may take to stand, and to be gone.
const STANDS: Duration = Duration::from_secs(30);
const GONE: Duration = Duration::from_secs(10);
/// The form of the state file.
const VERSION: u32 = 1;
/// What the hosts need of this machine: a program, its package on Debian.
const NEEDS: &[(&str, &str)] = &[("nft", "nftables"), ("haproxy", "haproxy"), ("sh", "dash")];
const PLACES: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// What a lab is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// This program: executed again as the lab's processes, and seen inside.
    pub program: PathBuf,
    /// The nginx of the web servers.
    pub nginx: PathBuf,
}

/// Where a program of this machine is.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    PLACES.iter().map(|place| PathBuf::from(place).join(program)).find(|path| path.is_file())
}

impl Lab {
    /// Brings a lab up, and waits until the shop answers everybody.
    ///
    /// # Errors
    /// [`LabError`]: there is one already; the machine lacks something; the kernel refuses. Nothing of it is left then.
    pub fn up(dir: &LabDir, parts: &Parts) -> Result<Lab, LabError> {
        let begin = Instant::now();
        if dir.read()?.is_some_and(|state| state.lives()) {
            return Err(LabError::IsUp { dir: dir.path().to_owned() });
        }
        if !parts.nginx.is_file() {
            return Err(LabError::Missing { program: parts.nginx.display().to_string(), package: "nginx" });
        }
        for (program, package) in NEEDS {
            find(program).ok_or_else(|| LabError::Missing { program: (*program).to_owned(), package })?;
        }
        dir.make()?;
        let _locked = dir.lock()?;
        let state = State {
            version: VERSION,
            keeper: None,
            mode: String::new(),
            hosts: Vec::new(),
            nginx: parts.nginx.clone(),
            up_ms: 0,
            broken: None,
        };
        dir.write(&state)?;
        let mut refused = LabError::Ended;
        for identity in Identity::possible() {
            match launch(dir, parts, &identity) {
                Ok((control, mut state)) => {
                    dir.write(&state)?;
                    let mut lab = Lab { dir: dir.clone(), state: state.clone() };
                    // An error drops the control socket: the keeper ends all, and takes the directory away.
                    lab.start_all()?;
                    lab.prove(STANDS)?;
                    state.up_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
                    dir.write(&state)?;
                    lab.state = state;
                    wire::send(control.as_fd(), &Stays, &[]).map_err(|_| LabError::Ended)?;
                    return Ok(lab);
                }
                Err(LabError::Refused { step, source, hint }) if step == MAPS => {
                    refused = LabError::Refused { step, source, hint };
                    dir.make()?;
                    dir.write(&state)?;
                }
                Err(error) => {
                    take_away(dir.path());
                    return Err(error);
                }
            }
        }
        take_away(dir.path());
        Err(refused)
    }

    /// Finds a lab that is up.
    ///
    /// # Errors
    /// [`LabError::NotUp`]; what is left of one that died is taken away.
    pub fn open(dir: &LabDir) -> Result<Lab, LabError> {
        match dir.read()? {
            Some(state) if state.lives() => Ok(Lab { dir: dir.clone(), state }),
            Some(state) if state.keeper.is_some() => {
                take_away(dir.path());
                Err(LabError::Died { dir: dir.path().to_owned() })
            }
            _ => Err(LabError::NotUp { dir: dir.path().to_owned() }),
        }
    }

    /// Ends everything and waits until it is gone. Says whether there was a lab.
    ///
    /// # Errors
    /// [`LabError`] when something of it is still there after 10 s.
    pub fn down(dir: &LabDir) -> Result<bool, LabError> {
        let Some(state) = dir.read()? else { return Ok(false) };
        let failed = |source| LabError::Run { what: "end the lab".to_owned(), source };
        if let Some(keeper) = state.keeper.filter(Process::lives) {
            let handle = sys::pidfd_open(keeper.pid).map_err(failed)?;
            // Between the two looks the number cannot have been given to another process.
            if keeper.lives() {
                for signal in [Signal::SIGTERM, Signal::SIGKILL] {
                    let sent = sys::pidfd_send_signal(handle.as_fd(), signal as libc::c_int);
                    sent.or_else(|error| ended_already(&error)).map_err(failed)?;
                    if has_ended(&handle, GONE).map_err(failed)? {
                        break;
                    }
                }
            }
        }
        let until = Instant::now() + GONE;
        for host in &state.hosts {
            if let Ok(handle) = sys::pidfd_open(host.init.pid)
                && host.init.lives()
                && !has_ended(&handle, until.saturating_duration_since(Instant::now())).map_err(failed)?
            {
                return Err(failed(io::Error::other(format!("{} is still there", host.name))));
            }
        }
        take_away(dir.path());
        Ok(true)
    }

    fn start_all(&self) -> Result<(), LabError> {
        self.on_all(|lab, member| lab.script(member.name, &begins(member, &lab.state.nginx)).map(drop))
    }

    /// Does something on every host, on all of them at the same time.
    pub(super) fn on_all(
        &self,
        act: impl Fn(&Lab, &'static Member) -> Result<(), LabError> + Sync,
    ) -> Result<(), LabError> {
        let act = &act;
        std::thread::scope(|scope| {
            let all = MEMBERS.iter().map(|member| scope.spawn(move || act(self, member)));
            let all: Vec<_> = all.collect();
            all.into_iter().try_for_each(|one| one.join().unwrap_or(Err(LabError::Ended)))
        })
    }
}

/// What a host does when it is switched on.
fn begins(member: &Member, nginx: &std::path::Path) -> String {
    let serve = match member.role {
        Role::Client => String::new(),
        Role::Balancer => "haproxy -D -f /etc/haproxy/haproxy.cfg".to_owned(),
        Role::Web | Role::Standby => {
            format!(
                "ln -sf '{}' /run/lab/bin/nginx\nnginx",
                nginx.display().to_string().replace('\'', r"'\''")
            )
        }
        Role::App => format!("{OWN_PROGRAM} __shop {} 1.0 '[::]:8080'", member.name),
        Role::Dns => format!("{OWN_PROGRAM} __lab dns"),
    };
    format!("# start {}\nnft -f /etc/nftables.conf\n{serve}\n", member.name)
}

fn ended_already(error: &io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(io::Error::from(error.kind())) }
}

fn has_ended(handle: &OwnedFd, limit: Duration) -> io::Result<bool> {
    let limit = u16::try_from(limit.as_millis()).unwrap_or(u16::MAX);
    Ok(poll(&mut [PollFd::new(handle.as_fd(), PollFlags::POLLIN)], limit)? > 0)
}

/// Starts the keeper, and waits until every host stands.
fn launch(dir: &LabDir, parts: &Parts, identity: &Identity) -> Result<(OwnedFd, State), LabError> {
    let start = |source| LabError::Run { what: "start the keeper of the lab".to_owned(), source };
    let plan = Plan {
        dir: dir.path().to_owned(),
        own_maps: identity.own_maps(),
        program: parts.program.clone(),
        programs: vec![parts.nginx.clone()],
        etc: accounts::files(&["www-data".to_owned()], identity.mode == Mode::Alias),
    };
    let (control, keeper) = spawn(parts, &plan).map_err(start)?;
    let mut state = State {
        version: VERSION,
        keeper: Some(keeper),
        mode: identity.mode.to_string(),
        hosts: Vec::new(),
        nginx: parts.nginx.clone(),
        up_ms: 0,
        broken: None,
    };
    let until = Instant::now() + STANDS;
    while state.hosts.len() < MEMBERS.len() {
        let left = until.saturating_duration_since(Instant::now());
        if !has_ended(&control, left).map_err(start)? {
            return Err(LabError::TimedOut { limit: STANDS });
        }
        let Ok(Some((answer, mut beside))) = wire::receive::<Answer>(control.as_fd()) else {
            return Err(LabError::Ended);
        };
        match answer.says {
            Says::MapMe => {
                let pid = u32::try_from(keeper.pid).expect("process numbers are positive");
                identity.map(pid).map_err(|source| refused(MAPS.to_owned(), source))?;
                let mapped = Question { number: 0, order: Order::Mapped };
                wire::send(control.as_fd(), &mapped, &[]).map_err(|_| LabError::Ended)?;
            }
            Says::Up { .. } => {
                let at = usize::try_from(answer.number).ok().and_then(|number| number.checked_sub(1));
                let member = at.and_then(|at| MEMBERS.get(at)).ok_or(LabError::Ended)?;
                let handle = beside.pop().ok_or(LabError::Ended)?;
                let init = pid_of(&handle).ok().and_then(Process::of).ok_or(LabError::Ended)?;
                state.hosts.push(Standing { name: member.name.to_owned(), init });
            }
            Says::Down(Failure { path: Some(path), errno, .. }) => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(LabError::File { path: path.path(), source });
            }
            Says::Down(Failure { step, errno, .. }) => {
                return Err(refused(step, io::Error::from_raw_os_error(errno)));
            }
            _ => {}
        }
    }
    let place = |one: &Standing| MEMBERS.iter().position(|member| member.name == one.name);
    state.hosts.sort_by_key(place);
    Ok((control, state))
}

fn refused(step: String, source: io::Error) -> LabError {
    let hint = hint(&step, source.raw_os_error().unwrap_or(libc::EPERM));
    LabError::Refused { step, source, hint }
}

fn spawn(parts: &Parts, plan: &Plan) -> io::Result<(OwnedFd, Process)> {
    let mut written = File::from(memfd_create("plan", MFdFlags::MFD_CLOEXEC)?);
    serde_json::to_writer(&mut written, plan)?;
    written.rewind()?;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let mut command = Command::new(&parts.program);
    command.args(["__lab", "keep"]).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    sys::pass_descriptors(&mut command, theirs.as_raw_fd(), written.as_raw_fd());
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).expect("process numbers fit an i32");
    // It outlives this process; whoever it leaves behind takes its end.
    let keeper = Process::of(pid).ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((ours, keeper))
}
