//! Who is told of what, and what belongs together: what a person decides.

use std::collections::BTreeMap;

use crate::journal::Severity;
use crate::{HostId, Span};

/// How incidents are opened, merged and told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Evidence of the same probe or upstream that begins within this time of an incident is part of it.
    pub merge_within: Span,
    /// Evidence of the same host that begins this long after the last of an incident is still part of it.
    pub join_within: Span,
    /// An incident whose evidence is gone for this long is over.
    pub resolve_after: Span,
    /// What each host depends on: nobody is alerted of it while one of those has an incident.
    pub depends: BTreeMap<HostId, Vec<HostId>>,
    /// Where alerts go.
    pub channels: Vec<Channel>,
    /// How often to say that something is still there and nobody takes care of it.
    pub remind_every: Option<Span>,
}

/// One way to whoever is on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// It is told of incidents that are at least this bad.
    pub severity: Severity,
    /// It is told of these hosts; of all when there is none.
    pub hosts: Vec<HostId>,
    /// Whether it is only used in place of another one, or when nobody takes care.
    pub reserve: bool,
    /// Which one takes its place when it does not accept.
    pub fallback: Option<String>,
    /// After this long.
    pub fallback_after: Span,
    /// Or after so many failures in a row.
    pub fallback_failures: u32,
    /// It is told when nobody takes care of an incident for this long.
    pub escalate_after: Option<Span>,
    /// What it could not deliver for this long is given up.
    pub give_up_after: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            merge_within: Span::from_secs(60),
            join_within: Span::from_secs(300),
            resolve_after: Span::from_secs(120),
            depends: BTreeMap::new(),
            channels: Vec::new(),
            remind_every: None,
        }
    }
}

impl Channel {
    /// A channel that is told of everything, with the usual limits.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            severity: Severity::Note,
            hosts: Vec::new(),
            reserve: false,
            fallback: None,
            fallback_after: Span::from_secs(30),
            fallback_failures: 3,
            escalate_after: None,
            give_up_after: Span::from_secs(24 * 3600),
        }
    }

    /// Whether it is told of this at all.
    pub(super) fn wants(&self, severity: Severity, hosts: &[&HostId]) -> bool {
        let here =
            self.hosts.is_empty() || hosts.is_empty() || hosts.iter().any(|it| self.hosts.contains(it));
        severity >= self.severity && here
    }
}

impl Settings {
    /// The channel of that name.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }
}
