//! The journaled install on real files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use crate::common::{Host, see, write};
use evenkeel_fleet::apply::Stage;
use evenkeel_host::configdir::bundles;
use evenkeel_host::install::{self, StageError, Steps, SwitchError, Unobserved};
use evenkeel_host::slots::Slots;
use evenkeel_syntax::fileset::{Digest, Entry, FileSet, RelPath};

/// Every kind of change at once.
const OLD: &str = "
    nginx.conf = old main
    conf.d/changed.conf = old
    conf.d/deleted.conf = old
    conf.d/same.conf = same
    sites-enabled/a -> ../sites-available/a
    sites-enabled/gone -> ../sites-available/gone
    becomes-dir = a file
    becomes-file/inner.conf = inner
    becomes-file/deep/er.conf = deeper
    becomes-link = a file
    becomes-plain -> nginx.conf
    ssl/site.key = secret
";
const NEW: &str = "
    nginx.conf = new main
    conf.d/changed.conf = new
    conf.d/created.conf = new
    conf.d/same.conf = same
    sites-enabled/a -> ../sites-available/b
    new/very/deep.conf = new
    new/link -> /etc/hosts
    becomes-dir/inner.conf = inner
    becomes-file = a file
    becomes-link -> nginx.conf
    becomes-plain = a file
";

fn no_steps() -> Unobserved {
    Unobserved
}

#[test]
fn switch_brings_the_new_tree_and_undo_the_old_one_exactly() {
    for plain in [false, true] {
        let host = Host::new(OLD, NEW);
        let before = see(host.live());
        let staged = host.stage();
        let staged = if plain { staged.without_rename_flags() } else { staged };
        host.switch(&staged, &mut no_steps()).unwrap();
        assert_eq!(host.read().digest(), host.to.digest());
        assert_eq!(fs::read(host.live().join("ssl/site.key")).unwrap(), b"secret", "keys are never touched");

        let undone = install::undo(&staged, &mut no_steps()).unwrap();
        install::flush(&staged).unwrap();
        assert!(
            undone.failed.is_empty() && undone.foreign.is_empty() && undone.left.is_empty(),
            "{undone:?}"
        );
        assert_eq!(staged.clone().discard(false).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(see(host.live()), before);

        let again = install::undo(&staged, &mut no_steps());
        assert!(again.is_err(), "nothing is staged any more");
    }
}

#[test]
fn undo_may_be_called_any_number_of_times() {
    let host = Host::new(OLD, NEW);
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    assert!(install::undo(&staged, &mut no_steps()).unwrap().changed());
    for _ in 0..2 {
        let again = install::undo(&staged, &mut no_steps()).unwrap();
        assert!(!again.changed() && again.foreign.is_empty() && again.left.is_empty(), "{again:?}");
    }
    assert_eq!(host.read().digest(), host.from.digest());
}

#[test]
fn new_file_takes_over_owner_and_mode_of_the_one_that_stands() {
    let host = Host::new("a.conf = old", "a.conf = new\nb.conf = new");
    let path = host.live().join("a.conf");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let root = nix::unistd::geteuid().is_root();
    if root {
        std::os::unix::fs::chown(&path, Some(12_345), Some(54_321)).unwrap();
    }
    let before = fs::metadata(&path).unwrap();
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    let created = fs::metadata(host.live().join("b.conf")).unwrap();
    assert_eq!(created.mode() & 0o7777, 0o644);
    assert_eq!(created.uid(), nix::unistd::geteuid().as_raw());
}

#[test]
fn foreign_write_between_staging_and_switch_is_a_conflict_and_nothing_is_touched() {
    for (change, named) in [
        ("conf.d/changed.conf = by hand", "conf.d/changed.conf"),
        ("conf.d/added.conf = by hand", "conf.d/added.conf"),
    ] {
        let host = Host::new(OLD, NEW);
        let staged = host.stage();
        write(host.live(), change);
        let before = see(host.live());
        match host.switch(&staged, &mut no_steps()) {
            Err(SwitchError::Conflict { paths }) => assert_eq!(paths, [PathBuf::from(named)]),
            other => panic!("{other:?}"),
        }
        assert_eq!(see(host.live()), before);
    }
}

/// Does something once, just before a step that is reached at a path.
struct At<F: FnMut()>(&'static str, &'static str, Option<F>);

impl<F: FnMut()> Steps for At<F> {
    fn reached(&mut self, what: &'static str, path: &[u8]) {
        if what == self.0
            && path == self.1.as_bytes()
            && let Some(mut act) = self.2.take()
        {
            act();
        }
    }
}

#[test]
fn foreign_write_in_the_middle_of_the_switch_is_put_back_and_nothing_of_it_is_lost() {
    for (what, path) in [
        ("exchange", "conf.d/changed.conf"),
        ("delete", "conf.d/deleted.conf"),
        ("create", "conf.d/created.conf"),
    ] {
        let host = Host::new(OLD, NEW);
        let staged = host.stage();
        let file = host.live().join(path);
        let mut steps = At(what, path, Some(|| fs::write(&file, "by hand").unwrap()));
        match host.switch(&staged, &mut steps) {
            Err(SwitchError::Conflict { paths }) => assert_eq!(paths, [PathBuf::from(path)]),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read(&file).unwrap(), b"by hand");
        install::undo(&staged, &mut no_steps()).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"by hand", "the release had not reached it");
        fs::remove_file(&file).unwrap();
        if what != "create" {
            write(host.live(), &format!("{path} = old"));
        }
        assert_eq!(host.read().digest(), host.from.digest());
    }
}

#[test]
fn hand_fix_made_during_the_window_is_kept_and_named() {
    let host = Host::new(OLD, NEW);
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    write(
        host.live(),
        "conf.d/changed.conf = fixed\nconf.d/created.conf = fixed\nconf.d/deleted.conf = fixed",
    );
    fs::remove_file(host.live().join("nginx.conf")).unwrap();
    write(host.live(), "conf.d/added.conf = mine");
    let during = host.read();

    let undone = install::undo(&staged, &mut no_steps()).unwrap();
    let mut named = undone.foreign.clone();
    named.sort();
    let fixed = ["conf.d/changed.conf", "conf.d/created.conf", "conf.d/deleted.conf", "nginx.conf"];
    assert_eq!(named, fixed.map(PathBuf::from));
    assert_eq!(install::strays(&staged, &host.from).unwrap(), [PathBuf::from("conf.d/added.conf")]);
    assert_eq!(fs::read(host.live().join("conf.d/added.conf")).unwrap(), b"mine");

    // The third bundle is the tree as it was, but for what was only missing: nobody can tell who took that away.
    let mut third = install::foreign_snapshot(&staged).unwrap().unwrap();
    let main = evenkeel_syntax::fileset::RelPath::new("nginx.conf").unwrap();
    assert!(third.remove(&main).is_some());
    assert_eq!(third.digest(), during.digest());

    // And the files themselves stay beside the tree until that is saved.
    let kept = staged.clone().discard(false).unwrap();
    let contents: Vec<_> = kept.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(contents, vec![b"fixed".to_vec(); 3]);
    fs::remove_file(host.live().join("conf.d/added.conf")).unwrap();
    assert_eq!(host.read().digest(), host.from.digest());
    close(&host);
    assert_eq!(install::sweep(&host.place).unwrap().len(), 3, "what is nobody's bundle is never swept away");
}

#[test]
fn directory_deleted_by_hand_during_the_window_comes_back() {
    let host = Host::new("a.conf = a\nconf.d/x.conf = old", "a.conf = a\nconf.d/x.conf = new");
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    fs::remove_dir_all(host.live().join("conf.d")).unwrap();
    let undone = install::undo(&staged, &mut no_steps()).unwrap();
    assert!(undone.failed.is_empty(), "{undone:?}");
    assert_eq!(undone.foreign, [PathBuf::from("conf.d/x.conf")]);
    assert_eq!(host.read().digest(), host.from.digest());
}

#[test]
fn file_added_to_a_new_directory_stays_with_it() {
    let host = Host::new("a.conf = a", "a.conf = a\nnew/x.conf = x");
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    write(host.live(), "new/mine.conf = mine");
    let undone = install::undo(&staged, &mut no_steps()).unwrap();
    assert_eq!(undone.left, [PathBuf::from("new")]);
    assert_eq!(install::strays(&staged, &host.from).unwrap(), [PathBuf::from("new/mine.conf")]);
    assert!(!host.live().join("new/x.conf").exists());
}

#[test]
fn kept_file_in_the_way_is_refused_before_anything_happens() {
    let host = Host::new("a.conf = a\nb.pem = -----BEGIN PRIVATE KEY-----", "a.conf = a\nb.pem = public");
    let before = see(host.live());
    assert!(matches!(host.try_stage(), Err(StageError::InTheWay { path }) if path.ends_with("b.pem")));
    assert_eq!(see(host.live()), before);

    let host = Host::new("a.conf = a\nd/x.conf = x\nd/site.key = key", "a.conf = a\nd = a file");
    let before = see(host.live());
    assert!(matches!(host.try_stage(), Err(StageError::InTheWay { path }) if path.ends_with("d/site.key")));
    assert_eq!(see(host.live()), before);
}

#[test]
fn dot_directory_of_somebody_else_is_refused() {
    let host = Host::new("a.conf = a", "a.conf = b");
    let elsewhere = host.dir.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, host.live().join(".evenkeel")).unwrap();
    assert!(matches!(host.try_stage(), Err(StageError::DotDirectory { .. })));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn directory_that_may_not_be_written_is_refused_before_anything_happens() {
    if nix::unistd::geteuid().is_root() {
        eprintln!("root may write everywhere: nothing to ask");
        return;
    }
    let host = Host::new("a.conf = a\nd/x.conf = x", "a.conf = a\nd/x.conf = y");
    fs::set_permissions(host.live().join("d"), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(matches!(host.try_stage(), Err(StageError::NotWritable { path, .. }) if path.ends_with("d")));
    assert!(!host.live().join(".evenkeel").exists());
}

#[test]
fn plan_that_was_tampered_with_is_not_opened() {
    let host = Host::new(OLD, NEW);
    let staged = host.stage();
    let opened = install::Staged::open(staged.plan_path(), staged.plan_digest()).unwrap();
    assert_eq!(opened, staged);
    opened.verify().unwrap();
    let mut bytes = fs::read(staged.plan_path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(staged.plan_path(), &bytes).unwrap();
    let refused = install::Staged::open(staged.plan_path(), staged.plan_digest());
    assert!(matches!(refused, Err(install::PlanError::Changed { .. })));
}

#[test]
fn staged_file_that_was_tampered_with_is_found() {
    let host = Host::new("a.conf = a", "a.conf = b");
    let staged = host.stage();
    fs::write(staged.plan_path().with_file_name("s0"), "c").unwrap();
    assert!(matches!(staged.verify(), Err(install::PlanError::Changed { .. })));
}

#[test]
fn litter_of_a_stage_that_was_killed_is_swept() {
    let host = Host::new("a.conf = a", "a.conf = b");
    let staged = host.stage();
    fs::remove_file(staged.plan_path()).unwrap();
    let second = host.stage();
    assert_ne!(second.plan_path(), staged.plan_path());
    host.arm(&second);
    assert_eq!(install::sweep(&host.place).unwrap(), Vec::<PathBuf>::new());
    assert!(second.plan_path().exists(), "what is open is left alone");
    assert!(!staged.plan_path().parent().unwrap().exists());
    close(&host);
    install::sweep(&host.place).unwrap();
    assert!(!host.live().join(".evenkeel").exists());
}

#[test]
fn switch_without_a_living_fuse_is_refused() {
    let host = Host::new("a.conf = a", "a.conf = b");
    let staged = host.stage();
    let mut slots = host.arm(&staged);
    let mut guard = slots.lock(1_000).unwrap();
    guard.update(|record| record.fuse = None).unwrap();
    let refused = install::switch(&staged, &host.from, &mut guard, &mut no_steps());
    assert!(matches!(refused, Err(SwitchError::NotArmed)));
    assert_eq!(host.read().digest(), host.from.digest());
}

#[test]
fn two_thousand_files_are_switched_and_undone() {
    let lines = |text: &str| {
        use std::fmt::Write;
        (0..2_000).fold(String::new(), |mut all, n| {
            writeln!(all, "sites/{}/{n}.conf = {text} {n}", n % 50).unwrap();
            all
        })
    };
    let host = Host::new(&lines("old"), &lines("new"));
    let started = std::time::Instant::now();
    let staged = host.stage();
    let staged_in = started.elapsed();
    host.switch(&staged, &mut no_steps()).unwrap();
    let switched_in = started.elapsed() - staged_in;
    let undone = install::undo(&staged, &mut no_steps()).unwrap();
    let undone_in = started.elapsed() - staged_in - switched_in;
    assert_eq!(undone.restored.len(), 2_000);
    assert_eq!(host.read().digest(), host.from.digest());
    eprintln!("2,000 files: staged in {staged_in:?}, switched in {switched_in:?}, undone in {undone_in:?}");
}

#[test]
fn saved_bundle_brings_back_what_no_longer_lies_beside_the_tree() {
    let host = Host::new(OLD, NEW);
    let (old, new) = (save(&host, &host.from), save(&host, &host.to));
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    fs::remove_dir_all(host.live().join(".evenkeel")).unwrap();
    assert!(install::undo(&staged, &mut no_steps()).is_err());
    write(host.live(), "conf.d/changed.conf = fixed\nconf.d/mine.conf = mine");

    let rescued = install::rescue(host.live(), &host.place.state_dir, old, new).unwrap();
    assert_eq!(rescued.foreign, [PathBuf::from("conf.d/changed.conf")]);
    let saved = bundles::load(&host.place.state_dir, rescued.saved.unwrap()).unwrap();
    let fixed = saved.get(&RelPath::new("conf.d/changed.conf").unwrap());
    assert_eq!(fixed, Some(&Entry::File(b"fixed".as_slice().into())));
    let strays: Vec<_> = host.from.diff(&host.read()).iter().map(|change| change.path.to_string()).collect();
    assert_eq!(strays, ["conf.d/mine.conf"], "what is in neither bundle is left alone");
    assert!(!host.live().join(".evenkeel").exists());
}

#[test]
fn lost_file_beside_the_tree_is_a_failure_and_the_others_are_put_back() {
    let host = Host::new("a.conf = a\nb.conf = b", "a.conf = x\nb.conf = x");
    let staged = host.stage();
    host.switch(&staged, &mut no_steps()).unwrap();
    fs::remove_file(staged.plan_path().with_file_name("s0")).unwrap();
    let undone = install::undo(&staged, &mut no_steps()).unwrap();
    assert_eq!(undone.failed[0].0, PathBuf::from("a.conf"));
    assert_eq!(undone.restored, [PathBuf::from("b.conf")]);
}

fn save(host: &Host, files: &FileSet) -> Digest {
    bundles::save(&host.place.state_dir, files).unwrap()
}

/// Says in the slots that nothing is open.
fn close(host: &Host) {
    let mut slots = Slots::open(&host.place.state_dir).unwrap();
    slots.lock(1_000).unwrap().update(|record| record.applying.stage = Stage::Confirmed).unwrap();
}
