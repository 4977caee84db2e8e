//! What the policy of this machine (SELinux, AppArmor) says of the sockets that a tree needs.
//!
//! Their denials do not show in a sandbox: what runs inside has neither the domain nor the profile of the real nginx. So
//! the policy itself is asked, for each address to listen on and each upstream that the live tree does not have:
//! `ask(tree.config, live.config, &Facts::read(nginx, master))`, then [`Denial::finding`].
//! [`Facts`] are read once; [`ask`] decides over them, and nothing else. What the policy allows is not mentioned.
//!
//! Deliberately absent: file labels and file rules. Whether nginx may read a certificate is answered by the `-t` of the
//! running binary.

pub mod apparmor;
mod facts;
pub mod selinux;

use std::collections::BTreeMap;

use evenkeel_model::{Config, ListenAddress, NodeId, ServerKind};

use crate::finding::{Finding, Severity};

pub use apparmor::AppArmor;
pub use selinux::Selinux;

/// What is known of the policies that are active here; both `None` where none is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The AppArmor profile that confines nginx, where one is enforced.
    pub apparmor: Option<AppArmor>,
    /// SELinux, where it enforces.
    pub selinux: Option<Selinux>,
}

/// A socket that the policy denies, or of which nobody here can say whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Whether it is certain.
    pub verdict: Verdict,
    /// Who denies it.
    pub policy: Policy,
    /// The directive that asks for the socket.
    pub node: NodeId,
    /// What is denied and why, for people.
    pub message: String,
    /// The command that allows it, or that shows what is decided.
    pub help: String,
}

impl Denial {
    /// The same as a finding of a rehearsal, `policy-denies`: an error when it is certain, else a note.
    #[must_use]
    pub fn finding(&self, config: &Config) -> Finding {
        let severity = match self.verdict {
            Verdict::Denied => Severity::Error,
            Verdict::Unknown => Severity::Note,
        };
        let node = config.node(self.node);
        Finding::new("policy-denies", severity, self.message.clone())
            .at(Some((node.source().display.clone(), node.line())))
            .help(self.help.clone())
    }
}

/// How certain a [`Denial`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The policy denies it.
    Denied,
    /// What is known here does not tell.
    Unknown,
}

/// A policy of mandatory access control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// SELinux
    Selinux,
    /// AppArmor
    AppArmor,
}

/// A socket that nginx makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Socket {
    /// What it does with it.
    pub act: Act,
    /// Whether it is UDP.
    pub udp: bool,
    /// Whether it is IPv6; `None` when a name leads to either.
    pub inet6: Option<bool>,
    /// The port.
    pub port: u16,
}

/// What nginx does with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// It listens.
    Listen,
    /// It connects to an upstream.
    Connect,
}

/// What a policy says of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Allowed,
    /// No.
    Denied {
        /// Why.
        because: String,
        /// The command that allows it.
        help: String,
    },
    /// What is known here does not tell.
    Unknown {
        /// What is missing.
        because: String,
        /// The command that tells, or allows it.
        help: String,
    },
}

/// Asks the policies for each socket of `config` that `live` does not have; without `live`, for each.
#[must_use]
pub fn ask(config: &Config, live: Option<&Config>, facts: &Facts) -> Vec<Denial> {
    if facts.apparmor.is_none() && facts.selinux.is_none() {
        return Vec::new();
    }
    let before = live.map(sockets).unwrap_or_default();
    let new = sockets(config).into_iter().filter(|(socket, _)| !before.contains_key(socket));
    let mut denials = Vec::new();
    for (socket, node) in new {
        let answers = [
            (Policy::Selinux, facts.selinux.as_ref().map(|selinux| selinux.ask(socket))),
            (Policy::AppArmor, facts.apparmor.as_ref().map(|apparmor| apparmor.ask(socket))),
        ];
        for (policy, answer) in answers {
            let (verdict, because, help) = match answer {
                None | Some(Answer::Allowed) => continue,
                Some(Answer::Denied { because, help }) => (Verdict::Denied, because, help),
                Some(Answer::Unknown { because, help }) => (Verdict::Unknown, because, help),
            };
            denials.push(Denial { verdict, policy, node, message: format!("{socket}: {because}"), help });
        }
    }
    denials.sort_by_key(|denial| denial.node);
    denials
}

/// A range of ports is looked at up to this many.
const RANGE_MAX: u16 = 1000;

/// The sockets of a configuration, each with the first directive that asks for it.
fn sockets(config: &Config) -> BTreeMap<Socket, NodeId> {
    let mut sockets = BTreeMap::new();
    for server in config.servers() {
        for listen in &server.listens {
            let (inet6, port, last) = match listen.address {
                ListenAddress::Inet { ip, port, last } => (Some(ip.is_ipv6()), port, last),
                ListenAddress::Name { port, .. } => (None, port, port),
                ListenAddress::Unix(_) => continue,
            };
            let udp = listen.options.quic || (server.kind == ServerKind::Stream && listen.options.udp);
            for port in port..=last.min(port.saturating_add(RANGE_MAX)) {
                let socket = Socket { act: Act::Listen, udp, inet6, port };
                sockets.entry(socket).or_insert(listen.node.unwrap_or(server.node));
            }
        }
    }
    let mut connect = |inet6, port, node| {
        let socket = Socket { act: Act::Connect, udp: false, inet6, port };
        sockets.entry(socket).or_insert(node);
    };
    for upstream in config.upstreams().iter().filter(|upstream| !upstream.stream) {
        for server in upstream.servers.iter().filter(|server| !server.down) {
            if let Some((inet6, port)) = address(&server.address) {
                connect(inet6, port.unwrap_or(80), server.node);
            }
        }
    }
    for pass in config.passes() {
        let is_upstream = config.upstream(&pass.host).is_some();
        if pass.variables || is_upstream || pass.host.starts_with(b"unix:") {
            continue;
        }
        let default = matches!(pass.scheme.as_deref(), Some("https" | "grpcs")).then_some(443).or(Some(80));
        let known = pass.scheme.is_some().then_some(default).flatten();
        if let (Some((inet6, _)), Some(port)) = (address(&pass.host), pass.port.or(known)) {
            connect(inet6, port, pass.node);
        }
    }
    sockets
}

/// Whether an address is IPv6 (`None`: it is a name), and its port; `None` for a socket of the file system.
fn address(text: &[u8]) -> Option<(Option<bool>, Option<u16>)> {
    let text = std::str::from_utf8(text).ok()?;
    if text.starts_with("unix:") {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let port = rest.rsplit_once("]:").and_then(|(_, port)| port.parse().ok());
        return Some((Some(true), port));
    }
    let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, port.parse().ok()));
    let is_name = host.parse::<std::net::Ipv4Addr>().is_err();
    Some(((!is_name).then_some(false), port))
}

impl std::fmt::Display for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let act = match self.act {
            Act::Listen => "listening on",
            Act::Connect => "connecting to",
        };
        let protocol = if self.udp { "udp" } else { "tcp" };
        write!(f, "{act} {protocol} port {}", self.port)
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Policy::Selinux => "SELinux",
            Policy::AppArmor => "AppArmor",
        })
    }
}

#[cfg(test)]
mod tests;
