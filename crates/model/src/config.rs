//! A configuration as nginx reads it: one arena of nodes, with every include in its place.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use evenkeel_syntax::{Directive, Tree};

use crate::catalog;
use crate::context::Context;
use crate::files::{Path, Presence};
use crate::index::Index;
use crate::lower::Lowered;
use crate::parsed::{Line, ParsedFile, Symbol};
use crate::problem::Problem;
use crate::settings::Settings;

/// A file of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub(crate) u32);

impl FileId {
    /// The place in [`Config::files`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A directive in its place. The order is that in which nginx reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The place in the arena, from 0 (the root).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A file that nginx reads.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it lies on the host.
    pub path: Path,
    /// How to name it to people: relative to the tree's root when it lies inside, else absolute.
    pub display: String,
    /// Its text.
    pub tree: Arc<Tree>,
    pub(crate) parsed: Arc<ParsedFile>,
}

/// An `include` and what it brought in.
#[derive(Debug, Clone)]
pub struct Include {
    /// The directive.
    pub node: NodeId,
    /// The absolute path or pattern.
    pub pattern: Path,
    /// Whether it is a pattern.
    pub glob: bool,
    /// The files, in the order in which nginx reads them.
    pub matched: Vec<FileId>,
    /// Whether it is known what the pattern or path leads to; when not, the configuration has a hole here.
    pub known: bool,
    pub(crate) nodes: Range<u32>,
    /// The include that brought this one in.
    pub(crate) outer: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeData {
    pub(crate) line: u32,
    pub(crate) file: FileId,
    pub(crate) parent: u32,
    pub(crate) end: u32,
    pub(crate) context: Context,
    /// Whether braces follow it.
    pub(crate) block: bool,
    /// Its name.
    pub(crate) symbol: Symbol,
}

/// A configuration.
#[derive(Debug)]
pub struct Config {
    pub(crate) settings: Settings,
    pub(crate) files: Vec<SourceFile>,
    pub(crate) nodes: Vec<NodeData>,
    pub(crate) includes: Vec<Include>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) presence: HashMap<Path, Presence>,
    pub(crate) lowered: Lowered,
    /// Made when somebody first asks for directives by name.
    pub(crate) index: OnceLock<Index>,
}

impl Config {
    /// The files that nginx reads, the main file first, each once.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// A file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// The id of a file, by its path on the host.
    pub fn file_at(&self, path: &[u8]) -> Option<FileId> {
        let index = self.files.iter().position(|file| file.path == path)?;
        Some(FileId(u32::try_from(index).expect("files are counted in u32")))
    }

    /// The block that holds everything. It is no directive: it has no name and no text.
    pub fn root(&self) -> Node<'_> {
        self.node(NodeId(0))
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { config: self, id }
    }

    /// All directives in the order in which nginx reads them, those of raw blocks (`map`, `types`, …) too.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> + Clone {
        let count = u32::try_from(self.nodes.len()).expect("nodes are counted in u32");
        (1..count).map(|id| self.node(NodeId(id)))
    }

    /// How many directives nginx reads; a file that is included twice counts twice.
    pub fn directive_count(&self) -> usize {
        self.nodes.len() - 1
    }

    /// What was wrong while loading: syntax, includes. [`crate::validate`] repeats them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Every `include`, in the order in which nginx reads them.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// Whether everything that nginx reads is here. When an include leads to a place that nobody knows, it is not.
    pub fn is_complete(&self) -> bool {
        self.includes.iter().all(|include| include.known)
    }

    /// What was asked about the tree.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether something lies at an absolute path, as far as the caller has said.
    pub fn presence(&self, path: &[u8]) -> Presence {
        self.presence.get(path).copied().unwrap_or(Presence::Unknown)
    }

    /// The `include` that brought a node in; `None` for a node of the main file.
    pub fn included_by(&self, node: NodeId) -> Option<&Include> {
        let after = self.includes.partition_point(|include| include.nodes.start <= node.0);
        let last = self.includes[..after].last();
        let outward = |include: &&Include| include.outer.map(|index| &self.includes[index as usize]);
        std::iter::successors(last, outward).find(|include| include.nodes.contains(&node.0))
    }
}

/// A directive in its place.
#[derive(Clone, Copy)]
pub struct Node<'c> {
    config: &'c Config,
    id: NodeId,
}

impl<'c> Node<'c> {
    /// Its id.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The configuration that it is a part of.
    pub fn config(self) -> &'c Config {
        self.config
    }

    /// Its name; empty for the root, `"?"` when it is no UTF-8.
    pub fn name(self) -> &'c str {
        match catalog::names().get(usize::from(self.symbol().0)) {
            Some(name) => name,
            None => std::str::from_utf8(self.name_bytes()).unwrap_or("?"),
        }
    }

    /// Its name as it stands, unescaped.
    pub fn name_bytes(self) -> &'c [u8] {
        self.value(0).unwrap_or(b"")
    }

    /// Its arguments, unescaped as nginx does it.
    pub fn args(self) -> Args<'c> {
        let values = if self.is_root() { &[] } else { &self.parsed().values(self.data().line)[1..] };
        Args { parsed: self.parsed(), values }
    }

    /// An argument (from 0), unescaped.
    pub fn arg(self, index: usize) -> Option<&'c [u8]> {
        self.value(index + 1)
    }

    /// An argument as text; `None` when there is none or it is no UTF-8.
    pub fn arg_str(self, index: usize) -> Option<&'c str> {
        std::str::from_utf8(self.arg(index)?).ok()
    }

    /// The directives of its block, with those of included files in their place; the `include` itself stays.
    pub fn children(self) -> impl Iterator<Item = Node<'c>> + Clone {
        let Node { config, id } = self;
        let end = self.data().end;
        let first = (id.0 + 1 < end).then_some(id.0 + 1);
        let next = move |&at: &u32| {
            let after = config.nodes[at as usize].end;
            (after < end).then_some(after)
        };
        std::iter::successors(first, next).map(move |at| config.node(NodeId(at)))
    }

    /// The directives of its block with this name.
    pub fn find<'n>(self, name: &'n str) -> impl Iterator<Item = Node<'c>> + use<'c, 'n> {
        let symbol = Symbol::of(name.as_bytes());
        self.children().filter(move |child| match symbol {
            Symbol::UNKNOWN => child.name_bytes() == name.as_bytes(),
            known => child.symbol() == known,
        })
    }

    /// Everything inside it, at any depth.
    pub fn descendants(self) -> impl Iterator<Item = Node<'c>> + Clone {
        let Node { config, id } = self;
        (id.0 + 1..self.data().end).map(move |at| config.node(NodeId(at)))
    }

    /// The block that it stands in; `None` for the root.
    pub fn parent(self) -> Option<Node<'c>> {
        (!self.is_root()).then(|| self.config.node(NodeId(self.data().parent)))
    }

    /// The blocks around it, the nearest first, the root last.
    pub fn ancestors(self) -> impl Iterator<Item = Node<'c>> {
        std::iter::successors(self.parent(), |node| node.parent())
    }

    /// Whether it is the root, which is no directive.
    pub fn is_root(self) -> bool {
        self.id.0 == 0
    }

    /// Whether it has this name.
    pub fn is(self, name: &str) -> bool {
        match catalog::names().get(usize::from(self.symbol().0)) {
            Some(own) => *own == name,
            None => self.name_bytes() == name.as_bytes(),
        }
    }

    /// Whether braces follow it, even empty ones.
    pub fn is_block(self) -> bool {
        self.data().block
    }

    /// Where it stands.
    pub fn context(self) -> Context {
        self.data().context
    }

    /// The file that it stands in.
    pub fn file(self) -> FileId {
        self.data().file
    }

    /// The file that it stands in.
    pub fn source(self) -> &'c SourceFile {
        self.config.file(self.file())
    }

    /// The line that nginx reports for it: that of its semicolon or opening brace.
    pub fn line(self) -> u32 {
        if self.is_root() { 1 } else { self.line_data().number }
    }

    /// Line and column of its name, from 1.
    pub fn position(self) -> (u32, u32) {
        self.source().tree.line_column(self.name_span().start)
    }

    /// Its bytes in its file, the block included.
    pub fn span(self) -> Range<usize> {
        self.directive().map_or(0..0, |directive| directive.range())
    }

    /// The bytes of its name.
    pub fn name_span(self) -> Range<usize> {
        self.directive().map_or(0..0, |directive| directive.name_range())
    }

    /// The bytes of an argument (from 0), with its quotes.
    pub fn arg_span(self, index: usize) -> Option<Range<usize>> {
        Some(self.directive()?.args().nth(index)?.range())
    }

    /// Its text; `None` for the root.
    pub fn directive(self) -> Option<Directive<'c>> {
        (!self.is_root()).then(|| self.source().tree.directive(self.line_data().id))
    }

    pub(crate) fn symbol(self) -> Symbol {
        self.data().symbol
    }

    pub(crate) fn data(self) -> &'c NodeData {
        &self.config.nodes[self.id.index()]
    }

    pub(crate) fn line_data(self) -> &'c Line {
        &self.parsed().lines[self.data().line as usize]
    }

    fn parsed(self) -> &'c ParsedFile {
        &self.config.files[self.data().file.index()].parsed
    }

    fn value(self, index: usize) -> Option<&'c [u8]> {
        if self.is_root() {
            return None;
        }
        let parsed = self.parsed();
        parsed.values(self.data().line).get(index).map(|&value| parsed.bytes(value))
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.config, other.config)
    }
}

impl Eq for Node<'_> {}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.source().display, self.line(), self.name())?;
        self.args().try_for_each(|arg| write!(f, " {}", String::from_utf8_lossy(arg)))
    }
}

/// The arguments of a directive.
#[derive(Debug, Clone)]
pub struct Args<'c> {
    parsed: &'c ParsedFile,
    values: &'c [(u32, u32)],
}

impl<'c> Iterator for Args<'c> {
    type Item = &'c [u8];

    fn next(&mut self) -> Option<&'c [u8]> {
        let (first, rest) = self.values.split_first()?;
        self.values = rest;
        Some(self.parsed.bytes(*first))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.values.len(), Some(self.values.len()))
    }
}

impl DoubleEndedIterator for Args<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let (last, rest) = self.values.split_last()?;
        self.values = rest;
        Some(self.parsed.bytes(*last))
    }
}

impl ExactSizeIterator for Args<'_> {}
