//! What on a host is no longer as it was released, and who made it so.

use serde::{Deserialize, Serialize};

use crate::{Actor, BundleId, Digest, HostId, Timestamp};

/// A host's tree differs from what was released, differs otherwise than before, or no longer does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// The host.
    pub host: HostId,
    /// What was released there.
    pub released: BundleId,
    /// How far it is.
    pub stage: DriftStage,
    /// What was seen since the last event; the whole is a fold over them.
    pub changes: Vec<DriftChange>,
    /// How many more there were than are named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// What it does to those who ask, one line each; filled in once it is quiet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meaning: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How far a drift is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftStage {
    /// Until now the tree was as released.
    Opened,
    /// It differs otherwise than before.
    Updated,
    /// Nobody wants to hear of it until then.
    Silenced {
        /// When it is told of again.
        until: Timestamp,
        /// Who.
        who: Actor,
        /// Why.
        why: String,
    },
    /// The time of a silence is over, and what it was about still stands there: it is told of again.
    SilenceOver,
    /// The tree and what is released are the same again.
    Ended(DriftEnd),
}

/// How a drift ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftEnd {
    /// Somebody put the files back.
    Undone,
    /// What stands there was made the released bundle.
    Adopted,
    /// A rollback brought the released files back.
    RolledBack,
    /// A release took its place.
    Released,
}

impl DriftEnd {
    /// How it ended, in a few words.
    pub fn said(self) -> &'static str {
        match self {
            Self::Undone => "somebody put the files back",
            Self::Adopted => "it was adopted",
            Self::RolledBack => "it was rolled back",
            Self::Released => "a release took its place",
        }
    }
}

/// What became of one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftChange {
    /// Where, in the tree.
    pub path: String,
    /// In what it differs from the release.
    pub how: DriftHow,
    /// What was released there.
    pub old: Option<Digest>,
    /// What stands there.
    pub new: Option<Digest>,
    /// When it was seen.
    pub at: Timestamp,
    /// Who made it so, where that is known.
    pub author: Option<Author>,
}

/// In what a path differs from the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftHow {
    /// It is not in the release.
    Added,
    /// It says something else.
    Changed,
    /// It is gone.
    Removed,
    /// Its mode was changed while we looked; no release says what it should be.
    Mode {
        /// The bits before.
        from: u32,
        /// The bits now.
        to: u32,
    },
    /// Its owner was changed while we looked.
    Owner {
        /// User and group before.
        from: (u32, u32),
        /// User and group now.
        to: (u32, u32),
    },
    /// It is as released again.
    Back,
}

/// Who changed something: a process, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    /// The command line, redacted; of the process above where this one was only its copy.
    pub command: String,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The user that it ran as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user whose login it began with, also behind `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The unit of systemd in which it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The command lines above it, the nearest first, redacted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<String>,
    /// How it is known.
    pub known_by: KnownBy,
}

/// How the author of a change is known; the first are the better ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// The kernel's audit wrote down the system call.
    Audit,
    /// The process was looked at while its opening of the file waited.
    Opening,
    /// The kernel named the process, whose start had been seen.
    Start,
    /// The kernel named the process, which was still there.
    Process,
    /// The books of a package manager, for the same file and time.
    Package,
    /// It ran, or was logged in, at that time: a possibility.
    Nearby,
}

impl KnownBy {
    /// How sure that is, in a word.
    pub fn sure(self) -> &'static str {
        match self {
            Self::Audit | Self::Opening | Self::Start | Self::Process => "certain",
            Self::Package => "likely",
            Self::Nearby => "possible",
        }
    }

    /// What that rests on, as the end of a sentence that begins with "known by".
    pub fn said(self) -> &'static str {
        match self {
            Self::Audit => "the kernel's audit",
            Self::Opening => "the open call",
            Self::Start => "its start and the event's pid",
            Self::Process => "the event's pid",
            Self::Package => "the package manager's log",
            Self::Nearby => "what ran at that time",
        }
    }
}
