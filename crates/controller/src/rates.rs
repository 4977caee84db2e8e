//! What a host answers, counted from its access logs while they are written: how many requests, which of them failed, who made
//! that, and since when the configuration that answers serves. The requests of our own probes are left out.

mod count;

use evenkeel_fleet::watch::trial::{By, Failed, Interval, Kind};
use evenkeel_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

pub use count::Counter;

/// What was answered in a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// When it began.
    pub at: Timestamp,
    /// How long it was, in milliseconds.
    pub took_ms: u64,
    /// How many requests were answered.
    pub answered: u64,
    /// Those that failed, the most frequent first.
    pub failed: Vec<Failures>,
    /// How many more were our own probes'.
    pub probes: u64,
    /// Lines that are not of their format.
    pub unread: u64,
    /// Lines may be missing.
    pub lost: bool,
    /// Since when the configuration that answers serves, and what tells it from the one before; nothing where nginx was not found.
    pub serves: Option<Serves>,
}

/// The workers that answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serves {
    /// The oldest of them, in the kernel's count of its start.
    pub generation: u64,
    /// When it began.
    pub since: Timestamp,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// Who made the status.
    pub by: Made,
    /// 4 or 5: the hundred of the status.
    pub hundred: u16,
    /// How many answers.
    pub count: u64,
    /// To how many clients.
    pub clients: u64,
    /// The upstreams that were asked last, the most frequent first, each with its count.
    pub upstreams: Vec<(String, u64)>,
}

/// Who made a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// nginx itself: no upstream was asked.
    Nginx,
    /// An upstream, or nginx where it could not ask one.
    Upstream,
    /// The log does not say.
    Unknown,
}

impl Made {
    /// Its name, as JSON and metrics have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Upstream => "upstream",
            Self::Unknown => "unknown",
        }
    }

    /// Whose they are, in words.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::Nginx => "of nginx itself",
            Self::Upstream => "of upstreams",
            Self::Unknown => "of nginx or an upstream",
        }
    }
}

impl From<By> for Made {
    fn from(by: By) -> Made {
        match by {
            By::Server => Made::Nginx,
            By::Upstream => Made::Upstream,
            By::Unknown => Made::Unknown,
        }
    }
}

impl Counts {
    /// The same, as a trial takes it.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let failed = |it: &Failures| {
            let by = match it.by {
                Made::Nginx => By::Server,
                Made::Upstream => By::Upstream,
                Made::Unknown => By::Unknown,
            };
            (Kind { by, hundred: it.hundred }, Failed { count: it.count, clients: it.clients })
        };
        Interval {
            at: self.at,
            span: Span::from_millis(self.took_ms),
            answered: self.answered,
            failed: self.failed.iter().map(failed).collect(),
        }
    }

    /// How many answers had a status of 500 and above that nginx made itself, and how many others had.
    #[must_use]
    pub fn broken(&self) -> (u64, u64) {
        let broken = self.failed.iter().filter(|it| it.hundred == 5);
        broken.fold((0, 0), |(own, other), it| match it.by {
            Made::Nginx => (own + it.count, other),
            Made::Upstream | Made::Unknown => (own, other + it.count),
        })
    }
}
