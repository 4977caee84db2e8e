//! From trees and settings to what a sandbox is asked for.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use evenkeel_host::nginx::compiled::Compiled;
use evenkeel_model::Config;

use crate::certificates::{Authority, CertificateError, DH_PARAMETERS, Identity};
use crate::inventory::Names;
use crate::inventory::elsewhere::elsewhere;
use crate::inventory::paths::{Directories, Here, Secrets, directories, pairs, secrets, written};
use crate::machine::Machine;
use crate::reach::{Target, TargetKind};
use crate::rehearse::{How, Settings, Tree};
use crate::sandbox::{Directory, Limits, Mode, Spec};

/// How many files that are kept outside the tree are laid into it, and how large they may be together.
const KEPT_MAX: usize = 2000;
const KEPT_BYTES_MAX: u64 = 16 << 20;
/// How many names of files are told.
const TOLD_MAX: usize = 5;

/// What one sandbox is made from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) spec: Spec,
    /// The binary, as it is called inside.
    pub(crate) nginx: PathBuf,
    /// What it is started with.
    pub(crate) args: Vec<String>,
    /// Who the stand-ins are over TLS.
    pub(crate) identity: Option<Identity>,
    pub(crate) differences: Vec<String>,
}

/// Prepares a sandbox for these trees, the first one mounted at its start. `built`: what the binary says of itself, when
/// it may be another one than the trees were read for.
pub(crate) fn setup(
    trees: &[&Tree<'_>],
    targets: &[&Target],
    names: &Names,
    machine: &Machine,
    settings: &Settings,
    (nginx, built): (&Path, Option<&Compiled>),
) -> Result<Setup, CertificateError> {
    let on_host = settings.master.is_some();
    let mut differences = Vec::new();
    let configs = || trees.iter().map(|tree| tree.config);
    let mut spec = Spec::new(&settings.config_dir, trees[0].directory);
    spec.trees = trees.iter().map(|tree| tree.directory.to_owned()).collect();
    spec.program.clone_from(&settings.program);
    spec.mode = match settings.how {
        // Root would read every key there is.
        How::Best if settings.untrusted && nix::unistd::geteuid().is_root() => Some(Mode::Shift),
        How::Best | How::Reduced => None,
        How::Ident => Some(Mode::Ident),
        How::Subid => Some(Mode::Subid),
        How::Alias => Some(Mode::Alias),
    };
    spec.addresses = Some(machine.addresses.clone());
    spec.hosts = names.0.iter().flat_map(|(name, ips)| ips.iter().map(|ip| (name.clone(), *ip))).collect();
    spec.accounts = configs().flat_map(accounts).collect();
    spec.limits = Limits { open_files: settings.master.and_then(open_files), ..Limits::default() };

    let found = directories(configs(), &Here, on_host);
    spec.directories = writable(&found, settings);
    let written = written(configs(), &settings.config_dir);
    spec.directories.retain(|it| !written.iter().any(|path| path.parent() == Some(&it.path)));
    spec.written = written.into_iter().collect();
    let mut args = settings.args.clone();
    if let Some(built) = built {
        spec.directories.extend(own_directories(built, &spec.directories));
        args.extend(main_file(built, trees[0].config, &args));
    }
    if let [first, ..] = found.made.as_slice() {
        differences.push(told(
            "made here, because this machine lacks what the host may have",
            first,
            &found.made,
        ));
    }

    let mut files: BTreeMap<PathBuf, (Vec<u8>, u32)> = BTreeMap::new();
    let mut made_up = Secrets::default();
    for tree in trees {
        let live = trees.iter().find(|other| other.directory != tree.directory);
        let kept = kept(tree, live.map(|live| live.directory), settings);
        let really = |path: &Path| really(path, tree.directory, &kept, &settings.config_dir);
        let one = secrets(tree.config, &really, &Here, (on_host, settings.untrusted));
        made_up.certificates.extend(one.certificates);
        made_up.keys.extend(one.keys);
        made_up.authorities.extend(one.authorities);
        made_up.tickets.extend(one.tickets);
        made_up.parameters.extend(one.parameters);
        if !settings.untrusted {
            differences.extend(lay_kept(&kept, settings, &mut files));
        }
        made_up.authorities.extend(verified_authorities(tree.config));
    }
    made_up.complete(&configs().flat_map(pairs).collect::<Vec<_>>());
    let tls = targets.iter().any(|target| is_tls(target.kind));
    let mut identity = None;
    if tls || made_up.all().next().is_some() {
        let authority = Authority::new()?;
        let own: Vec<String> = configs().flat_map(upstream_names).chain(names.0.keys().cloned()).collect();
        let addresses = targets.iter().map(|target| host_of(&target.address.to_string()));
        let all: Vec<String> = own.into_iter().chain(addresses).collect();
        let made = authority.issue(all.iter().map(String::as_str))?;
        for path in &made_up.certificates {
            files.insert(path.clone(), (made.certificate.clone().into_bytes(), 0o644));
        }
        for path in &made_up.keys {
            // A key and its certificate may share a file.
            let both = made_up.certificates.contains(path);
            let text = if both { format!("{}{}", made.certificate, made.key) } else { made.key.clone() };
            files.insert(path.clone(), (text.into_bytes(), 0o600));
        }
        for path in &made_up.authorities {
            files.insert(path.clone(), (authority.pem().into_bytes(), 0o644));
        }
        for path in &made_up.tickets {
            files.insert(path.clone(), (vec![7; 48], 0o600));
        }
        for path in &made_up.parameters {
            files.insert(path.clone(), (DH_PARAMETERS.into(), 0o644));
        }
        identity = Some(made);
    }
    let told_of: Vec<PathBuf> = made_up.certificates.iter().chain(&made_up.tickets).cloned().collect();
    if let [first, ..] = told_of.as_slice() {
        let why = match settings.untrusted {
            true => "replaced by a made-up certificate, because the tree is not trusted",
            false => {
                "replaced by a made-up certificate, because this machine lacks it, its key or the right to read them"
            }
        };
        differences.push(told(why, first, &told_of));
    }
    let seen = binary(nginx);
    spec.nginx = vec![seen.path.clone()];
    if let Some(bytes) = seen.covered {
        differences.push(format!("{} is the binary that runs, not the one on disk", seen.path.display()));
        files.insert(seen.path.clone(), (bytes, 0o755));
    }
    if !settings.untrusted {
        let written: Vec<PathBuf> = spec.directories.iter().map(|it| it.path.clone()).collect();
        let mut shown = elsewhere(configs(), &settings.config_dir, &written, &Here);
        shown.retain(|path| !files.contains_key(path));
        spec.nginx.extend(shown);
    }
    spec.files = files.into_iter().map(|(path, (bytes, mode))| (path, bytes, mode)).collect();
    if settings.untrusted {
        let real = ["/etc/ssl/private", "/etc/letsencrypt", "/etc/pki/tls/private"].map(PathBuf::from);
        // A made-up key that lies in one of them is laid there afterwards.
        spec.hidden = real.into_iter().filter(|place| place.exists()).collect();
    }
    Ok(Setup { spec, nginx: seen.path, args, identity, differences })
}

/// `/data/x and 3 more were made, because …`
fn told(what: &str, first: &Path, all: &[PathBuf]) -> String {
    let names: Vec<String> = all.iter().take(TOLD_MAX).map(|path| path.display().to_string()).collect();
    match all.len() {
        1 => format!("{} was {what}", first.display()),
        count if count <= TOLD_MAX => format!("{} were {what}", names.join(", ")),
        count => format!("{} and {} more were {what}", names.join(", "), count - TOLD_MAX),
    }
}

/// The directories that must be empty and writable inside. Those that the system shares, and those that hold more than
/// what nginx writes, stay as they are.
fn writable(found: &Directories, settings: &Settings) -> Vec<Directory> {
    const SHARED: [&str; 12] = [
        "/",
        "/run",
        "/var/run",
        "/tmp",
        "/var/tmp",
        "/run/lock",
        "/var/lock",
        "/var",
        "/var/log",
        "/var/lib",
        "/var/cache",
        "/etc",
    ];
    let usable = |path: &Path| {
        !SHARED.iter().any(|shared| path == Path::new(shared))
            && path != settings.config_dir
            && !settings.config_dir.starts_with(path)
            && !settings.nginx.iter().any(|nginx| nginx.starts_with(path))
    };
    let here = found.here.iter().filter(|it| usable(&it.path)).map(|it| Directory {
        path: it.path.clone(),
        uid: it.uid,
        gid: it.gid,
        mode: it.mode,
    });
    let made = found.made.iter().filter(|path| usable(path));
    let made = made.map(|path| Directory { path: path.clone(), uid: 0, gid: 0, mode: 0o755 });
    here.chain(made).collect()
}

/// The temporary directories that a binary was built for.
fn own_directories(built: &Compiled, known: &[Directory]) -> Vec<Directory> {
    let temporary = built.written_paths.iter().filter(|path| path.to_string_lossy().contains("temp"));
    let paths = temporary.map(|path| Path::new("/").join(&built.prefix).join(path));
    let new = paths.filter(|path| !path.exists() && known.iter().all(|it| it.path != *path));
    new.map(|path| Directory { path, uid: 0, gid: 0, mode: 0o755 }).collect()
}

/// Names the main file to a binary that would look for it elsewhere.
fn main_file(built: &Compiled, config: &Config, args: &[String]) -> Vec<String> {
    let main = PathBuf::from(OsStr::from_bytes(&config.settings().main));
    let own = Path::new("/").join(&built.prefix).join(&built.conf_path);
    if own == main || args.iter().any(|arg| arg == "-c") {
        return Vec::new();
    }
    vec!["-c".to_owned(), main.display().to_string()]
}

/// What is kept outside the tree: what the caller says, and the keys that the live tree alone has.
fn kept(tree: &Tree<'_>, live: Option<&Path>, settings: &Settings) -> Vec<(PathBuf, PathBuf)> {
    let mut kept = tree.kept.to_vec();
    let Some(live) = live else { return kept };
    let all = secrets(tree.config, &|path| path.to_owned(), &Nothing, (false, true));
    for path in all.all() {
        let Ok(below) = path.strip_prefix(&settings.config_dir) else { continue };
        if !tree.directory.join(below).exists() && live.join(below).exists() {
            kept.push((below.to_owned(), live.join(below)));
        }
    }
    kept
}

/// A machine without anything: every path is asked for.
struct Nothing;

impl crate::inventory::paths::Outside for Nothing {
    fn directory(&self, _: &Path) -> Option<crate::inventory::paths::Directory> {
        None
    }

    fn file(&self, _: &Path) -> crate::inventory::paths::Found {
        crate::inventory::paths::Found::Nothing
    }
}

/// Where a path of the host lies on this machine, for a tree that is not at its place.
pub(crate) fn really(
    path: &Path,
    directory: &Path,
    kept: &[(PathBuf, PathBuf)],
    config_dir: &Path,
) -> PathBuf {
    let Ok(below) = path.strip_prefix(config_dir) else { return path.to_owned() };
    let from_kept = kept.iter().find_map(|(place, real)| {
        let rest = below.strip_prefix(place).ok()?;
        Some(if rest.as_os_str().is_empty() { real.clone() } else { real.join(rest) })
    });
    from_kept.unwrap_or_else(|| directory.join(below))
}

/// Lays kept files into the trees; says what could not be read.
fn lay_kept(
    kept: &[(PathBuf, PathBuf)],
    settings: &Settings,
    files: &mut BTreeMap<PathBuf, (Vec<u8>, u32)>,
) -> Vec<String> {
    let mut unreadable = Vec::new();
    let mut bytes_left = KEPT_BYTES_MAX;
    let mut pending: Vec<(PathBuf, PathBuf)> = kept.to_vec();
    let mut count = 0;
    while let Some((below, real)) = pending.pop() {
        count += 1;
        if count > KEPT_MAX {
            break;
        }
        let read = || -> io::Result<Option<(Vec<u8>, u32)>> {
            let meta = fs::metadata(&real)?;
            if meta.is_file() && meta.len() <= bytes_left {
                // Root owns it inside, whoever does here: whose group may read it, may.
                let open = if meta.gid() == 0 { 0 } else { (meta.permissions().mode() & 0o040) >> 3 };
                return Ok(Some((fs::read(&real)?, meta.permissions().mode() & 0o777 | open)));
            }
            Ok(None)
        };
        if real.is_dir() {
            let entries = fs::read_dir(&real).into_iter().flatten().flatten();
            pending.extend(entries.map(|entry| (below.join(entry.file_name()), entry.path())));
            continue;
        }
        match read() {
            Ok(Some((bytes, mode))) => {
                bytes_left = bytes_left.saturating_sub(bytes.len() as u64);
                files.entry(settings.config_dir.join(&below)).or_insert((bytes, mode));
            }
            Ok(None) => {}
            Err(_) => unreadable.push(below),
        }
    }
    match unreadable.as_slice() {
        [] => Vec::new(),
        [first, ..] => vec![told("left out, because it cannot be read here", first, &unreadable)],
    }
}

/// The files of authorities by which upstreams are verified: inside, the stand-ins must pass.
fn verified_authorities(config: &Config) -> Vec<PathBuf> {
    let verifies = ["proxy_ssl_verify", "grpc_ssl_verify", "uwsgi_ssl_verify"];
    let on = |name: &&str| config.named(name).any(|node| node.arg(0) == Some(b"on"));
    if !verifies.iter().any(on) {
        return Vec::new();
    }
    let files =
        ["proxy_ssl_trusted_certificate", "grpc_ssl_trusted_certificate", "uwsgi_ssl_trusted_certificate"];
    let values = files.iter().flat_map(|name| config.named(name)).filter_map(|node| node.arg(0));
    let paths = values.map(|value| config.settings().in_conf_prefix(value));
    paths.map(|path| PathBuf::from(OsStr::from_bytes(&path))).collect()
}

/// The names that stand-ins must have in their certificate.
fn upstream_names(config: &Config) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let upstreams = config.upstreams().iter().map(|upstream| text(&upstream.name));
    let given = ["proxy_ssl_name", "grpc_ssl_name", "uwsgi_ssl_name"];
    let given = given.iter().flat_map(|name| config.named(name)).filter_map(|node| node.arg(0));
    let servers = config.servers().iter().flat_map(|server| &server.names).map(|name| text(&name.text));
    upstreams.chain(given.map(text)).chain(servers).collect()
}

fn host_of(address: &str) -> String {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn is_tls(kind: TargetKind) -> bool {
    matches!(
        kind,
        TargetKind::Http { tls: true }
            | TargetKind::Grpc { tls: true }
            | TargetKind::Uwsgi { tls: true }
            | TargetKind::Tcp { tls: true }
    )
}

fn accounts(config: &Config) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match config.user() {
        Some((user, group)) => std::iter::once(text(user)).chain(group.map(text)).collect(),
        None => Vec::new(),
    }
}

/// The limit of open files, soft and hard, of a process.
pub(crate) fn open_files(pid: i32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace().map(|word| match word {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    });
    Some((words.next()??, words.next()??))
}

/// A binary, and how it is called inside.
struct Binary {
    path: PathBuf,
    /// Its bytes, when what lies at its path is another one by now.
    covered: Option<Vec<u8>>,
}

/// Looks behind `/proc/PID/exe`: a package update leaves the running binary without a name.
fn binary(nginx: &Path) -> Binary {
    let as_it_is = || Binary { path: nginx.to_owned(), covered: None };
    if !nginx.starts_with("/proc") {
        return as_it_is();
    }
    let Ok(target) = fs::read_link(nginx) else { return as_it_is() };
    let text = target.to_string_lossy();
    let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(&text).to_owned());
    let id = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    if id(&path) == id(nginx) {
        return Binary { path, covered: None };
    }
    Binary { path, covered: fs::read(nginx).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_files_are_looked_for_where_they_really_lie() {
        let kept = [(PathBuf::from("ssl"), PathBuf::from("/live/ssl"))];
        let really = |path: &str| {
            really(Path::new(path), Path::new("/tree"), &kept, Path::new("/etc/nginx")).display().to_string()
        };
        assert_eq!(really("/etc/nginx/ssl/a.key"), "/live/ssl/a.key");
        assert_eq!(really("/etc/nginx/conf.d/a.pem"), "/tree/conf.d/a.pem");
        assert_eq!(really("/etc/ssl/a.pem"), "/etc/ssl/a.pem");
    }

    #[test]
    fn limits_of_a_process_are_read() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (soft, hard) = open_files(own).unwrap();
        assert!(soft > 0 && soft <= hard);
    }

    #[test]
    fn running_binary_is_called_by_its_own_path() {
        let own = binary(Path::new("/proc/self/exe"));
        assert_eq!(own.path, std::env::current_exe().unwrap());
        assert!(own.covered.is_none());
    }
}
