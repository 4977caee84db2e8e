//! Playing histories, and making one that fails smaller.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::checkers::CHECKERS;
use crate::controller::Asked;
use crate::facts::Fact;
use crate::plan::{self, Mood, Plan, Who};
use crate::plant::Plant;
use crate::world::{Message, Sim, World};
use crate::{back, controller, deeds, server};

/// When nothing breaks any more, and how long things then take to settle, in milliseconds.
const CALM_AT: u64 = 260_000;
const SETTLED_AFTER: u64 = 200_000;

/// A promise that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The history.
    pub seed: u64,
    /// The promise.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

/// What came of many histories.
#[derive(Debug, Default)]
pub struct Played {
    /// How many.
    pub histories: u64,
    /// What was reached, and how often.
    pub reached: BTreeMap<String, u64>,
    /// What did not hold, by seed; only so many are kept.
    pub broken: Vec<Broken>,
}

/// How many broken promises are kept.
const BROKEN_MAX: usize = 20;
/// How many seeds a thread takes at once.
const BATCH: u64 = 32;

/// Plays one history a seed on so many threads. With a promise named, it ends as soon as that is broken.
pub fn play(seeds: Range<u64>, threads: usize, plant: Option<Plant>, until: Option<&str>) -> Played {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut played = Played::default();
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            for seed in from..seeds.end.min(from.saturating_add(BATCH)) {
                one(seed, plant, &mut played);
            }
            let found = played.broken.iter().any(|broken| Some(broken.promise) == until);
            if found {
                next.store(seeds.end, Ordering::Relaxed);
            }
            if from >= seeds.end || found {
                return played;
            }
        }
    };
    let played = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|it| it.join().expect("no history panics")).collect::<Vec<_>>()
    });
    let mut all = Played::default();
    for played in played {
        all.histories += played.histories;
        all.broken.extend(played.broken);
        for (name, count) in played.reached {
            *all.reached.entry(name).or_default() += count;
        }
    }
    all.broken.sort_by_key(|broken| broken.seed);
    all
}

fn one(seed: u64, plant: Option<Plant>, played: &mut Played) {
    let sim = history(plan::draw(seed), plant);
    played.histories += 1;
    for (name, count) in sim.reached.borrow().iter() {
        *played.reached.entry(name.clone()).or_default() += count;
    }
    for (promise, checker) in CHECKERS {
        if let Err(seen) = checker(&sim)
            && played.broken.len() < BROKEN_MAX
        {
            played.broken.push(Broken { seed, promise, seen });
        }
    }
}

fn until(sim: &Sim, end: u64) {
    while let Some(pid) = sim.exec.run_until(end) {
        sim.ended(pid);
    }
}

/// Plays a plan to its end.
fn history(plan: Plan, plant: Option<Plant>) -> Sim {
    let sim = World::new(plan, plant);
    controller::adopt_all(&sim);
    (0..sim.seats.len()).for_each(|seat| deeds::seat(&sim, seat));
    deeds::schedule(&sim);
    until(&sim, CALM_AT);
    calm(&sim);
    until(&sim, CALM_AT + SETTLED_AFTER);
    for host in 0..sim.hosts.len() {
        let seat = &sim.seats[0];
        seat.inbox.borrow_mut().push_back(Message::Asked(host, Asked::Rollback));
        sim.exec.wake(seat.pid.get());
    }
    until(&sim, CALM_AT + 2 * SETTLED_AFTER);
    let fleet = evenkeel_fleet::Fleet::replay(sim.journal.borrow().iter());
    for release in fleet.releases() {
        sim.reach("stage", &release.stage());
        if let Some(outcome) = release.outcome() {
            sim.reach("outcome", &outcome);
        }
    }
    sim.exec.clear();
    sim
}

/// Nothing breaks any more: the server is well, the disks have room, and what nobody looks after recovery ends.
fn calm(sim: &Sim) {
    sim.calm.set(true);
    sim.journal_full.set(false);
    for round in 1..=3 {
        for (index, host) in sim.hosts.iter().enumerate() {
            host.tree.borrow_mut().full = false;
            host.server.borrow_mut().mood = Mood::Well;
            if host.up.get() {
                let unproven = sim.read(index).is_some_and(|record| record.is_unproven());
                if (back::abandoned(sim, index) || unproven) && !server::busy(sim, index) {
                    sim.spawn(Who::Recovery, index, back::recover);
                }
                server::start(sim, index);
            }
        }
        until(sim, CALM_AT + round * 40_000);
    }
}

/// Says how one history breaks a promise, with the fewest things that still do, and how to play it again.
pub fn explain(seed: u64, promise: &str, plant: Option<Plant>) -> String {
    let Some((_, checker)) = CHECKERS.iter().find(|(name, _)| *name == promise) else {
        return format!("there is no promise called {promise}");
    };
    let fails = |plan: &Plan| checker(&history(plan.clone(), plant)).err();
    let mut plan = plan::draw(seed);
    let Some(mut seen) = fails(&plan) else {
        return format!("seed {seed} keeps the promise {promise}");
    };
    let all = plan.items.len();
    loop {
        let smaller = (0..plan.items.len()).find_map(|left_out| {
            let mut smaller = plan.clone();
            smaller.items.remove(left_out);
            fails(&smaller).map(|seen| (smaller, seen))
        });
        let Some((smaller, now_seen)) = smaller else { break };
        (plan, seen) = (smaller, now_seen);
    }
    let mut text = format!("seed {seed} breaks {promise}: {seen}\n");
    let _ = writeln!(text, "  {:?}", plan.shape);
    let _ = writeln!(text, "  it takes {} of the {all} things that happen:", plan.items.len());
    for item in &plan.items {
        let _ = writeln!(text, "    {item:?}");
    }
    text += "  what was done:\n";
    let sim = history(plan, plant);
    for (at, fact) in sim.facts.borrow().iter() {
        let _ = writeln!(text, "    {at:>7} ms  {}", shown(fact));
    }
    text += "  what the journal says:\n";
    for (event, at) in sim.journal.borrow().iter().zip(sim.appended_at.borrow().iter()) {
        let said: String = format!("{:?}", event.what).chars().take(150).collect();
        let _ = writeln!(text, "    {at:>7} ms  {said}");
    }
    let _ = write!(text, "  again: cargo run -p evenkeel-sim -- --seed {seed}");
    text
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Slot { host, me, after, boottime, served, .. } => {
            let applying = &after.applying;
            format!(
                "host {host}: {:?} {} wrote {} of {} under order {} ({:?} after boot, asked {:?}, proven {:?}; {served:?} is served)",
                me.who,
                me.pid,
                applying.stage,
                applying.release,
                applying.generation,
                boottime.0,
                after.asked,
                after.proven
            )
        }
        Fact::Touched { host, me, forward, .. } => {
            format!(
                "host {host}: {:?} {} exchanged a file {}",
                me.who,
                me.pid,
                if *forward { "forward" } else { "back" }
            )
        }
        Fact::Told { host, me, .. } => format!("host {host}: {:?} {} told the server", me.who, me.pid),
        Fact::Took { input, refusal } => {
            let input: String = format!("{input:?}").chars().take(120).collect();
            format!("a controller took {input}, refused: {refusal:?}")
        }
        other => format!("{other:?}"),
    }
}
