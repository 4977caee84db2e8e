//! What is known of a value, and whether it lies in a set.

use std::collections::BTreeMap;

use super::ruleset::Verdict;

/// What is known of one part of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Exactly this.
    Number(u128),
    /// Something from the first to the second.
    Between(u128, u128),
    /// The bits under `known` are those of `bits`; the others may be anything.
    Masked {
        /// Which bits are known.
        known: u128,
        /// Their values.
        bits: u128,
    },
    /// A name: of an interface.
    Name(String),
    /// Nothing.
    Unknown,
}

/// Yes, no, or who knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// In every case.
    Yes,
    /// In no case.
    No,
    /// In some.
    Maybe,
}

impl Truth {
    pub(super) fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }
}

/// One part of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// From the first number to the second.
    Range(u128, u128),
    /// This name.
    Name(String),
    /// Every name that starts so.
    NamePrefix(String),
    /// Everything.
    Any,
    /// Something that is not understood.
    Opaque,
}

impl Item {
    /// Says whether the value is meant.
    pub(super) fn holds(&self, value: &Value) -> Truth {
        match (self, value) {
            (Self::Any, _) => Truth::Yes,
            (Self::Opaque, _) | (_, Value::Unknown) => Truth::Maybe,
            (Self::Range(low, high), Value::Number(number)) => Truth::of(low <= number && number <= high),
            (Self::Range(low, high), Value::Between(from, to)) => {
                if low <= from && to <= high {
                    Truth::Yes
                } else if to < low || high < from {
                    Truth::No
                } else {
                    Truth::Maybe
                }
            }
            (Self::Range(low, high), Value::Masked { known, bits }) => {
                if low == high && low & known != bits & known { Truth::No } else { Truth::Maybe }
            }
            (Self::Name(name), Value::Name(other)) => Truth::of(name == other),
            (Self::NamePrefix(prefix), Value::Name(other)) => Truth::of(other.starts_with(prefix.as_str())),
            // A name where a number is, or the other way round: the dump is not what we think.
            _ => Truth::Maybe,
        }
    }
}

/// One element of a set or a map.
#[derive(Debug, Clone)]
pub(super) struct Element {
    /// One item for each part of the key.
    pub(super) key: Vec<Item>,
    /// What has to hold besides, as a load: `limit rate 10/second`.
    pub(super) load: Option<(String, bool)>,
    /// What a map gives.
    pub(super) data: Option<Data>,
}

/// What a map gives.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// A verdict.
    Verdict(Verdict),
    /// A value, or several.
    Items(Vec<Item>),
}

/// A set, a map, or the right side of a match.
#[derive(Debug, Clone, Default)]
pub(super) struct Set {
    /// Its elements.
    pub(super) elements: Vec<Element>,
    /// Where single numbers stand: the first part's lower end to the element. Only when no two elements overlap.
    starts: BTreeMap<u128, usize>,
    /// The elements that are not in `starts`.
    others: Vec<usize>,
    /// Whether `starts` is used.
    indexed: bool,
    /// Whether something in it was not understood.
    pub(super) opaque: bool,
}

/// Below this, looking at every element is as fast.
const INDEXED_FROM: usize = 16;

impl Set {
    /// Makes a set of elements.
    pub(super) fn new(elements: Vec<Element>, opaque: bool) -> Self {
        let mut set = Self { elements, opaque, ..Self::default() };
        if set.elements.len() >= INDEXED_FROM {
            set.index();
        }
        set
    }

    fn index(&mut self) {
        let mut ends = BTreeMap::new();
        for (at, element) in self.elements.iter().enumerate() {
            match element.key.as_slice() {
                [Item::Range(low, high)] => {
                    if ends.insert(*low, *high).is_some() {
                        return self.forget();
                    }
                    self.starts.insert(*low, at);
                }
                _ => self.others.push(at),
            }
        }
        let overlap = ends.iter().zip(ends.iter().skip(1)).any(|((_, high), (low, _))| high >= low);
        if overlap { self.forget() } else { self.indexed = true }
    }

    fn forget(&mut self) {
        self.starts.clear();
        self.others.clear();
    }

    /// Gives the element that holds the key, the first of those that may hold it, or none. `Any` alone comes last.
    pub(super) fn find(&self, key: &[Value]) -> (Truth, Option<&Element>) {
        let mut maybe = None;
        let mut catch_all = None;
        for at in self.candidates(key) {
            let element = &self.elements[at];
            if element.key.as_slice() == [Item::Any] {
                catch_all = Some(element);
                continue;
            }
            match holds(&element.key, key) {
                Truth::Yes if maybe.is_none() => return (Truth::Yes, Some(element)),
                Truth::No => {}
                _ => maybe = maybe.or(Some(element)),
            }
        }
        match (maybe, catch_all) {
            (Some(element), _) => (Truth::Maybe, Some(element)),
            (None, _) if self.opaque => (Truth::Maybe, None),
            (None, Some(element)) => (Truth::Yes, Some(element)),
            (None, None) => (Truth::No, None),
        }
    }

    /// Gives the elements that can hold the key, as far as the index knows.
    fn candidates(&self, key: &[Value]) -> Vec<usize> {
        match key {
            [Value::Number(number)] if self.indexed => {
                let near = self.starts.range(..=*number).next_back().map(|(_, at)| *at);
                near.into_iter().chain(self.others.iter().copied()).collect()
            }
            _ => (0..self.elements.len()).collect(),
        }
    }

    /// Gives all elements that may hold the key.
    pub(super) fn possible(&self, key: &[Value]) -> impl Iterator<Item = &Element> {
        self.elements
            .iter()
            .filter(|element| element.key.as_slice() == [Item::Any] || holds(&element.key, key) != Truth::No)
    }
}

fn holds(items: &[Item], key: &[Value]) -> Truth {
    if items.len() != key.len() {
        return Truth::Maybe;
    }
    items.iter().zip(key).fold(Truth::Yes, |truth, (item, value)| truth.and(item.holds(value)))
}
