//! Rulesets as nft and iptables both have them: tables of chains of rules.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::fields::Field;
use super::value::{Item, Set, Value};
use super::{DecidingRule, How, Source};

/// Every table of one source, or of several.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    /// All chains; jumps are places in here.
    pub(super) chains: Vec<Chain>,
    /// The families whose connections are followed. The kernel begins with it when a rule asks for it; without, chains of
    /// nat are never entered. Source: `nf_nat_inet_fn` and the callers of `nf_ct_netns_get`, net/netfilter
    pub(super) tracked: HashSet<Family>,
    /// The chains of each table by name; a chain says which table is its own.
    names: Vec<HashMap<Arc<str>, usize>>,
}

/// A chain.
#[derive(Debug)]
pub(super) struct Chain {
    /// Where it stands.
    pub(super) place: Arc<Place>,
    /// Where packets enter it, when they do.
    pub(super) base: Option<Base>,
    /// Its rules, in order.
    pub(super) rules: Vec<Rule>,
    /// Where its neighbours are named.
    pub(super) home: usize,
}

/// The table and the name of a chain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which program's table it is.
    pub(super) source: Source,
    /// `ip`, `ip6`, `inet`, `netdev`, `bridge`, `arp`.
    pub(super) family: String,
    /// Its table.
    pub(super) table: String,
    /// Its name.
    pub(super) chain: String,
}

/// Where a base chain hangs.
#[derive(Debug)]
pub(super) struct Base {
    /// `prerouting`, `input` …
    pub(super) hook: Hook,
    /// Lower comes first.
    pub(super) priority: i64,
    /// Whether it belongs to the translation of addresses, which sees the first packet of a connection alone.
    pub(super) nat: bool,
    /// The policy; accept is the default.
    pub(super) drops: bool,
    /// The devices of an ingress or egress chain; none: not known.
    pub(super) devices: Vec<String>,
    /// Its table has flags that were not understood: it may be asleep.
    pub(super) drowsy: bool,
}

/// A place on the way of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    /// As it comes from the device.
    Ingress,
    /// Before the host knows whose it is.
    Prerouting,
    /// On its way to a socket.
    Input,
    /// On its way to another host.
    Forward,
    /// From a socket.
    Output,
    /// When the way is known.
    Postrouting,
    /// As it goes to the device.
    Egress,
}

/// A rule: its statements in order.
#[derive(Debug)]
pub(super) struct Rule {
    /// The kernel's number for it.
    pub(super) handle: Option<u64>,
    /// As nft or iptables write it.
    pub(super) text: String,
    /// What it does; what changes nothing is left out.
    pub(super) statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug)]
pub(super) enum Statement {
    /// Goes on only if it holds.
    Match(Match),
    /// Goes on while a rate, a number or a volume is not used up; `natural` is what a quiet host sees.
    Load {
        /// As it is written.
        text: String,
        /// What a single, unhurried connection sees.
        natural: bool,
    },
    /// Goes on if something holds that nobody can know from here.
    Opaque(String),
    /// Ends the rule.
    Verdict(Verdict),
    /// Looks a verdict up.
    Vmap {
        /// The key.
        key: Expr,
        /// The map.
        map: SetRef,
    },
    /// Another destination, for the whole connection. `None`: unchanged; redirect is to this host.
    Dnat {
        /// To this host.
        redirect: bool,
        /// The address, and perhaps the port, or the port alone.
        to: Option<Expr>,
        /// The port.
        port: Option<Expr>,
        /// `ip` or `ip6`, where it holds for one alone.
        family: Option<Family>,
    },
    /// Another source, for the whole connection.
    Snat,
    /// Sets the packet's mark or the connection's.
    SetMark {
        /// The connection's, instead of the packet's.
        connection: bool,
        /// The new one.
        value: Expr,
    },
    /// The packet belongs to no connection.
    Notrack,
    /// Adds to a set, or takes away.
    Update {
        /// Takes away.
        delete: bool,
        /// The key.
        key: Expr,
        /// The set.
        set: SetRef,
        /// What has to hold of the element, as in `Load`.
        load: Option<(String, bool)>,
    },
    /// Does something to the packet that is not followed.
    Rewrite(String),
    /// Ends the rule in a way that is not known.
    OpaqueVerdict(String),
}

/// A comparison.
#[derive(Debug)]
pub(super) struct Match {
    /// What of the packet.
    pub(super) left: Expr,
    /// How.
    pub(super) op: Op,
    /// With what.
    pub(super) right: Right,
    /// As it is written.
    pub(super) text: String,
}

/// The right side of a comparison.
#[derive(Debug)]
pub(super) enum Right {
    /// A set, or a single item as one.
    Set(SetRef),
    /// A number, for `<`, `in` and the like.
    Number(u128),
    /// Something that is not understood.
    Opaque,
}

/// How to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// `==`: is in the set.
    Is,
    /// `!=`
    IsNot,
    /// `<`
    Less,
    /// `>`
    More,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// One of the bits is set.
    AnyBit,
    /// None of the bits is set.
    NoBit,
}

/// A set: of the rule's own, or a named one.
#[derive(Debug, Clone)]
pub(super) struct SetRef {
    /// Its name, when others may change it.
    pub(super) name: Option<Arc<str>>,
    /// What was in it.
    pub(super) set: Arc<Set>,
}

/// Something that has a value.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    /// A part of the packet, or of what is known of it.
    Field(Field),
    /// A constant.
    Constant(Vec<Item>),
    /// Several, as one key.
    Concat(Vec<Expr>),
    /// Two, as bits.
    Bits(Bits, Box<Expr>, Box<Expr>),
    /// What a map gives.
    Map(Box<Expr>, SetRef),
}

/// What is done with bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    Left,
    /// `>>`
    Right,
}

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// How a rule ends.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// This chain lets it pass.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and the sender hears of it.
    Reject(How),
    /// Goes on in another chain, and comes back.
    Jump(ChainRef),
    /// Goes on in another chain, and does not come back.
    Goto(ChainRef),
    /// Back to where this chain was called.
    Return,
    /// To the next rule.
    Continue,
}

/// A chain by name, until all are read.
#[derive(Debug, Clone)]
pub(super) struct ChainRef(pub(super) Arc<str>);

/// Finds a chain by its table and name.
pub(super) type Index = HashMap<(Source, String, String, String), usize>;

impl Ruleset {
    /// Takes another's chains in.
    pub(super) fn join(&mut self, other: Self) {
        self.chains.extend(other.chains);
        self.tracked.extend(other.tracked);
    }

    /// Finds out which chain a jump means. To be called when all chains are there.
    pub(super) fn link(&mut self) {
        let mut homes = HashMap::new();
        self.names.clear();
        for (at, chain) in self.chains.iter_mut().enumerate() {
            let place = &chain.place;
            let key = (place.source, place.family.clone(), place.table.clone());
            let home = *homes.entry(key).or_insert_with(|| {
                self.names.push(HashMap::new());
                self.names.len() - 1
            });
            chain.home = home;
            self.names[home].insert(place.chain.as_str().into(), at);
        }
    }

    /// The chain that a jump from `chain` means.
    pub(super) fn target(&self, chain: usize, name: &ChainRef) -> Option<usize> {
        self.names.get(self.chains[chain].home)?.get(&name.0).copied()
    }

    /// Where each chain stands.
    pub(super) fn index(&self) -> Index {
        let key =
            |place: &Place| (place.source, place.family.clone(), place.table.clone(), place.chain.clone());
        self.chains.iter().enumerate().map(|(at, chain)| (key(&chain.place), at)).collect()
    }
}

impl Chain {
    /// The deciding rule: one of this chain, or its policy.
    pub(super) fn decides(&self, rule: Option<usize>) -> DecidingRule {
        let found = rule.and_then(|at| self.rules.get(at));
        DecidingRule {
            source: self.place.source,
            family: self.place.family.clone(),
            table: self.place.table.clone(),
            chain: self.place.chain.clone(),
            handle: found.and_then(|rule| rule.handle),
            number: rule.map(|at| at + 1),
            text: found.map_or_else(|| "policy drop".to_owned(), |rule| rule.text.clone()),
        }
    }

    /// Whether a packet of this family comes here.
    pub(super) fn sees(&self, family: Family) -> bool {
        match self.place.family.as_str() {
            "inet" | "netdev" => true,
            "ip" => family == Family::V4,
            "ip6" => family == Family::V6,
            _ => false,
        }
    }
}

impl SetRef {
    /// A set that only its rule knows.
    pub(super) fn own(set: Set) -> Self {
        Self { name: None, set: Arc::new(set) }
    }
}

impl Hook {
    /// By its name in nft, or in iptables.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ingress" => Self::Ingress,
            "prerouting" | "PREROUTING" => Self::Prerouting,
            "input" | "INPUT" => Self::Input,
            "forward" | "FORWARD" => Self::Forward,
            "output" | "OUTPUT" => Self::Output,
            "postrouting" | "POSTROUTING" => Self::Postrouting,
            "egress" => Self::Egress,
            _ => return None,
        })
    }
}

/// A key that was added to a set while a connection was followed.
pub(super) type Key = Vec<Value>;
