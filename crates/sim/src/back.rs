//! The way back, whoever goes it: the slots first, then the files, then the server, then the proof, then the slots.

use evenkeel_fleet::apply::{Alarm, Applying, Decision, RevertWhy, Stage, decide};
use evenkeel_fleet::{Generation, ReleaseId, Span};

use crate::disk::{FILES, FOREIGN, Record, Undone, content, id};
use crate::plan::{Step, Who};
use crate::plant::Plant;
use crate::server;
use crate::world::{Failed, Me, Sim};

/// How long the guard is waited for.
pub(crate) const GUARD_MS: u64 = 2_000;
/// How long a way back may take before whoever goes it counts as hung.
const WITHIN: Span = Span::from_secs(20);
/// How long the server may take to load the old bundle.
const PROOF_MS: u64 = 5_000;
/// The number of a release that no journal gives.
pub(crate) const OUTSIDE: ReleaseId = ReleaseId(u64::MAX);

/// Recovery took another bundle than the confirmed one, because the server does not load that.
#[derive(Debug)]
struct Other;

/// Why a host did not go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotBack {
    /// Nothing is open, or it was confirmed.
    NothingOpen,
    /// Something failed; somebody may try again.
    Failed,
}

impl From<Failed> for NotBack {
    fn from(_: Failed) -> Self {
        Self::Failed
    }
}

/// What to do, counted.
pub(crate) fn decided(sim: &Sim, host: usize, record: &Record, alarm: Alarm) -> Decision {
    let decision = decide(&record.applying.standing(sim.boot(host)), alarm);
    sim.reach("alarm", &alarm);
    sim.reach("decision", &decision);
    decision
}

/// Goes back, once decided under the guard, which the caller holds.
pub(crate) async fn go(sim: &Sim, me: Me, alarm: Alarm) -> Result<Record, NotBack> {
    let host = &sim.hosts[me.host];
    let record = sim.read_here(me.host).ok_or(NotBack::NothingOpen)?;
    let why = match decided(sim, me.host, &record, alarm) {
        Decision::Revert { why, .. } => record.asked.unwrap_or(why),
        Decision::Done | Decision::Wait { .. } => return Err(NotBack::NothingOpen),
    };
    let began_at = record.stage();
    let (boot, now) = (sim.boot(me.host), sim.boottime(me.host));
    let Ok(applying) = record.applying.revert(why, boot, now, WITHIN) else {
        return Err(NotBack::NothingOpen);
    };
    let reverting = Record { applying, restored: false, ..record };
    sim.write_unflushed(me, reverting).await?;

    let mut restored = 0;
    for file in (0..FILES).rev() {
        sim.point(me, Step::Exchange).await?;
        // What an earlier release left beside the tree is no way back from this one.
        let ours = host.tree.borrow().plan.is_some_and(|plan| plan.release == applying.release);
        let undone = if ours { host.tree.borrow_mut().undo(file) } else { Undone::Left };
        if matches!(undone, Undone::Restored | Undone::RestoredOverForeign) {
            restored += 1;
            sim.touched(me, false);
        }
        if undone == Undone::RestoredOverForeign && sim.planted(Plant::ForeignThrownAway) {
            host.tree.borrow_mut().kept.clear();
            host.tree.borrow_mut().forget_beside(file);
        }
    }
    let told = matches!(began_at, Stage::Switched | Stage::Signalled | Stage::Proven | Stage::Reverting);
    let mut proven = None;
    if told || restored > 0 || record.owed {
        sim.point(me, Step::BeforeTold).await?;
        proven = bring_back(sim, me).await;
        sim.point(me, Step::AfterTold).await?;
    }
    sim.point(me, Step::Exchanged).await?;
    host.tree.borrow_mut().flush();
    let applying = applying.advance(Stage::Reverted, boot, sim.boottime(me.host)).map_err(|_| Failed)?;
    let record = Record { applying, restored: true, proven, owed: false, ..reverting };
    sim.write(me, record).await?;
    if !record.is_unproven() {
        host.tree.borrow_mut().discard();
    }
    Ok(record)
}

/// Tells the server of the old files and watches until it serves them; `None` where none runs.
async fn bring_back(sim: &Sim, me: Me) -> Option<bool> {
    let before = sim.hosts[me.host].server.borrow().before();
    sim.told(me, false);
    if !server::tell(sim, me.host) {
        return None;
    }
    Some(server::prove(sim, me, before, PROOF_MS).await)
}

/// After a revert that was not proven: tells the server once more. `None` when somebody has something else in hand,
/// else whether that is settled now.
pub(crate) async fn again(sim: &Sim, me: Me, record: &Record) -> Option<bool> {
    let same = |now: &Record| {
        let order = |record: &Record| (record.applying.release, record.applying.generation);
        now.is_unproven() && order(now) == order(record)
    };
    if !sim.lock(me, GUARD_MS).await {
        return Some(false);
    }
    let standing = sim.read(me.host).filter(same);
    let before = sim.hosts[me.host].server.borrow().before();
    let told = standing.is_some() && {
        sim.told(me, false);
        server::tell(sim, me.host)
    };
    sim.unlock(me);
    standing?;
    let proven = told && server::prove(sim, me, before, PROOF_MS).await;
    if told && !proven {
        return Some(false);
    }
    if !sim.lock(me, GUARD_MS).await {
        return Some(false);
    }
    let now = sim.read(me.host).filter(same);
    let written = match now {
        Some(now) => sim.write(me, Record { proven: proven.then_some(true), owed: false, ..now }).await,
        None => Ok(()),
    };
    if now.is_some() && written.is_ok() {
        sim.hosts[me.host].tree.borrow_mut().discard();
    }
    sim.unlock(me);
    now.map(|_| written.is_ok())
}

/// Kills a command that withholds the guard.
pub(crate) async fn free_guard(sim: &Sim, me: Me, record: &Record) {
    if !sim.lock(me, GUARD_MS).await {
        let holder = sim.hosts[me.host].guard.get();
        if let Some(command) = record.command.filter(|command| holder == Some(*command)) {
            sim.kill(command);
        }
        return;
    }
    sim.unlock(me);
}

/// Takes the open release back from any terminal: the fuse does it where one lives and moves, else this does.
pub(crate) async fn request(sim: &Sim, me: Me, why: RevertWhy) -> Result<Record, NotBack> {
    sim.point(me, Step::Begin).await?;
    let marked = sim.lock(me, GUARD_MS).await;
    if marked {
        let asked = match sim.read(me.host).filter(|record| record.stage().unconfirmed()) {
            None => Err(NotBack::NothingOpen),
            Some(record) => {
                let asked = record.asked.or(Some(why));
                sim.write(me, Record { asked, ..record }).await.map_err(NotBack::from)
            }
        };
        sim.unlock(me);
        asked?;
    }
    let record = sim.read_here(me.host).ok_or(NotBack::NothingOpen)?;
    if let Some(fuse) = record.fuse.filter(|fuse| *fuse != me.pid && sim.exec.lives(*fuse)) {
        sim.signal(Some(fuse), !marked);
        let end = sim.now() + WITHIN.as_millis();
        let over = |now: Option<Record>| now.is_some_and(|now| now.is_unproven());
        while sim.exec.lives(fuse) && !over(sim.read(me.host)) && sim.now() < end {
            sim.wait(me, end).await;
        }
        if !over(sim.read(me.host)) {
            // One that hangs must not wake up in the middle of what we do now.
            sim.kill(fuse);
        }
        let now = sim.read_here(me.host).ok_or(NotBack::NothingOpen)?;
        match now.stage() {
            Stage::Reverted if now.applying.release == record.applying.release => return Ok(now),
            Stage::Confirmed => return Err(NotBack::NothingOpen),
            _ => {}
        }
    }
    take(sim, me, &record, Alarm::RevertAsked).await
}

async fn take(sim: &Sim, me: Me, record: &Record, alarm: Alarm) -> Result<Record, NotBack> {
    free_guard(sim, me, record).await;
    if !sim.lock(me, GUARD_MS).await {
        return Err(NotBack::Failed);
    }
    let back = go(sim, me, alarm).await;
    sim.unlock(me);
    back
}

/// Somebody at the host who wants the old bundle back.
pub(crate) async fn ask(sim: Sim, me: Me, why: RevertWhy) {
    let _who_asks_looks_at_the_slots = request(&sim, me, why).await;
}

/// What runs at boot, before the server, and whenever somebody calls it: does what the fuse would have done, then
/// takes the first bundle that the server accepts.
pub(crate) async fn recover(sim: Sim, me: Me) {
    if sim.planted(Plant::RecoveryLooksAway) || sim.point(me, Step::Begin).await.is_err() {
        return;
    }
    let Some(record) = sim.read_here(me.host) else { return };
    if !record.stage().unconfirmed() {
        if record.is_unproven() {
            let _told_again = again(&sim, me, &record).await;
        }
        return;
    }
    let back = if sim.lives(record.fuse) {
        request(&sim, me, RevertWhy::Boot).await
    } else {
        take(&sim, me, &record, Alarm::Boot).await
    };
    let Ok(record) = back else { return };
    let _the_confirmed_one_stands = choose(&sim, me, &record).await;
}

/// Where the server does not accept the confirmed bundle today: the last known good one, else the proposed one, under an
/// order of its own.
async fn choose(sim: &Sim, me: Me, record: &Record) -> Result<(), Failed> {
    let host = &sim.hosts[me.host];
    let stands = host.tree.borrow().content();
    if host.server.borrow().accepts(stands) || host.server.borrow().running {
        return Ok(());
    }
    let others = [record.confirmed_before, Some(record.applying.to)];
    let accepted = others.into_iter().flatten().find(|other| host.server.borrow().accepts(content(*other)));
    let Some(other) = accepted else { return Ok(()) };
    if !sim.lock(me, GUARD_MS).await {
        return Err(Failed);
    }
    let put = put(sim, me, other).await;
    sim.unlock(me);
    put
}

async fn put(sim: &Sim, me: Me, other: evenkeel_fleet::BundleId) -> Result<(), Failed> {
    let host = &sim.hosts[me.host];
    let Some(record) = sim.read(me.host) else { return Ok(()) };
    let (stands, boot) = (host.tree.borrow().content(), sim.boot(me.host));
    let order = Generation(record.applying.generation.0 + 1);
    let at = || sim.boottime(me.host);
    let armed = record.applying.stage(order, OUTSIDE, id(stands), other);
    let armed = armed.and_then(|staged: Applying| staged.arm(boot, at(), WITHIN, WITHIN));
    let plan = crate::disk::Plan { release: OUTSIDE, from: stands, to: content(other) };
    let staged = host.tree.borrow_mut().stage(plan);
    // What somebody wrote there is of no release, and kept before it is replaced.
    host.tree.borrow_mut().kept.extend(stands.iter().filter(|file| **file >= FOREIGN));
    let (Ok(mut applying), true) = (armed, staged) else { return Err(Failed) };
    let armed = Record {
        applying,
        command: Some(me.pid),
        fuse: None,
        asked: None,
        proven: None,
        owed: false,
        ..record
    };
    sim.write(me, armed).await?;
    for (file, from) in stands.into_iter().enumerate() {
        sim.point(me, Step::Exchange).await?;
        if !host.tree.borrow_mut().exchange(file, from) {
            return Err(Failed);
        }
        sim.touched(me, true);
    }
    host.tree.borrow_mut().flush();
    for stage in [Stage::Switched, Stage::Signalled, Stage::Proven, Stage::Confirmed] {
        applying = applying.advance(stage, boot, at()).map_err(|_| Failed)?;
        let confirmed = stage == Stage::Confirmed;
        let mut record = Record { applying, ..armed };
        if confirmed {
            sim.reach("recovery", &Other);
            (record.confirmed, record.confirmed_before) = (Some(other), armed.confirmed);
        }
        sim.write(me, record).await?;
    }
    host.tree.borrow_mut().discard();
    Ok(())
}

/// Whether a release is open and nobody lives who would end it.
pub(crate) fn abandoned(sim: &Sim, host: usize) -> bool {
    let open = sim.read_here(host).filter(|record| record.stage().unconfirmed());
    open.is_some_and(|record| !sim.lives(record.command) && !sim.lives(record.fuse))
        && !sim.processes(host).iter().any(|me| matches!(me.who, Who::Asker | Who::Recovery))
}
