//! Trees that are none, or hold what no tree should.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::is_clear;
use crate::support::{Host, Ran, is_root};

/// A bad tree: what it is called, what makes it out of a good one, the exit status and the words of `check`, and of `apply`.
type Case = (&'static str, fn(&Path), (i32, &'static str), (i32, &'static str));

const CASES: &[Case] = &[
    ("missing", |tree| remove(tree), (2, "No such file"), (2, "there is no")),
    (
        "empty",
        |tree| (remove(tree), make_directory(tree)).0,
        (2, "find nginx.conf in"),
        (2, "there is no file in it"),
    ),
    ("a file", |tree| (remove(tree), write(tree, "")).0, (1, "events"), (2, "directory")),
    (
        "a main file that is a directory",
        |tree| to_directory(&tree.join("nginx.conf")),
        (2, "nginx.conf"),
        (2, "find nginx.conf in"),
    ),
    (
        "a site that is a directory",
        |tree| to_directory(&tree.join("sites/shop.conf")),
        (1, "is a directory"),
        (1, "include-matches-nothing"),
    ),
    (
        "a site of any bytes",
        |tree| noise(&tree.join("sites/x.conf")),
        (1, "sites/x.conf"),
        (1, "sites/x.conf"),
    ),
    (
        "a main file of any bytes",
        |tree| noise(&tree.join("nginx.conf")),
        (1, "nginx.conf"),
        (1, "nginx.conf"),
    ),
    ("a site of 100 MB", |tree| huge(&tree.join("sites/x.conf")), (1, "larger than"), (2, "104857600 bytes")),
    (
        "a main file of 100 MB",
        |tree| huge(&tree.join("nginx.conf")),
        (2, "larger than"),
        (2, "104857600 bytes"),
    ),
    (
        "an include cycle",
        |tree| write(&tree.join("sites/x.conf"), "include sites/x.conf;\n"),
        (1, "sites/x.conf"),
        (1, "sites/x.conf"),
    ),
    (
        "a link to itself",
        |tree| link("x.conf", &tree.join("sites/x.conf")),
        (1, "symbolic links"),
        (1, "symbolic links"),
    ),
    (
        "a link to nothing",
        |tree| link("/nonexistent/x", &tree.join("sites/x.conf")),
        // It may be there on the host.
        (0, ""),
        (1, "x.conf"),
    ),
    (
        "a fifo",
        |tree| shell("mkfifo", &tree.join("sites/x.conf")),
        (1, "not a regular file"),
        (0, "left out: sites/x.conf is a fifo"),
    ),
    (
        "a socket",
        |tree| drop(UnixListener::bind(tree.join("sites/x.conf")).unwrap()),
        (1, "x.conf"),
        (0, "left out: sites/x.conf is a socket"),
    ),
    (
        "a link to a device",
        |tree| link("/dev/zero", &tree.join("sites/x.conf")),
        (1, "not a regular file"),
        (1, "not a regular file"),
    ),
    ("broken routes", |tree| write(&tree.join("routes.toml"), "[[route]\n"), (0, ""), (1, "routes.toml")),
    (
        "routes that are no text",
        |tree| noise(&tree.join("routes.toml")),
        (0, ""),
        (1, "routes.toml is not text"),
    ),
    ("a POST of a live system", |tree| write(&tree.join("routes.toml"), POST), (0, ""), (1, "unsafe = true")),
];

const POST: &str = "[[route]]\nrequest = \"POST http://shop.test/order\"\nlive = { status = 200 }\n";

fn remove(path: &Path) {
    let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir_all(path));
}

fn make_directory(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
}

fn to_directory(path: &Path) {
    remove(path);
    make_directory(&path.join("within"));
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

fn noise(path: &Path) {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::fs::write(path, (0..20_000).map(|_| next()).collect::<Vec<u8>>()).unwrap();
}

fn huge(path: &Path) {
    std::fs::File::create(path).unwrap().set_len(100 << 20).unwrap();
}

fn link(target: &str, path: &Path) {
    symlink(target, path).unwrap();
}

fn shell(program: &str, path: &Path) {
    assert!(Command::new(program).arg(path).status().unwrap().success());
}

#[test]
fn bad_tree_is_an_error_or_a_finding_and_the_host_stays_as_it_was() {
    let host = Host::start();
    let before = host.tree();
    let mut wrong = Vec::new();
    for (name, spoil, check, apply) in CASES {
        host.propose();
        spoil(&host.path("new"));
        let tree = host.path("new");
        let prefix = host.path("etc");
        let checked = host.run(&[
            "check",
            tree.to_str().unwrap(),
            "--prefix",
            prefix.to_str().unwrap(),
            "--fail-on",
            "error",
        ]);
        let applied = host.apply(&[]);
        for (command, ran, (code, text)) in [("check", checked, check), ("apply", applied, apply)] {
            is_clear(&ran);
            if ran.code != *code || !ran.said().contains(text) {
                wrong.push(format!("{command} of {name}: not {code} {text:?}: {ran:#?}"));
            }
        }
        host.is_still(&before, name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn live_tree_with_a_fifo_in_it_is_not_waited_for() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    shell("mkfifo", &host.path("etc/sites/pipe"));
    host.apply(&[]).ends(0);
    host.run(&["status"]).ends(0);
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves() && host.path("etc/sites/pipe").exists());
}

#[test]
fn unreadable_file_is_named() {
    let host = Host::start();
    let before = host.tree();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let (tree, file) = (host.path("new"), host.path("new/sites/shop.conf"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, unless it gives up what makes it root.
    let plain = |args: &[&str]| {
        let command = host.evenkeel(args);
        let mut weak = Command::new("setpriv");
        weak.args(["--inh-caps=-all", "--bounding-set=-all"])
            .arg(command.get_program())
            .args(command.get_args());
        Ran::from(if is_root() { weak } else { command }.output().unwrap())
    };
    let tree = tree.to_str().unwrap();
    let checked = plain(&["check", tree, "--prefix", host.path("etc").to_str().unwrap()]);
    is_clear(&checked);
    checked.ends(1).says("Permission denied").says("sites/shop.conf");
    if !is_root() {
        let applied = plain(&["apply", tree]);
        is_clear(&applied);
        applied.ends(2).says("sites/shop.conf").says("Permission denied");
    }
    host.is_still(&before, &"an unreadable file");
}

#[test]
fn links_that_lead_out_of_the_tree_are_links_on_the_host_too() {
    let host = Host::start();
    let outside = host.path("outside.conf");
    write(&outside, "# what lies elsewhere\n");
    host.propose();
    link(outside.to_str().unwrap(), &host.path("new/conf.d/outside.conf"));
    host.apply(&[]).ends(0);
    assert_eq!(std::fs::read_link(host.path("etc/conf.d/outside.conf")).unwrap(), outside);
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves() && std::fs::symlink_metadata(host.path("etc/conf.d/outside.conf")).is_err());
    host.run(&["status"]).ends(0);
}

#[test]
fn file_may_be_called_anything() {
    let host = Host::start();
    let before = host.tree();
    host.propose();
    let names: [&[u8]; 4] = [b"a\nb.conf", b"\xff\xfe.conf", b" \x1b[31m.conf", b"$x'\"\\.conf"];
    for name in names {
        let path = host.path("new/conf.d").join(OsStr::from_bytes(name));
        write(&path, "# nothing\n");
    }
    let applied = host.apply(&[]).ends(0);
    let shown = host.run(&["show", "r1"]).ends(0);
    let history = host.run(&["show", "r1", "--json"]).ends(0);
    assert_eq!(history.json()["changes"].as_array().unwrap().len(), names.len());
    assert!(names.iter().all(|name| host.path("etc/conf.d").join(OsStr::from_bytes(name)).exists()));
    for ran in [applied, shown] {
        assert!(!ran.said().contains('\x1b'), "what a file is called reaches the terminal: {ran:?}");
    }
    host.run(&["rollback"]).ends(0);
    host.is_still(&before, &"odd names");
}
