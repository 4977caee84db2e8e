//! What the command line makes of bad input: a clear answer, and the host as it was.

mod command_line;
mod conflict;
mod disk;
mod interrupted;
mod journal;
mod nginx;
#[path = "../support/mod.rs"]
mod support;
mod trees;

use support::Ran;

/// Holds that nothing fell over: no panic, and an error or an answer that says something.
#[track_caller]
fn is_clear(ran: &Ran) {
    assert!(!ran.said().contains("panicked") && ran.code >= 0, "{ran:?}");
    assert!(
        ran.code != 2 || ran.err.starts_with("evenkeel: failed to ") || !ran.out.is_empty(),
        "no word: {ran:?}"
    );
}
