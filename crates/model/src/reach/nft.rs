//! Reads what `nft -j list ruleset` prints. Source: libnftables-json(5).

mod constant;
mod expression;
mod outline;
mod statement;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::fields::Kind;
use super::ruleset::{Base, Chain, Family, Hook, Place, Rule, Ruleset, SetRef};
use super::value::{Data, Element, Set};
use super::{ReadError, Source, text};

/// How many rules are read.
const RULES_MAX: usize = 500_000;
/// How many elements all sets may have together.
const ELEMENTS_MAX: usize = 4_000_000;

/// What was read of a table before its rules are.
#[derive(Default)]
struct Table {
    sets: BTreeMap<String, SetRef>,
    objects: BTreeMap<(String, String), Json>,
}

/// The name of a table: its family, then its own.
type Name = (String, String);

/// The reader, and what it has so far.
pub(super) struct Reader<'a> {
    tables: BTreeMap<Name, Table>,
    /// Tables that are read elsewhere, and those that are asleep.
    skipped: &'a dyn Fn(&str, &str) -> bool,
    asleep: HashSet<Name>,
    /// Tables whose flags nobody can read.
    drowsy: HashSet<Name>,
    outline: Option<outline::Outline>,
    elements: usize,
}

/// Reads a dump, and the words of the same ruleset if they are there. `skipped` says which tables (family, name) another
/// dump has.
///
/// # Errors
/// [`ReadError`] when it is no such dump or larger than any.
pub(super) fn read(
    dump: &[u8],
    words: Option<&[u8]>,
    skipped: &dyn Fn(&str, &str) -> bool,
) -> Result<Ruleset, ReadError> {
    let dump: Json = serde_json::from_slice(dump).map_err(|error| ReadError::Json(error.to_string()))?;
    let objects = dump.get("nftables").and_then(Json::as_array).ok_or(ReadError::NotNft)?;
    let outline = words.map(outline::read);
    let asleep = outline.as_ref().map(|outline| outline.asleep.iter().cloned().collect()).unwrap_or_default();
    let mut reader =
        Reader { tables: BTreeMap::new(), skipped, asleep, drowsy: HashSet::new(), outline, elements: 0 };
    let mut ruleset = Ruleset::default();
    for (kind, body) in objects.iter().filter_map(only) {
        reader.declare(kind, body, &mut ruleset)?;
    }
    let index = ruleset.index();
    let mut rules = 0;
    for (_, body) in objects.iter().filter_map(only).filter(|(kind, _)| *kind == "rule") {
        let (family, table) = home(body);
        // Rules that are asleep do it too.
        if body.get("expr").is_some_and(tracks) {
            ruleset.tracked.extend(families(family));
        }
        let chain = (Source::Nftables, family.to_owned(), table.to_owned(), string(body, "chain").to_owned());
        let Some(at) = index.get(&chain) else { continue };
        rules += 1;
        if rules > RULES_MAX {
            return Err(ReadError::TooLarge("rules"));
        }
        let rule = reader.rule(family, table, body);
        ruleset.chains[*at].rules.push(rule);
    }
    Ok(ruleset)
}

/// The rules of each chain of a table, as handles: what an iptables dump does not say.
pub(super) fn handles(dump: &[u8]) -> super::iptables::Handles {
    let mut handles: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let Ok(dump) = serde_json::from_slice::<Json>(dump) else { return handles };
    let objects = dump.get("nftables").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    for (_, body) in objects.iter().filter_map(only).filter(|(kind, _)| *kind == "rule") {
        let (family, table) = home(body);
        let chain = (family.to_owned(), table.to_owned(), string(body, "chain").to_owned());
        handles.entry(chain).or_default().push(body.get("handle").and_then(Json::as_u64));
    }
    handles
}

/// Says whether something in a rule has connections followed.
fn tracks(json: &Json) -> bool {
    match json {
        Json::Array(all) => all.iter().any(tracks),
        Json::Object(object) => object.iter().any(|(key, value)| match key.as_str() {
            "ct" | "ct count" | "ct helper" | "ct timeout" | "ct expectation" | "dnat" | "snat"
            | "masquerade" | "redirect" | "flow" | "synproxy" => true,
            "xt" => value
                .get("name")
                .and_then(Json::as_str)
                .is_none_or(|name| super::iptables::TRACKING.contains(&name)),
            _ => tracks(value),
        }),
        _ => false,
    }
}

fn families(family: &str) -> &'static [Family] {
    match family {
        "ip" => &[Family::V4],
        "ip6" => &[Family::V6],
        "inet" => &[Family::V4, Family::V6],
        _ => &[],
    }
}

/// The one key of an object and what stands there.
fn only(object: &Json) -> Option<(&str, &Map<String, Json>)> {
    let (kind, body) = object.as_object()?.iter().next()?;
    // `{"add": {…}}` is a command, and dumps have none.
    Some((kind.as_str(), body.as_object()?))
}

fn string<'a>(body: &'a Map<String, Json>, key: &str) -> &'a str {
    body.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn home(body: &Map<String, Json>) -> (&str, &str) {
    (string(body, "family"), string(body, "table"))
}

/// Strings: one, or a list of them.
fn strings(json: Option<&Json>) -> Vec<String> {
    match json {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

impl Reader<'_> {
    /// Takes in everything but rules.
    fn declare(
        &mut self,
        kind: &str,
        body: &Map<String, Json>,
        ruleset: &mut Ruleset,
    ) -> Result<(), ReadError> {
        let (family, table) = home(body);
        let key = (family.to_owned(), table.to_owned());
        match kind {
            "table" => {
                let name = (family.to_owned(), string(body, "name").to_owned());
                let flags = strings(body.get("flags"));
                let known = |flag: &String| matches!(flag.as_str(), "owner" | "persist");
                if flags.iter().any(|flag| flag == "dormant") {
                    self.asleep.insert(name);
                } else if self.outline.is_none() && !flags.iter().all(known) {
                    self.drowsy.insert(name);
                }
            }
            "chain" if !self.asleep.contains(&key) && !(self.skipped)(family, table) => {
                let mut chain = chain(body);
                let place = (key.0.clone(), key.1.clone(), chain.place.chain.clone());
                let devices = self.outline.as_ref().and_then(|outline| outline.devices.get(&place));
                if let (Some(base), Some(devices)) = (&mut chain.base, devices) {
                    base.devices.clone_from(devices);
                }
                if let (Some(base), true) = (&mut chain.base, self.drowsy.contains(&key)) {
                    base.drowsy = true;
                }
                ruleset.chains.push(chain);
            }
            "set" | "map" => {
                let name = string(body, "name");
                let set = self.named_set(body)?;
                let reference = SetRef { name: Some(set_name(family, table, name)), set: Arc::new(set) };
                self.tables.entry(key).or_default().sets.insert(name.to_owned(), reference);
            }
            "limit" | "quota" => {
                let name = (kind.to_owned(), string(body, "name").to_owned());
                self.tables.entry(key).or_default().objects.insert(name, Json::Object(body.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    fn named_set(&mut self, body: &Map<String, Json>) -> Result<Set, ReadError> {
        let elements = body.get("elem").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        self.elements += elements.len();
        if self.elements > ELEMENTS_MAX {
            return Err(ReadError::TooLarge("elements of sets"));
        }
        let kinds = constant::kinds_of_type(body.get("type"));
        let data = body.get("map").map(constant::data_of_type);
        Ok(elements_of(elements, &kinds, data.as_ref()))
    }

    fn rule(&self, family: &str, table: &str, body: &Map<String, Json>) -> Rule {
        let expressions = body.get("expr").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let mut statements = Vec::new();
        let scope = Scope { reader: self, family, table };
        for expression in expressions {
            scope.statement(expression, &mut statements);
        }
        Rule { handle: body.get("handle").and_then(Json::as_u64), text: text::rule(expressions), statements }
    }
}

/// The names that a rule may use.
struct Scope<'a> {
    reader: &'a Reader<'a>,
    family: &'a str,
    table: &'a str,
}

impl Scope<'_> {
    fn table(&self) -> Option<&Table> {
        self.reader.tables.get(&(self.family.to_owned(), self.table.to_owned()))
    }

    /// A set by its name with `@`, or one that stands in the rule.
    fn set(&self, json: &Json, kinds: &[Kind], data: Option<&constant::DataKind>) -> Option<SetRef> {
        match json {
            Json::String(name) => {
                let name = name.strip_prefix('@')?;
                let found = self.table().and_then(|table| table.sets.get(name).cloned());
                // A set that the dump does not have: nobody knows what is in it.
                let unknown = || SetRef {
                    name: Some(set_name(self.family, self.table, name)),
                    set: Arc::new(Set::new(Vec::new(), true)),
                };
                Some(found.unwrap_or_else(unknown))
            }
            Json::Object(_) => {
                let elements = json.get("set")?;
                let one = std::slice::from_ref(elements);
                let elements = elements.as_array().map_or(one, Vec::as_slice);
                Some(SetRef::own(elements_of(elements, kinds, data)))
            }
            _ => None,
        }
    }
}

fn set_name(family: &str, table: &str, name: &str) -> Arc<str> {
    format!("{family} {table} {name}").into()
}

/// Reads the elements of a set or a map: pairs, when there is a kind for their data.
fn elements_of(elements: &[Json], kinds: &[Kind], data: Option<&constant::DataKind>) -> Set {
    let mut opaque = false;
    let mut read = Vec::with_capacity(elements.len());
    for element in elements {
        let (key, value) = match (data, element.as_array().map(Vec::as_slice)) {
            (Some(_), Some([key, value])) => (key, Some(value)),
            (Some(_), _) => {
                opaque = true;
                continue;
            }
            (None, _) => (element, None),
        };
        let (key, load) = constant::unwrap_element(key);
        let data: Option<Data> = match (data, value) {
            (Some(kind), Some(value)) => Some(constant::data(value, kind)),
            _ => None,
        };
        read.push(Element { key: constant::items(key, kinds), load, data });
    }
    Set::new(read, opaque)
}

fn chain(body: &Map<String, Json>) -> Chain {
    let (family, table) = home(body);
    let place = Place {
        source: Source::Nftables,
        family: family.to_owned(),
        table: table.to_owned(),
        chain: string(body, "name").to_owned(),
    };
    let base = Hook::named(string(body, "hook")).map(|hook| Base {
        hook,
        priority: body.get("prio").and_then(Json::as_i64).unwrap_or_default(),
        nat: string(body, "type") == "nat",
        drops: string(body, "policy") == "drop",
        devices: strings(body.get("dev")),
        drowsy: false,
    });
    Chain { place: Arc::new(place), base, rules: Vec::new(), home: 0 }
}
