//! One answer to one probe: it went well, or it failed in a way that has a name and evidence.

use std::fmt;
use std::net::IpAddr;

use crate::{HostId, Span, Timestamp};

/// The name of a probe, as the settings give it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub String);

/// The name of a place from which probes are sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VantageId(pub String);

impl fmt::Display for ProbeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VantageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One answer to one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When it was sent.
    pub at: Timestamp,
    /// Which probe.
    pub probe: ProbeId,
    /// The host that was asked.
    pub host: HostId,
    /// From where.
    pub vantage: VantageId,
    /// From the first packet to the last byte, or to the failure.
    pub took: Span,
    /// How it went.
    pub answer: Answer,
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// As expected.
    Up,
    /// Not as expected.
    Down(Failure),
}

/// The way in which a probe failed, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A reset answered the SYN: nobody listens there, or a firewall answers exactly as a closed port would. The two cannot be told
    /// apart from outside.
    Refused,
    /// ICMP refused it with a code that firewalls send.
    Rejected(Icmp),
    /// A router says that it knows no way, or that the host does not answer it.
    Unreachable(Icmp),
    /// Nobody answered for the address on the link: the host is down, or elsewhere.
    HostDown,
    /// The SYN was not answered in time: filtered, or overloaded.
    Filtered,
    /// It failed on the side of the one who asks: no route, a firewall of its own, no descriptors.
    OwnSide {
        /// What the kernel said.
        reason: String,
    },
    /// The name could not be resolved.
    Dns(DnsFault),
    /// Connected, and not a byte came back in time.
    Silent,
    /// Connected, and then reset.
    Reset,
    /// Connected, and closed without a byte.
    ClosedEmpty,
    /// The answer ended before it was whole.
    Truncated,
    /// The other side ended the handshake with an alert.
    TlsAlert(u8),
    /// What answered does not speak TLS.
    NotTls,
    /// The certificate is not one that a client takes.
    Certificate(CertificateFault),
    /// The handshake failed in another way.
    TlsOther {
        /// What the library said.
        reason: String,
    },
    /// What answered does not speak HTTP.
    NotHttp,
    /// Another status than expected.
    Status(u16),
    /// The right status, and not the contents that were expected.
    Content {
        /// What was missing or too much.
        reason: String,
    },
    /// A right answer that took too long.
    Slow,
}

/// An ICMP message that refused a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp {
    /// Its type: 3 for IPv4, 1 for IPv6.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sent it.
    pub from: IpAddr,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// It ended at this time.
    Expired(Timestamp),
    /// It begins at this time.
    NotYetValid(Timestamp),
    /// It is for these names, and not for the one that was asked.
    OtherName(Vec<String>),
    /// It is signed by nobody that is trusted.
    UnknownIssuer,
    /// It is signed by itself.
    SelfSigned,
    /// Something else.
    Other(String),
}

/// Why a name could not be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsFault {
    /// There is no such name.
    NoSuchName,
    /// The name has no address of that kind.
    NoAddress,
    /// The server could not say.
    ServerFailed,
    /// The server refused to say.
    Refused,
    /// The server did not answer.
    TimedOut,
}

/// How far a probe came before it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// It did not leave its vantage.
    Vantage,
    /// The name.
    Name,
    /// The connection.
    Connection,
    /// TLS.
    Tls,
    /// HTTP.
    Http,
    /// The contents, or the time that they took.
    Contents,
}

impl Failure {
    /// How far the probe came.
    pub fn layer(&self) -> Layer {
        match self {
            Self::OwnSide { .. } => Layer::Vantage,
            Self::Dns(_) => Layer::Name,
            Self::Refused | Self::Rejected(_) | Self::Unreachable(_) | Self::HostDown | Self::Filtered => {
                Layer::Connection
            }
            Self::TlsAlert(_) | Self::NotTls | Self::Certificate(_) | Self::TlsOther { .. } => Layer::Tls,
            Self::Silent
            | Self::Reset
            | Self::ClosedEmpty
            | Self::Truncated
            | Self::NotHttp
            | Self::Status(_) => Layer::Http,
            Self::Content { .. } | Self::Slow => Layer::Contents,
        }
    }

    /// The name of the class, without its evidence: what two vantages must agree on, and what a journal holds.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Rejected(_) => "rejected",
            Self::Unreachable(_) => "unreachable",
            Self::HostDown => "host-down",
            Self::Filtered => "filtered",
            Self::OwnSide { .. } => "own-side",
            Self::Dns(_) => "dns",
            Self::Silent => "silent",
            Self::Reset => "reset",
            Self::ClosedEmpty => "closed-empty",
            Self::Truncated => "truncated",
            Self::TlsAlert(_) => "tls-alert",
            Self::NotTls => "not-tls",
            Self::Certificate(_) => "certificate",
            Self::TlsOther { .. } => "tls",
            Self::NotHttp => "not-http",
            Self::Status(_) => "status",
            Self::Content { .. } => "content",
            Self::Slow => "slow",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_in_the_order_in_which_a_request_meets_them() {
        let failures = [
            Failure::OwnSide { reason: "no route".to_owned() },
            Failure::Dns(DnsFault::NoSuchName),
            Failure::Refused,
            Failure::TlsAlert(112),
            Failure::Status(502),
            Failure::Slow,
        ];
        assert!(failures.is_sorted_by_key(Failure::layer));
    }
}
