//! What the caller has found out about files. This crate opens none: it says what it wants to know, and the caller
//! asks the file system, an archive or nobody.

use std::collections::HashMap;
use std::sync::Arc;

use evenkeel_syntax::Tree;

use crate::parsed::ParsedFile;

/// An absolute path as nginx on the host would see it, in bytes.
pub type Path = Vec<u8>;

/// What is known of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A file and what it holds.
    Bytes(Arc<[u8]>),
    /// A directory and the names in it (in any order, without `.` and `..`).
    Directory(Vec<Vec<u8>>),
    /// Something is there.
    Present,
    /// Nothing is there.
    Absent,
    /// Something is there that cannot be read, and why.
    Unreadable(String),
    /// Nobody can know here: the host may have it or not.
    Unknown,
}

/// What must be known of a path to go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Want {
    /// What the file holds.
    Bytes(Path),
    /// The names in a directory.
    Directory(Path),
    /// Whether anything is there.
    Presence(Path),
}

/// All that is wanted before the tree can be understood.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("know {} paths", .0.len())]
pub struct Wants(pub Vec<Want>);

/// The answers so far. Files are parsed once, when their bytes are supplied.
#[derive(Debug, Default)]
pub struct Files {
    pub(crate) contents: HashMap<Path, Content>,
    pub(crate) directories: HashMap<Path, Listing>,
    pub(crate) presence: HashMap<Path, Presence>,
}

/// What is known of a configuration file.
#[derive(Debug)]
pub(crate) enum Content {
    Parsed(Arc<ParsedFile>),
    TooLarge(usize),
    IsDirectory,
    Absent,
    Unreadable(String),
    Unknown,
}

/// What is known of a directory.
#[derive(Debug)]
pub(crate) enum Listing {
    /// The names, sorted by their bytes.
    Names(Vec<Vec<u8>>),
    NotOne,
    Unknown,
}

/// Whether something lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Something is there.
    Present,
    /// A directory is there.
    Directory,
    /// Nothing is there.
    Absent,
    /// Nobody can know here.
    Unknown,
}

impl Files {
    /// The largest configuration file that is read.
    pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

    /// No answers yet.
    pub fn new() -> Files {
        Files::default()
    }

    /// Takes the answer to a want. A later answer to the same want takes the place of the earlier one.
    pub fn supply(&mut self, want: Want, answer: Answer) {
        match want {
            Want::Bytes(path) => {
                self.contents.insert(path, content(answer));
            }
            Want::Directory(path) => {
                self.directories.insert(path, listing(answer));
            }
            Want::Presence(path) => {
                self.presence.insert(path, presence(&answer));
            }
        }
    }
}

fn content(answer: Answer) -> Content {
    match answer {
        Answer::Bytes(bytes) if bytes.len() > Files::FILE_BYTES_MAX => Content::TooLarge(bytes.len()),
        Answer::Bytes(bytes) => Content::Parsed(Arc::new(ParsedFile::new(Tree::parse(bytes.to_vec())))),
        Answer::Directory(_) => Content::IsDirectory,
        Answer::Present | Answer::Unknown => Content::Unknown,
        Answer::Absent => Content::Absent,
        Answer::Unreadable(why) => Content::Unreadable(why),
    }
}

fn listing(answer: Answer) -> Listing {
    match answer {
        Answer::Directory(mut names) => {
            names.sort_unstable();
            Listing::Names(names)
        }
        Answer::Bytes(_) | Answer::Absent | Answer::Unreadable(_) => Listing::NotOne,
        Answer::Present | Answer::Unknown => Listing::Unknown,
    }
}

fn presence(answer: &Answer) -> Presence {
    match answer {
        Answer::Bytes(_) | Answer::Present | Answer::Unreadable(_) => Presence::Present,
        Answer::Directory(_) => Presence::Directory,
        Answer::Absent => Presence::Absent,
        Answer::Unknown => Presence::Unknown,
    }
}
