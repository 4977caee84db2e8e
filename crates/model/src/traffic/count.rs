//! What lines add up to.

use std::collections::HashMap;

use super::distinct::Distinct;
use super::top::Top;
use crate::diff::ChangeKey;
use crate::request::{Request, Route};

/// How many lines that could not be read are kept to be shown.
const UNREAD_SHOWN_MAX: usize = 5;
/// How much of such a line is kept.
const UNREAD_BYTES_MAX: usize = 160;
/// How many classes are told apart; more than that count as one.
const CLASSES_MAX: usize = 10_000;

/// What the lines of a log, or of several, came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    /// Lines that tell of an HTTP request.
    pub requests: u64,
    /// Lines that tell of something else: TLS on a plain port, a connection without a word.
    pub not_http: u64,
    /// Lines that are not of the format.
    pub unread: u64,
    /// The first of them.
    pub first_unread: Vec<Unread>,
    /// What changes.
    pub classes: Vec<ClassCount>,
    /// Requests of further classes.
    pub beyond: u64,
    pub(super) log: usize,
    by_key: HashMap<ChangeKey, usize>,
}

/// A line that is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The number of the log.
    pub log: usize,
    /// The number of the line, from 1.
    pub line: u64,
    /// The column up to which it fits, in bytes, from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: String,
    /// How the line begins.
    pub begins: Vec<u8>,
}

/// The requests of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCount {
    /// Which.
    pub key: ChangeKey,
    /// How many requests.
    pub requests: u64,
    /// From how many clients.
    pub clients: Distinct,
    /// The paths that were asked for most, as they stand in the log.
    pub paths: Top,
    /// One of them, and where both send it.
    pub first: Option<Box<Sides>>,
}

/// A request and where both configurations send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sides {
    /// The request.
    pub request: Request,
    /// Its way before.
    pub old: Route,
    /// Its way after.
    pub new: Route,
}

impl Counted {
    pub(super) fn unread(&mut self, line: u64, text: &[u8], at: usize, expected: impl FnOnce() -> String) {
        self.unread += 1;
        if self.first_unread.len() < UNREAD_SHOWN_MAX {
            let begins = text[..text.len().min(UNREAD_BYTES_MAX)].to_vec();
            let (log, column) = (self.log, at + 1);
            self.first_unread.push(Unread { log, line, column, expected: expected(), begins });
        }
    }

    /// The class of a key; `None` where there are too many.
    fn class(&mut self, key: ChangeKey) -> Option<&mut ClassCount> {
        let place = match self.by_key.get(&key) {
            Some(place) => *place,
            None if self.classes.len() >= CLASSES_MAX => return None,
            None => {
                let (clients, paths) = (Distinct::default(), Top::default());
                self.classes.push(ClassCount { key, requests: 0, clients, paths, first: None });
                self.by_key.insert(key, self.classes.len() - 1);
                self.classes.len() - 1
            }
        };
        self.classes.get_mut(place)
    }

    /// Keeps the first request of a class.
    pub(super) fn first(&mut self, key: ChangeKey, sides: impl FnOnce() -> Sides) {
        if let Some(class) = self.class(key) {
            class.first.get_or_insert_with(|| Box::new(sides()));
        }
    }

    pub(super) fn count(&mut self, key: ChangeKey, client: Option<u64>, path: &[u8]) {
        let Some(class) = self.class(key) else {
            self.beyond += 1;
            return;
        };
        class.requests += 1;
        class.paths.add(path);
        if let Some(client) = client {
            class.clients.add(client);
        }
    }

    /// Adds what another worker counted.
    pub fn add(&mut self, other: Counted) {
        self.requests += other.requests;
        self.not_http += other.not_http;
        self.unread += other.unread;
        self.beyond += other.beyond;
        self.first_unread.extend(other.first_unread);
        self.first_unread.sort();
        self.first_unread.truncate(UNREAD_SHOWN_MAX);
        for class in other.classes {
            let Some(known) = self.class(class.key) else {
                self.beyond += class.requests;
                continue;
            };
            known.requests += class.requests;
            known.clients.merge(&class.clients);
            known.paths.merge(&class.paths);
            known.first = known.first.take().or(class.first);
        }
    }

    /// How many requests change.
    pub fn changed(&self) -> u64 {
        self.classes.iter().map(|class| class.requests).sum::<u64>() + self.beyond
    }
}
