//! What nginx opens only when somebody asks: `nginx -t` and a reload say nothing of what is missing there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use evenkeel_model::{Config, Node};

use crate::finding::{Finding, Severity};
use crate::rehearse::{Settings, Tree};
use crate::sandbox::processes;
use crate::setup::really;

/// What a directive names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A directory with the files that are served.
    Served,
    /// The file with the passwords of a place.
    Passwords,
    /// A certificate or key that is looked for at each handshake, as variables name it.
    Certificate,
}

const OPENED: [(&str, Names); 5] = [
    ("root", Names::Served),
    ("alias", Names::Served),
    ("auth_basic_user_file", Names::Passwords),
    ("ssl_certificate", Names::Certificate),
    ("ssl_certificate_key", Names::Certificate),
];

/// Says what is missing, or closed to the workers of the nginx that runs. Only where it runs can that be told.
pub(crate) fn findings(tree: &Tree<'_>, live: Option<&Tree<'_>>, settings: &Settings) -> Vec<Finding> {
    let Some(master) = settings.master.filter(|_| !settings.untrusted) else { return Vec::new() };
    let same_user = live.is_none_or(|live| live.config.user() == tree.config.user());
    let worker = same_user.then(|| Worker::of(master)).flatten();
    let mut findings: Vec<Finding> = Vec::new();
    for (name, names) in OPENED {
        let of_live: Vec<&[u8]> =
            live.iter().flat_map(|live| live.config.named(name)).filter_map(|node| node.arg(0)).collect();
        for node in tree.config.named(name).filter(|node| !node.context().is_raw()) {
            let Some(path) = known_path(tree.config, node, names) else { continue };
            let here = really(&path, tree.directory, tree.kept, &settings.config_dir);
            let is_ours = here != path;
            let said = match here.metadata() {
                Ok(_) if is_ours => None,
                Ok(_) => worker.as_ref().and_then(|worker| closed(&here, names, worker)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Some("does not exist".to_owned())
                }
                // What we may not look at says nothing about others.
                Err(_) => None,
            };
            let Some(said) = said else { continue };
            let old = node.arg(0).is_some_and(|value| of_live.contains(&value));
            let finding = tell(node, &path, names, &said).old(old);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// The path that a directive names: as it stands, or the directory above the first variable.
fn known_path(config: &Config, node: Node<'_>, names: Names) -> Option<PathBuf> {
    const NO_PATH: [&[u8]; 4] = [b"data:", b"engine:", b"store:", b"off"];
    let value = node.arg(0)?;
    if NO_PATH.iter().any(|prefix| value.starts_with(prefix)) {
        return None;
    }
    let known = match value.iter().position(|byte| *byte == b'$') {
        Some(first) => &value[..=value[..first].iter().rposition(|byte| *byte == b'/')?],
        // nginx opens it when it loads.
        None if names == Names::Certificate => return None,
        None => value,
    };
    let settings = config.settings();
    // Without the word of `nginx -V` the prefix is a guess.
    if names == Names::Served && !known.starts_with(b"/") && settings.configure.is_none() {
        return None;
    }
    let path = match names {
        Names::Served => settings.in_prefix(known),
        Names::Passwords | Names::Certificate => settings.in_conf_prefix(known),
    };
    let path = PathBuf::from(OsStr::from_bytes(&path));
    // Nothing is missing of the root itself.
    (path != Path::new("/")).then_some(path)
}

fn tell(node: Node<'_>, path: &Path, names: Names, said: &str) -> Finding {
    let missing = said == "does not exist";
    let (severity, what) = match (names, missing) {
        (Names::Served, true) => (Severity::Warning, "whoever asks for a file there is answered with 404"),
        (Names::Served, false) => (Severity::Warning, "whoever asks for a file there is answered with 403"),
        (Names::Passwords, true) => (Severity::Error, "whoever gives a password is answered with 403"),
        (Names::Passwords, false) => (Severity::Error, "whoever gives a password is answered with 500"),
        (Names::Certificate, _) => (Severity::Error, "every handshake fails"),
    };
    let rule = if missing { "missing-at-request" } else { "closed-to-workers" };
    let message = format!("{} of `{}` {said}: {what}", path.display(), node.name());
    let place = Some((node.source().display.clone(), node.line()));
    let help = "nginx opens it only when somebody asks, so that neither `nginx -t` nor a reload says anything: create it, \
                or correct its path, owner or mode";
    Finding::new(rule, severity, message).at(place).help(help)
}

/// Who a worker is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Worker {
    user: u32,
    groups: Vec<u32>,
}

impl Worker {
    /// The first worker of a master.
    fn of(master: i32) -> Option<Worker> {
        let is_worker = |pid: &i32| processes::title(*pid).starts_with("nginx: worker process");
        let pid = processes::children(master).into_iter().find(is_worker)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let numbers = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().map(|word| word.parse().ok()).collect()
        };
        let user = *numbers("Uid:")?.get(1)?;
        let group = *numbers("Gid:")?.get(1)?;
        let groups = numbers("Groups:")?.into_iter().chain([group]).collect();
        Some(Worker { user, groups })
    }

    /// Whether these permissions (one octal digit) are given. What a list says beside the mode is not read: then, yes.
    fn may(&self, path: &Path, wanted: u32) -> bool {
        let Ok(meta) = path.metadata() else { return true };
        let mode = meta.permissions().mode();
        let given = match () {
            () if self.user == 0 => 7,
            () if meta.uid() == self.user => mode >> 6,
            () if self.groups.contains(&meta.gid()) => mode >> 3,
            () => mode,
        };
        given & wanted == wanted || has_list(path)
    }
}

/// Whether an access control list may say more than the mode does.
fn has_list(path: &Path) -> bool {
    let mut nothing = [0_u8; 0];
    rustix::fs::getxattr(path, "system.posix_acl_access", &mut nothing).is_ok_and(|length| length > 0)
}

/// Says what keeps a worker from a path.
fn closed(path: &Path, names: Names, worker: &Worker) -> Option<String> {
    let path = fs::canonicalize(path).ok()?;
    let (enter, read) = (1, 4);
    let above = path.ancestors().skip(1).collect::<Vec<_>>();
    if let Some(closed) = above.into_iter().rev().find(|directory| !worker.may(directory, enter)) {
        return Some(format!("is closed to the workers, who may not enter {}", closed.display()));
    }
    let wanted = if names == Names::Passwords { read } else { enter };
    (!worker.may(&path, wanted)).then(|| "is closed to the workers by its mode".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn paths(text: &str) -> Vec<String> {
        let config = config(text);
        let all = OPENED.iter().flat_map(|(name, names)| {
            let paths = config.named(name).filter_map(|node| known_path(&config, node, *names));
            paths.map(|path| path.display().to_string()).collect::<Vec<_>>()
        });
        all.collect()
    }

    #[test]
    fn what_variables_name_is_known_up_to_the_first_one() {
        let text = "events {}\nhttp { server {\n root /srv/$host/x;\n auth_basic_user_file users;\n \
                    ssl_certificate /tls/$ssl_server_name.pem;\n ssl_certificate_key a.key;\n \
                    location /a { alias /srv/a/; }\n location /b { root $x; } location /c { root /$x; } } }";
        assert_eq!(paths(text), ["/srv", "/srv/a", "/etc/nginx/users", "/tls"]);
    }

    #[test]
    fn worker_enters_what_its_user_or_group_or_everybody_may() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let meta = dir.path().metadata().unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let owner = Worker { user: meta.uid(), groups: vec![] };
        let group = Worker { user: 54_321, groups: vec![meta.gid()] };
        let other = Worker { user: 54_321, groups: vec![54_321] };
        let seen = |worker: &Worker| closed(&inner, Names::Served, worker).is_none();
        mode(&inner, 0o755);
        mode(dir.path(), 0o750);
        assert!(seen(&owner) && seen(&group) && !seen(&other));
        assert!(closed(&inner, Names::Served, &other).unwrap().ends_with(&dir.path().display().to_string()));
        mode(dir.path(), 0o755);
        assert!(seen(&other));
        mode(&inner, 0o700);
        assert!(!seen(&group) && seen(&Worker { user: 0, groups: vec![] }));
    }
}
