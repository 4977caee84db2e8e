//! Looks once, and tells nobody else.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_fleet::HostId;
use evenkeel_fleet::watch::ProbeId;
use evenkeel_fleet::watch::verdict::{Panel, Rules, Verdict};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Plan, asking};
use crate::local::now;

/// How long between two rounds: enough for a firewall that answers one refusal a second.
const BETWEEN: Duration = Duration::from_millis(1_100);
/// How many probes are under way at once.
const UNDER_WAY_MAX: usize = 64;

/// Asks everything, and what fails as often as a verdict needs. Gives every verdict.
pub async fn look_once(plan: &Plan) -> Vec<(ProbeId, HostId, Verdict)> {
    let rules = Rules { rise: 1, ..plan.rules };
    let mut panel = Panel::new(rules, plan.askers.keys().cloned().collect(), now());
    let mut asked = plan.asked.clone();
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
            // A vantage that cannot be reached has no voice.
            let Ok((it, Ok(sample))) = answer else { continue };
            panel.take(now(), &sample, &std::collections::BTreeSet::new());
            if sample.answer != evenkeel_fleet::watch::Answer::Up {
                asked.push(it);
            }
        }
        if asked.is_empty() {
            break;
        }
    }
    panel.verdicts().map(|(probe, host, verdict)| (probe.clone(), host.clone(), verdict.clone())).collect()
}
