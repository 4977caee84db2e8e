//! Asks by a [`Schedule`], until somebody says stop.

use std::ops::ControlFlow;
use std::time::Duration;

use evenkeel_fleet::watch::{Answer, Layer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Report;
use super::schedule::{Schedule, Start};

/// Whether a host is to blame for an answer that is not the one expected.
#[must_use]
pub fn blames_host(answer: &Answer) -> bool {
    match answer {
        Answer::Up => false,
        Answer::Down(failure) => failure.layer() > Layer::Name,
    }
}

/// Asks what the schedule says, by `ask`, and hands every report to `done` until that breaks off. The schedule counts its
/// milliseconds from `began`.
///
/// What is under way at the end is dropped. An `ask` that panics, or gives nothing, counts as one that the host is not to blame for.
pub async fn run<A, F, D>(schedule: &mut Schedule, began: Instant, ask: A, mut done: D)
where
    A: Fn(usize) -> F,
    F: Future<Output = Option<Report>> + Send + 'static,
    D: FnMut(Start, Option<Report>, &Schedule) -> ControlFlow<()>,
{
    let mut under_way: JoinSet<(Start, Option<Report>)> = JoinSet::new();
    let mut of_task = std::collections::HashMap::new();
    loop {
        while let Some(start) = schedule.start(millis(began.elapsed())) {
            let asked = ask(start.probe);
            let task = under_way.spawn(async move { (start, asked.await) });
            of_task.insert(task.id(), start);
        }
        let wake = schedule.wake_at_ms().map(|at| began + Duration::from_millis(at));
        tokio::select! {
            Some(ended) = under_way.join_next_with_id() => {
                let (id, start, report) = match ended {
                    Ok((id, (start, report))) => (id, start, report),
                    Err(error) => {
                        let Some(start) = of_task.get(&error.id()).copied() else { continue };
                        (error.id(), start, None)
                    }
                };
                of_task.remove(&id);
                let well = report.as_ref().is_none_or(|report| !blames_host(&report.answer));
                schedule.ended(start.probe, millis(began.elapsed()), well);
                if done(start, report, schedule).is_break() {
                    return;
                }
            }
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            else => return,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
