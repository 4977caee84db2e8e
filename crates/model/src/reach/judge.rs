//! From the fates of all the connections that may be, one verdict.

use std::net::IpAddr;

use super::flow::{Asked, Fate};
use super::host::{self, Host};
use super::oracle::{self, DoubtKind, Oracle};
use super::ruleset::{Family, Ruleset};
use super::value::Value;
use super::walk::{Run, Stop};
use super::{Client, DecidingRule, Target, Verdict};

/// How many ways through the ruleset are tried, when questions have no answer.
const RUNS_MAX: usize = 512;
/// How many rules all of them may look at together.
const STEPS_MAX: usize = 8_000_000;
/// The ports of clients. Source: `net.ipv4.ip_local_port_range` of Linux begins at 32768, others at 1024.
const CLIENT_PORTS: (u128, u128) = (1024, 65535);

/// One run: what was asked in it, and how it ended.
struct Tried {
    asked: Vec<oracle::Asked>,
    fate: Fate,
}

pub(super) fn verdict(ruleset: &Ruleset, host: &Host, target: &Target, client: &Client) -> Verdict {
    let (asked, interface) = match question(host, target, client) {
        Ok(question) => question,
        Err(because) => return Verdict::Unknown { because },
    };
    let interface = interface.as_deref();
    let forward = settle(ruleset, host, interface, &asked);
    let backward = settle(ruleset, host, interface, &Asked { reversed: true, ..asked });
    match (forward, backward) {
        (forward, backward) if forward == backward => forward,
        (Verdict::Blocked { rule, how, mut or }, Verdict::Blocked { rule: other, or: others, .. }) => {
            or.extend(std::iter::once(*other).chain(others).filter(|other| *other != *rule));
            or.dedup();
            Verdict::Blocked { rule, how, or }
        }
        (unknown @ Verdict::Unknown { .. }, _) | (_, unknown @ Verdict::Unknown { .. }) => unknown,
        (Verdict::Reachable { .. }, Verdict::Reachable { provided }) => Verdict::Reachable { provided },
        _ => Verdict::Unknown {
            because: "the order of chains that have the same priority, which nothing defines".to_owned(),
        },
    }
}

/// Makes the question exact: who, by which interface, to which address.
fn question(host: &Host, target: &Target, client: &Client) -> Result<(Asked, Option<String>), String> {
    let v6 = target.address.map_or(target.v6, |address| address.is_ipv6());
    if client.address.is_some_and(|address| address.is_ipv6() != v6) {
        return Err("the client's address, which is of the other family".to_owned());
    }
    let family = if v6 { Family::V6 } else { Family::V4 };
    let address = client.address.unwrap_or_else(|| stranger(v6));
    let interface = interface(host, client, v6);
    if interface.is_none() && host.is_known() {
        return Err(format!("the way back to {address}: this host has no route there"));
    }
    let own = target.address.or_else(|| host.addresses(interface.as_deref(), v6).first().copied());
    let number = |address: IpAddr| Value::Number(host::split(address).1);
    let asked = Asked {
        family,
        transport: target.transport,
        client: (number(address), Value::Between(CLIENT_PORTS.0, CLIENT_PORTS.1)),
        listen: (own.map_or(Value::Unknown, number), Value::Number(u128::from(target.port))),
        everywhere: target.everywhere,
        reversed: false,
    };
    Ok((asked, interface))
}

/// The interface by which a client comes: the one that it names, or the one by which its answers leave.
pub(super) fn interface(host: &Host, client: &Client, v6: bool) -> Option<String> {
    let address = client.address.unwrap_or_else(|| stranger(v6));
    client.interface.clone().or_else(|| host.interface_to(address).map(str::to_owned))
}

/// An address of the internet that nobody names.
fn stranger(v6: bool) -> IpAddr {
    if v6 {
        IpAddr::from([0x2a0f, 0x5381, 0x9e3c, 0x71, 0, 0, 0xb4d2, 0x1f])
    } else {
        IpAddr::from([93, 187, 141, 66])
    }
}

/// Tries every way that questions without an answer may go, and says what all have in common.
fn settle(ruleset: &Ruleset, host: &Host, interface: Option<&str>, asked: &Asked) -> Verdict {
    let mut waiting = vec![Vec::new()];
    let mut tried: Vec<Tried> = Vec::new();
    let mut steps = 0;
    while let Some(script) = waiting.pop() {
        let told = script.len();
        let mut run = Run::new(ruleset, host, interface, Oracle::new(script));
        let fate = run.connection(asked);
        steps += run.steps;
        if let Fate::Stopped(Stop { unknown: Some(because), .. }) = fate {
            return Verdict::Unknown { because };
        }
        let questions = run.oracle.asked;
        for at in told..questions.len() {
            let mut script: Vec<bool> = questions[..at].iter().map(|question| question.answer).collect();
            script.push(!questions[at].answer);
            waiting.push(script);
        }
        tried.push(Tried { asked: questions, fate });
        if tried.len() + waiting.len() > RUNS_MAX || steps > STEPS_MAX {
            let first = tried[0].asked.first().map_or_else(String::new, |asked| asked.doubt.text.clone());
            return Verdict::Unknown { because: format!("{first}, and too many others") };
        }
    }
    decide(ruleset, &tried)
}

fn decide(ruleset: &Ruleset, tried: &[Tried]) -> Verdict {
    let is_natural = |one: &&Tried| {
        one.asked.iter().all(|asked| asked.doubt.kind != DoubtKind::Load || asked.answer == asked.natural)
    };
    let natural: Vec<&Tried> = tried.iter().filter(is_natural).collect();
    let first = natural.first().copied().unwrap_or(&tried[0]);
    if let Some(other) = natural.iter().find(|other| reaches(other) != reaches(first)) {
        return Verdict::Unknown { because: because(first, other, tried) };
    }
    match &first.fate {
        Fate::Answered => {
            let mut provided: Vec<String> = Vec::new();
            for other in tried.iter().filter(|other| !reaches(other)) {
                let loads = other.asked.iter().filter(|asked| asked.doubt.kind == DoubtKind::Load);
                let unusual = loads.filter(|asked| asked.answer != asked.natural);
                provided.extend(unusual.map(|asked| asked.doubt.text.clone()));
            }
            provided.sort_unstable();
            provided.dedup();
            Verdict::Reachable { provided }
        }
        Fate::Stopped(stop) => {
            let rule = rule_of(ruleset, stop);
            let mut or: Vec<DecidingRule> = Vec::new();
            for other in &natural {
                if let Fate::Stopped(other) = &other.fate {
                    let other = rule_of(ruleset, other);
                    if other != rule && !or.contains(&other) {
                        or.push(other);
                    }
                }
            }
            Verdict::Blocked { rule: Box::new(rule), how: stop.how.clone(), or }
        }
    }
}

fn reaches(tried: &Tried) -> bool {
    matches!(tried.fate, Fate::Answered)
}

fn rule_of(ruleset: &Ruleset, stop: &Stop) -> DecidingRule {
    let chain = &ruleset.chains[stop.chain.expect("whatever stops a packet stands in a chain")];
    chain.decides(stop.rule)
}

/// The question on which two outcomes part: one that alone changes the outcome, if there is one.
fn because(first: &Tried, other: &Tried, tried: &[Tried]) -> String {
    let parting = |one: &Tried| {
        let answers = first.asked.iter().zip(&one.asked);
        let same = answers.take_while(|(left, right)| left.answer == right.answer).count();
        first.asked.get(same).map(|asked| asked.doubt.text.clone())
    };
    let alone = tried.iter().filter(|one| reaches(one) != reaches(first)).find(|one| {
        let unlike = first.asked.iter().zip(&one.asked).filter(|(left, right)| left.answer != right.answer);
        unlike.count() == 1
    });
    alone.and_then(parting).or_else(|| parting(other)).unwrap_or_else(|| "a condition".to_owned())
}
