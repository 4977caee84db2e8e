//! What package managers and service managers do to a host beside any release.

use serde::{Deserialize, Serialize};

use crate::{Actor, BundleId, Evidence, FileChange, HostId};

/// A run of a package manager that touches what a host runs, or its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRun {
    /// The host.
    pub host: HostId,
    /// How far it is.
    pub stage: PackageStage,
    /// The packages that matter here.
    pub packages: Vec<PackageStep>,
    /// The login behind it, and the program that it ran.
    pub who: Actor,
    /// That program's command line, redacted.
    pub command: String,
    /// What stood in the tree before.
    pub before: Option<BundleId>,
    /// What stands there now, or would.
    pub after: Option<BundleId>,
    /// Each of their configuration files that is in the tree, and what becomes of it.
    pub conffiles: Vec<Conffile>,
    /// The files of the tree that differ.
    pub changes: Vec<FileChange>,
    /// Their text diff, redacted.
    pub diff: String,
    /// What it does to those who ask, in one line.
    pub effect: String,
    /// What was looked at, and what it says.
    pub evidence: Vec<Evidence>,
    /// What else a person should know.
    pub notes: Vec<String>,
    /// Why automatic restarts are held back since.
    pub held: Option<String>,
}

/// How far a run of a package manager is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageStage {
    /// It was looked at beforehand, and goes on.
    Begun,
    /// It was stopped before anything was unpacked: this is why.
    Stopped(String),
    /// It goes on in spite of what stood in its way.
    Overridden {
        /// What stood in its way.
        reason: String,
        /// Why somebody wanted it all the same.
        why: String,
    },
    /// It is over.
    Done,
}

/// What happens to one package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageStep {
    /// Its name.
    pub name: String,
    /// The version before; none when it is new.
    pub old: Option<String>,
    /// The version after; none when it is taken away.
    pub new: Option<String>,
}

/// One configuration file of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conffile {
    /// Where it is in the tree.
    pub path: String,
    /// Whose it is.
    pub package: String,
    /// What became of it, or will.
    pub outcome: ConffileOutcome,
}

/// What a package manager does with a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConffileOutcome {
    /// It was as the old package had it, and is now as the new one has it.
    Replaced,
    /// It had been changed here and stays so; the package's lies beside it, or is gone.
    Kept,
    /// It had been changed here, and the change lies beside it: the package's own stands in its place.
    Overwritten,
    /// Nobody decided: the package is not configured, and its file lies beside.
    Undecided,
    /// It is new.
    Appeared,
    /// It had been deleted here, and stays so.
    StaysDeleted,
    /// The new package no longer has it.
    Dropped,
}

impl ConffileOutcome {
    /// What became of the file, as the end of a sentence that begins with its name.
    pub fn said(self) -> &'static str {
        match self {
            Self::Replaced => "replaced: it was as the old package had it",
            Self::Kept => "kept as it was changed here",
            Self::Overwritten => "overwritten: what had been changed here lies beside it",
            Self::Undecided => "undecided: changed here and in the package, and nobody was asked",
            Self::Appeared => "new",
            Self::StaysDeleted => "stays deleted",
            Self::Dropped => "no longer in the package",
        }
    }
}

/// A service manager started a host's server, or had it read its tree again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// The host.
    pub host: HostId,
    /// What it did: `start`, `reload`.
    pub action: String,
    /// What stood in the tree then.
    pub bundle: BundleId,
    /// Who.
    pub who: Actor,
}

impl std::fmt::Display for PackageStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, old, new } = self;
        match (old, new) {
            (Some(old), Some(new)) if old == new => write!(f, "{name} {old}"),
            (Some(old), Some(new)) => write!(f, "{name} {old} -> {new}"),
            (None, Some(new)) => write!(f, "{name} {new} (new)"),
            (Some(old), None) => write!(f, "{name} {old} (taken away)"),
            (None, None) => f.write_str(name),
        }
    }
}

impl PackageRun {
    /// The packages on one line.
    pub fn packages(&self) -> String {
        self.packages.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
