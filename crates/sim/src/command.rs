//! The command that applies a release on its host, from the staged files to the proof; and the fuse that it arms first.

use evenkeel_fleet::apply::{RevertWhy, Stage};
use evenkeel_fleet::{BundleId, Command, Evidence, EvidenceKind, Generation, Report, Span};

use crate::agent::{evidence, reverted, say};
use crate::back::{self, GUARD_MS};
use crate::disk::{Content, FILES, Plan, Record, content};
use crate::fuse;
use crate::plan::{Step, Who};
use crate::plant::Plant;
use crate::server::{self, Before};
use crate::world::{Failed, Me, Order, Sim};

/// How long the fuse may take to say that it is ready.
const READY_MS: u64 = 3_000;
/// How long a disarmed release may take to be closed.
const WITHIN: Span = Span::from_secs(20);

/// What the command is told.
#[derive(Debug, Clone, Copy)]
struct Apply {
    generation: Generation,
    release: evenkeel_fleet::ReleaseId,
    from: BundleId,
    to: BundleId,
    proof_within: Span,
    confirm_within: Span,
    answer: usize,
}

/// Why an apply ends before its proof.
enum Stop {
    /// Nothing was armed; the host is as it was.
    Refused(&'static str),
    /// Somebody else wrote to the tree.
    Conflict(Vec<usize>),
    /// Armed, and perhaps switched: it must be taken back.
    Back(EvidenceKind, &'static str),
}

impl From<Failed> for Stop {
    fn from(_: Failed) -> Self {
        Self::Back(EvidenceKind::CompareAndSwap, "what was to be done failed")
    }
}

/// Follows an order to apply.
pub(crate) async fn apply(sim: Sim, me: Me, order: Order) {
    let Command::Apply { release, from, to, proof_within, confirm_within } = order.command else { return };
    let Order { generation, from: answer, .. } = order;
    let apply = Apply { generation, release, from, to, proof_within, confirm_within, answer };
    // Another apply is under way; the order comes again.
    if sim.hosts[me.host].applying.get().is_some_and(|holder| holder != me.pid) {
        return;
    }
    sim.hosts[me.host].applying.set(Some(me.pid));
    let stop = match go(&sim, me, &apply).await {
        Ok(()) => return,
        Err(stop) => stop,
    };
    match stop {
        Stop::Refused(why) => {
            forget(&sim, me, &apply).await;
            say(
                &sim,
                me.host,
                generation,
                answer,
                Report::Refused(evidence(EvidenceKind::Staged, false, why)),
            );
        }
        Stop::Conflict(files) => {
            if back::request(&sim, me, RevertWhy::Evidence).await.is_ok() {
                let paths = files.iter().map(ToString::to_string).collect();
                say(&sim, me.host, generation, answer, Report::Conflict(paths));
            }
        }
        Stop::Back(kind, why) => {
            let back = back::request(&sim, me, RevertWhy::Evidence).await;
            let seen = evidence(kind, false, why);
            let seen = if kind == EvidenceKind::Proof { Report::Proven(seen) } else { Report::Saw(seen) };
            say(&sim, me.host, generation, answer, seen);
            if let Ok(record) = back {
                say(&sim, me.host, generation, answer, Report::Reverted(reverted(&record)));
            }
        }
    }
}

/// What was staged and not armed is over, and its order stays accepted.
async fn forget(sim: &Sim, me: Me, apply: &Apply) {
    if !sim.lock(me, GUARD_MS).await {
        return;
    }
    let ours =
        |record: &Record| record.stage() == Stage::Staged && record.applying.generation == apply.generation;
    if let Some(record) = sim.read(me.host).filter(ours)
        && let Ok(applying) = record.applying.advance(Stage::Idle, sim.boot(me.host), sim.boottime(me.host))
    {
        let _recovery_does_it_otherwise = sim.write(me, Record { applying, ..record }).await;
    }
    sim.unlock(me);
}

async fn go(sim: &Sim, me: Me, apply: &Apply) -> Result<(), Stop> {
    let refused = Stop::Refused;
    let host = &sim.hosts[me.host];
    sim.point(me, Step::Begin).await.map_err(|_| refused("looking failed"))?;
    if !host.server.borrow().running {
        return Err(refused("no server runs"));
    }
    if !sim.plan.shape.local {
        staged_record(sim, me, apply).await?;
    }
    sim.point(me, Step::Stage).await.map_err(|_| refused("staging failed"))?;
    let plan = Plan { release: apply.release, from: content(apply.from), to: content(apply.to) };
    if !host.tree.borrow_mut().stage(plan) {
        return Err(refused("no space is left"));
    }
    if sim.planted(Plant::SwitchedBeforeArmed) {
        exchange(sim, me, plan.from).await?;
    }
    arm(sim, me, apply).await?;
    say(
        sim,
        me.host,
        apply.generation,
        apply.answer,
        Report::Saw(evidence(EvidenceKind::Staged, true, "armed")),
    );
    let before = switch(sim, me, apply, plan.from).await?;
    prove(sim, me, apply, before).await
}

/// Writes down which order is followed before anything else: one that is refused is not followed later.
async fn staged_record(sim: &Sim, me: Me, apply: &Apply) -> Result<(), Stop> {
    if !sim.lock(me, GUARD_MS).await {
        return Err(Stop::Refused("the slots are held"));
    }
    let now = sim.read(me.host).unwrap_or(Record::IDLE);
    let staged = now.applying.stage(apply.generation, apply.release, apply.from, apply.to);
    let written = match staged {
        Ok(applying) => {
            let owed = owed(sim, &now);
            let record = Record { applying, command: Some(me.pid), fuse: None, asked: None, owed, ..now };
            sim.write(me, record).await.map_err(|_| Stop::Refused("the slots cannot be written"))
        }
        Err(_) => Err(Stop::Refused("another release is open")),
    };
    sim.unlock(me);
    written
}

/// The way back is on the disk and watched by a process of its own before a single file is exchanged.
async fn arm(sim: &Sim, me: Me, apply: &Apply) -> Result<(), Stop> {
    if !sim.lock(me, GUARD_MS).await {
        return Err(Stop::Refused("the slots are held"));
    }
    let now = sim.read(me.host).unwrap_or(Record::IDLE);
    let staged = match now.stage() {
        Stage::Staged if now.applying.generation == apply.generation => Ok(now.applying),
        _ => now.applying.stage(apply.generation, apply.release, apply.from, apply.to),
    };
    let (boot, at) = (sim.boot(me.host), sim.boottime(me.host));
    let armed = staged.and_then(|staged| staged.arm(boot, at, apply.proof_within, apply.confirm_within));
    let written = match armed {
        Ok(applying) => {
            let confirmed = now.confirmed.or(Some(apply.from));
            let record = Record {
                applying,
                confirmed,
                command: Some(me.pid),
                fuse: None,
                asked: None,
                restored: false,
                proven: None,
                owed: owed(sim, &now),
                ..now
            };
            sim.write(me, record).await.map_err(Stop::from)
        }
        Err(_) => Err(Stop::Refused("another release is open")),
    };
    sim.unlock(me);
    written?;
    sim.signal(now.fuse, false);
    let command = me.pid;
    let fuse = sim.spawn(Who::Fuse, me.host, |sim, me| fuse::run(sim, me, command));
    let end = sim.now() + READY_MS;
    let ready = || sim.read(me.host).is_some_and(|record| record.fuse == Some(fuse));
    while !ready() && sim.exec.lives(fuse) && sim.now() < end {
        sim.wait(me, end).await;
    }
    if ready() {
        return Ok(());
    }
    sim.kill(fuse);
    disarm(sim, me).await;
    Err(Stop::Refused("the fuse was not ready"))
}

/// Nothing was switched, so the way back is only a matter of saying so.
async fn disarm(sim: &Sim, me: Me) {
    if !sim.lock(me, GUARD_MS).await {
        return;
    }
    if let Some(record) = sim.read(me.host).filter(|record| record.stage() == Stage::Armed) {
        let (boot, now) = (sim.boot(me.host), sim.boottime(me.host));
        let reverting = record.applying.revert(RevertWhy::Evidence, boot, now, WITHIN);
        if let Ok(applying) = reverting.and_then(|it| it.advance(Stage::Reverted, boot, now)) {
            let proven = record.owed.then_some(false);
            let _recovery_does_it_otherwise = sim.write(me, Record { applying, proven, ..record }).await;
        }
    }
    sim.unlock(me);
}

/// Whether the server may still serve what an earlier release had put there.
fn owed(sim: &Sim, now: &Record) -> bool {
    (now.owed || now.is_unproven()) && !sim.planted(Plant::UnprovenForgotten)
}

/// Goes one stage further, under the guard, when it is not too late and nobody wants it back.
pub(crate) async fn advance(sim: &Sim, me: Me, to: Stage) -> Result<(), Stage> {
    let Some(record) = sim.read(me.host) else { return Err(Stage::Idle) };
    if record.asked.is_some() {
        return Err(record.stage());
    }
    let applying = record.applying.advance(to, sim.boot(me.host), sim.boottime(me.host));
    let applying = applying.map_err(|why| {
        sim.reach("illegal", &why);
        record.stage()
    })?;
    // New workers that serve the new bundle serve nothing older.
    let owed = record.owed && to != Stage::Proven;
    sim.write(me, Record { applying, owed, ..record }).await.map_err(|_| record.stage())
}

/// Exchanges the files and tells the server, all under one guard: the fuse comes before or after all of it.
async fn switch(sim: &Sim, me: Me, apply: &Apply, from: Content) -> Result<Before, Stop> {
    if !sim.lock(me, GUARD_MS).await {
        return Err(Stop::Back(EvidenceKind::CompareAndSwap, "the slots are held"));
    }
    let armed = |record: &Record| {
        record.stage() == Stage::Armed
            && record.applying.generation == apply.generation
            && record.asked.is_none()
            && sim.lives(record.fuse)
    };
    let back = |why| Stop::Back(EvidenceKind::CompareAndSwap, why);
    let switched = async {
        if !sim.read(me.host).is_some_and(|record| armed(&record)) {
            return Err(back("it is not armed"));
        }
        exchange(sim, me, from).await?;
        sim.point(me, Step::Exchanged).await?;
        sim.hosts[me.host].tree.borrow_mut().flush();
        advance(sim, me, Stage::Switched).await.map_err(|_| back("it is too late"))?;
        let seen = evidence(EvidenceKind::CompareAndSwap, true, "nobody else wrote there");
        say(sim, me.host, apply.generation, apply.answer, Report::Saw(seen));
        say(sim, me.host, apply.generation, apply.answer, Report::Switched);
        let before = sim.hosts[me.host].server.borrow().before();
        advance(sim, me, Stage::Signalled).await.map_err(|_| back("it is too late"))?;
        sim.point(me, Step::BeforeTold).await?;
        sim.told(me, true);
        if !server::tell(sim, me.host) {
            return Err(Stop::Back(EvidenceKind::Proof, "no server runs"));
        }
        let _told_all_the_same = sim.point(me, Step::AfterTold).await;
        Ok(before)
    }
    .await;
    sim.unlock(me);
    switched
}

async fn exchange(sim: &Sim, me: Me, from: Content) -> Result<(), Stop> {
    let tree = &sim.hosts[me.host].tree;
    let blind = sim.planted(Plant::ForeignOverwritten);
    let live = tree.borrow().content();
    let changed: Vec<usize> = (0..FILES).filter(|file| live[*file] != from[*file]).collect();
    if !changed.is_empty() && !blind && !sim.planted(Plant::SwitchedBeforeArmed) {
        return Err(Stop::Conflict(changed));
    }
    for (file, from) in from.into_iter().enumerate() {
        sim.point(me, Step::Exchange).await?;
        let expected = if blind { tree.borrow().content()[file] } else { from };
        if blind && expected != from {
            tree.borrow_mut().overwrite(file);
        } else if !tree.borrow_mut().exchange(file, expected) {
            return Err(Stop::Conflict(vec![file]));
        }
        sim.touched(me, true);
    }
    Ok(())
}

async fn prove(sim: &Sim, me: Me, apply: &Apply, before: Before) -> Result<(), Stop> {
    let limit = apply.proof_within.as_millis();
    let by_exit_code = sim.planted(Plant::ExitCodeBelieved);
    if !by_exit_code && !server::prove(sim, me, before, limit).await {
        return Err(Stop::Back(EvidenceKind::Proof, "new workers did not come"));
    }
    if !sim.lock(me, GUARD_MS).await {
        return Err(Stop::Back(EvidenceKind::Proof, "the slots are held"));
    }
    let proven = advance(sim, me, Stage::Proven).await;
    sim.unlock(me);
    proven.map_err(|_| Stop::Back(EvidenceKind::Proof, "it is too late"))?;
    let seen: Evidence = evidence(EvidenceKind::Proof, true, "new workers serve");
    say(sim, me.host, apply.generation, apply.answer, Report::Proven(seen));
    Ok(())
}
