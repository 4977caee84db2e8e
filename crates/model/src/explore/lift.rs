//! From a condition on a value that a walk put together to a condition on the one input that it is made of.

use std::cell::RefCell;
use std::collections::HashMap;

pub(super) use super::back::{Lifted, Stuck, lift};
use super::changed::changed;
use super::values::{Door, Values};
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

/// Adds text to pieces.
pub(super) fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
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
    let is_free = |variable: &Variable| {
        variable == free || line && matches!(variable, Variable::Uri | Variable::Args | Variable::Line)
    };
    with_free(template, &is_free, values, door, compiled)
}

/// A template with everything as it is now but the variables that are free; `None`: something in it cannot be told.
pub(super) fn with_free(
    template: &Template,
    is_free: &dyn Fn(&Variable) -> bool,
    values: &Values,
    door: &Door,
    compiled: &Compiled,
) -> Option<Template> {
    let mut pieces = Vec::new();
    for piece in &template.0 {
        let alone = Template(vec![piece.clone()]);
        let mut found = Vec::new();
        let known = variables(&alone, &mut found);
        let inside = |of: &Template| with_free(of, is_free, values, door, compiled);
        match piece {
            Piece::Text(text) => push_text(&mut pieces, text),
            _ if known.is_some() && !found.iter().any(is_free) => {
                push_text(&mut pieces, &fill(&alone, values, door, compiled)?);
            }
            Piece::Group { pattern, caseless, group, of } => pieces.push(Piece::Group {
                pattern: pattern.clone(),
                caseless: *caseless,
                group: *group,
                of: inside(of)?,
            }),
            Piece::Changed { how, of } => pieces.push(Piece::Changed { how, of: inside(of)? }),
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
