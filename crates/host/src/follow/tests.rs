use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::*;

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn lines(follower: &mut Follower) -> Vec<String> {
    let mut lines = Vec::new();
    let progress = follower.read(|line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
    assert!(!progress.lost);
    lines
}

#[test]
fn lines_come_whole_and_once() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    let mut follower = Follower::from_end(&log);
    assert_eq!(lines(&mut follower), Vec::<String>::new());
    append(&log, "a\nb\nhal");
    assert_eq!(lines(&mut follower), ["a", "b"]);
    append(&log, "f\n");
    assert_eq!(lines(&mut follower), ["half"]);
    assert_eq!(lines(&mut follower), Vec::<String>::new());
}

#[test]
fn log_that_was_there_is_followed_from_its_end() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    append(&log, "old\n");
    let mut follower = Follower::from_end(&log);
    append(&log, "new\n");
    assert_eq!(lines(&mut follower), ["new"]);
}

#[test]
fn renamed_log_is_read_to_its_end_and_while_its_writer_still_has_it() {
    let place = tempfile::tempdir().unwrap();
    let (log, old) = (place.path().join("error.log"), place.path().join("error.log.1"));
    append(&log, "a\n");
    let mut follower = Follower::from_start(&log);
    assert_eq!(lines(&mut follower), ["a"]);
    append(&log, "b\n");
    fs::rename(&log, &old).unwrap();
    append(&log, "d\n");
    assert_eq!(lines(&mut follower), ["b", "d"]);
    append(&old, "c\n");
    append(&log, "e\n");
    assert_eq!(lines(&mut follower), ["c", "e"]);
}

#[test]
fn emptied_log_goes_on_from_the_copy_and_then_from_its_beginning() {
    let place = tempfile::tempdir().unwrap();
    let (log, copy) = (place.path().join("error.log"), place.path().join("error.log.1"));
    append(&log, "first\n");
    let mut follower = Follower::from_start(&log);
    assert_eq!(lines(&mut follower), ["first"]);
    append(&log, "unread\n");
    fs::copy(&log, &copy).unwrap();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(0).unwrap();
    append(&log, "after\n");
    assert_eq!(lines(&mut follower), ["unread", "after"]);
    // Emptied, and grown beyond where it was: known by the bytes before the place.
    fs::copy(&log, &copy).unwrap();
    OpenOptions::new().write(true).open(&log).unwrap().set_len(0).unwrap();
    append(&log, "x\ny\nz and much more than there was before\n");
    assert_eq!(lines(&mut follower), ["x", "y", "z and much more than there was before"]);
}

#[test]
fn position_is_taken_up_where_the_file_is_now() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    append(&log, "a\nb\n");
    let mut follower = Follower::from_start(&log);
    assert_eq!(lines(&mut follower), ["a", "b"]);
    let position = follower.position().unwrap();
    drop(follower);
    append(&log, "c\n");
    fs::rename(&log, place.path().join("error.log.1")).unwrap();
    append(&log, "d\n");
    let mut again = Follower::resume(&log, position.clone());
    assert_eq!(lines(&mut again), ["c", "d"]);
    // Rotated and packed meanwhile: what is gone is said, what is there is given.
    fs::remove_file(place.path().join("error.log.1")).unwrap();
    let mut late = Follower::resume(&log, position);
    let mut given = Vec::new();
    let progress = late.read(|line| given.push(line.to_vec())).unwrap();
    assert!(progress.lost);
    assert_eq!(given, [b"d"]);
}

#[test]
fn hole_of_a_gigabyte_is_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    append(&log, "before\n");
    let mut file = OpenOptions::new().write(true).open(&log).unwrap();
    file.seek(SeekFrom::Start(4 << 30)).unwrap();
    file.write_all(b"after\n").unwrap();
    let mut follower = Follower::from_start(&log);
    let began = std::time::Instant::now();
    assert_eq!(lines(&mut follower), ["before", "after"]);
    assert!(began.elapsed() < Duration::from_secs(5), "it was read: {:?}", began.elapsed());
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_are_bounded() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    let mut bytes = vec![0xff; 2 << 20];
    bytes.extend(b"\nnext\n");
    fs::write(&log, &bytes).unwrap();
    let mut given = Vec::new();
    let mut follower = Follower::from_start(&log);
    while follower.read(|line| given.push(line.len())).unwrap().more {}
    assert_eq!(given, [LINE_BYTES_MAX, 4]);
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("error.log");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(lines(&mut Follower::from_start(&pipe)), Vec::<String>::new());
    assert!(last_lines(&pipe, 100).is_err());
}

#[test]
fn last_lines_begin_with_a_whole_one() {
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("error.log");
    append(&log, "first\nsecond\nthird\n");
    assert_eq!(last_lines(&log, 10).unwrap(), b"third\n");
    assert_eq!(last_lines(&log, 1000).unwrap(), b"first\nsecond\nthird\n");
}

fn is_at(log: &Path, position: &Position) -> bool {
    fs::metadata(log).is_ok_and(|metadata| metadata.ino() == position.inode)
}

#[test]
fn nothing_is_lost_and_nothing_doubled_over_a_thousand_rotations_of_both_kinds() {
    let place = tempfile::tempdir().unwrap();
    let (log, old) = (place.path().join("access.log"), place.path().join("access.log.1"));
    let mut follower = Follower::from_start(&log);
    let mut seen = Vec::new();
    let mut number = 0_u32;
    let mut chance = 7_u32;
    for turn in 0..1_000 {
        for _ in 0..chance % 4 {
            append(&log, &format!("{number}\n"));
            number += 1;
        }
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) >> 3;
        match turn % 5 {
            // A file that the reader never saw is not known by its name alone.
            0 if follower.position().is_some_and(|position| is_at(&log, &position)) => {
                fs::rename(&log, &old).unwrap();
            }
            // A file of which nothing was read yet has no mark to know its copy by.
            1 if follower
                .position()
                .is_some_and(|position| position.offset > 0 && is_at(&log, &position)) =>
            {
                fs::copy(&log, &old).unwrap();
                OpenOptions::new().write(true).open(&log).unwrap().set_len(0).unwrap();
            }
            2 => {
                // The reader is started anew.
                if let Some(position) = follower.position() {
                    follower = Follower::resume(&log, position);
                }
            }
            _ => {}
        }
        follower.read(|line| seen.push(String::from_utf8_lossy(line).parse::<u32>().unwrap())).unwrap();
    }
    seen.sort_unstable();
    let doubled: Vec<_> = seen.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    let lost: Vec<_> = (0..number).filter(|line| seen.binary_search(line).is_err()).collect();
    assert_eq!((doubled, lost), (Vec::new(), Vec::new()));
}
