//! Everything that a rehearsal saw.

use serde::Serialize;

use crate::finding::Finding;
use crate::load::Loaded;

pub mod text;

/// A rehearsal, told.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Report {
    /// What is wrong, or worth knowing; the worst first.
    pub findings: Vec<Finding>,
    /// How the sandbox was built: `ident`, `subid`, `alias`, or `reduced`.
    pub mode: String,
    /// In what it differed from this host, in sentences for people.
    pub differences: Vec<String>,
    /// What was seen with each nginx.
    pub runs: Vec<Run>,
    /// Whether the upstreams accept connections from here; empty with `--offline`.
    pub upstreams: Vec<Upstream>,
    /// How long it took.
    pub timings: Timings,
}

/// What was seen with one nginx.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Run {
    /// The binary.
    pub nginx: String,
    /// What it says that it is: `1.22.1`.
    pub version: Option<String>,
    /// The way from the live tree to the proposed one by a reload; `None` without a live tree.
    pub transition: Option<Step>,
    /// A fresh start of the proposed tree, as after a reboot.
    pub start: Option<Step>,
    /// The requests that were asked.
    pub asked: Vec<Asked>,
    /// What users see when upstreams are down.
    pub down: Vec<Down>,
    /// What came of the volume of requests that was asked for; `None`: none was, or it could not be played.
    pub load: Option<Loaded>,
}

/// A start or a reload.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Step {
    /// Whether the proposed tree is served after it.
    pub works: bool,
    /// What that rests on, or nginx's own words.
    pub said: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// One request, asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asked {
    /// Its name in `routes.toml`, or the server or location that it is a witness of.
    pub name: String,
    /// The request: `GET https://shop.example.com/cart`.
    pub request: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What the model said, in one sentence.
    pub predicted: String,
    /// What that rests on; empty: it was exact.
    pub depends_on: Vec<String>,
    /// What the proposed tree answered.
    pub new: Observed,
    /// What the live tree answered; `None` when it was not asked.
    pub old: Option<Observed>,
    /// Whether the two differ.
    pub changed: bool,
    /// Why it is not as it should be; `None`: it is.
    pub fails: Option<String>,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// `routes.toml`
    Routes,
    /// The witness of a predicted change.
    Change,
    /// The witness of a server or a location.
    Witness,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Observed {
    /// The status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The `Location` header.
    pub location: Option<String>,
    /// The upstream that was reached: the name of its block, or its address where it stands in a `proxy_pass`.
    pub upstream: Option<String>,
    /// The address that was reached, as it stands in the tree.
    pub address: Option<String>,
    /// The request target that reached it.
    pub target: Option<String>,
    /// What a page says that nginx itself gave, in a few words; `None` when it had no body or an upstream answered.
    pub page: Option<String>,
    /// The names of the headers that a configuration or an application gives, in lower case and sorted.
    pub headers: Vec<String>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// Whether it cannot be asked in a rehearsal: nothing rests on it.
    pub not_asked: bool,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// A target of the tree, asked from this host's own position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// The address as it stands.
    pub address: String,
    /// The upstream block that has it; `None` for one that stands in a `proxy_pass`.
    pub upstream: Option<String>,
    /// The file that names it first.
    pub file: String,
    /// The line.
    pub line: u32,
    /// Whether it accepts connections.
    pub accepts: bool,
    /// `accepted`, `refused`, `timed out`, `no such name`, …
    pub said: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether the live tree names it, too.
    pub in_live: bool,
}

/// What users see when upstreams are down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Down {
    /// What was down: an upstream's name or address, or `everything`.
    pub what: String,
    /// The request that reached it before.
    pub request: String,
    /// What came back.
    pub seen: Observed,
    /// Whether another server of the upstream answered.
    pub took_over: bool,
}

/// How long a rehearsal took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
pub struct Timings {
    /// From the beginning of the command until nginx gave its first answer inside, in milliseconds.
    pub first_answer_ms: Option<u64>,
    /// All of it, in milliseconds.
    pub total_ms: u64,
}

impl Report {
    /// The findings that are in the way of a release and that nobody accepted.
    pub fn blocking<'a>(&'a self, accepted: &'a [String]) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.blocks() && !finding.is_accepted(accepted))
    }
}
