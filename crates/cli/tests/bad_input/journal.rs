//! Journals that are newer, broken or empty: said, and never in the way of a rollback.

use std::io::{Seek as _, SeekFrom, Write as _};

use crate::is_clear;
use crate::support::Host;

/// A way to break a journal, and the words for it.
type Harm = (&'static str, fn(&Host), &'static str);

const HARMS: &[Harm] = &[
    ("from a newer version", |host| patch(host, 60, &99_u32.to_be_bytes()), "newer"),
    ("all noise", |host| patch(host, 0, &[0xa5; 20_000]), "corrupt"),
    ("cut short", |host| cut(host, 3_000), "corrupt"),
    ("cut to its head", |host| cut(host, 100), "corrupt"),
];

/// Overwrites a part of the journal; what other connections had not merged is lost.
fn patch(host: &Host, at: u64, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(host.path("state/journal.db")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
    for more in ["wal", "shm"] {
        let _ = std::fs::remove_file(host.path(&format!("state/journal.db-{more}")));
    }
}

fn cut(host: &Host, bytes: u64) {
    patch(host, 0, &[]);
    std::fs::OpenOptions::new()
        .write(true)
        .open(host.path("state/journal.db"))
        .unwrap()
        .set_len(bytes)
        .unwrap();
}

/// Tries every harm, all at once: each mostly waits.
fn for_each_harm(holds: impl Fn(&str, fn(&Host), &str) + Sync) {
    std::thread::scope(|scope| {
        for (name, harm, text) in HARMS {
            scope.spawn(|| holds(name, *harm, text));
        }
    });
}

fn released() -> Host {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    host
}

#[test]
fn broken_journal_is_said_and_rollback_returns_to_the_bundle_before() {
    for_each_harm(|name, harm, text| {
        let host = released();
        harm(&host);
        host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
        let before = host.tree();
        let tree = host.path("new");
        for args in [
            &["apply", "--no-rehearsal", tree.to_str().unwrap()][..],
            &["history"],
            &["show", "r1"],
            &["status"],
            &["adopt"],
            &["postmortem", "r1"],
            &["freeze"],
            &["confirm"],
        ] {
            let ran = host.run(args);
            assert!(!ran.said().contains("panicked"), "{name}: {ran:?}");
            assert!(
                ran.code == 2 && ran.said().contains(text),
                "{name}: {args:?} does not end with 2 and {text:?}: {ran:?}"
            );
            assert!(ran.said().contains("journal.db"), "{name}: {args:?} does not name the file: {ran:?}");
            assert_eq!(host.tree(), before, "{name}: {args:?}");
        }
        let ran = host.run(&["rollback"]).ends(0).says(text);
        is_clear(&ran);
        assert!(host.old_serves(), "{name}: {ran:?}");
        host.wait("no process of ours is left", || host.ours().is_empty());
    });
}

#[test]
fn broken_journal_is_not_in_the_way_of_taking_an_open_release_back() {
    for_each_harm(|name, harm, text| {
        let host = Host::start();
        host.run(&["adopt"]).ends(0);
        let before = host.tree();
        host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
        let mut child = host.apply_in_background(&["--hold", "--confirm-within", "40s"]);
        host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
        // Once its command is gone nobody writes to it any more.
        child.kill().unwrap();
        child.wait().unwrap();
        harm(&host);
        let ran = host.run(&["rollback"]).ends(0);
        assert!(ran.said().contains(text), "{name}: {ran:?}");
        host.is_still(&before, &(name, ran));
    });
}

#[test]
fn confirm_with_nothing_open_and_rollback_with_nothing_before_change_nothing() {
    let host = Host::start();
    let before = host.tree();
    host.run(&["confirm"]).ends(1).says("no release waits");
    let ran = host.run(&["rollback"]).ends(2);
    is_clear(&ran);
    host.run(&["adopt"]).ends(0);
    is_clear(&host.run(&["rollback"]).ends(2).says("find a bundle to return to"));
    is_clear(&host.run(&["rollback", "--to", "r99"]).ends(2).says("\"r99\" is no release"));
    is_clear(&host.run(&["rollback", "--to", "../../etc"]).ends(2));
    is_clear(&host.run(&["show", "r99"]).ends(2).says("find r99: there is no such release"));
    host.run(&["confirm"]).ends(1);
    host.is_still(&before, &"nothing to do");
}

#[test]
fn slots_that_are_broken_are_said_and_nothing_is_changed() {
    let host = released();
    let slots = host.path("state/slots");
    let whole = std::fs::read(&slots).unwrap();
    host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
    let before = host.tree();
    for broken in [Vec::new(), vec![0xa5; whole.len()], whole[..whole.len() / 3].to_vec()] {
        std::fs::write(&slots, &broken).unwrap();
        for ran in [host.apply(&[]), host.run(&["rollback"]), host.run(&["status"]), host.run(&["recover"])] {
            is_clear(&ran);
            assert_ne!(ran.code, 0, "{} bytes: {ran:?}", broken.len());
            assert_eq!(host.tree(), before);
        }
    }
    std::fs::write(&slots, &whole).unwrap();
    host.run(&["status"]).ends(0);
}
