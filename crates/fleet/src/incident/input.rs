//! What the world tells of incidents.

use crate::journal::{Clue, Drift, Finding, Maintenance, NoteKind, Replay, Seen};
use crate::{Actor, AlertId, IncidentId, Span, Timestamp};

/// What a caller tells [`Incidents`](super::Incidents).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Something changed that is only written down.
    Seen(Seen),
    /// A host's tree is no longer, or again, as it was released: written down, so that it stands beside what came of it.
    Drift(Drift),
    /// Evidence that something is wrong. Telling it again changes nothing.
    Report(Clue),
    /// Evidence is gone. Telling it again changes nothing.
    Clear {
        /// Its key.
        key: String,
        /// Since when.
        at: Timestamp,
        /// Why, for people.
        why: String,
    },
    /// Two incidents are one, somebody says.
    Merge {
        /// The one that ends.
        incident: IncidentId,
        /// The one that goes on.
        into: IncidentId,
        /// Why.
        why: String,
    },
    /// A cause was looked for.
    Diagnosed {
        /// Of which incident.
        incident: IncidentId,
        /// What was found.
        finding: Finding,
    },
    /// What had been changed was played once more.
    Replayed {
        /// Of which incident.
        incident: IncidentId,
        /// What came of it.
        replay: Replay,
    },
    /// Somebody takes care of it.
    Ack {
        /// Which.
        incident: IncidentId,
        /// Who.
        who: Actor,
    },
    /// Somebody says something about it, also when it is over.
    Note {
        /// Which.
        incident: IncidentId,
        /// Who.
        who: Actor,
        /// What it is for the post-mortem.
        kind: NoteKind,
        /// What they say.
        text: String,
    },
    /// Somebody says who does what is to be done about it, also when it is over.
    Task {
        /// Which.
        incident: IncidentId,
        /// Who says so.
        who: Actor,
        /// What is to be done.
        task: String,
        /// Who does it.
        owner: Option<String>,
        /// Until when.
        due: Option<Timestamp>,
        /// What closed it.
        closed_by: Option<String>,
    },
    /// Nobody wants to hear of it for a time.
    Silence {
        /// Which.
        incident: IncidentId,
        /// Who wants that.
        who: Actor,
        /// Why.
        why: String,
        /// When it ends.
        until: Timestamp,
    },
    /// A person says that it is over.
    Resolve {
        /// Which.
        incident: IncidentId,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
        /// Even if its evidence still stands; what still fails opens another one.
        force: bool,
    },
    /// Somebody plans to work on hosts, or calls it off.
    Maintain(Maintenance),
    /// An alert is to be sent through a channel now.
    Send {
        /// The alert.
        alert: AlertId,
        /// The channel.
        channel: String,
    },
    /// The other side has it.
    Accepted {
        /// The alert.
        alert: AlertId,
        /// The channel.
        channel: String,
        /// What the other side said.
        receipt: String,
    },
    /// The other side does not have it yet.
    Failed {
        /// The alert.
        alert: AlertId,
        /// The channel.
        channel: String,
        /// Why, without secrets.
        why: String,
        /// Whether the other side may have it all the same.
        perhaps: bool,
        /// How long it wants to be left alone.
        retry_after: Option<Span>,
    },
    /// The other side will never take it.
    Unwanted {
        /// The alert.
        alert: AlertId,
        /// The channel.
        channel: String,
        /// Why, without secrets.
        why: String,
    },
    /// Time has passed.
    Tick,
}
