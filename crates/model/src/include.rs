//! From files to one configuration: which files nginx reads, in which order, and where their directives stand.
//! First every file is found and parsed once (`wants`), then the nodes are laid out once.
//!
//! Source: `ngx_conf_include` and `ngx_conf_parse`, src/core/ngx_conf_file.c

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use evenkeel_syntax::Tree;

use crate::config::{Config, FileId, Include, NodeData, NodeId, SourceFile};
use crate::context::Context;
use crate::files::{Content, Files, Path, Wants};
use crate::glob;
use crate::lower::Lowered;
use crate::parsed::{Line, ParsedFile, Symbol, index_u32};
use crate::problem::Problem;
use crate::settings::{Settings, tidy};
use crate::wants;

/// How deep includes may nest. nginx has no limit of its own: it runs out of file descriptors or of stack.
pub(crate) const INCLUDE_DEPTH_MAX: usize = 256;
/// How many files are read.
pub(crate) const FILES_MAX: usize = 200_000;
/// How many directives a configuration may have with all includes in place.
pub(crate) const NODES_MAX: usize = 20_000_000;

/// Lays out the configuration of `settings.main`.
///
/// # Errors
/// [`Wants`] when more must be known of some paths; supply the answers and call again. A file that is missing or
/// unreadable is no error here but a [`Problem`] of the configuration.
pub fn load(settings: &Settings, files: &mut Files) -> Result<Config, Wants> {
    let missing = wants::find(settings, files);
    if !missing.is_empty() {
        return Err(Wants(missing));
    }
    let mut splice = Splice::new(settings, files);
    splice.main();
    let mut config = splice.config;
    config.lowered = Lowered::of(&config);
    Ok(config)
}

struct Splice<'a> {
    files: &'a Files,
    config: Config,
    ids: HashMap<Path, FileId>,
    /// The files that are being read, outermost first.
    open: Vec<FileId>,
    /// The include that is being read, for `Include::outer`.
    outer: Option<u32>,
    full: bool,
}

/// What holds everything.
const ROOT: NodeData = NodeData {
    line: 0,
    file: FileId(0),
    parent: 0,
    end: 1,
    context: Context::Main,
    block: true,
    symbol: Symbol::UNKNOWN,
};

/// Where a file's directives go.
#[derive(Clone, Copy)]
struct Place {
    parent: u32,
    context: Context,
}

impl<'a> Splice<'a> {
    fn new(settings: &Settings, files: &'a Files) -> Splice<'a> {
        let config = Config {
            settings: settings.clone(),
            files: Vec::new(),
            nodes: vec![ROOT],
            includes: Vec::new(),
            problems: Vec::new(),
            presence: files.presence.clone(),
            lowered: Lowered::default(),
            index: OnceLock::new(),
        };
        Splice { files, config, ids: HashMap::new(), open: Vec::new(), outer: None, full: false }
    }

    fn main(&mut self) {
        let path = tidy(&self.config.settings.main);
        match self.file(&path) {
            Ok(id) => self.read(id, Place { parent: 0, context: Context::Main }),
            Err(refusal) => {
                let empty = Arc::new(ParsedFile::new(Tree::parse(Vec::new())));
                let file = self.add(&path, empty);
                let (code, message) = refusal.unwrap_or_else(|| {
                    ("unknown-file", format!("nothing is known of {}", String::from_utf8_lossy(&path)))
                });
                let related = Vec::new();
                self.config.problems.push(Problem {
                    code,
                    message,
                    file,
                    line: 1,
                    column: 1,
                    span: 0..0,
                    related,
                });
            }
        }
        self.config.nodes[0].end = index_u32(self.config.nodes.len());
    }

    /// The id of a file that can be read, or why it cannot (`None`: nobody knows what it holds).
    fn file(&mut self, path: &[u8]) -> Result<FileId, Option<(&'static str, String)>> {
        if let Some(&id) = self.ids.get(path) {
            return Ok(id);
        }
        let shown = String::from_utf8_lossy(path);
        let refusal = match self.files.contents.get(path) {
            Some(Content::Parsed(parsed)) => return Ok(self.add(path, parsed.clone())),
            Some(Content::Absent) => {
                ("missing-file", format!("open() \"{shown}\" failed (2: No such file or directory)"))
            }
            Some(Content::IsDirectory) => {
                ("include-of-directory", format!("read() \"{shown}\" failed (21: Is a directory)"))
            }
            Some(Content::Unreadable(why)) => {
                ("unreadable-file", format!("open() \"{shown}\" failed ({why})"))
            }
            Some(Content::TooLarge(bytes)) => {
                let most = Files::FILE_BYTES_MAX;
                ("file-too-large", format!("\"{shown}\" has {bytes} bytes; no more than {most} are read"))
            }
            Some(Content::Unknown) | None => return Err(None),
        };
        Err(Some(refusal))
    }

    fn add(&mut self, path: &[u8], parsed: Arc<ParsedFile>) -> FileId {
        let id = FileId(index_u32(self.config.files.len()));
        let root = &self.config.settings.conf_prefix;
        let inside = path.strip_prefix(&root[..]).and_then(|rest| rest.strip_prefix(b"/"));
        let display = String::from_utf8_lossy(inside.unwrap_or(path)).into_owned();
        let tree = parsed.tree.clone();
        for error in tree.errors() {
            let (line, span) = (error.line, error.range.clone());
            let (_, column) = tree.line_column(span.start);
            let (code, message, related) = ("syntax-error", error.to_string(), Vec::new());
            self.config.problems.push(Problem { code, message, file: id, line, column, span, related });
        }
        if let Some(deep) = parsed.too_deep {
            let directive = tree.directive(deep);
            let (line, span) = (directive.line(), directive.name_range());
            let (_, column) = tree.line_column(span.start);
            let (code, message) = ("nested-too-deeply", String::from("blocks nest too deeply to be read"));
            self.config.problems.push(Problem {
                code,
                message,
                file: id,
                line,
                column,
                span,
                related: Vec::new(),
            });
        }
        self.config.files.push(SourceFile { path: path.to_vec(), display, tree, parsed });
        self.ids.insert(path.to_vec(), id);
        id
    }

    /// Lays a file's directives out at the end of the arena.
    fn read(&mut self, file: FileId, place: Place) {
        self.open.push(file);
        let parsed = self.config.files[file.index()].parsed.clone();
        let mut blocks: Vec<(u32, Place)> = Vec::new();
        for (index, line) in parsed.lines.iter().enumerate() {
            let index = index_u32(index);
            while let Some((_, closed)) = blocks.pop_if(|(end, _)| *end <= index) {
                self.close(closed.parent);
            }
            let Place { parent, context } = blocks.last().map_or(place, |(_, inner)| *inner);
            if self.config.nodes.len() >= NODES_MAX {
                self.full = true;
            }
            if self.full {
                break;
            }
            let node = index_u32(self.config.nodes.len());
            self.config.nodes.push(NodeData {
                line: index,
                file,
                parent,
                end: node + 1,
                context,
                block: line.block,
                symbol: line.symbol,
            });
            if line.end > index + 1 {
                blocks.push((line.end, Place { parent: node, context: inside(&parsed, index, context) }));
            } else if context.includes() {
                self.maybe_include(&parsed, (index, line), Place { parent, context }, NodeId(node));
            }
        }
        while let Some((_, closed)) = blocks.pop() {
            self.close(closed.parent);
        }
        self.open.pop();
    }

    fn close(&mut self, node: u32) {
        self.config.nodes[node as usize].end = index_u32(self.config.nodes.len());
    }

    fn maybe_include(&mut self, parsed: &ParsedFile, (at, line): (u32, &Line), place: Place, node: NodeId) {
        let [name, value] = parsed.values(at) else { return };
        if line.block || parsed.bytes(*name) != b"include" {
            return;
        }
        let pattern = self.config.settings.in_conf_prefix(parsed.bytes(*value));
        let glob = glob::is_pattern(&pattern);
        let index = self.config.includes.len();
        let start = node.0 + 1;
        let (matched, outer) = (Vec::new(), self.outer);
        let nodes = start..start;
        self.config.includes.push(Include {
            node,
            pattern: pattern.clone(),
            glob,
            matched,
            known: true,
            nodes,
            outer,
        });
        let paths = if glob {
            let expansion = glob::expand(&pattern, |directory| wants::names(self.files, directory));
            self.config.includes[index].known = expansion.known;
            expansion.paths
        } else {
            vec![pattern]
        };
        self.outer = Some(index_u32(index));
        for path in paths {
            self.include(&path, index, place, node);
        }
        self.outer = outer;
        self.config.includes[index].nodes.end = index_u32(self.config.nodes.len());
    }

    fn include(&mut self, path: &[u8], index: usize, place: Place, node: NodeId) {
        let file = match self.file(path) {
            Ok(file) => file,
            Err(Some((code, message))) => return self.refuse(node, code, message),
            Err(None) => {
                self.config.includes[index].known = false;
                return;
            }
        };
        self.config.includes[index].matched.push(file);
        if self.open.contains(&file) {
            let text = "the file includes itself: nginx would read it until it runs out of file descriptors or stack";
            self.refuse(node, "include-cycle", String::from(text));
        } else if self.open.len() >= INCLUDE_DEPTH_MAX {
            self.refuse(node, "include-too-deep", format!("includes nest deeper than {INCLUDE_DEPTH_MAX}"));
        } else if !self.full {
            self.read(file, place);
            if self.full && self.config.problems.iter().all(|problem| problem.code != "too-many-directives") {
                self.refuse(
                    node,
                    "too-many-directives",
                    format!("more than {NODES_MAX} directives with all includes"),
                );
            }
        }
    }

    fn refuse(&mut self, node: NodeId, code: &'static str, message: String) {
        let problem = Problem::arg(self.config.node(node), 0, code, message);
        if !self.config.problems.contains(&problem) {
            self.config.problems.push(problem);
        }
    }
}

fn inside(parsed: &ParsedFile, line: u32, context: Context) -> Context {
    let name = parsed.bytes(parsed.values(line)[0]);
    std::str::from_utf8(name).map_or(Context::Unknown, |name| context.inside(name))
}
