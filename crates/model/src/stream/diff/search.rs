//! The ways of connections to one socket, of both configurations side by side.
//!
//! A way is taken, its questions are turned round one after the other, and each new way is taken again. Names that a rule
//! names outright are taken one by one, and left out of what is searched.

use std::collections::HashMap;

use super::values::{About, Part, Subject};
use super::{Seen, clients, connection};
use crate::choice::{Choice, Chosen, Demand, View, solve_with};
use crate::config::NodeId;
use crate::language::{Budget, Formula, Language, Solution};
use crate::request::LocalAddress;
use crate::route::question::{Answered, Question, Test};
use crate::stream::connection::{Connection, Hello};
use crate::stream::{StreamObserved, StreamRouter};

/// How many ways of one socket are taken.
const WAYS_MAX: usize = 20_000;

/// Whom a change is shown to: the connection, both ways, and whether its name stands for itself.
pub(super) type Tell<'t> = dyn FnMut(&Connection, &Seen, bool) + 't;

pub(super) struct Search<'s, 'c> {
    routers: &'s [StreamRouter<'c>; 2],
    budget: &'s mut Budget,
    choices: HashMap<(usize, Rule), Option<Choice>>,
    clients: [Vec<std::net::IpAddr>; 2],
    pub(super) incomplete: Vec<String>,
}

/// What is chosen from: a map, or the names of a socket of TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rule {
    Map(NodeId),
    Names(usize),
}

/// A question that can be turned round.
#[derive(Debug, Clone, PartialEq)]
struct Turnable {
    side: usize,
    rule: Rule,
    subject: Subject,
    chosen: Chosen,
}

/// A connection, and the questions whose answers are kept.
struct Open {
    connection: Connection,
    kept: Vec<Turnable>,
    /// Whether the name stays.
    named: bool,
}

impl<'s, 'c> Search<'s, 'c> {
    pub(super) fn new(routers: &'s [StreamRouter<'c>; 2], budget: &'s mut Budget) -> Search<'s, 'c> {
        let (clients, cut) = clients::clients([routers[0].config, routers[1].config]);
        let mut incomplete = Vec::new();
        if cut {
            incomplete.push(String::from("stream names more networks of clients than are tried"));
        }
        Search { routers, budget, choices: HashMap::new(), clients, incomplete }
    }

    /// Shows every change of a socket.
    pub(super) fn socket(&mut self, listen: &LocalAddress, udp: bool, tell: &mut Tell<'_>) {
        let clients: Vec<Option<std::net::IpAddr>> = match listen {
            LocalAddress::Unix(_) => vec![None],
            LocalAddress::Inet(address) => {
                self.clients[usize::from(address.is_ipv6())].iter().copied().map(Some).collect()
            }
        };
        let at = |router: &StreamRouter<'_>| {
            let place = router.sockets(udp).at(listen)?;
            Some(router.sockets(udp).all[place].proxy_protocol)
        };
        let wants = self.routers.iter().filter_map(at).any(|wants| wants);
        let names = if udp { Vec::new() } else { self.names() };
        for client in clients {
            let plain = connection(listen, udp, None, client, wants);
            self.ways(plain.clone(), true, &[], tell);
            if udp {
                continue;
            }
            let tls = |sni| Connection { hello: Some(Hello { sni, ..Hello::default() }), ..plain.clone() };
            self.ways(tls(None), true, &[], tell);
            for name in &names {
                self.ways(tls(Some(name.clone())), true, &[], tell);
            }
            let others = tls(Some(b"example.invalid".to_vec()));
            self.ways(others, false, &names, tell);
        }
    }

    /// The names that some rule names outright. What `pass` leads to counts, too, so all sockets and maps are asked.
    fn names(&mut self) -> Vec<Vec<u8>> {
        let mut names = Vec::new();
        let is_name = |name: &Vec<u8>| {
            let label = |label: &[u8]| {
                !label.is_empty()
                    && label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
            };
            name.split(|&byte| byte == b'.').all(label)
        };
        for side in 0..2 {
            let router = &self.routers[side];
            let sockets = (0..router.tcp.all.len()).map(Rule::Names);
            let maps = router.config.named("map").filter(|node| node.context() == crate::Context::Stream);
            let rules: Vec<Rule> = sockets.chain(maps.map(|node| Rule::Map(node.id()))).collect();
            for rule in rules {
                let texts = self.choice(side, rule).map(Choice::texts).unwrap_or_default();
                names.extend(texts.into_iter().filter(is_name));
            }
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn choice(&mut self, side: usize, rule: Rule) -> Option<&Choice> {
        let router = &self.routers[side];
        let made = self.choices.entry((side, rule)).or_insert_with(|| match rule {
            Rule::Map(node) => {
                router.map(node).map(|map| Choice::of_stream_map(router.config.node(node), map))
            }
            Rule::Names(place) => router
                .tcp
                .all
                .get(place)
                .map(|socket| Choice::of_socket(router.config, &router.patterns, socket)),
        });
        made.as_ref()
    }

    /// Takes every way from a connection on. `without` are names that are taken elsewhere.
    fn ways(&mut self, from: Connection, named: bool, without: &[Vec<u8>], tell: &mut Tell<'_>) {
        let mut open = vec![Open { connection: from, kept: Vec::new(), named }];
        let mut taken = 0;
        while let Some(way) = open.pop() {
            taken += 1;
            if taken > WAYS_MAX {
                self.doubt(format!("stream has more than {WAYS_MAX} ways through one socket"));
                return;
            }
            let [old, new] = self.routers.each_ref().map(|router| router.observe(&way.connection));
            let turnable = self.turnable(&old, &new);
            let seen = Seen { old, new };
            if !seen.is_same() {
                self.changed(&way, &turnable, without, seen, tell);
            }
            for at in way.kept.len()..turnable.len() {
                let asked = &turnable[at];
                if named && asked.subject.part == Part::Name {
                    continue;
                }
                let Some(choice) = self.choice(asked.side, asked.rule) else { continue };
                let answers =
                    if asked.subject.part == Part::Name { choice.loose() } else { choice.answers() };
                for answer in answers.into_iter().filter(|answer| *answer != asked.chosen) {
                    let mut kept = turnable[..at].to_vec();
                    kept.push(Turnable { chosen: answer, ..asked.clone() });
                    let part = asked.subject.part;
                    if let Some(connection) = self.turned(&way.connection, &kept, part, without, None) {
                        open.push(Open { connection, kept, named });
                    }
                }
            }
        }
    }

    /// Tells of a way whose ends are put together differently.
    fn changed(
        &mut self,
        way: &Open,
        turnable: &[Turnable],
        without: &[Vec<u8>],
        seen: Seen,
        tell: &mut Tell<'_>,
    ) {
        if !seen.is_same_here() {
            return tell(&way.connection, &seen, way.named);
        }
        if way.named {
            return;
        }
        // The same for this name; another one tells them apart, if any does.
        let own = way.connection.hello.as_ref().and_then(|hello| hello.sni.clone()).unwrap_or_default();
        let Some(other) = self.turned(&way.connection, turnable, Part::Name, without, Some(&own)) else {
            return;
        };
        let [old, new] = self.routers.each_ref().map(|router| router.observe(&other));
        let seen = Seen { old, new };
        if seen.is_same_here() {
            self.doubt(String::from(
                "stream: old and new come to the same in different ways; not all names were tried",
            ));
        } else {
            tell(&other, &seen, false);
        }
    }

    /// A connection that differs in one part, so that all of these questions get these answers.
    fn turned(
        &mut self,
        from: &Connection,
        kept: &[Turnable],
        part: Part,
        without: &[Vec<u8>],
        but: Option<&[u8]>,
    ) -> Option<Connection> {
        let mut formula = part.domain().ok()?;
        let mut except: Vec<Vec<u8>> = if part == Part::Name { without.to_vec() } else { Vec::new() };
        except.extend(but.map(<[u8]>::to_vec));
        if !except.is_empty() {
            formula = formula.and(Formula::Not(Box::new(Formula::from(Language::one_of(&except)))));
        }
        let own: Vec<&Turnable> = kept.iter().filter(|asked| asked.subject.part == part).collect();
        for asked in &own {
            self.choice(asked.side, asked.rule)?;
        }
        let demands: Vec<Demand<'_>> = own
            .iter()
            .filter_map(|asked| {
                let choice = self.choices.get(&(asked.side, asked.rule))?.as_ref()?;
                Some(Demand {
                    choice,
                    chosen: asked.chosen,
                    holds: true,
                    view: Some(&asked.subject as &dyn View),
                })
            })
            .collect();
        match solve_with(&formula, &demands, self.budget) {
            Solution::Found(value) => {
                let mut connection = from.clone();
                part.put(connection.hello.as_mut()?, &value);
                Some(connection)
            }
            Solution::Empty => None,
            Solution::GaveUp => {
                self.doubt(String::from("stream: the search for a name ended before it could tell"));
                None
            }
        }
    }

    /// The questions of both that can be turned round, in order.
    fn turnable(&mut self, old: &StreamObserved, new: &StreamObserved) -> Vec<Turnable> {
        let mut turnable: Vec<Turnable> = Vec::new();
        for (side, seen) in [old, new].into_iter().enumerate() {
            for question in &seen.questions {
                if let Some(asked) = self.asked(side, question)
                    && !turnable.contains(&asked)
                {
                    turnable.push(asked);
                }
            }
        }
        turnable
    }

    fn asked(&mut self, side: usize, question: &Question) -> Option<Turnable> {
        let subject = match Subject::of(&question.subject) {
            About::Fixed => return None,
            About::One(subject) => subject,
            About::Mixed => {
                self.doubt(String::from(
                    "stream asks a map for a value that is put together of what the client says",
                ));
                return None;
            }
        };
        let rule = match question.test {
            Test::Map(node) if self.routers[side].map(node).is_some() => Rule::Map(node),
            Test::Map(_) => {
                self.doubt(String::from("stream: split_clients and geo of a name are tried, not proven"));
                return None;
            }
            Test::Server(place) => Rule::Names(place),
            _ => return None,
        };
        let Answered::Chosen(chosen) = question.answer else { return None };
        Some(Turnable { side, rule, subject, chosen })
    }

    fn doubt(&mut self, why: String) {
        if !self.incomplete.contains(&why) {
            self.incomplete.push(why);
        }
    }
}
