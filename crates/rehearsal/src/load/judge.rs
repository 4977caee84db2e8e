//! What a load says of a change, beyond the noise.

use super::{Loaded, Round};
use crate::finding::{Finding, Severity};

/// Fewer failures than these say nothing.
const FAILED_MIN: u32 = 5;
/// So many failures of a thousand say something of a tree that nothing is held against.
const FAILED_OF_THOUSAND: u32 = 1;
/// Slower by less than this is noise, as a factor and in milliseconds.
const SLOWER: (f64, f64) = (1.5, 2.0);
/// Where requests were sent later than this, in milliseconds, the machine was busy and times say nothing.
const LATE_MAX_MS: f64 = 20.0;
/// How many answers a round needs so that the slowest hundredth is more than a few of them.
const ANSWERS_MIN: u32 = 500;

/// The findings, and what could not be judged.
pub(crate) fn judge(loaded: &Loaded) -> (Vec<Finding>, Option<String>) {
    let mut findings: Vec<Finding> = failures(loaded).into_iter().collect();
    let late = |round: &Round| round.sent_late_ms > LATE_MAX_MS;
    if loaded.new.iter().chain(&loaded.old).any(late) {
        let said = "this machine was too busy to send every request of the load in time: how long answers took is not judged";
        return (findings, Some(said.to_owned()));
    }
    findings.extend(slower(loaded));
    (findings, None)
}

fn failures(loaded: &Loaded) -> Option<Finding> {
    let count = |rounds: &[Round]| -> (u32, u32) {
        (rounds.iter().map(|it| it.failed).sum(), rounds.iter().map(|it| it.asked).sum())
    };
    let ((new, of_new), (old, of_old)) = (count(&loaded.new), count(&loaded.old));
    let how = how(&loaded.new);
    let Loaded { rate, .. } = loaded;
    let help = "`limit_req`, `limit_conn`, `worker_connections`, `max_conns` of an upstream, and rate limits of the application \
                are what turns requests away under a load that each of them alone passes";
    if of_old == 0 {
        let many = new >= FAILED_MIN && new.saturating_mul(1_000) > of_new.saturating_mul(FAILED_OF_THOUSAND);
        let message = format!("at {rate} requests a second {new} of {of_new} fail ({how})");
        return many.then(|| Finding::new("load-fails", Severity::Warning, message).help(help));
    }
    // As many as the live tree would have failed, and three times what chance adds to both.
    let expected = f64::from(old) * f64::from(of_new) / f64::from(of_old);
    let noise = 3.0 * (f64::from(new) + expected).sqrt();
    let worse = new >= FAILED_MIN && f64::from(new) - expected > noise;
    let message = format!(
        "at {rate} requests a second {new} of {of_new} fail ({how}); of the live tree {old} of {of_old} do"
    );
    worse.then(|| Finding::new("load-fails-more", Severity::Error, message).help(help))
}

/// The most frequent failure.
fn how(rounds: &[Round]) -> String {
    let failures = rounds.iter().flat_map(|round| &round.failures);
    failures.max_by_key(|(_, count)| **count).map(|(how, _)| how.clone()).unwrap_or_default()
}

fn slower(loaded: &Loaded) -> Option<Finding> {
    let answered = |round: &Round| round.asked - round.failed;
    let enough = loaded.new.iter().chain(&loaded.old).all(|round| answered(round) >= ANSWERS_MIN);
    let p50 = worse(loaded, |round| round.p50_ms).map(|times| ("half", times));
    let p99 = || worse(loaded, |round| round.p99_ms).filter(|_| enough).map(|times| ("99 of 100", times));
    let (share, (new, old)) = p50.or_else(p99)?;
    let message = format!(
        "at {} requests a second {share} of the answers take up to {new:.1} ms; of the live tree up to {old:.1} ms",
        loaded.rate
    );
    let help = "what an upstream takes is the same for both here: the time is spent in nginx";
    Some(Finding::new("load-slower", Severity::Warning, message).help(help))
}

/// Whether each round of the proposed tree is slower than each of the live one, and by more than noise; gives the nearest two.
fn worse(loaded: &Loaded, of: impl Fn(&Round) -> Option<f64>) -> Option<(f64, f64)> {
    let new = loaded.new.iter().filter_map(&of).min_by(f64::total_cmp)?;
    let old = loaded.old.iter().filter_map(&of).max_by(f64::total_cmp)?;
    (new > old * SLOWER.0 && new > old + SLOWER.1).then_some((new, old))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(failed: u32, p50: f64, p99: f64) -> Round {
        let failures = if failed > 0 { [("status 503".to_owned(), failed)].into() } else { [].into() };
        Round { asked: 1_000, failed, failures, p50_ms: Some(p50), p99_ms: Some(p99), sent_late_ms: 0.4 }
    }

    fn rules(old: &[Round], new: &[Round]) -> Vec<(&'static str, bool)> {
        let loaded = Loaded { rate: 200, seconds: 10, requests: 3, new: new.to_vec(), old: old.to_vec() };
        judge(&loaded).0.iter().map(|it| (it.rule, it.blocks())).collect()
    }

    #[test]
    fn failures_beyond_those_of_the_live_tree_are_in_the_way() {
        let (good, bad) = (round(0, 1.0, 2.0), round(40, 1.0, 2.0));
        assert_eq!(
            rules(&[good.clone(), good.clone()], &[bad.clone(), bad.clone()]),
            [("load-fails-more", true)]
        );
        assert_eq!(rules(&[bad.clone(), bad.clone()], &[bad.clone(), bad.clone()]), []);
        assert_eq!(rules(&[bad.clone(), bad.clone()], &[good.clone(), good.clone()]), []);
        let few = round(4, 1.0, 2.0);
        assert_eq!(rules(&[good.clone(), good.clone()], &[few, good.clone()]), []);
        let noisy = round(52, 1.0, 2.0);
        assert_eq!(rules(&[bad.clone(), bad.clone()], &[noisy.clone(), noisy]), []);
        assert_eq!(rules(&[], &[bad]), [("load-fails", false)]);
        assert_eq!(rules(&[], &[good]), []);
    }

    #[test]
    fn slower_is_what_every_round_is() {
        let at = |p50, p99| round(0, p50, p99);
        let live = [at(1.2, 4.0), at(1.4, 5.0)];
        assert_eq!(rules(&live, &[at(9.0, 20.0), at(8.0, 19.0)]), [("load-slower", false)]);
        assert_eq!(rules(&live, &[at(9.0, 20.0), at(1.3, 4.0)]), [], "one round of two is noise");
        assert_eq!(rules(&live, &[at(2.0, 5.5), at(2.0, 5.5)]), [], "half a millisecond is noise");
        assert_eq!(rules(&live, &[at(1.3, 20.0), at(1.4, 19.0)]), [("load-slower", false)]);
    }

    #[test]
    fn busy_machine_judges_no_times() {
        let busy = Round { sent_late_ms: 80.0, ..round(0, 90.0, 200.0) };
        let loaded =
            Loaded { new: vec![busy.clone(), busy], old: vec![round(0, 1.0, 2.0); 2], ..Loaded::default() };
        let (findings, said) = judge(&loaded);
        assert!(findings.is_empty() && said.unwrap().contains("too busy"));
    }
}
