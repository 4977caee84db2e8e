//! `expect.toml`: what the change was, and who catches it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `expect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// What happened, as a headline.
    pub(super) title: String,
    /// What the change was, in plain words.
    pub(super) changed: String,
    /// Whose outage this was; none for a good change.
    pub(super) outage: Option<Outage>,
    /// More flags for `evenkeel apply`.
    #[serde(default)]
    pub(super) apply: Vec<String>,
    /// How a release of `after/` ends, as `evenkeel apply --json` says it.
    pub(super) outcome: String,
    /// Who may catch it in `apply`; whoever is first does.
    #[serde(default)]
    pub(super) caught_by: Vec<String>,
    /// What the reason says, among other things.
    #[serde(default)]
    pub(super) reason: String,
    pub(super) alone: Alone,
    /// The other commands that catch it, by the name of the floor, with a part of what they say.
    #[serde(default)]
    pub(super) floors: BTreeMap<String, String>,
    /// Who will catch it, or catch it sooner, and how.
    #[serde(default)]
    pub(super) to_come: BTreeMap<String, String>,
}

/// Where it happened, and for how long.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outage {
    /// The letter or number that we call it by.
    pub(super) name: String,
    /// How long, where it is known.
    pub(super) minutes: Option<u32>,
    /// Who noticed, for example "80 % of users".
    pub(super) who: String,
    /// Where one can read about it.
    pub(super) source: String,
}

/// What nginx does when `after/` is copied over the tree and reloaded, with nobody to watch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alone {
    /// Whether `nginx -t` accepts it.
    pub(super) check_accepts: bool,
    /// Whether `nginx -s reload` ends with 0.
    pub(super) reload_accepts: bool,
    /// What the error log then holds; empty: nothing is asked of it.
    #[serde(default)]
    pub(super) log: String,
    /// The same as a sentence.
    pub(super) then: String,
}
