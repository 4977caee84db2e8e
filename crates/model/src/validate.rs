//! What `nginx -t` would refuse, without DNS, certificates or root.
//!
//! One walk in the order in which nginx reads: is the directive known, may it stand here, are its end and its arguments
//! right (`structure`), then what its own function says of the values. What depends on nothing but the line and its
//! context is asked once for each, however often the file is included. Afterwards come the checks that nginx makes
//! when a block is complete: repeated directives, locations, listens, names, variables.

mod access;
mod blocks;
mod buffers;
mod cache;
mod charsets;
mod core;
mod duplicates;
mod events;
mod exclusions;
mod hashes;
mod headers;
mod http;
mod limits;
mod listens;
mod locations;
mod logs;
mod missing;
mod modules;
mod names;
mod pass;
mod regex;
mod rewrite;
mod script;
mod slots;
mod ssl;
mod stream;
mod structure;
mod upstreams;
mod variable_names;
mod variables;
mod words;
mod zones;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::catalog::{Catalog, Entry, Setter};
use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::problem::Problem;

/// Everything that nginx would refuse, each at its place, in the order of the files. `duplicate-server-name` alone is
/// something that nginx only warns of.
pub fn validate(config: &Config, catalog: &Catalog) -> Vec<Problem> {
    let mut checker = Checker::new(config, catalog);
    checker.walk();
    duplicates::check(&mut checker);
    locations::check(&mut checker);
    listens::check(&mut checker);
    names::check(&mut checker);
    upstreams::check(&mut checker);
    stream::check(&mut checker);
    ssl::check(&mut checker);
    buffers::check(&mut checker);
    charsets::check(&mut checker);
    events::check(&mut checker);
    missing::check(&mut checker);
    zones::check(&mut checker);
    variables::check(&mut checker);
    checker.finish()
}

/// What is known while a configuration is walked.
pub(crate) struct Checker<'c> {
    config: &'c Config,
    catalog: &'c Catalog,
    problems: Vec<Problem>,
    regexes: regex::Regexes,
    http: variables::Names<'c>,
    stream: variables::Names<'c>,
    formats: logs::Formats<'c>,
    zones: zones::Zones<'c>,
    modules: modules::Modules,
    /// A module is loaded of which this crate has no table: what is not known here may be known to it.
    unknown_modules: bool,
    /// Which contexts a line of a file was checked in, by file and line.
    checked: Vec<Vec<u32>>,
}

impl<'c> Checker<'c> {
    fn new(config: &'c Config, catalog: &'c Catalog) -> Checker<'c> {
        let checked = config.files().iter().map(|file| vec![0; file.parsed.lines.len()]).collect();
        Checker {
            config,
            catalog,
            problems: config.problems().to_vec(),
            regexes: regex::Regexes::default(),
            http: variables::Names::http(),
            stream: variables::Names::stream(),
            formats: logs::Formats::default(),
            zones: zones::Zones::default(),
            modules: modules::Modules::of(config),
            unknown_modules: core::loads_unknown_modules(config),
            checked,
        }
    }

    fn walk(&mut self) {
        let config = self.config;
        let mut at = 1;
        while at < config.nodes.len() {
            let node = config.node(NodeId(u32::try_from(at).expect("nodes are counted in u32")));
            let inside = self.node(node);
            at = if inside { at + 1 } else { node.data().end as usize };
        }
    }

    /// Checks a node; `false` when nothing can be said of what is inside it.
    fn node(&mut self, node: Node<'c>) -> bool {
        let context = node.context();
        if context == Context::Unknown {
            return false;
        }
        // The lines of raw blocks are checked with their heads.
        if context.is_raw() {
            return false;
        }
        let first_time = self.first_time(node);
        let entry = match structure::check(self, node, first_time) {
            structure::Sound::Yes(entry) => entry,
            structure::Sound::Look => return true,
            structure::Sound::No => return false,
        };
        if first_time {
            self.values(node, entry);
        }
        self.state(node, entry.setter);
        true
    }

    /// Whether this line has not been checked in this context yet.
    fn first_time(&mut self, node: Node<'_>) -> bool {
        let contexts = &mut self.checked[node.file().index()][node.data().line as usize];
        let bit = 1 << node.context() as u8;
        let first = *contexts & bit == 0;
        *contexts |= bit;
        first
    }

    /// What depends on the line and its context alone.
    fn values(&mut self, node: Node<'c>, entry: &Entry) {
        let setter = entry.setter;
        let _ = slots::check(self, node, setter)
            || core::values(self, node, setter)
            || events::values(self, node, setter)
            || http::values(self, node, setter)
            || pass::values(self, node, setter)
            || rewrite::values(self, node, setter)
            || headers::values(self, node, setter)
            || access::values(self, node, setter)
            || limits::values(self, node, setter)
            || cache::values(self, node, setter)
            || logs::values(self, node, setter)
            || ssl::values(self, node, setter)
            || upstreams::values(self, node, setter)
            || blocks::values(self, node, setter)
            || stream::values(self, node, setter);
    }

    /// What depends on the blocks around it or on what came before it.
    fn state(&mut self, node: Node<'c>, setter: Setter) {
        match setter {
            Setter::HttpLogSetFormat | Setter::HttpLogSetLog => logs::state(self, node, setter),
            Setter::StreamLogSetFormat | Setter::StreamLogSetLog => logs::state(self, node, setter),
            Setter::HttpProxyPass | Setter::HttpGrpcPass | Setter::HttpUwsgiPass | Setter::HttpScgiPass => {
                pass::state(self, node, setter);
            }
            Setter::HttpCoreLocation => locations::nesting(self, node),
            Setter::HttpProxyRedirect
            | Setter::HttpProxyCookieDomain
            | Setter::HttpProxyCookiePath
            | Setter::HttpProxyCookieFlags
            | Setter::HttpMirror
            | Setter::HttpV2Push => exclusions::off_alone(self, node),
            Setter::HttpValidReferers => exclusions::referers(self, node),
            Setter::HttpProxyStore | Setter::HttpFastcgiStore => exclusions::store_or_cache(self, node),
            Setter::HttpUwsgiStore | Setter::HttpScgiStore => exclusions::store_or_cache(self, node),
            Setter::LoadModule => core::load_module(self, node),
            Setter::HttpCoreRoot => http::alias_in_named(self, node),
            _ => zones::state(self, node, setter),
        }
    }

    fn refuse(&mut self, node: Node<'_>, code: &'static str, message: impl Into<String>) {
        self.problems.push(Problem::at(node, code, message));
    }

    fn refuse_arg(&mut self, node: Node<'_>, index: usize, code: &'static str, message: impl Into<String>) {
        self.problems.push(Problem::arg(node, index, code, message));
    }

    /// nginx's commonest refusal of an argument.
    fn invalid_parameter(&mut self, node: Node<'_>, index: usize) {
        let message = format!("invalid parameter \"{}\"", lossy(node.arg(index).unwrap_or(b"")));
        self.refuse_arg(node, index, "invalid-value", message);
    }

    /// Compiles a value with variables and remembers which it uses.
    fn script(&mut self, node: Node<'c>, index: usize) {
        let Some(value) = node.arg(index) else { return };
        self.script_of(node, index, value);
    }

    /// The same for a part of an argument.
    fn script_of(&mut self, node: Node<'c>, index: usize, value: &'c [u8]) {
        if !value.contains(&b'$') {
            return;
        }
        for name in script::variables(value) {
            match name {
                Ok(name) => self.names(node).uses(name, node, index),
                Err(error) => self.refuse_arg(node, index, "invalid-variable", error.message()),
            }
        }
    }

    /// Compiles a regex and remembers the variables that its groups define.
    fn regex(&mut self, node: Node<'c>, index: usize, pattern: &'c [u8], caseless: bool) {
        match self.regexes.compile(pattern, caseless) {
            Ok(compiled) => compiled.names.iter().for_each(|group| self.names(node).define(group.as_bytes())),
            Err(error) => self.refuse_arg(node, index, "invalid-regex", regex::message(&error, pattern)),
        }
    }

    /// The variables of the part of nginx that a node stands in.
    fn names(&mut self, node: Node<'_>) -> &mut variables::Names<'c> {
        let stream = node.context().is_stream()
            || (node.context().is_raw()
                && node.ancestors().any(|around| around.context() == Context::Stream));
        if stream { &mut self.stream } else { &mut self.http }
    }

    fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems;
        let mut seen = HashSet::new();
        problems.retain(|problem| {
            seen.insert((problem.code, problem.file, problem.span.start, problem.message.clone()))
        });
        problems.sort_by_key(|problem| (problem.file, problem.line, problem.span.start));
        problems
    }
}

/// Bytes as text for a message.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
