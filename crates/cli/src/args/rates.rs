//! `rates`.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel rates                      # what is answered in the next ten seconds\n  evenkeel rates --follow \
--json      # a line every two seconds, until it is stopped\n\nReads the access logs that the configuration names, from now on and \
through rotation. nginx's own errors are told\napart from those of upstreams where the format has $upstream_status. The requests of \
evenkeel's own probes are left out.\n`evenkeel watch` follows every [[host]] that says how, and judges each change by it.\n\nExit \
codes: 0 counted · 2 could not look."
)]
pub(crate) struct Rates {
    /// Go on until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// How long to count for one answer [default: 10s, with --follow 2s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) every: Option<Duration>,
}
