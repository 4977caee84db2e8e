//! One function a promise. Each judges a whole history by its facts, after everything has come to rest: every process
//! has run to its end or died, and what booted has recovered.

use std::collections::BTreeMap;

use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::journal::{By, Order, RefusedBy, What};
use evenkeel_fleet::{Fleet, Input, Outcome, Refusal, ReleaseId, Timestamp};

use crate::back::OUTSIDE;
use crate::disk::{Content, FILES, FOREIGN, Record, content};
use crate::facts::Fact;
use crate::intime;
use crate::world::World;

/// What a checker says.
pub(crate) type Verdict = Result<(), String>;

macro_rules! checkers {
    ($($name:ident)*) => {
        /// Every promise that is checked, by name.
        pub(crate) const CHECKERS: &[(&str, fn(&World) -> Verdict)] = &[
            $((stringify!($name), $name),)*
            ("a_fuse_that_lives_goes_back_in_time", intime::a_fuse_that_lives_goes_back_in_time),
        ];
    };
}

checkers! {
    no_host_is_left_on_what_nobody_confirmed
    a_record_is_always_whole_on_the_disk
    released_means_proven
    a_policy_confirms_only_what_it_watched
    nobody_elses_change_is_lost
    every_effect_was_written_down_before
    one_actor_at_a_time
    a_rollback_is_never_refused_by_a_freeze
    nothing_goes_forward_while_frozen
    stale_orders_are_never_followed
    the_journal_replays_to_the_same_state
    the_journal_tells_what_happened
    every_release_ends
}

fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// A slot that was written: host, what it said before and after.
fn slots(world: &World) -> Vec<(usize, Option<Record>, Record)> {
    let facts = world.facts.borrow();
    let slots = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Slot { host, before, after, .. } => Some((*host, *before, *after)),
        _ => None,
    });
    slots.collect()
}

/// Whether a slot was written anew with that stage.
fn went_to(before: Option<Record>, after: &Record, stage: Stage) -> bool {
    let same = |before: Record| before.stage() == stage && before.applying.release == after.applying.release;
    after.stage() == stage && !before.is_some_and(same)
}

/// Promise 1. What stands on the disk and what is served is what was confirmed, or somebody else's. Where the server does
/// not load the confirmed bundle any more, the host says so instead.
fn no_host_is_left_on_what_nobody_confirmed(world: &World) -> Verdict {
    let fleet = Fleet::replay(world.journal.borrow().iter());
    for (index, host) in world.hosts.iter().enumerate() {
        let record = world.read(index).unwrap_or(Record::IDLE);
        hold(!record.stage().unconfirmed(), || format!("{} is {} for ever", host.name, record.stage()))?;
        let told = fleet.host(&host.name);
        let confirmed = told.and_then(|host| host.confirmed());
        let ever = |file: usize, value: u8| {
            let known = told.is_some_and(|told| {
                ever_confirmed(world, index).any(|it| it[file] == value) && told.confirmed().is_some()
            });
            known || value >= FOREIGN
        };
        let (tree, server) = (host.tree.borrow().content(), host.server.borrow());
        let may_stand = |file: usize| {
            let now = [confirmed, record.confirmed].into_iter().flatten().map(content);
            tree[file] >= FOREIGN || now.into_iter().any(|it| it[file] == tree[file])
        };
        hold((0..FILES).all(may_stand), || {
            let confirmed = confirmed.map(content);
            format!("{}: {tree:?} stands, and {confirmed:?} is confirmed ({record:?})", host.name)
        })?;
        let Some(served) = server.serves() else { continue };
        let may_be_served = |file: usize| {
            served[file] == tree[file]
                || (tree[file] >= FOREIGN && ever(file, served[file]))
                || served[file] >= FOREIGN
        };
        let said = record.is_unproven() && !server.accepts(tree);
        hold((0..FILES).all(may_be_served) || said, || {
            format!("{}: {served:?} is served, and {tree:?} stands ({record:?})", host.name)
        })?;
    }
    Ok(())
}

/// What was ever confirmed on a host, adopted or released.
fn ever_confirmed(world: &World, host: usize) -> impl Iterator<Item = Content> {
    let journal = world.journal.borrow();
    let fleet = Fleet::replay(journal.iter());
    let name = &world.hosts[host].name;
    let bundles = journal.iter().filter_map(|event| match &event.what {
        What::Adopted(adoption) if adoption.host == *name => Some(adoption.bundle),
        What::Confirmed { release, host, .. } if host == name => {
            fleet.release(*release).map(|release| release.proposal().to)
        }
        _ => None,
    });
    let slots = slots(world).into_iter().filter(|(at, ..)| *at == host);
    let slots = slots.filter_map(|(_, _, after)| after.confirmed);
    bundles.chain(slots).map(content).collect::<Vec<_>>().into_iter()
}

/// Promise 1. A power cut takes nothing that was made durable.
fn a_record_is_always_whole_on_the_disk(world: &World) -> Verdict {
    let facts = world.facts.borrow();
    let lost = facts.iter().find_map(|(at, fact)| match fact {
        Fact::Lost { host } => Some(format!("at {at} ms host {host} had lost a slot that was durable")),
        _ => None,
    });
    lost.map_or(Ok(()), Err)
}

/// Promise 2. A host confirms what it had proven in the same boot and in time, and proven means that its workers served
/// the new bundle.
fn released_means_proven(world: &World) -> Verdict {
    for (at, fact) in world.facts.borrow().iter() {
        let Fact::Slot { me, before, after, boot, boottime, served, .. } = fact else { continue };
        let applying = after.applying;
        if applying.release == OUTSIDE {
            continue;
        }
        // Whoever decided in time and stood still before it was written down has decided in time.
        let hung = |(_, fact): &(u64, Fact)| matches!(fact, Fact::Hung { pid, .. } if *pid == me.pid);
        let hung = world.facts.borrow().iter().any(hung);
        let late = |deadline: u64| *boot != applying.boot || (boottime.0 > deadline + 5 && !hung);
        let stage = before.map(|before| before.stage());
        if went_to(*before, after, Stage::Proven) {
            // A server that died since the proof serves nothing, which is nothing wrong.
            let serves = served.is_none_or(|served| {
                let to = content(applying.to);
                (0..FILES).all(|file| served[file] == to[file] || served[file] >= FOREIGN)
            });
            let fits = stage == Some(Stage::Signalled) && !late(applying.proof_deadline.0);
            hold(fits && serves, || format!("at {at} ms {served:?} was proven: {after:?}"))?;
        }
        if went_to(*before, after, Stage::Confirmed) {
            let fits = stage == Some(Stage::Proven) && !late(applying.confirm_deadline.0);
            hold(fits, || format!("at {at} ms, {boottime:?}, confirmed after {stage:?}: {after:?}"))?;
        }
    }
    Ok(())
}

/// Promise 2. The policy confirms nothing that a person wants to hold, and nothing that was not watched for as long as it
/// says, on a clock that does not jump.
fn a_policy_confirms_only_what_it_watched(world: &World) -> Verdict {
    let (journal, at) = (world.journal.borrow(), world.appended_at.borrow());
    let jumps = |item: &crate::plan::Item| format!("{item:?}").contains("Clock");
    let steady = !world.plan.items.iter().any(jumps);
    let mut proven = BTreeMap::new();
    let fleet = Fleet::replay(journal.iter());
    for (event, at) in journal.iter().zip(at.iter()) {
        match &event.what {
            What::Proven { release, .. } => drop(proven.insert(*release, event.at)),
            What::Ordered { release, order: Order::Confirm(By::Policy), .. } => {
                let policy = fleet.release(*release).map(|release| &release.proposal().policy);
                let bake = policy.map_or(0, |policy| policy.bake.as_millis());
                let now = world.true_time(*at);
                let watched =
                    proven.get(release).is_some_and(|proven| now.since(*proven).as_millis() >= bake);
                let may = policy.is_some_and(|policy| !policy.hold);
                hold(may && (watched || !steady), || format!("at {at} ms the policy confirmed {release}"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Promise 2. What somebody else wrote stands, is kept, was adopted, or was written over by somebody else.
fn nobody_elses_change_is_lost(world: &World) -> Verdict {
    let facts = world.facts.borrow();
    for (number, (_, fact)) in facts.iter().enumerate() {
        let Fact::Edited { host, file, value } = *fact else { continue };
        let again =
            |fact: &Fact| matches!(fact, Fact::Edited { host: h, file: f, .. } if (*h, *f) == (host, file));
        let tree = world.hosts[host].tree.borrow();
        let found = tree.content()[file] == value
            || tree.beside(file) == Some(value)
            || tree.kept.contains(&value)
            || facts[number + 1..].iter().any(|(_, fact)| again(fact))
            || ever_confirmed(world, host).any(|it| it[file] == value);
        hold(found, || format!("what somebody wrote into file {file} of host {host} ({value}) is gone"))?;
    }
    Ok(())
}

/// Promise 5. An order is in the journal before it is sent; files are exchanged and the server is told only when the slots
/// would say so after a power cut.
fn every_effect_was_written_down_before(world: &World) -> Verdict {
    for (at, fact) in world.facts.borrow().iter() {
        let durable = |durable: &Option<Record>| durable.map(|record| record.stage());
        match fact {
            Fact::Sent { host, generation, journaled: false } => {
                return Err(format!(
                    "at {at} ms order {generation} to host {host} was sent and is in no journal"
                ));
            }
            Fact::Touched { durable: d, forward: true, .. } if durable(d) != Some(Stage::Armed) => {
                return Err(format!("at {at} ms a file was exchanged, and the slots said {d:?}"));
            }
            Fact::Touched { durable: d, forward: false, .. }
                if !durable(d).is_some_and(Stage::unconfirmed) =>
            {
                return Err(format!("at {at} ms a file was put back, and the slots said {d:?}"));
            }
            Fact::Told { durable: d, forward: true, .. } if durable(d) != Some(Stage::Signalled) => {
                return Err(format!("at {at} ms the server was told, and the slots said {d:?}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Promise 4. Whoever writes a slot, exchanges a file or tells the server holds the guard.
fn one_actor_at_a_time(world: &World) -> Verdict {
    for (at, fact) in world.facts.borrow().iter() {
        let (Fact::Slot { me, guarded, .. }
        | Fact::Touched { me, guarded, .. }
        | Fact::Told { me, guarded, .. }) = fact
        else {
            continue;
        };
        hold(*guarded, || format!("at {at} ms {me:?} acted without the guard"))?;
    }
    Ok(())
}

/// Promise 4. A freeze stops no way back.
fn a_rollback_is_never_refused_by_a_freeze(world: &World) -> Verdict {
    let back = |input: &Input| match input {
        Input::Rollback { .. } => true,
        Input::Propose(proposal) => proposal.goes_back,
        _ => false,
    };
    for (at, fact) in world.facts.borrow().iter() {
        if let Fact::Took { input, refusal: Some(Refusal::Frozen { .. }) } = fact {
            hold(!back(input), || format!("at {at} ms {input:?} was refused by a freeze"))?;
        }
    }
    let (fleet, journal) = (Fleet::replay(world.journal.borrow().iter()), world.journal.borrow());
    for event in journal.iter() {
        if let What::Refused { release, by: RefusedBy::Freeze, .. } = &event.what {
            let back = fleet.release(*release).is_some_and(|release| release.proposal().goes_back);
            hold(!back, || format!("{release} goes back and was refused by a freeze"))?;
        }
    }
    Ok(())
}

/// The other half of it: no host is told to go forward while a freeze is in force, but in an emergency.
fn nothing_goes_forward_while_frozen(world: &World) -> Verdict {
    let journal = world.journal.borrow();
    let fleet = Fleet::replay(journal.iter());
    let mut frozen: Option<Option<Timestamp>> = None;
    for event in journal.iter() {
        match &event.what {
            What::Frozen { until, .. } => frozen = Some(*until),
            What::Thawed { .. } => frozen = None,
            What::Ordered { release, order: Order::Apply, .. } => {
                let forward = fleet.release(*release).map(|release| release.proposal());
                let forward = forward.is_some_and(|it| !it.goes_back && it.emergency.is_none());
                let in_force = frozen.is_some_and(|until| until.is_none_or(|until| event.at < until));
                hold(!(forward && in_force), || format!("{release} was ordered while frozen"))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Promise 6, as far as numbers go. A host follows no order that is not newer than all it accepted, and never forgets one.
fn stale_orders_are_never_followed(world: &World) -> Verdict {
    for (at, fact) in world.facts.borrow().iter() {
        if let Fact::Followed { host, generation, highest } = fact {
            hold(generation > highest, || {
                format!("at {at} ms host {host} followed order {generation} after {highest}")
            })?;
        }
    }
    for (host, before, after) in slots(world) {
        let before = before.map_or(evenkeel_fleet::Generation(0), |before| before.applying.generation);
        let now = after.applying.generation;
        hold(now >= before, || format!("host {host} went from order {before} to {now}"))?;
    }
    Ok(())
}

/// Promise 5. A crash is a replay.
fn the_journal_replays_to_the_same_state(world: &World) -> Verdict {
    let facts = world.facts.borrow();
    let differs = facts.iter().find(|(_, fact)| matches!(fact, Fact::Folded { same: false }));
    differs.map_or(Ok(()), |(at, _)| Err(format!("at {at} ms a controller knew something else")))
}

/// Promise 5. What the journal says of a release its host did, and how the host's last release ended is in the journal.
fn the_journal_tells_what_happened(world: &World) -> Verdict {
    let journal = world.journal.borrow();
    let (fleet, slots) = (Fleet::replay(journal.iter()), slots(world));
    let did = |id: &ReleaseId, stage: Stage| {
        slots.iter().any(|(_, _, after)| after.applying.release == *id && after.stage() == stage)
    };
    for event in journal.iter() {
        let (id, stage) = match &event.what {
            What::Switched { release, .. } => (release, Stage::Switched),
            What::Proven { release, .. } => (release, Stage::Proven),
            What::Confirmed { release, .. } => (release, Stage::Confirmed),
            What::Reverted { release, revert, .. } if revert.proven => (release, Stage::Reverted),
            _ => continue,
        };
        hold(did(id, stage), || format!("the journal says that {id} was {stage}, and no host ever said so"))?;
    }
    for index in 0..world.hosts.len() {
        let Some(record) = world.read(index).filter(|record| record.applying.release != OUTSIDE) else {
            continue;
        };
        let (id, stage) = (record.applying.release, record.stage());
        let outcome = fleet.release(id).and_then(|release| release.outcome());
        let fits = match stage {
            Stage::Confirmed => outcome == Some(Outcome::Confirmed),
            Stage::Reverted | Stage::Idle => outcome != Some(Outcome::Confirmed),
            _ => true,
        };
        hold(fits, || format!("{id} is {stage} on its host and {outcome:?} in the journal"))?;
    }
    Ok(())
}

/// Promise 5. Nothing is open for ever.
fn every_release_ends(world: &World) -> Verdict {
    let fleet = Fleet::replay(world.journal.borrow().iter());
    let open = fleet.releases().find(|release| release.open());
    open.map_or(Ok(()), |release| {
        let host =
            world.read(0).map(|record| (record.stage(), record.applying.release, record.applying.generation));
        Err(format!("{} is {} for ever; the host: {host:?}", release.id(), release.stage().name()))
    })
}
