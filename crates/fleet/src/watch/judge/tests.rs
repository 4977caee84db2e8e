use super::*;

/// Numbers that look random, and are the same every time: splitmix64.
struct Chance(u64);

impl Chance {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Plays requests until the judge alarms. Gives how many requests of the changed arm that took; `None`: it never did.
fn play(seed: u64, alpha: f64, share: f64, rates: impl Fn(u64) -> (f64, f64), most: u64) -> Option<u64> {
    let (mut chance, mut judge) = (Chance(seed), Judge::new(alpha));
    let (mut changed, mut all) = (0, 0);
    while changed < most {
        all += 1;
        let arm = if chance.unit() < share { Arm::Changed } else { Arm::Unchanged };
        let (of_changed, of_unchanged) = rates(all);
        changed += u64::from(arm == Arm::Changed);
        let rate = if arm == Arm::Changed { of_changed } else { of_unchanged };
        if chance.unit() < rate && judge.error(arm, share) == Judgement::Worse {
            return Some(changed);
        }
    }
    None
}

fn median(share: f64, before: f64, after: f64) -> u64 {
    let mut all: Vec<u64> = (0..200)
        .map(|seed| play(seed, 0.001, share, |_| (after, before), 50_000).unwrap_or(u64::MAX))
        .collect();
    all.sort_unstable();
    all[100]
}

#[test]
fn its_capital_is_the_likelihood_ratio_that_its_page_tells_of() {
    // By numeric integration over the unknown share, for every pair of small counts and several shares.
    for share in [0.05, 0.1, 0.5, 0.9] {
        for changed in 0..8_u32 {
            for unchanged in 0..8_u32 {
                let mut judge = Judge::new(0.001);
                for _ in 0..changed {
                    judge.error(Arm::Changed, share);
                }
                for _ in 0..unchanged {
                    judge.error(Arm::Unchanged, share);
                }
                let steps = 20_000;
                let likelihood = |x: f64| x.powi(changed as i32) * (1.0 - x).powi(unchanged as i32);
                let unknown: f64 = (0..steps)
                    .map(|step| likelihood((f64::from(step) + 0.5) / f64::from(steps)))
                    .sum::<f64>()
                    / f64::from(steps);
                let ratio = unknown / likelihood(share);
                assert!((judge.evidence() - ratio.ln()).abs() < 1e-4, "{changed} {unchanged} {share}");
            }
        }
    }
}

#[test]
fn bet_is_fair_while_nothing_is_worse() {
    // The mean of the capital over all sequences of twelve errors is 1, whatever the share is, also when it moves.
    for shares in [[0.1, 0.1, 0.1], [0.5, 0.5, 0.5], [0.02, 0.3, 0.7]] {
        let mut mean = 0.0;
        for sequence in 0_u32..1 << 12 {
            let mut judge = Judge::new(0.001);
            let mut likely = 1.0;
            for at in 0..12 {
                let share: f64 = shares[at % 3];
                let is_changed = sequence >> at & 1 == 1;
                likely *= if is_changed { share } else { 1.0 - share };
                judge.error(if is_changed { Arm::Changed } else { Arm::Unchanged }, share);
            }
            mean += likely * judge.evidence().exp();
        }
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }
}

#[test]
fn false_alarms_are_rarer_than_alpha_over_unlimited_looks() {
    // Looked at after each error of 20,000 requests of the changed arm; the error rate is the same in both and moves.
    let moving = |at: u64| {
        let rate = if (at / 30_000).is_multiple_of(2) { 0.01 } else { 0.05 };
        (rate, rate)
    };
    for (alpha, histories) in [(0.05, 400), (0.01, 400)] {
        let alarms = (0..histories).filter(|seed| play(*seed, alpha, 0.1, moving, 20_000).is_some()).count();
        assert!(alarms as f64 <= alpha * histories as f64, "{alarms} of {histories} at {alpha}");
    }
}

#[test]
fn worse_is_found_within_few_requests() {
    // From nothing to one in a hundred at a tenth of the traffic; from nothing to nearly all.
    let slight = median(0.1, 0.0, 0.01);
    assert!((250..550).contains(&slight), "{slight}");
    let broken = median(0.1, 0.0, 0.85);
    assert!((3..8).contains(&broken), "{broken}");
    let half = median(0.5, 0.0, 0.85);
    assert!((10..24).contains(&half), "{half}");
    let noisy = median(0.1, 0.001, 0.01);
    assert!((450..1_000).contains(&noisy), "{noisy}");
}

#[test]
fn better_never_alarms() {
    for seed in 0..20 {
        assert_eq!(play(seed, 0.001, 0.5, |_| (0.0, 0.05), 20_000), None);
    }
}

#[test]
fn outage_of_an_application_behind_both_arms_is_not_of_the_change() {
    for seed in 0..100 {
        let broken = |at: u64| if (2_000..4_000).contains(&at) { (0.9, 0.9) } else { (0.001, 0.001) };
        assert_eq!(play(seed, 0.001, 0.1, broken, 2_000), None);
    }
}

#[test]
fn errors_of_an_arm_that_serves_nothing_say_nothing() {
    let mut judge = Judge::new(0.05);
    for _ in 0..1_000 {
        assert_eq!(judge.error(Arm::Changed, 0.0), Judgement::Open);
        assert_eq!(judge.error(Arm::Changed, 1.0), Judgement::Open);
        assert_eq!(judge.error(Arm::Changed, f64::NAN), Judgement::Open);
    }
    assert_eq!(judge.errors(), (0, 0));
}

#[test]
fn worse_stays_worse() {
    let mut judge = Judge::new(0.001);
    while judge.error(Arm::Changed, 0.1) == Judgement::Open {}
    assert!(judge.errors().0 <= 4, "{:?}", judge.errors());
    for _ in 0..10_000 {
        assert_eq!(judge.error(Arm::Unchanged, 0.1), Judgement::Worse);
    }
}
