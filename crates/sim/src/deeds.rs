//! What people and the world do to a history, each at its time.

use std::rc::Rc;

use evenkeel_fleet::apply::RevertWhy;

use crate::controller::{self, Asked};
use crate::disk::FOREIGN;
use crate::exec::Pid;
use crate::facts::Fact;
use crate::plan::{Deed, Item, Who};
use crate::world::{Message, Sim, World};
use crate::{back, server};

/// How long a machine takes to boot, at least and beyond that.
const BOOT_MS: (u64, u64) = (1_000, 20_000);
/// How long boot waits for recovery.
const RECOVERY_MS: u64 = 120_000;

/// Something that nobody can kill happens later.
fn later(sim: &Sim, at: u64, act: impl FnOnce(&Sim) + 'static) {
    let (pid, held) = (sim.exec.next_pid(), Rc::clone(sim));
    let body = async move {
        held.exec.sleep(at, pid).await;
        act(&held);
    };
    sim.exec.start(pid, Box::pin(body));
}

/// Has everything of the plan happen at its time.
pub(crate) fn schedule(sim: &Sim) {
    for (number, item) in sim.plan.items.iter().enumerate() {
        if let Item::Do { at, host, controller, deed } = *item {
            later(sim, at, move |sim| act(sim, number, host, controller, deed));
        }
    }
}

fn act(sim: &Sim, number: usize, host: usize, seat: usize, deed: Deed) {
    sim.reach("deed", &deed);
    let at = &sim.hosts[host];
    let ask = |asked| {
        let seat = &sim.seats[seat];
        if sim.exec.lives(seat.pid.get()) {
            seat.inbox.borrow_mut().push_back(Message::Asked(host, asked));
            sim.exec.wake(seat.pid.get());
        }
    };
    let kill = |whos: &[Who]| {
        for me in sim.processes(host).iter().filter(|me| whos.contains(&me.who)) {
            sim.kill(me.pid);
        }
    };
    match deed {
        Deed::Propose(bundle, quality) => ask(Asked::Propose(bundle, quality)),
        Deed::Emergency(bundle, quality) => ask(Asked::Emergency(bundle, quality)),
        Deed::Confirm => ask(Asked::Confirm),
        Deed::Rollback => ask(Asked::Rollback),
        Deed::Return => ask(Asked::Return),
        Deed::Adopt => ask(Asked::Adopt),
        Deed::Freeze(ms) => ask(Asked::Freeze(ms)),
        Deed::Thaw => ask(Asked::Thaw),
        Deed::RollbackOnHost if at.up.get() => {
            let _asker = sim.spawn(Who::Asker, host, |sim, me| back::ask(sim, me, RevertWhy::Asked));
        }
        Deed::Edit(file) if at.up.get() => {
            let value = FOREIGN + u8::try_from(number).unwrap_or(0);
            at.tree.borrow_mut().write(file, value);
            sim.fact(Fact::Edited { host, file, value });
        }
        Deed::Reload => drop(server::tell(sim, host)),
        Deed::Mood(mood) => at.server.borrow_mut().mood = mood,
        Deed::ServerDies => at.server.borrow_mut().die(),
        Deed::ServerStarts if at.up.get() => server::start(sim, host),
        Deed::Rots(bundle) => drop(at.server.borrow_mut().refused.insert(bundle)),
        Deed::HostClock(by) => at.skew_ms.set(at.skew_ms.get() + by),
        Deed::ControllerClock(by) => {
            let skew = &sim.seats[seat].skew_ms;
            skew.set(skew.get() + by);
        }
        Deed::PowerCut => power_cut(sim, host),
        Deed::KillCommand => kill(&[Who::Command]),
        Deed::KillFuse => kill(&[Who::Fuse]),
        Deed::KillBoth => kill(&[Who::Command, Who::Fuse]),
        Deed::KillController(ms) => {
            sim.seats[seat].away_ms.set(ms);
            sim.kill(sim.seats[seat].pid.get());
        }
        Deed::Silence(ms) => sim.silent_until.set(sim.now() + ms),
        Deed::DiskFull(ms) => {
            at.tree.borrow_mut().full = true;
            later(sim, sim.now() + ms, move |sim| sim.hosts[host].tree.borrow_mut().full = false);
        }
        Deed::JournalFull(ms) => {
            sim.journal_full.set(true);
            later(sim, sim.now() + ms, |sim| sim.journal_full.set(false));
        }
        Deed::RollbackOnHost | Deed::Edit(_) | Deed::ServerStarts => {}
    }
    sim.wake_host(host);
}

/// Everything on a host stops; what was not flushed may be lost. It boots again by itself.
pub(crate) fn power_cut(world: &World, host: usize) {
    if !world.hosts[host].up.get() {
        return;
    }
    let sim = &world.sim();
    sim.fact(Fact::PowerCut { host });
    sim.cut_power(host);
    for me in sim.processes(host) {
        if me.who != Who::Controller || sim.plan.shape.local {
            sim.kill(me.pid);
        }
    }
    sim.hosts[host].inbox.borrow_mut().clear();
    sim.hosts[host].server.borrow_mut().die();
    let after = BOOT_MS.0 + sim.random(BOOT_MS.1);
    later(sim, sim.now() + after, move |sim| boot(sim, host));
}

/// Recovery first, then the server.
fn boot(sim: &Sim, host: usize) {
    sim.booted(host);
    let boot = sim.boot(host);
    let recovery = sim.spawn(Who::Recovery, host, back::recover);
    start_after(sim, host, boot, recovery, sim.now() + RECOVERY_MS);
}

fn start_after(sim: &Sim, host: usize, boot: [u8; 16], recovery: Pid, end: u64) {
    later(sim, sim.now() + 100, move |sim| {
        if !sim.hosts[host].up.get() || sim.boot(host) != boot {
            return;
        }
        if sim.exec.lives(recovery) && sim.now() < end {
            start_after(sim, host, boot, recovery, end);
        } else {
            server::start(sim, host);
        }
    });
}

/// Starts a controller at a seat.
pub(crate) fn seat(sim: &Sim, seat: usize) {
    let pid = sim.spawn(Who::Controller, 0, |sim, me| controller::run(sim, me, seat));
    sim.seats[seat].pid.set(pid);
}

/// A controller that is gone comes back after a while, where its machine runs.
pub(crate) fn restart(world: &World, pid: Pid) {
    let sim = &world.sim();
    let gone = sim.seats.iter().position(|seat| seat.pid.get() == pid);
    if let Some(index) = gone {
        let after = sim.seats[index].away_ms.take() + 500 + sim.random(5_000);
        sit_down(sim, index, sim.now() + after);
    }
}

fn sit_down(sim: &Sim, index: usize, at: u64) {
    later(sim, at, move |sim| {
        if sim.plan.shape.local && !sim.hosts[0].up.get() {
            sit_down(sim, index, sim.now() + 1_000);
        } else if !sim.exec.lives(sim.seats[index].pid.get()) {
            seat(sim, index);
        }
    });
}
