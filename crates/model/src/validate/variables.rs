//! Variables: which exist, which are defined, which are used.
//!
//! Source: `ngx_http_variables_init_vars`, src/http/ngx_http_variables.c

use std::collections::{HashMap, HashSet};

use super::variable_names::{is_builtin, is_fixed};
use super::{Checker, lossy, regex};
use crate::catalog::Version;
use crate::config::Node;

/// The variables of http or of stream.
#[derive(Debug)]
pub(crate) struct Names<'c> {
    stream: bool,
    defined: HashSet<Vec<u8>>,
    /// The first use of each, as it is written.
    used: HashMap<&'c [u8], (Node<'c>, usize)>,
}

impl<'c> Names<'c> {
    pub(super) fn http() -> Names<'c> {
        Names { stream: false, defined: HashSet::new(), used: HashMap::new() }
    }

    pub(super) fn stream() -> Names<'c> {
        Names { stream: true, defined: HashSet::new(), used: HashMap::new() }
    }

    pub(super) fn define(&mut self, name: &[u8]) {
        self.defined.insert(name.to_ascii_lowercase());
    }

    pub(super) fn uses(&mut self, name: &'c [u8], node: Node<'c>, index: usize) {
        self.used.entry(name).or_insert((node, index));
    }

    fn is_known(&self, name: &str, version: Option<Version>) -> bool {
        is_builtin(name, self.stream, version) || self.defined.contains(name.as_bytes())
    }
}

/// Variables that nothing defines.
pub(super) fn check(checker: &mut Checker<'_>) {
    // A module of which nothing is known may define any.
    if checker.unknown_modules || checker.problems.iter().any(|problem| problem.code == "unknown-directive") {
        return;
    }
    let version = checker.catalog.version();
    let mut unknown = Vec::new();
    for names in [&checker.http, &checker.stream] {
        for (name, place) in &names.used {
            let lower = name.to_ascii_lowercase();
            if !std::str::from_utf8(&lower).is_ok_and(|name| names.is_known(name, version)) {
                unknown.push((*name, *place));
            }
        }
    }
    for (name, (node, index)) in unknown {
        let message = format!("unknown \"{}\" variable", lossy(name));
        checker.refuse_arg(node, index, "unknown-variable", message);
    }
}

impl<'c> Checker<'c> {
    /// A directive defines the variable that its argument names.
    pub(super) fn define(&mut self, node: Node<'c>, index: usize) {
        let Some(value) = node.arg(index) else { return };
        let Some(name) = value.strip_prefix(b"$").filter(|name| !name.is_empty()) else {
            let message = format!("invalid variable name \"{}\"", lossy(value));
            return self.refuse_arg(node, index, "invalid-variable", message);
        };
        let lower = name.to_ascii_lowercase();
        let names = self.names(node);
        if std::str::from_utf8(&lower).is_ok_and(|name| is_fixed(name, names.stream)) {
            let message = format!("the duplicate \"{}\" variable", lossy(name));
            return self.refuse_arg(node, index, "duplicate-variable", message);
        }
        names.define(name);
    }

    /// An argument is one variable, without a pattern around it.
    pub(super) fn bare_variable(&mut self, node: Node<'c>, index: usize) {
        if let Some(value) = node.arg(index) {
            self.bare_variable_of(node, index, value);
        }
    }

    /// The same for a part of an argument. nginx takes all that follows the dollar for the name.
    pub(super) fn bare_variable_of(&mut self, node: Node<'c>, index: usize, value: &'c [u8]) {
        match value.strip_prefix(b"$") {
            Some(name) if !name.is_empty() => self.names(node).uses(name, node, index),
            _ => {
                let message = format!("invalid variable name \"{}\"", lossy(value));
                self.refuse_arg(node, index, "invalid-variable", message);
            }
        }
    }

    /// Compiles the regex that the key of a `map` is.
    pub(super) fn regex_of_name(&mut self, node: Node<'c>, pattern: &'c [u8], caseless: bool) {
        match self.regexes.compile(pattern, caseless) {
            Ok(compiled) => compiled.names.iter().for_each(|group| self.names(node).define(group.as_bytes())),
            Err(error) => self.refuse(node, "invalid-regex", regex::message(&error, pattern)),
        }
    }

    /// Compiles a regex whose groups define no variables; returns how many groups it has, where that is known.
    pub(super) fn regex_without_names(
        &mut self,
        node: Node<'c>,
        index: usize,
        pattern: &[u8],
        caseless: bool,
    ) -> Option<usize> {
        match self.regexes.compile(pattern, caseless) {
            Ok(compiled) => compiled.groups,
            Err(error) => {
                self.refuse_arg(node, index, "invalid-regex", regex::message(&error, pattern));
                None
            }
        }
    }

    /// The size of a page of memory, which some bounds of nginx rest on.
    pub(super) fn page_bytes(&self) -> i64 {
        self.config.settings().page_bytes
    }
}
