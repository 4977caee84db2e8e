//! Whoever withholds the guard of the slots when it is needed: a command that hangs with it in its hand.

use std::fs;
use std::path::PathBuf;

use evenkeel_fleet::apply::Stage;
use nix::sys::signal::Signal;

use super::KILL_WITHIN_MS;
use super::revert::RevertError;
use crate::identity::{ProcessHandle, ProcessId};
use crate::slots::{Slots, SlotsError};

/// Makes sure that the guard can be had: whoever withholds it is killed, be it the command that applies, or one that was to
/// confirm and was stopped in the middle of it. The kernel gives it back then. Whoever goes back holds it rightly, and who is
/// none of us is left alone.
pub(super) fn free_guard(
    slots: &mut Slots,
    command: Option<&ProcessHandle>,
    grace_ms: u64,
) -> Result<(), RevertError> {
    if !matches!(slots.lock(grace_ms), Err(SlotsError::Busy { .. })) {
        return Ok(());
    }
    let holder = slots.holder();
    if let Some(command) = command.filter(|command| holder.is_none_or(|holder| holder == command.id().pid)) {
        return end(command);
    }
    let goes_back =
        slots.read().is_ok_and(|record| record.is_some_and(|record| record.stage() == Stage::Reverting));
    match holder.filter(|_| !goes_back).and_then(ProcessId::of) {
        Some(holder) => end_one_of_us(slots, holder),
        None => Ok(()),
    }
}

/// Kills a process that withholds the guard, when it is an Evenkeel, and not this one.
fn end_one_of_us(slots: &Slots, holder: ProcessId) -> Result<(), RevertError> {
    if holder == ProcessId::me() {
        return Ok(());
    }
    let Some(handle) = holder.open().map_err(RevertError::Host)? else { return Ok(()) };
    // Asked with the handle in hand, so that the answers are about this process.
    let ours = program(holder.pid).is_some_and(|name| program(ProcessId::me().pid) == Some(name));
    if ours && slots.is_open_in(holder.pid) { end(&handle) } else { Ok(()) }
}

/// The name of its file, also when that was replaced meanwhile.
fn program(pid: i32) -> Option<String> {
    let file: PathBuf = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = file.file_name()?.to_string_lossy();
    Some(name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned())
}

fn end(hung: &ProcessHandle) -> Result<(), RevertError> {
    let _ended = hung.signal(Signal::SIGKILL).map_err(RevertError::Host)?;
    hung.ended_within(KILL_WITHIN_MS).map_err(RevertError::Host)?;
    Ok(())
}
