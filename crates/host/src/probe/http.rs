//! One HTTP request and what came back, held against what was expected.

mod expect;

use std::time::{Duration, Instant};

use evenkeel_fleet::watch::Failure;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request as Sent, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};

use super::tap::{Ear, Heard, Tap};
use super::tls::Tls;
use super::visit::{Prober, Stream, Visit};
use super::{Limits, Target};

pub use expect::Expect;

/// What is to be known of this kind.
pub(super) const PAGE: &str = "Sends one GET or HEAD by HTTP/1.1, over TLS for https. Up: status, headers and contents are as \
expected. Redirects are answers; they are not followed.";

/// How the probes of this program call themselves.
pub const AGENT: &str = concat!("evenkeel-probe/", env!("CARGO_PKG_VERSION"));

/// How many bytes of a body are kept.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// How many bytes the head of an answer may have.
const HEAD_BYTES_MAX: usize = 1 << 16;

/// The methods a probe may use: those that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
}

/// A request that is sent once, on a connection of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Request {
    /// How.
    #[serde(default)]
    pub method: Method,
    /// Path and query, as sent.
    pub uri: String,
    /// The `Host` header.
    pub host: String,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The handshake before it, when it goes over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// A request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Http {
    /// What is sent.
    pub request: Request,
    /// What must come back.
    #[serde(default)]
    pub expect: Expect,
}

/// Why a text is no URL to ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {url:?} as http://HOST/PATH or https://HOST/PATH: {reason}")]
pub struct BadUrl {
    url: String,
    reason: String,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
    /// Whether more of it came.
    pub truncated: bool,
    /// From the first packet to the last byte.
    pub took: Duration,
}

impl Request {
    /// A GET for a URL: its host is the `Host` header and, over TLS, the name that is asked for.
    ///
    /// # Errors
    /// [`BadUrl`] when it is none, or of another scheme.
    pub fn get(url: &str) -> Result<Request, BadUrl> {
        let bad = |reason: &str| BadUrl { url: url.chars().take(200).collect(), reason: reason.to_owned() };
        let parsed: Uri = url.parse().map_err(|error: hyper::http::uri::InvalidUri| bad(&error.to_string()))?;
        let authority = parsed.authority().ok_or_else(|| bad("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user and password do not belong into it"));
        }
        let tls = match parsed.scheme_str() {
            Some("http") => None,
            Some("https") => Some(Tls::new(authority.host())),
            _ => return Err(bad("neither http nor https")),
        };
        let uri = parsed.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Request { method: Method::Get, uri, host: authority.as_str().to_owned(), headers: Vec::new(), tls })
    }

    /// The host of it, without a port: a name, or an address without brackets.
    #[must_use]
    pub fn host_name(&self) -> &str {
        let without_port = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
            _ => &self.host,
        };
        without_port.trim_matches(['[', ']'])
    }

    /// The port that it goes to when nobody says otherwise.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.tls.is_some() { 443 } else { 80 };
        let said = self.host.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        said.and_then(|(_, port)| port.parse().ok()).unwrap_or(default)
    }

    pub(super) fn sent(&self) -> Result<Sent<Empty<Bytes>>, Failure> {
        let bad = |reason: String| Failure::OwnSide { reason };
        let method = match self.method {
            Method::Get => hyper::Method::GET,
            Method::Head => hyper::Method::HEAD,
        };
        let mut request = Sent::builder().method(method).uri(&self.uri);
        let mut said = Vec::new();
        let host = [(HOST.as_str(), self.host.as_str())];
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in host.into_iter().chain(headers) {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| bad(format!("{name:?} is not a header name")))?;
            let value =
                HeaderValue::from_str(value).map_err(|_| bad(format!("the value of {name} cannot be sent")))?;
            said.push(name.clone());
            request = request.header(name, value);
        }
        for (name, value) in [(CONNECTION, "close"), (USER_AGENT, AGENT)] {
            if !said.contains(&name) {
                request = request.header(name, HeaderValue::from_static(value));
            }
        }
        request.body(Empty::new()).map_err(|error| bad(format!("{:?} cannot be asked for: {error}", self.uri)))
    }
}

impl Http {
    /// A GET for a URL, whose answer must be a success or a redirect.
    ///
    /// # Errors
    /// [`BadUrl`] when it is none, or of another scheme.
    pub fn get(url: &str) -> Result<Http, BadUrl> {
        Ok(Http { request: Request::get(url)?, expect: Expect::default() })
    }

    pub(super) async fn ask(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let reply = exchange(visit, &self.request).await?;
        visit.seen.hint = hint(&reply);
        self.expect.judge(&reply, visit.started.elapsed())
    }
}

/// Sends one request and reads its answer, whatever it is. Needs a tokio runtime with IO and time.
///
/// # Errors
/// [`Failure`] is what a client would have met.
pub async fn send(target: &Target, request: &Request, limits: Limits) -> Result<Reply, Failure> {
    Prober::default().send(target, request, limits).await
}

impl Prober {
    /// The same, with whom to trust read once for many requests.
    ///
    /// # Errors
    /// [`Failure`] is what a client would have met.
    pub async fn send(&self, target: &Target, request: &Request, limits: Limits) -> Result<Reply, Failure> {
        let mut visit = Visit::new(self, target, limits);
        exchange(&mut visit, request).await
    }
}

async fn exchange(visit: &mut Visit<'_>, request: &Request) -> Result<Reply, Failure> {
    let sent = request.sent()?;
    let stream = visit.connect().await?;
    match &request.tls {
        None => over(visit, sent, stream).await,
        Some(tls) => {
            let stream = tls.shake(visit, stream, &["http/1.1"]).await?;
            over(visit, sent, Box::new(stream)).await
        }
    }
}

async fn over(
    visit: &mut Visit<'_>,
    request: Sent<Empty<Bytes>>,
    stream: Box<dyn Stream>,
) -> Result<Reply, Failure> {
    let (stream, ear) = Tap::new(stream);
    let begun = Instant::now();
    let ended = visit.within(talk(stream, request, &ear)).await;
    let heard = ear.heard();
    if let Some(first_at) = heard.first_at {
        visit.phases.first_byte = Some(first_at.duration_since(begun));
        visit.phases.rest = Some(first_at.elapsed());
    }
    let mut reply = ended.unwrap_or_else(|| Err(heard.timed_out()))?;
    reply.took = visit.started.elapsed();
    visit.seen.status = Some(reply.status);
    visit.seen.body_bytes = Some(reply.body.len() as u64);
    Ok(reply)
}

async fn talk(
    stream: Tap<Box<dyn Stream>>,
    request: Sent<Empty<Bytes>>,
    ear: &Ear,
) -> Result<Reply, Failure> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| failure(&error, &ear.heard()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failure(&error, &ear.heard()))?;
        read(response).await.map_err(|error| failure(&error, &ear.heard()))
    };
    // The connection has to be driven while the answer is read, and is of no interest after that.
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        reply = &mut answer => reply,
        // What ended the connection has reached the answer as well, and says more there.
        _ended = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>) -> Result<Reply, hyper::Error> {
    let (head, mut incoming) = response.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body: Vec::new(),
        truncated: false,
        took: Duration::ZERO,
    };
    while let Some(frame) = incoming.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        let room = BODY_BYTES_MAX - reply.body.len();
        reply.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            reply.truncated = true;
            break;
        }
    }
    Ok(reply)
}

/// What it means that an exchange ended with `error` after this was heard.
fn failure(error: &hyper::Error, heard: &Heard) -> Failure {
    if error.is_parse() && heard.bytes > 0 {
        return Failure::NotHttp;
    }
    // A body in chunks that are none is refused as one that is read badly, while the stream goes on.
    heard.ended().unwrap_or(Failure::NotHttp)
}

/// What nginx says of itself in the error pages that it makes: two of them look like any other 400 by their status.
///
/// Source: `ngx_http_error_496_page`, `ngx_http_error_497_page`, src/http/ngx_http_special_response.c (1.31)
fn hint(reply: &Reply) -> Option<String> {
    let known = [
        "The plain HTTP request was sent to HTTPS port",
        "No required SSL certificate was sent",
        "The SSL certificate error",
    ];
    let body = String::from_utf8_lossy(&reply.body[..reply.body.len().min(4_096)]);
    known.iter().find(|text| reply.status == 400 && body.contains(**text)).map(|text| (*text).to_owned())
}
