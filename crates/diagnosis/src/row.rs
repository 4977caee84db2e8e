//! A row of the table: a cause, and the facts that show, settle and exclude it.

use evenkeel_fleet::watch::Failure;

use crate::Fact;
use crate::evidence::{ChangeKind, Seen};

/// A cause as the table knows it.
///
/// `{upstream}`, `{server}`, `{request}`, `{location}`, `{application}`, `{0}`, `{1}` and `{2}` in its texts are filled in from
/// the line that shows it and from the route.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub id: &'static str,
    /// What it is.
    pub says: &'static str,
    /// What a client sees of it. Empty: nothing yet; it is a danger that is named also while all is well.
    pub seen: &'static [Shape],
    /// All of them must hold.
    pub shows: &'static [Fact],
    /// One of them settles it. Empty: what shows it settles it.
    pub settles: &'static [Fact],
    /// One of them excludes it.
    pub excludes: &'static [Fact],
    /// One of them leaves it likely at most, though it is settled.
    pub doubts: &'static [Fact],
    /// Changes that bring it.
    pub changes: &'static [ChangeKind],
    /// Causes that bring this one: where one of them is found too, it comes first.
    pub follows: &'static [&'static str],
    /// What to look at first.
    pub check: &'static str,
    /// How it is mended.
    pub fix: &'static str,
}

/// What most rows leave as it is.
pub(crate) const PLAIN: Row = Row {
    id: "",
    says: "",
    seen: &[],
    shows: &[],
    settles: &[],
    excludes: &[],
    doubts: &[],
    changes: &[],
    follows: &[],
    check: "",
    fix: "",
};

/// What a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One of the classes of [`Failure::class`].
    Class(&'static str),
    /// An answer with this status.
    Status(u16),
}

impl Shape {
    pub(crate) fn fits(self, seen: &Seen) -> bool {
        match (self, &seen.failure) {
            (Self::Class(class), Some(failure)) => failure.class() == class,
            (Self::Status(status), Some(Failure::Status(got))) => *got == status,
            _ => false,
        }
    }

    /// Whether the access log may hold it: a status that is not one of success.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status),
            Self::Class(_) => None,
        }
    }
}
