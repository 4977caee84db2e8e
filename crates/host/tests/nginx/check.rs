//! What nginx says of a tree that is not in place, and that asking leaves nothing behind.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::private::{Nginx, free_port, listing, wait_for};
use evenkeel_host::configdir::{Keep, read};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::check::{CheckError, Question, Verdict, live, proposed};
use evenkeel_host::nginx::find::{Master, find};
use evenkeel_host::nginx::log::Level;
use evenkeel_syntax::fileset::{Entry, FileSet, RelPath};

fn question<'a>(nginx: &'a Nginx, master: Option<&'a Master>) -> Question<'a> {
    Question { place: &nginx.place, master, kept: &[], written: &[], limit: Duration::from_secs(20) }
}

fn tree(nginx: &Nginx) -> FileSet {
    read(&nginx.place.config_dir, &Keep::default()).unwrap().files
}

fn with(nginx: &Nginx, path: &str, text: &str) -> FileSet {
    let mut files = tree(nginx);
    files.insert(RelPath::new(path).unwrap(), Entry::File(text.as_bytes().into()));
    files
}

fn started() -> (Nginx, Master) {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "live");
    let master = nginx.start();
    (nginx, master)
}

fn accepted(verdict: Result<Verdict, CheckError>) -> Vec<String> {
    match verdict.unwrap() {
        Verdict::Accepted { warnings } => warnings.into_iter().map(|warning| warning.text).collect(),
        Verdict::Refused { messages } => panic!("{messages:?}"),
    }
}

/// Gives the last message of a refusal with its file (inside the tree) and line.
fn refused(nginx: &Nginx, verdict: Result<Verdict, CheckError>) -> (String, Option<PathBuf>, Option<u32>) {
    let Verdict::Refused { messages } = verdict.unwrap() else { panic!("accepted") };
    let last = messages.into_iter().rfind(|message| message.level == Level::Emerg).unwrap();
    let file =
        last.file.map(|file| file.strip_prefix(&nginx.place.config_dir).map(Path::to_owned).unwrap_or(file));
    (last.text, file, last.line)
}

#[test]
fn proposed_tree_is_read_through_absolute_includes_and_not_the_live_one() {
    let (nginx, master) = started();
    let bad = with(&nginx, "conf.d/site.conf", "server {\n    no_such_directive 1;\n}\n");
    let said = refused(&nginx, proposed(&question(&nginx, Some(&master)), &bad));
    let expected =
        ("unknown directive \"no_such_directive\"".to_owned(), Some("conf.d/site.conf".into()), Some(2));
    assert_eq!(said, expected);
    let good = tree(&nginx);
    nginx.write("conf.d/site.conf", "no_such_directive 2;\n");
    assert_eq!(accepted(proposed(&question(&nginx, Some(&master)), &good)), [""; 0]);
    let said = refused(&nginx, live(&question(&nginx, Some(&master))));
    assert_eq!(
        said,
        ("unknown directive \"no_such_directive\"".to_owned(), Some("conf.d/site.conf".into()), Some(1))
    );
    nginx.write("conf.d/left-over.conf", "no_such_directive 3;\n");
    assert_eq!(
        accepted(proposed(&question(&nginx, Some(&master)), &good)),
        [""; 0],
        "a file that only the live tree has"
    );
}

#[test]
fn warnings_of_an_accepted_tree_are_given() {
    let (nginx, master) = started();
    let server = format!("server {{ listen 127.0.0.1:{}; server_name a; }}\n", free_port());
    let twice = with(&nginx, "conf.d/twice.conf", &server.repeat(2));
    let warnings = accepted(proposed(&question(&nginx, Some(&master)), &twice));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("conflicting server name \"a\""), "{warnings:?}");
}

#[test]
fn kept_file_of_the_live_tree_is_seen() {
    let (nginx, master) = started();
    nginx.write("private/secret.key", "return 403;\n");
    nginx.write("keys/one.key", "return 403;\n");
    let dir = nginx.place.config_dir.display().to_string();
    let server = format!(
        "server {{ listen 127.0.0.1:{}; include {dir}/private/secret.key; location /a {{ include {dir}/keys/one.key; }} \
         location /b {{ include {dir}/link.key; }} }}\n",
        free_port()
    );
    std::os::unix::fs::symlink("private/secret.key", nginx.place.config_dir.join("link.key")).unwrap();
    let files = with(&nginx, "conf.d/kept.conf", &server);
    assert!(
        files.get(&RelPath::new("private/secret.key").unwrap()).is_none(),
        "the test is about a kept file"
    );
    let kept = ["private/secret.key".into(), "keys".into(), "link.key".into(), "gone.key".into()];
    let asked = question(&nginx, Some(&master));
    assert_eq!(accepted(proposed(&Question { kept: &kept, ..asked.clone() }, &files)), [""; 0]);
    let (text, ..) = refused(&nginx, proposed(&Question { kept: &[], ..asked }, &files));
    assert!(text.contains("private/secret.key\" failed (2: No such file or directory)"), "{text}");
}

#[test]
fn links_of_the_tree_are_followed_inside_it() {
    let (nginx, master) = started();
    let mut files = tree(&nginx);
    let path = |name: &str| RelPath::new(name).unwrap();
    files.insert(path("sites/a"), Entry::File(b"no_such_directive;\n".as_slice().into()));
    files.insert(path("conf.d/a.conf"), Entry::Link(b"../sites/a".to_vec()));
    let (text, file, line) = refused(&nginx, proposed(&question(&nginx, Some(&master)), &files));
    assert_eq!((text.as_str(), line), ("unknown directive \"no_such_directive\"", Some(1)));
    assert_eq!(file, Some("conf.d/a.conf".into()));
}

#[test]
fn asking_leaves_nothing_behind() {
    let (nginx, master) = started();
    let place = |name: &str| nginx.path(name);
    let dir = nginx.dir.path().display();
    let main = nginx.main(&format!("error_log {dir}/logs/new.log;")).replace("nginx.pid", "new.pid");
    let mut files = with(&nginx, "nginx.conf", &main);
    let server = format!(
        "proxy_cache_path {dir}/temp/cache keys_zone=c:1m;\n\
         server {{ listen 127.0.0.1:{}; access_log {dir}/logs/access.log; listen unix:{dir}/run/new.sock; }}\n",
        free_port()
    );
    files.insert(RelPath::new("conf.d/new.conf").unwrap(), Entry::File(server.as_bytes().into()));
    let written: Vec<PathBuf> = [
        "logs/new.log",
        "logs/access.log",
        "run/new.pid",
        "run/nginx.pid",
        "temp/cache",
        "temp/body",
        "logs/error.log",
    ]
    .map(place)
    .to_vec();
    let owner = |name: &str| fs::metadata(place(name)).unwrap().uid();
    let before = (listing(nginx.dir.path()), nginx.log(), owner("temp/body"));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let asked = Question { written: &written, ..question(&nginx, Some(&master)) };
    assert_eq!(accepted(proposed(&asked, &files)), [""; 0]);
    files.insert(RelPath::new("conf.d/bad.conf").unwrap(), Entry::File(b"no_such;".as_slice().into()));
    refused(&nginx, proposed(&asked, &files));
    accepted(live(&asked));
    assert_eq!((listing(nginx.dir.path()), nginx.log(), owner("temp/body")), before);
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), mounts);
    assert_eq!(find(&nginx.place).unwrap(), master);
}

#[test]
fn running_temporary_directories_are_not_given_to_another_user() {
    let (nginx, master) = started();
    if !nix::unistd::geteuid().is_root() {
        // Only root gives directories away.
        return;
    }
    let main = nginx.main("").replace("user root;", "user www-data;");
    let written = [nginx.path("temp/body")];
    let asked = Question { written: &written, ..question(&nginx, Some(&master)) };
    accepted(proposed(&asked, &with(&nginx, "nginx.conf", &main)));
    assert_eq!(fs::metadata(&written[0]).unwrap().uid(), 0);
}

#[test]
fn limits_of_the_running_master_count() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "live");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 64; exec \"$@\"", "sh"]).arg(nginx.command().get_program());
    assert!(shell.args(nginx.command().get_args()).status().unwrap().success());
    let pid: i32 =
        wait_for("the pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    nginx.also_stop(ProcessId::of(pid).unwrap());
    let master = wait_for("the master", || find(&nginx.place).ok());
    let port = free_port();
    let listens: String = (1..100).map(|host| format!("listen 127.0.0.{host}:{port};\n")).collect();
    let mut files = with(&nginx, "conf.d/many.conf", &format!("server {{\n{listens}}}\n"));
    let main = nginx.main("").replace("worker_connections 64", "worker_connections 512");
    files.insert(RelPath::new("nginx.conf").unwrap(), Entry::File(main.as_bytes().into()));
    let (text, ..) = refused(&nginx, proposed(&question(&nginx, Some(&master)), &files));
    assert!(text.contains("24: Too many open files"), "{text}");
    accepted(proposed(&question(&nginx, None), &files));
}

#[test]
fn nginx_that_hangs_is_stopped() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "live");
    let script = nginx.path("nginx");
    fs::write(&script, "#!/bin/sh\nsleep 600\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    nginx.place.nginx = script;
    let before = Instant::now();
    let asked = Question { limit: Duration::from_millis(300), ..question(&nginx, None) };
    let error = proposed(&asked, &tree(&nginx)).unwrap_err();
    assert!(matches!(error, CheckError::TimedOut { limit_ms: 300, .. }), "{error:?}");
    assert!(before.elapsed() < Duration::from_secs(15));
}

#[test]
fn missing_binary_and_missing_tree_are_named() {
    let mut nginx = Nginx::new();
    let files = tree(&nginx);
    nginx.place.nginx = "/nonexistent/nginx".into();
    let error = proposed(&question(&nginx, None), &files).unwrap_err();
    assert_eq!(error.to_string(), "start /nonexistent/nginx");
    assert!(matches!(live(&question(&nginx, None)), Err(CheckError::Start { .. })));
    fs::remove_dir_all(&nginx.place.config_dir).unwrap();
    let error = proposed(&question(&nginx, None), &files).unwrap_err();
    assert!(
        matches!(&error, CheckError::LayOut { path, .. } if *path == nginx.place.config_dir),
        "{error:?}"
    );
}

#[test]
fn tree_behind_a_link_is_covered_where_it_is() {
    let (mut nginx, master) = started();
    let link = nginx.path("link");
    std::os::unix::fs::symlink("conf", &link).unwrap();
    nginx.place.config_dir.clone_from(&link);
    nginx.place.main = link.join("nginx.conf");
    let bad = with(&nginx, "conf.d/site.conf", "no_such_directive;");
    refused(&nginx, proposed(&question(&nginx, Some(&find(&nginx.place).unwrap())), &bad));
    assert!(master.id.lives());
}

#[test]
fn ended_master_is_not_asked() {
    let (nginx, master) = started();
    let ended = Master { id: ProcessId { start_ticks: master.id.start_ticks + 1, ..master.id }, ..master };
    let error = proposed(&question(&nginx, Some(&ended)), &tree(&nginx)).unwrap_err();
    assert!(matches!(error, CheckError::Gone { .. }));
}
