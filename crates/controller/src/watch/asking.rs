//! Asks every probe when it is due, from every vantage.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use evenkeel_fleet::HostId;
use evenkeel_fleet::watch::{Answer, Sample, VantageId};
use evenkeel_host::probe::run::run;
use evenkeel_host::probe::schedule::{Rules, Schedule, Start, Timed};
use evenkeel_host::probe::vantage::Remote;
use evenkeel_host::probe::{Doubt, Prober, Report, Spec, Target};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::clock::span;
use super::{Asked, Told};
use crate::local::now;

/// How often a certificate that stays the same is told of.
const SHOWN_EVERY: Duration = Duration::from_secs(3_600);

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

/// A place elsewhere, reached by a command that ends in `evenkeel __vantage` there. It is started with the first question.
#[derive(Debug)]
pub struct There {
    command: Vec<String>,
    remote: OnceLock<Remote>,
}

impl There {
    /// The place that this command leads to.
    #[must_use]
    pub fn new(command: Vec<String>) -> There {
        There { command, remote: OnceLock::new() }
    }
}

impl Asker for There {
    fn ask<'a>(
        &'a self,
        spec: &'a Spec,
    ) -> Pin<Box<dyn Future<Output = Result<Report, String>> + Send + 'a>> {
        Box::pin(async move {
            let remote = self.remote.get_or_init(|| Remote::new(self.command.clone()));
            remote.ask(spec).await.map_err(|error| format!("failed to {error}"))
        })
    }
}

/// Begins to ask, each vantage by a schedule of its own, until what comes back is dropped.
pub(super) fn start(asked: &[Asked], askers: &Askers, told: &mpsc::Sender<Told>) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    for (seed, (vantage, asker)) in (1_u64..).zip(askers) {
        let from_here: Vec<Asked> = asked.iter().filter(|it| it.vantage == *vantage).cloned().collect();
        asking.spawn(ask_all(from_here, Arc::clone(asker), told.clone(), seed));
    }
    asking
}

async fn ask_all(asked: Vec<Asked>, asker: Arc<dyn Asker>, told: mpsc::Sender<Told>, seed: u64) {
    let hosts: BTreeSet<&HostId> = asked.iter().map(|it| &it.host).collect();
    let hosts: BTreeMap<&HostId, usize> = hosts.into_iter().zip(0..).collect();
    let timed = |it: &Asked| Timed { host: hosts[&it.host], every_ms: span(it.every).as_millis() };
    let timed: Vec<Timed> = asked.iter().map(timed).collect();
    let mut schedule = Schedule::new(Rules::default(), &timed, seed, 0);
    let mut doubt = Doubt::default();
    let ask = |probe: usize| {
        let (it, asker, told) = (asked[probe].clone(), Arc::clone(&asker), told.clone());
        async move {
            match asker.ask(&it.spec).await {
                Ok(report) => Some(report),
                Err(why) => {
                    let _the_loop_is_gone = told.send(Told::Deaf { vantage: it.vantage, why }).await;
                    None
                }
            }
        }
    };
    let mut shown: BTreeMap<usize, (String, Instant)> = BTreeMap::new();
    let done = |start: Start, report: Option<Report>, _: &Schedule| {
        if let Some(mut report) = report {
            let it = &asked[start.probe];
            if let Some(certificate) = report.seen.certificate.take() {
                let known = shown.get(&start.probe);
                if known
                    .is_none_or(|(serial, at)| *serial != certificate.serial || at.elapsed() >= SHOWN_EVERY)
                {
                    shown.insert(start.probe, (certificate.serial.clone(), Instant::now()));
                    let (probe, host) = (it.probe.clone(), it.host.clone());
                    let _next_time = told.try_send(Told::Shown { probe, host, certificate });
                }
            }
            // A firewall that answers one refusal a second must not look like one that is silent.
            if let (Target::Tcp(port), Answer::Down(failure)) = (&it.spec.target, &report.answer)
                && let Some(settled) = doubt.settle(*port, Some(failure), Instant::now())
            {
                report.answer = Answer::Down(settled);
            }
            // A loop that is that far behind has better to do than this one sample.
            let _behind = told.try_send(Told::Sample(made(it, report)));
        }
        if told.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    run(&mut schedule, tokio::time::Instant::now(), ask, done).await;
}

fn made(it: &Asked, report: Report) -> Sample {
    let took = span(report.took);
    Sample {
        at: now() - took,
        probe: it.probe.clone(),
        host: it.host.clone(),
        vantage: it.vantage.clone(),
        took,
        answer: report.answer,
    }
}

/// Asks once.
pub(super) async fn sample(it: &Asked, asker: &dyn Asker) -> Result<Sample, String> {
    asker.ask(&it.spec).await.map(|report| made(it, report))
}
