//! A packet on its way through chains.

use std::collections::HashMap;
use std::sync::Arc;

use super::How;
use super::evaluate;
use super::fields::Field;
use super::host::Host;
use super::oracle::{DoubtKind, Oracle};
use super::packet::{Connection, Packet, Seen, Tracked};
use super::ruleset::{Expr, Hook, Key, Match, Ruleset, SetRef, Statement, Verdict};
use super::value::{Data, Truth, Value};

/// How many jumps may be open: `NFT_JUMP_STACK_SIZE`, include/net/netfilter/nf_tables.h
const JUMPS_MAX: usize = 16;
/// How many rules one run may look at.
const STEPS_MAX: usize = 2_000_000;

/// How a chain, or all of it, ends for a packet.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// It goes on.
    Pass,
    /// It does not.
    Stop(Stop),
}

/// Why a packet goes no further.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// The chain.
    pub(super) chain: Option<usize>,
    /// The rule in it; its policy when `None`.
    pub(super) rule: Option<usize>,
    /// What happens to it.
    pub(super) how: How,
    /// Nobody can say what happens; this is why.
    pub(super) unknown: Option<String>,
}

/// One connection on its way.
pub(super) struct Run<'a> {
    pub(super) ruleset: &'a Ruleset,
    pub(super) host: &'a Host,
    pub(super) interface: Option<&'a str>,
    pub(super) connection: Option<Connection>,
    pub(super) oracle: Oracle,
    pub(super) steps: usize,
    /// The rule that gave the connection another destination.
    pub(super) moved_by: Option<(usize, usize)>,
    changed: HashMap<Arc<str>, Vec<(Key, bool)>>,
}

/// What a rule says.
enum Said {
    Next,
    Accept,
    Jump(usize),
    Goto(usize),
    Return,
    Stop(Stop),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        ruleset: &'a Ruleset,
        host: &'a Host,
        interface: Option<&'a str>,
        oracle: Oracle,
    ) -> Self {
        Self {
            ruleset,
            host,
            interface,
            connection: None,
            oracle,
            steps: 0,
            moved_by: None,
            changed: HashMap::new(),
        }
    }

    /// Sends a packet through a base chain.
    pub(super) fn chain(&mut self, base: usize, packet: &mut Packet) -> End {
        let (mut chain, mut at) = (base, 0);
        let mut calls: Vec<(usize, usize)> = Vec::new();
        loop {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return End::Stop(self.lost(chain, "a way through more rules than are followed"));
            }
            let said = match self.ruleset.chains[chain].rules.len() > at {
                true => self.rule(chain, at, packet),
                false => Said::Return,
            };
            match said {
                Said::Next => at += 1,
                Said::Accept => return End::Pass,
                Said::Stop(stop) => return End::Stop(stop),
                Said::Jump(_) if calls.len() == JUMPS_MAX => {
                    return End::Stop(self.lost(chain, "jumps nested deeper than the kernel allows"));
                }
                Said::Jump(to) => {
                    calls.push((chain, at + 1));
                    (chain, at) = (to, 0);
                }
                Said::Goto(to) => (chain, at) = (to, 0),
                Said::Return => match calls.pop() {
                    Some(caller) => (chain, at) = caller,
                    None => return self.policy(base),
                },
            }
        }
    }

    fn policy(&self, chain: usize) -> End {
        let drops = self.ruleset.chains[chain].base.as_ref().is_some_and(|base| base.drops);
        if !drops {
            return End::Pass;
        }
        End::Stop(Stop { chain: Some(chain), rule: None, how: How::Dropped, unknown: None })
    }

    fn lost(&self, chain: usize, why: &str) -> Stop {
        Stop { chain: Some(chain), rule: None, how: How::Dropped, unknown: Some(why.to_owned()) }
    }

    /// Reads one rule. What is doubtful is asked only when something depends on it.
    fn rule(&mut self, chain: usize, at: usize, packet: &mut Packet) -> Said {
        let ruleset = self.ruleset;
        let mut doubts: Vec<(String, DoubtKind, bool)> = Vec::new();
        for statement in &ruleset.chains[chain].rules[at].statements {
            match statement {
                Statement::Match(comparison) => match self.compare(comparison, packet) {
                    Truth::Yes => {}
                    Truth::No => return Said::Next,
                    Truth::Maybe => doubts.push(doubt(comparison, packet)),
                },
                Statement::Load { text, natural } => doubts.push((text.clone(), DoubtKind::Load, *natural)),
                Statement::Opaque(text) => doubts.push((text.clone(), DoubtKind::Passing, false)),
                effect => {
                    for (text, kind, natural) in std::mem::take(&mut doubts) {
                        if !self.oracle.ask(&text, kind, natural) {
                            return Said::Next;
                        }
                    }
                    if let Some(said) = self.effect(effect, (chain, at), packet) {
                        return said;
                    }
                }
            }
        }
        Said::Next
    }

    /// Does what a statement does; `None`: the rule goes on.
    fn effect(&mut self, statement: &Statement, place: (usize, usize), packet: &mut Packet) -> Option<Said> {
        match statement {
            Statement::Match(_) | Statement::Load { .. } | Statement::Opaque(_) => None,
            Statement::Verdict(verdict) => self.verdict(verdict, place),
            Statement::Vmap { key, map } => match self.lookup(key, map, packet) {
                Some(Data::Verdict(verdict)) => self.verdict(&verdict, place),
                Some(Data::Items(_)) => self.opaque_verdict("a verdict that is not understood", place),
                None => Some(Said::Next),
            },
            Statement::Dnat { redirect, to, port, family } => {
                if family.is_some_and(|family| family != packet.family) {
                    return Some(Said::Next);
                }
                if packet.hook != Hook::Prerouting {
                    return self.rewritten("dnat", place);
                }
                if !self.move_to(*redirect, to.as_ref(), port.as_ref(), packet) {
                    return Some(Said::Next);
                }
                self.moved_by = Some(place);
                Some(Said::Accept)
            }
            Statement::Snat => {
                if packet.hook == Hook::Input {
                    return self.rewritten("snat", place);
                }
                Some(Said::Accept)
            }
            Statement::SetMark { connection, value } => self.set_mark(*connection, value, packet),
            Statement::Notrack => {
                if packet.tracked == Tracked::Nothing {
                    packet.tracked = Tracked::Untracked;
                }
                None
            }
            Statement::Update { delete, key, set, load } => {
                self.update(*delete, key, set, load.as_ref(), packet)
            }
            Statement::Rewrite(text) => self.rewritten(text, place),
            Statement::OpaqueVerdict(text) => self.opaque_verdict(text, place),
        }
    }

    fn verdict(&mut self, verdict: &Verdict, place: (usize, usize)) -> Option<Said> {
        let stop = |how| Said::Stop(Stop { chain: Some(place.0), rule: Some(place.1), how, unknown: None });
        Some(match verdict {
            Verdict::Accept => Said::Accept,
            Verdict::Drop => stop(How::Dropped),
            Verdict::Reject(how) => stop(how.clone()),
            Verdict::Return => Said::Return,
            Verdict::Continue => return None,
            Verdict::Jump(to) | Verdict::Goto(to) => match (self.ruleset.target(place.0, to), verdict) {
                (Some(to), Verdict::Jump(_)) => Said::Jump(to),
                (Some(to), _) => Said::Goto(to),
                (None, _) => {
                    return self.opaque_verdict(&format!("chain {}, which the dump lacks", to.0), place);
                }
            },
        })
    }

    /// It may end here, either way, or go on.
    fn opaque_verdict(&mut self, text: &str, place: (usize, usize)) -> Option<Said> {
        if self.oracle.ask(&format!("{text} (may stop it)"), DoubtKind::Passing, false) {
            let stop = Stop { chain: Some(place.0), rule: Some(place.1), how: How::Dropped, unknown: None };
            return Some(Said::Stop(stop));
        }
        if self.oracle.ask(&format!("{text} (may let it pass)"), DoubtKind::Passing, false) {
            return Some(Said::Accept);
        }
        Some(Said::Next)
    }

    /// What happens to a packet that was rewritten is not followed.
    fn rewritten(&mut self, text: &str, place: (usize, usize)) -> Option<Said> {
        if self.oracle.ask(text, DoubtKind::Passing, false) {
            let stop = Stop { chain: Some(place.0), rule: Some(place.1), how: How::Dropped, unknown: None };
            return Some(Said::Stop(stop));
        }
        None
    }

    fn set_mark(&mut self, of_connection: bool, value: &Expr, packet: &mut Packet) -> Option<Said> {
        let Some(value) = self.one(value, packet) else { return Some(Said::Next) };
        if !of_connection {
            packet.mark = value;
        } else if let (Tracked::Known { .. }, Some(connection)) = (packet.tracked, &mut self.connection) {
            connection.mark = value;
        }
        None
    }

    fn update(
        &mut self,
        delete: bool,
        key: &Expr,
        set: &SetRef,
        load: Option<&(String, bool)>,
        packet: &Packet,
    ) -> Option<Said> {
        let Some(key) = evaluate::key(key, &self.seen(packet), &mut |_, _| None) else {
            return Some(Said::Next);
        };
        if let Some(name) = &set.name {
            self.changed.entry(Arc::clone(name)).or_default().push((key, !delete));
        }
        match load {
            Some((text, natural)) if !self.oracle.ask(text, DoubtKind::Load, *natural) => Some(Said::Next),
            _ => None,
        }
    }

    /// Decides where the connection goes; says whether it was decided. Only nat chains come here.
    fn move_to(&mut self, redirect: bool, to: Option<&Expr>, port: Option<&Expr>, packet: &Packet) -> bool {
        let (mut address, mut new_port) = packet.destination.clone();
        if redirect {
            address = self.own_address(packet);
        }
        if let Some(to) = to {
            let Some(values) = self.values(to, packet) else { return false };
            let mut values = values.into_iter();
            address = values.next().unwrap_or(Value::Unknown);
            new_port = values.next().unwrap_or(new_port);
        }
        if let Some(port) = port {
            let Some(value) = self.one(port, packet) else { return false };
            new_port = value;
        }
        if let Some(connection) = &mut self.connection {
            connection.moved_to = Some((address, new_port));
        }
        true
    }

    /// The address that `redirect` means: the first of the interface. Source: `nf_nat_redirect_ipv4`,
    /// net/netfilter/nf_nat_redirect.c
    fn own_address(&self, packet: &Packet) -> Value {
        let v6 = packet.family == super::ruleset::Family::V6;
        let first = self.interface.and_then(|name| self.host.addresses(Some(name), v6).first().copied());
        match first {
            // IPv6 takes the first of the interface too, whose order the kernel chooses: often the youngest.
            Some(address) if !v6 => Value::Number(super::host::split(address).1),
            _ => packet.destination.0.clone(),
        }
    }

    pub(super) fn seen<'b>(&'b self, packet: &'b Packet) -> Seen<'b> {
        Seen { packet, connection: self.connection.as_ref(), host: self.host, interface: self.interface }
    }

    fn one(&mut self, expr: &Expr, packet: &Packet) -> Option<Value> {
        self.values(expr, packet)?.into_iter().next()
    }

    fn values(&mut self, expr: &Expr, packet: &Packet) -> Option<Vec<Value>> {
        let seen =
            Seen { packet, connection: self.connection.as_ref(), host: self.host, interface: self.interface };
        let oracle = &mut self.oracle;
        evaluate::key(expr, &seen, &mut |set, key| choose(set, key, oracle))
    }

    fn lookup(&mut self, key: &Expr, map: &SetRef, packet: &Packet) -> Option<Data> {
        let key = self.values(key, packet)?;
        choose(map, &key, &mut self.oracle)
    }

    fn compare(&mut self, comparison: &Match, packet: &Packet) -> Truth {
        let seen =
            Seen { packet, connection: self.connection.as_ref(), host: self.host, interface: self.interface };
        let oracle = &mut self.oracle;
        let key = evaluate::key(&comparison.left, &seen, &mut |set, key| choose(set, key, oracle));
        let Some(key) = key else { return Truth::No };
        evaluate::compare(comparison, &key, &self.changed)
    }
}

/// Finds what a map has for a key; where it is doubtful which element it is, one after the other is asked.
fn choose(set: &SetRef, key: &[Value], oracle: &mut Oracle) -> Option<Data> {
    match set.set.find(key) {
        (Truth::Yes, Some(element)) => {
            return loaded(element.load.as_ref(), oracle).then(|| element.data.clone())?;
        }
        (Truth::No, _) => return None,
        _ => {}
    }
    for element in set.set.possible(key) {
        if oracle.ask("an element of a map", DoubtKind::Passing, false) {
            return loaded(element.load.as_ref(), oracle).then(|| element.data.clone())?;
        }
    }
    None
}

fn loaded(load: Option<&(String, bool)>, oracle: &mut Oracle) -> bool {
    load.is_none_or(|(text, natural)| oracle.ask(text, DoubtKind::Load, *natural))
}

/// How a comparison is asked about. What belongs to the connection has one answer in each direction.
fn doubt(comparison: &Match, packet: &Packet) -> (String, DoubtKind, bool) {
    let fixed = evaluate::fields(&comparison.left).iter().all(|field| {
        matches!(
            field,
            Field::Interface(_)
                | Field::Port(..)
                | Field::Address(..)
                | Field::Fixed(_)
                | Field::FibType { .. }
        )
    });
    let kind = if fixed { DoubtKind::Fixed } else { DoubtKind::Passing };
    let way = if packet.incoming { "" } else { " (of an answer)" };
    (format!("{}{way}", comparison.text), kind, false)
}
