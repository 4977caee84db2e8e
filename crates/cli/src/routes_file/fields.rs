//! The keys of a table, taken one by one; what is left at the end is unknown.

use evenkeel_syntax::secret::redact_str;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::{At, Unread};

/// The text of a file, to say where in it something stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Where<'t>(pub(super) &'t str);

impl Where<'_> {
    /// Line and column of a byte, from 1.
    pub(super) fn line_column(self, at: usize) -> (usize, usize) {
        let before = self.0.get(..at).unwrap_or(self.0);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    pub(super) fn unread(self, at: usize, message: impl Into<String>) -> Unread {
        let (line, column) = self.line_column(at);
        Unread { line, column, message: message.into() }
    }
}

/// A table, as far as it is not read yet.
pub(super) struct Fields<'a, 'i> {
    place: Where<'a>,
    /// What the table is, for people.
    what: &'static str,
    table: &'a DeTable<'i>,
}

/// A text and where it begins.
pub(super) type Text = (String, usize);

impl<'a, 'i> Fields<'a, 'i> {
    pub(super) fn new(place: Where<'a>, what: &'static str, table: &'a DeTable<'i>) -> Self {
        Fields { place, what, table }
    }

    fn get(&self, key: &str) -> Option<At<'a, 'i>> {
        self.table.get(key)
    }

    fn wrong(&self, key: &str, wanted: &str, value: At<'_, '_>) -> Unread {
        let article = |kind: &str| if kind.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        let kind = value.get_ref().type_str();
        let said = format!("{key} must be {wanted}, not {} {kind}", article(kind));
        self.place.unread(value.span().start, said)
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Result<Option<Text>, Unread> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some((text.to_string(), value.span().start))),
            _ => Err(self.wrong(key, "a string", value)),
        }
    }

    /// A string, without its place.
    pub(super) fn string(&self, key: &str) -> Result<Option<String>, Unread> {
        Ok(self.text(key)?.map(|(text, _)| text))
    }

    /// A list of strings.
    pub(super) fn strings(&self, key: &str) -> Result<Option<Vec<String>>, Unread> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong(key, "a list of strings", value));
        };
        let item = |item: At<'_, '_>| match item.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wrong(key, "a list of strings", item)),
        };
        items.iter().map(item).collect::<Result<_, _>>().map(Some)
    }

    /// A whole number within limits.
    pub(super) fn number(&self, key: &str, least: u16, most: u16) -> Result<Option<u16>, Unread> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.wrong(key, "a whole number", value));
        };
        let read = |number: &DeInteger<'_>| u16::from_str_radix(number.as_str(), number.radix()).ok();
        let fits = read(number).filter(|number| (least..=most).contains(number));
        let out =
            || self.place.unread(value.span().start, format!("{key} must be between {least} and {most}"));
        fits.map(Some).ok_or_else(out)
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Unread> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            _ => Err(self.wrong(key, "true or false", value)),
        }
    }

    /// A table, and where it begins.
    pub(super) fn table(&self, key: &str) -> Result<Option<(&'a DeTable<'i>, usize)>, Unread> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some((table, value.span().start))),
            _ => Err(self.wrong(key, "a table", value)),
        }
    }

    /// The tables of `[[key]]`, and where each begins.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<(&'a DeTable<'i>, usize)>, Unread> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let said =
            || self.place.unread(value.span().start, format!("{key} must be [[{key}]], once for each"));
        let items: &DeArray<'i> = value.get_ref().as_array().ok_or_else(said)?;
        let item = |item: At<'a, 'i>| Some((item.get_ref().as_table()?, item.span().start));
        items.iter().map(|it| item(it).ok_or_else(said)).collect()
    }

    /// A table of strings: name, value and place of each.
    pub(super) fn texts_by_name(&self, key: &str) -> Result<Vec<(String, String, usize)>, Unread> {
        let Some((table, _)) = self.table(key)? else { return Ok(Vec::new()) };
        let one = |(name, value): (&toml::Spanned<std::borrow::Cow<'i, str>>, At<'a, 'i>)| match value
            .get_ref()
        {
            DeValue::String(text) => Ok((name.get_ref().to_string(), text.to_string(), name.span().start)),
            _ => Err(self.wrong(key, "a table of strings", value)),
        };
        table.iter().map(one).collect()
    }

    /// Refuses what is none of these keys.
    pub(super) fn end(&self, keys: &[&str]) -> Result<(), Unread> {
        let mut unknown: Vec<_> =
            self.table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())).collect();
        unknown.sort_by_key(|key| key.span().start);
        let Some(key) = unknown.first() else { return Ok(()) };
        let help = among(key.get_ref(), keys);
        let name = redact_str(key.get_ref()).escape_debug().to_string();
        Err(self.place.unread(key.span().start, format!("unknown key \"{name}\" in {}; {help}", self.what)))
    }
}

/// `did you mean "upstream"?`, or all that there is.
pub(super) fn among(word: &str, known: &[&str]) -> String {
    let near = known.iter().map(|known| (distance(word, known), known)).min();
    match near {
        Some((distance, near)) if distance <= 2 && distance < near.len() => {
            format!("did you mean \"{near}\"?")
        }
        _ => format!("it takes {}", known.join(", ")),
    }
}

/// How many letters must change to make one word into the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], line + 1);
        for (column, compared) in other.iter().enumerate() {
            let swap = before + usize::from(letter != *compared);
            before = row[column + 1];
            row[column + 1] = swap.min(before + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
