//! The value of expressions, and comparisons.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::Field;
use super::packet::Seen;
use super::ruleset::{Bits, Expr, Key, Match, Op, Right, SetRef};
use super::value::{Data, Item, Truth, Value};

/// Finds what a map has for a key.
type Lookup<'a> = dyn FnMut(&SetRef, &[Value]) -> Option<Data> + 'a;

/// Gives the value of an expression, one for each part, or nothing when the packet lacks a part of it.
pub(super) fn key(expr: &Expr, seen: &Seen<'_>, lookup: &mut Lookup<'_>) -> Option<Key> {
    match expr {
        Expr::Field(field) => Some(vec![seen.field(field)?]),
        Expr::Constant(items) => Some(items.iter().map(constant).collect()),
        Expr::Concat(parts) => {
            let mut all = Vec::with_capacity(parts.len());
            for part in parts {
                all.extend(key(part, seen, lookup)?);
            }
            Some(all)
        }
        Expr::Bits(op, left, right) => {
            let left = key(left, seen, lookup)?.into_iter().next()?;
            let right = key(right, seen, lookup)?.into_iter().next()?;
            Some(vec![bits(*op, left, right)])
        }
        Expr::Map(inner, set) => {
            let inner = key(inner, seen, lookup)?;
            match lookup(set, &inner)? {
                Data::Items(items) => Some(items.iter().map(constant).collect()),
                Data::Verdict(_) => Some(vec![Value::Unknown]),
            }
        }
    }
}

/// The fields that an expression looks at.
pub(super) fn fields(expr: &Expr) -> Vec<&Field> {
    match expr {
        Expr::Field(field) => vec![field],
        Expr::Constant(_) => Vec::new(),
        Expr::Concat(parts) => parts.iter().flat_map(fields).collect(),
        Expr::Bits(_, left, right) => [left, right].into_iter().flat_map(|one| fields(one)).collect(),
        Expr::Map(inner, _) => fields(inner),
    }
}

fn constant(item: &Item) -> Value {
    match item {
        Item::Range(low, high) if low == high => Value::Number(*low),
        Item::Range(low, high) => Value::Between(*low, *high),
        Item::Name(name) => Value::Name(name.clone()),
        Item::NamePrefix(_) | Item::Any | Item::Opaque => Value::Unknown,
    }
}

fn bits(op: Bits, left: Value, right: Value) -> Value {
    let Value::Number(right) = right else { return Value::Unknown };
    let (known, bits) = match left {
        Value::Number(bits) => (u128::MAX, bits),
        Value::Masked { known, bits } => (known, bits),
        Value::Between(..) | Value::Name(_) | Value::Unknown => (0, 0),
    };
    let shift = u32::try_from(right).unwrap_or(u32::MAX);
    let (known, bits) = match op {
        Bits::And => (known | !right, bits & right),
        Bits::Or => (known | right, bits | right),
        Bits::Xor => (known, bits ^ right),
        Bits::Left => {
            (known.checked_shl(shift).unwrap_or_default(), bits.checked_shl(shift).unwrap_or_default())
        }
        Bits::Right => {
            (known.checked_shr(shift).unwrap_or_default(), bits.checked_shr(shift).unwrap_or_default())
        }
    };
    match known {
        u128::MAX => Value::Number(bits),
        0 => Value::Unknown,
        _ if matches!(op, Bits::Left | Bits::Right) && matches!(left, Value::Number(_)) => {
            Value::Number(bits)
        }
        _ => Value::Masked { known, bits: bits & known },
    }
}

/// Compares. `changed` is what was added to sets, or taken away, on the way.
pub(super) fn compare(
    comparison: &Match,
    key: &[Value],
    changed: &HashMap<Arc<str>, Vec<(Key, bool)>>,
) -> Truth {
    let number = match (&comparison.right, key) {
        (Right::Set(set), _) => {
            let contained = contained(set, key, changed);
            return if comparison.op == Op::IsNot { contained.not() } else { contained };
        }
        (Right::Number(number), [_]) => *number,
        _ => return Truth::Maybe,
    };
    let value = &key[0];
    match comparison.op {
        Op::Is => Item::Range(number, number).holds(value),
        Op::IsNot => Item::Range(number, number).holds(value).not(),
        Op::Less => number.checked_sub(1).map_or(Truth::No, |below| Item::Range(0, below).holds(value)),
        Op::AtMost => Item::Range(0, number).holds(value),
        Op::More => {
            number.checked_add(1).map_or(Truth::No, |above| Item::Range(above, u128::MAX).holds(value))
        }
        Op::AtLeast => Item::Range(number, u128::MAX).holds(value),
        Op::AnyBit => any_bit(value, number),
        Op::NoBit => any_bit(value, number).not(),
    }
}

fn contained(set: &SetRef, key: &[Value], changed: &HashMap<Arc<str>, Vec<(Key, bool)>>) -> Truth {
    let changes = set.name.as_ref().and_then(|name| changed.get(name));
    for (other, added) in changes.into_iter().flatten().rev() {
        match same(other, key) {
            Truth::Yes => return Truth::of(*added),
            Truth::No => {}
            Truth::Maybe => return Truth::Maybe,
        }
    }
    let (truth, element) = set.set.find(key);
    if element.is_some_and(|element| element.load.is_some()) { Truth::Maybe } else { truth }
}

/// Whether two keys are the same. What is unknown of one connection is the same in each of its packets only if it is the
/// same part of them, which is not followed.
fn same(one: &[Value], other: &[Value]) -> Truth {
    one.iter().zip(other).fold(Truth::of(one.len() == other.len()), |truth, (one, other)| {
        truth.and(match (one, other) {
            (Value::Number(one), other) => Item::Range(*one, *one).holds(other),
            (Value::Name(one), Value::Name(other)) => Truth::of(one == other),
            _ => Truth::Maybe,
        })
    })
}

fn any_bit(value: &Value, mask: u128) -> Truth {
    match value {
        Value::Number(number) => Truth::of(number & mask != 0),
        Value::Masked { known, bits } if bits & known & mask != 0 => Truth::Yes,
        Value::Masked { known, .. } => {
            if mask & !known == 0 {
                Truth::No
            } else {
                Truth::Maybe
            }
        }
        _ => Truth::Maybe,
    }
}
