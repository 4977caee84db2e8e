//! `drift`.

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel drift                   # what differs now, who made it so, what it does\n  evenkeel drift \
--follow --json   # one line for each drift, as it is written into the journal\n\nThe ways out of a drift: `evenkeel adopt` makes what stands \
there the released bundle, `evenkeel rollback` brings the released files back.\n\nExit codes: 0 released, on disk and running are \
one · 1 they differ · 2 could not look."
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
}
