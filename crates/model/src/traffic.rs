//! How much of yesterday's traffic a change touches: every line of a log through both configurations.
//!
//! Memory does not grow with the log: answers are remembered in a table of fixed size, clients and paths are counted in
//! sketches. Nothing is read here, and nothing runs beside: [`Traffic`] is one worker's, [`Remembered`] is for all, [`Counted`] adds up.

mod cache;
mod clients;
mod count;
mod distinct;
#[cfg(test)]
pub(crate) mod tests;
mod top;
mod wanted;

use crate::config::Config;
use crate::diff::{ChangeKey, class_key};
use crate::log::{Assumed, LogFormat, NotHttp, Places, Spans, Wanted};
use crate::request::{Outcome, Request, Route};
use crate::route::Router;

use cache::Digest;
pub use cache::Remembered;
use clients::Clients;
pub use count::{ClassCount, Counted, Sides, Unread};
pub use distinct::Distinct;
pub use top::Top;
pub(crate) use wanted::wanted;

/// Lines of one log, on their way through two configurations.
pub struct Traffic<'r, 'c> {
    old: &'r Router<'c>,
    new: &'r Router<'c>,
    wanted: Wanted,
    clients: Option<Clients>,
    seed: u64,
    seen: &'r Remembered,
    counted: Counted,
    log: Option<Log>,
    spans: Spans,
}

/// How the lines of the present log are read.
struct Log {
    format: LogFormat,
    places: Places,
    assumed: Assumed,
    /// Whether http or https must be guessed from the answer that the log tells.
    guess_scheme: bool,
    digest: Digest,
}

/// What a request that was routed before came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    NotHttp,
    Changes(ChangeKey),
}

impl<'r, 'c> Traffic<'r, 'c> {
    /// Begins to count. `configs` are those of the routers. Workers on the same logs share what was `seen` and have the same
    /// `seed`: any number that nobody who writes into the log knows.
    pub fn new(
        old: &'r Router<'c>,
        new: &'r Router<'c>,
        configs: [&Config; 2],
        seen: &'r Remembered,
        seed: u64,
    ) -> Traffic<'r, 'c> {
        Traffic {
            old,
            new,
            wanted: wanted(&configs),
            clients: Clients::of(configs),
            seed,
            seen,
            counted: Counted::default(),
            log: None,
            spans: Spans::default(),
        }
    }

    /// The lines that follow are of this format, and of the log with this number.
    pub fn begin(&mut self, number: usize, format: &LogFormat, assumed: &Assumed) {
        let guess_scheme = !format.tells_scheme() && assumed.tls.is_none() && !assumed.tls_ports.is_empty();
        self.counted.log = number;
        self.log = Some(Log {
            places: format.places(&self.wanted),
            format: format.clone(),
            assumed: assumed.clone(),
            guess_scheme,
            // Lines of another format that look alike mean something else.
            digest: Digest::new(self.seed).with(&number.to_ne_bytes()),
        });
    }

    /// Counts whole lines. `first` is the number of the first of them.
    pub fn lines(&mut self, first: u64, lines: &[u8]) {
        let (mut at, mut number) = (0, first);
        for end in memchr::memchr_iter(b'\n', lines) {
            self.line(number, &lines[at..end]);
            (at, number) = (end + 1, number + 1);
        }
        // The last line of a log may have no end.
        self.line(number, &lines[at..]);
    }

    /// Counts one line, without its line end. `number` is its place in the log, from 1.
    pub fn line(&mut self, number: u64, line: &[u8]) {
        let Some(log) = &self.log else { return };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        if let Err(stuck) = log.format.split(line, &mut self.spans) {
            self.counted.unread(number, line, stuck.at, || log.format.expected(stuck));
            return;
        }
        let mut digest = log.digest;
        for &slot in &log.places.all {
            let value = log.format.raw(line, &self.spans, slot);
            let classes = self.clients.as_ref().filter(|_| log.places.client == Some(slot));
            digest = match classes.and_then(|classes| classes.class(value)) {
                Some(class) => digest.with(&class),
                None => digest.with(value),
            };
        }
        if log.guess_scheme {
            let status = log.format.status(line, &self.spans);
            digest = digest.with(&status.unwrap_or_default().to_ne_bytes());
        }
        let verdict = match self.seen.get(digest) {
            Some(verdict) => verdict,
            None => {
                let verdict = self.judge(line);
                self.seen.put(digest, verdict);
                verdict
            }
        };
        match verdict {
            Verdict::NotHttp => self.counted.not_http += 1,
            Verdict::Same => self.counted.requests += 1,
            Verdict::Changes(key) => {
                self.counted.requests += 1;
                let Some(log) = &self.log else { return };
                let client = log.format.client(line, &self.spans);
                let client = client.map(|client| Digest::new(0).with(client).first());
                self.counted.count(key, client, log.format.path(line, &self.spans));
            }
        }
    }

    /// Counts a line that is too long to be held.
    pub fn too_long(&mut self, number: u64, begins: &[u8], limit: usize) {
        self.counted.unread(number, begins, limit, || format!("the end of the line within {limit} bytes"));
    }

    /// What was counted.
    pub fn counted(self) -> Counted {
        self.counted
    }

    /// Sends the request of a line through both.
    fn judge(&mut self, line: &[u8]) -> Verdict {
        let Some(log) = &self.log else { return Verdict::NotHttp };
        let read = log.format.request(line, &self.spans, &log.places, &log.assumed);
        let Ok(request) = read.map_err(|NotHttp| ()) else { return Verdict::NotHttp };
        let (request, old) = match log.guess_scheme && request.port.is_none() {
            true => self.guessed(request, log.format.status(line, &self.spans)),
            false => {
                let old = self.old.outcome(&request);
                (request, old)
            }
        };
        let new = self.new.outcome(&request);
        match class_key(&old, &new) {
            None => Verdict::Same,
            Some(key) => {
                // Only who is shown is told in words.
                let (before, after) = (self.old, self.new);
                self.counted.first(key, || {
                    let (old, new) = (before.route(&request), after.route(&request));
                    Sides { request, old, new }
                });
                Verdict::Changes(key)
            }
        }
    }

    /// http or https, by what the log says was answered; https where that tells nothing.
    fn guessed(&self, request: Request, status: Option<u16>) -> (Request, Route) {
        let with = |tls: bool| {
            let name = request.header("host").map(|host| host.to_vec());
            let request = Request { tls, sni: name.filter(|_| tls), ..request.clone() };
            let route = self.old.outcome(&request);
            (fit(&route, status), request, route)
        };
        let (plain, tls) = (with(false), with(true));
        let (_, request, route) = if plain.0 > tls.0 { plain } else { tls };
        (request, route)
    }
}

/// How well a way fits the status that was logged.
fn fit(route: &Route, logged: Option<u16>) -> u8 {
    match (&route.outcome, route.status, logged) {
        (Outcome::Close { .. }, _, _) => 0,
        (_, Some(status), Some(logged)) if status == logged => 3,
        (_, Some(_), Some(_)) => 1,
        _ => 2,
    }
}
