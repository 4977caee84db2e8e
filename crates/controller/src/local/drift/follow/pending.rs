//! A path at which something happened, until it is looked at.

use std::time::{Duration, Instant};

use evenkeel_fleet::journal::Author;

/// A new file of a program that still runs is looked at after so long: many write one beside and rename it.
const NEWBORN: Duration = Duration::from_millis(25);

/// A path at which something happened.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) author: Option<Author>,
    pub(super) first: Option<Instant>,
}

impl Pending {
    /// Whether a new file may be one that its program is about to give another name.
    pub(super) fn newborn(&self) -> bool {
        let lives = |pid: i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
        self.first.is_some_and(|first| first.elapsed() < NEWBORN)
            && self.author.as_ref().and_then(|author| author.pid).is_none_or(lives)
    }
}
