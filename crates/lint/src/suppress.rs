//! `# evenkeel:allow(rule) because …`: a finding that somebody has looked at and decided about.
//!
//! The comment stands on the lines before a directive, or at the end of its line. It holds for that
//! directive, for everything inside its block, and for what an `include` brings in. Without a reason
//! it holds for nothing, and is itself a finding.

use std::collections::HashMap;
use std::ops::Range;

use evenkeel_model::{Config, FileId, Node, NodeId};
use evenkeel_syntax::{Block, Directive, DirectiveId, Tree};

use crate::check::Draft;
use crate::rule::is_known;
use crate::rules::{allow_unknown_rule, allow_unused, allow_without_reason};
use crate::settings::Settings;

/// What a comment must hold to be read here.
const MARK: &str = "evenkeel:allow";

/// How many rules one comment may name.
const RULES_MAX: usize = 32;

/// The `evenkeel:allow` comments of a tree.
#[derive(Debug, Default)]
pub(crate) struct Allows {
    allows: Vec<Allow>,
    /// Which of them stand in a file.
    of_file: HashMap<FileId, Vec<usize>>,
    /// Which of them hold for a directive of a file.
    of_directive: HashMap<(FileId, DirectiveId), Vec<usize>>,
    /// Whether one of them holds for an `include`.
    of_include: bool,
    complaints: Vec<(&'static crate::rule::Rule, FileId, Range<usize>, String)>,
}

/// One rule that one comment names.
#[derive(Debug)]
struct Allow {
    rule: String,
    reason: String,
    file: FileId,
    /// The comment.
    comment: Range<usize>,
    /// The directive that it stands at, its block included.
    target: Range<usize>,
    used: bool,
}

/// What the text of a comment says.
#[derive(Debug, PartialEq, Eq)]
struct Words<'t> {
    rules: Vec<&'t str>,
    reason: Option<&'t str>,
}

impl Allows {
    /// Reads the comments of every file.
    pub(crate) fn of(config: &Config) -> Self {
        let mut allows = Self::default();
        for file in files(config) {
            // Most files have no such comment: one look at the bytes is all that they cost.
            let tree = &config.file(file).tree;
            if contains(tree.bytes(), MARK.as_bytes()) {
                allows.read(file, tree);
            }
        }
        allows
    }

    /// Divides what was found into what stands, and what was allowed with its reason.
    pub(crate) fn divide(
        &mut self,
        config: &Config,
        drafts: Vec<Draft>,
    ) -> (Vec<Draft>, Vec<(Draft, String)>) {
        if self.allows.is_empty() {
            return (drafts, Vec::new());
        }
        let (mut kept, mut allowed) = (Vec::new(), Vec::new());
        for draft in drafts {
            match self.allow_of(config, &draft) {
                Some(index) => {
                    self.allows[index].used = true;
                    allowed.push((draft, self.allows[index].reason.clone()));
                }
                None => kept.push(draft),
            }
        }
        (kept, allowed)
    }

    /// What is to be said of the comments themselves, once everything else was divided. A comment for a rule that was
    /// not asked this time is not unused.
    pub(crate) fn complaints(self, settings: &Settings, is_asked: impl Fn(&str) -> bool) -> Vec<Draft> {
        let unused = self.allows.iter().filter(|allow| !allow.used && is_asked(&allow.rule)).map(|allow| {
            let message = format!("`evenkeel:allow({})` has nothing to allow here", allow.rule);
            (&allow_unused::RULE, allow.file, allow.comment.clone(), message)
        });
        let complaints = self.complaints.iter().cloned().chain(unused);
        let drafts = complaints.filter_map(|(rule, file, span, message)| {
            Some(Draft {
                rule: rule.name,
                severity: settings.severity(rule.name, rule.severity)?,
                node: None,
                file,
                span,
                line: None,
                message,
                help: None,
                related: Vec::new(),
            })
        });
        drafts.collect()
    }

    fn read(&mut self, file: FileId, tree: &Tree) {
        for comment in tree.comments() {
            let text = String::from_utf8_lossy(comment.text());
            let Some(words) = words(&text) else { continue };
            let (span, target) = (comment.range(), target(tree, comment.range()));
            let Some(reason) = words.reason else {
                let message = "`evenkeel:allow` without a reason allows nothing".to_owned();
                self.complaints.push((&allow_without_reason::RULE, file, span, message));
                continue;
            };
            for rule in words.rules {
                if !is_known(rule) {
                    let message = format!("`evenkeel:allow` names {rule:?}, which is no rule");
                    self.complaints.push((&allow_unknown_rule::RULE, file, span.clone(), message));
                    continue;
                }
                let index = self.allows.len();
                self.of_file.entry(file).or_default().push(index);
                if let Some(target) = target {
                    self.of_include |= target.name().as_ref() == b"include";
                    self.of_directive.entry((file, target.id())).or_default().push(index);
                }
                self.allows.push(Allow {
                    rule: rule.to_owned(),
                    reason: reason.to_owned(),
                    file,
                    comment: span.clone(),
                    target: target.map_or(0..0, |target| target.range()),
                    used: false,
                });
            }
        }
    }

    fn allow_of(&self, config: &Config, draft: &Draft) -> Option<usize> {
        let of_file = self.of_file.get(&draft.file).map(Vec::as_slice).unwrap_or_default();
        let by_text = of_file.iter().copied().find(|&index| {
            let allow = &self.allows[index];
            allow.rule == draft.rule && allow.target.contains(&draft.span.start)
        });
        by_text.or_else(|| self.allow_around(config, draft.node?, draft.rule))
    }

    /// Looks at the blocks around a directive and at the includes that brought it in.
    fn allow_around(&self, config: &Config, node: NodeId, rule: &str) -> Option<usize> {
        let node = config.node(node);
        let at = |node: Node<'_>| {
            let at = self.of_directive.get(&(node.file(), node.directive()?.id()))?;
            at.iter().copied().find(|&index| self.allows[index].rule == rule)
        };
        let of_block = std::iter::once(node).chain(node.ancestors()).find_map(at);
        // Who brought a node in is a long search in a tree of many includes: only where one of them is allowed something.
        of_block.or_else(|| if self.of_include { includes_of(config, node.id()).find_map(at) } else { None })
    }
}

/// Every file, once.
fn files(config: &Config) -> Vec<FileId> {
    let included = config.includes().iter().flat_map(|include| include.matched.iter().copied());
    let mut files: Vec<FileId> = std::iter::once(config.root().file()).chain(included).collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// The `include` directives that brought a node in, the nearest first.
fn includes_of(config: &Config, node: NodeId) -> impl Iterator<Item = Node<'_>> {
    let nearest = config.included_by(node);
    std::iter::successors(nearest, |include| config.included_by(include.node))
        .map(|include| config.node(include.node))
}

/// Reads `evenkeel:allow(a, b) because …` in a comment; `None` when it is another comment.
fn words(comment: &str) -> Option<Words<'_>> {
    let text = comment.trim_start_matches('#').trim_start();
    let rest = text.strip_prefix(MARK)?;
    let (names, rest) = match rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((names, rest)) => (names, rest),
        None => ("", rest),
    };
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty()).take(RULES_MAX);
    let reason = rest.trim().strip_prefix("because").map(str::trim);
    Some(Words { rules: names.collect(), reason: reason.filter(|reason| !reason.is_empty()) })
}

/// Finds the directive that a comment stands at: the one whose line it ends, else the next one, when
/// nothing but comments lies in between.
fn target(tree: &Tree, comment: Range<usize>) -> Option<Directive<'_>> {
    let (mut block, mut opener) = (tree.root(), None);
    let holds = |range: Range<usize>| range.contains(&comment.start);
    while let Some(around) = block.directives().find(|directive| holds(directive.range())) {
        let Some(inner) = around.block().filter(|inner| holds(inner.range())) else { return Some(around) };
        (block, opener) = (inner, Some(around));
    }
    let bytes = tree.bytes();
    let line_start = bytes[..comment.start].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if bytes[line_start..comment.start].iter().all(u8::is_ascii_whitespace) {
        let next = block.directives().find(|directive| directive.range().start >= comment.end)?;
        return only_comments(&bytes[comment.end..next.range().start]).then_some(next);
    }
    last_before(block, &comment).filter(|before| before.range().end > line_start).or(opener)
}

fn last_before<'t>(block: Block<'t>, comment: &Range<usize>) -> Option<Directive<'t>> {
    block.directives().take_while(|directive| directive.range().end <= comment.start).last()
}

/// Whether every line of what lies between is a comment; an empty line ends the reach of the comment above it.
fn only_comments(between: &[u8]) -> bool {
    let mut lines: Vec<&[u8]> = between.split(|&byte| byte == b'\n').collect();
    let indent = lines.pop().unwrap_or_default();
    let rest_of_line = if lines.is_empty() { &[][..] } else { lines.remove(0) };
    rest_of_line.iter().chain(indent).all(u8::is_ascii_whitespace)
        && lines.iter().all(|line| line.trim_ascii_start().starts_with(b"#"))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    let first = word[0];
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|&byte| byte == first) {
        if text[from + at..].starts_with(word) {
            return true;
        }
        from += at + 1;
    }
    false
}

#[cfg(test)]
mod tests;
