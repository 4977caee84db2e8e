//! Reads what `iptables-save` and `ip6tables-save` print. Source: iptables-extensions(8).

mod number;
mod options;
mod target;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ruleset::{Base, Chain, Family, Hook, Place, Rule, Ruleset};
use super::{ReadError, Source, ipset};

pub(super) use words::split;

/// Matches and targets that have connections followed. Source: the callers of `nf_ct_netns_get`, net/netfilter
pub(super) const TRACKING: &[&str] = &[
    "conntrack",
    "state",
    "connmark",
    "connlimit",
    "connbytes",
    "connlabel",
    "helper",
    "cluster",
    "CT",
    "CONNMARK",
    "CONNSECMARK",
    "DNAT",
    "SNAT",
    "MASQUERADE",
    "REDIRECT",
    "NETMAP",
    "SYNPROXY",
];

/// How many rules are read.
const RULES_MAX: usize = 500_000;

/// The handles of rules by family, table and chain, in order.
pub(super) type Handles = BTreeMap<(String, String, String), Vec<Option<u64>>>;

/// Reads one dump; `handles` are those of the same chains, where nft told them.
///
/// # Errors
/// [`ReadError`] when it is no such dump, or larger than any.
pub(super) fn read(
    dump: &[u8],
    source: Source,
    family: Family,
    sets: &ipset::Sets,
    handles: &Handles,
) -> Result<Ruleset, ReadError> {
    let mut reader = Reader {
        source,
        family,
        sets,
        table: String::new(),
        chains: BTreeMap::new(),
        ruleset: Ruleset::default(),
        rules: 0,
    };
    let text = String::from_utf8_lossy(dump);
    for line in text.lines() {
        reader.line(line.trim())?;
    }
    reader.name_rules(handles);
    Ok(reader.ruleset)
}

/// The tables that a dump has.
pub(super) fn tables(dump: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(dump);
    text.lines().filter_map(|line| line.strip_prefix('*')).map(|name| name.trim().to_owned()).collect()
}

struct Reader<'a> {
    source: Source,
    family: Family,
    sets: &'a ipset::Sets,
    table: String,
    chains: BTreeMap<(String, String), usize>,
    ruleset: Ruleset,
    rules: usize,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) -> Result<(), ReadError> {
        // With counters, `[12:3456] -A …`
        let line = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
            Some((_, rest)) => rest,
            None => line,
        };
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut self.table);
        } else if let Some(rest) = line.strip_prefix(':') {
            self.declare(rest);
        } else if let Some(rest) = line.strip_prefix("-A ").or_else(|| line.strip_prefix("--append ")) {
            self.rules += 1;
            if self.rules > RULES_MAX {
                return Err(ReadError::TooLarge("rules"));
            }
            self.append(rest);
        } else if !(line.is_empty() || line.starts_with('#') || line == "COMMIT") {
            return Err(ReadError::NotIptables(line.chars().take(60).collect()));
        }
        Ok(())
    }

    /// `INPUT DROP [0:0]`
    fn declare(&mut self, rest: &str) {
        let mut words = rest.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        let policy = words.next().unwrap_or("-");
        let hook = Hook::named(&name).filter(|_| policy != "-");
        let base = hook.map(|hook| Base {
            hook,
            priority: priority(&self.table, hook),
            nat: self.table == "nat",
            drops: policy == "DROP",
            devices: Vec::new(),
            drowsy: false,
        });
        self.chain(&name, base);
    }

    fn chain(&mut self, name: &str, base: Option<Base>) -> usize {
        let key = (self.table.clone(), name.to_owned());
        if let Some(at) = self.chains.get(&key) {
            return *at;
        }
        let place = Place {
            source: self.source,
            family: if self.family == Family::V4 { "ip" } else { "ip6" }.to_owned(),
            table: self.table.clone(),
            chain: name.to_owned(),
        };
        self.ruleset.chains.push(Chain { place: Arc::new(place), base, rules: Vec::new(), home: 0 });
        let at = self.ruleset.chains.len() - 1;
        self.chains.insert(key, at);
        at
    }

    fn append(&mut self, rest: &str) {
        let words = words::split(rest);
        let Some((name, options)) = words.split_first() else { return };
        if words
            .windows(2)
            .any(|pair| matches!(pair[0].as_str(), "-m" | "-j") && TRACKING.contains(&pair[1].as_str()))
        {
            self.ruleset.tracked.insert(self.family);
        }
        let statements = options::statements(options, self.family, self.sets);
        let at = self.chain(name, None);
        let text = format!("-A {rest}");
        self.ruleset.chains[at].rules.push(Rule { handle: None, text, statements });
    }

    /// Gives each rule its handle, where both dumps have equally many.
    fn name_rules(&mut self, handles: &Handles) {
        for chain in &mut self.ruleset.chains {
            let place = &chain.place;
            let key = (place.family.clone(), place.table.clone(), place.chain.clone());
            if let Some(handles) = handles.get(&key).filter(|handles| handles.len() == chain.rules.len()) {
                for (rule, handle) in chain.rules.iter_mut().zip(handles) {
                    rule.handle = *handle;
                }
            }
        }
    }
}

/// Where a table hangs. Source: `NF_IP_PRI_*`, include/uapi/linux/netfilter_ipv4.h
fn priority(table: &str, hook: Hook) -> i64 {
    match (table, hook) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", Hook::Prerouting | Hook::Output) => -100,
        ("security", _) => 50,
        ("nat", _) => 100,
        _ => 0,
    }
}
