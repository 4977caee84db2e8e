//! What answers: a directive of the location, or the files.
//!
//! Source: `ngx_http_core_content_phase`, src/http/ngx_http_core_module.c; src/http/modules/ngx_http_index_module.c,
//! ngx_http_autoindex_module.c, ngx_http_static_module.c

use super::FileKind;
use super::blocks::Role;
use super::script::{self, Part};
use super::traced::Traced;
use super::uri::Escape;
use super::walk::{Turn, Walk, shown};
use crate::config::{Node, NodeId};
use crate::request::{Dependence, Outcome};

impl<'c> Walk<'_, 'c> {
    pub(super) fn content(&mut self) -> Turn {
        if let Some(handler) = self.handler {
            return self.handled(self.router.config.node(handler));
        }
        if self.of_uri(Walk::is_empty) {
            // nginx looks at the byte before it.
            self.depend("empty-uri");
        }
        let read = self.is_read();
        let post = !read && self.is_method(&[b"POST"]);
        if self
            .router
            .blocks
            .effective(self.block, Role::DavMethods)
            .is_some_and(|node| node.args().any(|method| method.eq_ignore_ascii_case(&self.method)))
        {
            self.depend("dav");
        }
        let directory = self.of_uri(|walk, uri| walk.ends(uri, b"/"));
        if directory {
            if self.router.blocks.flag(self.block, Role::RandomIndex, false) && (read || post) {
                self.depends_on.insert(Dependence::Random);
            }
            if (read || post)
                && let Some(turn) = self.index()
            {
                return turn;
            }
            if read && self.router.blocks.flag(self.block, Role::Autoindex, false) {
                return self.autoindex();
            }
        }
        if !(read || post) {
            return self.error(405, format!("files are not for {}", shown(&self.method)));
        }
        if directory {
            return self.error(403, "the directory has no index file, and its listing is off");
        }
        self.file(post)
    }

    fn handled(&mut self, node: Node<'c>) -> Turn {
        match self.router.blocks.role_of(node) {
            Some(Role::Pass(kind)) => self.pass(node, kind),
            Some(Role::EmptyGif | Role::StubStatus) if !self.is_read() => {
                self.error(405, format!("{} is for GET and HEAD", node.name()))
            }
            Some(Role::Handler(module)) => {
                self.depend(module);
                self.tell_block(node);
                self.step("content", format!("{} answers", node.name()), Some(node.id()));
                Turn::Done(Outcome::Return { status: 200, body: None }, None)
            }
            _ => {
                self.step("content", format!("{} answers", node.name()), Some(node.id()));
                self.tell_block(node);
                let status = self.err_status.unwrap_or(200);
                // The redirect that a page took over leaves its Location.
                let outcome = match (self.location_header.take(), status) {
                    (Some(location), 301 | 302 | 303 | 307 | 308) => Outcome::Redirect { status, location },
                    _ => Outcome::Return { status, body: None },
                };
                Turn::Done(outcome, Some(status))
            }
        }
    }

    /// The first index file that is there; `None`: there is none.
    fn index(&mut self) -> Option<Turn> {
        let directive = self.router.blocks.nearest(self.block, Role::Index);
        let directives: Vec<Node<'_>> = directive
            .map_or_else(Vec::new, |block| self.router.blocks.own_with(block, Role::Index).collect());
        let mut names: Vec<(&[u8], Option<NodeId>)> =
            directives.iter().flat_map(|node| node.args().map(|name| (name, Some(node.id())))).collect();
        if names.is_empty() {
            names.push((b"index.html", None));
        }
        let mut chosen: Option<(Traced, Option<NodeId>)> = None;
        for (name, node) in names {
            let is_volatile =
                |part: &Part<'_>| matches!(part, Part::Variable(name) if self.router.is_volatile(name));
            if script::parts(name, false).iter().any(is_volatile) {
                // nginx takes the value that it had the last time, if it had one.
                self.depend("index");
            }
            let name = if script::has_variables(name) { self.eval(name).text } else { Traced::text(name) };
            if self.begins(&name, b"/") {
                if chosen.is_some() {
                    break;
                }
                let args = self.args.clone();
                return Some(self.internal_redirect(name, args, node));
            }
            let Some(mapped) = self.map_uri() else { return Some(Turn::Finish(500)) };
            let path = mapped.path();
            let file = path.clone().then(&name);
            match self.kind(&file, FileKind::File) {
                FileKind::File | FileKind::Directory => {
                    chosen = chosen.or(Some((name, node)));
                    break;
                }
                FileKind::Absent if self.is_below_a_file(&file, path.len().saturating_sub(1)) => {
                    return Some(self.error(404, format!("{} leads through a file", shown(&file))));
                }
                FileKind::Absent if chosen.is_none() => {
                    let directory = path.without_last_slash();
                    match self.kind(&directory, FileKind::Directory) {
                        kind @ (FileKind::Absent | FileKind::File) => {
                            // An alias without its last slash may lead to a file: nginx finds that strange.
                            let strange = kind == FileKind::File && !path.ends_with(b"/");
                            let why = format!("{} is no directory", shown(&directory));
                            return Some(self.error(if strange { 500 } else { 404 }, why));
                        }
                        FileKind::Directory | FileKind::Unknown => {}
                    }
                }
                FileKind::Absent => {}
                FileKind::Unknown => {
                    let what = format!("whether {} is there is not known", shown(&file));
                    self.step("index", what, node);
                    self.depends_on.insert(Dependence::FileExists(file.to_vec()));
                    self.candidates.push(file);
                    chosen = chosen.or(Some((name, node)));
                }
            }
        }
        let (name, node) = chosen?;
        let uri = self.uri.clone().then(&name);
        let args = self.args.clone();
        self.step("index", shown(&name), node);
        Some(self.internal_redirect(uri, args, node))
    }

    /// Whether a part of the path from `from` on is a file and no directory.
    fn is_below_a_file(&self, path: &[u8], from: usize) -> bool {
        let slashes = (from..path.len()).filter(|&at| path[at] == b'/');
        slashes.into_iter().any(|at| self.router.kind(&path[..at]) == FileKind::File)
    }

    fn autoindex(&mut self) -> Turn {
        let Some(mapped) = self.map_uri() else { return Turn::Finish(500) };
        let mut path = mapped.path();
        if !path.ends_with(b"/") && path.len() > 1 {
            // nginx takes the last byte for a slash, which it is not behind an alias without one.
            path = path.start(path.len() - 1);
        }
        match self.kind(&path, FileKind::Directory) {
            FileKind::Absent | FileKind::File => {
                return self.error(404, format!("{} is no directory", shown(&path)));
            }
            FileKind::Unknown => {
                self.depends_on.insert(Dependence::FileExists(path.to_vec()));
            }
            FileKind::Directory => {}
        }
        let node = self.router.blocks.effective(self.block, Role::Autoindex).map(Node::id);
        self.step("autoindex", format!("lists {}", shown(&path)), node);
        self.tell_word("lists");
        Turn::Done(Outcome::File { path }, None)
    }

    fn file(&mut self, post: bool) -> Turn {
        let Some(mapped) = self.map_uri() else { return Turn::Finish(500) };
        let path = mapped.into_path();
        if !post && let Some(turn) = self.packed(&path) {
            return turn;
        }
        match self.kind(&path, FileKind::File) {
            FileKind::Directory => {
                let to = self.uri.escaped(Escape::Uri).and(b"/").then(&self.args.behind(b'?'));
                self.step("file", || format!("{} is a directory", shown(&path)), None);
                self.location_header = Some(to);
                return self.error(301, "a directory without its last slash");
            }
            FileKind::Absent => return self.error(404, format!("{} is not there", shown(&path))),
            FileKind::Unknown => {
                self.depends_on.insert(Dependence::FileExists(path.to_vec()));
                self.step("file", || format!("whether {} is there is not known", shown(&path)), None);
            }
            FileKind::File => {}
        }
        if post {
            return self.error(405, "files are not for POST");
        }
        self.step("file", || shown(&path), None);
        Turn::Done(Outcome::File { path }, None)
    }

    /// Whether the method is GET or HEAD.
    pub(super) fn is_read(&mut self) -> bool {
        self.method_is_of_page || self.is_method(&[b"GET", b"HEAD"])
    }

    /// What a question says of the URI.
    fn of_uri(&mut self, ask: impl FnOnce(&mut Self, &Traced) -> bool) -> bool {
        let uri = std::mem::take(&mut self.uri);
        let says = ask(self, &uri);
        self.uri = uri;
        says
    }

    fn is_method(&mut self, of: &[&[u8]]) -> bool {
        if !self.is_watched() {
            return of.contains(&&*self.method);
        }
        let method = self.method_traced();
        self.is_one_of(&method, of)
    }
}
