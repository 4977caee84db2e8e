//! Locations, and what is inside.

use super::{Generator, Place, quoted};
use crate::block::Block;
use crate::words::{NESTED_TAILS, PREFIXES, REGEXES};

/// How deep locations nest.
const DEPTH_MAX: usize = 3;

impl Generator<'_> {
    pub(super) fn location(
        &mut self,
        into: &mut Block,
        parent: Option<&Place>,
        depth: usize,
        taken: &mut Vec<String>,
    ) {
        // Of a hundred locations of public configurations, so many are of each kind.
        let (head, place) = match self.random.below(98) {
            0..39 => {
                let (regex, paths) = self.random.pick(REGEXES);
                self.paths.extend(paths.iter().map(|&path| path.to_owned()));
                let modifier = self.random.pick(&["~", "~", "~", "~", "~", "~", "~", "~*", "~*", "~*"]);
                (format!("location {modifier} {}", quoted(regex)), Place::Regex(regex.to_owned()))
            }
            chosen => {
                let text = match parent {
                    None if self.random.percent(20) => "/".to_owned(),
                    None => self.random.pick(PREFIXES).to_owned(),
                    Some(Place::Prefix(outer)) => format!("{outer}{}", self.random.pick(NESTED_TAILS)),
                    // Accepted by nginx, and never reached.
                    Some(Place::Regex(regex)) if self.random.percent(10) => format!("{regex}/b"),
                    Some(_) => return,
                };
                self.paths.push(text.clone());
                let (modifier, key) = match chosen {
                    39..80 => ("", text.clone()),
                    80..87 => ("^~ ", text.clone()),
                    _ => ("= ", format!("={text}")),
                };
                if taken.contains(&key) {
                    return;
                }
                taken.push(key);
                let place = if modifier == "= " { Place::Exact } else { Place::Prefix(text.clone()) };
                (format!("location {modifier}{}", quoted(&text)), place)
            }
        };
        let mut block = Block::new(head);
        self.body(&mut block, &place, depth);
        into.block(block);
    }

    pub(super) fn body(&mut self, block: &mut Block, place: &Place, depth: usize) {
        if self.random.percent(7) {
            block.line("internal;");
        }
        self.wild(block, place, 20);
        self.codes(block, place, 22, 0);
        self.settings(block, place, 4);
        self.content_settings(block, place, 16);
        self.access_settings(block, 16);
        if self.taste.limit_except && self.random.percent(25) {
            let limited = self.limit_except();
            block.block(limited);
        }
        self.answerer(block, place);
        let nests = !matches!(place, Place::Exact | Place::Named);
        if nests && depth < DEPTH_MAX && self.random.percent(30) {
            let mut taken = Vec::new();
            for _ in 0..1 + self.random.below(3) {
                self.location(block, Some(place), depth + 1, &mut taken);
            }
        }
    }

    /// What answers for a location, if it is not the files.
    fn answerer(&mut self, block: &mut Block, place: &Place) {
        match self.random.below(100) {
            0..25 => {
                let line = self.return_line();
                block.line(line);
            }
            25..63 if self.taste.proxies => {
                let line = self.proxy_pass(place.takes_uri());
                block.line(line);
            }
            63..75 if self.taste.other_passes => self.other_pass(block),
            75..77 => block.line("empty_gif;"),
            77 if self.binary.has("http_stub_status_module") => block.line("stub_status;"),
            _ => {}
        }
    }

    fn limit_except(&mut self) -> Block {
        let methods =
            self.random.pick(&["GET", "POST", "GET POST", "HEAD", "PUT DELETE", "OPTIONS", "PATCH"]);
        let mut block = Block::new(format!("limit_except {methods}"));
        match self.random.below(6) {
            0 if self.taste.proxies => {
                let line = self.proxy_pass(false);
                block.line(line);
            }
            1 => block.line("allow 127.0.0.1;"),
            2 => {
                block.line("allow 127.0.0.2;");
                block.line("deny all;");
            }
            3 if self.taste.passwords => self.password(&mut block),
            _ => block.line("deny all;"),
        }
        block
    }
}
