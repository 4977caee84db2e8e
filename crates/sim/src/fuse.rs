//! The fuse's own life: prepare, say so, wait, decide, act, end.

use evenkeel_fleet::apply::{Alarm, Decision, Stage};
use evenkeel_fleet::{Generation, ReleaseId};

use crate::back::{self, GUARD_MS, NotBack};
use crate::disk::Record;
use crate::exec::Pid;
use crate::plan::Step;
use crate::plant::Plant;
use crate::world::{Me, Sim};

/// How often a way back that fails is tried again, and the pauses between, in milliseconds.
const TRIES: u32 = 400;
const PAUSE_MS: u64 = 500;
const LONG_PAUSE_MS: u64 = 10_000;
const SOON: u32 = 20;
/// For how long an unproven revert is tried again, and the first and the longest pause.
const AGAIN_FOR_MS: u64 = 3_600_000;
const AGAIN_PAUSE_MS: u64 = 2_000;
const AGAIN_PAUSE_MAX_MS: u64 = 60_000;
/// The longest time that it sleeps in one go.
const NAP_MS: u64 = u16::MAX as u64;

/// Runs until nothing is unconfirmed any more.
pub(crate) async fn run(sim: Sim, me: Me, command: Pid) {
    if sim.point(me, Step::Begin).await.is_err() {
        return;
    }
    let armed = |record: &Record| record.command == Some(command) && record.stage() == Stage::Armed;
    if !sim.lock(me, GUARD_MS).await {
        return;
    }
    let Some(record) = sim.read(me.host).filter(armed) else { return };
    let ready = sim.write(me, Record { fuse: Some(me.pid), ..record }).await;
    sim.unlock(me);
    if ready.is_ok() {
        let (release, generation) = (record.applying.release, record.applying.generation);
        watch(&sim, me, command, release, generation).await;
    }
}

async fn watch(sim: &Sim, me: Me, command: Pid, release: ReleaseId, generation: Generation) {
    let (mut asked, mut failures) = (false, 0);
    while failures <= TRIES {
        let Some(record) = sim.read(me.host) else { return };
        if record.applying.release != release || record.applying.generation < generation {
            return;
        }
        let asked_now = asked || (failures > 0 && record.stage() == Stage::Reverting);
        let alarm = alarm(sim, me, command, &record, asked_now);
        match back::decided(sim, me.host, &record, alarm) {
            Decision::Done if !is_sure(sim, me, &record).await => sim.sleep(me, PAUSE_MS).await,
            Decision::Done => return try_again(sim, me, &record).await,
            Decision::Wait { until } => {
                let left = until.0.saturating_sub(sim.boottime(me.host).0);
                sim.wait(me, sim.now() + left.min(NAP_MS)).await;
                asked |= sim.take_signal(me);
            }
            Decision::Revert { .. } if sim.planted(Plant::FuseWaits) => {
                sim.sleep(me, NAP_MS).await;
            }
            Decision::Revert { .. } => match go_back(sim, me, alarm).await {
                Ok(record) => return try_again(sim, me, &record).await,
                Err(NotBack::NothingOpen) => {}
                Err(NotBack::Failed) => {
                    failures += 1;
                    let pause = if failures <= SOON { PAUSE_MS } else { LONG_PAUSE_MS };
                    sim.sleep(me, pause).await;
                }
            },
        }
    }
}

/// Whether a confirmation stays: whoever wrote it takes it back when the disk does not keep it.
async fn is_sure(sim: &Sim, me: Me, record: &Record) -> bool {
    if record.stage() != Stage::Confirmed {
        return true;
    }
    if !sim.lock(me, GUARD_MS).await {
        return false;
    }
    sim.hosts[me.host].slots.borrow_mut().flush();
    let now = sim.read(me.host);
    sim.unlock(me);
    now.is_some_and(|now| now.stage() == Stage::Confirmed)
}

fn alarm(sim: &Sim, me: Me, command: Pid, record: &Record, asked: bool) -> Alarm {
    if asked || record.asked.is_some() {
        return Alarm::RevertAsked;
    }
    match (sim.exec.lives(command), record.stage()) {
        // After the proof a command may go: only the deadline counts.
        (true, _) | (false, Stage::Proven) => Alarm::Tick { now: sim.boottime(me.host) },
        (false, _) => Alarm::CommandDied,
    }
}

async fn go_back(sim: &Sim, me: Me, alarm: Alarm) -> Result<Record, NotBack> {
    if sim.planted(Plant::FuseTakesNoGuard) {
        return back::go(sim, me, alarm).await;
    }
    let record = sim.read_here(me.host).ok_or(NotBack::NothingOpen)?;
    back::free_guard(sim, me, &record).await;
    if !sim.lock(me, GUARD_MS).await {
        return Err(NotBack::Failed);
    }
    let back = back::go(sim, me, alarm).await;
    sim.unlock(me);
    back
}

/// After a revert that is not proven: tells the server again and again.
async fn try_again(sim: &Sim, me: Me, record: &Record) {
    let end = sim.now() + AGAIN_FOR_MS;
    let mut pause = AGAIN_PAUSE_MS;
    let mut record = *record;
    while record.is_unproven() && sim.now() < end {
        sim.sleep(me, pause).await;
        pause = (pause * 2).min(AGAIN_PAUSE_MAX_MS);
        // Whoever holds the lock of the applies and is not the command of this one is about to begin something.
        let other = sim.hosts[me.host].applying.get().filter(|holder| record.command != Some(*holder));
        if other.is_some() {
            continue;
        }
        match sim.read(me.host) {
            Some(now) if now.is_unproven() && now.applying.release == record.applying.release => record = now,
            _ => return,
        }
        if back::again(sim, me, &record).await != Some(false) {
            return;
        }
    }
}
