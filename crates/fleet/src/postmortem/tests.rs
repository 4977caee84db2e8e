//! What the document says, and what it does not say.

use super::{Claim, Postmortem, Since, Task, postmortem, since};
use crate::apply::RevertWhy;
use crate::journal::{Phase, Revert, Reverter};
use crate::testing::*;
use crate::*;

fn written(world: &World) -> Postmortem {
    postmortem(&world.events, R1).expect("this release went wrong")
}

fn texts(tasks: &[Task]) -> Vec<&str> {
    tasks.iter().map(|task| task.what.as_str()).collect()
}

/// A release that live routes took back eight seconds after the switch.
fn wrong_route() -> World {
    let mut world = World::adopted();
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    world.tell(10, answered(R1, Phase::Before, 1, 0));
    world.tell(10, saw(R1, EvidenceKind::Check, true));
    world.tell(10, saw(R1, EvidenceKind::Preflight, true));
    world.tell(11, report(1, Report::Switched));
    world.tell(12, report(1, proven(true)));
    let said = Evidence::new(EvidenceKind::Observation, false, "cart answered 502, expected 200");
    world.tell(19, Input::Saw { release: R1, evidence: said.rests_on(["route cart"]) });
    world.tell(20, report(2, reverted(RevertWhy::Evidence, Reverter::Command, true)));
    world.tell(20, answered(R1, Phase::Watch, 16, 4));
    world.tell(20, answered(R1, Phase::Reverted, 1, 0));
    world
}

#[test]
fn release_that_live_routes_took_back_is_told_in_full() {
    let it = written(&wrong_route());
    assert_eq!((it.summary.from, it.summary.until), (Some(at(11)), Some(at(20))));
    assert_eq!(it.summary.duration, Some(Span::from_secs(9)));
    assert_eq!(
        it.root_cause.to_string(),
        "the change to conf.d/shop.conf: after the switch, observation did not hold: cart answered 502, expected 200"
    );
    let caught = it.caught.unwrap();
    assert_eq!(
        (caught.by.as_str(), caught.after, caught.since),
        ("observation", Span::from_secs(8), Since::Switched)
    );
    assert_eq!((it.summary.impact.asked, it.summary.impact.wrong), (16, 4));
    assert_eq!(it.summary.impact.claim.to_string(), "4 of 16 answers of live routes were wrong: “cart”");
    let answers: Vec<&str> =
        it.summary.impact.routes[0].answers.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(answers, ["200", "502", "200"]);
    assert_eq!(
        it.resolution.to_string(),
        "the command put aaaaaaaaaaaa back in 120 ms; it is proven to serve: as it should be; the last wrong answer came 90 ms after the decision"
    );
    assert_eq!(
        texts(&it.measures.corrective),
        ["correct the change to conf.d/shop.conf before it is proposed again"]
    );
    assert_eq!(
        texts(&it.measures.preventive),
        ["ask these routes in a rehearsal, before a change reaches a host"]
    );
    assert!(it.rests_on.iter().any(|footing| footing.rests_on == ["route cart"]));
}

#[test]
fn every_claim_names_entries_that_exist_and_say_so() {
    let world = wrong_route();
    let it = written(&world);
    for claim in [&it.root_cause, &it.resolution, &it.summary.root_cause, &it.summary.impact.claim] {
        let Claim::Rests { on, .. } = claim else { panic!("{claim}") };
        assert!(!on.is_empty(), "{claim}");
        assert!(on.iter().all(|entry| (1..=world.events.len() as u64).contains(&entry.0)), "{claim}");
    }
    let caught = &world.events[usize::try_from(it.caught.unwrap().entry.0).unwrap() - 1];
    assert!(matches!(&caught.what, What::Saw { evidence, .. } if !evidence.holds));
    assert!(it.measures.corrective.iter().chain(&it.measures.preventive).all(|task| !task.on.is_empty()));
}

#[test]
fn timeline_tells_the_release_in_order() {
    let it = written(&wrong_route());
    let lines: Vec<String> = it.timeline.iter().map(|moment| moment.what.clone()).collect();
    assert_eq!(
        lines,
        [
            "anna via sudo proposed r1: new cart (aaaaaaaaaaaa → bbbbbbbbbbbb, 1 file differs)",
            "live routes before the switch: 0 of 1 answers wrong",
            "check held: as it should be",
            "preflight held: as it should be",
            "web-1 was told to apply it",
            "the new bundle stood on web-1",
            "proof held: as it should be",
            "new workers on web-1 served it, proven",
            "observation did NOT hold: cart answered 502, expected 200",
            "the policy decided to go back: observation: cart answered 502, expected 200",
            "web-1 was told to go back",
            "the command put the old bundle back on web-1 in 120 ms (proven)",
            "live routes while the new bundle stood there: 4 of 16 answers wrong",
            "live routes after going back: 0 of 1 answers wrong",
        ]
    );
}

#[test]
fn release_refused_before_the_switch_touched_nobody() {
    let mut world = World::adopted();
    let accepted = vec!["alias-traversal a.conf:3".to_owned()];
    world.tell(10, Input::Propose(Proposal { accepted, ..proposal(OLD, NEW) }));
    world.tell(12, saw(R1, EvidenceKind::Check, false));
    let it = written(&world);
    assert_eq!((it.summary.from, it.summary.duration), (None, Some(Span::ZERO)));
    assert_eq!(it.summary.impact.claim.to_string(), "none: the new bundle never stood there");
    assert_eq!(it.resolution.to_string(), "nothing had to be undone: the host stayed on aaaaaaaaaaaa");
    let caught = it.caught.unwrap();
    assert_eq!((caught.after, caught.since), (Span::from_secs(2), Since::Proposed));
    assert_eq!(
        texts(&it.measures.preventive),
        [
            "run this check in CI",
            "have somebody else look when a finding is accepted: alias-traversal a.conf:3"
        ]
    );
}

#[test]
fn nothing_is_claimed_when_the_command_died_and_nobody_saw_why() {
    let mut world = World::ordered();
    world.tell(90, report(1, reverted(RevertWhy::CommandDied, Reverter::Fuse, true)));
    let it = written(&world);
    assert!(matches!(it.root_cause, Claim::NotEnough { .. }));
    assert!(it.root_cause.to_string().starts_with("not enough evidence: the command that applied it ended"));
    assert!(matches!(it.summary.impact.claim, Claim::NotEnough { .. }));
    assert_eq!(it.summary.duration, None);
    assert!(texts(&it.measures.preventive).contains(&"add live routes for what conf.d/shop.conf decides"));
}

#[test]
fn times_of_a_revert_that_was_recorded_late_are_the_hosts() {
    let mut world = World::proven();
    let Report::Reverted(revert) = reverted(RevertWhy::NotConfirmedInTime, Reverter::Fuse, true) else {
        unreachable!("that is what it makes")
    };
    let revert = Revert { decided_at: Some(at(71)), ..revert };
    world.tell(9_000, report(1, Report::Reverted(revert)));
    let it = written(&world);
    assert_eq!(it.summary.until, Some(at(71) + Span::from_millis(120)));
    assert_eq!(it.caught.unwrap().after, Span::from_secs(60));
    assert_eq!(it.root_cause.to_string(), "nobody confirmed it within 1 min");
}

#[test]
fn revert_without_proof_is_said_loudly_and_has_no_end() {
    let mut world = World::proven();
    let Report::Reverted(revert) = reverted(RevertWhy::Asked, Reverter::Person, false) else {
        unreachable!("that is what it makes")
    };
    let kept = BundleId([0xcc; 32]);
    world.tell(13, rollback(R1, "customers call"));
    world.tell(14, report(2, Report::Reverted(Revert { kept: Some(kept), ..revert })));
    let it = written(&world);
    assert_eq!((it.summary.until, it.summary.duration), (None, None));
    assert!(it.resolution.to_string().contains("it is NOT proven that it serves"));
    assert_eq!(it.change.kept, Some(kept));
    assert_eq!(
        texts(&it.measures.corrective),
        [
            "look at web-1 now: prove by hand what it serves",
            "find out what is wrong with the change to conf.d/shop.conf",
            "decide what becomes of the change by hand that is kept as bundle cccccccccccc"
        ]
    );
    assert_eq!(it.root_cause.to_string(), "somebody asked to go back: customers call");
}

#[test]
fn conflict_names_the_paths_and_overwrites_nothing() {
    let mut world = World::ordered();
    world.tell(11, report(1, Report::Conflict(vec!["conf.d/tls.conf".to_owned()])));
    let it = written(&world);
    assert!(it.root_cause.to_string().ends_with("proposed: conf.d/tls.conf"));
    assert_eq!(it.resolution.to_string(), "nothing was overwritten: the tree is as the other writer left it");
}

#[test]
fn route_that_was_wrong_before_is_not_blamed_on_the_release() {
    let mut world = World::adopted();
    world.tell(10, Input::Propose(proposal(OLD, NEW)));
    world.tell(10, answered(R1, Phase::Before, 1, 1));
    world.tell(10, saw(R1, EvidenceKind::Check, true));
    world.tell(10, saw(R1, EvidenceKind::Preflight, true));
    world.tell(11, report(1, Report::Switched));
    world.tell(12, report(1, proven(false)));
    world.tell(13, answered(R1, Phase::Watch, 5, 5));
    let it = written(&world);
    assert!(it.summary.impact.claim.to_string().ends_with("; 1 of these were wrong before"));
    assert!(texts(&it.measures.preventive).contains(&"repair the route “cart”, or what it expects"));
    assert!(matches!(it.resolution, Claim::NotEnough { .. }), "it is still going back");
}

#[test]
fn confirmed_release_that_somebody_takes_back_later_has_a_post_mortem() {
    let mut world = World::proven();
    world.tell(22, saw(R1, EvidenceKind::Observation, true));
    world.tell(22, report(2, Report::Confirmed));
    assert_eq!(postmortem(&world.events, R1), None);
    world.tell(30, Input::Propose(Proposal { goes_back: true, ..proposal(NEW, OLD) }));
    world.tell(31, rollback(ReleaseId(2), "no need"));
    assert_eq!(postmortem(&world.events, R1), None, "a way back that was not taken");
    let (goes_back, why) = (true, "orders are lost".to_owned());
    world.tell(3_611, Input::Propose(Proposal { goes_back, why, ..proposal(NEW, OLD) }));
    for kind in [EvidenceKind::Check, EvidenceKind::Preflight] {
        world.tell(3_611, saw(ReleaseId(3), kind, true));
    }
    world.tell(3_611, report(3, Report::Switched));
    world.tell(3_611, report(3, proven(true)));
    let it = written(&world);
    assert_eq!(it.summary.duration, Some(Span::from_secs(3_600)));
    assert!(it.root_cause.to_string().ends_with("anna via sudo took it back: orders are lost"));
    assert_eq!(it.resolution.to_string(), "r3 went back behind it");
    assert_eq!(postmortem(&world.events, ReleaseId(3)), None);
}

#[test]
fn what_went_well_or_never_was_has_none() {
    assert_eq!(postmortem(&World::proven().events, R1), None);
    assert_eq!(postmortem(&World::adopted().events, R1), None);
    assert_eq!(postmortem(&[], R1), None);
}

#[test]
fn since_leaves_out_what_was_over_before() {
    let world = wrong_route();
    let told = |from| since(&world.events, at(from)).len();
    assert_eq!((told(0), told(20), told(21)), (1, 1, 0));
}
