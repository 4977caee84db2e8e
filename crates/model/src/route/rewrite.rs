//! `return`, `set`, `rewrite`, `if`, `break`: run in their order.
//!
//! Source: src/http/modules/ngx_http_rewrite_module.c; src/http/ngx_http_script.c

use super::FileKind;
use super::blocks::Role;
use super::groups::Groups;
use super::question::{Answered, Test};
use super::regex::Matched;
use super::script;
use super::together::Value;
use super::traced::Traced;
use super::uri::{Escape, unescape_redirect};
use super::walk::{Turn, Walk, shown};
use crate::config::{Node, NodeId};
use crate::context::Context;
use crate::number::atoi;
use crate::request::{Dependence, Outcome};

/// How the directives of a block end.
enum Flow {
    /// With the last one.
    Through,
    /// One of them says stop.
    Stop,
    /// One of them answers.
    Answer(Turn),
}

impl<'c> Walk<'_, 'c> {
    /// Runs the directives of a server or a location; `None`: none of them answers.
    pub(super) fn run_codes(&mut self, block: NodeId) -> Option<Turn> {
        match self.codes(block) {
            Flow::Answer(turn) => Some(turn),
            Flow::Through | Flow::Stop => None,
        }
    }

    fn codes(&mut self, block: NodeId) -> Flow {
        let router = self.router;
        for node in router.blocks.own_with(block, Role::Code) {
            let flow = match node.name() {
                "return" => Flow::Answer(self.return_code(node)),
                "set" => self.set(node),
                "rewrite" => self.rewrite(node),
                "if" => self.if_block(node),
                _ => {
                    if self.uri_changed {
                        (self.uri_changed, self.valid_location) = (false, false);
                    }
                    self.step("break", "the directives after it do not run", Some(node.id()));
                    Flow::Stop
                }
            };
            if !matches!(flow, Flow::Through) {
                return flow;
            }
        }
        Flow::Through
    }

    /// Source: `ngx_http_rewrite_return`, `ngx_http_script_return_code`, `ngx_http_send_response`
    fn return_code(&mut self, node: Node<'c>) -> Turn {
        let first = node.arg(0).unwrap_or(b"");
        let (status, text) = match atoi(first).and_then(|status| u16::try_from(status).ok()) {
            Some(status) => (status, node.arg(1).unwrap_or(b"")),
            None => (302, first),
        };
        self.returned = true;
        if status >= 400 && text.is_empty() {
            self.step("return", status.to_string(), Some(node.id()));
            self.cause = format!("return {status}").into();
            return Turn::Finish(status);
        }
        let parts = script::parts(text, false);
        let made = self.put_together(&parts, false, |walk, group, _| walk.group(group));
        if made.overflows {
            return self.error(500, "a capture became longer while the text was put together");
        }
        let value = made.text;
        let text = || format!("{status} {}", shown(&value)).trim_end().to_owned();
        self.step("return", text, Some(node.id()));
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            self.location_header = Some(value);
            return Turn::Finish(status);
        }
        let status = self.err_status.unwrap_or(status);
        if let (Some(location), 301 | 302 | 303 | 307 | 308) = (&self.location_header, status) {
            let location = location.clone();
            return Turn::Done(Outcome::Redirect { status, location }, Some(status));
        }
        let body = node.arg(1).map(|_| value);
        Turn::Done(Outcome::Return { status, body }, Some(status))
    }

    fn set(&mut self, node: Node<'c>) -> Flow {
        let name = node.arg(0).unwrap_or(b"").strip_prefix(b"$").unwrap_or(b"").to_ascii_lowercase();
        let value = self.eval_in(node.arg(1).unwrap_or(b""), true).text;
        self.step("set", || format!("${} = {}", shown(&name), shown(&value)), Some(node.id()));
        if name == b"args" {
            (self.args, self.valid_unparsed_uri) = (value, false);
        } else {
            self.variables.insert(name, value);
        }
        Flow::Through
    }

    /// Source: `ngx_http_rewrite`, `ngx_http_script_regex_start_code`, `ngx_http_script_regex_end_code`
    fn rewrite(&mut self, node: Node<'c>) -> Flow {
        let (pattern, replacement) = (node.arg(0).unwrap_or(b""), node.arg(1).unwrap_or(b""));
        let flag = node.arg(2).unwrap_or(b"");
        let uri = self.uri.clone();
        match self.router.patterns.get(pattern, false).of(&uri) {
            Matched::No => {
                self.ask_regex(&uri, pattern, false, false);
                self.captured = Groups::default();
                return Flow::Through;
            }
            Matched::Unknown => {
                self.depend("regex");
                return Flow::Through;
            }
            Matched::Yes(captured) => {
                self.ask_regex(&uri, pattern, false, true);
                self.capture(captured, pattern, false, &uri);
            }
        }
        let begins = |prefix: &[u8]| replacement.starts_with(prefix);
        let status = match flag {
            b"redirect" => Some(302),
            b"permanent" => Some(301),
            _ if begins(b"http://") || begins(b"https://") || begins(b"$scheme") => Some(302),
            _ => None,
        };
        let stops = status.is_some() || matches!(flag, b"last" | b"break");
        let (replacement, add_args) = match replacement.strip_suffix(b"?") {
            Some(replacement) => (replacement, false),
            None => (replacement, true),
        };
        self.internal = true;
        self.valid_unparsed_uri = false;
        if flag == b"break" {
            (self.valid_location, self.uri_changed) = (false, false);
        } else {
            self.uri_changed = true;
        }
        match status {
            Some(status) => {
                let (to, _) = self.replaced(replacement, true);
                let mut to = unescaped(&to);
                if add_args {
                    to.push(&self.args.behind(if replacement.contains(&b'?') { b'&' } else { b'?' }));
                }
                self.step("rewrite", || format!("{status} {}", shown(&to)), Some(node.id()));
                (self.location_header, self.returned) = (Some(to), true);
                Flow::Answer(Turn::Finish(status))
            }
            None => {
                let (uri, new_args) = self.replaced(replacement, false);
                if let Some(mut args) = new_args {
                    if add_args {
                        args.push(&self.args.behind(b'&'));
                    }
                    self.args = args;
                } else if !add_args {
                    self.args = Traced::default();
                }
                if self.is_empty(&uri) {
                    self.uri = uri;
                    return Flow::Answer(self.error(500, "the rewritten URI is empty"));
                }
                self.uri = uri;
                self.step("rewrite", format!("to {}", self.uri_shown()), Some(node.id()));
                if stops { Flow::Stop } else { Flow::Through }
            }
        }
    }

    /// The replacement of a `rewrite`: the URI, and the arguments where it has some.
    fn replaced(&mut self, replacement: &[u8], redirect: bool) -> (Traced, Option<Traced>) {
        let quote = self.quoted_uri || self.plus_in_uri;
        let parts = script::parts(replacement, !redirect);
        let made = self.put_together(&parts, true, |walk, group, in_args| {
            let group = walk.group(group);
            if redirect || in_args { group.escaped_as_sent(Escape::Args, quote) } else { group }
        });
        if made.overflows {
            self.depend("script");
        }
        match made.uri {
            Some(uri) => (uri, Some(made.text)),
            None => (made.text, None),
        }
    }

    fn if_block(&mut self, node: Node<'c>) -> Flow {
        let condition: Vec<u8> = node.args().collect::<Vec<_>>().join(&b' ');
        let holds = self.condition(node);
        let says = match holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "cannot be told",
        };
        self.step("if", format!("{} {says}", shown(&condition)), Some(node.id()));
        if holds != Some(true) {
            return Flow::Through;
        }
        if node.context() == Context::Location {
            self.enter(node.id());
        }
        self.codes(node.id())
    }

    /// Source: `ngx_http_rewrite_if_condition`
    fn condition(&mut self, node: Node<'c>) -> Option<bool> {
        let mut words: Vec<&[u8]> = node.args().collect();
        let first = words.first_mut()?;
        *first = first.strip_prefix(b"(").unwrap_or(first);
        let last = words.last_mut()?;
        *last = last.strip_suffix(b")").unwrap_or(last);
        if words.first() == Some(&&b""[..]) {
            words.remove(0);
        }
        if words.last() == Some(&&b""[..]) && words.len() > 1 && node.args().next_back() == Some(b")") {
            words.pop();
        }
        let subject = words.first().copied()?;
        if !subject.starts_with(b"$") {
            let negative = subject.starts_with(b"!");
            let value = self.eval(words.get(1).copied().unwrap_or(b""));
            let test = *subject.last()?;
            return self.file_test(test, value).map(|holds| holds != negative);
        }
        let left = self.eval(subject);
        let Some(operator) = words.get(1).copied() else {
            let holds = !left.text.is_empty() && left.text[..] != *b"0";
            if left.known {
                self.asks(|_| (left.text.template(), Test::Truth), Answered::Holds(holds));
            }
            return left.known.then_some(holds);
        };
        let right = words.get(2).copied().unwrap_or(b"");
        match operator {
            b"=" | b"!=" => {
                let right = self.eval(right);
                let known = left.known && right.known;
                known.then(|| self.is(&left.text, &right.text) == (operator == b"="))
            }
            _ if !left.known => None,
            _ => {
                let caseless = operator.ends_with(b"*");
                let pattern = self.router.patterns.get(right, caseless);
                let matched = match pattern.of(&left.text) {
                    Matched::Yes(captured) => {
                        self.ask_regex(&left.text, right, caseless, true);
                        self.capture(captured, right, caseless, &left.text);
                        true
                    }
                    Matched::No => {
                        self.ask_regex(&left.text, right, caseless, false);
                        self.captured = Groups::default();
                        false
                    }
                    Matched::Unknown => {
                        self.depend("regex");
                        return None;
                    }
                };
                Some(matched != operator.starts_with(b"!"))
            }
        }
    }

    fn file_test(&mut self, test: u8, path: Value) -> Option<bool> {
        if !path.known {
            return None;
        }
        let kind = self.kind(&path.text, FileKind::Absent);
        let holds = match (test, kind) {
            (_, FileKind::Unknown) | (b'x', FileKind::File) => None,
            (b'f', kind) => Some(kind == FileKind::File),
            (b'd', kind) => Some(kind == FileKind::Directory),
            (_, kind) => Some(kind != FileKind::Absent),
        };
        if holds.is_none() {
            self.depends_on.insert(Dependence::FileExists(path.text.into_bytes()));
        }
        holds
    }
}

/// A redirect's target as nginx writes it.
fn unescaped(to: &Traced) -> Traced {
    let plain = to.fixed_start().iter().take_while(|byte| !matches!(byte, b'%' | b'?')).count();
    let rest = to.cut(plain);
    let rest = rest.changed("unescape", unescape_redirect(&rest));
    Traced::text(&to[..plain]).then(&rest)
}
