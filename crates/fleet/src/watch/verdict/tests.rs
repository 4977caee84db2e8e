//! What several vantages see, second by second.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::journal::Health;
use crate::watch::Failure;

const VANTAGES: [&str; 3] = ["here", "office", "cloud"];

fn ms(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + ms)
}

fn vantages(count: usize) -> BTreeSet<VantageId> {
    VANTAGES[..count].iter().map(|name| VantageId((*name).to_owned())).collect()
}

fn sample(at: u64, vantage: &str, answer: Answer) -> Sample {
    Sample {
        at: ms(at),
        probe: ProbeId("home".to_owned()),
        host: HostId::new("web-1").unwrap(),
        vantage: VantageId(vantage.to_owned()),
        took: Span::from_millis(3),
        answer,
    }
}

fn bad(status: u16) -> Answer {
    Answer::Down(Failure::Status(status))
}

struct Watch {
    panel: Panel,
    unfit: BTreeSet<VantageId>,
    transitions: Vec<Health>,
}

impl Watch {
    fn new(count: usize) -> Self {
        let panel = Panel::new(Rules::default(), vantages(count), ms(0));
        Self { panel, unfit: BTreeSet::new(), transitions: Vec::new() }
    }

    fn see(&mut self, at: u64, vantage: usize, answer: Answer) -> Option<Verdict> {
        let taken = self.panel.take(ms(at), &sample(at, VANTAGES[vantage], answer), &self.unfit);
        self.transitions.extend(taken.transition.map(|it| it.health));
        taken.verdict
    }

    /// Everything is up, up to `until`, every two seconds.
    fn up(&mut self, count: usize, until: u64) {
        for at in (0..until).step_by(2_000) {
            for vantage in 0..count {
                self.see(at + 10 * u64::try_from(vantage).unwrap(), vantage, Answer::Up);
            }
        }
    }
}

fn down(verdict: &Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Down(_)))
}

#[test]
fn two_of_three_that_fail_twice_agree_and_the_onset_is_the_first_failure() {
    let mut watch = Watch::new(3);
    watch.up(3, 10_000);
    assert_eq!(watch.see(10_000, 0, bad(502)), None);
    assert_eq!(watch.see(10_010, 1, bad(502)), None);
    assert_eq!(watch.see(10_020, 2, Answer::Up), None);
    assert_eq!(watch.see(12_000, 0, bad(502)), None);
    let Some(Verdict::Down(trouble)) = watch.see(12_010, 1, bad(502)) else { panic!("no verdict") };
    assert_eq!((trouble.onset, trouble.class, trouble.failing, trouble.asked), (ms(10_000), "status", 2, 3));
    assert_eq!(trouble.details.len(), 2);
}

#[test]
fn a_blip_that_every_vantage_sees_once_is_none() {
    let mut watch = Watch::new(3);
    watch.up(3, 10_000);
    for vantage in 0..3 {
        assert_eq!(watch.see(10_000, vantage, bad(502)), None);
    }
    for vantage in 0..3 {
        assert_eq!(watch.see(12_000, vantage, Answer::Up), None);
    }
}

#[test]
fn one_vantage_of_three_is_not_enough_however_long() {
    let mut watch = Watch::new(3);
    watch.up(3, 10_000);
    for at in (10_000..100_000).step_by(2_000) {
        assert_eq!(watch.see(at, 0, bad(502)), None);
        assert_eq!(watch.see(at, 1, Answer::Up), None);
        assert_eq!(watch.see(at, 2, Answer::Up), None);
    }
}

#[test]
fn with_two_vantages_both_must_agree_and_alone_one_is_enough() {
    let mut watch = Watch::new(2);
    watch.up(2, 4_000);
    for at in [4_000, 6_000, 8_000] {
        assert_eq!(watch.see(at, 0, bad(502)), None);
        assert_eq!(watch.see(at, 1, Answer::Up), None);
    }
    assert_eq!(watch.see(10_000, 1, bad(502)), None);
    assert!(down(&watch.see(12_000, 1, bad(502))));
    let mut alone = Watch::new(1);
    alone.up(1, 4_000);
    assert_eq!(alone.see(4_000, 0, bad(502)), None);
    assert!(down(&alone.see(6_000, 0, bad(502))));
}

#[test]
fn vantage_that_is_unfit_has_no_voice_and_those_left_must_still_agree() {
    let mut watch = Watch::new(3);
    watch.up(3, 4_000);
    watch.unfit = [VantageId("cloud".to_owned())].into();
    for at in (4_000..20_000).step_by(2_000) {
        assert_eq!(watch.see(at, 2, bad(502)), None);
        assert_eq!(watch.see(at, 0, bad(502)), None);
        assert_eq!(watch.see(at, 1, Answer::Up), None);
    }
    watch.unfit = vantages(3);
    assert_eq!(watch.see(20_000, 1, bad(502)), None, "nobody has a voice");
}

#[test]
fn failure_of_the_one_who_asks_says_nothing_of_the_host() {
    let mut watch = Watch::new(1);
    watch.up(1, 4_000);
    for at in (4_000..60_000).step_by(2_000) {
        let own = Answer::Down(Failure::OwnSide { reason: "no route".to_owned() });
        assert_eq!(watch.see(at, 0, own), None);
    }
    assert_eq!(watch.panel.look(ms(90_000), &BTreeSet::new()), []);
}

#[test]
fn vantage_that_is_no_longer_heard_has_no_voice() {
    let mut watch = Watch::new(3);
    watch.up(3, 4_000);
    // Only one is left: it is enough, once the others are silent for long enough.
    let mut opened = None;
    for at in (4_000..40_000).step_by(2_000) {
        if down(&watch.see(at, 0, bad(502))) {
            opened = opened.or(Some(at));
        }
    }
    assert!(opened.is_some_and(|at| (17_000..20_000).contains(&at)), "{opened:?}");
}

#[test]
fn two_good_answers_in_a_row_end_it() {
    let mut watch = Watch::new(1);
    watch.up(1, 4_000);
    watch.see(4_000, 0, bad(502));
    assert!(down(&watch.see(6_000, 0, bad(502))));
    assert_eq!(watch.see(8_000, 0, Answer::Up), None);
    assert_eq!(watch.see(10_000, 0, bad(502)), None);
    assert_eq!(watch.see(12_000, 0, Answer::Up), None);
    assert_eq!(watch.see(14_000, 0, Answer::Up), Some(Verdict::Up));
}

#[test]
fn another_failure_of_the_same_trouble_is_told_and_keeps_its_onset() {
    let mut watch = Watch::new(1);
    watch.see(0, 0, bad(502));
    watch.see(2_000, 0, bad(502));
    let Some(Verdict::Down(trouble)) = watch.see(4_000, 0, Answer::Down(Failure::Refused)) else {
        panic!("not told")
    };
    assert_eq!((trouble.class, trouble.onset), ("refused", ms(0)));
}

#[test]
fn what_goes_to_and_fro_is_down_until_it_stays_up_for_a_minute() {
    let mut watch = Watch::new(1);
    let (mut turns, mut at) = (Vec::new(), 0);
    for _ in 0..12 {
        for answer in [bad(502), bad(502), Answer::Up, Answer::Up] {
            at += 2_000;
            turns.extend(watch.see(at, 0, answer).map(|verdict| (at, verdict == Verdict::Up)));
        }
    }
    // Three times down and twice up, and then down for good.
    assert_eq!(turns.iter().filter(|(_, up)| *up).count(), 2, "{turns:?}");
    let quiet = at;
    let back = (1..60).find_map(|step| {
        let at = quiet + step * 2_000;
        (watch.see(at, 0, Answer::Up) == Some(Verdict::Up)).then_some(at)
    });
    assert!(back.is_some_and(|back| (56_000..=62_000).contains(&(back - quiet))), "{back:?}");
}

#[test]
fn a_day_of_health_is_one_line_and_a_day_of_flapping_a_few() {
    let mut watch = Watch::new(1);
    watch.up(1, 86_400_000);
    assert_eq!(watch.transitions, [Health::Up]);
    let mut watch = Watch::new(1);
    for at in (0..86_400_000).step_by(2_000) {
        watch.see(at, 0, if at % 4_000 == 0 { bad(502) } else { Answer::Up });
    }
    assert!(watch.transitions.len() <= 8 && watch.transitions.contains(&Health::Flapping));
}

#[test]
fn other_status_is_another_line() {
    let mut watch = Watch::new(1);
    for (at, status) in [(0, 502), (2_000, 502), (4_000, 503), (6_000, 503)] {
        watch.see(at, 0, bad(status));
    }
    assert_eq!(watch.transitions.len(), 2);
}

proptest! {
    /// Probes every two seconds, each vantage at an offset of its own, answers that take up to a second.
    #[test]
    fn down_within_five_seconds_of_the_onset(
        offsets in proptest::array::uniform3(0..2_000_u64), took in 0..=1_000_u64, onset in 20_000..24_000_u64,
        count in 1..=3_usize,
    ) {
        let mut watch = Watch::new(count);
        let mut asked: Vec<(u64, usize)> = (0..count)
            .flat_map(|vantage| (0..20).map(move |n| (offsets[vantage] + n * 2_000, vantage)))
            .collect();
        asked.sort_unstable();
        let mut opened = None;
        for (at, vantage) in asked {
            let answer = if at >= onset { Answer::Down(Failure::Filtered) } else { Answer::Up };
            let back = if at >= onset { at + took } else { at };
            let taken = watch.panel.take(ms(back), &sample(at, VANTAGES[vantage], answer), &watch.unfit);
            if down(&taken.verdict) {
                opened = opened.or(Some(back));
            }
        }
        let opened = opened.unwrap();
        prop_assert!(opened - onset <= 5_000, "{} ms", opened - onset);
    }

    /// Nobody agrees by accident: single failures that never come twice in a row open nothing.
    #[test]
    fn single_failures_never_add_up(seed in proptest::collection::vec(0..3_usize, 100)) {
        let mut watch = Watch::new(3);
        watch.up(3, 2_000);
        for (round, failing) in (0_u64..).zip(seed) {
            let at = 10_000 + round * 4_000;
            for vantage in 0..3 {
                let answer = if vantage == failing { bad(502) } else { Answer::Up };
                prop_assert_eq!(watch.see(at, vantage, answer), None);
                prop_assert_eq!(watch.see(at + 2_000, vantage, Answer::Up), None);
            }
        }
    }
}

#[test]
fn clock_that_is_set_back_hides_no_outage() {
    let mut watch = Watch::new(1);
    watch.up(1, 100_000);
    // An hour's jump was believed, and now the clock is right again.
    watch.panel.set_back(ms(40_000));
    let down = [40_000, 42_000, 44_000].map(|at| watch.see(at, 0, bad(503)));
    assert!(down.iter().flatten().any(|verdict| matches!(verdict, Verdict::Down(_))), "{down:?}");
    let up = [46_000, 48_000, 50_000, 52_000].map(|at| watch.see(at, 0, Answer::Up));
    assert!(up.iter().flatten().any(|verdict| *verdict == Verdict::Up), "{up:?}");
}
