//! The arguments of `watch` and `incident`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use evenkeel_controller::when;
use evenkeel_fleet::Timestamp;

use super::duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel watch --once              # ask everything now, and say how it stands\n  evenkeel watch               \
      # until SIGTERM: open incidents, deliver alerts\n  evenkeel watch --json | jq .       # one document a line\n\n\
What is asked, from where, and who is told stands in evenkeel.toml:\n  [[host]]     name, address, depends-on\n  [[probe]]    \
name, and one of url, tcp, tls, dns\n  [watch]      every, agree, metrics, heartbeat\n  [[alert]]    name, kind, fallback\n\
The live routes of routes.toml are asked too.\n\nExit codes: 0 it was told to stop, or (--once) all is as expected · 1 (--once) \
something is not · 2 could not look."
)]
pub(crate) struct Watch {
    /// Ask everything once, say how it stands, and tell nobody else
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel incident list\n  evenkeel incident show i3\n  evenkeel incident ack i3\n  evenkeel incident note i3 \
--kind suspect 'the database?'\n  evenkeel incident silence i3 --for 2h --message 'spare part is on its way'\n  evenkeel incident \
maintenance kernel --for 1h --host web-1"
)]
pub(crate) struct Incident {
    #[command(subcommand)]
    pub(crate) command: IncidentCommand,
}

/// What there is to do about incidents.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Lists the incidents that are not over: exit 1 when there is one
    List(List),
    /// Shows one: its evidence, its times, its alerts, and what happened
    Show(Which),
    /// Says that you take care of it; nobody else is called
    Ack(Which),
    /// Says that it is over
    Resolve(Resolve),
    /// Writes something down for the post-mortem
    Note(Note),
    /// Says who does a task of its post-mortem, until when, or what it was done by
    Task(Task),
    /// Keeps its alerts back for a time; it is watched all the same
    Silence(Silence),
    /// Says that two are one
    Merge(Merge),
    /// Plans work on hosts: nobody is alerted of them meanwhile
    Maintenance(Maintenance),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel incident list --all --json")]
pub(crate) struct List {
    /// Those that are over, too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel incident show i3")]
pub(crate) struct Which {
    /// The incident, such as i3
    pub(crate) id: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel incident resolve i3 --message 'took the release back'")]
pub(crate) struct Resolve {
    /// The incident, such as i3
    pub(crate) id: String,
    /// Even if its evidence still stands: what still fails opens another one
    #[arg(long)]
    pub(crate) force: bool,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel incident note i3 --kind ruled-out 'not the database: it answers in 2 ms'"
)]
pub(crate) struct Note {
    /// The incident, such as i3
    pub(crate) id: String,
    /// What to write down
    pub(crate) text: String,
    /// What it is for the post-mortem
    #[arg(long, value_enum, default_value_t = Kind::Note)]
    pub(crate) kind: Kind,
}

/// What a note is for the post-mortem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Something worth knowing.
    Note,
    /// Something that was done.
    Action,
    /// A suspicion that is followed from now on.
    Suspect,
    /// The end of a suspicion.
    RuledOut,
    /// The cause.
    Cause,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel incident task i3 'repair the channel pager' --owner anna --due 2026-12-01\n  \
                  evenkeel incident task i3 'repair the channel pager' --done r14"
)]
pub(crate) struct Task {
    /// The incident, such as i3
    pub(crate) id: String,
    /// The text of a task, or its beginning; a text that no task has is a new one
    pub(crate) task: String,
    /// Who does it
    #[arg(long, value_name = "NAME", required_unless_present_any = ["due", "done"])]
    pub(crate) owner: Option<String>,
    /// Until which day, such as 2026-12-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) due: Option<Timestamp>,
    /// What closed it: a release, a commit, a ticket
    #[arg(long, value_name = "BY")]
    pub(crate) done: Option<String>,
}

fn day(text: &str) -> Result<Timestamp, String> {
    when::end_of_day(text).ok_or_else(|| "a day is written as 2026-12-01".to_owned())
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel incident silence i3 --for 2h --message 'spare part is on its way'"
)]
pub(crate) struct Silence {
    /// The incident, such as i3
    pub(crate) id: String,
    /// How long
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub(crate) for_time: Duration,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel incident merge i4 i3 --message 'both are the switch in rack 2'")]
pub(crate) struct Merge {
    /// The one that ends
    pub(crate) id: String,
    /// The one that goes on
    pub(crate) into: String,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel incident maintenance kernel --for 1h --host web-1 --message 'new kernel'\n  evenkeel incident \
maintenance kernel --end"
)]
pub(crate) struct Maintenance {
    /// What it is called
    pub(crate) name: String,
    /// How long, from now on
    #[arg(long = "for", value_parser = duration, value_name = "TIME", required_unless_present = "end")]
    pub(crate) for_time: Option<Duration>,
    /// On which host; on all when none is said. Repeatable
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// It is over
    #[arg(long, conflicts_with_all = ["for_time", "hosts"])]
    pub(crate) end: bool,
    /// Why
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub(crate) message: String,
}
