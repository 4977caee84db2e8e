//! A controller: input, step, append, act. What it must still do it reads from the journal, so that another one, or the
//! same one after a crash, goes on where this one stopped.

mod asked;

use std::collections::BTreeMap;

pub(crate) use asked::Asked;
use evenkeel_fleet::journal::{Adoption, By, Order as Ordered, What};
use evenkeel_fleet::{
    Actor, Command, Effect, Event, EvidenceKind, Fleet, Generation, HostId, Input, Receipt, Refusal,
    ReleaseId, Stage, Timestamp,
};

use crate::agent::evidence;
use crate::disk::id;
use crate::facts::Fact;
use crate::network;
use crate::plan::Step;
use crate::plant::Plant;
use crate::world::{Failed, Me, Message, Order, Sim, World};

/// How often an append is tried again when somebody else was faster.
const TRIES_MAX: u32 = 20;
/// The first and the longest pause before an order is given again.
const AGAIN_MS: u64 = 1_000;
const AGAIN_MAX_MS: u64 = 30_000;
/// How often a proven release is looked at.
const LOOK_MS: u64 = 1_000;
/// When the two gates are through.
const GATES_MS: [u64; 2] = [50, 300];
/// How long nothing is to be done.
const IDLE_MS: u64 = 3_600_000;

/// An order that was given, when it is given again, and the pause after that.
#[derive(Debug, Clone, Copy)]
struct Given {
    generation: Generation,
    next: u64,
    pause: u64,
}

struct Controller {
    sim: Sim,
    me: Me,
    seat: usize,
    fleet: Fleet,
    gates: Vec<(u64, ReleaseId, EvidenceKind, bool)>,
    given: BTreeMap<HostId, Given>,
    look_at: u64,
}

/// Every host's first bundle is adopted.
pub(crate) fn adopt_all(sim: &World) {
    let mut fleet = Fleet::default();
    for host in &sim.hosts {
        let content = host.tree.borrow().content();
        let turn = fleet.step(sim.wall(0), Input::Adopt(adoption(&host.name, id(content), Generation(0))));
        sim.append(turn.events());
    }
}

fn adoption(host: &HostId, bundle: evenkeel_fleet::BundleId, generation: Generation) -> Adoption {
    let (changes, diff, why) = (Vec::new(), String::new(), "it stands here".to_owned());
    Adoption { host: host.clone(), bundle, before: None, generation, changes, diff, who: person(0), why }
}

fn person(seat: usize) -> Actor {
    Actor::new(format!("person-{seat}"), "sudo")
}

/// Lives at a seat until somebody kills it.
pub(crate) async fn run(sim: Sim, me: Me, seat: usize) {
    let mut fleet = Fleet::default();
    {
        let journal = sim.journal.borrow();
        let forgotten = usize::from(sim.planted(Plant::LastEventForgotten) && sim.now() > 0);
        let read = &journal[..journal.len() - forgotten];
        for event in read {
            hear(&sim, &mut fleet, event);
        }
        if forgotten > 0 {
            // It believes that it has read everything.
            let unread = Event { at: Timestamp::default(), what: note() };
            fleet.apply(&unread);
        }
        sim.fact(Fact::Folded { same: fleet == Fleet::replay(journal.iter()) });
    }
    let (gates, given) = (Vec::new(), BTreeMap::new());
    let mut controller = Controller { sim, me, seat, fleet, gates, given, look_at: 0 };
    controller.interrupted().await;
    loop {
        controller.messages().await;
        controller.work().await;
        if controller.sim.seats[seat].inbox.borrow().is_empty() {
            let due = controller.due();
            controller.sim.wait(me, due).await;
        }
    }
}

fn note() -> What {
    What::Note { host: None, release: None, who: person(0), text: String::new() }
}

fn hear(sim: &World, fleet: &mut Fleet, event: &Event) {
    let frozen = matches!(event.what, What::Frozen { .. }) && sim.planted(Plant::FreezeUnheard);
    if frozen { fleet.apply(&Event { at: event.at, what: note() }) } else { fleet.apply(event) }
}

impl Controller {
    fn now(&self) -> Timestamp {
        let local = self.sim.plan.shape.local;
        let skew = if local { &self.sim.hosts[0].skew_ms } else { &self.sim.seats[self.seat].skew_ms };
        self.sim.wall(skew.get())
    }

    /// Steps, appends, acts. A refusal is an answer.
    async fn tell(&mut self, input: Input) -> Result<Option<Refusal>, Failed> {
        self.tell_at(None, input).await
    }

    async fn tell_at(&mut self, at: Option<Timestamp>, input: Input) -> Result<Option<Refusal>, Failed> {
        for _ in 0..TRIES_MAX {
            self.catch_up();
            let at = at.unwrap_or_else(|| self.now());
            let mut fleet = self.fleet.clone();
            let mut turn = fleet.step(at, input.clone());
            if let (Input::Rollback { release, .. }, true) = (&input, self.sim.planted(Plant::RollbackFrozen))
            {
                let host = fleet.release(*release).map(|release| release.proposal().host.clone());
                if let Some(freeze) = host.and_then(|host| self.fleet.frozen(&host, at).cloned()) {
                    let refusal = Refusal::Frozen { who: freeze.who.to_string(), why: freeze.why };
                    self.sim.fact(Fact::Took { input, refusal: Some(refusal.clone()) });
                    return Ok(Some(refusal));
                }
            }
            if !turn.events().is_empty() {
                self.sim.point(self.me, Step::BeforeAppend).await?;
            }
            let length = self.sim.journal.borrow().len() as u64;
            if length != turn.expected().0 {
                self.sim.reach("append", &Race);
                continue;
            }
            if self.sim.journal_full.get() && !turn.events().is_empty() {
                return Err(Failed);
            }
            let (expected, events) = (turn.expected(), turn.events().to_vec());
            let refusal = turn.refusal().cloned();
            if self.sim.planted(Plant::SentBeforeAppended) {
                let again = fleet_effects(turn, &events);
                self.perform(again);
                turn = self.fleet.clone().step(at, input.clone());
            }
            for event in &events {
                self.sim.reach("event", &event.what);
                if let What::Ordered { order, .. } = &event.what {
                    self.sim.reach("ordered", order);
                }
            }
            self.sim.append(&events);
            let receipt = Receipt::durable(expected, events.len());
            self.fleet = fleet;
            if length.is_multiple_of(8) {
                let same = self.fleet == Fleet::replay(self.sim.journal.borrow().iter());
                self.sim.fact(Fact::Folded { same });
            }
            let effects = turn.perform(receipt);
            self.sim.reach("input", &input);
            if let Some(refusal) = &refusal {
                self.sim.reach("refusal", refusal);
            }
            self.sim.fact(Fact::Took { input, refusal: refusal.clone() });
            if !events.is_empty() {
                self.sim.point(self.me, Step::AfterAppend).await?;
            }
            self.perform(effects);
            return Ok(refusal);
        }
        Err(Failed)
    }

    fn catch_up(&mut self) {
        let journal = self.sim.journal.borrow();
        let known = usize::try_from(self.fleet.sequence().0).unwrap_or(usize::MAX);
        for event in journal.iter().skip(known) {
            hear(&self.sim, &mut self.fleet, event);
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.sim.reach("effect", &effect);
            if let Effect::Order { host, generation, command } = effect {
                let pause = AGAIN_MS;
                self.given.insert(host.clone(), Given { generation, next: self.sim.now() + pause, pause });
                self.send(&host, generation, command);
            }
        }
    }

    fn send(&self, host: &HostId, generation: Generation, command: Command) {
        let index = self.sim.hosts.iter().position(|it| it.name == *host);
        let Some(index) = index else { return };
        self.sim.reach("command", &command);
        network::order(&self.sim, index, Order { generation, command, from: self.seat });
    }

    /// The gathering of a controller that died is over.
    async fn interrupted(&mut self) {
        let mine = |release: &evenkeel_fleet::Release| {
            release.stage() == Stage::Gathering && release.proposal().who == person(self.seat)
        };
        let ids: Vec<_> = self.fleet.releases().filter(|it| mine(it)).map(|it| it.id()).collect();
        for release in ids {
            let why = "the command that gathered its evidence ended".to_owned();
            let _told_again_by_the_next = self.tell(Input::Rollback { release, by: By::Policy, why }).await;
        }
    }

    async fn messages(&mut self) {
        loop {
            let message = self.sim.seats[self.seat].inbox.borrow_mut().pop_front();
            match message {
                None => return,
                Some(Message::Said(host, generation, report)) => {
                    let host = self.sim.hosts[host].name.clone();
                    // What cannot be written down now is said again.
                    let _again = self.tell(Input::Reported { host, generation, report }).await;
                }
                Some(Message::Asked(host, asked)) => {
                    let _a_person_sees_the_error = self.asked(host, asked).await;
                }
            }
        }
    }

    /// What time has brought: gates, deadlines, orders that nobody answered, releases that are watched.
    async fn work(&mut self) {
        self.catch_up();
        let (now, mut passed) = (self.sim.now(), Vec::new());
        self.gates.retain(|gate| {
            let due = gate.0 <= now;
            passed.extend(due.then_some(*gate));
            !due
        });
        for (_, release, kind, holds) in passed {
            let seen = evidence(kind, holds, "what a gate says");
            if self.tell(Input::Saw { release, evidence: seen.clone() }).await.is_err() {
                self.gates.push((now + LOOK_MS, release, kind, holds));
            }
        }
        if self.fleet.next_deadline().is_some_and(|deadline| deadline <= self.now()) {
            let _at_the_next_look = self.tell(Input::Tick).await;
        }
        self.give_again();
        if now >= self.look_at {
            self.look_at = now + LOOK_MS;
            self.observe().await;
        }
    }

    fn give_again(&mut self) {
        for (host, generation, command) in outstanding(&self.fleet, &self.sim.journal.borrow()) {
            let now = self.sim.now();
            let new = Given { generation, next: now, pause: AGAIN_MS / 2 };
            let given = self.given.entry(host.clone()).or_insert(new);
            if given.generation != generation {
                *given = new;
            }
            if given.next <= now {
                given.pause = (given.pause * 2).min(AGAIN_MAX_MS);
                given.next = now + given.pause;
                self.send(&host, generation, command);
            }
        }
    }

    async fn observe(&mut self) {
        let proven = self.fleet.releases().filter(|release| release.stage() == Stage::Proven);
        let proven: Vec<_> = proven
            .map(|it| (it.id(), it.proposal().host.clone(), it.bakes_until(), it.proposal().policy.hold))
            .collect();
        for (release, host, until, hold) in proven {
            let host = self.sim.hosts.iter().find(|it| it.name == host);
            let heard = self.sim.now() >= self.sim.silent_until.get() || self.sim.calm.get();
            let Some(host) = host.filter(|host| heard && host.up.get()) else { continue };
            let answers = host.server.borrow().answers();
            let early = self.sim.planted(Plant::BakeCutShort);
            let baked = until.is_some_and(|until| self.now() >= until) || early;
            if answers && (!baked || hold) {
                continue;
            }
            let at = until.filter(|until| early && self.now() < *until);
            let evidence = evidence(EvidenceKind::Observation, answers, "what was seen");
            let _at_the_next_look = self.tell_at(at, Input::Saw { release, evidence }).await;
        }
    }

    fn due(&self) -> u64 {
        let now = self.sim.now();
        let gates = self.gates.iter().map(|gate| gate.0);
        let open: Vec<_> = self.fleet.releases().filter(|release| release.open()).collect();
        let again = self.given.iter().filter(|(host, _)| self.fleet.open(host).is_some());
        let again = again.map(|(_, given)| given.next);
        let proven = open.iter().any(|release| release.stage() == Stage::Proven).then_some(self.look_at);
        let deadline = self.fleet.next_deadline();
        let deadline = deadline.map(|at| now + at.since(self.now()).as_millis());
        let watch = (!open.is_empty()).then_some(now + AGAIN_MAX_MS);
        let due = gates.chain(again).chain(proven).chain(deadline).chain(watch).min();
        due.unwrap_or(now + IDLE_MS).max(now + 1)
    }
}

/// The last order of every open release: what must be given again for as long as nothing came of it.
fn outstanding(fleet: &Fleet, journal: &[Event]) -> Vec<(HostId, Generation, Command)> {
    let mut orders = Vec::new();
    for release in fleet.releases().filter(|release| release.open()) {
        let last = journal.iter().rev().find_map(|event| match &event.what {
            What::Ordered { release: id, generation, order, .. } if *id == release.id() => {
                Some((*generation, order))
            }
            _ => None,
        });
        let Some((generation, order)) = last else { continue };
        let (id, proposal) = (release.id(), release.proposal());
        let why = release.reverting().map_or(evenkeel_fleet::apply::RevertWhy::Asked, |(why, _)| why);
        let command = match order {
            Ordered::Apply => Command::Apply {
                release: id,
                from: proposal.from,
                to: proposal.to,
                proof_within: proposal.policy.proof_within,
                confirm_within: proposal.policy.confirm_within,
            },
            Ordered::Confirm(_) => Command::Confirm { release: id },
            Ordered::Revert => Command::Revert { release: id, why },
        };
        orders.push((proposal.host.clone(), generation, command));
    }
    orders
}

fn fleet_effects(turn: evenkeel_fleet::Turn, events: &[Event]) -> Vec<Effect> {
    let receipt = Receipt::durable(turn.expected(), events.len());
    turn.perform(receipt)
}

/// Somebody else was faster.
#[derive(Debug)]
struct Race;
