//! Where in the file something stands, so that a message can say it.

use std::time::Duration;

use anyhow::anyhow;
use evenkeel_fleet::Span;
use toml::de::{DeTable, DeValue};

use crate::args::duration;

/// A file and its text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    pub(in crate::settings) file: String,
    pub(in crate::settings) text: String,
}

/// One table of the file: `[watch]`, or the third `[[probe]]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    place: &'a Place,
    table: &'static str,
    nth: usize,
}

impl Place {
    /// The table of that name, or the one of that number, from nought, where there may be several.
    pub(super) fn of(&self, table: &'static str, nth: usize) -> Spot<'_> {
        Spot { place: self, table, nth }
    }

    /// `evenkeel.toml:12: …`, where the first line that holds this value, as it is written, is line 12.
    pub(super) fn near(&self, value: &str, why: &str) -> anyhow::Error {
        let quoted = [format!("\"{value}\""), format!("'{value}'")];
        let holds = |line: &str| {
            quoted.iter().any(|it| line.contains(it.as_str())) && !line.trim_start().starts_with('#')
        };
        self.at(self.text.lines().position(holds).map(|before| before + 1), why)
    }

    fn at(&self, line: Option<usize>, why: &str) -> anyhow::Error {
        match line {
            Some(line) => anyhow!("{}:{line}: {why}", self.file),
            None => anyhow!("{}: {why}", self.file),
        }
    }
}

impl Spot<'_> {
    /// An error that names the line of a key, or of the table where it does not hold the key. A dot goes a table deeper.
    pub(super) fn bad(&self, key: &str, why: &str) -> anyhow::Error {
        self.place.at(self.line(key), why)
    }

    fn line(&self, key: &str) -> Option<usize> {
        let text = &self.place.text;
        let document = DeTable::parse(text).ok()?;
        let value = document.get_ref().get(self.table)?;
        let mut inner = match value.get_ref() {
            DeValue::Array(all) => all.get(self.nth)?,
            _ => value,
        };
        let mut start = inner.span().start;
        for step in key.split('.') {
            let DeValue::Table(table) = inner.get_ref() else { break };
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == step) else { break };
            (start, inner) = (key.span().start, value);
        }
        Some(text.get(..start)?.matches('\n').count() + 1)
    }

    /// A time that is one.
    pub(super) fn time(&self, key: &str, text: Option<&str>) -> anyhow::Result<Option<Duration>> {
        let Some(text) = text else { return Ok(None) };
        let time = duration(text).map_err(|why| self.bad(key, &why))?;
        if time.is_zero() {
            return Err(self.bad(key, "it is no time at all"));
        }
        Ok(Some(time))
    }

    /// The same, as the decisions count it.
    pub(super) fn span(&self, key: &str, text: Option<&str>) -> anyhow::Result<Option<Span>> {
        let span = |it: Duration| Span::from_millis(u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        Ok(self.time(key, text)?.map(span))
    }

    /// A number that is not nought: nothing would ever be enough, or anything.
    pub(super) fn some(&self, key: &str, number: Option<u32>) -> anyhow::Result<Option<u32>> {
        match number {
            Some(0) => Err(self.bad(key, &format!("{key} = 0 means nothing; the least is 1"))),
            number => Ok(number),
        }
    }
}

/// Why a table that may stand once, or several times, does not stand as it is written: a sentence with its line.
pub(in crate::settings) fn brackets(file: &str, text: &str) -> Option<anyhow::Error> {
    const ONCE: [&str; 4] = ["policy", "approval", "rules", "watch"];
    const EACH: [&str; 3] = ["vantage", "probe", "alert"];
    let place = Place { file: file.to_owned(), text: text.to_owned() };
    let document = DeTable::parse(text).ok()?;
    let is_array =
        |name: &str| document.get_ref().get(name).map(|it| matches!(it.get_ref(), DeValue::Array(_)));
    let once = ONCE.into_iter().find(|name| is_array(name) == Some(true));
    let each = EACH.into_iter().find(|name| is_array(name) == Some(false));
    match (once, each) {
        (Some(name), _) => Some(place.of(name, 0).bad("", &format!("write [{name}]: there is only one"))),
        (None, Some(name)) => Some(place.of(name, 0).bad("", &format!("write [[{name}]], once for each"))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# \"web\"\n[watch]\nevery = \"5s\"\n\n[watch.heartbeat]\nurl = \"x\"\n\n[[probe]]\nname = \"web\"\n\n\
                        [[probe]]\n# tcp = 1\nname = \"web\"\nevery = \"5s\"\nhosts = [\n  \"a\",\n]\n";

    fn line(table: &'static str, nth: usize, key: &str) -> String {
        let place = Place { file: "f".to_owned(), text: TEXT.to_owned() };
        place.of(table, nth).bad(key, "so").to_string()
    }

    #[test]
    fn line_is_that_of_the_key_in_its_own_table() {
        assert_eq!(line("probe", 0, "name"), "f:9: so");
        assert_eq!(line("probe", 1, "name"), "f:13: so");
        assert_eq!(line("probe", 1, "every"), "f:14: so");
        assert_eq!(line("probe", 1, "hosts"), "f:15: so");
        assert_eq!(line("watch", 0, "heartbeat.url"), "f:6: so");
    }

    #[test]
    fn key_that_is_not_there_is_where_its_table_begins() {
        assert_eq!(line("probe", 1, "tcp"), "f:11: so");
        assert_eq!(line("watch", 0, "agree"), "f:2: so");
        assert_eq!(line("alert", 0, "name"), "f: so");
    }
}
