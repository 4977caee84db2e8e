//! A switch and an undo that are killed before each of their system calls.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use evenkeel_host::install::{self, Staged, Unobserved};
use evenkeel_host::slots::Slots;

use crate::Test;
use crate::common::{Host, see};

pub(crate) const TESTS: &[Test] = &[
    ("undo_after_a_kill_at_any_step_of_a_switch_restores_everything", killed_switch),
    ("undo_after_a_kill_at_any_step_of_an_undo_restores_everything", killed_undo),
    ("switch_and_undo_work_on_a_full_disk", full_disk),
    ("stage_on_a_full_disk_says_so_and_leaves_nothing", no_room_to_stage),
    ("read_only_tree_is_refused_and_left_as_it_was", read_only),
    ("directory_that_is_a_mount_point_is_switched_within_itself", inner_mount),
    ("file_that_is_a_mount_point_is_refused", mounted_file),
];

const OLD: &str = "
    nginx.conf = old main
    conf.d/changed.conf = old
    conf.d/deleted.conf = old
    sites/a -> ../x
    becomes-dir = a file
    becomes-file/inner.conf = inner
    becomes-file/deep/er.conf = deeper
    same.conf = same
";
const NEW: &str = "
    nginx.conf = new main
    conf.d/changed.conf = new
    conf.d/created.conf = new
    sites/a -> ../y
    new/deep/b.conf = new
    becomes-dir/inner.conf = inner
    becomes-file = a file
    same.conf = same
";

/// `install switch|undo flags|plain K DIR`: ends itself with SIGKILL before its K-th step.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let [what, way, step, dir] = args else { panic!("install switch|undo flags|plain K DIR") };
    let mut left: usize = step.parse().unwrap();
    let mut steps = |_: &'static str, _: &[u8]| {
        if left == 0 {
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        left -= 1;
    };
    let host = Host::open(Path::new(dir));
    let staged = staged(&host, way);
    match what.as_str() {
        "switch" => host.switch(&staged, &mut steps).unwrap(),
        "undo" => drop(install::undo(&staged, &mut steps).unwrap()),
        other => panic!("{other}"),
    }
    ExitCode::SUCCESS
}

fn staged(host: &Host, way: &str) -> Staged {
    let (plan, digest) = match Slots::open(&host.place.state_dir).map(|slots| slots.read().unwrap().unwrap())
    {
        Ok(record) => (record.plan, record.plan_digest),
        Err(_) => {
            let staged = host.stage();
            (staged.plan_path().to_owned(), staged.plan_digest())
        }
    };
    let staged = Staged::open(&plan, digest).unwrap();
    if way == "plain" { staged.without_rename_flags() } else { staged }
}

/// Runs this program in the role; says whether it came to its end.
fn child(what: &str, way: &str, step: usize, host: &Host) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["install", what, way, &step.to_string()])
        .arg(&host.dir)
        .status()
        .unwrap();
    assert!(status.success() || status.signal() == Some(libc::SIGKILL), "{what} {way} {step}: {status}");
    status.success()
}

fn undone(host: &Host, way: &str, context: &str) {
    let undone = install::undo(&staged(host, way), &mut Unobserved).unwrap();
    let clean = undone.failed.is_empty() && undone.foreign.is_empty() && undone.left.is_empty();
    assert!(clean, "{context}: {undone:?}");
}

fn killed_switch() {
    for way in ["flags", "plain"] {
        let mut ends = 0;
        for step in 0.. {
            let host = Host::new(OLD, NEW);
            let before = see(host.live());
            let ended = child("switch", way, step, &host);
            undone(&host, way, &format!("{way}, killed at {step}"));
            staged(&host, way).discard(false).unwrap();
            assert_eq!(see(host.live()), before, "{way}, killed at {step}");
            ends = step;
            if ended {
                break;
            }
        }
        assert!(ends >= 15, "only {ends} steps were seen");
    }
}

fn killed_undo() {
    for way in ["flags", "plain"] {
        for step in 0.. {
            let host = Host::new(OLD, NEW);
            let before = see(host.live());
            assert!(child("switch", way, 1_000, &host));
            let ended = child("undo", way, step, &host);
            undone(&host, way, &format!("{way}, killed at {step}"));
            staged(&host, way).discard(false).unwrap();
            assert_eq!(see(host.live()), before, "{way}, killed at {step}");
            if ended {
                assert!(step >= 10, "only {step} steps were seen");
                break;
            }
        }
    }
}

/// Runs a part of the test in a mount namespace of its own, where this program may mount; says `None` where the
/// kernel does not let us.
fn with_mounts(script: &str, host: &Host) -> Option<std::process::Output> {
    let may = Command::new("unshare").args(["-Urm", "true"]).status().is_ok_and(|status| status.success());
    if !may {
        eprintln!("no mount namespace to be had here: nothing to ask");
        return None;
    }
    let exe = std::env::current_exe().unwrap();
    let dir = host.dir.to_str().unwrap();
    let script = format!("set -e\nDIR='{dir}'\nSELF='{}'\n{script}", exe.display());
    Some(Command::new("unshare").args(["-Urm", "sh", "-c", &script]).output().unwrap())
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn full_disk() {
    let host = Host::new("", "nginx.conf = new\nchanged.conf = new\ncreated.conf = new");
    // All that is staged lies there when the disk becomes full; no block and no inode is left to the switch and the undo.
    let script = r#"
        mount -t tmpfs -o size=512k,nr_inodes=60 tmpfs "$DIR/conf"
        cd "$DIR/conf"
        echo old > nginx.conf; echo old > changed.conf; echo old > deleted.conf
        cp -a "$DIR/conf" "$DIR/before"
        "$SELF" install switch flags 0 "$DIR" || true
        dd if=/dev/zero of=filler.log bs=1k 2>/dev/null || true
        n=0; while touch i$n.log 2>/dev/null; do n=$((n + 1)); done
        ! touch more.log 2>/dev/null && ! dd if=/dev/zero of=i0.log bs=4k count=1 2>/dev/null
        for step in 1 2 3 4 1000; do
            "$SELF" install switch flags $step "$DIR" || true
            grep -l new *.conf > "$DIR/switched" || true
            "$SELF" install undo flags 1000 "$DIR"
            diff -r -x '*.log' -x .evenkeel "$DIR/before" "$DIR/conf"
        done
        test "$(wc -l < "$DIR/switched")" = 3
        echo restored
    "#;
    let Some(output) = with_mounts(script, &host) else { return };
    assert!(said(&output).contains("restored"), "{}", said(&output));
}

fn no_room_to_stage() {
    let host = Host::new("", NEW);
    let script = r#"
        mount -t tmpfs -o size=16k,nr_inodes=9 tmpfs "$DIR/conf"
        echo old > "$DIR/conf/nginx.conf"
        ! "$SELF" install switch flags 1000 "$DIR" || exit 9
        test "$(ls -A "$DIR/conf")" = nginx.conf
        test "$(cat "$DIR/conf/nginx.conf")" = old
        echo clean
    "#;
    let Some(output) = with_mounts(script, &host) else { return };
    let said = said(&output);
    assert!(said.contains("clean") && said.contains("StorageFull"), "{said}");
}

fn read_only() {
    let host = Host::new(OLD, NEW);
    let script = r#"
        mount --bind "$DIR/conf" "$DIR/conf"
        mount -o remount,bind,ro "$DIR/conf"
        ! "$SELF" install switch flags 1000 "$DIR" || exit 9
        test ! -e "$DIR/conf/.evenkeel"
        echo untouched
    "#;
    let before = see(host.live());
    let Some(output) = with_mounts(script, &host) else { return };
    let said = said(&output);
    assert!(said.contains("untouched") && said.contains("ReadOnlyFilesystem"), "{said}");
    assert_eq!(see(host.live()), before);
}

fn inner_mount() {
    let host = Host::new("nginx.conf = old", "nginx.conf = new\nsites/a.conf = new\nsites/b.conf = new");
    let script = r#"
        mkdir -p "$DIR/conf/sites"
        mount -t tmpfs tmpfs "$DIR/conf/sites"
        echo old > "$DIR/conf/sites/a.conf"
        "$SELF" install switch flags 1000 "$DIR"
        test "$(cat "$DIR/conf/sites/a.conf" "$DIR/conf/nginx.conf" "$DIR/conf/sites/b.conf")" = newnewnew
        test -d "$DIR/conf/sites/.evenkeel"
        "$SELF" install undo flags 1000 "$DIR"
        test "$(cat "$DIR/conf/sites/a.conf" "$DIR/conf/nginx.conf")" = "old
old"
        test ! -e "$DIR/conf/sites/b.conf"
        echo both
    "#;
    let Some(output) = with_mounts(script, &host) else { return };
    assert!(said(&output).contains("both"), "{}", said(&output));
}

fn mounted_file() {
    let host = Host::new("nginx.conf = old\na.conf = old", "nginx.conf = new\na.conf = new");
    let script = r#"
        echo mounted > "$DIR/elsewhere"
        mount --bind "$DIR/elsewhere" "$DIR/conf/nginx.conf"
        ! "$SELF" install switch flags 1000 "$DIR" || exit 9
        test ! -e "$DIR/conf/.evenkeel"
        test "$(cat "$DIR/conf/a.conf")" = old
        echo refused
    "#;
    let Some(output) = with_mounts(script, &host) else { return };
    let said = said(&output);
    assert!(said.contains("refused") && said.contains("MountPoint"), "{said}");
}
