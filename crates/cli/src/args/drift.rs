//! `drift`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel drift                   # what differs now, who made it so, what it does\n  evenkeel drift \
--follow --json   # one line for each drift, as it is written into the journal\n  evenkeel drift --follow --audit  # who it was by the kernel's audit, also where it is off\n  evenkeel drift silence conf.d/shop.conf --until 24h \
--why 'the fix comes with the next release'\n\nThe ways out of a drift: `evenkeel adopt` makes what stands \
there the released bundle, `evenkeel rollback` brings the released files back, `evenkeel drift silence` has nothing said of it for a \
time.\n\nExit codes: 0 released, on disk and running are one, or what differs is silenced · 1 they differ · 2 could not look."
)]
pub(crate) struct Drift {
    /// Look once [default]
    #[arg(long, conflicts_with = "follow")]
    pub(crate) once: bool,
    /// Write each drift into the journal as it happens, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Have every opening of a file of the tree wait while it is looked at who opens it, so that even a command that ends at
    /// once is named for certain (root); an overseer ends that when it takes longer than half a second
    #[arg(long, requires = "follow")]
    pub(crate) guard: bool,
    /// Switch the kernel's audit on for as long as it is followed, where it is off (root): it names every command, and slows
    /// every system call on this host down. Where it is on already it is read without this
    #[arg(long, requires = "follow")]
    pub(crate) audit: bool,
    #[command(subcommand)]
    pub(crate) command: Option<DriftCommand>,
}

/// What there is to do about a drift.
#[derive(Debug, Subcommand)]
pub(crate) enum DriftCommand {
    /// Has nothing said of what stands at a path, for a time or until it changes again; it is written down
    Silence(Silence),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel drift silence conf.d/shop.conf --until 24h --why 'the fix comes with the next release'\n\nExit \
codes: 0 it is silenced · 1 the path is as released · 2 could not look."
)]
pub(crate) struct Silence {
    /// The path, in the tree or from the root
    pub(crate) path: String,
    /// When it is told of again: 2026-11-21T09:00:00Z, 2026-11-21, or how long from now (90m, 24h, 7d); a year at most
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
}
