//! The ways in which a probe fails, each with its evidence and in words.

use std::fmt;
use std::net::IpAddr;

use crate::Timestamp;

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
    /// The other side ended the handshake with an alert of this number (RFC 8446, section 6).
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
    /// An answer that began and was not whole in time, or a right one that took too long.
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

/// Why a name could not be resolved as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// It has these addresses, and not those that were expected.
    OtherAddresses(Vec<IpAddr>),
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

impl Icmp {
    /// What its code says, in the words of RFC 792, RFC 1812 and RFC 4443.
    #[must_use]
    pub fn says(&self) -> &'static str {
        match (self.kind, self.code) {
            (3, 0) => "network unreachable",
            (3, 1) => "host unreachable",
            (3, 2) => "protocol unreachable",
            (3, 3) | (1, 4) => "port unreachable",
            (3, 6) => "network unknown",
            (3, 7) => "host unknown",
            (3, 9) => "network administratively prohibited",
            (3, 10) => "host administratively prohibited",
            (3, 13) | (1, 1) => "communication administratively prohibited",
            (1, 0) => "no route to the destination",
            (1, 2) => "beyond the scope of the source address",
            (1, 3) => "address unreachable",
            (1, 5) => "source address failed the policy",
            (1, 6) => "route to the destination rejects",
            _ => "unreachable",
        }
    }
}

/// `ICMP 3/13 (communication administratively prohibited) from 10.0.0.2`
impl fmt::Display for Icmp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, code, from } = self;
        let family = if from.is_ipv6() { "ICMPv6" } else { "ICMP" };
        write!(f, "{family} {kind}/{code} ({}) from {from}", self.says())
    }
}

/// The name of a TLS alert, as RFC 8446 and RFC 5246 give it.
#[must_use]
pub fn alert_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

/// What it means, with the evidence; a sentence without its full stop.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str(
                "refused with a reset: nobody listens there, or a firewall answers as a closed port does (the two look alike \
                 from outside)",
            ),
            Self::Rejected(icmp) => write!(f, "refused by a firewall: {icmp}"),
            Self::Unreachable(icmp) => write!(f, "unreachable, says whoever is on the way: {icmp}"),
            Self::HostDown => {
                f.write_str("nobody answers for that address on the link: the host is down, or elsewhere")
            }
            Self::Filtered => f.write_str("no answer to the connection: filtered, or overloaded"),
            Self::OwnSide { reason } => write!(f, "failed on the side that asks: {reason}"),
            Self::Dns(fault) => write!(f, "{fault}"),
            Self::Silent => f.write_str("connected, and not a byte came in time"),
            Self::Reset => f.write_str("connected, and then reset"),
            Self::ClosedEmpty => f.write_str("connected, and closed without a byte"),
            Self::Truncated => f.write_str("the answer ended before it was whole"),
            Self::TlsAlert(number) => {
                let name = alert_name(*number).unwrap_or("a number without a name");
                write!(f, "the handshake was ended by TLS alert {number} ({name})")
            }
            Self::NotTls => f.write_str("what answered does not speak TLS"),
            Self::Certificate(fault) => write!(f, "{fault}"),
            Self::TlsOther { reason } => write!(f, "the handshake failed: {reason}"),
            Self::NotHttp => f.write_str("what answered does not speak HTTP"),
            Self::Status(status) => write!(f, "status {status} is not the one expected"),
            Self::Content { reason } => write!(f, "not the contents expected: {reason}"),
            Self::Slow => f.write_str("an answer came, and too slowly"),
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(at) => write!(f, "the certificate expired at {}", moment(*at)),
            Self::NotYetValid(at) => write!(f, "the certificate is not valid before {}", moment(*at)),
            Self::OtherName(names) if names.is_empty() => {
                f.write_str("the certificate names nobody, and so not who was asked for")
            }
            Self::OtherName(names) => {
                write!(f, "the certificate is for {}, and not for who was asked for", names.join(", "))
            }
            Self::UnknownIssuer => f.write_str("the certificate is signed by nobody that is trusted"),
            Self::SelfSigned => f.write_str("the certificate is signed by itself"),
            Self::Other(reason) => write!(f, "the certificate is not accepted: {reason}"),
        }
    }
}

impl fmt::Display for DnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName => f.write_str("there is no such name (NXDOMAIN)"),
            Self::NoAddress => f.write_str("the name has no address of that kind"),
            Self::ServerFailed => f.write_str("the name server could not say (SERVFAIL)"),
            Self::Refused => f.write_str("the name server refused to say (REFUSED)"),
            Self::TimedOut => f.write_str("the name server did not answer in time"),
            Self::OtherAddresses(found) => {
                let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                write!(f, "the name has other addresses than expected: {}", found.join(", "))
            }
        }
    }
}

/// A moment as RFC 3339 has it, in UTC.
fn moment(at: Timestamp) -> String {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms after 1970"), |at| at.to_string())
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

    #[test]
    fn failure_says_what_it_means_and_on_what_it_rests() {
        let icmp = Icmp { kind: 3, code: 13, from: "10.0.0.2".parse().unwrap() };
        assert_eq!(
            Failure::Rejected(icmp).to_string(),
            "refused by a firewall: ICMP 3/13 (communication administratively prohibited) from 10.0.0.2"
        );
        let icmp = Icmp { kind: 1, code: 3, from: "fd00::1".parse().unwrap() };
        assert!(
            Failure::Unreachable(icmp).to_string().ends_with("ICMPv6 1/3 (address unreachable) from fd00::1")
        );
        assert!(Failure::Refused.to_string().contains("look alike"));
        assert!(Failure::TlsAlert(112).to_string().contains("112 (unrecognized_name)"));
        assert!(Failure::TlsAlert(200).to_string().contains("200"));
        let ended = CertificateFault::Expired(Timestamp::from_millis(1_700_000_000_000));
        assert_eq!(
            Failure::Certificate(ended).to_string(),
            "the certificate expired at 2023-11-14T22:13:20Z"
        );
        let never = CertificateFault::NotYetValid(Timestamp::from_millis(u64::MAX));
        assert!(never.to_string().contains("ms after 1970"));
    }
}
