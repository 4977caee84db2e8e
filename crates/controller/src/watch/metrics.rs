//! What Prometheus reads: one page, made when it is asked for.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::verdict::{Panel, Verdict};
use evenkeel_fleet::watch::{Answer, VantageId};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::rates;
use crate::ledger::Ledger;
use crate::outbox::Courier;
use crate::rates::Made;

/// How long one reader may take.
const READER_WITHIN: Duration = Duration::from_secs(2);
/// Longest head of a request that is read.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How many readers are served at once.
const READERS_MAX: usize = 16;

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// Listens for readers.
#[derive(Debug)]
pub(super) struct Server {
    asked: mpsc::Receiver<Asked>,
    _listening: JoinSet<()>,
}

/// One reader that asked for the page.
#[derive(Debug)]
pub(super) struct Asked {
    stream: TcpStream,
    /// Whether it wants the head alone.
    head_only: bool,
}

impl Server {
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let (told, asked) = mpsc::channel(READERS_MAX);
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, told));
        Ok(Server { asked, _listening: listening })
    }
}

/// Waits for the next reader; for ever where there is no place for one.
pub(super) async fn asked(server: Option<&mut Server>) -> Asked {
    if let Some(asked) = match server {
        None => None,
        Some(server) => server.asked.recv().await,
    } {
        return asked;
    }
    std::future::pending().await
}

async fn listen(listener: TcpListener, told: mpsc::Sender<Asked>) {
    let room = Arc::new(Semaphore::new(READERS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let told = told.clone();
                tokio::spawn(async move {
                    let _slow_or_gone = tokio::time::timeout(READER_WITHIN, hear(stream, told)).await;
                    drop(place);
                });
            }
            // No descriptor is free: the next moment may have one.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Reads what is asked for. The page is made for whoever asks for it, and for nobody else.
async fn hear(mut stream: TcpStream, told: mpsc::Sender<Asked>) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece).await?;
        if read == 0 || head.len() > HEAD_BYTES_MAX {
            return Ok(());
        }
        head.extend_from_slice(&piece[..read]);
    }
    let is = |start: &str| head.starts_with(start.as_bytes());
    if is("GET /metrics ") || is("GET /metrics?") || is("HEAD /metrics ") || is("HEAD /metrics?") {
        let head_only = is("HEAD");
        let _the_loop_is_gone = told.send(Asked { stream, head_only }).await;
        return Ok(());
    }
    respond(stream, "404 Not Found", "text/plain", "see /metrics\n", is("HEAD")).await
}

impl Asked {
    /// Gives the page, beside the loop.
    pub(super) fn answer(self, page: String) {
        const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        tokio::spawn(async move {
            let answer = respond(self.stream, "200 OK", KIND, &page, self.head_only);
            let _slow_or_gone = tokio::time::timeout(READER_WITHIN, answer).await;
        });
    }
}

async fn respond(
    mut stream: TcpStream,
    status: &str,
    kind: &str,
    body: &str,
    head_only: bool,
) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !head_only {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// The page.
pub(super) fn text<'v>(
    panel: &Panel,
    (vantages, unfit): (impl Iterator<Item = &'v VantageId>, &BTreeMap<VantageId, String>),
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
    let success = gauges("probe_success", "Whether the last answer was as expected");
    let failure = gauges("probe_failure", "The class of the failure of the last answer, where it was one");
    let seconds = gauges("probe_duration_seconds", "How long the last answer took");
    let up = gauges("host_up", "What the vantages agree on");
    for (probe, host, verdict) in panel.verdicts() {
        let labels = labels(&[("probe", &probe.0), ("host", host.as_str())]);
        for (vantage, answer, took) in panel.answers(probe, host) {
            let mut labels = labels.clone();
            labels.push(("vantage".to_owned(), vantage.0.clone()));
            seconds.get_or_create(&labels).set(secs(took));
            success.get_or_create(&labels).set(f64::from(u8::from(*answer == Answer::Up)));
            if let Answer::Down(why) = answer {
                labels.push(("class".to_owned(), why.class().to_owned()));
                failure.get_or_create(&labels).set(1.0);
            }
        }
        if *verdict != Verdict::Unknown {
            up.get_or_create(&labels).set(f64::from(u8::from(*verdict == Verdict::Up)));
        }
    }
    let unfits = gauges("vantage_unfit", "Whether a vantage cannot be relied upon");
    for vantage in vantages {
        let is_unfit = f64::from(u8::from(unfit.contains_key(vantage)));
        unfits.get_or_create(&labels(&[("vantage", &vantage.0)])).set(is_unfit);
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
    let attempts = Family::<Labels, Counter>::default();
    registry.register(
        "alert_attempts",
        "Attempts at delivery since the start, by channel and result",
        attempts.clone(),
    );
    for (channel, result, count) in courier.counts() {
        let labels = labels(&[("channel", channel), ("result", result)]);
        attempts.get_or_create(&labels).inc_by(count);
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
