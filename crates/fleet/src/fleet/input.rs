//! What the world tells the fleet.

use crate::journal::{
    Adoption, By, Drift, PackageRun, Phase, Proposal, Recovery, Revert, RouteAnswer, Served,
};
use crate::{Actor, Evidence, Generation, HostId, ReleaseId, Timestamp};

/// What a caller tells the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What stands on a host shall be its confirmed bundle. `before` is filled in by the fleet.
    Adopt(Adoption),
    /// A host shall go to another bundle. [`Turn::proposed`](crate::Turn::proposed) gives the number.
    Propose(Proposal),
    /// A stage proved or saw something. When every gate of the policy holds the host is ordered to apply, so
    /// the answers of before must be told before the last gate.
    Saw {
        /// The release.
        release: ReleaseId,
        /// What it proved or saw.
        evidence: Evidence,
    },
    /// Live routes answered. Told while the release is open, or after it ended.
    Answered {
        /// The release.
        release: ReleaseId,
        /// When they were asked.
        phase: Phase,
        /// One a route.
        answers: Vec<RouteAnswer>,
    },
    /// A host says something about its open release.
    Reported {
        /// The host.
        host: HostId,
        /// The last order that it accepted.
        generation: Generation,
        /// What it says.
        report: Report,
    },
    /// A person confirms a proven release.
    Confirm {
        /// The release.
        release: ReleaseId,
        /// Who.
        who: Actor,
    },
    /// An open release shall end: refused when the host knows nothing of it, else reverted. Saying it again
    /// gives the order again. To go back from a confirmed release, propose its old bundle.
    Rollback {
        /// The release.
        release: ReleaseId,
        /// Who decided.
        by: By,
        /// Why.
        why: String,
    },
    /// No forward change from now on.
    Freeze {
        /// The host it is about; all when absent.
        scope: Option<HostId>,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
        /// When it ends by itself, if it does.
        until: Option<Timestamp>,
    },
    /// Forward changes again.
    Thaw {
        /// The scope of the freeze.
        scope: Option<HostId>,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
    },
    /// A host came back from a crash or a boot.
    Recovered(Recovery),
    /// Something worth knowing.
    Note {
        /// The host it is about.
        host: Option<HostId>,
        /// The release it is about.
        release: Option<ReleaseId>,
        /// Who says it.
        who: Actor,
        /// What they say.
        text: String,
    },
    /// A package manager touches what a host runs, or its tree.
    Packages(PackageRun),
    /// A service manager started a host's server, or had it read its tree again.
    Served(Served),
    /// What stands on a host is not what was released, or is again.
    Drift(Drift),
    /// Time has passed.
    Tick,
}

/// What a host says about its open release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It proved or saw something.
    Saw(Evidence),
    /// The new contents stand in its tree.
    Switched,
    /// New workers serve the new bundle, or do not.
    Proven(Evidence),
    /// The bundle is permanent.
    Confirmed,
    /// It refused before the switch and is as it was.
    Refused(Evidence),
    /// It never began; nothing of the order is on its disk.
    NeverBegan,
    /// Somebody else had written to these paths; nothing was overwritten.
    Conflict(Vec<String>),
    /// It went back.
    Reverted(Revert),
}

impl Report {
    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Saw(_) => "saw",
            Self::Switched => "switched",
            Self::Proven(_) => "proven",
            Self::Confirmed => "confirmed",
            Self::Refused(_) => "refused",
            Self::NeverBegan => "never began",
            Self::Conflict(_) => "conflict",
            Self::Reverted(_) => "reverted",
        }
    }
}
