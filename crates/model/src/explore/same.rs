//! What needs no walk, because both sides can do nothing there but the same.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::rc::Rc;

use super::lift::regex_text;
use super::rules::Rules;
use super::search::{Run, Search};
use super::trail::{Kind, Point};
use super::values::Sni;
use crate::canonical::{Jump, counterparts};
use crate::choice::{Chosen, Sought, find_pair, pairs};
use crate::config::NodeId;
use crate::language::{Formula, Language};
use crate::route::listen::Key;
use crate::route::script::{Part, parts};
use crate::route::{Answered, Test};

/// How many searches it may cost to find out which internal redirects stay the same.
const JUMPS_MAX: usize = 4_000;

/// What the server of the connection says of a request before its own server is known.
///
/// Source: `ngx_http_process_request_line`, `ngx_http_process_request_headers`, src/http/ngx_http_request.c
const OF_CONNECTIONS: [&str; 3] = ["merge_slashes", "underscores_in_headers", "ignore_invalid_headers"];

/// What is known about two servers, by their places.
#[derive(Default)]
pub(super) struct Same {
    servers: RefCell<HashMap<(usize, usize), Rc<Between>>>,
    /// By the door.
    connections: RefCell<HashMap<usize, bool>>,
}

/// How the locations of two servers differ.
pub(super) struct Between {
    /// The counterparts.
    pub(super) twins: HashMap<NodeId, NodeId>,
    /// Answers that differ and are no counterparts, with a URI.
    pub(super) moved: Vec<(Chosen, Chosen, Vec<u8>)>,
    /// Why some of those may be missing.
    pub(super) incomplete: Vec<String>,
    /// Counterparts of which both do the same whatever the request.
    pub(super) alike: HashSet<NodeId>,
    /// Whether both do the same before they look for a location.
    pub(super) start_alike: bool,
    /// Whether both do the same where no location takes the request.
    pub(super) rest_alike: bool,
}

impl Between {
    /// Whether nothing can differ once these were chosen.
    pub(super) fn is_alike(&self, old: Chosen, new: Chosen) -> bool {
        self.start_alike
            && match (old, new) {
                (Chosen::Nothing, Chosen::Nothing) => self.rest_alike,
                (Chosen::Rule(old), Chosen::Rule(new)) | (Chosen::Redirect(old), Chosen::Redirect(new)) => {
                    self.twins.get(&old) == Some(&new) && self.alike.contains(&old)
                }
                _ => false,
            }
    }
}

impl Search<'_, '_> {
    /// The first question from `from` on behind which both sides can only do the same.
    pub(super) fn stop(&mut self, run: &Run, from: usize) -> Option<usize> {
        (from..run.points.len()).find(|&at| {
            let point = &run.points[at];
            match point.kind() {
                Kind::Server => self.same_servers(&run.points[at], run),
                Kind::Location => self.same_locations(run, at),
                _ => false,
            }
        })
    }

    /// The servers that both sides are in after a question for one of them.
    fn servers_at(&self, point: &Point, run: &Run) -> Option<(NodeId, NodeId)> {
        let server = |side: usize| match point.asked[side].as_ref().map(|asked| &asked.answer) {
            Some(Answered::Chosen(Chosen::Rule(server))) => Some(*server),
            Some(_) => None,
            None => self.only_server(side, run),
        };
        Some((server(0)?, server(1)?))
    }

    /// The server of a side that was never asked for one.
    pub(super) fn only_server(&self, side: usize, run: &Run) -> Option<NodeId> {
        let asked = run.points.iter().any(|point| {
            point.asked[side].as_ref().is_some_and(|asked| matches!(asked.test, Test::Server(_)))
        });
        if asked { None } else { run.seen[side].route.server }
    }

    /// Whether both sides read the lines of a request alike before they know the server that it is for: that is as the
    /// server of the connection wants it.
    pub(super) fn same_connection(&self, door: usize) -> bool {
        if let Some(known) = self.same.connections.borrow().get(&door) {
            return *known;
        }
        let made = self.read_alike(door);
        self.same.connections.borrow_mut().insert(door, made);
        made
    }

    fn read_alike(&self, door: usize) -> bool {
        let door = self.door(door);
        let told = || {
            let named =
                |name: &&str| self.routers.iter().any(|router| router.config().named(name).next().is_some());
            OF_CONNECTIONS.iter().any(named)
        };
        let Some(address) = door.listen.as_ref().filter(|_| !matches!(door.sni, Sni::Name(_)) || !told())
        else {
            return false;
        };
        // A server that the handshake names is asked for like others.
        let of_default = !door.tls || door.sni != Sni::Host;
        let mut sides = self.routers.iter().map(|router| {
            let (config, socket) = (router.config(), &router.sockets.all[router.sockets.at(address)?]);
            let value = |server: usize, name: &str| {
                let server = config.servers()[server].node;
                config.effective_value(server, name).unwrap_or(b"").to_ascii_lowercase()
            };
            let reads = OF_CONNECTIONS.iter().filter(|_| of_default).map(|name| value(socket.default, name));
            let certificates = socket
                .servers
                .iter()
                .any(|&server| !matches!(&value(server, "ssl_verify_client")[..], b"" | b"off"));
            let is_v6 = matches!(socket.key, Key::Inet(SocketAddr::V6(_)));
            Some((socket.proxy_protocol, socket.http2, is_v6, certificates, reads.collect::<Vec<_>>()))
        });
        let first = sides.next().flatten();
        first.is_some() && sides.all(|side| side == first)
    }

    pub(super) fn same_server(&self, old: NodeId, new: NodeId) -> bool {
        self.canons[0].server(old) == self.canons[1].server(new)
    }

    fn same_servers(&self, point: &Point, run: &Run) -> bool {
        // A handshake that led elsewhere may matter later.
        let mut servers = run.points.iter().filter(|point| point.kind() == Kind::Server);
        let only =
            self.same_connection(run.door) && servers.next().is_some_and(|first| std::ptr::eq(first, point));
        only && self.servers_at(point, run).is_some_and(|(old, new)| self.same_server(old, new))
    }

    fn same_locations(&mut self, run: &Run, at: usize) -> bool {
        self.in_step(run, at).is_some_and(
            |between| matches!(both_chosen(&run.points[at]), Some((old, new)) if between.is_alike(old, new)),
        )
    }

    /// How the servers differ in which both sides look for a location, as long as both have done the same so far.
    pub(super) fn in_step(&mut self, run: &Run, at: usize) -> Option<Rc<Between>> {
        let between = self.between_at(&run.points[at])?;
        if !between.start_alike || !self.same_connection(run.door) {
            return None;
        }
        for point in run.points[..at].iter().filter(|point| point.kind() == Kind::Location) {
            let (old, new) = both_chosen(point)?;
            let alike = match (old, new) {
                (Chosen::Nothing, Chosen::Nothing) => between.rest_alike,
                (Chosen::Rule(old), Chosen::Rule(new)) => {
                    between.twins.get(&old) == Some(&new)
                        && self.canons[0].location(old) == self.canons[1].location(new)
                }
                _ => false,
            };
            if !alike {
                return None;
            }
        }
        Some(between)
    }

    /// How the servers differ in which both sides look for a location.
    pub(super) fn between_at(&mut self, point: &Point) -> Option<Rc<Between>> {
        let server = |side: usize| match point.asked.get(side)?.as_ref()?.test {
            Test::Location(server) => Some(server),
            _ => None,
        };
        Some(self.between(server(0)?, server(1)?))
    }

    pub(super) fn between(&mut self, old: usize, new: usize) -> Rc<Between> {
        if let Some(known) = self.same.servers.borrow().get(&(old, new)) {
            return known.clone();
        }
        let made = Rc::new(self.compare(old, new));
        self.same.servers.borrow_mut().insert((old, new), made.clone());
        made
    }

    fn compare(&mut self, old: usize, new: usize) -> Between {
        let servers = [&self.routers[0].config().servers()[old], &self.routers[1].config().servers()[new]];
        let twins: HashMap<NodeId, NodeId> =
            counterparts(&servers[0].locations, &servers[1].locations).into_iter().collect();
        let rules = [self.rules_of(0, &Test::Location(old)), self.rules_of(1, &Test::Location(new))];
        let mut between = Between {
            twins,
            moved: Vec::new(),
            incomplete: Vec::new(),
            alike: HashSet::new(),
            start_alike: self.canons[0].before_location(servers[0].node)
                == self.canons[1].before_location(servers[1].node),
            rest_alike: self.canons[0].server_itself(servers[0].node)
                == self.canons[1].server_itself(servers[1].node),
        };
        let [Some(rules_old), Some(rules_new)] = rules else { return between };
        let (Rules::Strings(choice_old), Rules::Strings(choice_new)) = (&*rules_old, &*rules_new) else {
            return between;
        };
        let everything = self.domains.of(&super::lift::Variable::Uri).last().cloned();
        let everything = everything.unwrap_or(Formula::All(Vec::new()));
        let twins = &between.twins;
        let same = |old: NodeId, new: NodeId| twins.get(&old) == Some(&new);
        let found = pairs(choice_old, choice_new, &same, &everything, &mut self.budget);
        (between.moved, between.incomplete) = (found.pairs, found.incomplete);
        between.alike = between
            .twins
            .iter()
            .filter(|(old, new)| self.canons[0].location(**old) == self.canons[1].location(**new))
            .map(|(old, _)| *old)
            .collect();
        self.follow_jumps(&mut between, servers.map(|server| server.node), &rules_old, &rules_new);
        between
    }

    /// Takes away what may go on to something that differs.
    fn follow_jumps(&mut self, between: &mut Between, servers: [NodeId; 2], old: &Rules, new: &Rules) {
        let (Rules::Strings(old), Rules::Strings(new)) = (old, new) else { return };
        let mut users: HashMap<Jump, Vec<Option<NodeId>>> = HashMap::new();
        let mut by_block: HashMap<BTreeSet<Jump>, Vec<Option<NodeId>>> = HashMap::new();
        let mut alike: Vec<NodeId> = between.alike.iter().copied().collect();
        alike.sort_unstable();
        for location in alike {
            by_block.entry(self.canons[0].jumps(location)).or_default().push(Some(location));
        }
        by_block.entry(self.canons[0].jumps(servers[0])).or_default().push(None);
        for (jumps, blocks) in by_block {
            for jump in jumps {
                users.entry(jump).or_default().extend(&blocks);
            }
        }
        let mut jumps: Vec<(Jump, Vec<Option<NodeId>>)> = users.into_iter().collect();
        jumps.sort();
        // What differs, without an example.
        let mut differs: Vec<(Chosen, Chosen)> =
            between.moved.iter().map(|(old, new, _)| (*old, *new)).collect();
        let unlike = between.twins.iter().filter(|(old, _)| !between.alike.contains(old));
        let mut unlike: Vec<(Chosen, Chosen)> =
            unlike.map(|(old, new)| (Chosen::Rule(*old), Chosen::Rule(*new))).collect();
        unlike.sort_unstable();
        differs.extend(unlike);
        if !between.rest_alike {
            differs.push((Chosen::Nothing, Chosen::Nothing));
        }
        let unknown = !between.incomplete.is_empty() || self.rewrites(servers[0]) && !differs.is_empty();
        let mut done = 0;
        let mut cost = 0;
        while done < differs.len() || unknown {
            let new_ones: Vec<(Chosen, Chosen)> = differs[done..].to_vec();
            done = differs.len();
            let mut left = Vec::new();
            for (jump, blocks) in jumps {
                cost += new_ones.len();
                let hit = unknown
                    || cost > JUMPS_MAX
                    || match &jump {
                        Jump::Named(name) => {
                            let named = |pair: &(Chosen, Chosen)| matches!(pair, (Chosen::Rule(old), _) if self.is_named(*old, name));
                            // A name that only one side has is no counterpart of anything.
                            new_ones.iter().any(named) || !self.has_twin(between, servers[0], name)
                        }
                        jump => {
                            let target = target(jump);
                            new_ones.iter().any(|(x, y)| {
                                match find_pair(old, *x, new, *y, &target, &mut self.budget) {
                                    Sought::Shadowed(_) => false,
                                    Sought::Found { .. } | Sought::Undecided(_) => true,
                                }
                            })
                        }
                    };
                if !hit {
                    left.push((jump, blocks));
                    continue;
                }
                for block in blocks {
                    match block {
                        None if between.rest_alike => {
                            between.rest_alike = false;
                            differs.push((Chosen::Nothing, Chosen::Nothing));
                        }
                        Some(location) if between.alike.remove(&location) => {
                            differs.push((Chosen::Rule(location), Chosen::Rule(between.twins[&location])));
                        }
                        _ => {}
                    }
                }
            }
            jumps = left;
            if unknown {
                break;
            }
        }
    }

    /// Whether a server itself rewrites, so that a redirect may lead anywhere.
    fn rewrites(&self, server: NodeId) -> bool {
        let mut codes = self.routers[0].config().node(server).children();
        codes.any(|node| {
            node.is("rewrite") || node.is("if") && node.descendants().any(|inner| inner.is("rewrite"))
        })
    }

    fn is_named(&self, location: NodeId, name: &[u8]) -> bool {
        self.routers[0].config().node(location).arg(0) == Some(name)
    }

    fn has_twin(&self, between: &Between, server: NodeId, name: &[u8]) -> bool {
        let node = self.routers[0].config().node(server);
        let mut named = node.find("location").filter(|location| location.arg(0) == Some(name));
        named.next().is_some_and(|location| between.twins.contains_key(&location.id()))
    }
}

/// What both sides chose, where both did.
pub(super) fn both_chosen(point: &Point) -> Option<(Chosen, Chosen)> {
    let chosen = |side: usize| match point.asked.get(side)?.as_ref()?.answer {
        Answered::Chosen(chosen) => Some(chosen),
        _ => None,
    };
    Some((chosen(0)?, chosen(1)?))
}

/// The URIs that a redirect may lead to, and maybe others.
fn target(jump: &Jump) -> Formula {
    let (text, tail) = match jump {
        Jump::Uri(text) | Jump::Named(text) => (&text[..], true),
        Jump::Index(name) if name.starts_with(b"/") => (&name[..], false),
        Jump::Index(name) => (&name[..], false),
    };
    let mut pattern = br"\A".to_vec();
    if matches!(jump, Jump::Index(name) if !name.starts_with(b"/")) {
        pattern.extend_from_slice(br"[\s\S]*");
    }
    for part in parts(text, tail) {
        match part {
            Part::Text(text) => pattern.extend(regex_text(text)),
            Part::Args => break,
            Part::Capture(_) | Part::Variable(_) => pattern.extend_from_slice(br"[\s\S]*"),
        }
    }
    pattern.extend_from_slice(br"\z");
    match Language::pattern(&pattern, false) {
        Ok(language) => Formula::In(language),
        Err(_) => Formula::All(Vec::new()),
    }
}
