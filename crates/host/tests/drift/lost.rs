//! What is easily lost: directories that come later, trees that move, queues that overflow.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use evenkeel_host::configdir::Keep;
use evenkeel_host::drift::events::{Events, Happened, Means};

use crate::runner::Test;
use crate::tree::{is_root, tree};

pub(crate) const TESTS: &[Test] = &[
    ("files_in_directories_that_come_later_are_told_of", || each(later)),
    ("what_is_kept_or_ours_is_not_told_of", || each(kept)),
    ("overflow_of_the_queue_is_told_of", || each(overflow)),
];

/// A test, by each means that this user has.
fn each(test: fn(&Path, Events)) {
    let root = tree();
    let because = "to be tested".to_owned();
    test(root.path(), Events::inotify(root.path(), &Keep::default(), because).unwrap());
    let root = tree();
    match Events::fanotify(root.path(), &Keep::default()) {
        Ok(events) => test(root.path(), events),
        Err(error) => {
            assert!(!is_root(), "{error}");
            println!("skipped by fanotify: only root may use it ({error})");
        }
    }
}

/// The paths that are told of until it is quiet.
fn told(events: &mut Events) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    loop {
        let happened = events.wait(Duration::from_millis(100)).unwrap();
        if happened.is_empty() {
            return paths;
        }
        for happened in happened {
            let (path, end) = match happened {
                Happened::File(it) => (it.path, ""),
                Happened::Directory(it) => (it.path, "/"),
                Happened::Lost => (b"lost".to_vec(), "!"),
            };
            paths.insert(String::from_utf8(path).unwrap() + end);
        }
    }
}

fn later(root: &Path, mut events: Events) {
    fs::create_dir_all(root.join("sites/a/b")).unwrap();
    fs::write(root.join("sites/a/b/deep.conf"), "x").unwrap();
    let paths = told(&mut events);
    assert!(paths.contains("sites/") && paths.contains("sites/a/b/deep.conf"), "{paths:?}");
    fs::write(root.join("sites/a/b/deep.conf"), "y").unwrap();
    assert_eq!(told(&mut events), BTreeSet::from(["sites/a/b/deep.conf".to_owned()]));
    fs::rename(root.join("sites/a"), root.join("sites/z")).unwrap();
    let paths = told(&mut events);
    assert!(paths.contains("sites/a/") && paths.contains("sites/z/"), "{paths:?}");
    fs::write(root.join("sites/z/b/deep.conf"), "z").unwrap();
    assert_eq!(told(&mut events), BTreeSet::from(["sites/z/b/deep.conf".to_owned()]));
    fs::remove_dir_all(root.join("sites/z")).unwrap();
    assert!(told(&mut events).contains("sites/z/"));
}

fn kept(root: &Path, mut events: Events) {
    fs::write(root.join("conf.d/site.key"), "x").unwrap();
    fs::create_dir_all(root.join(".evenkeel/staged")).unwrap();
    fs::write(root.join(".evenkeel/staged/a.conf"), "x").unwrap();
    fs::write(root.join("conf.d/.a.conf.swp"), "x").unwrap();
    let _content = fs::read(root.join("nginx.conf")).unwrap();
    assert_eq!(told(&mut events), BTreeSet::new());
    fs::write(root.join("conf.d/a.conf"), "x").unwrap();
    assert_eq!(told(&mut events), BTreeSet::from(["conf.d/a.conf".to_owned()]));
}

fn overflow(root: &Path, mut events: Events) {
    let max = match events.means() {
        Means::Fanotify => "/proc/sys/fs/fanotify/max_queued_events",
        Means::Inotify { .. } => "/proc/sys/fs/inotify/max_queued_events",
    };
    let max: usize = fs::read_to_string(max).unwrap().trim().parse().unwrap();
    for n in 0..=max {
        fs::write(root.join(format!("conf.d/{n}.conf")), "x").unwrap();
    }
    fs::create_dir(root.join("unseen")).unwrap();
    assert!(told(&mut events).contains("lost!"));
    // The directory that came while nothing could be told is marked by now.
    fs::write(root.join("unseen/a.conf"), "x").unwrap();
    assert_eq!(told(&mut events), BTreeSet::from(["unseen/a.conf".to_owned()]));
}
