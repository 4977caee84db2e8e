//! Looks once, and tells nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_fleet::HostId;
use evenkeel_fleet::watch::verdict::{Panel, Rules, Verdict};
use evenkeel_fleet::watch::{ProbeId, VantageId};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Plan, asking};
use crate::local::now;

/// How long between two rounds: enough for a firewall that answers one refusal a second.
const BETWEEN: Duration = Duration::from_millis(1_100);
/// How many probes are under way at once.
const UNDER_WAY_MAX: usize = 64;

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Every probe of every host; [`Verdict::Unknown`] where nobody could ask.
    pub verdicts: Vec<(ProbeId, HostId, Verdict)>,
    /// The vantages that could not be reached, and why.
    pub deaf: BTreeMap<VantageId, String>,
}

/// Asks everything, and what fails as often as a verdict needs.
pub async fn look_once(plan: &Plan) -> Looked {
    let rules = Rules { rise: 1, ..plan.rules };
    let mut panel = Panel::new(rules, plan.askers.keys().cloned().collect(), now());
    let (mut asked, mut deaf) = (plan.asked.clone(), BTreeMap::new());
    for round in 0..rules.fall.max(1) {
        if round > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        let mut answers = JoinSet::new();
        for it in std::mem::take(&mut asked) {
            let Some(asker) = plan.askers.get(&it.vantage).map(Arc::clone) else { continue };
            let room = Arc::clone(&room);
            answers.spawn(async move {
                let _place = room.acquire().await;
                let sample = asking::sample(&it, asker.as_ref()).await;
                (it, sample)
            });
        }
        while let Some(answer) = answers.join_next().await {
            let Ok((it, answer)) = answer else { continue };
            // A vantage that cannot be reached has no voice.
            let sample = match answer {
                Ok(sample) => sample,
                Err(why) => {
                    deaf.insert(it.vantage, why);
                    continue;
                }
            };
            panel.take(now(), &sample, &BTreeSet::new());
            if sample.answer != evenkeel_fleet::watch::Answer::Up {
                asked.push(it);
            }
        }
        if asked.is_empty() {
            break;
        }
    }
    let mut verdicts: BTreeMap<_, _> = plan
        .asked
        .iter()
        .map(|asked| ((asked.probe.clone(), asked.host.clone()), Verdict::Unknown))
        .collect();
    verdicts.extend(
        panel.verdicts().map(|(probe, host, verdict)| ((probe.clone(), host.clone()), verdict.clone())),
    );
    Looked {
        verdicts: verdicts.into_iter().map(|((probe, host), verdict)| (probe, host, verdict)).collect(),
        deaf,
    }
}
