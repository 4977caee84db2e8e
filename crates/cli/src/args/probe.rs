//! `probe`: what to ask of whom, from here or from elsewhere.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel probe https://shop.example/health --contains ok\n  evenkeel probe https://shop.example/ \
--connect 10.0.0.6            # the standby, with the production Host and SNI\n  evenkeel probe tcp://10.0.0.5:22 \
tls://shop.example dns://10.0.0.53/shop.example\n  evenkeel probe http://shop.example/ --every 2s --count 30 --from web1\n\n\
Exit codes: 0 everything is up · 1 something is down · 2 could not ask."
)]
pub(crate) struct Probe {
    /// What to ask: http://, https://, tcp://HOST:PORT, tls://HOST[:PORT], dns://SERVER/NAME
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,
    /// Connect to this address (or ADDRESS:PORT, unix:/PATH) instead of all addresses of the name
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) connect: Option<String>,
    /// Ask IPv4 addresses only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Ask IPv6 addresses only
    #[arg(short = '6', long)]
    pub(crate) ipv6: bool,
    /// Ask from this host, by ssh; an evenkeel must be there
    #[arg(long, value_name = "HOST")]
    pub(crate) from: Option<String>,
    /// Send a HEAD instead of a GET
    #[arg(long, help_heading = "Requests")]
    pub(crate) head: bool,
    /// Send this header, too
    #[arg(long, value_parser = header, value_name = "NAME: VALUE", help_heading = "Requests")]
    pub(crate) header: Vec<(String, String)>,
    /// Trust the authorities of this file (PEM) instead of those of the machine
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    pub(crate) ca: Option<PathBuf>,
    /// Begin with a line of the PROXY protocol
    #[arg(long, help_heading = "Requests")]
    pub(crate) proxy_protocol: bool,
    /// A status that is right; may be given several times [default: 200 to 399]
    #[arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(100..600), help_heading = "What must come back")]
    pub(crate) expect_status: Vec<u16>,
    /// A header that must be there
    #[arg(long, value_parser = header, value_name = "NAME: VALUE", help_heading = "What must come back")]
    pub(crate) expect_header: Vec<(String, String)>,
    /// An address that a name must have; all of them must be given
    #[arg(long, value_name = "ADDRESS", help_heading = "What must come back")]
    pub(crate) expect_address: Vec<IpAddr>,
    /// A text that must be in the body
    #[arg(long, value_name = "TEXT", help_heading = "What must come back")]
    pub(crate) contains: Vec<String>,
    /// A text that must not be in the body
    #[arg(long, value_name = "TEXT", help_heading = "What must come back")]
    pub(crate) lacks: Vec<String>,
    /// How long a good answer may take
    #[arg(long, value_parser = duration, value_name = "TIME", help_heading = "What must come back")]
    pub(crate) within: Option<Duration>,
    /// How long to wait for a connection; below 3.1 s, a host that is gone is called filtered
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "4s", help_heading = "Patience")]
    pub(crate) connect_limit: Duration,
    /// How long to wait for the whole answer; 2 minutes at most
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "10s", help_heading = "Patience")]
    pub(crate) limit: Duration,
    /// Ask so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Patience")]
    pub(crate) count: u32,
    /// How long from one time to the next
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "2s", help_heading = "Patience")]
    pub(crate) every: Duration,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or_else(|| format!("\"{text}\" is not NAME: VALUE"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
