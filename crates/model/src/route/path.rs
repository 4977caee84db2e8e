//! The file that a URI means.
//!
//! Source: `ngx_http_map_uri_to_path`, `ngx_http_core_root`, src/http/ngx_http_core_module.c

use super::blocks::Role;
use super::script;
use super::traced::Traced;
use super::walk::Walk;
use crate::config::Node;
use crate::lower::{LocationKind, location_pattern};

/// How `alias` cuts the URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alias {
    /// It is no alias but a `root`.
    No,
    /// This many bytes at the beginning are replaced.
    Length(usize),
    /// The whole URI is: the alias of a regex location is the file itself.
    Whole,
}

/// A path: where files lie, and what the URI adds to it.
#[derive(Debug, Clone)]
pub(super) struct Mapped {
    pub(super) root: Traced,
    pub(super) rest: Traced,
    pub(super) alias: Alias,
}

impl Mapped {
    pub(super) fn path(&self) -> Traced {
        self.root.clone().then(&self.rest)
    }

    pub(super) fn into_path(self) -> Traced {
        self.root.then(&self.rest)
    }
}

impl<'c> Walk<'_, 'c> {
    /// The directive that says where files lie; `None`: the default, `html`.
    fn root_directive(&self) -> Option<Node<'c>> {
        let blocks = &self.router.blocks;
        let bits = Role::Root.bit() | Role::Alias.bit();
        if !blocks.has_around(self.block, bits) {
            return None;
        }
        blocks.around(self.block).filter(|&block| blocks.has_own(block, bits)).find_map(|block| {
            let mut own = blocks.own(block).iter().rev();
            let fact = own.find(|fact| matches!(fact.role, Role::Root | Role::Alias))?;
            Some(self.router.config.node(fact.node))
        })
    }

    pub(super) fn alias(&self) -> Alias {
        self.alias_of(self.root_directive())
    }

    fn alias_of(&self, directive: Option<Node<'c>>) -> Alias {
        let Some(directive) = directive.filter(|node| node.is("alias")) else { return Alias::No };
        match directive.parent().filter(|node| node.is("location")).map(location_pattern) {
            Some((LocationKind::Regex { .. }, _)) => Alias::Whole,
            Some((_, pattern)) if !pattern.is_empty() => Alias::Length(pattern.len()),
            _ => Alias::No,
        }
    }

    /// The path of the URI; `None`, with the reason as the cause of an error, where nginx answers 500.
    pub(super) fn map_uri(&mut self) -> Option<Mapped> {
        let directive = self.root_directive();
        let alias = self.alias_of(directive);
        if alias != Alias::No && !self.valid_location {
            self.cause = "alias cannot be used where a rewrite changed the URI".into();
            self.returned = false;
            return None;
        }
        let value = directive.and_then(|node| node.arg(0)).unwrap_or(b"html");
        let value = if directive.is_some_and(|node| node.is("alias")) {
            value
        } else {
            value.strip_suffix(b"/").unwrap_or(value)
        };
        let root = if script::has_variables(value) { self.eval(value).text } else { Traced::text(value) };
        let root = self.full_name(root);
        let rest = match alias {
            Alias::No => self.uri.clone(),
            Alias::Length(length) => {
                let uri = self.uri.clone();
                self.cut(&uri, length)
            }
            Alias::Whole if self.add_uri_to_alias => self.uri.clone(),
            Alias::Whole => Traced::default(),
        };
        Some(Mapped { root, rest, alias })
    }

    pub(super) fn path_of_uri(&mut self) -> Option<Traced> {
        self.map_uri().map(|mapped| mapped.path())
    }

    /// `$document_root`
    pub(super) fn document_root(&mut self) -> Option<Traced> {
        self.map_uri().map(|mapped| mapped.root)
    }

    /// A name under the prefix, untouched otherwise.
    fn full_name(&mut self, name: Traced) -> Traced {
        if self.begins(&name, b"/") {
            return name;
        }
        let prefix = &self.router.config.settings().prefix;
        let slash: &[u8] = if prefix.ends_with(b"/") { b"" } else { b"/" };
        Traced::text([&prefix[..], slash].concat()).then(&name)
    }
}
