//! `why`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use evenkeel_controller::why::Complaint;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel why https://shop.example.com/cart\n  evenkeel why https://shop.example.com/ --address \
192.0.2.12   # the standby, whatever the name says\n  evenkeel why http://shop.example.com/upload --seen 413   # what users get, though a plain GET is well\n  evenkeel why \
http://shop.example.com/ --json\n  evenkeel why --replay   # what would have stopped the change that stands here and was never released\n\nAsks the name, the \
connection, TLS and nginx as a user would; then, when the URL is served here, this host's nginx, its\nerror log, the application \
behind it, its certificate and what changed lately. It changes nothing.\n\nExit codes: 0 nothing is wrong · 1 a cause, or not \
enough evidence for one · 2 could not look."
)]
pub(crate) struct Why {
    /// What users ask for
    #[arg(required_unless_present = "replay")]
    pub(crate) url: Option<String>,
    /// Say what would have stopped the change that nobody released: play what differs from the release once more through check,
    /// diff, test and rehearse, and ask the live routes
    #[arg(long, conflicts_with_all = ["url", "address", "seen", "haproxy", "haproxy_log"])]
    pub(crate) replay: bool,
    /// Ask this address, whatever the name says
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<IpAddr>,
    /// How far back logs are read and changes count, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub(crate) back: u32,
    /// What others see who are not this host: a status (413) or a class of failures (filtered), and who (filtered@192.0.2.7);
    /// may be given more than once
    #[arg(long, value_name = "STATUS|CLASS[@CLIENT]")]
    pub(crate) seen: Vec<Complaint>,
    /// The stats socket of the HAProxy in front, when it runs here
    #[arg(long, value_name = "SOCKET")]
    pub(crate) haproxy: Option<PathBuf>,
    /// The log of its sessions (option httplog)
    #[arg(long, value_name = "FILE")]
    pub(crate) haproxy_log: Option<PathBuf>,
}
