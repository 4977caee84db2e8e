//! Reads what `ipset save` prints. Source: ipset(8).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::fields::{End, Field, Way};
use super::host;
use super::iptables;
use super::ruleset::{Expr, Family};
use super::symbols;
use super::value::{Element, Item, Set};

/// How many elements all sets may have together.
const ELEMENTS_MAX: usize = 4_000_000;
/// How many sets a list is followed through.
const MEMBERS_MAX: usize = 256;

/// Every set of a dump.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: BTreeMap<String, Kept>,
    /// Whether there was a dump at all.
    elements: usize,
}

/// One set.
#[derive(Debug)]
struct Kept {
    /// `hash:ip,port` without the method.
    parts: Vec<Part>,
    family: Family,
    /// Exceptions, or parts that are not understood.
    opaque: bool,
    elements: Vec<Vec<Item>>,
    members: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Address,
    Port,
    /// A port of any transport, as in `bitmap:port`.
    PlainPort,
    Interface,
    Mark,
    Mac,
    Sets,
}

impl Sets {
    /// Reads a dump; lines that are something else are passed over.
    pub(super) fn read(dump: &[u8]) -> Self {
        let mut sets = Self::default();
        for line in String::from_utf8_lossy(dump).lines() {
            let words = iptables::split(line);
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["create", name, kind, options @ ..] => {
                    sets.sets.insert((*name).to_owned(), Kept::new(kind, options));
                }
                ["add", name, element, options @ ..] => sets.add(name, element, options),
                _ => {}
            }
        }
        sets
    }

    fn add(&mut self, name: &str, element: &str, options: &[&str]) {
        self.elements += 1;
        let full = self.elements > ELEMENTS_MAX;
        let Some(set) = self.sets.get_mut(name) else { return };
        if full || options.contains(&"nomatch") {
            set.opaque = true;
        } else if set.parts == [Part::Sets] {
            set.members.push(element.to_owned());
        } else {
            let items = set.items(element);
            set.elements.push(items);
        }
    }

    /// What `-m set --match-set NAME DIRECTIONS` compares, and with what. `None`: nobody told of this set.
    pub(super) fn matching(&self, name: &str, directions: &str, family: Family) -> Option<(Expr, Set)> {
        let named = self.sets.get(name)?;
        let members: Vec<&Kept> = if named.parts == [Part::Sets] {
            named
                .members
                .iter()
                .take(MEMBERS_MAX)
                .map(|member| self.sets.get(member))
                .collect::<Option<_>>()?
        } else {
            vec![named]
        };
        let parts = members.first().map_or(&[][..], |set| set.parts.as_slice());
        if members.iter().any(|set| set.parts != parts || set.parts == [Part::Sets]) {
            return None;
        }
        let opaque = members.iter().any(|set| set.opaque) || named.members.len() > MEMBERS_MAX;
        let ends: Vec<End> = directions
            .split(',')
            .map(|word| if word == "src" { End::Source } else { End::Destination })
            .collect();
        let mut fields = Vec::new();
        for (part, end) in parts.iter().zip(ends.iter().chain(std::iter::repeat(&End::Destination))) {
            fields.extend(part.fields(*end, family));
        }
        // A set of the other family never matches.
        let here = members.iter().filter(|set| set.family == family || !parts.contains(&Part::Address));
        let elements: Vec<Element> = here
            .flat_map(|set| &set.elements)
            .map(|key| Element { key: key.clone(), load: None, data: None })
            .collect();
        let fields = fields.into_iter().map(Expr::Field).collect();
        Some((Expr::Concat(fields), Set::new(elements, opaque)))
    }
}

impl Kept {
    fn new(kind: &str, options: &[&str]) -> Self {
        let (method, parts) = kind.split_once(':').unwrap_or(("", kind));
        let mut opaque = false;
        let parts = parts
            .split(',')
            .map(|part| match part {
                "ip" | "net" => Part::Address,
                "port" if method == "bitmap" => Part::PlainPort,
                "port" => Part::Port,
                "iface" => Part::Interface,
                "mark" => Part::Mark,
                "set" => Part::Sets,
                _ => {
                    opaque = true;
                    Part::Mac
                }
            })
            .collect();
        let v6 = options.windows(2).any(|pair| pair == ["family", "inet6"]);
        let family = if v6 { Family::V6 } else { Family::V4 };
        // A netmask, or a mask of marks, changes what is compared.
        opaque |= options.iter().any(|option| matches!(*option, "netmask" | "markmask" | "bitmask"));
        Self { parts, family, opaque, elements: Vec::new(), members: Vec::new() }
    }

    /// The key of one element.
    fn items(&self, element: &str) -> Vec<Item> {
        let mut items = Vec::new();
        let mut words = element.split(',');
        for part in &self.parts {
            let word = words.next().unwrap_or_default();
            match part {
                Part::Address => items.push(address(word, self.family).unwrap_or(Item::Opaque)),
                Part::Port => items.extend(port(word)),
                Part::PlainPort => items.push(plain_port(word).unwrap_or(Item::Opaque)),
                Part::Interface => items.push(Item::Name(word.to_owned())),
                Part::Mark => items.push(number(word).map_or(Item::Opaque, |mark| Item::Range(mark, mark))),
                Part::Mac | Part::Sets => items.push(Item::Opaque),
            }
        }
        items
    }
}

impl Part {
    fn fields(self, end: End, family: Family) -> Vec<Field> {
        match self {
            Self::Address => vec![Field::Address(family, end)],
            Self::Port => vec![Field::Protocol(None), Field::Port(None, end)],
            Self::PlainPort => vec![Field::Port(None, end)],
            Self::Interface => {
                vec![Field::Interface(if end == End::Source { Way::In } else { Way::Out })]
            }
            Self::Mark => vec![Field::Mark],
            Self::Mac | Self::Sets => vec![Field::Fixed("a hardware address".to_owned())],
        }
    }
}

fn address(word: &str, family: Family) -> Option<Item> {
    let parse = |word: &str| {
        let (found, number) = host::split(word.parse::<IpAddr>().ok()?);
        (found == family).then_some(number)
    };
    if let Some((low, high)) = word.split_once('-') {
        return Some(Item::Range(parse(low)?, parse(high)?));
    }
    let width = if family == Family::V4 { 32 } else { 128 };
    let (address, length) = word.split_once('/').unwrap_or((word, ""));
    let length =
        if length.is_empty() { width } else { length.parse().ok().filter(|length| *length <= width)? };
    let number = parse(address)?;
    let free = (u128::MAX >> (128 - width)).checked_shr(length).unwrap_or_default();
    Some(Item::Range(number & !free, number | free))
}

/// `tcp:80`
fn port(word: &str) -> [Item; 2] {
    let (transport, port) = word.split_once(':').unwrap_or(("tcp", word));
    let transport =
        symbols::number(symbols::PROTOCOLS, transport).map_or(Item::Opaque, |it| Item::Range(it, it));
    [transport, plain_port(port).unwrap_or(Item::Opaque)]
}

fn plain_port(word: &str) -> Option<Item> {
    let (low, high) = word.split_once('-').unwrap_or((word, word));
    Some(Item::Range(low.parse::<u16>().ok()?.into(), high.parse::<u16>().ok()?.into()))
}

fn number(word: &str) -> Option<u128> {
    match word.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}
