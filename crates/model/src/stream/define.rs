//! What `map`, `geo`, `split_clients` and `set` make of a connection.
//!
//! Source: `ngx_stream_map_find`, src/stream/ngx_stream_variables.c; `ngx_stream_set_handler`,
//! src/stream/ngx_stream_set_module.c

use super::session::{Session, Turn, shown};
use crate::choice::Chosen;
use crate::config::NodeId;
use crate::request::Dependence;
use crate::route::address::{Peer, parse};
use crate::route::map::Line;
use crate::route::question::{Answered, Input, Template, Test};
use crate::route::traced::Traced;

/// How many maps one connection may ask, each time counted.
const QUESTIONS_MAX: usize = 1_000;

impl Session<'_, '_> {
    /// `set` runs before nginx has seen anything of the client, and only that of the default server does.
    pub(super) fn set(&mut self) -> Turn {
        let server = self.router.server(self.server);
        for node in self.router.config.named_in_block(server.id(), "set") {
            let name = node.arg(0).unwrap_or(b"").strip_prefix(b"$").unwrap_or(b"").to_ascii_lowercase();
            let value = self.eval(node.arg(1).unwrap_or(b""));
            self.step("set", format!("${} = {}", shown(&name), shown(&value.text)), Some(node.id()));
            if value.known {
                self.variables.insert(name, value.text);
            } else {
                self.variables.remove(&name);
            }
        }
        Turn::On
    }

    /// A variable that a directive of the configuration defines; `None`, and a dependence, where it cannot be known.
    pub(super) fn defined(&mut self, name: &str, module: &str, node: NodeId) -> Option<Traced> {
        self.maps_asked += 1;
        if self.maps_asked > QUESTIONS_MAX || self.mapping.contains(&node) {
            // A map that asks itself: nginx gives up after a hundred rounds.
            self.depend(module);
            return None;
        }
        self.mapping.push(node);
        let value = match module {
            "map" => self.mapped(node),
            "geo" => self.located(node),
            "split_clients" => self.shared(node),
            _ => {
                self.depends_on.insert(Dependence::Module(module.to_owned()));
                None
            }
        };
        self.mapping.pop();
        let value = value?;
        self.step(directive(module), format!("${name} = {}", shown(&value)), Some(node));
        if !self.volatile(node) {
            self.variables.insert(name.as_bytes().to_vec(), value.clone());
        }
        Some(value)
    }

    fn volatile(&self, node: NodeId) -> bool {
        self.router.map(node).is_some_and(|map| map.volatile)
            || self.router.geo(node).is_some_and(|geo| geo.volatile)
    }

    fn mapped(&mut self, node: NodeId) -> Option<Traced> {
        let router = self.router;
        let map = router.map(node)?;
        let source = self.eval(router.config.node(node).arg(0).unwrap_or(b""));
        if !source.known {
            return None;
        }
        let Line::Is(line, captured) = map.line(&source.text) else {
            self.depend("regex");
            return None;
        };
        let answer = line.map_or(Chosen::Nothing, Chosen::Rule);
        self.asks(source.text.template(), Test::Map(node), Answered::Chosen(answer));
        let Some(line) = line else { return Some(Traced::default()) };
        let line = router.config.node(line);
        if let Some(captured) = captured {
            let key = line.name_bytes();
            let (caseless, pattern) = match key {
                [b'~', b'*', pattern @ ..] => (true, pattern),
                _ => (false, key.strip_prefix(b"~").unwrap_or(key)),
            };
            self.capture(captured, pattern, caseless, &source.text);
        }
        let value = self.eval(line.arg(0).unwrap_or(b""));
        value.known.then_some(value.text)
    }

    fn located(&mut self, node: NodeId) -> Option<Traced> {
        let router = self.router;
        let (geo, block) = (router.geo(node)?, router.config.node(node));
        let (subject, address) = if block.args().len() > 1 {
            let source = self.eval(block.arg(0)?);
            if !source.known {
                return None;
            }
            (source.text.template(), parse(&source.text))
        } else {
            if self.source.peer == Peer::Unknown {
                self.depends_on.insert(Dependence::ClientAddress);
                return None;
            }
            (Template::input(Input::Client), self.client())
        };
        let line = geo.find(address);
        let answer = line.map_or(Chosen::Nothing, Chosen::Rule);
        self.asks(subject, Test::Map(node), Answered::Chosen(answer));
        let line = line.map(|line| router.config.node(line));
        Some(Traced::text(line.and_then(|line| line.arg(0)).unwrap_or(b"")))
    }

    fn shared(&mut self, node: NodeId) -> Option<Traced> {
        let router = self.router;
        let source = self.eval(router.config.node(node).arg(0).unwrap_or(b""));
        if !source.known {
            return None;
        }
        let line = router.shares(node)?.line(&source.text);
        let answer = line.map_or(Chosen::Nothing, Chosen::Rule);
        self.asks(source.text.template(), Test::Map(node), Answered::Chosen(answer));
        let line = line.map(|line| router.config.node(line));
        Some(Traced::text(line.and_then(|line| line.arg(0)).unwrap_or(b"")))
    }
}

fn directive(module: &str) -> &'static str {
    match module {
        "geo" => "geo",
        "split_clients" => "split_clients",
        _ => "map",
    }
}
