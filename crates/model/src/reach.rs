//! Whether a host's firewall lets a client reach a listening address, and which rule decides.
//!
//! [`Firewall::read`] takes what `nft -j list ruleset`, `iptables-save` and `ipset save` print; [`Firewall::verdict`]
//! follows a connection through it: the first packet in, its answer out, and what comes after, because a firewall that
//! lets the first packet in may still stop the second. It never guesses: where the outcome rests on something that the
//! dumps do not tell, the verdict is [`Verdict::Unknown`] and names it. Held against the kernel (`tests/reach`).
//!
//! Deliberately absent: running nft, reading addresses and routes; the caller brings them ([`Host`]).

mod evaluate;
mod fields;
mod flow;
mod host;
mod ipset;
mod iptables;
mod judge;
mod lasting;
mod nft;
mod oracle;
mod packet;
mod ruleset;
mod symbols;
mod text;
mod value;
mod walk;

use std::net::IpAddr;

pub use fields::Transport;
pub use host::{Host, HostRoute, Interface};
pub use lasting::{LastingBlock, lasting_blocks};

use ruleset::{Family, Ruleset};

/// What the programs print, as far as it is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dumps<'a> {
    /// `nft -j list ruleset`
    pub nft: Option<&'a [u8]>,
    /// `nft -t list ruleset`: its words say what the JSON of nft 1.0.6 leaves out, the devices of chains and which tables
    /// are asleep. Without them, what rests on either is unknown.
    pub words: Option<&'a [u8]>,
    /// `iptables-nft-save`: the tables of nftables that iptables manages, which nft shows only in part.
    pub iptables: Option<&'a [u8]>,
    /// `ip6tables-nft-save`
    pub ip6tables: Option<&'a [u8]>,
    /// `iptables-legacy-save`: the tables of the old iptables, which work beside those of nftables.
    pub iptables_legacy: Option<&'a [u8]>,
    /// `ip6tables-legacy-save`
    pub ip6tables_legacy: Option<&'a [u8]>,
    /// `ipset save`
    pub ipset: Option<&'a [u8]>,
}

/// A firewall, read.
#[derive(Debug)]
pub struct Firewall {
    ruleset: Ruleset,
}

/// Whose table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// nft's.
    Nftables,
    /// The iptables that writes into nftables.
    IptablesNft,
    /// The old iptables, beside nftables.
    IptablesLegacy,
}

/// A listening address, as a client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// One address of the host; `None`: some address of it, not known which.
    pub address: Option<IpAddr>,
    /// IPv6, where the address does not say.
    pub v6: bool,
    /// Whether nginx listens on every address.
    pub everywhere: bool,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub transport: Transport,
}

/// Who comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// From this address; `None`: anybody outside, from an address that no rule names.
    pub address: Option<IpAddr>,
    /// By this interface; `None`: by the one that the routes name.
    pub interface: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The client gets its answer.
    Reachable {
        /// What has to hold: limits that a quiet host does not reach.
        provided: Vec<String>,
    },
    /// It does not.
    Blocked {
        /// The rule that decides, or the policy.
        rule: Box<DecidingRule>,
        /// What happens to the packet.
        how: How,
        /// Other rules that may be the first to do it, when the order or a condition is not known.
        or: Vec<DecidingRule>,
    },
    /// It rests on something that is not known.
    Unknown {
        /// That.
        because: String,
    },
}

/// A rule, or the policy of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidingRule {
    /// Whose table it is in.
    pub source: Source,
    /// `ip`, `ip6`, `inet`, `netdev`
    pub family: String,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The kernel's number for the rule; `None` for a policy, and where the dump has none.
    pub handle: Option<u64>,
    /// Which rule of the chain, counted from one; `None` for its policy.
    pub number: Option<usize>,
    /// The rule.
    pub text: String,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The client hears nothing.
    Dropped,
    /// The client hears this by ICMP: `port-unreachable`.
    Rejected(String),
    /// TCP's reset, as from a closed port.
    Reset,
    /// Another socket gets it, or another host.
    Elsewhere(String),
}

/// Why a dump is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON.
    #[error("read the ruleset of nft as JSON: {0}")]
    Json(String),
    /// It is JSON, but not nft's.
    #[error("find \"nftables\" in the ruleset")]
    NotNft,
    /// It is no dump of iptables.
    #[error("find a rule of iptables in {0:?}")]
    NotIptables(String),
    /// It is larger than any ruleset.
    #[error("read a ruleset with that many {0}")]
    TooLarge(&'static str),
}

/// The largest dump that is read, in bytes.
pub const DUMP_BYTES_MAX: usize = 256 << 20;

impl Firewall {
    /// Reads what the programs print.
    ///
    /// # Errors
    /// [`ReadError`] when a dump is not what its program prints.
    pub fn read(dumps: &Dumps<'_>) -> Result<Self, ReadError> {
        let all = [
            dumps.nft,
            dumps.words,
            dumps.iptables,
            dumps.ip6tables,
            dumps.iptables_legacy,
            dumps.ip6tables_legacy,
            dumps.ipset,
        ];
        if all.into_iter().flatten().any(|dump| dump.len() > DUMP_BYTES_MAX) {
            return Err(ReadError::TooLarge("bytes"));
        }
        let sets = dumps.ipset.map(ipset::Sets::read).unwrap_or_default();
        let mut ruleset = Ruleset::default();
        let saved = [("ip", dumps.iptables), ("ip6", dumps.ip6tables)];
        if let Some(dump) = dumps.nft {
            let elsewhere: Vec<(&str, Vec<String>)> = saved
                .into_iter()
                .filter_map(|(family, dump)| Some((family, iptables::tables(dump?))))
                .collect();
            let skipped = |family: &str, table: &str| {
                elsewhere.iter().any(|(of, tables)| *of == family && tables.iter().any(|name| name == table))
            };
            ruleset.join(nft::read(dump, dumps.words, &skipped)?);
        }
        let handles = dumps.nft.filter(|_| saved.iter().any(|(_, dump)| dump.is_some())).map(nft::handles);
        let handles = handles.unwrap_or_default();
        let none = iptables::Handles::new();
        for (dump, source, family, handles) in [
            (dumps.iptables, Source::IptablesNft, Family::V4, &handles),
            (dumps.ip6tables, Source::IptablesNft, Family::V6, &handles),
            (dumps.iptables_legacy, Source::IptablesLegacy, Family::V4, &none),
            (dumps.ip6tables_legacy, Source::IptablesLegacy, Family::V6, &none),
        ] {
            if let Some(dump) = dump {
                ruleset.join(iptables::read(dump, source, family, &sets, handles)?);
            }
        }
        ruleset.link();
        Ok(Self { ruleset })
    }

    /// Says whether the client reaches the listening address.
    pub fn verdict(&self, host: &Host, target: &Target, client: &Client) -> Verdict {
        judge::verdict(&self.ruleset, host, target, client)
    }
}

impl Client {
    /// Gives the interface by which this client comes, as far as the routes tell.
    pub fn comes_by(&self, host: &Host, v6: bool) -> Option<String> {
        judge::interface(host, self, v6)
    }
}
