//! `probe`: asks, and says how far it came, what it met and how long each part took.

mod show;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use evenkeel_fleet::watch::{Answer, Failure};
use evenkeel_host::probe::dns::{Dns, Family};
use evenkeel_host::probe::http::{Expect, Http, Method};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::vantage::Remote;
use evenkeel_host::probe::{Ask, Doubt, Limits, Phases, Prober, Report, Seen, Spec, Target, names};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::args;
use crate::output::{Exit, Output, put};

/// How many addresses of a name are asked.
const ADDRESSES_MAX: usize = 16;
/// A file of authorities larger than this is none.
const CA_BYTES_MAX: u64 = 4 << 20;

/// What is asked, before it is known where.
struct Wanted {
    url: String,
    ask: Ask,
    host: String,
    port: u16,
}

/// What came of one question.
struct Asked {
    url: String,
    /// `None`: it did not come to an address.
    target: Option<Target>,
    report: Report,
}

/// Who asks.
#[derive(Clone)]
enum From {
    Here(Arc<Prober>),
    There(Remote),
}

pub(crate) fn probe(args: &args::Probe, output: Output) -> anyhow::Result<Exit> {
    let ca = args.ca.as_ref().map(|path| read_ca(path)).transpose()?;
    let wanted: Vec<Wanted> =
        args.urls.iter().map(|url| want(url, args, ca.as_deref())).collect::<anyhow::Result<_>>()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("make a runtime")?;
    runtime.block_on(async {
        let from = match &args.from {
            None => From::Here(Arc::default()),
            Some(host) => From::There(Remote::new(Remote::ssh(host))),
        };
        let (mut doubt, mut rounds, mut worst) = (Doubt::default(), Vec::new(), Exit::Yes);
        let began = tokio::time::Instant::now();
        for round in 0..args.count {
            tokio::time::sleep_until(began + args.every * round).await;
            let mut asked = ask(&from, &wanted, args).await?;
            for one in &mut asked {
                settle(&mut doubt, one);
                worst = worse(worst, &one.report.answer);
            }
            if output.json {
                rounds.push(asked.iter().map(show::document).collect::<Vec<Value>>());
            } else {
                asked.iter().for_each(|one| put(&show::text(one, output)));
            }
        }
        if output.json {
            put(&json!({ "rounds": rounds }).to_string());
        }
        Ok(worst)
    })
}

/// Silence where a firewall was heard a moment ago is that firewall.
fn settle(doubt: &mut Doubt, asked: &mut Asked) {
    let Some(Target::Tcp(port)) = asked.target else { return };
    let failure = match &asked.report.answer {
        Answer::Up => None,
        Answer::Down(failure) => Some(failure.clone()),
    };
    if let Some(sure) = doubt.settle(port, failure.as_ref(), Instant::now()) {
        asked.report.answer = Answer::Down(sure);
    }
}

fn worse(worst: Exit, answer: &Answer) -> Exit {
    match (worst, answer) {
        (Exit::CouldNotLook, _) | (_, Answer::Down(Failure::OwnSide { .. })) => Exit::CouldNotLook,
        (Exit::Yes, Answer::Up) => Exit::Yes,
        _ => Exit::No,
    }
}

fn read_ca(path: &std::path::Path) -> anyhow::Result<String> {
    let about = || format!("read {}", path.display());
    if std::fs::metadata(path).with_context(about)?.len() > CA_BYTES_MAX {
        bail!("{}: it is larger than {CA_BYTES_MAX} bytes", about());
    }
    std::fs::read_to_string(path).with_context(about)
}

fn want(url: &str, args: &args::Probe, ca: Option<&str>) -> anyhow::Result<Wanted> {
    let tls = |name: &str| Tls { ca: ca.map(str::to_owned), ..Tls::new(name) };
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| anyhow!("read \"{}\" as a URL", url.escape_debug()))?;
    let (ask, host, port) = match scheme {
        "tcp" => {
            let (host, port) = host_and_port(rest, None)?;
            (Ask::Tcp(Tcp {}), host, port)
        }
        "tls" => {
            let (host, port) = host_and_port(rest, Some(443))?;
            (Ask::Tls(tls(&host)), host, port)
        }
        "dns" => {
            let (server, name) =
                rest.split_once('/').ok_or_else(|| anyhow!("read \"{url}\" as dns://SERVER/NAME"))?;
            let (host, port) = host_and_port(server, Some(53))?;
            let family = if args.ipv6 { Family::Ipv6 } else { Family::Ipv4 };
            (Ask::Dns(Dns { name: name.to_owned(), family, expect: args.expect_address.clone() }), host, port)
        }
        _ => {
            let mut http = Http::get(url)?;
            if args.head {
                http.request.method = Method::Head;
            }
            http.request.headers.clone_from(&args.header);
            http.request.tls = http.request.tls.map(|asked| tls(&asked.name));
            http.expect = Expect {
                status: args.expect_status.clone(),
                contains: args.contains.clone(),
                lacks: args.lacks.clone(),
                headers: args.expect_header.clone(),
                within_ms: args.within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX)),
            };
            let (host, port) = (http.request.host_name().to_owned(), http.request.port());
            (Ask::Http(http), host, port)
        }
    };
    Ok(Wanted { url: url.to_owned(), ask, host, port })
}

fn host_and_port(text: &str, default: Option<u16>) -> anyhow::Result<(String, u16)> {
    let text = text.trim_end_matches('/');
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip().to_string(), address.port()));
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        let port = default.ok_or_else(|| anyhow!("read the port of \"{}\"", text.escape_debug()))?;
        return Ok((address.to_string(), port));
    }
    let (host, port) = match text.split_once(':') {
        None => (text, default),
        Some((host, port)) => (host, port.parse().ok()),
    };
    match port {
        Some(port) if !host.is_empty() => Ok((host.to_owned(), port)),
        _ => bail!("read \"{}\" as HOST:PORT", text.escape_debug()),
    }
}

/// Asks everything once, all at the same time, and gives the answers in order.
async fn ask(from: &From, wanted: &[Wanted], args: &args::Probe) -> anyhow::Result<Vec<Asked>> {
    let mut asking = JoinSet::new();
    let limits =
        Limits { connect_ms: Limits::within(args.connect_limit).connect_ms, ..Limits::within(args.limit) };
    let mut place = 0;
    let mut done: Vec<(usize, Asked)> = Vec::new();
    for wanted in wanted {
        let targets = match targets(wanted, args, limits).await? {
            Ok(targets) => targets,
            Err(report) => {
                done.push((place, Asked { url: wanted.url.clone(), target: None, report: *report }));
                place += 1;
                continue;
            }
        };
        for target in targets {
            let spec = Spec {
                target: target.clone(),
                ask: wanted.ask.clone(),
                limits,
                proxy_protocol: args.proxy_protocol,
            };
            let (from, url) = (from.clone(), wanted.url.clone());
            asking.spawn(async move {
                let report = match from {
                    From::Here(prober) => prober.ask(&spec).await,
                    From::There(remote) => match remote.ask(&spec).await {
                        Ok(report) => report,
                        Err(error) => failed(Failure::OwnSide { reason: format!("failed to {error}") }),
                    },
                };
                (place, Asked { url, target: Some(target), report })
            });
            place += 1;
        }
    }
    done.extend(asking.join_all().await);
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, asked)| asked).collect())
}

/// Where to connect for a question; a name that leads nowhere is an answer.
async fn targets(
    wanted: &Wanted,
    args: &args::Probe,
    limits: Limits,
) -> anyhow::Result<Result<Vec<Target>, Box<Report>>> {
    if let Some(connect) = &args.connect {
        let target = match connect.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Target::Tcp(SocketAddr::new(address, wanted.port)),
            Err(_) => connect.parse()?,
        };
        return Ok(Ok(vec![target]));
    }
    let families: &[Family] = match (args.ipv4, args.ipv6, &wanted.ask) {
        (true, _, _) => &[Family::Ipv4],
        // For a name server it says what is asked for, and not how.
        (_, true, ask) if !matches!(ask, Ask::Dns(_)) => &[Family::Ipv6],
        _ => &[Family::Ipv4, Family::Ipv6],
    };
    let started = Instant::now();
    let (mut found, mut first) = (Vec::new(), None);
    for family in families {
        match names::addresses(&wanted.host, *family, limits).await {
            Ok(addresses) => found.extend(addresses),
            Err(failure) => first = first.or(Some(failure)),
        }
    }
    found.truncate(ADDRESSES_MAX);
    if found.is_empty() {
        let mut report = failed(first.unwrap_or(Failure::Filtered));
        report.took = started.elapsed();
        return Ok(Err(Box::new(report)));
    }
    Ok(Ok(found.into_iter().map(|address| Target::Tcp(SocketAddr::new(address, wanted.port))).collect()))
}

fn failed(failure: Failure) -> Report {
    Report {
        answer: Answer::Down(failure),
        took: std::time::Duration::ZERO,
        phases: Phases::default(),
        seen: Seen::default(),
    }
}
