//! An nginx that sees another file system, or the same directory under another name.
//!
//! Namespaces of nginx's own are made by `unshare`: by root as containers are, by an ordinary user in a user
//! namespace, which Evenkeel does not enter.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::private::{Nginx, free_port, get, wait_for, workers};
use evenkeel_host::configdir::{Keep, read};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::check::{CheckError, Question, Verdict, live, proposed};
use evenkeel_host::nginx::control::reload;
use evenkeel_host::nginx::find::{FindError, find};
use evenkeel_host::nginx::generation::{Before, Expected, Proof, Workers, links_read, prove, what_is_read};
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_syntax::fileset::{Digest, Entry, RelPath};

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Starts nginx in a mount namespace of its own after a shell line in it; `$dir` is the directory of the test.
fn start_in_namespace(nginx: &mut Nginx, line: &str, conf: &Path) -> ProcessId {
    let mut unshare = Command::new("unshare");
    unshare.arg("-m");
    if !is_root() {
        // There the user is root and the only one, and nginx would look for another.
        unshare.args(["-U", "-r"]);
        let main = fs::read_to_string(&nginx.place.main).unwrap();
        nginx.write("nginx.conf", &format!("user root;\n{main}"));
    }
    let script = format!("set -e; dir={}; {line}; exec \"$@\"", nginx.dir.path().display());
    let start = nginx.command();
    let args = start.get_args().map(|arg| if arg == nginx.place.main { conf.as_os_str() } else { arg });
    let status =
        unshare.args(["sh", "-c", &script, "sh"]).arg(start.get_program()).args(args).status().unwrap();
    assert!(status.success(), "{}", nginx.log());
    let pid = wait_for("the pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    let id = ProcessId::of(pid).unwrap();
    nginx.also_stop(id);
    wait_for("the workers", || (workers(pid).len() >= 2).then_some(()));
    id
}

fn question(nginx: &Nginx) -> Question<'_> {
    Question { place: &nginx.place, master: None, kept: &[], written: &[], limit: Duration::from_secs(20) }
}

#[test]
fn nginx_with_a_tree_of_its_own_under_our_path_is_refused() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    let main = nginx.place.main.clone();
    let copy = "cp -r $dir/conf $dir/copy; mount --bind $dir/copy $dir/conf";
    let id = start_in_namespace(&mut nginx, copy, &main);
    let error = find(&nginx.place).unwrap_err();
    let FindError::OtherConfiguration { pid, reads, own_view, .. } = &error else { panic!("{error:?}") };
    assert_eq!((*pid, reads, *own_view), (id.pid, &main, true));
}

#[test]
fn nginx_that_sees_our_tree_under_another_name_is_asked_reloaded_and_proven_there() {
    let mut nginx = Nginx::new();
    let port = free_port();
    let seen = nginx.path("seen");
    fs::create_dir(&seen).unwrap();
    let site = |answer: &str| format!("server {{ listen 127.0.0.1:{port}; return 200 \"{answer}\"; }}\n");
    nginx.write("conf.d/site.conf", &site("old"));
    let main = nginx.main("").replace("/conf/conf.d/", "/seen/conf.d/");
    nginx.write("nginx.conf", &main);
    let conf = seen.join("nginx.conf");
    start_in_namespace(&mut nginx, "mount --bind $dir/conf $dir/seen", &conf);
    let master = find(&nginx.place).unwrap();
    assert_eq!((&master.conf, &master.tree, master.own_view), (&conf, &seen, true));
    let asked = Question { master: Some(&master), ..question(&nginx) };
    let mut files = read(&nginx.place.config_dir, &Keep::default()).unwrap().files;
    files.insert(RelPath::new("conf.d/site.conf").unwrap(), Entry::File(site("new").as_bytes().into()));
    let answer = proposed(&asked, &files);
    if is_root() {
        assert_eq!(answer.unwrap(), Verdict::Accepted { warnings: Vec::new() });
        files.insert(RelPath::new("conf.d/site.conf").unwrap(), Entry::File(b"bad;".as_slice().into()));
        let Verdict::Refused { messages } = proposed(&asked, &files).unwrap() else { panic!("accepted") };
        assert_eq!(messages[0].file.as_deref(), Some(seen.join("conf.d/site.conf").as_path()));
        assert!(matches!(live(&asked), Ok(Verdict::Accepted { .. })));
    } else {
        assert!(matches!(answer, Err(CheckError::OtherNamespace { .. })), "{answer:?}");
    }
    nginx.write("conf.d/site.conf", &site("new"));
    let digest = Digest::of(site("new").as_bytes()).0;
    assert_eq!(what_is_read(&master, [(Path::new("conf.d/site.conf"), digest)]).unwrap(), None);
    let before = Before::take(master.id, &[nginx.error_log()]);
    let sent = reload(master.id).unwrap();
    let expected = Expected::new(Workers::Fixed(2), vec![Listen::Tcp(([127, 0, 0, 1], port).into())]);
    assert!(matches!(prove(before, &sent, &expected), Proof::Holds(_)));
    assert!(get(port).unwrap().ends_with("new"));
}

#[test]
fn nginx_in_a_container_is_found_reloaded_and_proven() {
    let mut nginx = Nginx::new();
    let port = free_port();
    let site = |answer: &str| format!("server {{ listen 127.0.0.1:{port}; return 200 \"{answer}\"; }}\n");
    nginx.write("conf.d/site.conf", &site("old"));
    nginx.write(
        "nginx.conf",
        &format!("{}daemon off;\n{}", if is_root() { "" } else { "user root;\n" }, nginx.main("")),
    );
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if !is_root() {
        unshare.args(["-U", "-r"]);
    }
    let start = nginx.command();
    let mut container = unshare.arg(start.get_program()).args(start.get_args()).spawn().unwrap();
    nginx.also_stop(ProcessId::of(i32::try_from(container.id()).unwrap()).unwrap());
    let master = wait_for("the master", || find(&nginx.place).ok());
    assert_eq!(fs::read_to_string(&nginx.place.pid).unwrap().trim(), "1");
    assert_ne!(master.id.pid, 1);
    wait_for("the workers", || (workers(master.id.pid).len() >= 2).then_some(()));
    nginx.write("conf.d/site.conf", &site("new"));
    let before = Before::take(master.id, &[nginx.error_log()]);
    let sent = reload(master.id).unwrap();
    let expected = Expected::new(Workers::Fixed(2), vec![Listen::Tcp(([127, 0, 0, 1], port).into())]);
    let proof = prove(before, &sent, &expected);
    assert!(matches!(&proof, Proof::Holds(evidence) if evidence.foreign_reloads.is_empty()), "{proof:?}");
    assert!(get(port).unwrap().ends_with("new"));
    container.kill().unwrap();
    container.wait().unwrap();
}

#[test]
fn mount_over_a_part_of_the_tree_is_seen_before_the_reload() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    let main = nginx.place.main.clone();
    let covered = "cp -r $dir/conf/conf.d $dir/copy; mount --bind $dir/copy $dir/conf/conf.d";
    start_in_namespace(&mut nginx, covered, &main);
    let master = find(&nginx.place).unwrap();
    assert!(master.own_view);
    nginx.write("conf.d/site.conf", "# what only we see\n");
    let digest = |name: &str| Digest::of(&fs::read(nginx.place.config_dir.join(name)).unwrap()).0;
    let names = ["conf.d/site.conf", "nginx.conf"];
    let files: Vec<_> = names.iter().map(|name| (Path::new(name), digest(name))).collect();
    assert_eq!(what_is_read(&master, files).unwrap(), Some("conf.d/site.conf".into()));
}

#[test]
fn bind_mounted_tree_is_covered_like_any_other() {
    if !is_root() {
        // Mounting where the test itself sees it takes root.
        return;
    }
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    let mounted = Mounted::bind(&nginx.place.config_dir, &nginx.path("mounted"));
    nginx.write("nginx.conf", &nginx.main("").replace("/conf/conf.d/", "/mounted/conf.d/"));
    nginx.place.config_dir = nginx.path("mounted");
    nginx.place.main = nginx.path("mounted/nginx.conf");
    let master = nginx.start();
    assert!(!master.own_view);
    let mut files = read(&nginx.place.config_dir, &Keep::default()).unwrap().files;
    let asked = Question { master: Some(&master), ..question(&nginx) };
    assert!(matches!(proposed(&asked, &files), Ok(Verdict::Accepted { .. })));
    files.insert(RelPath::new("conf.d/site.conf").unwrap(), Entry::File(b"bad;".as_slice().into()));
    assert!(matches!(proposed(&asked, &files), Ok(Verdict::Refused { .. })));
    assert!(matches!(live(&asked), Ok(Verdict::Accepted { .. })));
    // The same directory under its first name: one main file, and nginx reads it under the other.
    nginx.place.config_dir = nginx.path("conf");
    nginx.place.main = nginx.path("conf/nginx.conf");
    let master = find(&nginx.place).unwrap();
    let asked = Question { master: Some(&master), ..question(&nginx) };
    assert!(matches!(proposed(&asked, &files), Ok(Verdict::Refused { .. })));
    // The directory can only be removed once nothing is mounted in it.
    drop(mounted);
}

/// A bind mount that goes away with the test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn bind(from: &Path, to: &Path) -> Self {
        fs::create_dir(to).unwrap();
        assert!(Command::new("mount").arg("--bind").args([from, to]).status().unwrap().success());
        Self(to.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _may_be_gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn links_that_lead_nginx_elsewhere_are_named() {
    let mut nginx = Nginx::new();
    let port = free_port();
    nginx.write("sites/site.conf", &format!("server {{ listen 127.0.0.1:{port}; return 200 \"a\"; }}\n"));
    std::os::unix::fs::symlink("../sites/site.conf", nginx.path("conf/conf.d/site.conf")).unwrap();
    let master = nginx.start();
    let path = Path::new("conf.d/site.conf");
    assert_eq!(links_read(&master, [(path, &b"../sites/site.conf"[..])]).unwrap(), None);
    let (missing, file) = (Path::new("conf.d/none.conf"), Path::new("nginx.conf"));
    for (wrong, target) in [(path, "../sites/other.conf"), (missing, "x"), (file, "x")] {
        let named = links_read(&master, [(wrong, target.as_bytes())]).unwrap();
        assert_eq!(named.as_deref(), Some(wrong));
    }
}
