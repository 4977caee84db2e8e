//! Facts: what the table asks of evidence. Each is answered yes, no, or "nobody looked".

mod host;
mod log;
mod probe;
mod upstream;

use evenkeel_model::{LogPhase, Message};

use crate::Finding;
use crate::evidence::{ChangeKind, Evidence, Lines};

/// A question to evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// One of them holds.
    Any(&'static [Fact]),
    /// All of them hold.
    All(&'static [Fact]),
    /// It does not hold.
    Not(&'static Fact),

    /// A probe failed in this class.
    Probe(&'static str),
    /// A probe, or the access log, got this status.
    Status(u16),
    /// A TLS handshake ended with one of these alerts.
    Alert(&'static [u8]),
    /// The certificate is bad in this way: `expired`, `not-yet`, `other-name`, `unknown-issuer`, `self-signed`.
    Certificate(&'static str),
    /// Only IPv6 fails; IPv4 answers.
    OnlyIpv6,
    /// One vantage alone sees it; others get answers from the same host.
    OneVantage,
    /// A redirect leads to where it came from.
    RedirectsToItself,
    /// A redirect leads to the same place, by https.
    RedirectsToHttps,
    /// A redirect leads to another host.
    RedirectsAway,
    /// A redirect leads to a host that has no address.
    RedirectsNowhere,
    /// A page came where the path is one of a script, a style or a picture.
    PageForAsset,
    /// A connection was asked for that is more than HTTP, and none came.
    NotUpgraded,
    /// Headers are missing that an outer block of the configuration adds.
    HeadersDropped,
    /// Two clients got the same cookie, and the configuration keeps cookies in a cache.
    CachedCookie,
    /// It failed in less than this many milliseconds.
    FailedWithin(u64),

    /// The error log has a message of this class.
    Said(Message),
    /// In this phase.
    SaidIn(Message, LogPhase),
    /// With one of these errors of the operating system.
    SaidErrno(Message, &'static [u32]),
    /// Both.
    SaidInErrno(Message, LogPhase, &'static [u32]),
    /// With this text in it.
    SaidWith(Message, &'static str),
    /// In this phase, with this text.
    SaidInWith(Message, LogPhase, &'static str),
    /// An `[emerg]` of this class, and neither a start nor a reload went well after it.
    Refused(Message),
    /// The same, with one of these errors of the operating system.
    RefusedErrno(Message, &'static [u32]),
    /// An `[emerg]` after a reload began, and none went well after it.
    ReloadRefused,

    /// Nobody could read the error log.
    LogUnread,

    /// nginx answered with this status by itself.
    OwnStatus(u16),
    /// The upstream answered with this status.
    UpstreamStatus(u16),
    /// The requests come from a handful of addresses.
    FewClients,

    /// There is a master.
    NginxRuns,
    /// There is none.
    NginxStopped,
    /// Something listens at the address and port that were asked.
    ListensThere,
    /// nginx listens, and not at the address and port that were asked.
    ListensElsewhere,
    /// No configuration that was read listens at the address that was asked.
    ListenUnnamed,
    /// The queue of the socket that was asked is full.
    QueueFull,
    /// Another program than nginx listens on a port.
    PortTaken,
    /// The configuration on disk is newer than the youngest worker.
    ConfigNewerThanWorkers,
    /// More generations of workers live than this.
    GenerationsOver(usize),
    /// nginx would not start with what is on disk.
    DiskRefused,
    /// The firewall stops connections to the address that was asked.
    FirewallBlocks,
    /// The firewall lets them through.
    FirewallOpen,
    /// The firewall lets the first through, and then on a condition.
    FirewallConditional,
    /// The certificate on disk ends later than the one that is served.
    DiskNewer,
    /// The same certificate is served and lies on disk.
    DiskSame,

    /// No server block has the name that was asked for.
    ByDefault,
    /// The server block answers for many names: `*.shop.test`.
    ByWildcard,
    /// The configuration redirects by itself.
    ReturnsRedirect,
    /// It answers with another file than the one that was asked for.
    OtherFile,
    /// The configuration before the last change sent the request elsewhere.
    RouteMoved,
    /// `Upgrade` is not passed on to the upstream.
    UpgradeDropped,
    /// A package replaced a file of the configuration lately.
    FileReplaced,
    /// The configuration sends the request to no upstream.
    NotProxied,
    /// The configuration says this status.
    Returns(u16),
    /// The configuration wants a password.
    WantsPassword,
    /// Every server of the upstream is `down`.
    AllServersDown,
    /// A server of the upstream takes only so many connections.
    MaxConns,

    /// The upstream answers, asked without nginx.
    DirectUp,
    /// The upstream, asked without nginx, fails in this class.
    Direct(&'static str),
    /// The upstream, asked without nginx, answers with this status.
    DirectStatus(u16),
    /// The upstream, asked without nginx, answers after longer than nginx took to give the failing request up.
    DirectSlow,
    /// The application answers at another address than the configured one.
    AnswersElsewhere,
    /// The application answers whatever it is asked for, also what cannot exist.
    AnswersAll,
    /// Something on the same machine answers the request; it may be the application.
    MayAnswerElsewhere,
    /// The upstream answers when it is asked by TLS.
    AnswersTls,
    /// The firewall on the way to the upstream stops connections.
    UpstreamBlocked,
    /// The firewall on the way to the upstream lets the first packets through, and then on a condition.
    UpstreamConditional,
    /// The queue of the upstream's socket is full.
    UpstreamQueueFull,
    /// nginx connects to an address that the name no longer has.
    NameMoved,
    /// The upstream's name does not resolve now.
    NameGone,

    /// Such a change came shortly before the onset, and may touch this.
    Recent(ChangeKind),
    /// Other hosts with the same configuration answer.
    PeersHealthy,
    /// Sessions of the balancer end in this code with this status; a server was chosen, or none.
    Session(&'static str, u16),
    /// The balancer had no server for them.
    SessionWithoutServer,
    /// The balancer's check of the server ends so.
    Check(&'static str),
}

impl Fact {
    /// Whether it holds.
    pub fn ask(self, evidence: &Evidence) -> Finding {
        match self {
            Self::Any(facts) => any(facts, evidence),
            Self::All(facts) => all(facts, evidence),
            Self::Not(fact) => match fact.ask(evidence) {
                Finding::Yes(says) => Finding::No(says),
                Finding::No(says) => Finding::Yes(says),
                unknown => unknown,
            },
            _ => probe::ask(self, evidence)
                .or_else(|| log::ask(self, evidence))
                .or_else(|| host::ask(self, evidence))
                .or_else(|| upstream::ask(self, evidence))
                .expect("each fact is answered by one of the files"),
        }
    }

    /// The lines of the error log that make it hold.
    pub(crate) fn lines(self, evidence: &Evidence) -> Option<&Lines> {
        match self {
            Self::Any(facts) | Self::All(facts) => facts.iter().find_map(|fact| fact.lines(evidence)),
            _ => log::lines(self, evidence),
        }
    }
}

fn any(facts: &[Fact], evidence: &Evidence) -> Finding {
    let mut rest = None;
    for fact in facts {
        match fact.ask(evidence) {
            yes @ Finding::Yes(_) => return yes,
            unknown @ Finding::Unknown(_) => rest = Some(unknown),
            no @ Finding::No(_) => rest = rest.or(Some(no)),
        }
    }
    rest.unwrap_or_else(|| Finding::No(String::from("nothing of the kind")))
}

fn all(facts: &[Fact], evidence: &Evidence) -> Finding {
    let mut says = Vec::new();
    let mut unknown = None;
    for fact in facts {
        match fact.ask(evidence) {
            Finding::Yes(text) => says.push(text),
            no @ Finding::No(_) => return no,
            open @ Finding::Unknown(_) => unknown = Some(open),
        }
    }
    unknown.unwrap_or_else(|| Finding::Yes(says.join("; ")))
}
