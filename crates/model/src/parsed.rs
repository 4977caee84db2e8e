//! One file, parsed and laid flat: its directives in the order of the text, their names looked up, their values
//! unescaped, once for all the places that include it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, LazyLock};

use evenkeel_syntax::{Block, Directive, DirectiveId, Tree};

use crate::{catalog, opened};

/// How deep blocks may nest in one file.
pub(crate) const NEST_DEPTH_MAX: usize = 256;

/// The id of a name: its index in the catalogue, or [`Symbol::UNKNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(pub(crate) u16);

impl Symbol {
    pub(crate) const UNKNOWN: Symbol = Symbol(u16::MAX);

    pub(crate) fn of(name: &[u8]) -> Symbol {
        SYMBOLS.get(name).copied().unwrap_or(Symbol::UNKNOWN)
    }
}

static SYMBOLS: LazyLock<HashMap<&'static [u8], Symbol, BuildHasherDefault<Fnv>>> = LazyLock::new(|| {
    let names = catalog::names().iter().enumerate();
    names
        .map(|(i, name)| (name.as_bytes(), Symbol(u16::try_from(i).expect("fewer than 65,536 names"))))
        .collect()
});

/// Whether a name asks for a path, by symbol.
static ASKING: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let asks = |name: &&str| *name == "include" || opened::need(name.as_bytes()).is_some();
    catalog::names().iter().map(asks).collect()
});

/// FNV-1a: short names, no adversary who gains by collisions in a static table.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// A directive of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) id: DirectiveId,
    /// One past the last line of its block, or of itself.
    pub(crate) end: u32,
    /// Its name in `values`; its arguments follow, up to the next line's name.
    first: u32,
    /// The line that nginx reports.
    pub(crate) number: u32,
    pub(crate) symbol: Symbol,
    pub(crate) block: bool,
}

/// A file's tree and what was read out of it once.
#[derive(Debug)]
pub(crate) struct ParsedFile {
    pub(crate) tree: Arc<Tree>,
    pub(crate) lines: Vec<Line>,
    /// Ranges of the file's bytes; from the file's length on, of `unescaped`.
    values: Vec<(u32, u32)>,
    unescaped: Vec<u8>,
    /// The lines that ask for a path: includes, and what `opened` knows.
    pub(crate) asks: Vec<u32>,
    /// A directive that was left out because it nests too deep.
    pub(crate) too_deep: Option<DirectiveId>,
}

impl ParsedFile {
    pub(crate) fn new(tree: Tree) -> ParsedFile {
        let tree = Arc::new(tree);
        let mut parsed = ParsedFile {
            tree: tree.clone(),
            lines: Vec::with_capacity(tree.directive_count()),
            values: Vec::with_capacity(tree.directive_count() * 2),
            unescaped: Vec::new(),
            asks: Vec::new(),
            too_deep: None,
        };
        parsed.block(tree.root(), 0);
        parsed
    }

    fn block(&mut self, block: Block<'_>, depth: usize) {
        for directive in block.directives() {
            let index = self.lines.len();
            self.directive(directive);
            if let Some(inner) = directive.block() {
                if depth < NEST_DEPTH_MAX {
                    self.block(inner, depth + 1);
                } else {
                    self.too_deep = self.too_deep.or(Some(directive.id()));
                }
            }
            self.lines[index].end = index_u32(self.lines.len());
        }
    }

    fn directive(&mut self, directive: Directive<'_>) {
        let first = index_u32(self.values.len());
        let name = directive.name();
        let symbol = Symbol::of(&name);
        self.value(&name, directive.name_range().start);
        for arg in directive.args() {
            let start = arg.range().start + usize::from(arg.quoted().is_some());
            self.value(&arg.value(), start);
        }
        if ASKING.get(usize::from(symbol.0)).is_some_and(|asks| *asks) {
            self.asks.push(index_u32(self.lines.len()));
        }
        let block = directive.block().is_some() || directive.lua_body().is_some();
        let (id, number) = (directive.id(), directive.line());
        self.lines.push(Line { id, end: 0, first, number, symbol, block });
    }

    /// `start` is where the value begins in the file when it stands there as it is.
    fn value(&mut self, value: &[u8], start: usize) {
        let length = value.len();
        let start = match self.tree.bytes().get(start..start + length) {
            Some(there) if there == value => start,
            _ => {
                let start = self.tree.bytes().len() + self.unescaped.len();
                self.unescaped.extend_from_slice(value);
                start
            }
        };
        self.values.push((index_u32(start), index_u32(length)));
    }

    /// The name of a line, then its arguments.
    pub(crate) fn values(&self, line: u32) -> &[(u32, u32)] {
        let line = line as usize;
        let end = self.lines.get(line + 1).map_or(self.values.len(), |next| next.first as usize);
        &self.values[self.lines[line].first as usize..end]
    }

    pub(crate) fn bytes(&self, (start, length): (u32, u32)) -> &[u8] {
        let (start, length) = (start as usize, length as usize);
        let file = self.tree.bytes();
        let (source, start) = if start >= file.len() && length > 0 {
            (&self.unescaped[..], start - file.len())
        } else {
            (file, start.min(file.len()))
        };
        &source[start..start + length]
    }
}

/// Sizes are bounded far below `u32::MAX` by the limit on a file's bytes.
pub(crate) fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("a file is at most 64 MiB")
}
