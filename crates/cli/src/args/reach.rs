//! `reach`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel reach   # every listen of /etc/nginx, now and after the next boot\n  evenkeel \
reach ./nginx --from 198.51.100.7\n  evenkeel reach ./nginx --ruleset dump.json   # of another machine: nft -j list ruleset > \
dump.json\n\nExit codes: 0 all reachable · 1 something is blocked, or nobody listens there · 2 could not look, or it rests \
on something that is not known."
)]
pub(crate) struct Reach {
    /// A directory with nginx.conf, or the main file itself [default: the live tree]
    pub(crate) tree: Option<PathBuf>,
    /// Where the client is: an address, or the interface that it comes by [default: anybody outside]
    #[arg(long, value_name = "CLIENT")]
    pub(crate) from: Option<String>,
    /// A dump that was taken elsewhere, instead of this machine's firewall: of `nft -j list ruleset`, `iptables-save` or
    /// `ip6tables-save`
    #[arg(long, value_name = "FILE")]
    pub(crate) ruleset: Option<PathBuf>,
    /// Where the tree will live: absolute includes of this directory are read inside TREE
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
}
