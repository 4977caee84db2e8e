//! Requests that come to a `return` or a `rewrite`.

use std::collections::HashMap;

use evenkeel_model::{
    Budget, Choice, Chosen, Formula, Language, LocationKind, Node, NodeId, Request, Router, Solution, Sought,
    solve,
};

use super::{prefix_of, server_of, shown_uri};

/// How many requests are tried for one server: by its names and at its addresses.
const DOORS_MAX: usize = 6;

/// How many steps the search for addresses may take in a whole tree.
const STEPS_MAX: u64 = 1_000_000;

/// Makes requests, and remembers what several of them need.
pub(crate) struct Seeds<'r, 'c> {
    router: &'r Router<'c>,
    budget: Budget,
    doors: HashMap<usize, Vec<Request>>,
    languages: HashMap<&'c [u8], Option<Language>>,
    /// The addresses that were found for expressions that stand in no location.
    found: HashMap<&'c [u8], Option<Vec<u8>>>,
    choice: Option<(usize, Choice)>,
}

impl<'r, 'c> Seeds<'r, 'c> {
    pub(crate) fn of(router: &'r Router<'c>) -> Self {
        let (doors, languages, found) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { router, budget: Budget(STEPS_MAX), doors, languages, found, choice: None }
    }

    /// Requests that may come to a directive that answers or changes the address. None that surely does.
    pub(crate) fn requests(&mut self, node: Node<'c>) -> Vec<Request> {
        let server = node.ancestors().find(|block| block.is("server"));
        let place = server.and_then(|server| server_of(self.router.config(), server.id()));
        let Some(place) = place else { return Vec::new() };
        let uris = self.uris(place, node);
        let router = self.router;
        let doors = self.doors.entry(place).or_insert_with(|| doors(router, place));
        let at = |door: &Request, uri: &Vec<u8>| {
            let target = shown_uri(uri).into_bytes();
            Request { target, ..door.clone() }
        };
        doors.iter().flat_map(|door| uris.iter().map(move |uri| at(door, uri))).collect()
    }

    /// Addresses that its location gets and that its own expression matches.
    fn uris(&mut self, place: usize, node: Node<'c>) -> Vec<Vec<u8>> {
        let pattern = node.arg(0).filter(|_| node.is("rewrite"));
        let language = match pattern.map(|pattern| self.language(pattern)) {
            None => None,
            Some(Some(language)) => Some(language),
            Some(None) => return Vec::new(),
        };
        let location = node.ancestors().find(|block| block.is("location"));
        let prefix = location.map_or(Some(&b""[..]), prefix_of);
        let mut uris: Vec<Vec<u8>> = prefix
            .into_iter()
            .flat_map(|prefix| [&b""[..], b"x", b"/x"].map(|end| [prefix, end].concat()))
            .filter(|uri| uri.starts_with(b"/") && !uri.starts_with(b"//"))
            .collect();
        if location.is_none() {
            // What stands in the server itself sees them all.
            uris.insert(0, b"/".to_vec());
            uris.truncate(if language.is_some() { uris.len() } else { 1 });
        }
        uris.retain(|uri| language.as_ref().is_none_or(|language| language.contains(uri)));
        uris.truncate(2);
        if uris.is_empty() {
            uris.extend(match (location, pattern) {
                (None, Some(pattern)) if self.found.contains_key(pattern) => self.found[pattern].clone(),
                (None, Some(pattern)) => {
                    let found = self.search(place, location, language);
                    self.found.insert(pattern, found.clone());
                    found
                }
                _ => self.search(place, location, language),
            });
        }
        uris
    }

    /// The address that a proof finds.
    fn search(
        &mut self,
        place: usize,
        location: Option<Node<'c>>,
        language: Option<Language>,
    ) -> Option<Vec<u8>> {
        let mut wanted = vec![Formula::In(Language::normalized_uri(true))];
        wanted.extend(language.map(Formula::In));
        let wanted = Formula::All(wanted);
        let Some(location) = location else {
            return match solve(&wanted, &mut self.budget) {
                Solution::Found(uri) => Some(uri),
                Solution::Empty | Solution::GaveUp => None,
            };
        };
        if self.is_named(place, location.id()) {
            return None;
        }
        if self.choice.as_ref().is_none_or(|(of, _)| *of != place) {
            self.choice = Some((place, Choice::of_locations(self.router, place)));
        }
        let (_, choice) = self.choice.as_ref()?;
        match choice.find(Chosen::Rule(location.id()), &wanted, &mut self.budget) {
            Sought::Found { string, only_odd: false } => Some(string),
            _ => None,
        }
    }

    fn is_named(&self, place: usize, location: NodeId) -> bool {
        let outermost = &self.router.config().servers()[place].locations;
        outermost.iter().any(|known| known.node == location && known.kind == LocationKind::Named)
    }

    fn language(&mut self, pattern: &'c [u8]) -> Option<Language> {
        self.languages.entry(pattern).or_insert_with(|| Language::pattern(pattern, false).ok()).clone()
    }
}

/// Requests that a server answers, each with another name, port or protocol.
fn doors(router: &Router<'_>, place: usize) -> Vec<Request> {
    let mut doors: Vec<Request> = Vec::new();
    let server = &router.config().servers()[place];
    // By each name at each address; what else would get there is not worth a walk.
    let most = (server.names.len().max(1) * server.listens.len()).min(DOORS_MAX);
    for door in router.doors(place) {
        let is_new =
            |known: &Request| (known.tls, known.port, &known.headers) != (door.tls, door.port, &door.headers);
        if doors.iter().all(is_new) {
            doors.push(door);
        }
        if doors.len() >= most {
            break;
        }
    }
    doors
}
