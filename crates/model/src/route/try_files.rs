//! `try_files`: the first name that is there, else the last one.
//!
//! Source: `ngx_http_try_files_handler`, src/http/modules/ngx_http_try_files_module.c

use super::FileKind;
use super::blocks::Role;
use super::path::Alias;
use super::script;
use super::uri::split_args;
use super::walk::{Doubt, Turn, Walk, shown};
use crate::config::{Node, NodeId};
use crate::number::atoi;
use crate::request::{Dependence, Outcome};

impl<'c> Walk<'_, 'c> {
    pub(super) fn try_files(&mut self) -> Turn {
        let block = self.block;
        let Some(node) = self.router.blocks.own_with(block, Role::TryFiles).next_back() else {
            return Turn::Content;
        };
        let args: Vec<&[u8]> = node.args().collect();
        let Some((last, tried)) = args.split_last() else { return Turn::Content };
        // Where something else than the file itself answers, or where the last name led back here, a file that may be
        // there is taken to be there: "not there" would only be an error.
        let again = self.doubt.as_ref().is_some_and(|doubt| doubt.tried.contains(&node.id()));
        let hopeful = again || self.handler.is_some();
        for &name in tried {
            let (name, wants_directory) = match name.strip_suffix(b"/") {
                Some(name) => (name, true),
                None => (name, false),
            };
            let Some((path, root)) = self.tried_path(name) else { return Turn::Finish(500) };
            let wanted = if wants_directory { FileKind::Directory } else { FileKind::File };
            let kind = self.router.kind(&path);
            if kind == FileKind::Unknown {
                self.wonder(node.id(), &path, wants_directory);
                if !hopeful || wants_directory {
                    continue;
                }
            } else if kind == wanted {
                self.step("try_files", format!("{} is there", shown(&path)), Some(node.id()));
            } else {
                continue;
            }
            self.take(path[root..].to_vec(), wants_directory);
            return Turn::Content;
        }
        self.fall_back(node, last)
    }

    /// Notes a file of which nobody knows whether it is there.
    fn wonder(&mut self, node: NodeId, path: &[u8], directory: bool) {
        self.depends_on.insert(Dependence::FileExists(path.to_vec()));
        self.step("try_files", format!("whether {} is there is not known", shown(path)), Some(node));
        if self.handler.is_some() {
            return;
        }
        let slash: &[u8] = if directory { b"/" } else { b"" };
        self.candidates.push([path, slash].concat());
        let (block, uri) = (self.block, self.uri.clone());
        self.doubt.get_or_insert_with(|| Doubt { tried: Vec::new(), block, uri }).tried.push(node);
    }

    fn fall_back(&mut self, node: Node<'c>, last: &[u8]) -> Turn {
        self.step("try_files", format!("else {}", shown(last)), Some(node.id()));
        let code = last.strip_prefix(b"=").and_then(atoi).and_then(|code| u16::try_from(code).ok());
        if let Some(code) = code.filter(|&code| code > 0) {
            if self.doubt.is_some() {
                let path = self.candidates[0].clone();
                return Turn::Done(Outcome::File { path }, None);
            }
            return self.error(code, "none of the files of try_files is there");
        }
        let Some((path, root)) = self.tried_path(last) else { return Turn::Finish(500) };
        let to = path[root..].to_vec();
        if to.starts_with(b"@") {
            return self.named_location(&to, Some(node.id()));
        }
        let (uri, args) = split_args(&to);
        self.internal_redirect(uri.to_vec(), args.to_vec(), Some(node.id()))
    }

    /// The path of a name, and where in it the name begins.
    fn tried_path(&mut self, name: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mapped = self.map_uri()?;
        let mut text = self.eval(name).text;
        if let Alias::Length(length) = mapped.alias
            && script::has_variables(name)
            && text.len() >= length
            && self.uri.get(..length) == Some(&text[..length])
        {
            text.drain(..length);
        }
        Some(([&mapped.path[..mapped.root], &text].concat(), mapped.root))
    }

    /// Makes the name that was found the URI.
    fn take(&mut self, name: Vec<u8>, directory: bool) {
        match self.alias() {
            Alias::No => self.uri = name,
            Alias::Length(length) => {
                self.uri.truncate(length);
                self.uri.extend_from_slice(&name);
            }
            Alias::Whole if directory => {}
            Alias::Whole => (self.uri, self.add_uri_to_alias) = (name, true),
        }
    }
}
