//! The headers that the configuration adds to the answer.
//!
//! Source: `ngx_http_headers_filter`, `ngx_http_headers_merge_conf`, `ngx_http_set_expires`,
//! src/http/modules/ngx_http_headers_filter_module.c

use super::blocks::Role;
use super::walk::Walk;
use crate::config::{Node, NodeId};
use crate::number::time;
use crate::request::{AddedHeader, HttpVersion};

/// The statuses that headers are added to without `always`.
const PLAIN: [u16; 10] = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

const EPOCH: &[u8] = b"Thu, 01 Jan 1970 00:00:01 GMT";
const END: &[u8] = b"Thu, 31 Dec 2037 23:55:55 GMT";

/// How an outer level's `add_header` reach an inner one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inherit {
    Off,
    On,
    Merge,
}

impl<'c> Walk<'_, 'c> {
    /// Notes the headers of an answer with this status; `None`: an upstream decides it.
    pub(super) fn add_headers(&mut self, status: Option<u16>) {
        if self.version == HttpVersion::V0_9 || !self.router.tables().adds {
            return;
        }
        let plain = status.is_none_or(|status| PLAIN.contains(&status));
        if plain {
            self.add_expires();
        }
        if !self.router.blocks.has_around(self.block, Role::AddHeader.bit()) {
            return;
        }
        for directive in self.header_directives() {
            let always = directive.arg(2) == Some(b"always");
            if !plain && !always {
                continue;
            }
            let value = self.eval_quietly(directive.arg(1).unwrap_or(b""));
            let name = directive.arg(0).unwrap_or(b"").to_vec();
            self.tell_header("adds", &name, if always { "always" } else { "" }, &value.text);
            if value.known && value.text.is_empty() {
                continue;
            }
            let (value, known, node) = (value.text.to_vec(), value.known, directive.id());
            self.beside.facts.headers.push(AddedHeader { name, value, known, always, node });
        }
    }

    /// The `add_header` in force: those of the innermost level that has some, unless `add_header_inherit` says otherwise.
    fn header_directives(&self) -> Vec<Node<'c>> {
        let blocks = &self.router.blocks;
        let mut levels: Vec<NodeId> = blocks.around(self.block).collect();
        levels.reverse();
        let (mut inherit, mut headers) = (Inherit::On, Vec::new());
        for level in levels {
            let said = blocks.own_with(level, Role::AddHeaderInherit).next_back();
            match said.and_then(|node| node.arg(0)) {
                Some(b"off") => inherit = Inherit::Off,
                Some(b"merge") => inherit = Inherit::Merge,
                Some(_) => inherit = Inherit::On,
                None => {}
            }
            let mut own: Vec<Node<'c>> = blocks.own_with(level, Role::AddHeader).collect();
            match inherit {
                Inherit::Off => headers = own,
                Inherit::On if own.is_empty() => {}
                Inherit::On => headers = own,
                Inherit::Merge => {
                    own.append(&mut headers);
                    headers = own;
                }
            }
        }
        headers
    }

    /// `Expires` and `Cache-Control`, where `expires` makes them.
    fn add_expires(&mut self) {
        let Some(node) = self.router.blocks.effective(self.block, Role::Expires) else { return };
        let modified = node.args().len() > 1;
        let value = self.eval_quietly(node.args().next_back().unwrap_or(b""));
        self.tell_header("adds", b"expires", if modified { "modified" } else { "" }, &value.text);
        let (expires, control): (Result<&[u8], String>, Result<String, String>) = match &value.text[..] {
            _ if !value.known => {
                let unknown = || Err(String::from_utf8_lossy(&value.text).into_owned());
                (Err(String::from_utf8_lossy(&value.text).into_owned()), unknown())
            }
            b"off" if !modified => return,
            b"epoch" if !modified => (Ok(EPOCH), Ok(String::from("no-cache"))),
            b"max" if !modified => (Ok(END), Ok(String::from("max-age=315360000"))),
            [b'@', ..] => {
                let when = String::from_utf8_lossy(&value.text).into_owned();
                (Err(format!("the next {when}")), Err(format!("max-age to the next {when}")))
            }
            text => {
                let (minus, number) = match text {
                    [b'-', number @ ..] => (true, number),
                    [b'+', number @ ..] => (false, number),
                    number => (false, number),
                };
                let Some(seconds) = time(number, false) else { return };
                let control = match (minus && seconds > 0, modified && seconds > 0) {
                    (true, _) => Ok(String::from("no-cache")),
                    (false, true) => Err(format!("max-age of {seconds} s since the modification")),
                    (false, false) => Ok(format!("max-age={seconds}")),
                };
                let sign = if minus { '-' } else { '+' };
                let from = if modified { "the modification" } else { "now" };
                (Err(format!("{from} {sign} {seconds} s")), control)
            }
        };
        let known = (expires.is_ok(), control.is_ok());
        let expires = expires.map_or_else(String::into_bytes, <[u8]>::to_vec);
        let control = control.unwrap_or_else(|text| text).into_bytes();
        for (name, value, known) in [("Expires", expires, known.0), ("Cache-Control", control, known.1)] {
            let name = name.as_bytes().to_vec();
            self.beside.facts.headers.push(AddedHeader {
                name,
                value,
                known,
                always: false,
                node: node.id(),
            });
        }
    }
}
