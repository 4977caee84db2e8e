//! What is spoken, line by line.

use std::net::IpAddr;
use std::time::Duration;

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::{Answer, CertificateFault, DnsFault, Failure, Icmp};
use serde::{Deserialize, Serialize};

use crate::probe::{Certificate, Phases, Report, Seen, Spec};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) v: u32,
    pub(super) id: u64,
    pub(super) spec: Spec,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// The first line.
    Hello { v: u32, evenkeel: String },
    /// An answer to a question.
    Answer { id: u64, report: Box<Told> },
    /// A line that was no question; its number, if it had one.
    Refused { id: Option<u64>, why: String },
}

/// A report as it is spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    answer: ToldAnswer,
    took_us: u64,
    #[serde(default)]
    phases_us: [Option<u64>; 4],
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    body_bytes: Option<u64>,
    #[serde(default)]
    certificate: Option<ToldCertificate>,
    #[serde(default)]
    tls_version: Option<String>,
    #[serde(default)]
    addresses: Vec<IpAddr>,
    #[serde(default)]
    hint: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ToldCertificate {
    serial: String,
    names: Vec<String>,
    subject: String,
    issuer: String,
    not_before_ms: u64,
    not_after_ms: u64,
    chain: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "kebab-case")]
enum ToldAnswer {
    Up,
    Refused,
    Rejected {
        kind: u8,
        code: u8,
        from: IpAddr,
    },
    Unreachable {
        kind: u8,
        code: u8,
        from: IpAddr,
    },
    HostDown,
    Filtered,
    OwnSide {
        reason: String,
    },
    Dns {
        fault: String,
        #[serde(default)]
        addresses: Vec<IpAddr>,
    },
    Silent,
    Reset,
    ClosedEmpty,
    Truncated,
    TlsAlert {
        number: u8,
    },
    NotTls,
    Certificate {
        fault: String,
        #[serde(default)]
        at_ms: u64,
        #[serde(default)]
        names: Vec<String>,
    },
    Tls {
        reason: String,
    },
    NotHttp,
    Status {
        status: u16,
    },
    Content {
        reason: String,
    },
    Slow,
}

impl From<&Answer> for ToldAnswer {
    fn from(answer: &Answer) -> ToldAnswer {
        let Answer::Down(failure) = answer else { return ToldAnswer::Up };
        let certificate = |fault: &str, at_ms, names: &[String]| ToldAnswer::Certificate {
            fault: fault.to_owned(),
            at_ms,
            names: names.to_vec(),
        };
        match failure {
            Failure::Refused => ToldAnswer::Refused,
            Failure::Rejected(Icmp { kind, code, from }) => {
                ToldAnswer::Rejected { kind: *kind, code: *code, from: *from }
            }
            Failure::Unreachable(Icmp { kind, code, from }) => {
                ToldAnswer::Unreachable { kind: *kind, code: *code, from: *from }
            }
            Failure::HostDown => ToldAnswer::HostDown,
            Failure::Filtered => ToldAnswer::Filtered,
            Failure::OwnSide { reason } => ToldAnswer::OwnSide { reason: reason.clone() },
            Failure::Dns(fault) => {
                let addresses = match fault {
                    DnsFault::OtherAddresses(found) => found.clone(),
                    _ => Vec::new(),
                };
                ToldAnswer::Dns { fault: dns_name(fault).to_owned(), addresses }
            }
            Failure::Silent => ToldAnswer::Silent,
            Failure::Reset => ToldAnswer::Reset,
            Failure::ClosedEmpty => ToldAnswer::ClosedEmpty,
            Failure::Truncated => ToldAnswer::Truncated,
            Failure::TlsAlert(number) => ToldAnswer::TlsAlert { number: *number },
            Failure::NotTls => ToldAnswer::NotTls,
            Failure::Certificate(fault) => match fault {
                CertificateFault::Expired(at) => certificate("expired", at.as_millis(), &[]),
                CertificateFault::NotYetValid(at) => certificate("not-yet-valid", at.as_millis(), &[]),
                CertificateFault::OtherName(names) => certificate("other-name", 0, names),
                CertificateFault::UnknownIssuer => certificate("unknown-issuer", 0, &[]),
                CertificateFault::SelfSigned => certificate("self-signed", 0, &[]),
                CertificateFault::Other(reason) => certificate("other", 0, std::slice::from_ref(reason)),
            },
            Failure::TlsOther { reason } => ToldAnswer::Tls { reason: reason.clone() },
            Failure::NotHttp => ToldAnswer::NotHttp,
            Failure::Status(status) => ToldAnswer::Status { status: *status },
            Failure::Content { reason } => ToldAnswer::Content { reason: reason.clone() },
            Failure::Slow => ToldAnswer::Slow,
            // One that is younger than what is spoken.
            other => ToldAnswer::OwnSide { reason: other.to_string() },
        }
    }
}

impl From<ToldAnswer> for Answer {
    fn from(told: ToldAnswer) -> Answer {
        Answer::Down(match told {
            ToldAnswer::Up => return Answer::Up,
            ToldAnswer::Refused => Failure::Refused,
            ToldAnswer::Rejected { kind, code, from } => Failure::Rejected(Icmp { kind, code, from }),
            ToldAnswer::Unreachable { kind, code, from } => Failure::Unreachable(Icmp { kind, code, from }),
            ToldAnswer::HostDown => Failure::HostDown,
            ToldAnswer::Filtered => Failure::Filtered,
            ToldAnswer::OwnSide { reason } => Failure::OwnSide { reason },
            ToldAnswer::Dns { fault, addresses } => Failure::Dns(match fault.as_str() {
                "no-such-name" => DnsFault::NoSuchName,
                "no-address" => DnsFault::NoAddress,
                "refused" => DnsFault::Refused,
                "timed-out" => DnsFault::TimedOut,
                "other-addresses" => DnsFault::OtherAddresses(addresses),
                _ => DnsFault::ServerFailed,
            }),
            ToldAnswer::Silent => Failure::Silent,
            ToldAnswer::Reset => Failure::Reset,
            ToldAnswer::ClosedEmpty => Failure::ClosedEmpty,
            ToldAnswer::Truncated => Failure::Truncated,
            ToldAnswer::TlsAlert { number } => Failure::TlsAlert(number),
            ToldAnswer::NotTls => Failure::NotTls,
            ToldAnswer::Certificate { fault, at_ms, mut names } => {
                let at = Timestamp::from_millis(at_ms);
                Failure::Certificate(match fault.as_str() {
                    "expired" => CertificateFault::Expired(at),
                    "not-yet-valid" => CertificateFault::NotYetValid(at),
                    "other-name" => CertificateFault::OtherName(names),
                    "unknown-issuer" => CertificateFault::UnknownIssuer,
                    "self-signed" => CertificateFault::SelfSigned,
                    _ => CertificateFault::Other(names.pop().unwrap_or_default()),
                })
            }
            ToldAnswer::Tls { reason } => Failure::TlsOther { reason },
            ToldAnswer::NotHttp => Failure::NotHttp,
            ToldAnswer::Status { status } => Failure::Status(status),
            ToldAnswer::Content { reason } => Failure::Content { reason },
            ToldAnswer::Slow => Failure::Slow,
        })
    }
}

fn dns_name(fault: &DnsFault) -> &'static str {
    match fault {
        DnsFault::NoSuchName => "no-such-name",
        DnsFault::NoAddress => "no-address",
        DnsFault::Refused => "refused",
        DnsFault::TimedOut => "timed-out",
        DnsFault::OtherAddresses(_) => "other-addresses",
        _ => "server-failed",
    }
}

impl From<Report> for Told {
    fn from(report: Report) -> Told {
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let Phases { connect, tls, first_byte, rest } = report.phases;
        let Seen { status, body_bytes, certificate, tls_version, addresses, hint } = report.seen;
        Told {
            answer: (&report.answer).into(),
            took_us: us(report.took),
            phases_us: [connect, tls, first_byte, rest].map(|phase| phase.map(us)),
            status,
            body_bytes,
            certificate: certificate.map(|shown| ToldCertificate {
                serial: shown.serial,
                names: shown.names,
                subject: shown.subject,
                issuer: shown.issuer,
                not_before_ms: shown.not_before.as_millis(),
                not_after_ms: shown.not_after.as_millis(),
                chain: shown.chain,
            }),
            tls_version,
            addresses,
            hint,
        }
    }
}

impl From<Told> for Report {
    fn from(told: Told) -> Report {
        let [connect, tls, first_byte, rest] = told.phases_us.map(|phase| phase.map(Duration::from_micros));
        let certificate = told.certificate.map(|shown| Certificate {
            serial: shown.serial,
            names: shown.names,
            subject: shown.subject,
            issuer: shown.issuer,
            not_before: Timestamp::from_millis(shown.not_before_ms),
            not_after: Timestamp::from_millis(shown.not_after_ms),
            chain: shown.chain,
        });
        Report {
            answer: told.answer.into(),
            took: Duration::from_micros(told.took_us),
            phases: Phases { connect, tls, first_byte, rest },
            seen: Seen {
                status: told.status,
                body_bytes: told.body_bytes,
                certificate,
                tls_version: told.tls_version,
                addresses: told.addresses,
                hint: told.hint,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_comes_through_as_it_was() {
        let icmp = Icmp { kind: 1, code: 5, from: "fd00::2".parse().unwrap() };
        let text = || "why \"not\"\n".to_owned();
        let at = Timestamp::from_millis(1_700_000_000_000);
        let mut answers = vec![Answer::Up];
        answers.extend(
            [
                Failure::Refused,
                Failure::Rejected(icmp),
                Failure::Unreachable(icmp),
                Failure::HostDown,
                Failure::Filtered,
                Failure::OwnSide { reason: text() },
                Failure::Dns(DnsFault::NoSuchName),
                Failure::Dns(DnsFault::NoAddress),
                Failure::Dns(DnsFault::ServerFailed),
                Failure::Dns(DnsFault::Refused),
                Failure::Dns(DnsFault::TimedOut),
                Failure::Dns(DnsFault::OtherAddresses(vec!["10.0.0.1".parse().unwrap()])),
                Failure::Silent,
                Failure::Reset,
                Failure::ClosedEmpty,
                Failure::Truncated,
                Failure::TlsAlert(112),
                Failure::NotTls,
                Failure::Certificate(CertificateFault::Expired(at)),
                Failure::Certificate(CertificateFault::NotYetValid(at)),
                Failure::Certificate(CertificateFault::OtherName(vec![text()])),
                Failure::Certificate(CertificateFault::UnknownIssuer),
                Failure::Certificate(CertificateFault::SelfSigned),
                Failure::Certificate(CertificateFault::Other(text())),
                Failure::TlsOther { reason: text() },
                Failure::NotHttp,
                Failure::Status(502),
                Failure::Content { reason: text() },
                Failure::Slow,
            ]
            .map(Answer::Down),
        );
        for answer in answers {
            let report = Report {
                answer,
                took: Duration::from_micros(1_234),
                phases: Phases { connect: Some(Duration::from_micros(7)), ..Phases::default() },
                seen: Seen { status: Some(502), hint: Some(text()), ..Seen::default() },
            };
            let line =
                serde_json::to_string(&Line::Answer { id: 7, report: Box::new(report.clone().into()) })
                    .unwrap();
            assert!(!line.contains('\n'));
            let Line::Answer { id: 7, report: told } = serde_json::from_str(&line).unwrap() else {
                panic!("{line}")
            };
            assert_eq!(Report::from(*told), report, "{line}");
        }
    }
}
