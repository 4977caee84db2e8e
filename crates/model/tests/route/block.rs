//! A configuration as a value that can be printed, and made smaller.

use std::fmt::Write as _;

/// A line, or a block of them.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Line(String),
    Block(Block),
}

/// A block: what stands before the brace, and what is inside.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) head: String,
    pub(crate) body: Vec<Item>,
}

/// What every configuration has, because the test stands on it.
pub(crate) const FIXED: &[&str] = &[
    "daemon off",
    "master_process off",
    "pid nginx.pid",
    "error_log stderr",
    "formats.conf",
    "_temp_path",
    "lingering_close",
    "keepalive_timeout",
    "_buffer_size",
    "_buffers",
];

impl Block {
    pub(crate) fn new(head: impl Into<String>) -> Block {
        Block { head: head.into(), body: Vec::new() }
    }

    pub(crate) fn line(&mut self, line: impl Into<String>) {
        self.body.push(Item::Line(line.into()));
    }

    pub(crate) fn block(&mut self, block: Block) {
        self.body.push(Item::Block(block));
    }

    /// The text of its inside, one directive a line. Every block in which a request can end logs the number of its line,
    /// by a directive on that very line.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = 0;
        print(&self.body, 0, &mut line, &mut text);
        text
    }

    /// How many items it holds, at any depth.
    pub(crate) fn count(&self) -> usize {
        let inside = |item: &Item| match item {
            Item::Line(_) => 1,
            Item::Block(block) => 1 + block.count(),
        };
        self.body.iter().map(inside).sum()
    }

    /// A measure of how large it is.
    pub(crate) fn size(&self) -> usize {
        self.text().len()
    }

    /// Smaller ones: without its item `at`, counted in the order in which they are printed; with what is inside that item
    /// in its place; and without single words of it. None where it must stay.
    pub(crate) fn smaller(&self, at: usize) -> Vec<Block> {
        let mut all = Vec::new();
        for way in 0.. {
            let mut smaller = self.clone();
            match shrink(&mut smaller.body, &mut { at }, way) {
                Some(true) => all.push(smaller),
                Some(false) => {}
                None => break,
            }
        }
        all
    }
}

/// Shrinks the item so far to the right in one of several ways; `None`: there are no more ways; `Some(false)`: not this way.
fn shrink(body: &mut Vec<Item>, left: &mut usize, way: usize) -> Option<bool> {
    for index in 0..body.len() {
        if *left > 0 {
            *left -= 1;
            if let Item::Block(block) = &mut body[index] {
                let before = *left;
                let inside: usize = block.count();
                if before < inside {
                    return shrink(&mut block.body, left, way);
                }
                *left -= inside;
            }
            continue;
        }
        return match (&mut body[index], way) {
            (Item::Line(line), _) if FIXED.iter().any(|word| line.contains(word)) => None,
            (_, 0) => {
                body.remove(index);
                Some(true)
            }
            (Item::Block(block), 1) if block.head.starts_with("location") || block.head.starts_with("if") => {
                let inside = std::mem::take(&mut block.body);
                body.splice(index..=index, inside);
                Some(true)
            }
            (Item::Block(_), _) => None,
            (Item::Line(line), way) => {
                let mut words: Vec<&str> = line.trim_end_matches(';').split(' ').collect();
                if way >= words.len() || words.len() < 3 || line.contains('"') {
                    return None;
                }
                words.remove(way);
                *line = format!("{};", words.join(" "));
                Some(true)
            }
        };
    }
    None
}

fn print(body: &[Item], depth: usize, line: &mut usize, text: &mut String) {
    let indent = "    ".repeat(depth);
    for item in body {
        *line += 1;
        match item {
            Item::Line(directive) => writeln!(text, "{indent}{directive}").unwrap(),
            Item::Block(block) => {
                let head = &block.head;
                let word = head.split(' ').next().unwrap_or_default();
                let tag = match word {
                    "server" | "location" | "limit_except" => format!(" access_log access.log T{line};"),
                    _ => String::new(),
                };
                writeln!(text, "{indent}{head} {{{tag}").unwrap();
                print(&block.body, depth + 1, line, text);
                *line += 1;
                writeln!(text, "{indent}}}").unwrap();
            }
        }
    }
}
