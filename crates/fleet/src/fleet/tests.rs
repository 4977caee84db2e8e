//! What a release promises.

use crate::apply::RevertWhy;
use crate::journal::{By, Choice, PackageRun, PackageStage, Recovery, Reverter};
use crate::testing::*;
use crate::*;

pub(super) fn orders(effects: &[Effect]) -> Vec<(u64, &Command)> {
    let mut orders = Vec::new();
    for effect in effects {
        if let Effect::Order { generation, command, .. } = effect {
            orders.push((generation.0, command));
        }
    }
    orders
}

pub(super) fn freeze(until: Option<Timestamp>) -> Input {
    Input::Freeze { scope: None, who: anna(), why: "sale".to_owned(), until }
}

pub(super) fn thaw() -> Input {
    Input::Thaw { scope: None, who: anna(), why: "over".to_owned() }
}

const ROLLED_BACK: Stage = Stage::Ended(Outcome::RolledBack { proven: true });
pub(super) const REFUSED: Stage = Stage::Ended(Outcome::Refused);
const CONFIRMED: Stage = Stage::Ended(Outcome::Confirmed);

#[test]
fn good_release_is_applied_watched_and_confirmed_by_its_policy() {
    let mut world = World::adopted();
    assert_eq!(world.tell(10, Input::Propose(proposal(OLD, NEW))), []);
    assert_eq!(world.tell(10, saw(R1, EvidenceKind::Check, true)), []);
    let effects = world.tell(10, saw(R1, EvidenceKind::Preflight, true));
    let Policy { proof_within, confirm_within, .. } = Policy::default();
    let apply = Command::Apply { release: R1, from: OLD, to: NEW, proof_within, confirm_within };
    assert_eq!(orders(&effects), [(1, &apply)]);
    assert_eq!(world.tell(11, report(1, Report::Switched)), []);
    let effects = world.tell(12, report(1, proven(true)));
    assert!(matches!(effects[..], [Effect::Observe { until, .. }] if until == at(22)));
    let effects = world.tell(22, saw(R1, EvidenceKind::Observation, true));
    assert_eq!(orders(&effects), [(2, &Command::Confirm { release: R1 })]);
    assert_eq!(world.confirmed(), Some(OLD));
    world.tell(22, report(2, Report::Confirmed));
    assert_eq!((world.stage(R1), world.confirmed()), (CONFIRMED, Some(NEW)));
    assert_eq!(world.fleet.host(&host()).unwrap().last_known_good(), Some(OLD));
    assert_eq!(world.fleet.next_deadline(), None);
}

#[test]
fn policy_confirms_on_nothing_less_than_an_observation_at_the_end_of_the_bake() {
    let mut world = World::proven();
    assert_eq!(world.tell(21, saw(R1, EvidenceKind::Observation, true)), []);
    assert_eq!(world.tell(30, Input::Tick), []);
    assert_eq!(world.stage(R1), Stage::Proven);
    let effects = world.tell(31, saw(R1, EvidenceKind::Observation, true));
    assert_eq!(orders(&effects).len(), 1);
}

#[test]
fn release_on_hold_waits_for_a_person() {
    let mut world = World::adopted();
    let policy = Policy { hold: true, ..Policy::default() };
    world.tell(10, Input::Propose(Proposal { policy, ..proposal(OLD, NEW) }));
    for kind in [EvidenceKind::Check, EvidenceKind::Preflight] {
        world.tell(10, saw(R1, kind, true));
    }
    world.tell(11, report(1, Report::Switched));
    world.tell(12, report(1, proven(true)));
    assert_eq!(world.tell(30, saw(R1, EvidenceKind::Observation, true)), []);
    let effects = world.tell(40, Input::Confirm { release: R1, who: anna() });
    assert_eq!(orders(&effects), [(2, &Command::Confirm { release: R1 })]);
    world.tell(40, report(2, Report::Confirmed));
    let confirmed = world.events.last().unwrap();
    assert!(matches!(&confirmed.what, What::Confirmed { by: By::Person(who), .. } if *who == anna()));
}

#[test]
fn nothing_is_confirmed_before_its_proof_or_after_its_deadline() {
    let confirm = || Input::Confirm { release: R1, who: anna() };
    let mut world = World::switched();
    world.tell(12, confirm());
    assert_eq!(world.refusal, Some(Refusal::NotProven(R1)));
    let mut world = World::proven();
    world.tell(71, confirm());
    assert_eq!(world.refusal, Some(Refusal::TooLate(R1)));
    let mut world = World::proven();
    world.tell(13, rollback(R1, "no"));
    world.tell(14, confirm());
    assert_eq!(world.refusal, Some(Refusal::TooLate(R1)));
}

#[test]
fn evidence_that_does_not_hold_refuses_before_the_switch() {
    let mut world = World::adopted();
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    assert_eq!(world.tell(10, saw(R1, EvidenceKind::Check, false)), []);
    assert_eq!((world.stage(R1), world.confirmed()), (REFUSED, Some(OLD)));
    world.tell(11, saw(R1, EvidenceKind::Preflight, true));
    assert_eq!(world.refusal, Some(Refusal::Ended(R1)));
}

#[test]
fn evidence_that_does_not_hold_after_the_order_takes_the_release_back() {
    let revert = Command::Revert { release: R1, why: RevertWhy::Evidence };
    for (mut world, input) in [
        (World::ordered(), report(1, Report::Saw(evidence(EvidenceKind::Staged, false)))),
        (World::switched(), report(1, Report::Refused(evidence(EvidenceKind::WhatIsRead, false)))),
        (World::switched(), report(1, proven(false))),
        (World::switched(), report(1, Report::Saw(evidence(EvidenceKind::WhatIsRead, false)))),
        (World::proven(), saw(R1, EvidenceKind::Observation, false)),
        (World::proven(), saw(R1, EvidenceKind::ForeignReload, false)),
    ] {
        let effects = world.tell(13, input);
        assert_eq!(orders(&effects), [(2, &revert)]);
        assert_eq!(world.stage(R1), Stage::Reverting);
        world.tell(14, report(2, reverted(RevertWhy::Evidence, Reverter::Command, true)));
        assert_eq!((world.stage(R1), world.confirmed()), (ROLLED_BACK, Some(OLD)));
    }
}

#[test]
fn host_that_refuses_never_began_or_met_a_foreign_write_stays_as_it_was() {
    let paths = vec!["conf.d/shop.conf".to_owned()];
    for (said, outcome) in [
        (Report::Refused(evidence(EvidenceKind::Staged, false)), Outcome::Refused),
        (Report::NeverBegan, Outcome::Refused),
        (Report::Conflict(paths), Outcome::Conflict),
    ] {
        let mut world = World::ordered();
        world.tell(11, report(1, said));
        assert_eq!((world.stage(R1), world.confirmed()), (Stage::Ended(outcome), Some(OLD)));
        assert_eq!(world.fleet.host(&host()).unwrap().open(), None);
    }
}

#[test]
fn host_that_says_after_the_switch_that_it_never_began_is_not_believed() {
    let mut world = World::switched();
    world.tell(12, report(1, Report::NeverBegan));
    assert!(matches!(world.refusal, Some(Refusal::OutOfPlace { .. })));
    assert_eq!(world.stage(R1), Stage::Switched);
}

#[test]
fn proof_says_that_the_switch_happened_when_that_report_was_lost() {
    let mut world = World::ordered();
    world.tell(12, report(1, proven(true)));
    assert_eq!(
        (world.stage(R1), world.fleet.release(R1).unwrap().switched_at()),
        (Stage::Proven, Some(at(12)))
    );
}

#[test]
fn switch_that_is_heard_of_late_does_not_stop_the_way_back() {
    let mut world = World::ordered();
    world.tell(11, rollback(R1, "no"));
    world.tell(12, report(1, Report::Switched));
    assert_eq!(world.stage(R1), Stage::Reverting);
    assert_eq!(world.fleet.release(R1).unwrap().switched_at(), Some(at(12)));
}

#[test]
fn host_that_went_back_by_itself_ends_the_release() {
    for (mut world, why) in [
        (World::ordered(), RevertWhy::CommandDied),
        (World::switched(), RevertWhy::NotProvenInTime),
        (World::proven(), RevertWhy::NotConfirmedInTime),
    ] {
        world.tell(90, report(1, reverted(why, Reverter::Fuse, true)));
        assert_eq!(world.stage(R1), ROLLED_BACK);
        assert_eq!(world.fleet.release(R1).unwrap().reverting().unwrap().0, why);
    }
}

#[test]
fn revert_that_is_not_proven_leaves_a_doubt_until_something_is() {
    let mut world = World::proven();
    world.tell(13, report(1, reverted(RevertWhy::CommandDied, Reverter::Fuse, false)));
    assert_eq!(world.stage(R1), Stage::Ended(Outcome::RolledBack { proven: false }));
    assert!(world.fleet.host(&host()).unwrap().doubt().is_some());
    let evidence = evidence(EvidenceKind::Recovery, true);
    let recovery = Recovery { host: host(), bundle: OLD, choice: Choice::Confirmed, evidence };
    world.tell(20, Input::Recovered(recovery.clone()));
    assert_eq!(world.fleet.host(&host()).unwrap().doubt(), None);
    world.tell(21, Input::Recovered(Recovery { choice: Choice::Proposed, ..recovery }));
    assert!(world.fleet.host(&host()).unwrap().doubt().is_some());
}

#[test]
fn what_is_confirmed_or_adopted_leaves_no_doubt() {
    let doubted = || {
        let mut world = World::proven();
        world.tell(13, report(1, reverted(RevertWhy::CommandDied, Reverter::Fuse, false)));
        world
    };
    let mut world = doubted();
    world.tell(20, Input::Adopt(adoption(NEW)));
    assert_eq!(world.fleet.host(&host()).unwrap().doubt(), None);

    let (mut world, r2) = (doubted(), ReleaseId(2));
    world.tell(20, Input::Propose(proposal(OLD, NEW)));
    for kind in [EvidenceKind::Check, EvidenceKind::Preflight] {
        world.tell(20, saw(r2, kind, true));
    }
    world.tell(21, report(2, proven(true)));
    assert!(world.fleet.host(&host()).unwrap().doubt().is_some());
    world.tell(31, saw(r2, EvidenceKind::Observation, true));
    world.tell(31, report(3, Report::Confirmed));
    assert_eq!(world.fleet.host(&host()).unwrap().doubt(), None);
}

#[test]
fn what_packages_left_is_a_doubt_until_packages_or_a_person_take_it_away() {
    let run = |held: Option<&str>, stage| PackageRun {
        host: host(),
        stage,
        packages: Vec::new(),
        who: anna(),
        command: "apt upgrade".to_owned(),
        before: Some(OLD),
        after: Some(NEW),
        conffiles: Vec::new(),
        changes: Vec::new(),
        diff: String::new(),
        effect: String::new(),
        evidence: Vec::new(),
        notes: Vec::new(),
        held: held.map(str::to_owned),
    };
    let mut world = World::adopted();
    let doubt = |world: &World| world.fleet.host(&host()).unwrap().doubt().map(str::to_owned);
    world.tell(1, Input::Packages(run(Some("refused"), PackageStage::Done)));
    assert!(doubt(&world).unwrap().ends_with(": refused"));
    world.tell(2, Input::Packages(run(None, PackageStage::Begun)));
    assert!(doubt(&world).is_some());
    world.tell(3, Input::Packages(run(None, PackageStage::Done)));
    assert_eq!(doubt(&world), None);
    world.tell(4, Input::Packages(run(Some("refused"), PackageStage::Done)));
    world.tell(5, Input::Adopt(adoption(NEW)));
    assert_eq!(doubt(&world), None);
    // What is confirmed is not for packages to say.
    assert_eq!(world.fleet.host(&host()).unwrap().confirmed(), Some(NEW));
}

#[test]
fn doubt_of_another_kind_is_not_for_packages_to_take_away() {
    let mut world = World::proven();
    world.tell(13, report(1, reverted(RevertWhy::CommandDied, Reverter::Fuse, false)));
    let doubt = world.fleet.host(&host()).unwrap().doubt().map(str::to_owned);
    let text = r#"{"v":2,"at":17,"what":{"packages":{"host":"HOST","stage":"done","packages":[],"who":{"name":"anna","via":""},"command":"","before":null,"after":null,"conffiles":[],"changes":[],"diff":"","effect":"","evidence":[],"notes":[],"held":null}}}"#;
    world.fleet.apply(&serde_json::from_str(&text.replace("HOST", host().as_str())).unwrap());
    assert!(doubt.is_some() && world.fleet.host(&host()).unwrap().doubt() == doubt.as_deref());
}

#[test]
fn adoption_never_lowers_the_order() {
    let mut world = World::ordered();
    world.tell(11, report(1, Report::NeverBegan));
    world.tell(12, Input::Adopt(adoption(OLD)));
    assert_eq!(world.fleet.host(&host()).unwrap().generation(), Generation(1));
}

#[test]
fn earliest_deadline_of_all_hosts_comes_first() {
    let (mut world, r2, other) = (World::proven(), ReleaseId(2), HostId::new("web-2").unwrap());
    world.tell(13, Input::Adopt(journal::Adoption { host: other.clone(), ..adoption(OLD) }));
    world.tell(13, Input::Propose(Proposal { host: other.clone(), ..proposal(OLD, NEW) }));
    for kind in [EvidenceKind::Check, EvidenceKind::Preflight] {
        world.tell(13, saw(r2, kind, true));
    }
    world.tell(
        14,
        Input::Reported { host: other.clone(), generation: Generation(1), report: Report::Switched },
    );
    assert_eq!(world.fleet.next_deadline(), Some(at(17)));
    let effects = world.tell(17, Input::Tick);
    assert!(matches!(&effects[..], [Effect::Order { host, .. }] if *host == other));
    assert_eq!((world.stage(R1), world.fleet.next_deadline()), (Stage::Proven, Some(at(71))));
}

#[test]
fn deadlines_take_back_what_is_not_proven_or_not_confirmed() {
    let mut world = World::switched();
    assert_eq!(world.fleet.next_deadline(), Some(at(14)));
    assert_eq!(world.tell(13, Input::Tick), []);
    let effects = world.tell(14, Input::Tick);
    assert_eq!(orders(&effects), [(2, &Command::Revert { release: R1, why: RevertWhy::NotProvenInTime })]);
    assert_eq!(world.fleet.next_deadline(), None);

    let mut world = World::proven();
    assert_eq!(world.fleet.next_deadline(), Some(at(71)));
    assert_eq!(world.tell(70, Input::Tick), []);
    let effects = world.tell(71, Input::Tick);
    assert_eq!(orders(&effects), [(2, &Command::Revert { release: R1, why: RevertWhy::NotConfirmedInTime })]);
    assert_eq!(world.tell(72, Input::Tick), []);
}

#[test]
fn rollback_ends_an_open_release_at_any_stage() {
    let mut world = World::adopted();
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    assert_eq!(world.tell(11, rollback(R1, "changed my mind")), []);
    assert_eq!(world.stage(R1), REFUSED);
    for mut world in [World::ordered(), World::switched(), World::proven()] {
        let effects = world.tell(13, rollback(R1, "looks wrong"));
        assert_eq!(orders(&effects), [(2, &Command::Revert { release: R1, why: RevertWhy::Asked })]);
        let again = world.tell(14, rollback(R1, "still there?"));
        assert_eq!(orders(&again), [(3, &Command::Revert { release: R1, why: RevertWhy::Asked })]);
    }
}

#[test]
fn rollback_can_overtake_a_confirmation_and_the_host_decides() {
    let mut world = World::proven();
    world.tell(22, saw(R1, EvidenceKind::Observation, true));
    world.tell(23, rollback(R1, "wait"));
    let mut confirmed_first =
        World { fleet: world.fleet.clone(), events: world.events.clone(), refusal: None };
    world.tell(24, report(3, reverted(RevertWhy::Asked, Reverter::Command, true)));
    assert_eq!(world.stage(R1), ROLLED_BACK);
    confirmed_first.tell(24, report(2, Report::Confirmed));
    assert_eq!((confirmed_first.stage(R1), confirmed_first.confirmed()), (CONFIRMED, Some(NEW)));
}

/// A release that its policy confirms, and one that a person takes back; the host has not answered yet.
fn confirming_and_reverting() -> [(World, Stage); 2] {
    let (mut confirming, mut reverting) = (World::proven(), World::proven());
    confirming.tell(22, saw(R1, EvidenceKind::Observation, true));
    reverting.tell(22, rollback(R1, "wait"));
    [(confirming, Stage::Confirming), (reverting, Stage::Reverting)]
}

#[test]
fn evidence_against_a_release_that_is_confirmed_or_goes_back_gives_no_second_order() {
    for (mut world, stage) in confirming_and_reverting() {
        let reverting = world.fleet.release(R1).unwrap().reverting().map(|(why, _)| why);
        assert_eq!(world.tell(23, saw(R1, EvidenceKind::Observation, false)), []);
        let release = world.fleet.release(R1).unwrap();
        assert_eq!((release.stage(), release.reverting().map(|(why, _)| why)), (stage, reverting));
    }
}

#[test]
fn proof_that_comes_again_or_too_late_is_no_news() {
    let again = (World::proven(), Stage::Proven);
    for (mut world, stage) in confirming_and_reverting().into_iter().chain([again]) {
        let (before, proven_at) = (world.events.len(), world.fleet.release(R1).unwrap().proven_at());
        assert_eq!(world.tell(23, report(1, proven(true))), []);
        assert_eq!((world.stage(R1), world.events.len()), (stage, before));
        assert_eq!(world.fleet.release(R1).unwrap().proven_at(), proven_at);
    }
}

#[test]
fn answers_about_a_release_that_nobody_knows_are_refused() {
    let mut world = World::proven();
    let before = world.events.len();
    world.tell(13, answered(ReleaseId(9), journal::Phase::Watch, 3, 0));
    assert_eq!(world.refusal, Some(Refusal::NoSuchRelease(ReleaseId(9))));
    assert_eq!(world.events.len(), before);
}

#[test]
fn freeze_refuses_a_proposal_and_never_a_rollback() {
    let mut world = World::proven();
    world.tell(13, freeze(None));
    assert_eq!(orders(&world.tell(14, rollback(R1, "wrong"))).len(), 1);
    world.tell(15, report(2, reverted(RevertWhy::Asked, Reverter::Command, true)));
    world.tell(16, Input::Propose(proposal(OLD, NEW)));
    assert!(matches!(world.refusal, Some(Refusal::Frozen { .. })));
    assert_eq!(world.stage(ReleaseId(2)), REFUSED);
    world.tell(17, thaw());
    world.tell(18, Input::Propose(proposal(OLD, NEW)));
    assert_eq!((world.refusal.clone(), world.stage(ReleaseId(3))), (None, Stage::Gathering));
    world.tell(19, thaw());
    assert_eq!(world.refusal, Some(Refusal::NotFrozen));
}

#[test]
fn emergency_goes_forward_in_spite_of_a_freeze() {
    let mut world = World::adopted();
    world.tell(9, freeze(None));
    let emergency = Some("the shop is down".to_owned());
    world.tell(10, Input::Propose(Proposal { emergency, ..proposal(OLD, NEW) }));
    assert_eq!((world.refusal.clone(), world.stage(R1)), (None, Stage::Gathering));
    world.tell(11, saw(R1, EvidenceKind::Check, true));
    assert_eq!(orders(&world.tell(12, saw(R1, EvidenceKind::Preflight, true))).len(), 1);
}

#[test]
fn freeze_stops_a_release_that_is_still_gathering_evidence() {
    let mut world = World::adopted();
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    world.tell(10, saw(R1, EvidenceKind::Check, true));
    world.tell(11, Input::Freeze { scope: Some(host()), who: anna(), why: "sale".to_owned(), until: None });
    assert_eq!(world.tell(12, saw(R1, EvidenceKind::Preflight, true)), []);
    assert_eq!(world.stage(R1), REFUSED);
}

#[test]
fn freeze_ends_by_itself_and_keeps_to_its_scope() {
    let mut world = World::adopted();
    world.tell(1, freeze(Some(at(60))));
    assert!(world.fleet.frozen(&host(), at(59)).is_some());
    assert!(world.fleet.frozen(&host(), at(60)).is_none());
    let other = HostId::new("web-2").unwrap();
    world.tell(
        61,
        Input::Freeze { scope: Some(other.clone()), who: anna(), why: "move".to_owned(), until: None },
    );
    assert!(world.fleet.frozen(&other, at(62)).is_some());
    assert!(world.fleet.frozen(&host(), at(62)).is_none());
}

#[test]
fn going_back_to_what_was_confirmed_passes_a_freeze_and_nothing_else_does() {
    let mut world = World::proven();
    world.tell(22, saw(R1, EvidenceKind::Observation, true));
    world.tell(22, report(2, Report::Confirmed));
    world.tell(30, Input::Propose(proposal(NEW, OLD)));
    world.tell(31, rollback(ReleaseId(2), "later"));
    world.tell(32, freeze(None));
    let back = |from, to| Proposal { goes_back: true, ..proposal(from, to) };
    let never = BundleId([9; 32]);
    world.tell(33, Input::Propose(back(NEW, never)));
    assert_eq!(world.refusal, Some(Refusal::NeverConfirmed(never)));
    world.tell(34, Input::Propose(back(NEW, OLD)));
    assert_eq!((world.refusal.clone(), world.stage(ReleaseId(3))), (None, Stage::Gathering));
}

#[test]
fn host_starts_from_what_somebody_confirmed() {
    let mut world = World::default();
    world.tell(0, Input::Propose(proposal(OLD, NEW)));
    assert_eq!(world.refusal, Some(Refusal::NotAdopted { host: host(), confirmed: None }));
    world.tell(1, Input::Adopt(adoption(OLD)));
    world.tell(2, Input::Propose(proposal(NEW, OLD)));
    assert_eq!(world.refusal, Some(Refusal::NotAdopted { host: host(), confirmed: Some(OLD) }));
    assert!(world.fleet.releases().next().is_none());
}

#[test]
fn one_release_at_a_time_is_open_on_a_host() {
    let mut world = World::ordered();
    let open = Some(Refusal::Open { host: host(), open: R1 });
    world.tell(11, Input::Propose(proposal(OLD, NEW)));
    assert_eq!(world.refusal, open);
    world.tell(11, Input::Adopt(adoption(NEW)));
    assert_eq!(world.refusal, open);
}

#[test]
fn report_on_another_order_changes_nothing() {
    let mut world = World::adopted();
    world.tell(1, Input::Adopt(journal::Adoption { generation: Generation(6), ..adoption(OLD) }));
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    for kind in [EvidenceKind::Check, EvidenceKind::Preflight] {
        world.tell(10, saw(R1, kind, true));
    }
    let before = world.events.len();
    world.tell(11, report(6, Report::Switched));
    assert_eq!(world.refusal, Some(Refusal::Stale { reported: Generation(6), current: Generation(7) }));
    world.tell(11, report(8, Report::Switched));
    assert_eq!(world.refusal, Some(Refusal::NeverOrdered(Generation(8))));
    assert_eq!(world.events.len(), before);
}

#[test]
fn report_out_of_place_changes_nothing_and_a_repeated_one_is_no_news() {
    let mut world = World::ordered();
    world.tell(11, report(1, Report::Confirmed));
    assert!(matches!(world.refusal, Some(Refusal::OutOfPlace { report: "confirmed", .. })));
    world.tell(11, report(1, Report::Switched));
    let before = world.events.len();
    world.tell(12, report(1, Report::Switched));
    world.tell(12, report(1, Report::Conflict(Vec::new())));
    assert!(matches!(world.refusal, Some(Refusal::OutOfPlace { report: "conflict", .. })));
    assert_eq!(world.events.len(), before);
}

#[test]
fn long_diff_is_cut_in_the_journal() {
    let mut world = World::adopted();
    let diff = "é".repeat(journal::DIFF_BYTES_MAX);
    world.tell(1, Input::Propose(Proposal { diff, ..proposal(OLD, NEW) }));
    let kept = &world.fleet.release(R1).unwrap().proposal().diff;
    assert!(kept.len() < journal::DIFF_BYTES_MAX + 100 && kept.ends_with("bundles\n"));
}

#[test]
#[should_panic(expected = "a receipt for another turn")]
fn effects_are_not_handed_out_against_another_receipt() {
    let turn = Fleet::default().step(at(0), Input::Adopt(adoption(OLD)));
    let _ = turn.perform(Receipt::durable(Sequence(7), 1));
}

#[test]
#[should_panic(expected = "a receipt for another turn")]
fn receipt_that_ends_at_the_same_place_is_another_one_still() {
    let mut world = World::adopted();
    let turn = world.fleet.step(at(1), Input::Tick);
    let _ = turn.perform(Receipt::durable(Sequence(0), 1));
}

#[test]
fn way_back_starts_from_whatever_stands_there() {
    let mut world = World::default();
    world.tell(0, Input::Adopt(adoption(OLD)));
    let by_hand = BundleId([7; 32]);
    world.tell(1, Input::Propose(Proposal { goes_back: true, ..proposal(by_hand, OLD) }));
    assert_eq!((world.refusal.clone(), world.stage(R1)), (None, Stage::Gathering));
}
