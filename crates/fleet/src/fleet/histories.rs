//! What holds in every history: the state is a fold, and nothing gets stuck or confirmed by accident.

use proptest::prelude::*;

use super::tests::{REFUSED, freeze, orders, thaw};
use crate::apply::RevertWhy;
use crate::journal::{Phase, Reverter};
use crate::testing::*;
use crate::*;

fn any_report() -> impl Strategy<Value = Report> {
    let why = proptest::sample::select(RevertWhy::ALL);
    prop_oneof![
        any::<bool>().prop_map(|holds| Report::Saw(evidence(EvidenceKind::Staged, holds))),
        Just(Report::Switched),
        any::<bool>().prop_map(proven),
        Just(Report::Confirmed),
        Just(Report::Refused(evidence(EvidenceKind::Staged, false))),
        Just(Report::NeverBegan),
        Just(Report::Conflict(vec!["a".to_owned()])),
        (why, any::<bool>()).prop_map(|(why, proven)| reverted(why, Reverter::Fuse, proven)),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    let release = || (1..5_u64).prop_map(ReleaseId);
    let bundle = || prop_oneof![Just(OLD), Just(NEW)];
    let kind = proptest::sample::select(EvidenceKind::ALL);
    prop_oneof![
        1 => bundle().prop_map(|bundle| Input::Adopt(adoption(bundle))),
        3 => (bundle(), bundle(), any::<bool>()).prop_map(|(from, to, hold)| {
            let policy = Policy { hold, ..Policy::default() };
            Input::Propose(Proposal { policy, ..proposal(from, to) })
        }),
        1 => (bundle(), bundle()).prop_map(|(from, to)| {
            Input::Propose(Proposal { goes_back: true, ..proposal(from, to) })
        }),
        6 => (release(), kind, proptest::bool::weighted(0.9)).prop_map(|(id, kind, holds)| saw(id, kind, holds)),
        8 => (0..12_u64, any_report()).prop_map(|(order, said)| report(order, said)),
        1 => (release(), 0..3_u64).prop_map(|(id, wrong)| answered(id, Phase::Watch, 3, wrong)),
        2 => release().prop_map(|release| Input::Confirm { release, who: anna() }),
        1 => release().prop_map(|release| rollback(release, "why not")),
        1 => proptest::option::of(0..90_u64).prop_map(|until| freeze(until.map(at))),
        1 => Just(thaw()),
        2 => Just(Input::Tick),
    ]
}

/// Tells a world random things, and the things that move a release forward often enough to get there.
fn any_history() -> impl Strategy<Value = Vec<(u64, Input)>> {
    let forward = |step: usize| match step {
        0 => Input::Adopt(adoption(OLD)),
        1 => Input::Propose(proposal(OLD, NEW)),
        2 => saw(R1, EvidenceKind::Check, true),
        3 => saw(R1, EvidenceKind::Preflight, true),
        4 => report(1, Report::Switched),
        5 => report(1, proven(true)),
        6 => saw(R1, EvidenceKind::Observation, true),
        _ => report(2, Report::Confirmed),
    };
    let random = proptest::collection::vec((0..20_u64, any_input()), 0..25);
    (0..9_usize, random).prop_map(move |(prefix, random)| {
        let forward = (0..prefix).map(|step| (if step == 6 { 10 } else { 1 }, forward(step)));
        forward.chain(random).collect()
    })
}

proptest! {
    #[test]
    fn state_is_a_fold_and_a_step_is_a_function(history in any_history()) {
        let (mut world, mut now) = (World::default(), 0);
        for (later, input) in history {
            now += later;
            let mut twin = Fleet::replay(&world.events);
            prop_assert_eq!(&twin, &world.fleet);
            let turn = twin.step(at(now), input.clone());
            prop_assert_eq!(&turn, &world.fleet.clone().step(at(now), input.clone()));
            world.tell(now, input);
            prop_assert_eq!(&twin, &world.fleet);
        }
    }

    #[test]
    fn generations_grow_and_one_release_is_open(history in any_history()) {
        let (mut world, mut now, mut last) = (World::default(), 0, 0);
        for (later, input) in history {
            now += later;
            let effects = world.tell(now, input);
            for (generation, _) in orders(&effects) {
                prop_assert!(generation > last);
                last = generation;
            }
            prop_assert!(world.fleet.releases().filter(|release| release.open()).count() <= 1);
        }
    }

    #[test]
    fn only_what_is_proven_and_ordered_becomes_confirmed(history in any_history()) {
        let (mut world, mut now) = (World::default(), 0);
        for (later, input) in history {
            now += later;
            let before = world.events.len();
            world.tell(now, input);
            for event in &world.events[before..] {
                if let What::Confirmed { release, .. } = event.what {
                    let release = world.fleet.release(release).unwrap();
                    prop_assert!(release.proven_at().is_some());
                    let ordered = world.events[..before].iter().any(|event| {
                        matches!(&event.what, What::Ordered { release: id, order: journal::Order::Confirm(_), .. } if *id == release.id())
                    });
                    prop_assert!(ordered);
                }
            }
        }
    }

    #[test]
    fn open_release_can_always_be_ended_by_a_person_whatever_is_frozen(history in any_history()) {
        let (mut world, mut now) = (World::default(), 0);
        for (later, input) in history {
            now += later;
            world.tell(now, input);
        }
        world.tell(now, freeze(None));
        if let Some(open) = world.fleet.open(&host()).map(Release::id) {
            let effects = world.tell(now, rollback(open, "stop"));
            prop_assert_eq!(world.refusal.clone(), None);
            let ordered = orders(&effects).iter().any(|(_, command)| matches!(command, Command::Revert { .. }));
            prop_assert!(ordered || world.stage(open) == REFUSED);
        }
    }

    #[test]
    fn any_history_can_be_told_as_post_mortems(history in any_history()) {
        let (mut world, mut now) = (World::default(), 0);
        for (later, input) in history {
            now += later;
            world.tell(now, input);
        }
        for written in since(&world.events, at(0)) {
            let release = world.fleet.release(written.release).unwrap();
            prop_assert_eq!(written.outcome, release.outcome());
            prop_assert!(!written.timeline.is_empty());
        }
    }
}
