//! The flags of `lab` and `drill`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use evenkeel_rehearsal::lab::Outage;

/// The flags of `lab`.
#[derive(Debug, Args)]
#[command(
    after_help = "The lab is the stack of a small shop in namespaces on this machine: client1, client2, client3, lb \
(HAProxy), web1, web2 and standby (nginx), app1 and app2 (the shop), dns; each with a firewall, on a network of their own \
that leads nowhere. It needs nginx, haproxy and nft; root is not needed.\n\nExample:\n  evenkeel lab up\n  \
evenkeel lab shell web1 -- nginx -T\n  evenkeel lab break A\n  evenkeel lab status\n  evenkeel lab repair\n  \
evenkeel lab down"
)]
pub(crate) struct Lab {
    /// The directory that names the lab [default: one of this user's, evenkeel-lab-UID in the temporary directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

/// What is done with a lab.
#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Brings it up, and waits until the shop answers everybody
    Up,
    /// Ends it; nothing of it is left
    Down,
    /// Shows every host, its addresses and processes, and the servers as HAProxy sees them
    Status,
    /// Runs a shell, or a command, on one of the hosts
    Shell(Shell),
    /// Makes one of the five outages, for real
    Break(Break),
    /// Puts everything back as it was, and proves it
    Repair,
}

/// The flags of `lab shell`.
#[derive(Debug, Args)]
#[command(after_help = "The exit code is that of the command.\n\nExample:\n  evenkeel lab shell client2\n  \
evenkeel lab shell standby -- nft list ruleset")]
pub(crate) struct Shell {
    /// Which host
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// The command [default: a shell]
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// The flags of `lab break`.
#[derive(Debug, Args)]
#[command(after_help = "  A  a line is commented out, and the standby stands behind a firewall\n  \
B  a directive sends requests to the wrong upstream\n  \
C  a routine update changes the upstream (a real dpkg)\n  \
D  a push without a test: nginx does not start, and a guard blocks users\n  \
E  the application is updated without its proxy configuration\n\nExample:\n  evenkeel lab break C --json")]
pub(crate) struct Break {
    /// Which one, A to E
    #[arg(value_name = "OUTAGE")]
    pub(crate) outage: Outage,
}

/// The flags of `drill`.
#[derive(Debug, Args)]
#[command(
    after_help = "An exercise: one of the outages A to E is made in the lab, unseen; you acknowledge, name the cause, and repair it by \
`evenkeel lab shell`. Each is timed. `failover` takes web1 and then web2 down while a customer shops: exit 1 when the shop or the \
session does not survive.\n\nExample:\n  evenkeel drill any --people anna,bert --report drill.md\n  evenkeel drill failover"
)]
pub(crate) struct Drill {
    /// A to E, `any` of them, or `failover`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Who takes part
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) people: Vec<String>,
    /// Where the report goes [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How long the exercise may take; then everything is put back
    #[arg(long, value_parser = super::duration, value_name = "TIME", default_value = "1h")]
    pub(crate) limit: Duration,
    /// The directory that names the lab; one that is up is used [default: as of `lab`]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
