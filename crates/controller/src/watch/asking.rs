//! Asks every probe when it is due: spread over its interval, never twice at the same time, never too many at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_fleet::watch::{Sample, VantageId};
use evenkeel_host::probe::{Prober, Report, Spec};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::clock::span;
use super::{Asked, Told};
use crate::local::now;

/// How many probes are under way at once.
const UNDER_WAY_MAX: usize = 512;

/// Whoever asks from a vantage.
pub trait Asker: std::fmt::Debug + Send + Sync {
    /// Asks once. What cannot be asked from there says nothing of the host: the vantage is unfit, and this is why.
    fn ask<'a>(&'a self, spec: &'a Spec)
    -> Pin<Box<dyn Future<Output = Result<Report, String>> + Send + 'a>>;
}

/// This process asks.
#[derive(Debug, Default)]
pub struct Here(Prober);

impl Asker for Here {
    fn ask<'a>(
        &'a self,
        spec: &'a Spec,
    ) -> Pin<Box<dyn Future<Output = Result<Report, String>> + Send + 'a>> {
        Box::pin(async move { Ok(self.0.ask(spec).await) })
    }
}

/// Whoever asks from each vantage.
pub type Askers = BTreeMap<VantageId, Arc<dyn Asker>>;

/// Begins to ask, until the handle is aborted.
pub(super) fn start(asked: Vec<Asked>, askers: Askers, told: mpsc::Sender<Told>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        let began = Instant::now();
        // The first round is spread as the others will be.
        let count = u32::try_from(asked.len()).unwrap_or(u32::MAX).max(1);
        let first = (0_u32..).zip(&asked).map(|(n, it)| Reverse((began + it.every * n / count, n)));
        let mut due: BinaryHeap<_> = first.collect();
        let free: Vec<Arc<Semaphore>> = asked.iter().map(|_| Arc::new(Semaphore::new(1))).collect();
        while let Some(Reverse((at, n))) = due.pop() {
            tokio::time::sleep_until(at).await;
            let index = usize::try_from(n).unwrap_or(usize::MAX);
            let it = &asked[index];
            // One that was late does not make up for it.
            due.push(Reverse(((at + it.every).max(Instant::now()), n)));
            let Some(asker) = askers.get(&it.vantage) else { continue };
            let Ok(one) = Arc::clone(&free[index]).try_acquire_owned() else { continue };
            let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
            tokio::spawn(ask(it.clone(), Arc::clone(asker), told.clone(), (one, place)));
        }
    })
}

async fn ask<P>(it: Asked, asker: Arc<dyn Asker>, told: mpsc::Sender<Told>, _until_done: P) {
    let heard = match sample(&it, asker.as_ref()).await {
        Ok(sample) => Told::Sample(sample),
        Err(why) => Told::Deaf { vantage: it.vantage, why },
    };
    let _the_loop_is_gone = told.send(heard).await;
}

/// Asks once.
pub(super) async fn sample(it: &Asked, asker: &dyn Asker) -> Result<Sample, String> {
    let at = now();
    let report = asker.ask(&it.spec).await?;
    Ok(Sample {
        at,
        probe: it.probe.clone(),
        host: it.host.clone(),
        vantage: it.vantage.clone(),
        took: span(report.took),
        answer: report.answer,
    })
}
