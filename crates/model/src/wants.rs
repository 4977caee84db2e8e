//! Which paths must be known before a configuration can be laid out.

use std::collections::HashSet;

use crate::files::{Content, Files, Listing, Path, Want};
use crate::glob::{self, Names};
use crate::include::FILES_MAX;
use crate::opened;
use crate::parsed::ParsedFile;
use crate::settings::{Settings, tidy};

/// What is missing, each once, in the order in which it came up.
pub(crate) fn find(settings: &Settings, files: &Files) -> Vec<Want> {
    let mut search =
        Search { settings, files, seen: HashSet::new(), wants: Vec::new(), asked: HashSet::new() };
    let mut queue = vec![tidy(&settings.main)];
    while let Some(path) = queue.pop() {
        search.file(path, &mut queue);
    }
    search.wants
}

struct Search<'a> {
    settings: &'a Settings,
    files: &'a Files,
    seen: HashSet<Path>,
    wants: Vec<Want>,
    asked: HashSet<Want>,
}

impl Search<'_> {
    fn file(&mut self, path: Path, queue: &mut Vec<Path>) {
        if self.seen.len() >= FILES_MAX || !self.seen.insert(path.clone()) {
            return;
        }
        match self.files.contents.get(&path) {
            None => self.want(Want::Bytes(path)),
            Some(Content::Parsed(parsed)) => self.lines(parsed, queue),
            Some(_) => {}
        }
    }

    fn lines(&mut self, parsed: &ParsedFile, queue: &mut Vec<Path>) {
        for &line in &parsed.asks {
            let [name, value, ..] = parsed.values(line) else { continue };
            let (name, value) = (parsed.bytes(*name), parsed.bytes(*value));
            if name == b"include" {
                self.include(value, queue);
            } else if let Some(need) = opened::need(name)
                && let Some(path) = opened::needed_path(self.settings, need, value)
                && !self.files.presence.contains_key(&path)
            {
                self.want(Want::Presence(path));
            }
        }
    }

    fn include(&mut self, value: &[u8], queue: &mut Vec<Path>) {
        let pattern = self.settings.in_conf_prefix(value);
        if !glob::is_pattern(&pattern) {
            queue.push(pattern);
            return;
        }
        let expansion = glob::expand(&pattern, |directory| names(self.files, directory));
        queue.extend(expansion.paths);
        expansion.wanted.into_iter().for_each(|directory| self.want(Want::Directory(directory)));
    }

    fn want(&mut self, want: Want) {
        if self.asked.insert(want.clone()) {
            self.wants.push(want);
        }
    }
}

/// What the answers say of a directory.
pub(crate) fn names<'a>(files: &'a Files, directory: &[u8]) -> Names<'a> {
    match files.directories.get(directory) {
        None => Names::Wanted,
        Some(Listing::Names(names)) => Names::Known(names),
        Some(Listing::NotOne) => Names::Known(&[]),
        Some(Listing::Unknown) => Names::Unknown,
    }
}
