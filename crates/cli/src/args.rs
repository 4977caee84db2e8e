//! The command line: every command, its flags and an example of its use.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use diff::Diff;
pub(crate) use drift::{Drift, DriftCommand, Silence};
pub(crate) use look::{Check, ErrorPages, Format, Init, Level, Rehearse, Route, Rules, Test, TestFormat};
pub(crate) use package::{Package, PackageCommand};
pub(crate) use probe::Probe;
pub(crate) use rates::Rates;
pub(crate) use reach::Reach;
pub(crate) use ready::Ready;
pub(crate) use watch::{Incident, IncidentCommand, Watch};
pub(crate) use why::Why;

mod diff;
mod drift;
pub(crate) mod lab;
mod look;
pub(crate) mod package;
mod probe;
mod rates;
mod reach;
mod ready;
pub(crate) mod watch;
mod why;

/// Makes nginx changes safe: checks them, applies them with a way back, and writes down what happened.
#[derive(Debug, Parser)]
#[command(
    name = "evenkeel",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    args_override_self = true
)]
#[command(
    after_help = "Exit codes: 0 clean or done · 1 the answer is no (findings, a refused or rolled-back release) · \
2 could not look.\n\nExample:\n  evenkeel check /etc/nginx\n  evenkeel apply ./nginx --message 'shop: new upstream'"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The settings file [default: /etc/evenkeel/evenkeel.toml, when it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Where the host is")]
    pub(crate) config: Option<PathBuf>,
    /// The live tree [default: /etc/nginx]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Where the host is")]
    pub(crate) config_dir: Option<PathBuf>,
    /// The nginx binary [default: /usr/sbin/nginx]; `rehearse` and `test --rehearse` take several
    #[arg(long, global = true, value_name = "FILE", help_heading = "Where the host is", action = clap::ArgAction::Append)]
    pub(crate) nginx: Vec<PathBuf>,
    /// The pid file of the running nginx [default: /run/nginx.pid]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Where the host is")]
    pub(crate) pid: Option<PathBuf>,
    /// Where Evenkeel keeps bundles, slots and the journal [default: /var/lib/evenkeel]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Where the host is")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Print one JSON document on standard output and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    pub(crate) color: When,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which way back a release is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WayBack {
    /// A reload where nginx would read the old configuration today, else parse-free.
    Auto,
    /// The old files and a reload.
    Reload,
    /// From the memory of the old master: nothing is read.
    ParseFree,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks a tree: syntax, directives, includes, rules
    Check(Check),
    /// Lists the rules, or prints one rule's documentation
    Rules(Rules),
    /// Says where a request goes, and why
    Route(Route),
    /// Says which requests change between two trees, with a witness of each
    Diff(Diff),
    /// Holds a tree against the expectations of its routes.toml
    Test(Test),
    /// Runs a tree under a real nginx in a sandbox and asks it what users would ask
    Rehearse(Rehearse),
    /// Says whether the firewall lets clients reach what a tree listens on, and which rule decides
    Reach(Reach),
    /// Counts what this host answers, from its access logs: how many failed, and who made that
    Rates(Rates),
    /// Says whether this host could go on serving or take over: certificates, firewall after a boot, queues, blocks
    Ready(Ready),
    /// A whole shop on this machine, in namespaces: to try things, to break things
    Lab(lab::Lab),
    /// An exercise in the lab: an outage to find and to repair, or the failover
    Drill(lab::Drill),
    /// Writes the pages that users see while the application does not answer, and the lines for nginx
    ErrorPages(ErrorPages),
    /// Writes evenkeel.toml and a first routes.toml for an existing tree
    Init(Init),
    /// Makes what stands in the live tree the confirmed bundle
    Adopt(Adopt),
    /// Applies a tree to this host, with a way back
    Apply(Apply),
    /// Confirms the release that waits for it
    Confirm(Confirm),
    /// Takes the open release back, or returns to an earlier bundle
    Rollback(Rollback),
    /// Lists what happened on this host
    History(History),
    /// Shows one release: who, why, what, and every answer before and after
    Show(Show),
    /// Says whether released, on disk and running agree, and whether a restart would work
    Status(Status),
    /// Says what is wrong with a URL, now: asks every layer and ranks the causes
    Why(Why),
    /// Says what is no longer as it was released, who made it so and what it does; or follows it as it happens
    Drift(Drift),
    /// Approves a change of high risk that somebody else wants to apply
    Approve(Approve),
    /// Forbids forward changes; a rollback is never forbidden
    Freeze(Freeze),
    /// Allows forward changes again
    Thaw(Thaw),
    /// Brings an interrupted host back to its confirmed bundle (run it at boot)
    Recover(Recover),
    /// Writes the post-mortem of a release that was refused or taken back, or of an incident
    Postmortem(Postmortem),
    /// Asks every host whether it answers, opens incidents and delivers alerts
    Watch(Watch),
    /// Lists, shows and takes care of incidents
    Incident(Incident),
    /// Asks whether something is up, and says how far it came, what it met, and how long each part took
    Probe(Probe),
    /// Has package managers ask before they touch nginx, and writes down what they did
    Package(Package),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel adopt --message 'certbot renewed the certificates'")]
pub(crate) struct Adopt {
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel apply ./nginx --message 'shop: new upstream'\n  evenkeel apply ./nginx \
--hold --confirm-within 5m   # then, from anywhere: evenkeel confirm\n  evenkeel apply ./nginx --way-back parse-free\n\nCtrl-C takes the release back."
)]
pub(crate) struct Apply {
    /// The tree to apply: a directory with nginx.conf
    pub(crate) tree: PathBuf,
    /// How long the host waits for a confirmation before it reverts by itself
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) confirm_within: Option<Duration>,
    /// How long a proven release is watched before it confirms itself
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) bake: Option<Duration>,
    /// How long new workers may take to be proven [default: 3s, more for large trees]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) proof_within: Option<Duration>,
    /// Wait for `evenkeel confirm` instead of confirming by itself
    #[arg(long)]
    pub(crate) hold: bool,
    /// Go on in spite of this finding (RULE or RULE:FILE); recorded
    #[arg(long, value_name = "FINDING")]
    pub(crate) accept: Vec<String>,
    /// How nginx would get back to the old configuration until it is confirmed: by reading it again (reload), from
    /// the memory of the old master, which stands by (parse-free), or the second where the first would not work (auto)
    /// [default: auto]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(crate) way_back: Option<WayBack>,
    /// Do not rehearse the change in a sandbox first; recorded
    #[arg(long)]
    pub(crate) no_rehearsal: bool,
    /// Do not ask from this machine whether the new upstreams accept connections
    #[arg(long)]
    pub(crate) offline: bool,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
    /// Check everything, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What somebody else signed (`evenkeel approve`); once for each
    #[arg(long, value_name = "FILE", help_heading = "Approval of what is a high risk")]
    pub(crate) approval: Vec<PathBuf>,
    /// Change nothing; write what somebody else would have to sign to this file (- for standard output)
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Approval of what is a high risk",
        conflicts_with = "approval"
    )]
    pub(crate) request_approval: Option<PathBuf>,
    /// How long the approval that is asked for shall be good; 7 days at most
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "24h", hide_default_value = true, help_heading = "Approval of what is a high risk")]
    pub(crate) good_for: Duration,
    /// Go forward without approval and in spite of a freeze; says so everywhere
    #[arg(long, value_name = "WHY", help_heading = "Approval of what is a high risk")]
    pub(crate) emergency: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example (alice asks, bob signs, alice applies):\n  alice$ evenkeel apply ./nginx --request-approval \
shop.request\n  bob$   evenkeel approve shop.request --key ~/.ssh/id_ed25519\n  alice$ evenkeel apply ./nginx \
--approval shop.request.approved\n\nThe signature is ssh-keygen's (-Y sign -n evenkeel-approval): keys in an agent and on \
a token work too, a key in an agent by its public half.\nWho may approve is in the file of allowed signers on the host: \
[approval] allowed-signers in evenkeel.toml."
)]
pub(crate) struct Approve {
    /// What `evenkeel apply --request-approval` wrote
    pub(crate) request: PathBuf,
    /// The SSH key to sign with
    #[arg(long, short, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Where to write what is approved [default: REQUEST.approved]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel confirm")]
pub(crate) struct Confirm {}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel rollback            # the open release, else to the bundle before\n  \
evenkeel rollback --to r12   # to what r12 released"
)]
pub(crate) struct Rollback {
    /// The release (r12) or bundle (first characters of its digest) to return to
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel history --limit 5")]
pub(crate) struct History {
    /// How many releases at most, newest first
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel show r12")]
pub(crate) struct Show {
    /// The release, such as r12; or `packages`: what a package manager did last; or `drift`: the last drift, from its beginning
    pub(crate) id: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel status --json\n\nExit codes: 0 all agree and a restart would work · 1 they \
differ, or it would not · 2 could not look."
)]
pub(crate) struct Status {}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel freeze --message 'big sale' --for 3d\n  evenkeel freeze --message 'until we know more'"
)]
pub(crate) struct Freeze {
    /// How long; until `evenkeel thaw` when not said
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub(crate) for_time: Option<Duration>,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel thaw --message 'sale is over'")]
pub(crate) struct Thaw {
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example (a unit ordered before nginx.service):\n  evenkeel recover")]
pub(crate) struct Recover {}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel postmortem r12 > r12.md\n  evenkeel postmortem i7 --html i7.html > i7.md\n  \
evenkeel postmortem --since 24h"
)]
pub(crate) struct Postmortem {
    /// The release or the incident, such as r12 or i7
    #[arg(required_unless_present = "since")]
    pub(crate) id: Option<String>,
    /// Every release since: a time (2026-11-21T09:00:00Z, 2026-11-21) or how long ago (90m, 24h, 7d)
    #[arg(long, value_name = "TIME", conflicts_with = "id")]
    pub(crate) since: Option<String>,
    /// Write one page of HTML with charts too, which needs nothing beside it (of an incident)
    #[arg(long, value_name = "FILE", conflicts_with = "since")]
    pub(crate) html: Option<PathBuf>,
    /// Do not play the change once more through check, diff, test and rehearse (of an incident)
    #[arg(long)]
    pub(crate) no_replay: bool,
}

/// Reads `500ms`, `10s`, `5m` or `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("\"{text}\" is not a time; write for example 500ms, 10s or 5m"))?;
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => return Err(format!("\"{other}\" is not a unit of time; use ms, s, m, h or d")),
    };
    let ms = number.checked_mul(unit).filter(|ms| *ms <= 365 * 86_400_000);
    ms.map(Duration::from_millis).ok_or_else(|| format!("\"{text}\" is longer than a year"))
}
