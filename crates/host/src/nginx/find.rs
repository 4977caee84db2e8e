//! Finds the nginx master that reads this tree.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use self::error::FindError;
use super::compiled::CompiledError;
use super::enter;
use super::proc::{self, Status};
use super::title::{self, Role};
use super::upgrade;
use super::view::{self, FileId, View};
use crate::identity::ProcessId;
use crate::place::Place;

mod error;

/// The arguments a master was started with, read back from its title.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Args {
    /// Its own name, `argv[0]`.
    pub program: OsString,
    /// `-c`
    pub conf: Option<PathBuf>,
    /// `-p`
    pub prefix: Option<PathBuf>,
    /// `-g`
    pub globals: Option<OsString>,
    /// `-e`
    pub error_log: Option<PathBuf>,
}

/// A running nginx master. Paths are as this process sees them; see [`Master::path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Which process it is.
    pub id: ProcessId,
    /// What it was started with.
    pub args: Args,
    /// The file it was started from; it may be gone ([`Self::exe_deleted`]). Run `/proc/PID/exe` instead.
    pub exe: PathBuf,
    /// Whether that file has been replaced or removed since, as a package upgrade does.
    pub exe_deleted: bool,
    /// Where it stands, which `-p` is relative to.
    pub cwd: PathBuf,
    /// Its main configuration file, absolute.
    pub conf: PathBuf,
    /// The directory that stands for the tree in its view: `conf` without what `place.main` adds to
    /// `place.config_dir`.
    pub tree: PathBuf,
    /// Its user and group.
    pub uid: u32,
    /// See [`Self::uid`].
    pub gid: u32,
    /// Whether it has its own view of the file system (another mount namespace, or another root).
    pub own_view: bool,
}

/// How often everything is looked at again because the main file was exchanged meanwhile.
const LOOKS_MAX: usize = 5;

/// Finds the one master that reads `place.main`.
///
/// # Errors
/// [`FindError`] says what stands in the way; none of them changes anything on the host.
pub fn find(place: &Place) -> Result<Master, FindError> {
    let mut main = main_id(place);
    for _ in 1..LOOKS_MAX {
        let found = look_once(place, main);
        let now = main_id(place);
        if now == main {
            return found;
        }
        main = now;
    }
    look_once(place, main)
}

fn main_id(place: &Place) -> Option<FileId> {
    fs::metadata(&place.main).ok().map(|metadata| FileId::of(&metadata))
}

fn look_once(place: &Place, main: Option<FileId>) -> Result<Master, FindError> {
    let said = read_pid_file(&place.pid)?;
    let masters = masters().map_err(|source| FindError::Proc { pid: 0, source })?;
    let mut ours = Vec::new();
    for (pid, title) in &masters {
        match read_master(*pid, title, place, main) {
            Ok(master) => ours.push(master),
            // What somebody else's nginx hides is only of interest when it is the one we were told of.
            Err(error) if matches!(said, Said::Number(number) if number == *pid) => return Err(error),
            Err(_) => {}
        }
    }
    choose(place, said, &masters, ours)
}

/// Decides between the masters that read this configuration.
fn choose(
    place: &Place,
    said: Said,
    masters: &[(i32, Vec<u8>)],
    mut ours: Vec<Master>,
) -> Result<Master, FindError> {
    // One of the two masters of an upgrade was told to end, and only finishes its requests: the upgrade is over.
    let leaving: Vec<i32> = if masters.len() > 1 {
        let all = masters.iter().filter_map(|(pid, _)| ProcessId::of(*pid));
        all.filter(|id| upgrade::is_leaving(*id)).map(|id| id.pid).collect()
    } else {
        Vec::new()
    };
    if ours.len() > 1 {
        ours.retain(|master| !leaving.contains(&master.id.pid));
    }
    for master in &ours {
        let parent = proc::status(master.id.pid).map_or(0, |status| status.parent);
        if masters.iter().any(|(pid, _)| *pid == parent) && !leaving.contains(&parent) {
            return Err(FindError::UpgradePending { old: parent, new: master.id.pid });
        }
    }
    let Some(master) = ours.pop() else { return Err(none(place, said)) };
    if !ours.is_empty() {
        let mut pids: Vec<i32> = ours.iter().map(|other| other.id.pid).chain([master.id.pid]).collect();
        pids.sort_unstable();
        return Err(FindError::TwoMasters { pids, main: place.main.clone() });
    }
    let inner = proc::status(master.id.pid).map_or(0, |status| status.inner_pid);
    let says = match said {
        Said::Number(number) if number == master.id.pid || number == inner => return Ok(master),
        // The new master of an upgrade that was taken back: the old one gets its pid file when it has ended.
        Said::Number(number) if leaving.contains(&number) => return Ok(master),
        Said::Number(number) => format!("names process {number}, which {}", what_is(number)),
        Said::Nothing => "is missing".to_owned(),
        Said::Garbage(holds) => format!("holds no process number ({holds})"),
    };
    let (pid_file, main) = (place.pid.clone(), place.main.clone());
    Err(FindError::PidFileWrong { pid_file, says, master: master.id.pid, main })
}

/// Says why there is no master that reads this configuration.
fn none(place: &Place, said: Said) -> FindError {
    let pid_file = place.pid.clone();
    let pid = match said {
        Said::Nothing => return FindError::NotRunning { pid_file },
        Said::Garbage(holds) => return FindError::Garbage { pid_file, holds },
        Said::Number(pid) => pid,
    };
    if ProcessId::of(pid).is_none() {
        let workers = orphans(pid);
        if workers.is_empty() {
            return FindError::Stale { pid_file, pid };
        }
        return FindError::OrphanedWorkers { master: pid, workers };
    }
    let line = proc::title(pid).unwrap_or_default();
    let is_nginx = proc::link(pid, "exe").is_ok_and(|exe| looks_like_nginx(&exe, place));
    if is_nginx && title::role(&line).is_none() {
        return FindError::SingleProcess { pid };
    }
    FindError::PidFileLies { pid_file, pid, actual: title::printable(&line) }
}

fn what_is(pid: i32) -> String {
    match proc::title(pid) {
        Some(line) if ProcessId::of(pid).is_some() => format!("is {}", title::printable(&line)),
        _ => "has ended".to_owned(),
    }
}

/// What the pid file says.
enum Said {
    Nothing,
    Number(i32),
    Garbage(String),
}

fn read_pid_file(path: &Path) -> Result<Said, FindError> {
    /// A number, a line end and room for somebody's spaces.
    const PID_FILE_BYTES_MAX: u64 = 64;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PID_FILE_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Said::Nothing),
        Err(source) => return Err(FindError::Unreadable { pid_file: path.to_owned(), source }),
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(match text.trim().parse() {
        Ok(pid) if pid > 0 => Said::Number(pid),
        _ if text.trim().is_empty() => Said::Garbage("it is empty".to_owned()),
        _ => Said::Garbage(format!("\"{}\"", title::printable(text.trim().as_bytes()))),
    })
}

/// Gives every process that calls itself an nginx master, with its title.
fn masters() -> io::Result<Vec<(i32, Vec<u8>)>> {
    let titled = proc::all()?.into_iter().filter_map(|pid| Some((pid, proc::title(pid)?)));
    let masters: Vec<_> = titled.filter(|(_, title)| title::role(title) == Some(Role::Master)).collect();
    // A worker has its master's title until it writes its own. The new master of an upgrade was executed.
    let is_young_worker = |pid: i32| {
        let parent = proc::status(pid).map_or(0, |status| status.parent);
        proc::is_fork(pid) && masters.iter().any(|(master, _)| *master == parent)
    };
    Ok(masters.iter().filter(|(pid, _)| !is_young_worker(*pid)).cloned().collect())
}

/// Gives the workers that a master which has ended left behind: it had made itself the leader of its session.
fn orphans(master: i32) -> Vec<i32> {
    let is_orphan = |pid: &i32| {
        let worker = proc::title(*pid).and_then(|title| title::role(&title));
        worker.is_some_and(|role| role != Role::Master)
            && proc::group_and_session(*pid)
                .is_some_and(|(group, session)| group == master || session == master)
    };
    proc::all().unwrap_or_default().into_iter().filter(is_orphan).collect()
}

fn looks_like_nginx(exe: &Path, place: &Place) -> bool {
    let name = exe.file_name().unwrap_or_default().to_string_lossy();
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| FileId::of(&metadata));
    let same = || id(exe).is_some_and(|exe| id(&place.nginx) == Some(exe));
    name.contains("nginx") || name.contains("openresty") || same()
}

/// Reads everything about one master, and whether the main file it reads is ours.
fn read_master(pid: i32, title: &[u8], place: &Place, main: Option<FileId>) -> Result<Master, FindError> {
    let gone = |source| FindError::Proc { pid, source };
    let id = ProcessId::of(pid).ok_or_else(|| gone(io::Error::from_raw_os_error(libc::ESRCH)))?;
    let status = proc::status(pid).map_err(gone)?;
    let me = nix::unistd::geteuid().as_raw();
    if me != 0 && status.uid != me {
        return Err(FindError::NoPermission { pid, uid: status.uid, me });
    }
    let lies =
        || FindError::PidFileLies { pid_file: place.pid.clone(), pid, actual: title::printable(title) };
    let (exe, exe_deleted) = executable(pid).map_err(gone)?;
    if !looks_like_nginx(&exe, place) {
        return Err(lies());
    }
    if proc::title_is_cut(pid, title) {
        return Err(FindError::TitleCut { pid });
    }
    let args = title::master_args(title).ok_or_else(lies)?;
    let cwd = proc::link(pid, "cwd").map_err(gone)?;
    let own_view = view::is_own_view(pid).map_err(gone)?;
    let (uid, gid) = (status.uid, status.gid);
    let conf = conf_path(pid, &args, &cwd, &exe, own_view, &status)?;
    let view = View::of(pid).map_err(gone)?;
    let same = match (view.file_id(&conf), main) {
        (Ok(reads), Some(main)) => reads == main,
        // Both are gone: all that is left to compare are the names.
        (Err(_), None) => !own_view && conf == place.main,
        _ => false,
    };
    if !same {
        let main = place.main.clone();
        return Err(FindError::OtherConfiguration { pid, reads: conf, main, own_view });
    }
    let tree = tree_of(&conf, place, own_view);
    Ok(Master { id, args, exe, exe_deleted, cwd, conf, tree, uid, gid, own_view })
}

/// Gives the file that a process was started from, and whether it is gone.
fn executable(pid: i32) -> io::Result<(PathBuf, bool)> {
    let exe = proc::link(pid, "exe")?;
    let text = exe.to_string_lossy();
    Ok(match text.strip_suffix(" (deleted)") {
        Some(was) => (PathBuf::from(was), true),
        None => (exe, false),
    })
}

/// Works out the main file as nginx does (`ngx_process_options`, src/core/nginx.c).
fn conf_path(
    pid: i32,
    args: &Args,
    cwd: &Path,
    exe: &Path,
    own_view: bool,
    status: &Status,
) -> Result<PathBuf, FindError> {
    if let Some(conf) = args.conf.as_ref().filter(|conf| conf.is_absolute()) {
        return Ok(conf.clone());
    }
    if let (Some(conf), Some(prefix)) = (&args.conf, &args.prefix) {
        return Ok(cwd.join(prefix).join(conf));
    }
    let run = |source| CompiledError::Run {
        nginx: exe.to_owned(),
        source: crate::process::RunError::Start { program: exe.to_owned(), source },
    };
    let compiled = enter::own_binary(pid, exe, own_view, status)
        .map_err(run)
        .and_then(|command| super::compiled::ask(command, exe, super::compiled::LIMIT))
        .map_err(|source| FindError::Compiled { pid, source })?;
    let prefix = args.prefix.as_ref().unwrap_or(&compiled.prefix);
    Ok(cwd.join(prefix).join(args.conf.as_ref().unwrap_or(&compiled.conf_path)))
}

/// Gives the directory that stands for `place.config_dir` in the master's view.
fn tree_of(conf: &Path, place: &Place, own_view: bool) -> PathBuf {
    let inside = place.main.strip_prefix(&place.config_dir).unwrap_or(Path::new("nginx.conf"));
    if conf.ends_with(inside) {
        let depth = inside.components().count();
        return conf.ancestors().nth(depth).unwrap_or(Path::new("/")).to_owned();
    }
    // The main file has another name there (a link, a mount of its own).
    if own_view { conf.parent().unwrap_or(Path::new("/")).to_owned() } else { place.config_dir.clone() }
}
