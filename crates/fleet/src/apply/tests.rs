//! What a host promises of an apply, checked over every stage, alarm and deadline.

use proptest::prelude::*;

use super::{Accept, Alarm, Applying, Boottime, Decision, IllegalStep, RevertWhy, Stage, decide};
use crate::{BundleId, Generation, ReleaseId, Span};

const BOOT: [u8; 16] = [7; 16];
const LATER_BOOT: [u8; 16] = [8; 16];
const PROOF_WITHIN: Span = Span::from_secs(3);
const CONFIRM_WITHIN: Span = Span::from_secs(60);
const START: Boottime = Boottime(1_000);

fn ms(after_start: u64) -> Boottime {
    Boottime(START.0 + after_start)
}

fn staged() -> Applying {
    let (from, to) = (BundleId([1; 32]), BundleId([2; 32]));
    Applying::IDLE.stage(Generation(1), ReleaseId(1), from, to).unwrap()
}

/// An apply that got as far as `stage`, each step in time.
fn at(stage: Stage) -> Applying {
    let armed = || staged().arm(BOOT, START, PROOF_WITHIN, CONFIRM_WITHIN).unwrap();
    let forward = [Stage::Switched, Stage::Signalled, Stage::Proven, Stage::Confirmed];
    match stage {
        Stage::Idle => Applying::IDLE,
        Stage::Staged => staged(),
        Stage::Armed => armed(),
        Stage::Reverting => armed().revert(RevertWhy::Evidence, BOOT, START, PROOF_WITHIN).unwrap(),
        Stage::Reverted => at(Stage::Reverting).advance(Stage::Reverted, BOOT, START).unwrap(),
        _ => {
            let steps = forward.iter().take_while(|step| **step <= stage);
            steps.fold(armed(), |apply, step| apply.advance(*step, BOOT, ms(10)).unwrap())
        }
    }
}

fn asked(stage: Stage, alarm: Alarm) -> Decision {
    decide(&at(stage).standing(BOOT), alarm)
}

fn back(why: RevertWhy, kill_command: bool) -> Decision {
    Decision::Revert { why, kill_command }
}

const BEFORE_PROOF: [Stage; 3] = [Stage::Armed, Stage::Switched, Stage::Signalled];

#[test]
fn command_that_dies_before_its_proof_is_reverted_at_once() {
    for stage in BEFORE_PROOF {
        assert_eq!(asked(stage, Alarm::CommandDied), back(RevertWhy::CommandDied, false));
    }
}

#[test]
fn command_that_hangs_is_killed_at_the_proof_deadline() {
    for stage in BEFORE_PROOF {
        assert_eq!(asked(stage, Alarm::Tick { now: ms(2_999) }), Decision::Wait { until: ms(3_000) });
        assert_eq!(asked(stage, Alarm::Tick { now: ms(3_000) }), back(RevertWhy::NotProvenInTime, true));
    }
}

#[test]
fn proven_release_waits_for_its_confirmation_and_no_longer() {
    let (early, late) = (Alarm::Tick { now: ms(59_999) }, Alarm::Tick { now: ms(60_000) });
    assert_eq!(asked(Stage::Proven, early), Decision::Wait { until: ms(60_000) });
    assert_eq!(asked(Stage::Proven, Alarm::CommandDied), Decision::Wait { until: ms(60_000) });
    assert_eq!(asked(Stage::Proven, late), back(RevertWhy::NotConfirmedInTime, true));
}

#[test]
fn revert_that_hangs_is_taken_over_at_its_own_deadline() {
    assert_eq!(asked(Stage::Reverting, Alarm::Tick { now: ms(2_999) }), Decision::Wait { until: ms(3_000) });
    assert_eq!(
        asked(Stage::Reverting, Alarm::Tick { now: ms(3_000) }),
        back(RevertWhy::NotProvenInTime, true)
    );
    assert_eq!(asked(Stage::Reverting, Alarm::CommandDied), back(RevertWhy::CommandDied, false));
}

#[test]
fn request_to_go_back_kills_a_command_that_may_live_and_only_that() {
    for stage in Stage::ALL.iter().filter(|stage| stage.unconfirmed() && **stage != Stage::Staged) {
        assert_eq!(asked(*stage, Alarm::RevertAsked), back(RevertWhy::Asked, true));
        let later = decide(&at(*stage).standing(LATER_BOOT), Alarm::RevertAsked);
        assert_eq!(later, back(RevertWhy::Asked, false));
    }
}

#[test]
fn staging_has_no_deadline_because_the_tree_is_untouched() {
    let decision = decide(&staged().standing(BOOT), Alarm::Tick { now: ms(1_000_000) });
    assert_eq!(decision, Decision::Wait { until: Boottime(u64::MAX) });
}

#[test]
fn numbers_of_stages_and_reasons_stay_what_slots_on_disks_say() {
    let stages: Vec<(u8, &str)> = Stage::ALL.iter().map(|it| (it.number(), it.name())).collect();
    assert_eq!(
        stages,
        [
            (0, "idle"),
            (1, "staged"),
            (2, "armed"),
            (3, "switched"),
            (4, "signalled"),
            (5, "proven"),
            (6, "confirmed"),
            (7, "reverting"),
            (8, "reverted")
        ]
    );
    for number in 0..=u8::MAX {
        assert_eq!(Stage::from_number(number).map(Stage::number), (number <= 8).then_some(number));
        let why = RevertWhy::from_number(number);
        assert_eq!(why.map(RevertWhy::number), (1..=6).contains(&number).then_some(number));
        assert!(why.is_none_or(|why| why.name().parse() == Ok(why)));
    }
}

#[test]
fn confirmation_after_the_deadline_is_too_late() {
    let proven = at(Stage::Proven);
    let confirm = |boot, now| proven.advance(Stage::Confirmed, boot, now).map(|apply| apply.stage);
    let too_late = Err(IllegalStep::TooLate { to: Stage::Confirmed });
    assert_eq!(confirm(BOOT, ms(59_999)), Ok(Stage::Confirmed));
    assert_eq!(confirm(BOOT, ms(60_000)), too_late);
    assert_eq!(confirm(LATER_BOOT, Boottime(0)), too_late);
    for stage in [Stage::Reverting, Stage::Reverted] {
        assert_eq!(at(stage).advance(Stage::Confirmed, BOOT, START).map(|it| it.stage), too_late);
    }
}

#[test]
fn proof_after_its_deadline_is_no_proof() {
    let signalled = at(Stage::Signalled);
    assert!(signalled.advance(Stage::Proven, BOOT, ms(2_999)).is_ok());
    let late = signalled.advance(Stage::Proven, BOOT, ms(3_000));
    assert_eq!(late, Err(IllegalStep::TooLate { to: Stage::Proven }));
}

#[test]
fn lower_order_is_refused_and_an_equal_one_is_a_repetition() {
    let reverted = at(Stage::Reverted).ordered(Generation(5)).unwrap();
    assert_eq!(reverted.accept(Generation(4)), Accept::Stale);
    assert_eq!(reverted.accept(Generation(5)), Accept::Repeated);
    assert_eq!(reverted.accept(Generation(6)), Accept::Fresh);
    let stale = IllegalStep::Stale { order: Generation(4), accepted: Generation(5) };
    assert_eq!(reverted.ordered(Generation(4)), Err(stale));
    let again = |order| reverted.stage(Generation(order), ReleaseId(2), BundleId([1; 32]), BundleId([3; 32]));
    assert_eq!(again(4), Err(stale));
    assert!(matches!(again(5), Err(IllegalStep::Stale { .. })));
    assert_eq!(again(6).unwrap().generation, Generation(6));
}

#[test]
fn no_apply_begins_while_another_is_unconfirmed() {
    for stage in Stage::ALL.iter().filter(|stage| stage.unconfirmed()) {
        let begun = at(*stage).stage(Generation(9), ReleaseId(9), BundleId([1; 32]), BundleId([3; 32]));
        assert_eq!(begun, Err(IllegalStep::Order { from: *stage, to: Stage::Staged }));
    }
}

#[test]
fn command_that_died_in_an_earlier_boot_is_taken_back_even_after_its_proof() {
    for (stage, why) in [
        (Stage::Signalled, RevertWhy::CommandDied),
        (Stage::Proven, RevertWhy::NotConfirmedInTime),
        (Stage::Reverting, RevertWhy::CommandDied),
    ] {
        let decision = decide(&at(stage).standing(LATER_BOOT), Alarm::CommandDied);
        assert_eq!(decision, back(why, false), "{stage}");
    }
}

#[test]
fn apply_knows_what_it_is_about_and_nothing_of_the_one_before() {
    let (from, to) = (BundleId([3; 32]), BundleId([4; 32]));
    let staged = at(Stage::Reverted).stage(Generation(7), ReleaseId(8), from, to).unwrap();
    let only = Applying {
        stage: Stage::Staged,
        generation: Generation(7),
        release: ReleaseId(8),
        from,
        to,
        ..Applying::IDLE
    };
    assert_eq!(staged, only);
}

#[test]
fn only_what_goes_back_is_too_late_and_the_rest_is_out_of_order() {
    for stage in [Stage::Idle, Stage::Staged, Stage::Armed, Stage::Switched, Stage::Confirmed] {
        for to in [Stage::Proven, Stage::Confirmed] {
            let step = at(stage).advance(to, BOOT, START);
            assert_eq!(step, Err(IllegalStep::Order { from: stage, to }));
        }
    }
}

#[test]
fn only_what_is_staged_is_dropped_without_a_way_back() {
    for stage in Stage::ALL {
        let dropped = at(*stage).advance(Stage::Idle, BOOT, START);
        assert_eq!(dropped.is_ok(), *stage == Stage::Staged, "{stage}");
    }
    let dropped = staged().advance(Stage::Idle, BOOT, START).unwrap();
    assert_eq!((dropped.stage, dropped.generation), (Stage::Idle, Generation(1)));
}

#[test]
fn first_reason_to_go_back_stays() {
    let again = at(Stage::Reverting).revert(RevertWhy::Boot, LATER_BOOT, Boottime(5), PROOF_WITHIN).unwrap();
    assert_eq!(again.why, Some(RevertWhy::Evidence));
    assert_eq!((again.boot, again.proof_deadline), (LATER_BOOT, Boottime(3_005)));
}

fn any_stage() -> impl Strategy<Value = Stage> {
    proptest::sample::select(Stage::ALL)
}

fn any_alarm() -> impl Strategy<Value = Alarm> {
    prop_oneof![
        Just(Alarm::CommandDied),
        Just(Alarm::RevertAsked),
        Just(Alarm::Boot),
        (0..200_000_u64).prop_map(|now| Alarm::Tick { now: Boottime(now) }),
    ]
}

fn any_boot() -> impl Strategy<Value = [u8; 16]> {
    prop_oneof![Just(BOOT), Just(LATER_BOOT)]
}

#[derive(Debug, Clone)]
enum Move {
    Stage(u64),
    Arm,
    Advance(Stage),
    Revert(RevertWhy),
    Ordered(u64),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        (0..12_u64).prop_map(Move::Stage),
        Just(Move::Arm),
        any_stage().prop_map(Move::Advance),
        proptest::sample::select(RevertWhy::ALL).prop_map(Move::Revert),
        (0..12_u64).prop_map(Move::Ordered),
    ]
}

proptest! {
    #[test]
    fn what_is_confirmed_is_left_alone_and_nothing_else_is(stage in any_stage(), alarm in any_alarm(), boot in any_boot()) {
        let decision = decide(&at(stage).standing(boot), alarm);
        prop_assert_eq!(decision == Decision::Done, !stage.unconfirmed());
    }

    #[test]
    fn boot_and_request_never_leave_anything_unconfirmed(stage in any_stage(), boot in any_boot()) {
        for alarm in [Alarm::Boot, Alarm::RevertAsked] {
            let decision = decide(&at(stage).standing(boot), alarm);
            prop_assert_eq!(matches!(decision, Decision::Revert { .. }), stage.unconfirmed());
        }
    }

    #[test]
    fn in_another_boot_every_deadline_is_past(stage in any_stage(), now in 0..200_000_u64) {
        prop_assume!(stage.unconfirmed() && stage != Stage::Staged);
        let decision = decide(&at(stage).standing(LATER_BOOT), Alarm::Tick { now: Boottime(now) });
        let went_back = matches!(decision, Decision::Revert { kill_command: false, .. });
        prop_assert!(went_back, "{decision:?}");
    }

    #[test]
    fn wait_always_ends_at_a_deadline_that_is_still_to_come(stage in any_stage(), now in 0..200_000_u64) {
        let standing = at(stage).standing(BOOT);
        if let Decision::Wait { until } = decide(&standing, Alarm::Tick { now: Boottime(now) }) {
            prop_assert!(until > Boottime(now));
            let then = decide(&standing, Alarm::Tick { now: until });
            let ends = stage == Stage::Staged || matches!(then, Decision::Revert { .. });
            prop_assert!(ends, "{then:?}");
        }
    }

    #[test]
    fn no_walk_confirms_what_was_not_proven_in_time_or_accepts_an_older_order(
        moves in proptest::collection::vec((any_move(), any_boot(), 0..70_000_u64), 0..40)
    ) {
        let mut apply = Applying::IDLE;
        for (step, boot, now) in moves {
            let (before, now) = (apply, Boottime(now));
            let after = match step {
                Move::Stage(order) => apply.stage(Generation(order), ReleaseId(order), BundleId([1; 32]), BundleId([2; 32])),
                Move::Arm => apply.arm(boot, now, PROOF_WITHIN, CONFIRM_WITHIN),
                Move::Advance(to) => apply.advance(to, boot, now),
                Move::Revert(why) => apply.revert(why, boot, now, PROOF_WITHIN),
                Move::Ordered(order) => apply.ordered(Generation(order)),
            };
            let Ok(after) = after else { continue };
            prop_assert!(after.generation >= before.generation);
            let moved = after.stage != before.stage;
            prop_assert!(!moved || before.stage.leads_to(after.stage));
            if moved && after.stage == Stage::Confirmed {
                prop_assert_eq!(before.stage, Stage::Proven);
                prop_assert!(boot == before.boot && now < before.confirm_deadline);
            }
            if moved && after.stage == Stage::Proven {
                prop_assert!(boot == before.boot && now < before.proof_deadline);
            }
            apply = after;
        }
    }
}
