//! Dumps and facts, in the words of the model.

use evenkeel_host::firewall;
use evenkeel_model::reach::{Dumps, Firewall, Host, HostRoute, Interface, ReadError};

/// Why a file is no dump.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// It is neither.
    #[error(
        "find a dump in it: give what `nft -j list ruleset`, `iptables-save` or `ip6tables-save` printed"
    )]
    Neither,
    /// It looks like one and is not.
    #[error("{0}")]
    Read(#[from] ReadError),
}

/// Reads one file: nft's JSON, or what iptables-save or ip6tables-save printed.
pub(super) fn read(dump: &[u8]) -> Result<Firewall, GivenError> {
    if dump.trim_ascii_start().starts_with(b"{") {
        return Ok(Firewall::read(&Dumps { nft: Some(dump), ..Dumps::default() })?);
    }
    let text = String::from_utf8_lossy(dump);
    if !text.lines().any(|line| line.starts_with('*')) {
        return Err(GivenError::Neither);
    }
    // The first line of a dump says which program it is of.
    let v6 = text.lines().take(3).any(|line| line.contains("ip6tables"));
    let dumps = if v6 {
        Dumps { ip6tables: Some(dump), ..Dumps::default() }
    } else {
        Dumps { iptables: Some(dump), ..Dumps::default() }
    };
    Ok(Firewall::read(&dumps)?)
}

pub(super) fn dumps(dumps: &firewall::Dumps) -> Dumps<'_> {
    Dumps {
        nft: dumps.nft.as_deref(),
        words: dumps.words.as_deref(),
        iptables: dumps.iptables.as_deref(),
        ip6tables: dumps.ip6tables.as_deref(),
        iptables_legacy: dumps.iptables_legacy.as_deref(),
        ip6tables_legacy: dumps.ip6tables_legacy.as_deref(),
        ipset: dumps.ipset.as_deref(),
    }
}

pub(super) fn host(facts: &firewall::Facts) -> Host {
    let interfaces = facts.links.iter().map(|link| Interface {
        name: link.name.clone(),
        addresses: link.addresses.iter().map(|one| (one.address, one.prefix)).collect(),
        loopback: link.loopback,
        bridge: link.bridge,
    });
    let routes = facts.routes.iter().map(|route| HostRoute {
        destination: route.destination,
        prefix: route.prefix,
        interface: route.interface.clone(),
        metric: route.metric,
    });
    Host { interfaces: interfaces.collect(), routes: routes.collect() }
}
