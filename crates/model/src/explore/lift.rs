//! From a condition on a value that a walk put together to a condition on the one input that it is made of.

use std::cell::RefCell;
use std::collections::HashMap;

pub(super) use super::back::{Lifted, Stuck, lift};
use super::changed::changed;
use super::values::{Door, Sni, Values};
use crate::choice::View;
use crate::language::{Language, NotRegular};
use crate::route::regex::{Matched, Patterns};
use crate::route::{Input, Piece, Template, Test};

/// What is chosen on its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Variable {
    Host,
    Uri,
    Args,
    /// URI and arguments together, as they are spelled.
    Line,
    Method,
    Header(Vec<u8>),
    Cookie(Vec<u8>),
    Client,
    Protocol,
    Length,
}

/// Regexes, compiled for asking and for proving.
#[derive(Default)]
pub(super) struct Compiled {
    patterns: Patterns,
    languages: RefCell<HashMap<Regex, Result<Language, NotRegular>>>,
}

/// The text, and whether the case of letters is ignored.
type Regex = (Vec<u8>, bool);

impl Compiled {
    pub(super) fn language(&self, text: &[u8], caseless: bool) -> Result<Language, NotRegular> {
        let key = (text.to_vec(), caseless);
        if let Some(known) = self.languages.borrow().get(&key) {
            return known.clone();
        }
        let made = Language::pattern(text, caseless);
        self.languages.borrow_mut().insert(key, made.clone());
        made
    }

    /// What a regex captures in a value; the inner `None`: it does not match. `None`: it cannot be asked.
    pub(super) fn groups(&self, text: &[u8], caseless: bool, value: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
        match self.patterns.get(text, caseless).of(value) {
            Matched::Yes(captured) => Some(Some(captured.groups)),
            Matched::No => Some(None),
            Matched::Unknown => None,
        }
    }
}

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

/// A question about the begin or the end of a value as one about the piece that decides it; `None`: nothing is asked, the
/// answer is always the same.
pub(super) fn narrowed(subject: Template, test: &Test) -> Option<(Template, Test)> {
    let (mut pieces, text, at_end) = match test {
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

fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
    if text.is_empty() {
        return;
    }
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        last.extend_from_slice(text);
    } else {
        pieces.push(Piece::Text(text.to_vec()));
    }
}

/// The variables that a template is made of; `None`: something else is in it, too.
pub(super) fn variables(template: &Template, into: &mut Vec<Variable>) -> Option<()> {
    for piece in &template.0 {
        match piece {
            Piece::Text(_) => {}
            Piece::Input(input) => {
                let variable = variable(input);
                if !into.contains(&variable) {
                    into.push(variable);
                }
            }
            Piece::Group { of, .. } | Piece::Changed { of, .. } => variables(of, into)?,
            Piece::Opaque(_) => return None,
        }
    }
    Some(())
}

pub(super) fn variable(input: &Input) -> Variable {
    match input {
        Input::Host | Input::Sni => Variable::Host,
        Input::Uri => Variable::Uri,
        Input::Args | Input::Argument(_) => Variable::Args,
        Input::Target => Variable::Line,
        Input::Method => Variable::Method,
        Input::Header(name) if name == b"content_length" => Variable::Length,
        Input::Header(name) => Variable::Header(name.clone()),
        Input::Cookie(name) => Variable::Cookie(name.clone()),
        Input::Client => Variable::Client,
        Input::Protocol => Variable::Protocol,
        Input::ContentLength => Variable::Length,
    }
}

/// A text as the regex that matches it.
pub(super) fn regex_text(text: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::new();
    for &byte in text {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'/' {
            pattern.push(byte);
        } else {
            pattern.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    pattern
}

/// Every value that a template may have, and maybe others.
pub(super) fn at_most(template: &Template, compiled: &Compiled) -> Option<Language> {
    let mut pattern = br"\A".to_vec();
    for piece in &template.0 {
        pattern.extend(piece_pattern(piece));
    }
    pattern.extend_from_slice(br"\z");
    compiled.language(&pattern, false).ok()
}

fn piece_pattern(piece: &Piece) -> Vec<u8> {
    match piece {
        Piece::Text(text) => regex_text(text),
        Piece::Input(Input::Uri | Input::Target) => br"/[\s\S]*".to_vec(),
        Piece::Input(Input::Host) => br"[^/?#\x00-\x20]*".to_vec(),
        Piece::Input(Input::Args) => br"[^#\x00-\x20]*".to_vec(),
        Piece::Changed { how, of } => {
            let inner: Vec<u8> = of.0.iter().flat_map(piece_pattern).collect();
            let rooted = matches!(of.0.first(), Some(Piece::Input(Input::Uri | Input::Target)));
            match *how {
                "query" => [br"(?:\?", &inner[..], b")?"].concat(),
                "more-args" => [br"(?:&", &inner[..], b")?"].concat(),
                how if how.starts_with("escape") && rooted => br"/[\s\S]*".to_vec(),
                _ => br"[\s\S]*".to_vec(),
            }
        }
        _ => br"[\s\S]*".to_vec(),
    }
}

/// The language of the values that a test says yes to; the flag says that it is the others that it says yes to.
pub(super) fn language_of(test: &Test, compiled: &Compiled) -> Result<(Language, bool), Stuck> {
    Ok(match test {
        Test::Regex { pattern, caseless } => {
            (compiled.language(pattern, *caseless).map_err(Stuck::Regex)?, false)
        }
        Test::Truth => (Language::one_of(&[&b""[..], b"0"]), true),
        Test::Begins(text) => (Language::prefix(text), false),
        Test::Ends(text) => (Language::suffix(text), false),
        Test::OneOf(texts) => (Language::one_of(texts), false),
        Test::Equals(Template(pieces)) => match &pieces[..] {
            [] => (Language::one_of(&[b""]), false),
            [Piece::Text(text)] => (Language::one_of(&[text]), false),
            _ => return Err(Stuck::Mixed),
        },
        _ => return Err(Stuck::Mixed),
    })
}

/// The value of a template; `None`: it cannot be told.
pub(super) fn fill(
    template: &Template,
    values: &Values,
    door: &Door,
    compiled: &Compiled,
) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    for piece in &template.0 {
        match piece {
            Piece::Text(text) => value.extend_from_slice(text),
            Piece::Input(input) => value.extend(values.get(input, door)),
            Piece::Group { pattern, caseless, group, of } => {
                let of = fill(of, values, door, compiled)?;
                let groups = compiled.groups(pattern, *caseless, &of)??;
                value.extend_from_slice(groups.get(*group).map_or(&b""[..], |group| group));
            }
            Piece::Changed { how, of } => {
                let of = fill(of, values, door, compiled)?;
                value.extend(changed(how, of, values.target().contains(&b'%'))?);
            }
            Piece::Opaque(_) => return None,
        }
    }
    Some(value)
}

/// A template with everything but one variable as it is now.
pub(super) fn with_one_free(
    template: &Template,
    free: &Variable,
    line: bool,
    values: &Values,
    door: &Door,
    compiled: &Compiled,
) -> Option<Template> {
    let mut pieces = Vec::new();
    for piece in &template.0 {
        let alone = Template(vec![piece.clone()]);
        let mut found = Vec::new();
        let known = variables(&alone, &mut found);
        let is_free = |variable: &Variable| {
            variable == free || line && matches!(variable, Variable::Uri | Variable::Args | Variable::Line)
        };
        match piece {
            Piece::Text(text) => push_text(&mut pieces, text),
            _ if known.is_some() && found.iter().all(|variable| !is_free(variable)) => {
                push_text(&mut pieces, &fill(&alone, values, door, compiled)?);
            }
            Piece::Group { pattern, caseless, group, of } => pieces.push(Piece::Group {
                pattern: pattern.clone(),
                caseless: *caseless,
                group: *group,
                of: with_one_free(of, free, line, values, door, compiled)?,
            }),
            Piece::Changed { how, of } => {
                let of = with_one_free(of, free, line, values, door, compiled)?;
                pieces.push(Piece::Changed { how, of });
            }
            Piece::Opaque(_) => return None,
            Piece::Input(_) => pieces.push(piece.clone()),
        }
    }
    Some(Template(pieces))
}

/// How a derived value follows from the one variable that it is made of.
pub(super) struct Derived<'a> {
    pub(super) template: Template,
    pub(super) variable: Variable,
    pub(super) line: bool,
    pub(super) values: &'a Values,
    pub(super) door: &'a Door,
    pub(super) compiled: &'a Compiled,
}

impl View for Derived<'_> {
    fn image(&self, input: &[u8]) -> Option<Vec<u8>> {
        let mut values = self.values.clone();
        super::aim::set(&mut values, if self.line { &Variable::Line } else { &self.variable }, input);
        fill(&self.template, &values, self.door, self.compiled)
    }

    fn pull(&self, language: &Language) -> Result<Language, NotRegular> {
        match lift(&self.template.0, language, self.line, self.compiled) {
            Ok(Lifted { language, .. }) => Ok(language),
            Err(Stuck::Regex(why)) => Err(why),
            Err(Stuck::Constant | Stuck::Mixed) => {
                Err(NotRegular::Uses(String::from("a value that is put together")))
            }
        }
    }
}
