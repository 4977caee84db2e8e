//! What a watch is made of, what it is told, and who is shown what it sees.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_fleet::journal::{Clue, Drift, Finding, Replay, Seen, Severity};
use evenkeel_fleet::watch::verdict::{Rules, Verdict};
use evenkeel_fleet::watch::{ProbeId, Sample, VantageId};
use evenkeel_fleet::{Event, HostId, IncidentId, Timestamp};
use evenkeel_host::probe::{Certificate, Spec};
use evenkeel_store::StoreError;

use super::{AliveError, Askers, cause};
use crate::notify::Came;
use crate::outbox::{Courier, Heartbeat};
use crate::rates::Counts;
use crate::ready::Readiness;

/// One probe of one host from one vantage.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What it is called.
    pub probe: ProbeId,
    /// Whom it asks.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// How often.
    pub every: Duration,
    /// What is asked.
    pub spec: Spec,
    /// The upstream behind it, where somebody said so.
    pub upstream: Option<String>,
    /// How bad it is when it fails.
    pub severity: Severity,
}

/// Everything that a watch is made of.
#[derive(Debug)]
pub struct Plan {
    /// What tells it from another watch.
    pub installation: String,
    /// What is asked.
    pub asked: Vec<Asked>,
    /// From where, and who asks there.
    pub askers: Askers,
    /// When samples add up to a verdict.
    pub rules: Rules,
    /// Where alerts go, and how.
    pub courier: Courier,
    /// The sign of life.
    pub heartbeat: Option<Heartbeat>,
    /// Where metrics are given, on this machine.
    pub metrics: Option<SocketAddr>,
    /// Where the journal is.
    pub state_dir: PathBuf,
    /// Who looks for causes.
    pub looker: Option<Box<dyn cause::Looker>>,
    /// Hosts whose drift is followed: the command that ends in `evenkeel drift --follow --json` over there.
    pub follow: BTreeMap<HostId, Vec<String>>,
    /// Hosts whose answers are counted: the command that ends in `evenkeel rates --follow --json` over there.
    pub rates: BTreeMap<HostId, Vec<String>>,
    /// Hosts that are asked whether they are ready: the command that ends in `evenkeel ready` over there.
    pub ready: BTreeMap<HostId, Vec<String>>,
    /// How often, when nothing happens.
    pub ready_every: Duration,
}

/// What others tell the loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// An answer to a probe.
    Sample(Sample),
    /// Evidence that something is wrong.
    Clue(Clue),
    /// Evidence is gone.
    Clear {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
    /// Something changed that is only written down.
    Seen(Seen),
    /// What a host writes down of its drift.
    Drift(Drift),
    /// What a host answered in a while.
    Rates {
        /// Which.
        host: HostId,
        /// What.
        counts: Counts,
    },
    /// What a host says of itself.
    Ready {
        /// Which.
        host: HostId,
        /// When it was asked.
        asked: Timestamp,
        /// What it says.
        says: Readiness,
    },
    /// A certificate that a probe was shown.
    Shown {
        /// By which probe.
        probe: ProbeId,
        /// From which host.
        host: HostId,
        /// The certificate.
        certificate: Certificate,
    },
    /// Something keeps us from looking, or no longer does.
    Trouble(String),
    /// A vantage cannot be relied upon, or can be again.
    Vantage {
        /// Which.
        vantage: VantageId,
        /// Why not.
        unfit: Option<String>,
    },
    /// A vantage could not be reached; its next answer shows that it can be again.
    Deaf {
        /// Which.
        vantage: VantageId,
        /// Why not.
        why: String,
    },
    /// Somebody has looked for a cause, whatever came of it, and may look again.
    Looked(IncidentId),
    /// What came of looking for a cause.
    Finding(IncidentId, Finding),
    /// What came of playing a change once more.
    Replayed(IncidentId, Replay),
    /// What came of a sign of life.
    Beat(Came),
}

/// Who is shown what happens.
pub trait Viewer {
    /// A verdict is another one.
    fn verdict(&mut self, at: Timestamp, probe: &ProbeId, host: &HostId, verdict: &Verdict);
    /// Something was written down.
    fn event(&mut self, event: &Event);
    /// Something keeps the watch from its work, or no longer does.
    fn trouble(&mut self, at: Timestamp, what: &str);
}

/// Why a watch could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// Somebody else watches, or the place for the mark cannot be used.
    #[error(transparent)]
    Alive(#[from] AliveError),
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing would be asked.
    #[error("watch: there is nothing to ask (no [[probe]], and no live route)")]
    Nothing,
    /// The place for metrics cannot be used.
    #[error("give metrics on {address}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        source: std::io::Error,
    },
}
