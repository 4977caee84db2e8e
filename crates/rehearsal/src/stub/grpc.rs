//! HTTP/2, as gRPC speaks it: an empty message, and the trailer that says it went well.

use std::io::{self, Cursor};

use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::task::JoinSet;

use super::Behaviour;
use super::http::printable;
use super::speak::{Asked, Exchange, HEAD_BYTES_MAX};
use crate::stream::{IDLE, Stream};

/// A message of no bytes: not compressed, length 0.
const EMPTY_MESSAGE: [u8; 5] = [0; 5];

/// How many requests may be open on one connection.
const STREAMS_MAX: u32 = 128;

type Piece = Cursor<Vec<u8>>;

pub(super) async fn serve(stream: impl Stream, exchange: &Exchange) -> io::Result<()> {
    let mut builder = h2::server::Builder::new();
    let head_bytes_max = u32::try_from(HEAD_BYTES_MAX).expect("64 KiB are counted in u32");
    builder.max_header_list_size(head_bytes_max).max_concurrent_streams(STREAMS_MAX);
    let handshake = tokio::time::timeout(IDLE, builder.handshake::<_, Piece>(stream)).await?;
    let mut connection = handshake.map_err(io::Error::other)?;
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            next = tokio::time::timeout(IDLE, connection.accept()) => {
                let Some(next) = next? else { return Ok(()) };
                let (request, answer) = next.map_err(io::Error::other)?;
                if exchange.served.behaviour() == Behaviour::Close {
                    return Ok(());
                }
                open.spawn(one(request, answer, exchange.clone()));
            }
            Some(_ended) = open.join_next() => {}
        }
    }
}

async fn one(
    request: Request<RecvStream>,
    mut answer: SendResponse<Piece>,
    exchange: Exchange,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    while let Some(piece) = body.data().await {
        let length = piece?.len();
        body.flow_control().release_capacity(length)?;
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let is_grpc =
        head.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let told = exchange.reached(Asked {
        protocol: if is_grpc { "grpc" } else { "http" },
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        version: "HTTP/2.0".to_owned(),
        host: head.uri.authority().map(ToString::to_string),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
    });
    let (status, fill) = match exchange.served.behaviour() {
        Behaviour::Silent | Behaviour::Close => return std::future::pending().await,
        Behaviour::Echo => (200, 0),
        Behaviour::Status(status) => (status, 0),
        Behaviour::Headers(bytes) => (200, bytes as usize),
    };
    let name = HeaderValue::from_str(&printable(&exchange.served.name));
    let kind = if is_grpc { "application/grpc" } else { "application/json" };
    let mut head = Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::OK);
    let headers = head.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
    headers.insert("x-evenkeel-stub", name.unwrap_or_else(|_| HeaderValue::from_static("stub")));
    if fill > 0 {
        let fill = HeaderValue::from_str(&"x".repeat(fill));
        headers.insert("x-evenkeel-fill", fill.expect("letters are a value"));
    }
    let mut stream = answer.send_response(head, false)?;
    if is_grpc {
        stream.send_data(Cursor::new(EMPTY_MESSAGE.to_vec()), false)?;
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        stream.send_trailers(trailers)
    } else {
        stream.send_data(Cursor::new(told), true)
    }
}
