//! Configurations, by chance: everything that the router claims to understand, in combinations that nobody would write.
//!
//! What each configuration may use is drawn first ([`Taste`]): few things at a time, so that each meets each now and
//! then, and often enough alone. The shares follow what public configurations use; what they hardly use comes more
//! often here than there.

use crate::block::{Block, Item};
use crate::nginx::Binary;
use crate::random::Random;

mod access;
mod codes;
mod content;
mod http;
mod location;
mod passes;
mod server;

/// A configuration, and what is worth asking of it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) config: Block,
    /// What something listens on.
    pub(crate) doors: Vec<Door>,
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    /// Whether it uses what the router does not claim to understand: then it may say so.
    pub(crate) wild: bool,
    /// Whether it passes on to upstreams that do not hear which status is wanted of them.
    pub(crate) deaf: bool,
}

/// An address that something listens on, with its port as `@P0@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) address: String,
    pub(crate) tls: bool,
}

/// What one configuration may use.
#[derive(Debug)]
pub(super) struct Taste {
    statics: bool,
    alias: bool,
    proxies: bool,
    other_passes: bool,
    access: bool,
    passwords: bool,
    auth_request: bool,
    realip: bool,
    error_pages: bool,
    try_files: bool,
    limit_except: bool,
    body_size: bool,
    limits: bool,
    redirects: bool,
    rewrites: bool,
    sets: bool,
    ifs: bool,
    maps: bool,
    geo: bool,
    split: bool,
    headers: bool,
    tls: bool,
    wild: bool,
}

impl Taste {
    fn draw(random: &mut Random, wild: bool) -> Taste {
        Taste {
            statics: random.percent(75),
            alias: random.percent(40),
            proxies: random.percent(65),
            other_passes: random.percent(22),
            access: random.percent(35),
            passwords: random.percent(15),
            auth_request: random.percent(12),
            realip: random.percent(15),
            error_pages: random.percent(40),
            try_files: random.percent(35),
            limit_except: random.percent(20),
            body_size: random.percent(15),
            limits: random.percent(8),
            redirects: random.percent(35),
            rewrites: random.percent(40),
            sets: random.percent(45),
            ifs: random.percent(48),
            maps: random.percent(35),
            geo: random.percent(15),
            split: random.percent(12),
            headers: random.percent(25),
            tls: random.percent(18),
            wild,
        }
    }
}

pub(super) struct Generator<'r> {
    random: &'r mut Random,
    binary: &'r Binary,
    taste: Taste,
    hosts: Vec<String>,
    paths: Vec<String>,
    /// How many named locations are spoken of.
    named: usize,
    /// The variables that the configuration itself defines: `$m0` and so on.
    defined: Vec<String>,
}

/// Makes the configuration of a seed.
pub(crate) fn case(random: &mut Random, binary: &Binary, ipv6: bool, wild: bool) -> Case {
    let taste = Taste::draw(random, wild);
    let mut generator = Generator {
        random,
        binary,
        taste,
        hosts: Vec::new(),
        paths: Vec::new(),
        named: 0,
        defined: Vec::new(),
    };
    let (config, doors) = generator.main(ipv6);
    let deaf = ["grpc_pass", "memcached_pass"].iter().any(|pass| config.text().contains(pass));
    Case { config, doors, hosts: generator.hosts, paths: generator.paths, wild, deaf }
}

/// What a block is, as far as its inside must know.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Http,
    Server,
    Prefix(String),
    Exact,
    Regex(String),
    Named,
    /// An `if` in a location.
    If,
}

impl Place {
    fn is_location(&self) -> bool {
        matches!(self, Place::Prefix(_) | Place::Exact | Place::Regex(_) | Place::Named)
    }

    /// Whether a pass may have a URI that no variable makes.
    fn takes_uri(&self) -> bool {
        matches!(self, Place::Prefix(_) | Place::Exact)
    }
}

impl Generator<'_> {
    /// One of a table, and now and then, where the configuration defines variables, one of them in `around` (as `{}`).
    fn word(&mut self, table: &[&str], around: &[&str]) -> String {
        if !self.defined.is_empty() && self.random.percent(30) {
            let variable = self.random.pick(&self.defined);
            return self.random.pick(around).replace("{}", &variable);
        }
        self.random.pick(table).to_owned()
    }
}

/// Whether a block has a directive of this name.
pub(super) fn has(block: &Block, name: &str) -> bool {
    block
        .body
        .iter()
        .any(|item| matches!(item, Item::Line(line) if line.split([' ', ';']).next() == Some(name)))
}

/// A word as it can stand in a configuration.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([' ', '{', '}', ';', '"', '\'', '#']);
    if plain { text.to_owned() } else { format!("\"{text}\"") }
}
