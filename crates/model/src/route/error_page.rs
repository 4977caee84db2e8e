//! What nginx answers by itself, and the pages that take its place.
//!
//! Source: `ngx_http_special_response_handler`, `ngx_http_send_error_page`, src/http/ngx_http_special_response.c

use std::borrow::Cow;

use super::blocks::{Blocks, Role};
use super::walk::{Turn, Walk, shown};
use crate::config::NodeId;
use crate::number::atoi;
use crate::request::Outcome;

/// A plain request on a TLS port; the client sees 400.
pub(super) const PLAIN_TO_TLS: u16 = 497;

/// Errors of nginx's own, for which the client sees 400.
fn is_masked(status: u16) -> bool {
    (494..=PLAIN_TO_TLS).contains(&status)
}

struct Page {
    node: NodeId,
    uri: Vec<u8>,
    /// `=404`, or `=` (0).
    overwrite: Option<u16>,
}

impl Walk<'_, '_> {
    /// Ends with a status of nginx's own, unless a page takes its place.
    pub(super) fn finish(&mut self, status: u16) -> Turn {
        if status == 444 {
            let reason = String::from("return 444");
            self.step("close", "return 444", None);
            return Turn::Done(Outcome::Close { reason }, None);
        }
        if status < 300 && status != 201 && status != 204 {
            // `try_files … =200` and the like send nothing at all.
            let reason = format!("{status} is no answer of nginx's own");
            return Turn::Done(Outcome::Close { reason }, None);
        }
        self.err_status = Some(status);
        if !self.in_error_page
            && self.uri_changes != 0
            && let Some(block) = self.router.blocks.nearest(self.block, Role::ErrorPage)
        {
            self.in_error_page = !self.router.blocks.flag(self.block, Role::RecursiveErrorPages, false);
            if let Some(page) = find_page(&self.router.blocks, block, status) {
                return self.page(status, &page);
            }
        }
        let seen = if is_masked(status) { 400 } else { status };
        let outcome = match (&self.location_header, seen) {
            (Some(location), 301 | 302 | 303 | 307 | 308) => {
                Outcome::Redirect { status: seen, location: location.clone() }
            }
            _ if self.returned => Outcome::Return { status: seen, body: None },
            _ => Outcome::Error { status: seen, reason: self.cause.to_string() },
        };
        if let Outcome::Error { status, reason } = &outcome {
            self.step("error", || format!("{status}: {reason}"), None);
        }
        Turn::Done(outcome, Some(seen))
    }

    fn page(&mut self, status: u16, page: &Page) -> Turn {
        let node = Some(page.node);
        let masked = is_masked(status).then_some(400);
        if let Some(overwrite) = page.overwrite.or(masked) {
            self.err_status = (overwrite > 0).then_some(overwrite);
        }
        let uri = self.eval(&page.uri).text;
        self.step("error_page", || format!("{status} is answered by {}", shown(&uri)), node);
        let (local, named) = (self.begins(&uri, b"/"), self.begins(&uri, b"@"));
        match (local, named) {
            (true, _) => {
                // The method becomes GET, and the arguments are those of the page.
                self.method_is_of_page = true;
                if *self.method != *b"HEAD" {
                    self.method = Cow::Borrowed(b"GET");
                }
                let (uri, args) = self.split_args(&uri);
                self.internal_redirect(uri, args, node)
            }
            (_, true) => self.named_location(&uri, node),
            _ => {
                let status = match self.err_status {
                    Some(status @ (301 | 302 | 303 | 307 | 308)) if page.overwrite.is_some() => status,
                    _ => 302,
                };
                self.location_header = Some(uri.clone());
                Turn::Done(Outcome::Redirect { status, location: uri }, Some(status))
            }
        }
    }
}

/// Whether a block has an `error_page` for a status.
pub(super) fn has_page(blocks: &Blocks<'_>, block: NodeId, status: u16) -> bool {
    find_page(blocks, block, status).is_some()
}

/// The first `error_page` of a block for a status.
///
/// Source: `ngx_http_core_error_page`, src/http/ngx_http_core_module.c
fn find_page(blocks: &Blocks<'_>, block: NodeId, status: u16) -> Option<Page> {
    blocks.own_with(block, Role::ErrorPage).find_map(|node| {
        let args: Vec<&[u8]> = node.args().collect();
        let (uri, before) = args.split_last()?;
        let (overwrite, codes) = match before.split_last() {
            Some(([b'=', number @ ..], codes)) if !codes.is_empty() => {
                let number = if number.is_empty() { 0 } else { u16::try_from(atoi(number)?).ok()? };
                (Some(number), codes)
            }
            _ => (None, before),
        };
        let wanted = |code: &&[u8]| atoi(code) == Some(i64::from(status));
        let uri = uri.to_vec();
        codes.iter().any(wanted).then_some(Page { node: node.id(), uri, overwrite })
    })
}
