use super::*;
use crate::journal::KnownBy;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + ms)
}

fn digest(text: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Digest(bytes)
}

fn stands(text: &str) -> Standing {
    Standing { digest: digest(text), mode: 0o644, owner: (0, 0) }
}

fn seen(path: &str, now: Option<Standing>) -> Seen {
    Seen { path: path.to_owned(), now, author: None }
}

fn baseline(name: u8, files: &[(&str, &str)]) -> Baseline {
    let entries = files.iter().map(|(path, text)| ((*path).to_owned(), digest(text))).collect();
    Baseline { bundle: BundleId([name; 32]), entries }
}

const FILES: &[(&str, &str)] = &[("webserver.conf", "n"), ("conf.d/a.conf", "a")];

fn watch() -> Watch {
    let all = FILES.iter().map(|(path, text)| seen(path, Some(stands(text))));
    let host = HostId::new("web1").unwrap();
    let (watch, drift) = Watch::new(host, baseline(1, FILES), at(0), all);
    assert_eq!(drift, None);
    watch
}

fn hows(drift: &Drift) -> Vec<(&str, DriftHow)> {
    drift.changes.iter().map(|change| (change.path.as_str(), change.how)).collect()
}

#[test]
fn first_edit_is_told_of_at_once_and_its_undoing_ends_the_drift() {
    let mut watch = watch();
    let drift = watch.look(at(10), [seen("webserver.conf", Some(stands("x")))]).unwrap();
    assert_eq!(
        (drift.stage.clone(), hows(&drift)),
        (DriftStage::Opened, vec![("webserver.conf", DriftHow::Changed)])
    );
    let drift = watch.look(at(20), [seen("new.conf", Some(stands("y")))]).unwrap();
    assert_eq!(
        (drift.stage.clone(), hows(&drift)),
        (DriftStage::Updated, vec![("new.conf", DriftHow::Added)])
    );
    let drift = watch.look(at(30), [seen("new.conf", None)]).unwrap();
    assert_eq!(
        (drift.stage.clone(), hows(&drift)),
        (DriftStage::Updated, vec![("new.conf", DriftHow::Back)])
    );
    let drift = watch.look(at(40), [seen("webserver.conf", Some(stands("n")))]).unwrap();
    assert_eq!(drift.stage, DriftStage::Ended(DriftEnd::Undone));
    assert!(!watch.is_open());
}

#[test]
fn look_at_an_unchanged_file_tells_nothing() {
    let mut watch = watch();
    assert_eq!(watch.look(at(10), [seen("webserver.conf", Some(stands("n")))]), None);
    assert_eq!(watch.look(at(10), [seen("4913", None)]), None);
    assert_eq!(watch.next(), None);
}

#[test]
fn thousand_changes_are_one_drift_with_a_few_events() {
    let mut watch = watch();
    let mut events: Vec<Drift> = Vec::new();
    for n in 0..1_000 {
        events.extend(watch.look(at(n), [seen(&format!("conf.d/{n}.conf"), Some(stands("z")))]));
    }
    assert_eq!(events.len(), AT_ONCE);
    let due = watch.next().unwrap();
    assert_eq!(watch.tick(Timestamp::from_millis(due.as_millis() - 1)), None);
    let last = watch.tick(due).unwrap();
    assert_eq!((last.changes.len(), last.more), (NAMED_MAX, 1_000 - (AT_ONCE + NAMED_MAX) as u64));
    assert_eq!(events.iter().filter(|it| it.stage == DriftStage::Opened).count(), 1);
    assert_eq!(watch.differing().len(), 1_000);
}

#[test]
fn what_is_left_of_thousands_is_named_in_the_end() {
    let mut watch = watch();
    let mut fleet = crate::Fleet::default();
    let paths: Vec<String> = (0..2_000).map(|n| format!("conf.d/{n:04}.conf")).collect();
    // Told of one by one, from the end: none of them is among the first hundred by name.
    let mut ms = 0;
    let mut tell = |watch: &mut Watch, now: Option<Standing>, paths: &[String]| {
        for path in paths {
            ms += 1;
            let told = watch.look(at(ms), [seen(path, now)]);
            told.into_iter().for_each(|it| drop(fleet.step(at(ms), crate::Input::Drift(it))));
        }
        ms += 10_000;
        while let Some(told) = watch.tick(at(ms)) {
            drop(fleet.step(at(ms), crate::Input::Drift(told)));
        }
        assert_eq!(watch.next(), None);
        let host = fleet.host(&HostId::new("web1").unwrap()).unwrap();
        host.drift().map(|open| open.changes.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let backwards: Vec<String> = paths.iter().rev().cloned().collect();
    let named = tell(&mut watch, Some(stands("z")), &backwards);
    assert!(named.len() > AT_ONCE && named.len() <= NAMED_AT_ALL_MAX, "{}", named.len());
    assert!(named.contains(&paths[1_999]));
    // All but two are put back at once: one that was named, and one that was only counted.
    let counted = paths.iter().find(|path| !named.contains(path)).unwrap().clone();
    let kept = [counted, backwards[0].clone()];
    let back: Vec<String> = backwards.iter().filter(|path| !kept.contains(path)).cloned().collect();
    assert_eq!(tell(&mut watch, None, &back), kept);
    assert_eq!(tell(&mut watch, None, &kept), <[String; 0]>::default());
}

#[test]
fn what_a_release_writes_is_no_drift_and_a_hand_in_it_is() {
    let mut watch = watch();
    let coming = baseline(2, &[("webserver.conf", "new"), ("conf.d/a.conf", "a"), ("b.conf", "b")]);
    watch.coming(Some(coming.clone()));
    assert_eq!(
        watch.look(at(1), [seen("webserver.conf", Some(stands("new"))), seen("b.conf", Some(stands("b")))]),
        None
    );
    let drift = watch.look(at(2), [seen("conf.d/a.conf", Some(stands("hand")))]).unwrap();
    assert_eq!(hows(&drift), [("conf.d/a.conf", DriftHow::Changed)]);
    // Taken back: the files that stand released are as good as those that come.
    assert_eq!(watch.look(at(3), [seen("webserver.conf", Some(stands("n"))), seen("b.conf", None)]), None);
    // Confirmed: what is left is the hand's.
    let _again =
        watch.look(at(4), [seen("webserver.conf", Some(stands("new"))), seen("b.conf", Some(stands("b")))]);
    let drift = watch.rebase(at(5), coming, DriftEnd::Released).unwrap();
    assert_eq!((drift.stage.clone(), drift.released), (DriftStage::Updated, BundleId([2; 32])));
    assert_eq!(hows(&drift), [("conf.d/a.conf", DriftHow::Changed)]);
}

#[test]
fn adoption_ends_a_drift() {
    let mut watch = watch();
    let _opened = watch.look(at(1), [seen("conf.d/a.conf", None)]).unwrap();
    let drift = watch.rebase(at(2), baseline(3, &[("webserver.conf", "n")]), DriftEnd::Adopted).unwrap();
    assert_eq!(drift.stage, DriftStage::Ended(DriftEnd::Adopted));
    assert_eq!(watch.rebase(at(3), baseline(3, &[("webserver.conf", "n")]), DriftEnd::Adopted), None);
}

#[test]
fn full_pass_finds_what_no_event_told() {
    let mut watch = watch();
    let drift =
        watch.pass(at(1), [seen("webserver.conf", Some(stands("x"))), seen("c", Some(stands("c")))]).unwrap();
    assert_eq!(
        hows(&drift),
        [("c", DriftHow::Added), ("conf.d/a.conf", DriftHow::Removed), ("webserver.conf", DriftHow::Changed)]
    );
    assert_eq!(
        watch.pass(at(2), [seen("webserver.conf", Some(stands("x"))), seen("c", Some(stands("c")))]),
        None
    );
}

#[test]
fn mode_and_owner_are_told_of_though_no_release_has_them() {
    let mut watch = watch();
    let loose = Standing { mode: 0o666, ..stands("n") };
    let drift = watch.look(at(1), [seen("webserver.conf", Some(loose))]).unwrap();
    assert_eq!(hows(&drift), [("webserver.conf", DriftHow::Mode { from: 0o644, to: 0o666 })]);
    let given = Standing { owner: (33, 33), ..loose };
    let drift = watch.look(at(2), [seen("webserver.conf", Some(given))]).unwrap();
    assert_eq!(hows(&drift), [("webserver.conf", DriftHow::Owner { from: (0, 0), to: (33, 33) })]);
}

#[test]
fn better_author_replaces_a_weaker_one_and_never_the_other_way() {
    let mut watch = watch();
    let author = |command: &str, known_by| {
        let (pid, user, login, unit) = (None, None, None, None);
        Some(Author { command: command.to_owned(), pid, user, login, unit, above: Vec::new(), known_by })
    };
    let by = |author| Seen { author, ..seen("webserver.conf", Some(stands("x"))) };
    let _opened = watch.look(at(1), [by(None)]).unwrap();
    let drift = watch.look(at(2), [by(author("sed", KnownBy::Process))]).unwrap();
    assert_eq!(drift.changes[0].author, author("sed", KnownBy::Process));
    assert_eq!(watch.look(at(3), [by(author("someone", KnownBy::Nearby))]), None);
}

#[test]
fn journal_tells_the_open_drift_again() {
    let mut watch = watch();
    let mut fleet = crate::Fleet::default();
    let host = HostId::new("web1").unwrap();
    let tell = |drift: Option<Drift>, fleet: &mut crate::Fleet| {
        let turn = fleet.step(at(9), crate::Input::Drift(drift.unwrap()));
        assert_eq!(turn.events().len(), 1);
    };
    tell(watch.look(at(1), [seen("webserver.conf", Some(stands("x")))]), &mut fleet);
    tell(watch.look(at(2), [seen("new.conf", Some(stands("y")))]), &mut fleet);
    let open = fleet.host(&host).unwrap().drift().unwrap();
    assert_eq!(open.changes.keys().collect::<Vec<_>>(), ["new.conf", "webserver.conf"]);
    tell(watch.look(at(3), [seen("new.conf", None)]), &mut fleet);
    assert_eq!(fleet.host(&host).unwrap().drift().unwrap().changes.len(), 1);
    tell(watch.look(at(4), [seen("webserver.conf", Some(stands("n")))]), &mut fleet);
    assert_eq!(fleet.host(&host).unwrap().drift(), None);
    let loose = Standing { mode: 0o666, ..stands("n") };
    tell(watch.look(at(5), [seen("webserver.conf", Some(loose))]), &mut fleet);
    assert_eq!(fleet.host(&host).unwrap().drift(), None, "no release says what a mode should be");
}
