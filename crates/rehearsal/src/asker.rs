//! Asks nginx in the sandbox, and says what the model expects.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use evenkeel_model::{Config, FileKind, Request, Route, Router};

use crate::client::{self, AskError};
use crate::compare::{Heard, Reached};
use crate::corpus::{Door, NoDoor, door};
use crate::machine::Machine;
use crate::page::page;
use crate::report::Observed;
use crate::stage::Stage;
use crate::stub::StubError;
use crate::watch::millis;
use crate::world::World;

/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// What every stand-in writes its name into.
pub(crate) const STUB_HEADER: &str = "x-evenkeel-stub";
/// How often the model may want to know of more files for one request.
const LOOKS_MAX: usize = 12;

/// What is known of the files inside: filled as the model asks for them.
#[derive(Debug, Default)]
struct Known {
    kinds: RefCell<HashMap<Vec<u8>, FileKind>>,
    wanted: RefCell<Vec<Vec<u8>>>,
}

/// One configuration, ready to be asked.
pub(crate) struct Asker<'c> {
    config: &'c Config,
    machine: &'c Machine,
    router: Router<'c>,
    known: Rc<Known>,
}

impl<'c> Asker<'c> {
    pub(crate) fn new(config: &'c Config, machine: &'c Machine) -> Asker<'c> {
        let known = Rc::new(Known::default());
        let shared = Rc::clone(&known);
        let files = move |path: &[u8]| match shared.kinds.borrow().get(path) {
            Some(kind) => *kind,
            None => {
                shared.wanted.borrow_mut().push(path.to_vec());
                FileKind::Unknown
            }
        };
        Asker { config, machine, router: Router::new(config).with_files(files), known }
    }

    /// What the model says of a request that comes through its door.
    pub(crate) async fn predict(&self, stage: &Stage, request: &Request) -> Route {
        let request = match door(self.config, request, self.machine) {
            Ok((_, request)) => request,
            Err(_) => request.clone(),
        };
        let mut route = self.router.route(&request);
        for _ in 0..LOOKS_MAX {
            let wanted = self.known.wanted.take();
            if wanted.is_empty() {
                break;
            }
            for path in wanted {
                let kind = stage.kind(Path::new(OsStr::from_bytes(&path))).await;
                self.known.kinds.borrow_mut().insert(path, kind);
            }
            route = self.router.route(&request);
        }
        route
    }

    /// Asks it.
    ///
    /// # Errors
    /// When the stand-ins are gone. No answer is an answer.
    pub(crate) async fn ask(
        &self,
        stage: &Stage,
        world: &World<'_>,
        request: &Request,
    ) -> Result<Heard, StubError> {
        let (door, request) = match door(self.config, request, self.machine) {
            Ok(found) => found,
            Err(error) => {
                let not_asked = matches!(error, NoDoor::NotAsked(_));
                let observed = Observed { error: Some(error.to_string()), not_asked, ..Observed::default() };
                return Ok(Heard { observed, not_asked, ..Heard::default() });
            }
        };
        let answer = through(stage, &door, &request).await;
        let seen = world.seen().await?;
        let mut heard = Heard::default();
        match answer {
            Ok(answer) => {
                let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
                heard.observed.status = Some(answer.status);
                heard.observed.location = answer.header("location").map(|location| stage.location(location));
                heard.observed.took_ms = millis(answer.took);
                heard.headers =
                    answer.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
                heard.observed.headers = given(&heard.headers);
                heard.body = answer.body;
            }
            Err(error) => {
                // A socket that speaks HTTP/2 alone answers in a language that this client does not read.
                let foreign = |error: &AskError| {
                    matches!(error, AskError::Unsupported { .. } | AskError::NotHttp { .. })
                };
                heard.not_asked = matches!(&error, Unanswered::Ask(error) if foreign(error));
                heard.observed.not_asked = heard.not_asked;
                heard.observed.error = Some(error.to_string());
            }
        }
        // Of several (a subrequest, a mirror, a second try) the last one answered.
        let asked = seen.into_iter().rev().find(|(seen, _)| !matches!(seen.protocol.as_str(), "dns" | "udp"));
        if let Some((seen, stand)) = asked {
            heard.observed.upstream = stand.names.first().cloned().or_else(|| Some(seen.local.clone()));
            heard.observed.address = Some(stand.address.clone()).filter(|address| !address.is_empty());
            heard.observed.target = Some(seen.target).filter(|target| !target.is_empty());
            let at = if stand.address.is_empty() { seen.local } else { stand.address };
            heard.reached = Some(Reached { names: stand.names, at });
        } else if let Some(stand) = heard.header(STUB_HEADER).and_then(|name| world.named(name)) {
            // An answer of before, from a cache.
            heard.observed.upstream = stand.names.first().cloned();
            heard.observed.address = Some(stand.address.clone()).filter(|address| !address.is_empty());
            heard.reached = Some(Reached { names: stand.names.clone(), at: stand.address.clone() });
        }
        if heard.reached.is_none() {
            heard.observed.page = page(&heard.body);
        }
        Ok(heard)
    }
}

/// Headers that every answer has, or that say how it is sent.
const COMMON: [&str; 14] = [
    "accept-ranges",
    "connection",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "last-modified",
    "location",
    "server",
    "set-cookie",
    "transfer-encoding",
    "vary",
];

fn given(headers: &[(String, String)]) -> Vec<String> {
    let names = headers.iter().map(|(name, _)| name.to_ascii_lowercase());
    let stub = STUB_HEADER.to_ascii_lowercase();
    let mut names: Vec<String> =
        names.filter(|name| *name != stub && !COMMON.contains(&name.as_str())).collect();
    names.sort();
    names.dedup();
    names
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("no connection within {} s", CONNECT_WITHIN.as_secs())]
    Late,
    #[error("failed to connect: {0}")]
    Connect(io::Error),
    #[error("failed to {0}")]
    Ask(AskError),
}

/// Sends a request through a door.
pub(crate) async fn through(
    stage: &Stage,
    door: &Door,
    request: &Request,
) -> Result<client::Answer, Unanswered> {
    match door {
        Door::Inet { from, to } => {
            let stream = within(stage.connect(*from, *to)).await?;
            client::ask(stream, request, ANSWER_WITHIN).await.map_err(Unanswered::Ask)
        }
        Door::Unix(path) => {
            let stream = within(stage.connect_unix(Path::new(OsStr::from_bytes(path)))).await?;
            client::ask(stream, request, ANSWER_WITHIN).await.map_err(Unanswered::Ask)
        }
    }
}

async fn within<S>(connecting: impl Future<Output = io::Result<S>>) -> Result<S, Unanswered> {
    let connected = tokio::time::timeout(CONNECT_WITHIN, connecting).await;
    connected.map_err(|_| Unanswered::Late)?.map_err(Unanswered::Connect)
}
