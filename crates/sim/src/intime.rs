//! The promise that has a time in it, apart because it needs a memory.

use std::collections::BTreeSet;

use evenkeel_fleet::apply::Stage;

use crate::back::OUTSIDE;
use crate::checkers::Verdict;
use crate::disk::Record;
use crate::exec::Pid;
use crate::facts::Fact;
use crate::plan::Who;
use crate::world::World;

/// What the fuse may take beyond the deadline: a guard that is withheld, a command to be killed, a try that failed.
const SLACK_MS: u64 = 7_000;

/// A release that a fuse watches.
struct Watched {
    fuse: Option<Pid>,
    record: Record,
    /// When the command died before the proof, on the host's clock.
    limit: u64,
    /// Since when it is watched.
    begun: u64,
}

/// Promise 1. A fuse that lives goes back at once when its command dies before the proof, and at both deadlines.
pub(crate) fn a_fuse_that_lives_goes_back_in_time(world: &World) -> Verdict {
    for index in 0..world.hosts.len() {
        one(world, index)?;
    }
    Ok(())
}

fn one(world: &World, index: usize) -> Verdict {
    let mut watched: Option<Watched> = None;
    let mut dead = BTreeSet::new();
    // What time it is on the host, as its slots tell: boot time is real time less a constant.
    let mut booted = 0;
    for (at, fact) in world.facts.borrow().iter() {
        if let Fact::Ended { host, pid, .. } = fact
            && *host == index
        {
            dead.insert(*pid);
        }
        match fact {
            Fact::Slot { host, after, boottime, .. } if *host == index => {
                booted = at - boottime.0;
                let over = watched.as_ref().filter(|watched| boottime.0 > watched.limit + SLACK_MS);
                if let Some(watched) = over {
                    let record = &watched.record;
                    return Err(format!(
                        "at {at} ms still {} long after its time: {record:?}",
                        record.stage()
                    ));
                }
                watched = next(watched, after, boottime.0)
                    .filter(|now| now.fuse.is_some_and(|fuse| !dead.contains(&fuse)));
            }
            Fact::Ended { host, pid, who: Who::Command } if *host == index => {
                if let Some(watched) = &mut watched
                    && watched.record.command == Some(*pid)
                    && watched.record.stage() != Stage::Proven
                {
                    watched.limit = watched.limit.min(at - booted);
                }
            }
            Fact::Ended { host, pid, .. } if *host == index => {
                watched = watched.filter(|watched| watched.fuse != Some(*pid));
            }
            // Whoever stands still with the guard in its hand holds up everybody else.
            Fact::Hung { host, .. } | Fact::PowerCut { host } if *host == index => watched = None,
            _ => {}
        }
    }
    let now = world.now().saturating_sub(booted);
    match watched.filter(|watched| now > watched.limit + SLACK_MS) {
        Some(watched) => Err(format!("still open at the end: {:?}", watched.record)),
        None => Ok(()),
    }
}

/// What is watched after a slot was written.
fn next(before: Option<Watched>, record: &Record, now: u64) -> Option<Watched> {
    let applying = &record.applying;
    let open = matches!(record.stage(), Stage::Armed | Stage::Switched | Stage::Signalled | Stage::Proven);
    if !open || applying.release == OUTSIDE || record.fuse.is_none() {
        return None;
    }
    let deadline =
        if record.stage() == Stage::Proven { applying.confirm_deadline } else { applying.proof_deadline };
    // A fuse that comes to watch after the deadline acts from then on.
    let begun = before.as_ref().map_or(now, |before| before.begun);
    let died = before.filter(|_| record.stage() != Stage::Proven).map_or(u64::MAX, |before| before.limit);
    Some(Watched { fuse: record.fuse, record: *record, limit: deadline.0.min(died).max(begun), begun })
}
