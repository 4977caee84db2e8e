//! What Prometheus reads: one page, made when it is asked for.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::verdict::{Panel, Verdict};
use evenkeel_fleet::watch::{Answer, VantageId};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::rates;
use crate::ledger::Ledger;
use crate::outbox::Courier;
use crate::rates::Made;

/// How long one reader may take.
const READER_WITHIN: Duration = Duration::from_secs(2);
/// Longest head of a request that is read.
const HEAD_BYTES_MAX: usize = 8 * 1024;

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// Listens for readers.
#[derive(Debug)]
pub(super) struct Server(TcpListener);

/// One reader.
#[derive(Debug)]
pub(super) struct Asked(TcpStream);

impl Server {
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Server> {
        TcpListener::bind(address).await.map(Server)
    }
}

/// Waits for the next reader; for ever where there is no place for one.
pub(super) async fn asked(server: Option<&Server>) -> Asked {
    match server {
        None => std::future::pending().await,
        Some(Server(listener)) => loop {
            match listener.accept().await {
                Ok((stream, _)) => return Asked(stream),
                // No descriptor is free: the next tick may have one.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        },
    }
}

impl Asked {
    /// Gives the page, beside the loop.
    pub(super) fn answer(self, page: String) {
        tokio::spawn(tokio::time::timeout(READER_WITHIN, respond(self.0, page)));
    }
}

async fn respond(mut stream: TcpStream, page: String) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await?;
        if read == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(());
        }
        head.extend_from_slice(&piece[..read]);
    }
    let found = head.starts_with(b"GET /metrics ") || head.starts_with(b"GET /metrics?");
    let (status, body) =
        if found { ("200 OK", page) } else { ("404 Not Found", "see /metrics\n".to_owned()) };
    let kind =
        if found { "application/openmetrics-text; version=1.0.0; charset=utf-8" } else { "text/plain" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// The page.
pub(super) fn text(
    panel: &Panel,
    unfit: &BTreeMap<VantageId, String>,
    rates: &rates::Known,
    ledger: &Ledger,
    courier: &Courier,
    now: Timestamp,
) -> String {
    let mut registry = Registry::with_prefix("evenkeel");
    let mut gauges = |name: &str, help: &str| {
        let family = Gauges::default();
        registry.register(name, help, family.clone());
        family
    };
    let success =
        gauges("probe_success", "Whether the last answer was as expected, with the class of its failure");
    let seconds = gauges("probe_duration_seconds", "How long the last answer took");
    let up = gauges("host_up", "What the vantages agree on");
    for (probe, host, verdict) in panel.verdicts() {
        let labels = labels(&[("probe", &probe.0), ("host", host.as_str())]);
        for (vantage, answer, took) in panel.answers(probe, host) {
            let class = match answer {
                Answer::Up => "",
                Answer::Down(failure) => failure.class(),
            };
            let mut labels = labels.clone();
            labels.push(("vantage".to_owned(), vantage.0.clone()));
            seconds.get_or_create(&labels).set(secs(took));
            labels.push(("class".to_owned(), class.to_owned()));
            success.get_or_create(&labels).set(f64::from(u8::from(*answer == Answer::Up)));
        }
        if *verdict != Verdict::Unknown {
            up.get_or_create(&labels).set(f64::from(u8::from(*verdict == Verdict::Up)));
        }
    }
    let unfits = gauges("vantage_unfit", "Whether a vantage cannot be relied upon");
    for vantage in unfit.keys() {
        unfits.get_or_create(&labels(&[("vantage", &vantage.0)])).set(1.0);
    }
    let answered =
        gauges("answers_per_second", "Requests that a host answered lately, without those of probes");
    let failed = gauges(
        "failures_per_second",
        "Those of them that failed, by the hundred of their status and by who made it",
    );
    for (host, counts) in rates.last() {
        let per_second = |count: u64| {
            let count = number(usize::try_from(count).unwrap_or(usize::MAX));
            count / Duration::from_millis(counts.took_ms.max(1)).as_secs_f64()
        };
        answered.get_or_create(&labels(&[("host", host.as_str())])).set(per_second(counts.answered));
        for by in [Made::Nginx, Made::Upstream, Made::Unknown] {
            for hundred in [4, 5] {
                let of_kind = counts.failed.iter().find(|it| it.by == by && it.hundred == hundred);
                let labels =
                    labels(&[("host", host.as_str()), ("class", &format!("{hundred}xx")), ("by", by.name())]);
                failed.get_or_create(&labels).set(per_second(of_kind.map_or(0, |it| it.count)));
            }
        }
    }
    let open = gauges("incidents_open", "Incidents that are not over");
    for severity in ["note", "warning", "critical"] {
        let count = ledger.state().open().filter(|it| it.severity().name() == severity).count();
        open.get_or_create(&labels(&[("severity", severity)])).set(number(count));
    }
    let outbox = ledger.state().outbox();
    let pending = gauges("outbox_pending", "Deliveries that are neither accepted nor given up");
    pending.get_or_create(&Vec::new()).set(number(outbox.pending()));
    let age = gauges("outbox_oldest_seconds", "Age of the oldest alert that no channel has accepted");
    age.get_or_create(&Vec::new()).set(outbox.oldest().map_or(0.0, |at| secs(now.since(at))));
    let unwritten = gauges(
        "journal_unwritten_events",
        "Events that are kept in memory because the journal cannot be written",
    );
    unwritten.get_or_create(&Vec::new()).set(number(ledger.unwritten().map_or(0, |(count, _)| count)));
    let attempts = gauges("alert_attempts", "Attempts at delivery since the start, by channel and result");
    for (channel, result, count) in courier.counts() {
        let labels = labels(&[("channel", channel), ("result", result)]);
        attempts.get_or_create(&labels).set(number(usize::try_from(count).unwrap_or(usize::MAX)));
    }
    let mut page = String::new();
    // Writing to a string does not fail.
    let _infallible = encode(&mut page, &registry);
    page
}

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn secs(span: evenkeel_fleet::Span) -> f64 {
    Duration::from_millis(span.as_millis()).as_secs_f64()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
