//! `__lab enter PID PROGRAM ARGUMENT…`: a program inside a host of a lab, with the terminal of whoever asks.
//! `__lab lay PID`: files from standard input, as JSON.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{SigHandler, Signal};

use super::first::OWN_PROGRAM;
use super::layout::Laid;
use super::{Lab, LabError};
use crate::sandbox::sys;

/// Where scripts lie that break something.
pub(super) const SCRIPTS: &str = "/root";
/// Where programs are looked for inside.
const SEARCH: &str = "/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Enters a host and runs a program there; ends as the program does.
pub(super) fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(pid) = arguments.next().and_then(|pid| pid.to_str()?.parse().ok()) else {
        return ExitCode::from(2);
    };
    let (Some(program), arguments) = (arguments.next(), arguments.collect::<Vec<_>>()) else {
        return ExitCode::from(2);
    };
    if let Err(error) = enter(pid) {
        eprintln!("evenkeel: failed to enter the host: {error}");
        return ExitCode::from(2);
    }
    let mut command = Command::new(&program);
    command.args(&arguments).env("PATH", SEARCH).env("HOME", "/root").current_dir("/");
    command.env_remove("XDG_RUNTIME_DIR").env_remove("TMPDIR");
    // It ends with us, and Ctrl-C is for it.
    sys::before_exec(&mut command, || Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    let child = command.spawn();
    let _its_own_affair = sys::set_signal(Signal::SIGINT, SigHandler::SigIgn);
    match child.and_then(|mut child| child.wait()) {
        Ok(status) => {
            let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(2);
            ExitCode::from(u8::try_from(code).unwrap_or(2))
        }
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            eprintln!("evenkeel: failed to run {}: {error}", program.display());
            ExitCode::from(code)
        }
    }
}

/// Lays files inside a host; prints the paths of those that were not so before.
pub(super) fn lay(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let pid = arguments.next().and_then(|pid| pid.to_str()?.parse().ok());
    let done = || -> io::Result<Vec<PathBuf>> {
        let files: Vec<Laid> = serde_json::from_reader(io::stdin())?;
        enter(pid.ok_or(io::ErrorKind::InvalidInput)?)?;
        let mut changed = Vec::new();
        for file in files {
            if file.lay()? {
                changed.push(file.path);
            }
        }
        Ok(changed)
    };
    match done() {
        Ok(changed) => {
            changed.iter().for_each(|path| println!("{}", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("evenkeel: failed to lay files: {error}");
            ExitCode::from(2)
        }
    }
}

/// Enters every namespace of a process; the next child is in its process namespace, too.
fn enter(pid: i32) -> io::Result<()> {
    let open = |name: &str| File::open(format!("/proc/{pid}/ns/{name}"));
    let kinds = [
        ("user", CloneFlags::CLONE_NEWUSER),
        ("net", CloneFlags::CLONE_NEWNET),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("cgroup", CloneFlags::CLONE_NEWCGROUP),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("mnt", CloneFlags::CLONE_NEWNS),
    ];
    let all = kinds.map(|(name, flag)| open(name).map(|file| (file, flag)));
    for one in all {
        let (file, flag) = one?;
        setns(&file, flag)?;
    }
    Ok(())
}

impl Lab {
    /// Gives the command that runs a program inside a host. Its standard streams are the caller's to set.
    ///
    /// # Errors
    /// [`LabError::NoSuchHost`].
    pub fn command(&self, host: &str, program: &[impl AsRef<OsStr>]) -> Result<Command, LabError> {
        let mut command = Command::new("/proc/self/exe");
        command.args(["__lab", "enter"]).arg(self.init(host)?.to_string()).args(program);
        Ok(command)
    }

    /// Runs a program inside a host, with something to read, and waits for its end.
    ///
    /// # Errors
    /// [`LabError::Run`]: it could not be started, did not end in time and was killed, or ended badly.
    pub fn run(
        &self,
        host: &str,
        program: &[&str],
        input: &str,
        limit: Duration,
    ) -> Result<Output, LabError> {
        let command = self.command(host, program)?;
        let what = format!("{} on {host}", program.join(" "));
        finish(command, input, limit).map_err(|source| LabError::Run { what, source })
    }

    /// Runs a script by `sh -eu` inside a host.
    pub(super) fn script(&self, host: &str, text: &str) -> Result<Output, LabError> {
        const LIMIT: Duration = Duration::from_secs(30);
        let output = self.run(host, &["sh", "-eu"], text, LIMIT)?;
        let what = || text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
        succeeded(output)
            .map_err(|source| LabError::Run { what: format!("do on {host}: {}", what()), source })
    }

    /// Runs a script of its own by `sh -eu` inside a host: whoever looks at processes there sees its name.
    pub(super) fn script_named(&self, host: &str, name: &str, text: &str) -> Result<Output, LabError> {
        const LIMIT: Duration = Duration::from_secs(30);
        let path = format!("{SCRIPTS}/{name}");
        self.lay(host, &[Laid::file(&path, text)])?;
        let output = self.run(host, &["sh", "-eu", &path], "", LIMIT)?;
        succeeded(output).map_err(|source| LabError::Run { what: format!("run {name} on {host}"), source })
    }

    /// Lays files inside a host, and gives those that were not so before.
    pub(super) fn lay(&self, host: &str, files: &[Laid]) -> Result<Vec<PathBuf>, LabError> {
        const LIMIT: Duration = Duration::from_secs(10);
        let mut command = Command::new("/proc/self/exe");
        command.args(["__lab", "lay"]).arg(self.init(host)?.to_string());
        let failed = |source| LabError::Run { what: format!("lay the files of {host}"), source };
        let input = serde_json::to_string(files).map_err(|error| failed(error.into()))?;
        let output = finish(command, &input, LIMIT).and_then(succeeded).map_err(failed)?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
    }
}

/// The output of a program that ended well; else what it said.
fn succeeded(output: Output) -> io::Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(if said.is_empty() { output.status.to_string() } else { said }))
}

/// Starts a command, writes its input, and gives its output once it ended.
///
/// What it says goes through files: a program that stays in the background may hold a pipe for ever.
fn finish(mut command: Command, input: &str, limit: Duration) -> io::Result<Output> {
    let file =
        || nix::sys::memfd::memfd_create("output", nix::sys::memfd::MFdFlags::MFD_CLOEXEC).map(File::from);
    let (mut given, stdout, stderr) = (file()?, file()?, file()?);
    given.write_all(input.as_bytes())?;
    io::Seek::rewind(&mut given)?;
    command.stdin(given).stdout(Stdio::from(stdout.try_clone()?)).stderr(Stdio::from(stderr.try_clone()?));
    // Ctrl-C on the terminal is for whoever began this; what is half done helps nobody.
    command.process_group(0);
    let mut child = command.spawn()?;
    let handle = sys::pidfd_open(i32::try_from(child.id()).expect("process numbers fit an i32"))?;
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = u16::try_from(left.as_millis()).unwrap_or(u16::MAX);
        let mut ready =
            [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(&handle), nix::poll::PollFlags::POLLIN)];
        match nix::poll::poll(&mut ready, left) {
            Ok(0) if Instant::now() >= until => {
                child.kill()?;
                child.wait()?;
                let late = format!("it did not end within {} s and was killed", limit.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, late));
            }
            Ok(0) | Err(nix::Error::EINTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let status = child.wait()?;
    let read = |mut file: File| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Seek::rewind(&mut file)?;
        io::Read::read_to_end(&mut io::Read::take(file, 1 << 20), &mut bytes)?;
        Ok(bytes)
    };
    Ok(Output { status, stdout: read(stdout)?, stderr: read(stderr)? })
}

/// Our own program, inside.
pub(super) const OWN: &str = OWN_PROGRAM;
