//! What the logs say.

use evenkeel_fleet::Timestamp;
use evenkeel_model::{LogLevel, Message};

use super::Fact;
use crate::Finding;
use crate::evidence::{Evidence, Lines, Origin};

/// From how many addresses requests come when those are the addresses of balancers.
const FEW_CLIENTS: u64 = 4;
/// How many requests are needed to say so.
const REQUESTS_FOR_CLIENTS: u64 = 20;

pub(super) fn ask(fact: Fact, evidence: &Evidence) -> Option<Finding> {
    Some(match fact {
        Fact::Said(..)
        | Fact::SaidIn(..)
        | Fact::SaidErrno(..)
        | Fact::SaidInErrno(..)
        | Fact::SaidWith(..)
        | Fact::SaidInWith(..)
        | Fact::Refused(_)
        | Fact::RefusedErrno(..)
        | Fact::ReloadRefused => match (&evidence.lines, lines(fact, evidence)) {
            (None, _) => Finding::unknown("the error log of nginx"),
            (_, Some(lines)) => Finding::Yes(quoted(lines)),
            (_, None) => Finding::No(String::from("the error log says nothing of the kind")),
        },
        Fact::LogUnread => {
            Finding::of(evidence.lines.is_none(), "the error log could not be read", "the error log was read")
        }
        Fact::OwnStatus(status) => made(evidence, status, |origin| origin == Origin::Nginx, "nginx itself"),
        Fact::UpstreamStatus(status) => {
            made(evidence, status, |origin| origin == Origin::Upstream(status), "the upstream")
        }
        Fact::FewClients => {
            let all: u64 = evidence.access.iter().flatten().map(|answers| answers.count).sum();
            let clients = evidence.access.iter().flatten().map(|answers| answers.clients).max().unwrap_or(0);
            if all < REQUESTS_FOR_CLIENTS || clients == 0 {
                Finding::unknown("the addresses that the requests come from, in the access log")
            } else {
                let says = format!("{all} requests come from {clients} addresses");
                Finding::of(clients <= FEW_CLIENTS, says.clone(), says)
            }
        }
        _ => return None,
    })
}

/// The lines that make a fact hold.
pub(super) fn lines(fact: Fact, evidence: &Evidence) -> Option<&Lines> {
    let all = evidence.lines.as_deref()?;
    let has = |lines: &&Lines| match fact {
        Fact::Said(message) => lines.message == message,
        Fact::SaidIn(message, phase) => lines.message == message && lines.phase == Some(phase),
        Fact::SaidErrno(message, errno) => lines.message == message && is_one(lines, errno),
        Fact::SaidInErrno(message, phase, errno) => {
            lines.message == message && lines.phase == Some(phase) && is_one(lines, errno)
        }
        Fact::SaidWith(message, text) => lines.message == message && lines.text.contains(text),
        Fact::SaidInWith(message, phase, text) => {
            lines.message == message && lines.phase == Some(phase) && lines.text.contains(text)
        }
        Fact::Refused(message) => lines.message == message && stands(lines, evidence),
        Fact::RefusedErrno(message, errno) => {
            lines.message == message && is_one(lines, errno) && stands(lines, evidence)
        }
        Fact::ReloadRefused => {
            stands(lines, evidence)
                && last(evidence, Message::Reconfiguring).is_some_and(|hup| lines.last >= hup)
        }
        _ => false,
    };
    // The newest of several.
    all.iter().filter(has).max_by_key(|lines| lines.last)
}

fn is_one(lines: &Lines, errno: &[u32]) -> bool {
    lines.errno.is_some_and(|number| errno.contains(&number))
}

/// Whether an `[emerg]` still stands: no worker was started after it, and no reload began without another.
fn stands(lines: &Lines, evidence: &Evidence) -> bool {
    let started = last(evidence, Message::WorkerStarted);
    let youngest = evidence.nginx.as_ref().and_then(|nginx| nginx.youngest_worker);
    // A log counts whole seconds: what began in the second of the line may have come before it.
    let second = |at: Timestamp| at.as_millis() / 1_000;
    let worker_after =
        [started, youngest].into_iter().flatten().any(|start| second(start) > second(lines.last));
    let reload_after = last(evidence, Message::Reconfiguring).is_some_and(|hup| hup > lines.last);
    lines.level == LogLevel::Emerg && !worker_after && !reload_after
}

fn last(evidence: &Evidence, message: Message) -> Option<Timestamp> {
    evidence.lines.iter().flatten().filter(|lines| lines.message == message).map(|lines| lines.last).max()
}

fn quoted(lines: &Lines) -> String {
    let phase = lines.phase.map(|phase| format!(" while {}", phase.text())).unwrap_or_default();
    let upstream =
        lines.upstream.as_ref().map(|upstream| format!(", upstream {upstream}")).unwrap_or_default();
    let times = if lines.count == 1 { String::from("once") } else { format!("{} times", lines.count) };
    // What a start says before it has a log goes to whoever started it.
    let who = if lines.level == LogLevel::Emerg { "nginx" } else { "the error log" };
    format!("{who} says {times}: {}{phase}{upstream}", lines.text)
}

fn made(evidence: &Evidence, status: u16, by: impl Fn(Origin) -> bool, who: &str) -> Finding {
    let Some(access) = &evidence.access else {
        return Finding::unknown("the access log, with $upstream_status");
    };
    let mut with = access.iter().filter(|answers| answers.status == status).peekable();
    if with.peek().is_none() {
        return Finding::No(format!("the access log has no {status}"));
    }
    let mut open = false;
    for answers in with {
        if by(answers.origin) {
            return Finding::Yes(format!(
                "{who} made {status} for {} ({} requests)",
                answers.route, answers.count
            ));
        }
        open |= answers.origin == Origin::Unknown;
    }
    if open {
        Finding::unknown("$upstream_status in the access log's format")
    } else {
        Finding::No(format!("it was not {who} that made {status}"))
    }
}
