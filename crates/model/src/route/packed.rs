//! Files that lie there packed.
//!
//! Source: `ngx_http_gzip_static_handler`, src/http/modules/ngx_http_gzip_static_module.c; `ngx_http_gzip_ok`,
//! src/http/ngx_http_core_module.c

use super::FileKind;
use super::blocks::Role;
use super::question::{Answered, Input, Template, Test};
use super::traced::Traced;
use super::walk::{Turn, Walk, shown};
use crate::request::{Dependence, HttpVersion, Outcome};

impl Walk<'_, '_> {
    /// The packed file beside a file, where the client takes it.
    pub(super) fn packed(&mut self, path: &Traced) -> Option<Turn> {
        let directive = self.router.blocks.effective(self.block, Role::GzipStatic)?;
        match directive.arg(0) {
            Some(b"always") => {}
            Some(b"on") if self.takes_gzip() => {}
            _ => return None,
        }
        let file = path.clone().and(b".gz");
        match self.kind(&file, FileKind::Absent) {
            FileKind::File => {
                self.step("file", format!("{}, packed", shown(&file)), Some(directive.id()));
                Some(Turn::Done(Outcome::File { path: file }, None))
            }
            FileKind::Unknown => {
                self.depends_on.insert(Dependence::FileExists(file.to_vec()));
                None
            }
            FileKind::Directory | FileKind::Absent => None,
        }
    }

    /// Whether the client takes what is packed. What it says at length is left open.
    fn takes_gzip(&mut self) -> bool {
        let value = self.header("accept-encoding").unwrap_or(b"").to_vec();
        let named = value.to_ascii_lowercase().windows(4).any(|four| four == b"gzip");
        let header = || Template::input(Input::Header(b"accept_encoding".to_vec()));
        let test = || Test::Regex { pattern: b"gzip".to_vec(), caseless: true };
        self.asks(|_| (header(), test()), Answered::Holds(named));
        if !named {
            return false;
        }
        let plain = (value == b"gzip" || value.starts_with(b"gzip,"))
            && self.version >= HttpVersion::V1_1
            && self.header("via").is_none()
            && self.router.blocks.nearest(self.block, Role::GzipFor).is_none();
        if !plain {
            self.depend("gzip_static");
        }
        self.asks(|_| (header(), Test::Equals(Template::text(&value))), Answered::Holds(true));
        plain
    }
}
