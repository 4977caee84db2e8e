//! Values and questions as they are at a door, without what decides nothing.

use super::lift::push_text;
use super::values::{Door, Sni};
use crate::route::{Input, Piece, Template, Test};

/// What a template is made of at a door, with what is no free choice there filled in.
pub(super) fn at_door(template: &Template, door: &Door) -> Template {
    let mut pieces = Vec::new();
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => push_text(&mut pieces, text),
            Piece::Input(Input::Sni) => match &door.sni {
                Sni::Host => pieces.push(Piece::Input(Input::Host)),
                Sni::Nothing => {}
                Sni::Name(name) => push_text(&mut pieces, name),
            },
            Piece::Input(Input::Header(name)) if name == b"host" => {
                pieces.push(Piece::Input(Input::Host));
                push_text(&mut pieces, &door.host_tail());
            }
            Piece::Input(Input::Header(name)) if name == b"content_length" => {
                pieces.push(Piece::Input(Input::ContentLength));
            }
            Piece::Group { pattern, caseless, group, of } => pieces.push(Piece::Group {
                pattern: pattern.clone(),
                caseless: *caseless,
                group: *group,
                of: at_door(of, door),
            }),
            Piece::Changed { how, of } => {
                let of = at_door(of, door);
                match &of.0[..] {
                    // It is in lower case already.
                    [Piece::Input(Input::Host)] if *how == "lower" => pieces.extend(of.0),
                    _ => pieces.push(Piece::Changed { how, of }),
                }
            }
            other => pieces.push(other.clone()),
        }
    }
    Template(pieces)
}

/// Two values without what both begin and end with: they are equal where the rests are.
fn apart(mut one: Vec<Piece>, mut other: Vec<Piece>) -> (Template, Template) {
    let text = |pieces: &[Piece], at_end: bool| match if at_end { pieces.last() } else { pieces.first() } {
        Some(Piece::Text(text)) => text.clone(),
        _ => Vec::new(),
    };
    for at_end in [false, true] {
        loop {
            let same = if at_end { one.last() == other.last() } else { one.first() == other.first() };
            if one.is_empty() || other.is_empty() || !same {
                break;
            }
            for pieces in [&mut one, &mut other] {
                drop(if at_end { pieces.pop() } else { Some(pieces.remove(0)) });
            }
        }
        let (left, right) = (text(&one, at_end), text(&other, at_end));
        let pairs = left.iter().zip(&right);
        let from_end = left.iter().rev().zip(right.iter().rev());
        let equal = |(left, right): &(&u8, &u8)| left == right;
        let common =
            if at_end { from_end.take_while(equal).count() } else { pairs.take_while(equal).count() };
        for pieces in [&mut one, &mut other].into_iter().filter(|_| common > 0) {
            let place = if at_end { pieces.len() - 1 } else { 0 };
            if let Piece::Text(text) = &mut pieces[place] {
                drop(if at_end {
                    text.split_off(text.len() - common)
                } else {
                    text.drain(..common).collect()
                });
                if text.is_empty() {
                    pieces.remove(place);
                }
            }
        }
    }
    (Template(one), Template(other))
}

/// A question about the begin or the end of a value, or about two values, as one about what decides it; `None`: nothing is
/// asked, the answer is always the same.
pub(super) fn narrowed(subject: Template, test: &Test) -> Option<(Template, Test)> {
    let (mut pieces, text, at_end) = match test {
        Test::Equals(other) => {
            let (one, other) = apart(subject.0, other.0.clone());
            return match (one.fixed(), other.fixed()) {
                (Some(_), Some(_)) => None,
                (Some(_), None) => Some((other, Test::Equals(one))),
                _ => Some((one, Test::Equals(other))),
            };
        }
        Test::Begins(text) => (subject.0, text, false),
        Test::Ends(text) => (subject.0, text, true),
        other => return Some((subject, other.clone())),
    };
    let mut text = text.clone();
    let remade = |text: Vec<u8>| if at_end { Test::Ends(text) } else { Test::Begins(text) };
    loop {
        if text.is_empty() {
            return None;
        }
        let piece = if at_end { pieces.last() } else { pieces.first() };
        match piece? {
            Piece::Text(said) => {
                let decided = if at_end { said.ends_with(&text) } else { said.starts_with(&text) };
                let goes_on = if at_end { text.ends_with(said) } else { text.starts_with(said) };
                if decided || !goes_on {
                    return None;
                }
                if at_end {
                    text.truncate(text.len() - said.len());
                    pieces.pop();
                } else {
                    text.drain(..said.len());
                    pieces.remove(0);
                }
            }
            Piece::Input(Input::Uri | Input::Target) if text == b"/" => {
                // It begins with a slash in any case, and is never empty.
                let decides = pieces.pop().filter(|_| at_end)?;
                return Some((Template(vec![decides]), remade(text)));
            }
            // A slash stays a slash.
            Piece::Changed { how, of } if how.starts_with("escape") && text == b"/" => {
                let inner = of.0.clone();
                if at_end {
                    pieces.pop();
                    pieces.extend(inner);
                } else {
                    pieces.splice(0..1, inner);
                }
            }
            _ => return Some((Template(pieces), remade(text))),
        }
    }
}
