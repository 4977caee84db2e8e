//! `try_files`: the first name that is there, else the last one.
//!
//! Source: `ngx_http_try_files_handler`, src/http/modules/ngx_http_try_files_module.c

use super::FileKind;
use super::blocks::Role;
use super::path::Alias;
use super::script;
use super::traced::Traced;
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
        let again = self.doubt.as_ref().is_some_and(|doubt| doubt.tried.contains(&node.id()))
            || self.fallen_back.contains(&node.id());
        let hopeful = again || self.handler.is_some();
        for &name in tried {
            let (name, wants_directory) = match name.strip_suffix(b"/") {
                Some(name) => (name, true),
                None => (name, false),
            };
            let Some((root, name)) = self.tried_path(name) else { return Turn::Finish(500) };
            let path = root.then(&name);
            let wanted = if wants_directory { FileKind::Directory } else { FileKind::File };
            let default = if hopeful && !wants_directory { FileKind::File } else { FileKind::Absent };
            let kind = self.kind(&path, default);
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
            self.take(name, wants_directory);
            return Turn::Content;
        }
        self.fall_back(node, last)
    }

    /// Notes a file of which nobody knows whether it is there.
    fn wonder(&mut self, node: NodeId, path: &Traced, directory: bool) {
        self.depends_on.insert(Dependence::FileExists(path.to_vec()));
        self.step("try_files", format!("whether {} is there is not known", shown(path)), Some(node));
        if self.handler.is_some() {
            return;
        }
        let slash: &[u8] = if directory { b"/" } else { b"" };
        self.candidates.push(path.clone().and(slash));
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
        if self.is_watched() {
            self.fallen_back.push(node.id());
        }
        let Some((_, to)) = self.tried_path(last) else { return Turn::Finish(500) };
        if self.begins(&to, b"@") {
            return self.named_location(&to, Some(node.id()));
        }
        let (uri, args) = self.split_args(&to);
        self.internal_redirect(uri, args, Some(node.id()))
    }

    /// Where files lie, and the name behind it.
    fn tried_path(&mut self, name: &[u8]) -> Option<(Traced, Traced)> {
        let mapped = self.map_uri()?;
        let mut text = self.eval(name).text;
        if let Alias::Length(length) = mapped.alias
            && script::has_variables(name)
            && self.uri.len() >= length
        {
            let start = Traced::text(&self.uri[..length]);
            let uri = self.uri.clone();
            // Where the URI is known to begin otherwise, nothing is asked.
            if uri.fixed_start().len() < length && uri.template() != text.template() {
                self.begins(&uri, &start);
            }
            if self.begins(&text, &start) {
                text = self.cut(&text, length);
            }
        }
        Some((mapped.root, text))
    }

    /// Makes the name that was found the URI.
    fn take(&mut self, name: Traced, directory: bool) {
        match self.alias() {
            Alias::No => self.uri = name,
            Alias::Length(length) => {
                self.uri = self.uri.start(length).then(&name);
            }
            Alias::Whole if directory => {}
            Alias::Whole => (self.uri, self.add_uri_to_alias) = (name, true),
        }
    }
}
