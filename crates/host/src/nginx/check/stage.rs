//! Prepares the child that becomes `nginx -t`, and hears which of its steps failed.
#![expect(unsafe_code, reason = "a closure between fork and exec is unsafe to pass on")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use nix::fcntl::OFlag;

use super::child::{Identity, Part, Prepared, REPORT_BYTES};
use super::covers::Covers;
use super::layout::{Layout, Piece, c_path};
use super::{CheckError, Question, other_namespace};
use crate::nginx::enter::{Account, Elsewhere};
use crate::nginx::find::Master;
use crate::nginx::proc;

/// A step of the child that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) part: Part,
    pub(super) path: Option<PathBuf>,
    pub(super) source: io::Error,
}

/// Hears what the child says about its preparation.
pub(super) struct Report {
    pipe: File,
    paths: Vec<PathBuf>,
}

impl Report {
    /// Gives the step that failed, if one of ours did.
    pub(super) fn failed(mut self) -> Option<Failed> {
        let mut bytes = [0; REPORT_BYTES];
        self.pipe.read_exact(&mut bytes).ok()?;
        let (part, piece, errno) = Prepared::read_report(bytes)?;
        let path = self.paths.get(piece).cloned();
        Some(Failed { part, path, source: io::Error::from_raw_os_error(errno) })
    }
}

/// Gives the command that asks nginx, and where to hear of it if it does not get so far.
pub(super) fn prepare(
    question: &Question<'_>,
    layout: Option<Layout>,
    covers: &Covers,
) -> Result<(Command, Report), CheckError> {
    let nginx = question.master.map_or(&question.place.nginx, |master| &master.exe);
    let start = |source| CheckError::Start { nginx: nginx.clone(), source };
    let pipe = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK);
    let (read, write) = pipe.map_err(|error| start(error.into()))?;
    let paths = layout.iter().flat_map(|layout| layout.pieces.iter().map(Piece::path)).collect();
    let mut prepared = Prepared {
        elsewhere: None,
        identity: Identity::of_this_process(),
        layout,
        covered_files: covers.files.clone(),
        covered_directories: covers.directories.clone(),
        cwd: None,
        open_files: None,
        account: None,
        exe: None,
        report: write,
    };
    let mut command = match question.master {
        Some(master) => as_master(master, &mut prepared, &start)?,
        None => {
            let mut command = Command::new(nginx);
            command.arg("-t").arg("-c").arg(&question.place.main);
            command
        }
    };
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    // SAFETY: the closure makes system calls on what was prepared and allocates nothing.
    unsafe { command.pre_exec(move || prepared.perform()) };
    Ok((command, Report { pipe: read.into(), paths }))
}

/// Prepares to run the binary of a master as it was run: arguments, directory, limits, account, namespaces.
fn as_master(
    master: &Master,
    prepared: &mut Prepared,
    start: &dyn Fn(io::Error) -> CheckError,
) -> Result<Command, CheckError> {
    let pid = master.id.pid;
    let status = proc::status(pid).map_err(|_| CheckError::Gone { pid })?;
    prepared.elsewhere = Elsewhere::of(pid, master.own_view).map_err(|_| other_namespace(pid))?;
    prepared.account = Account::of(&status);
    prepared.open_files = proc::open_files_limit(pid);
    prepared.cwd = c_path(&master.cwd).ok();
    let mut command = if prepared.elsewhere.is_some() {
        // There the loader and the libraries are found by path, and so is the binary.
        Command::new(&master.exe)
    } else {
        // The file itself may have been replaced, and in a user namespace /proc/PID/exe is out of reach.
        let exe = File::open(format!("/proc/{pid}/exe")).map_err(start)?;
        let command = Command::new(format!("/proc/self/fd/{}", exe.as_raw_fd()));
        prepared.exe = Some(exe);
        command
    };
    command.arg0(&master.args.program).arg("-t").args(master.args.to_vec());
    Ok(command)
}
