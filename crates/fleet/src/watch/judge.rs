//! Did this change make it worse? A judge of errors that may be asked at any time.
//!
//! Two arms serve the same kind of traffic: hosts with the change, and hosts without. When the change made nothing worse, each
//! new error falls to the changed arm with the share of requests that this arm served at that moment, whatever the error rate
//! is and however it moves. The judge bets against that: its capital is the likelihood of the errors' sides under an unknown
//! share (spread evenly between none and all), over their likelihood under the share that was served. While the bet is fair the
//! capital exceeds 1/α at any time with probability at most α (Ville's inequality); so it may be looked at after every error.
//!
//! What it needs, and cannot see for itself:
//! * Errors must be nearly independent: a client that repeats itself counts once ([`Judge::error`] is told of distinct ones).
//! * It alarms; it never clears. That a change is good is another question, with a least number of requests of its own.
//!
//! Source: Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022, arXiv 2011.03567 (the case of two
//! arms); Ville, Étude critique de la notion de collectif, 1939.

use statrs::function::beta::ln_beta;

/// The largest share that a fair bet is made on, and the least: beyond them an error says nothing of a side.
const SHARE_MIN: f64 = 1e-6;

/// Which hosts an error came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// Those with the change.
    Changed,
    /// Those without.
    Unchanged,
}

/// What the judge says after the errors that it was told of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Judgement {
    /// The change made it worse; wrong with probability α at most, over all looks together.
    Worse,
    /// Nothing of the kind is shown: not that it is good.
    Open,
}

/// Counts errors of two arms, and bets.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// The logarithm of 1/α.
    threshold: f64,
    changed: u64,
    unchanged: u64,
    /// The logarithm of the likelihood of what was seen, when nothing became worse.
    fair: f64,
    /// The sum of the shares that errors were expected to fall with.
    expected: f64,
    worse: bool,
}

impl Judge {
    /// A judge that is wrong with probability `alpha` at most. Where several judges look at one change (by host, route and class
    /// of status), their alphas add up.
    #[must_use]
    pub fn new(alpha: f64) -> Judge {
        let alpha = alpha.clamp(f64::MIN_POSITIVE, 1.0);
        Judge { threshold: -alpha.ln(), changed: 0, unchanged: 0, fair: 0.0, expected: 0.0, worse: false }
    }

    /// Tells of an error. `share`: the part of all requests that the changed arm served at that moment, between 0 and 1; where
    /// one arm serves nothing, its errors say nothing and the call changes nothing.
    pub fn error(&mut self, arm: Arm, share: f64) -> Judgement {
        if !(SHARE_MIN..=1.0 - SHARE_MIN).contains(&share) {
            return self.judgement();
        }
        match arm {
            Arm::Changed => {
                self.changed += 1;
                self.fair += share.ln();
            }
            Arm::Unchanged => {
                self.unchanged += 1;
                self.fair += (1.0 - share).ln();
            }
        }
        self.expected += share;
        // Fewer errors than the share is an improvement, and may be told from chance as well.
        let more = count(self.changed) > self.expected;
        self.worse |= more && self.evidence() >= self.threshold;
        self.judgement()
    }

    /// What it says now. Once worse, it stays worse.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        if self.worse { Judgement::Worse } else { Judgement::Open }
    }

    /// The logarithm of its capital: how much more likely the errors are when their share is unknown than when it is the served one.
    #[must_use]
    pub fn evidence(&self) -> f64 {
        // Beta(1, 1) before, Beta(1 + changed, 1 + unchanged) after; the beta function of (1, 1) is 1.
        ln_beta(1.0 + count(self.changed), 1.0 + count(self.unchanged)) - self.fair
    }

    /// The errors of the changed arm, and of the other.
    #[must_use]
    pub fn errors(&self) -> (u64, u64) {
        (self.changed, self.unchanged)
    }
}

#[expect(clippy::cast_precision_loss, reason = "errors of one change are far fewer than 2^52")]
fn count(errors: u64) -> f64 {
    errors as f64
}

#[cfg(test)]
mod tests;
