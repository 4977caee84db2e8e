//! What to ask, and where, as data.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Ask;

/// One question: it is asked as often as somebody likes, and always means the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spec {
    /// Where to connect: an address, whatever name is asked for there.
    pub target: Target,
    /// What to ask.
    pub ask: Ask,
    /// How long it may take.
    #[serde(default)]
    pub limits: Limits,
    /// Whether the first line is one of the PROXY protocol (version 1), as a balancer in front would send it.
    #[serde(default)]
    pub proxy_protocol: bool,
}

/// No question takes longer, whatever is asked for.
const WHOLE_MAX: Duration = Duration::from_secs(120);

/// How long parts of a question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// How long until a connection stands. A host that is not there is known as such after 3 s of silence on its link;
    /// a limit below that calls it filtered.
    pub connect_ms: u64,
    /// How long all of it may take, from the first packet to the last byte.
    pub whole_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect_ms: 4_000, whole_ms: 10_000 }
    }
}

impl Limits {
    /// One limit for everything.
    #[must_use]
    pub fn within(limit: Duration) -> Limits {
        let ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Limits { connect_ms: ms, whole_ms: ms }
    }

    /// How long until a connection stands; never longer than the whole.
    #[must_use]
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms).min(self.whole())
    }

    /// How long all of it may take; never longer than two minutes.
    #[must_use]
    pub fn whole(&self) -> Duration {
        Duration::from_millis(self.whole_ms).min(WHOLE_MAX)
    }
}

/// Where a probe connects to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// An address and port.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as ADDRESS:PORT or unix:/PATH")]
pub struct BadTarget(String);

impl FromStr for Target {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, BadTarget> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse().map(Self::Tcp).map_err(|_| BadTarget(text.chars().take(200).collect()))
    }
}

impl TryFrom<String> for Target {
    type Error = BadTarget;

    fn try_from(text: String) -> Result<Self, BadTarget> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
