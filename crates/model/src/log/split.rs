//! A line taken apart by its format.

use memchr::{memchr, memchr3};

use super::field::Class;
use super::{Escape, LogFormat, Part};

/// How often another end of a value is tried before a line counts as one of another format.
const TRIES_MAX: u32 = 64;

/// Where the values of a line stand. Kept from line to line, so that reading one allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct Spans {
    /// By the place of the field: from, to; `None`: not on this line.
    at: Vec<Option<(u32, u32)>>,
    /// Values whose end may be a later one: the part, where its value begins, and where the next end may be.
    open: Vec<(usize, usize, usize)>,
}

/// Why a line is not one of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// Up to where it fits, in bytes from 0.
    pub at: usize,
    /// Which part of the format does not.
    part: usize,
}

impl Spans {
    pub(super) fn get<'l>(&self, line: &'l [u8], slot: Option<usize>) -> Option<&'l [u8]> {
        let (from, to) = (*self.at.get(slot?)?)?;
        line.get(from as usize..to as usize)
    }
}

impl LogFormat {
    /// Takes a line apart, without its line end.
    ///
    /// # Errors
    /// [`Stuck`] when it is not one of this format.
    pub fn split(&self, line: &[u8], spans: &mut Spans) -> Result<(), Stuck> {
        spans.at.clear();
        spans.at.resize(self.fields.len(), None);
        spans.open.clear();
        let mut furthest = Stuck { at: 0, part: 0 };
        let (mut part, mut at) = (0, 0);
        for _ in 0..TRIES_MAX {
            while part < self.parts.len() {
                match self.step(part, at, at, line, spans) {
                    Some(next) => (part, at) = next,
                    None => break,
                }
            }
            if part == self.parts.len() && at == line.len() {
                return Ok(());
            }
            if at >= furthest.at {
                furthest = Stuck { at, part };
            }
            // A value may have had in it what looked like its end.
            (part, at) = loop {
                let (opened, began, from) = spans.open.pop().ok_or(furthest)?;
                if let Some(next) = self.step(opened, began, from, line, spans) {
                    break next;
                }
            };
        }
        Err(furthest)
    }

    /// Reads one part, with a value the text behind it too. Gives the next part and where it begins.
    fn step(
        &self,
        part: usize,
        at: usize,
        from: usize,
        line: &[u8],
        spans: &mut Spans,
    ) -> Option<(usize, usize)> {
        let (class, slot) = match self.parts.get(part)? {
            Part::Text(text) => return line[at..].starts_with(text).then(|| (part + 1, at + text.len())),
            Part::Variable { class, slot, .. } => (*class, *slot),
        };
        let (end, next, after) = match self.parts.get(part + 1) {
            None => (line.len(), part + 1, line.len()),
            Some(Part::Text(text)) => {
                let end = find(line, from, text, self.escape)?;
                // What is escaped has no quotation mark in it: the first one is the end.
                if self.escape == Escape::None || !text.starts_with(b"\"") {
                    spans.open.push((part, at, end + 1));
                }
                (end, part + 2, end + text.len())
            }
            Some(Part::Variable { class: next, .. }) => {
                let text = self.parts[part..].iter().find_map(|part| match part {
                    Part::Text(text) => Some(text),
                    Part::Variable { .. } => None,
                });
                let last = text.map_or(Some(line.len()), |text| find(line, at, text, self.escape))?;
                let end = at + adjacent(&line[at..last], class, *next);
                (end, part + 1, end)
            }
        };
        if !matches!(class, Class::Any | Class::Path) && !line[at..end].iter().all(|&byte| class.allows(byte))
        {
            // A later end only adds to what is not allowed.
            spans.open.pop_if(|(opened, ..)| *opened == part);
            return None;
        }
        if let Some(slot) = slot {
            // Lines are bounded far below this.
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            spans.at[slot] = Some((place(at), place(end)));
        }
        Some((next, after))
    }

    /// What a line lacks at the place where it stopped to fit, for people.
    pub fn expected(&self, stuck: Stuck) -> String {
        let shown = |text: &[u8]| format!("{:?}", String::from_utf8_lossy(text));
        match (self.parts.get(stuck.part), self.parts.get(stuck.part + 1)) {
            (None, _) => String::from("the end of the line"),
            (Some(Part::Text(text)), _) => shown(text),
            (Some(Part::Variable { name, .. }), Some(Part::Text(text))) => {
                format!("${name} and then {}", shown(text))
            }
            (Some(Part::Variable { name, .. }), _) => format!("${name}"),
        }
    }
}

/// Where a text begins that was not escaped, at or after `from`. No value goes on behind a quotation mark that was not.
fn find(line: &[u8], from: usize, text: &[u8], escape: Escape) -> Option<usize> {
    let first = *text.first()?;
    let escapes = escape != Escape::None;
    let mut at = from;
    while let Some(rest) = line.get(at..) {
        at += if escapes { memchr3(first, b'\\', b'"', rest)? } else { memchr(first, rest)? };
        if line[at..].starts_with(text) {
            return Some(at);
        }
        at += match line[at] {
            b'\\' if escapes => 2,
            b'"' if escapes => return None,
            _ => 1,
        };
    }
    None
}

/// How long a value is that another follows without a text between them.
fn adjacent(rest: &[u8], class: Class, next: Class) -> usize {
    // `$uri$is_args$args`, `$host$request_uri`: the one ends where it may not go on, or where the other must begin.
    let stop =
        |&byte: &u8| !class.allows(byte) || (next == Class::Path && byte == b'/' && class == Class::Any);
    let end = rest.iter().position(stop).unwrap_or(rest.len());
    if class == Class::Mark { end.min(1) } else { end }
}
