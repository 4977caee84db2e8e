//! The loop of `evenkeel watch`: samples become verdicts, verdicts become incidents, incidents become alerts, and all of that
//! becomes history before anybody is told.
//!
//! One thread does it. Nothing in the loop waits for the world: probes, deliveries, the look for a cause and the heartbeat run beside
//! it and tell it what came of them.

mod alive;
mod asking;
pub mod cause;
mod clock;
mod evidence;
mod follow;
mod metrics;
mod once;
mod plan;
mod rates;
mod ready;
mod service;
mod shown;
mod vantages;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_fleet::incident::{self, Input};
use evenkeel_fleet::journal::{IncidentStep, Seen, Severity};
use evenkeel_fleet::watch::verdict::{Panel, Verdict};
use evenkeel_fleet::watch::{ProbeId, VantageId};
use evenkeel_fleet::{HostId, IncidentId, Span, Timestamp, What};
use tokio::sync::mpsc;

pub use alive::{AliveError, Watching, is_unwritten};
pub use asking::{Asker, Askers, Here, There};
pub use once::{Looked, look_once};
pub use plan::{Asked, Plan, Told, Viewer, WatchError};
pub use service::stopped;
pub use why::{Reached, Why};

use crate::ledger::Ledger;
use crate::notify::Came;
use crate::outbox::Beat;
use clock::Clock;

/// How many messages may wait for the loop; whoever tells more waits.
const INBOX: usize = 4096;
/// How often time alone is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often every verdict that stands is told again, so that nothing that went wrong once stays lost.
const RETELL_EVERY: Span = Span::from_secs(30);
/// How long deliveries under way may take to end when the watch does.
const ENDS_WITHIN: Duration = Duration::from_secs(3);

struct Loop<'v> {
    plan: Plan,
    ledger: Ledger,
    panel: Panel,
    unfit: BTreeMap<VantageId, String>,
    deaf: BTreeSet<VantageId>,
    blinking: BTreeMap<VantageId, Timestamp>,
    ready: ready::Known,
    rates: rates::Known,
    shown: shown::Known,
    looks: cause::Looks,
    severities: BTreeMap<(ProbeId, HostId), (Severity, Option<String>)>,
    viewer: &'v mut dyn Viewer,
    clock: Clock,
    told: mpsc::Sender<Told>,
    retold: Timestamp,
    troubled: bool,
}

/// Watches until `stop` gives its reason. Needs a tokio runtime of one thread with IO and time.
///
/// # Errors
/// [`WatchError`] when it could not begin. Once it has, nothing but `stop` ends it.
pub async fn watch(
    plan: Plan,
    settings: incident::Settings,
    viewer: &mut dyn Viewer,
    stop: impl Future<Output = String>,
) -> Result<(), WatchError> {
    if plan.asked.is_empty() {
        return Err(WatchError::Nothing);
    }
    let alive = Watching::begin(&plan.state_dir)?;
    let mut ledger = Ledger::open(&plan.state_dir.join("journal.db"), settings).await?;
    ledger.keep_room();
    let mut metrics = match plan.metrics {
        Some(address) => Some(
            metrics::Server::bind(address).await.map_err(|source| WatchError::Metrics { address, source })?,
        ),
        None => None,
    };
    let (told, mut inbox) = mpsc::channel(INBOX);
    let clock = Clock::new();
    let panel = Panel::new(plan.rules, plan.askers.keys().cloned().collect(), clock.now());
    let of =
        |asked: &Asked| ((asked.probe.clone(), asked.host.clone()), (asked.severity, asked.upstream.clone()));
    let severities = plan.asked.iter().map(of).collect();
    let (unfit, deaf, blinking) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let (ready, shown) = (ready::Known::of(plan.ready.keys(), plan.ready_every), shown::Known::new());
    let rates = rates::Known::default();
    let (retold, troubled) = (clock.now(), false);
    let mut this = Loop {
        plan,
        ledger,
        panel,
        unfit,
        deaf,
        blinking,
        ready,
        rates,
        shown,
        looks: cause::Looks::default(),
        severities,
        viewer,
        clock,
        told,
        retold,
        troubled,
    };
    this.begin(&alive).await;
    let mut asking = asking::start(&this.plan.asked, &this.plan.askers, &this.told);
    let mut following = follow::start(follow::What::Drift, &this.plan.follow, &this.told);
    let mut counting = follow::start(follow::What::Rates, &this.plan.rates, &this.told);
    let mut looking = ready::start(&this.plan.ready, this.plan.ready_every, &this.ready, &this.told);
    service::ready();
    let why = this.run(&mut inbox, metrics.as_mut(), &alive, stop).await;
    service::stopping();
    asking.abort_all();
    following.abort_all();
    counting.abort_all();
    looking.abort_all();
    this.end(&why).await;
    alive.end();
    Ok(())
}

impl Loop<'_> {
    async fn begin(&mut self, alive: &Watching) {
        let now = self.clock.now();
        if let Some(from) = alive.died_at() {
            self.tell(Input::Seen(Seen::Gap { what: "the watch".to_owned(), from, until: now })).await;
        }
        let pairs = u64::try_from(self.severities.len()).unwrap_or(u64::MAX);
        let vantages = self.plan.askers.keys().cloned().collect();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.tell(Input::Seen(Seen::Begun { version, probes: pairs, vantages })).await;
        // What is no longer asked cannot get better by itself, and a vantage begins anew.
        let standing = self.ledger.state().open().flat_map(incident::Incident::standing);
        let gone: Vec<String> =
            standing.filter(|clue| !self.is_asked(&clue.key)).map(|clue| clue.key.clone()).collect();
        for key in gone {
            self.tell(Input::Clear { key, at: now, why: "nobody asks that any more".to_owned() }).await;
        }
    }

    /// Whether somebody still asks for what evidence rests on; so it is for what does not come from asking.
    fn is_asked(&self, key: &str) -> bool {
        if let Some(host) = ready::host_of(key) {
            return self.plan.ready.keys().any(|it| it.as_str() == host);
        }
        // What a change was judged by is gone with the watch that counted it.
        if rates::host_of(key).is_some() {
            return false;
        }
        let of = |key_of: fn(&ProbeId, &HostId) -> String| {
            self.severities.keys().any(|(probe, host)| key_of(probe, host) == key)
        };
        of(evidence::key) || of(shown::key) || !(evidence::is_ours(key) || shown::is_ours(key))
    }

    async fn run(
        &mut self,
        inbox: &mut mpsc::Receiver<Told>,
        mut metrics: Option<&mut metrics::Server>,
        alive: &Watching,
        stop: impl Future<Output = String>,
    ) -> String {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                why = &mut stop => return why,
                Some(told) = inbox.recv() => {
                    self.take(told).await;
                    // What came in together is worked on before anything is sent.
                    while let Ok(told) = inbox.try_recv() {
                        self.take(told).await;
                    }
                }
                landed = self.plan.courier.landed() => {
                    let now = self.clock.now();
                    let events = self.plan.courier.settle(&mut self.ledger, landed, now).await;
                    events.iter().for_each(|event| self.viewer.event(event));
                }
                request = metrics::asked(metrics.as_deref_mut()) => request.answer(self.metrics()),
                _ = tick.tick() => {
                    alive.touch(self.ledger.unwritten().is_some());
                    service::alive();
                    self.tick().await;
                }
            }
            let now = self.clock.now();
            let events = self.plan.courier.dispatch(&mut self.ledger, now).await;
            events.iter().for_each(|event| self.viewer.event(event));
        }
    }

    async fn take(&mut self, told: Told) {
        let now = self.clock.now();
        match told {
            Told::Sample(sample) => {
                let sample = self.clock.stamped(sample);
                // One that could not be reached answers again.
                if self.deaf.remove(&sample.vantage) {
                    self.fitness(sample.vantage.clone(), None).await;
                }
                if let Some(transition) = self.panel.hear(&sample) {
                    self.tell(Input::Seen(Seen::Turned(transition))).await;
                    self.suspect(&sample.vantage).await;
                }
                let unfit = self.unfit.keys().cloned().collect();
                if let Some(verdict) = self.panel.judge(now, &sample.probe, &sample.host, &unfit) {
                    self.verdict(&sample.probe, &sample.host, &verdict).await;
                }
            }
            Told::Clue(clue) => self.tell(Input::Report(clue)).await,
            Told::Clear { key, why } => self.tell(Input::Clear { key, at: now, why }).await,
            Told::Seen(seen) => self.tell(Input::Seen(seen)).await,
            Told::Drift(drift) => self.tell(Input::Drift(drift)).await,
            Told::Rates { host, counts } => self.rates(host, counts).await,
            Told::Ready { host, asked, says } => self.ready(host, asked, says).await,
            Told::Shown { probe, host, certificate } => self.shown(probe, host, certificate).await,
            Told::Trouble(what) => self.viewer.trouble(now, &what),
            Told::Deaf { vantage, why } => {
                if self.deaf.insert(vantage.clone()) {
                    self.fitness(vantage, Some(why)).await;
                }
            }
            Told::Vantage { vantage, unfit } => self.fitness(vantage, unfit).await,
            Told::Finding(incident, finding) => {
                let replaying = self.plan.looker.as_ref().and_then(|it| it.replay(incident, &finding));
                self.tell(Input::Diagnosed { incident, finding }).await;
                cause::replayed(replaying, incident, &self.told);
            }
            Told::Replayed(incident, replay) => self.tell(Input::Replayed { incident, replay }).await,
            Told::Looked(incident) if self.looks.ended(incident) => self.look_for_a_cause(incident),
            Told::Looked(_) => {}
            Told::Beat(came) => self.beat(now, &came).await,
        }
    }

    async fn verdict(&mut self, probe: &ProbeId, host: &HostId, verdict: &Verdict) {
        let now = self.clock.now();
        self.viewer.verdict(now, probe, host, verdict);
        self.ready.nudge(host);
        self.report(probe, host, verdict).await;
    }

    async fn report(&mut self, probe: &ProbeId, host: &HostId, verdict: &Verdict) {
        match verdict {
            Verdict::Unknown => {}
            Verdict::Up => {
                let (key, why) =
                    (evidence::key(probe, host), format!("{probe} of {host} is as expected again"));
                self.tell(Input::Clear { key, at: self.clock.now(), why }).await;
            }
            Verdict::Down(trouble) => {
                let known = self.severities.get(&(probe.clone(), host.clone())).cloned();
                let (severity, upstream) = known.unwrap_or((Severity::Critical, None));
                self.tell(Input::Report(evidence::clue(probe, host, trouble, severity, upstream))).await;
            }
        }
    }

    async fn tick(&mut self) {
        let before = self.clock.now();
        let now = self.clock.follow();
        if now < before {
            self.panel.set_back(now);
        }
        if !self.ledger.write_down().await && !self.troubled {
            self.say_unwritten(now);
        } else if self.troubled && self.ledger.unwritten().is_none() {
            self.troubled = false;
            self.viewer.trouble(now, "the journal is written again; nothing was lost");
        }
        match self.ledger.catch_up().await {
            Ok(events) => {
                self.plan.courier.changed(&events);
                events.iter().for_each(|event| self.viewer.event(event));
            }
            Err(error) => self.viewer.trouble(now, &format!("failed to {error}")),
        }
        self.stopped_blinking(now).await;
        let unfit = self.unfit.keys().cloned().collect();
        for ((probe, host), verdict) in self.panel.look(now, &unfit) {
            self.verdict(&probe, &host, &verdict).await;
        }
        if self.retold.has_passed(RETELL_EVERY, now) {
            self.retold = now;
            let all: Vec<_> =
                self.panel.verdicts().map(|(p, h, v)| (p.clone(), h.clone(), v.clone())).collect();
            for (probe, host, verdict) in all {
                self.report(&probe, &host, &verdict).await;
            }
        }
        if self.ledger.state().restless() {
            self.tell(Input::Tick).await;
        }
        if let Some(sign) = self.plan.heartbeat.as_mut().and_then(|heartbeat| heartbeat.due(now)) {
            let told = self.told.clone();
            tokio::spawn(async move {
                let came = sign.await;
                let _the_loop_is_gone = told.send(Told::Beat(came)).await;
            });
        }
    }

    async fn beat(&mut self, now: Timestamp, came: &Came) {
        let Some(heartbeat) = self.plan.heartbeat.as_mut() else { return };
        match heartbeat.came(now, came) {
            Beat::Heard | Beat::StillLost => {}
            Beat::Lost { why } => {
                self.viewer.trouble(now, &format!("the dead-man's switch does not hear us: {why}"));
            }
            Beat::Again { from } => {
                let what = "this watch, by the dead-man's switch".to_owned();
                self.tell(Input::Seen(Seen::Gap { what, from, until: now })).await;
            }
        }
    }

    /// Tells the incidents, shows what was written down, and has somebody look for a cause.
    async fn tell(&mut self, input: Input) {
        let now = self.clock.now();
        let told = self.ledger.tell_or_keep(now, input).await;
        self.plan.courier.changed(&told.events);
        for event in &told.events {
            self.viewer.event(event);
            if let What::Incident(incident) = &event.what
                && matches!(incident.step, IncidentStep::Opened { .. } | IncidentStep::Evidence { .. })
            {
                self.look_for_a_cause(incident.incident);
            }
        }
        if self.ledger.unwritten().is_some() && !self.troubled {
            self.say_unwritten(now);
        }
    }

    fn say_unwritten(&mut self, now: Timestamp) {
        let Some((_, why)) = self.ledger.unwritten() else { return };
        let what = format!("{why}: what happens is kept in memory, and alerts go out all the same");
        self.troubled = true;
        self.viewer.trouble(now, &what);
    }

    /// Has somebody look, one look at a time for an incident: what comes in meanwhile is looked at together, later.
    fn look_for_a_cause(&mut self, id: IncidentId) {
        let open = self.ledger.state().incident(id).filter(|it| it.is_open());
        let (Some(looker), Some(incident)) = (&self.plan.looker, open) else { return };
        if self.looks.is_under_way(id) {
            return;
        }
        self.looks.begin(id, looker.look(&cause::Question::of(incident, &self.panel)), self.told.clone());
    }

    fn metrics(&self) -> String {
        metrics::text(
            &self.panel,
            (self.plan.askers.keys(), &self.unfit),
            &self.rates,
            &self.ledger,
            &self.plan.courier,
            self.clock.now(),
        )
    }

    async fn end(&mut self, why: &str) {
        let ending = async {
            while self.plan.courier.in_flight() > 0 {
                let landed = self.plan.courier.landed().await;
                let now = self.clock.now();
                self.plan.courier.settle(&mut self.ledger, landed, now).await;
            }
        };
        let _what_is_left_is_sent_again = tokio::time::timeout(ENDS_WITHIN, ending).await;
        self.tell(Input::Seen(Seen::Ended { why: why.to_owned() })).await;
        if !self.ledger.write_down().await
            && let Some((events, why)) = self.ledger.unwritten()
        {
            self.viewer
                .trouble(self.clock.now(), &format!("{why}: {events} events are lost with this process"));
        }
    }
}
