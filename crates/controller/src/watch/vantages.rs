//! Whether vantages can be relied upon. One that sees nothing suspects itself first.

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::incident::Input;
use evenkeel_fleet::journal::Seen;
use evenkeel_fleet::watch::{Fitness, VantageId, fitness, is_evidence};

use super::{Loop, clock, evidence};

impl Loop<'_> {
    /// A vantage that sees nothing suspects itself first.
    pub(super) async fn suspect(&mut self, vantage: &VantageId) {
        if self.deaf.contains(vantage) {
            return;
        }
        let slowest = self.plan.asked.iter().map(|it| it.every).max().unwrap_or_default();
        let unfit = match fitness(&self.panel.looks(vantage), clock::span(slowest * 2)) {
            Fitness::Fit => None,
            Fitness::Unfit(why) => Some(why.to_string()),
        };
        if unfit.is_some() != self.unfit.contains_key(vantage) {
            self.fitness(vantage.clone(), unfit).await;
        }
    }

    /// Notes whether a vantage can be relied upon. That one cannot is evidence of an incident of its own: if all hosts did fail at once,
    /// somebody must hear of it.
    pub(super) async fn fitness(&mut self, vantage: VantageId, unfit: Option<String>) {
        let before = match &unfit {
            Some(why) => self.unfit.insert(vantage.clone(), why.clone()),
            None => self.unfit.remove(&vantage),
        };
        if before.is_some() == unfit.is_some() {
            return;
        }
        let at = self.clock.now();
        self.tell(Input::Seen(Seen::Vantage { vantage: vantage.clone(), at, unfit: unfit.clone() })).await;
        match unfit {
            Some(_) => {
                self.blinking.insert(vantage, at);
                self.stopped_blinking(at).await;
            }
            None => {
                self.blinking.remove(&vantage);
                let (key, why) =
                    (evidence::vantage_key(&vantage), format!("{vantage} can be relied upon again"));
                self.tell(Input::Clear { key, at, why }).await;
            }
        }
    }

    /// Tells of vantages that are unfit for longer than a moment, and of the last one at once.
    pub(super) async fn stopped_blinking(&mut self, now: Timestamp) {
        let alone = self.plan.askers.keys().all(|it| self.unfit.contains_key(it));
        let told = self.blinking.extract_if(.., |_, since| is_evidence(*since, now, alone));
        for (vantage, since) in told.collect::<Vec<_>>() {
            let why = self.unfit.get(&vantage).cloned().unwrap_or_default();
            self.tell(Input::Report(evidence::vantage(&vantage, &why, since, alone))).await;
        }
    }
}
