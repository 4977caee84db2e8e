//! The `Location` header as it leaves nginx, and the status that the client sees.
//!
//! Source: `ngx_http_header_filter`, src/http/ngx_http_header_filter_module.c

use super::blocks::Role;
use super::traced::Traced;
use super::walk::Walk;
use crate::request::{Dependence, Outcome};

/// The headers that may turn a 200 into 206, 304, 412 or 416.
///
/// Source: src/http/modules/ngx_http_not_modified_filter_module.c, ngx_http_range_filter_module.c
const CONDITIONS: &[&str] =
    &["range", "if-range", "if-modified-since", "if-unmodified-since", "if-match", "if-none-match"];

impl Walk<'_, '_> {
    /// The answer, and what the client asked of it on conditions that only its time and length tell.
    pub(super) fn answer(
        &mut self,
        outcome: Outcome<Traced>,
        status: Option<u16>,
    ) -> (Outcome<Traced>, Option<u16>) {
        let (outcome, status) = self.final_answer(outcome, status);
        let asks = |names: &[&str]| names.iter().any(|name| self.header(name).is_some());
        let conditional = match &outcome {
            _ if !matches!(status, None | Some(200)) => false,
            Outcome::Close { .. } => false,
            // What comes from an upstream is the upstream's to shorten, unless it is kept here.
            Outcome::Pass { .. } => {
                self.router.blocks.nearest(self.block, Role::Keeps).is_some() && asks(CONDITIONS)
            }
            // A text of the configuration has no time, no tag and no ranges.
            Outcome::Return { body: Some(_), .. } => {
                asks(&["if-unmodified-since", "if-match"])
                    || self.header("if-none-match").is_some_and(|tags| tags.contains(&b'*'))
            }
            _ => asks(CONDITIONS),
        };
        if conditional {
            self.depend("conditional");
        }
        (outcome, status)
    }

    /// The answer as the client sees it: with the status that an `error_page` gave, and with an absolute `Location`.
    fn final_answer(
        &mut self,
        outcome: Outcome<Traced>,
        status: Option<u16>,
    ) -> (Outcome<Traced>, Option<u16>) {
        if let Some(doubt) = self.doubt.take()
            && !matches!(outcome, Outcome::File { .. })
        {
            // The files come first; what else would answer is among the steps.
            (self.block, self.uri) = (doubt.block, doubt.uri);
            let candidates = std::mem::take(&mut self.candidates);
            return (Outcome::Files { candidates }, None);
        }
        match outcome {
            Outcome::Redirect { status, location } => {
                let location = self.absolute(location);
                (Outcome::Redirect { status, location }, Some(status))
            }
            Outcome::Pass { .. } => {
                if matches!(self.err_status, Some(301 | 302 | 303 | 307 | 308)) {
                    // The redirect that was replaced leaves its Location, unless the upstream sends one.
                    self.depends_on.insert(Dependence::UpstreamResponse);
                }
                (outcome, self.err_status)
            }
            Outcome::File { path } => {
                let status = self.err_status.unwrap_or(200);
                if let (Some(location), 301 | 302 | 303 | 307 | 308) = (self.location_header.take(), status) {
                    return (Outcome::Redirect { status, location: self.absolute(location) }, Some(status));
                }
                let outcome = if self.candidates.is_empty() {
                    Outcome::File { path }
                } else {
                    let mut candidates = std::mem::take(&mut self.candidates);
                    if !candidates.contains(&path) {
                        candidates.push(path);
                    }
                    if candidates.len() == 1 {
                        Outcome::File { path: candidates.remove(0) }
                    } else {
                        Outcome::Files { candidates }
                    }
                };
                (outcome, Some(status))
            }
            other => (other, status),
        }
    }

    fn absolute(&mut self, location: Traced) -> Traced {
        if !self.begins(&location, b"/") || !self.router.blocks.flag(self.block, Role::AbsoluteRedirect, true)
        {
            return location;
        }
        let host = if self.router.blocks.flag(self.block, Role::ServerNameInRedirect, false) {
            self.server_name().map(Traced::text)
        } else if self.has_host() {
            Some(self.host_traced())
        } else {
            self.local_address().map(Traced::text)
        };
        let Some(host) = host else { return location };
        let (scheme, default_port) = if self.request.tls { ("https", 443) } else { ("http", 80) };
        let in_redirect = self.router.blocks.flag(self.block, Role::PortInRedirect, true);
        let port = self.socket.key.port().filter(|&port| in_redirect && port != default_port);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let start = Traced::text(format!("{scheme}://"));
        start.then(&host).and(port.as_bytes()).then(&location)
    }
}
