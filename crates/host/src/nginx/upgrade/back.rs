//! Going back to a master that stood by: it is woken, the new one is ended. Nothing is read.

use std::path::PathBuf;
use std::time::Duration;

use super::{LOOK_EVERY, USR2, WINCH, has_begun, is_forking, newer, orphans, serving};
use crate::clock::boottime_ms;
use crate::identity::ProcessId;
use crate::nginx::control::{self, Reload, SignalError};
use crate::nginx::generation::{BUSY_MAX, Before, hears};
use crate::nginx::proc;
use crate::nginx::title::Role;

/// How long a master that was woken may take to start its workers before the new one is ended all the same, and how
/// long one whose new master was killed may take to wake by itself.
const AWAKE_WITHIN: Duration = Duration::from_secs(2);
/// How soon is looked again while every millisecond counts.
const LOOK_SOON: Duration = Duration::from_micros(300);
/// How long workers whose master was told to end may go on taking requests before they are told themselves.
const PATIENCE_MS: u64 = 500;

/// How going back went, up to the last signal.
#[derive(Debug)]
pub struct Told {
    /// How things stood before, for the proof of what serves now.
    pub before: Before,
    /// The signal to the old master, or the moment at which none was needed.
    pub reload: Reload,
    /// The new master, when one still finishes its requests.
    pub finishing: Option<ProcessId>,
    /// Workers of the new configuration that take requests in spite of everything.
    pub stubborn: Vec<ProcessId>,
}

/// Has `old` start its workers from memory, if it has sent them away, and ends the master that it started. May be called
/// any number of times, and at any moment after the signal that was to start that master. `rested` says whether the
/// workers of `old` were sent away, or were just about to be. `logs` are for the proof.
///
/// # Errors
/// [`SignalError`] when `old` has ended or cannot be signalled.
pub fn go_back(
    old: ProcessId,
    new: Option<ProcessId>,
    rested: bool,
    logs: &[PathBuf],
) -> Result<Told, SignalError> {
    // A signal that it has not taken yet would start a new one behind our back.
    wait(BUSY_MAX, LOOK_SOON, || {
        !old.lives() || proc::status(old.pid).is_ok_and(|it| it.pending & USR2 == 0)
    });
    wait(BUSY_MAX, LOOK_SOON, || {
        !old.lives()
            || newer(old).is_some()
            || proc::status(old.pid).is_ok_and(|it| hears(&it)) && !is_forking(old)
    });
    let mut new = newer(old).or(new).filter(|new| new.lives());
    if let Some(early) = new.filter(|new| !has_begun(*new)) {
        // It has no workers yet: to be killed is to be refused.
        let _has_ended = control::kill(early);
        wait(AWAKE_WITHIN, LOOK_SOON, || !early.lives());
        new = None;
    }
    if rested && new.is_some() && !serving(old).is_empty() {
        // Workers that are about to leave look like workers that serve. Told once more, all of them leave.
        let _has_ended = control::rest(old);
        wait(AWAKE_WITHIN, LOOK_SOON, || serving(old).is_empty());
    }
    if rested {
        // Of two signals at once it takes the reload first, and sends the workers away that this has started
        // (`ngx_master_process_cycle`, src/os/unix/ngx_process_cycle.c: `ngx_reconfigure` comes before `ngx_noaccept`).
        wait(AWAKE_WITHIN, LOOK_SOON, || {
            !old.lives() || proc::status(old.pid).is_ok_and(|it| it.pending & WINCH == 0 && hears(&it))
        });
    }
    if new.is_none() && serving(old).is_empty() {
        // Its new master was killed, and it starts its workers by itself (`ngx_reap_children`).
        wait(AWAKE_WITHIN, LOOK_SOON, || !serving(old).is_empty() || !old.lives());
    }
    let before = Before::woken(old, logs);
    let reload = if serving(old).is_empty() {
        let reload = control::reload(old)?;
        wait(AWAKE_WITHIN, LOOK_SOON, || {
            !serving(old).is_empty() && proc::status(old.pid).is_ok_and(|it| hears(&it))
        });
        reload
    } else {
        Reload { master: old, sender: 0, sent_ms: boottime_ms() }
    };
    if let Some(new) = new {
        let _has_ended = control::quit(new);
    }
    for orphan in orphans(old) {
        let _has_ended = control::quit(orphan);
    }
    let stubborn = || new.map(serving).unwrap_or_default().into_iter().chain(left_behind(old, new));
    let began_ms = boottime_ms();
    let mut told_themselves = false;
    let gone = wait(AWAKE_WITHIN, LOOK_EVERY, || {
        let still: Vec<ProcessId> = stubborn().collect();
        if !told_themselves && boottime_ms() - began_ms > PATIENCE_MS {
            told_themselves = true;
            for worker in &still {
                let _has_ended = control::quit(*worker);
            }
        }
        still.is_empty()
    });
    let stubborn = if gone { Vec::new() } else { stubborn().collect() };
    Ok(Told { before, reload, finishing: new.filter(|new| new.lives()), stubborn })
}

/// Orphans are looked for only when their master has ended: all processes are.
fn left_behind(old: ProcessId, new: Option<ProcessId>) -> Vec<ProcessId> {
    let is_serving = |id: &ProcessId| proc::role_of(*id) == Some(Role::Worker);
    match new.filter(|new| new.lives()) {
        Some(_) => Vec::new(),
        None => orphans(old).into_iter().filter(is_serving).collect(),
    }
}

/// Waits until something holds, and says whether it does.
fn wait(limit: Duration, pause: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let end_ms = boottime_ms().saturating_add(limit_ms);
    loop {
        if holds() {
            return true;
        }
        if boottime_ms() >= end_ms {
            return false;
        }
        std::thread::sleep(pause);
    }
}
