//! `ready`.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel ready                    # a standby, before it is needed\n  evenkeel ready --from 10.0.0.2    # behind a \
balancer: only that one must come through\n  evenkeel ready --json\n\nLooks at what is no outage yet: whether nginx runs what is on disk \
and would start again, whether clients\ncome through the firewall now and after a boot, certificates, accept queues, old workers, and \
addresses that\nsomething blocked with no end. It changes nothing. `evenkeel watch` asks it of every [[host]] that says how.\n\nExit codes: \
0 ready · 1 something stands against it · 2 could not look."
)]
pub(crate) struct Ready {
    /// Who must be able to come: an address, or the interface that they come by [default: anybody outside]
    #[arg(long, value_name = "CLIENT")]
    pub(crate) from: Option<String>,
    /// How long workers of an older configuration may take to end
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub(crate) old_workers: Duration,
}
