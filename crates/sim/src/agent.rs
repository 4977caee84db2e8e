//! Who takes the orders on a host: follows what is new, answers what was accepted before, and refuses what is older.

use evenkeel_fleet::apply::{Accept, RevertWhy, Stage};
use evenkeel_fleet::journal::{Revert, Reverter};
use evenkeel_fleet::{Command, Evidence, EvidenceKind, Generation, ReleaseId, Report, Span};

use crate::back::{self, GUARD_MS};
use crate::disk::Record;
use crate::plan::{Step, Who};
use crate::plant::Plant;
use crate::world::{Me, Order, Sim};
use crate::{command, facts::Fact, network};

/// Longer than any history.
const NEVER_MS: u64 = 1 << 50;

pub(crate) fn evidence(kind: EvidenceKind, holds: bool, summary: &str) -> Evidence {
    Evidence::new(kind, holds, summary)
}

/// What is told of a way back.
pub(crate) fn reverted(record: &Record) -> Revert {
    let why = record.applying.why.unwrap_or(RevertWhy::Asked);
    Revert {
        why,
        by: Reverter::Fuse,
        proven: record.proven != Some(false) && record.restored,
        evidence: vec![evidence(EvidenceKind::Revert, record.proven != Some(false), "what the slots say")],
        decided_at: None,
        took: Span::ZERO,
        last_wrong: None,
        kept: None,
        way: None,
    }
}

/// Tells the controller that gave the order.
pub(crate) fn say(sim: &Sim, host: usize, generation: Generation, to: usize, report: Report) {
    if sim.planted(Plant::RevertUntold) && matches!(report, Report::Reverted(_)) {
        return;
    }
    network::report(sim, host, generation, to, report);
}

/// Takes orders for as long as it lives.
pub(crate) async fn run(sim: Sim, me: Me) {
    let _nobody_fails_to_begin = sim.point(me, Step::Begin).await;
    loop {
        let next = sim.hosts[me.host].inbox.borrow_mut().pop_front();
        match next {
            Some(order) => take(&sim, me, order).await,
            None => sim.wait(me, sim.now() + NEVER_MS).await,
        }
    }
}

fn of(command: &Command) -> ReleaseId {
    match *command {
        Command::Apply { release, .. } | Command::Confirm { release } | Command::Revert { release, .. } => {
            release
        }
    }
}

async fn take(sim: &Sim, me: Me, order: Order) {
    // What cannot be had now comes again.
    if !sim.lock(me, GUARD_MS).await {
        return;
    }
    // What is told of it must not be taken back by a power cut: its writer may have died before it was durable.
    sim.hosts[me.host].slots.borrow_mut().flush();
    let record = sim.read(me.host).unwrap_or(Record::IDLE);
    let accept = record.applying.accept(order.generation);
    sim.reach("accept", &accept);
    match accept {
        Accept::Fresh => follow(sim, me, &record, order).await,
        Accept::Stale if sim.planted(Plant::StaleFollowed) => follow(sim, me, &record, order).await,
        Accept::Repeated | Accept::Stale => {
            sim.unlock(me);
            answer(sim, me, &record, &order);
        }
    }
    sim.unlock(me);
}

async fn follow(sim: &Sim, me: Me, record: &Record, order: Order) {
    let release = of(&order.command);
    let (generation, highest) = (order.generation, sim.hosts[me.host].accepted.get());
    let followed = || sim.fact(Fact::Followed { host: me.host, generation, highest });
    // A command at the host itself leaves no number for what is not an apply.
    let applying = if sim.plan.shape.local {
        record.applying
    } else {
        record.applying.ordered(generation).unwrap_or(record.applying)
    };
    let numbered = Record { applying, ..*record };
    match order.command {
        Command::Apply { .. } => {
            sim.unlock(me);
            if record.stage().unconfirmed() {
                return look_after(sim, me);
            }
            if sim.hosts[me.host].applying.get().is_none() {
                followed();
                sim.spawn(Who::Command, me.host, |sim, me| command::apply(sim, me, order));
            }
        }
        Command::Confirm { .. } => {
            followed();
            let _asked_again_when_it_fails = confirm(sim, me, &numbered, release).await;
            sim.unlock(me);
            let now = sim.read(me.host).unwrap_or(Record::IDLE);
            answer(sim, me, &now, &order);
        }
        Command::Revert { why, .. } => {
            followed();
            let ours = record.applying.release == release;
            let open = ours && record.stage().unconfirmed();
            let asked = if open { record.asked.or(Some(why)) } else { record.asked };
            let written = sim.write(me, Record { asked, ..numbered }).await;
            sim.unlock(me);
            if open {
                sim.spawn(Who::Asker, me.host, move |sim, me| back::ask(sim, me, why));
            } else if written.is_ok()
                && (ours || record.applying.release < release || record.stage() == Stage::Idle)
            {
                answer(sim, me, &Record { applying, ..*record }, &order);
            }
        }
    }
}

async fn confirm(sim: &Sim, me: Me, record: &Record, release: ReleaseId) -> Result<(), ()> {
    let mut record = *record;
    if record.applying.release == release && record.stage() != Stage::Confirmed && record.asked.is_none() {
        let (boot, now) = (sim.boot(me.host), sim.boottime(me.host));
        match record.applying.advance(Stage::Confirmed, boot, now) {
            Ok(applying) => confirmed(&mut record, applying),
            Err(why) => {
                sim.reach("illegal", &why);
                if sim.planted(Plant::ConfirmedLate) {
                    let late = evenkeel_fleet::apply::Applying { stage: Stage::Confirmed, ..record.applying };
                    confirmed(&mut record, late);
                }
            }
        }
    }
    if Some(record) != sim.read(me.host) {
        sim.write(me, record).await.map_err(drop)?;
    }
    if record.stage() == Stage::Confirmed {
        sim.hosts[me.host].tree.borrow_mut().discard();
        sim.signal(record.fuse, false);
    }
    Ok(())
}

fn confirmed(record: &mut Record, applying: evenkeel_fleet::apply::Applying) {
    let before = record.confirmed.filter(|before| *before != applying.to).or(record.confirmed_before);
    *record = Record { applying, confirmed: Some(applying.to), confirmed_before: before, ..*record };
}

/// Nobody lives who would end what is open: recovery does.
fn look_after(sim: &Sim, me: Me) {
    if back::abandoned(sim, me.host) {
        sim.spawn(Who::Recovery, me.host, back::recover);
    }
}

/// Says what is so of the release that an order is about.
fn answer(sim: &Sim, me: Me, record: &Record, order: &Order) {
    let release = of(&order.command);
    // What is said of another release must not be taken for news of the one that is open now.
    let ours = record.applying.release == release;
    let generation = if ours { record.applying.generation } else { order.generation };
    let to = order.from;
    let tell = |report| say(sim, me.host, generation, to, report);
    if !ours {
        let began = record.applying.release > release;
        return tell(if began { lost() } else { Report::NeverBegan });
    }
    match record.stage() {
        Stage::Reverted => tell(Report::Reverted(reverted(record))),
        Stage::Confirmed => tell(Report::Confirmed),
        Stage::Idle => tell(Report::NeverBegan),
        Stage::Proven => {
            tell(Report::Switched);
            tell(Report::Proven(evidence(EvidenceKind::Proof, true, "what the slots say")));
        }
        _ => {}
    }
    if sim.planted(Plant::ConfirmedBySaying) && matches!(order.command, Command::Confirm { .. }) {
        tell(Report::Confirmed);
    }
    look_after(sim, me);
}

/// The slots tell of a later change: how this release ended is not written down.
fn lost() -> Report {
    Report::Reverted(Revert {
        why: RevertWhy::CommandDied,
        by: Reverter::Recovery,
        decided_at: None,
        proven: false,
        evidence: vec![evidence(EvidenceKind::Recovery, false, "the slots tell of a later change")],
        took: Span::ZERO,
        last_wrong: None,
        kept: None,
        way: None,
    })
}
