//! What lies between a controller and a host: messages are late, come twice, come in another order, or never.

use std::rc::Rc;

use evenkeel_fleet::journal::What;
use evenkeel_fleet::{Generation, Report};

use crate::facts::Fact;
use crate::plan::{Item, Who};
use crate::world::{Message, Order, Sim};

/// When each copy of a message arrives; none when it is lost.
fn arrivals(sim: &Sim) -> Vec<u64> {
    if sim.plan.shape.local || sim.calm.get() {
        return vec![1];
    }
    if sim.now() < sim.silent_until.get() {
        return Vec::new();
    }
    let quality = sim.plan.items.iter().find_map(|item| match *item {
        Item::Network { lost, twice, late_ms } => Some((lost, twice, late_ms)),
        _ => None,
    });
    let Some((lost, twice, late_ms)) = quality else { return vec![1 + sim.random(5)] };
    if sim.random(100) < u64::from(lost) {
        return Vec::new();
    }
    let copies = if sim.random(100) < u64::from(twice) { 2 } else { 1 };
    (0..copies).map(|_| 1 + sim.random(late_ms + 5)).collect()
}

fn later(sim: &Sim, deliver: impl Fn(&Sim) + 'static) {
    let deliver = Rc::new(deliver);
    for after in arrivals(sim) {
        let (pid, at, deliver) = (sim.exec.next_pid(), sim.now() + after, Rc::clone(&deliver));
        let held = Rc::clone(sim);
        let body = async move {
            held.exec.sleep(at, pid).await;
            deliver(&held);
        };
        sim.exec.start(pid, Box::pin(body));
    }
}

/// Sends an order to a host.
pub(crate) fn order(sim: &Sim, host: usize, order: Order) {
    let generation = order.generation;
    let name = &sim.hosts[host].name;
    let is_this = |what: &What| match what {
        What::Ordered { host, generation: numbered, .. } => (host, *numbered) == (name, generation),
        _ => false,
    };
    let journaled = sim.journal.borrow().iter().any(|event| is_this(&event.what));
    sim.fact(Fact::Sent { host, generation, journaled });
    later(sim, move |sim| {
        let at = &sim.hosts[host];
        if !at.up.get() {
            return;
        }
        at.inbox.borrow_mut().push_back(order.clone());
        if sim.exec.lives(at.agent.get()) {
            sim.exec.wake(at.agent.get());
        } else {
            at.agent.set(sim.spawn(Who::Agent, host, crate::agent::run));
        }
    });
}

/// Sends what a host says to the controller that asked.
pub(crate) fn report(sim: &Sim, host: usize, generation: Generation, to: usize, report: Report) {
    sim.reach("said", &report);
    later(sim, move |sim| {
        let seat = &sim.seats[to];
        if sim.exec.lives(seat.pid.get()) {
            seat.inbox.borrow_mut().push_back(Message::Said(host, generation, report.clone()));
            sim.exec.wake(seat.pid.get());
        }
    });
}
