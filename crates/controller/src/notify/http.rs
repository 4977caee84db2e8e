//! One HTTP request, and what its answer means for an alert.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use evenkeel_fleet::{Span, Timestamp};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Came;

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of it is kept as a receipt.
const RECEIPT_CHARS_MAX: usize = 200;
/// How long a connection may take; the whole attempt has a limit of its own.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// An address of `http` or `https`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    uri: Uri,
    tls: bool,
    host: String,
    port: u16,
}

/// The place alone.
impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

impl Url {
    /// Reads `https://host:port/path`. What is wrong is said without the text, which may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Url, String> {
        let uri: Uri = text.trim().parse().map_err(|_| "the address is no URL".to_owned())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("the address is neither http nor https".to_owned()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the address has no host")?.to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Url { uri, tls, host, port })
    }

    /// Where it leads, without the path: that may be a secret.
    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The same place, and another path behind what is there.
    pub(crate) fn join(&self, path: &str) -> Result<Url, String> {
        let base = self.uri.path().trim_end_matches('/');
        let scheme = if self.tls { "https" } else { "http" };
        let authority = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        Url::parse(&format!("{scheme}://{authority}{base}{path}"))
    }
}

/// Asks over HTTP/1.1, each time on a connection of its own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Client {}

impl Client {
    pub(crate) async fn get(self, url: &Url) -> Came {
        self.ask("GET", url, &[], Vec::new()).await
    }

    pub(crate) async fn post(self, url: &Url, headers: &[(&str, String)], body: Vec<u8>) -> Came {
        self.ask("POST", url, headers, body).await
    }

    async fn ask(self, method: &str, url: &Url, headers: &[(&str, String)], body: Vec<u8>) -> Came {
        let place = url.place();
        let request = Request::builder()
            .method(method)
            .uri(url.path())
            .header(HOST, url.uri.authority().map_or(place.as_str(), |it| it.as_str()))
            .header(USER_AGENT, concat!("evenkeel/", env!("CARGO_PKG_VERSION")));
        let request =
            if body.is_empty() { request } else { request.header(CONTENT_TYPE, "application/json") };
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        // A header that cannot be sent comes from a secret: it is not repeated here.
        let Ok(request) = request.body(Full::new(Bytes::from(body))) else {
            return Came::Unwanted { why: "a header holds what no header may".to_owned() };
        };
        let connecting = async {
            let stream =
                TcpStream::connect((url.host.as_str(), url.port)).await.map_err(|error| error.to_string())?;
            if url.tls {
                tls(url, stream).await.map(|tls| Box::new(tls) as Box<dyn Stream>)
            } else {
                Ok(Box::new(stream) as _)
            }
        };
        let stream = match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(why)) => return Came::failed(format!("connect to {place}: {why}"), false),
            Err(_) => {
                return Came::failed(
                    format!("connect to {place} within {} s", CONNECT_WITHIN.as_secs()),
                    false,
                );
            }
        };
        match exchange(stream, request).await {
            Ok((status, headers, text)) => judge(&place, status, &headers, &text),
            Err(error) => Came::failed(format!("hear an answer of {place}: {error}"), true),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, HeaderMap, String), hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let talk = async move {
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        // The status says enough; what else was said is a courtesy.
        let text =
            body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        Ok((parts.status, parts.headers, text))
    };
    tokio::pin!(connection);
    tokio::pin!(talk);
    tokio::select! {
        answer = &mut talk => answer,
        _closed = &mut connection => talk.await,
    }
}

async fn tls(url: &Url, stream: TcpStream) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        // What this machine trusts; without any, every handshake says so.
        for certificate in rustls_native_certs::load_native_certs().certs {
            let _one_that_is_odd = roots.add(certificate);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks the versions that rustls does")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    });
    let name = url.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name)
        .map_err(|_| "the host is no name that a certificate could have".to_owned())?;
    TlsConnector::from(config.clone()).connect(name, stream).await.map_err(|error| error.to_string())
}

/// What a status means: <https://www.rfc-editor.org/rfc/rfc9110#section-15>.
fn judge(place: &str, status: StatusCode, headers: &HeaderMap, text: &str) -> Came {
    let said: String = text.trim().chars().filter(|c| !c.is_control()).take(RECEIPT_CHARS_MAX).collect();
    let said = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    let why = format!("{place} answers {said}");
    match status.as_u16() {
        200..=299 => Came::Accepted { receipt: said },
        429 => Came::Failed { why, perhaps: false, retry_after: retry_after(headers) },
        503 => Came::Failed { why, perhaps: true, retry_after: retry_after(headers) },
        408 | 425 | 500..=599 => Came::Failed { why, perhaps: true, retry_after: None },
        _ => Came::Unwanted { why },
    }
}

/// `Retry-After`: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Span::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    let date = Timestamp::from_millis(u64::try_from(date).ok()?);
    Some(date.since(crate::local::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_accepted_tried_again_or_unwanted() {
        let of = |status: u16, retry: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(retry) = retry {
                headers.insert(RETRY_AFTER, retry.parse().unwrap());
            }
            judge("a.test:443", StatusCode::from_u16(status).unwrap(), &headers, "ok\u{7}")
        };
        assert_eq!(of(202, None), Came::Accepted { receipt: "202 Accepted: ok".to_owned() });
        assert!(
            matches!(of(429, Some("7")), Came::Failed { perhaps: false, retry_after: Some(it), .. } if it == Span::from_secs(7))
        );
        assert!(matches!(of(500, Some("7")), Came::Failed { perhaps: true, retry_after: None, .. }));
        assert!(matches!(
            of(429, Some("Fri, 31 Dec 1999 23:59:59 GMT")),
            Came::Failed { retry_after: Some(Span::ZERO), .. }
        ));
        for status in [301, 400, 401, 404, 413] {
            assert!(matches!(of(status, None), Came::Unwanted { .. }), "{status}");
        }
    }

    #[test]
    fn a_path_that_may_be_a_secret_is_in_no_message() {
        let url = Url::parse("https://hooks.example/services/T0/s3cr3t?k=v").unwrap();
        assert_eq!(url.place(), "hooks.example:443");
        assert_eq!(url.path(), "/services/T0/s3cr3t?k=v");
        assert!(!Url::parse("ftp://a/s3cr3t").unwrap_err().contains("s3cr3t"));
        let joined = Url::parse("http://[::1]:9093/am/").unwrap().join("/api/v2/alerts").unwrap();
        assert_eq!((joined.path(), joined.place().as_str()), ("/am/api/v2/alerts", "[::1]:9093"));
    }
}
