//! Where the words go: people's output and JSON to standard output, progress and errors to standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Global, When};

/// What a command ends with: 0 clean or done, 1 the answer is no, 2 could not look (as every error does).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Clean, or done.
    Yes,
    /// Findings, or a refused or rolled-back release.
    No,
    /// Something could not be looked at; what was done about it has been said.
    CouldNotLook,
}

impl From<bool> for Exit {
    fn from(good: bool) -> Exit {
        if good { Exit::Yes } else { Exit::No }
    }
}

/// How this run speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON document instead of text.
    pub(crate) json: bool,
    /// Colour on standard output.
    pub(crate) colour: bool,
    /// Progress on standard error: only on a terminal.
    pub(crate) progress: bool,
}

impl Output {
    /// Follows the flags, the terminal and NO_COLOR.
    pub(crate) fn new(global: &Global) -> Output {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let colour = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => wanted && std::io::stdout().is_terminal(),
        };
        Output {
            json: global.json,
            colour: colour && !global.json,
            progress: std::io::stderr().is_terminal(),
        }
    }

    /// Prints text for people, or the JSON document.
    pub(crate) fn print(self, text: impl FnOnce() -> String, json: impl FnOnce() -> serde_json::Value) {
        let text = if self.json { json().to_string() } else { text() };
        put(&text);
    }

    /// A line of progress, in the place of the line before.
    pub(crate) fn progress(self) -> Progress {
        if !self.progress {
            return Progress(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(Some(bar))
    }

    /// `text` in the colour that `good` deserves.
    pub(crate) fn verdict(self, good: bool, text: &str) -> String {
        match (self.colour, good) {
            (false, _) => text.to_owned(),
            (true, true) => format!("\x1b[32m{text}\x1b[0m"),
            (true, false) => format!("\x1b[31m{text}\x1b[0m"),
        }
    }
}

/// Prints one text to standard output, with a line end. A reader that went away is no error of ours.
pub(crate) fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
}

/// Prints to standard error. A reader that went away is no error of ours.
pub(crate) fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The line of progress; gone when dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Says what is being done now.
    pub(crate) fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(text.to_owned());
        }
    }
}

impl Progress {
    /// Prints something else while the line of progress is out of the way.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Rows under a heading, columns as wide as their widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_lines_its_columns_up() {
        let rows = [vec!["a".to_owned(), "bb".into()], vec!["ccc".into(), "d".into()]];
        assert_eq!(super::table(&rows), "a    bb\nccc  d\n");
    }
}
