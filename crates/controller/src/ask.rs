//! Asks the requests of `routes.toml` of this host's own nginx, and keeps count of what came back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::journal::RouteAnswer;
use evenkeel_fleet::watch::{CertificateFault, Failure};
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_host::probe::http::{Method, Reply, Request};
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::{Limits, Prober, Target};
use evenkeel_syntax::secret::redact_str;
use tokio::runtime::Runtime;

use crate::local::now;
use crate::routes::Route;

/// How long connecting to this machine itself may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long the first look at new workers may take: the proof waits for it.
const FIRST_LOOK_WITHIN: Duration = Duration::from_secs(1);
/// How many requests are under way at once.
const AT_ONCE: usize = 64;

/// The requests of a release, and what they were answered in one phase.
#[derive(Debug)]
pub struct Asker<'a> {
    routes: &'a [Route],
    listens: Vec<Listen>,
    prober: Prober,
    tally: Vec<RouteAnswer>,
    /// Routes whose wrong answers are counted and decide nothing.
    forgiven: Vec<Route>,
}

impl<'a> Asker<'a> {
    /// Asks `routes` of an nginx that listens on `listens`.
    #[must_use]
    pub fn new(routes: &'a [Route], listens: &[Listen]) -> Asker<'a> {
        Asker {
            routes,
            listens: listens.to_vec(),
            prober: Prober::default(),
            tally: routes.iter().map(blank).collect(),
            forgiven: Vec::new(),
        }
    }

    /// Lets wrong answers of these routes decide nothing: they were wrong before the change already.
    #[must_use]
    pub fn forgiving(mut self, routes: Vec<Route>) -> Asker<'a> {
        self.forgiven = routes;
        self
    }

    /// Those of `old` that are asked here too and have been answered wrongly.
    #[must_use]
    pub fn wrong_already(&self, old: &[Route]) -> Vec<Route> {
        let wrong = self.routes.iter().zip(&self.tally).filter(|(_, tally)| tally.wrong > 0);
        wrong.filter(|(route, _)| old.contains(route)).map(|(route, _)| route.clone()).collect()
    }

    /// Asks every route once, all within one limit. Gives the first wrong answer that matters, if there is one.
    pub fn round(&mut self, runtime: &Runtime) -> Option<String> {
        self.ask(runtime, ANSWER_WITHIN, |_, _| true)
    }

    /// Asks the routes that decide something, once.
    pub fn live_round(&mut self, runtime: &Runtime) -> Option<String> {
        self.ask(runtime, ANSWER_WITHIN, |route, forgiven| route.live.is_some() && !forgiven)
    }

    /// Asks the routes that decide something, while a proof waits: what takes longer than a second is left for later.
    pub fn first_look(&mut self, runtime: &Runtime) -> Option<String> {
        self.ask(runtime, FIRST_LOOK_WITHIN, |route, forgiven| route.live.is_some() && !forgiven)
    }

    /// Asks the routes that were not asked yet.
    pub fn rest(&mut self, runtime: &Runtime) -> Option<String> {
        let asked: Vec<String> =
            self.tally.iter().filter(|tally| tally.asked > 0).map(|tally| tally.request.clone()).collect();
        self.ask(runtime, ANSWER_WITHIN, |route, _| {
            !asked.contains(&redact_str(&route.request()).into_owned())
        })
    }

    fn ask(
        &mut self,
        runtime: &Runtime,
        limit: Duration,
        wanted: impl Fn(&Route, bool) -> bool,
    ) -> Option<String> {
        let end = Instant::now() + limit;
        let forgiven = |route: &Route| self.forgiven.contains(route);
        let all: Vec<usize> = (0..self.routes.len())
            .filter(|at| wanted(&self.routes[*at], forgiven(&self.routes[*at])))
            .collect();
        let mut wrong = None;
        for chunk in all.chunks(AT_ONCE) {
            let left = end.saturating_duration_since(Instant::now());
            let asked = chunk.iter().map(|at| ask(&self.prober, &self.routes[*at], &self.listens, left));
            let answers = runtime.block_on(together(asked.collect()));
            for (at, answer) in chunk.iter().zip(answers) {
                let route = &self.routes[*at];
                if matches!(answer, Answer::Slow) && limit < ANSWER_WITHIN {
                    continue;
                }
                let lacks = count(&mut self.tally[*at], route, answer, now());
                wrong = wrong.or(lacks.filter(|_| !self.forgiven.contains(route)));
            }
        }
        wrong
    }

    /// How many routes that decide something were asked.
    #[must_use]
    pub fn live_asked(&self) -> usize {
        let both = self.routes.iter().zip(&self.tally);
        both.filter(|(route, tally)| route.live.is_some() && tally.asked > 0).count()
    }

    /// Routes that should decide something and cannot be asked, and why.
    #[must_use]
    pub fn unasked(&self) -> Vec<String> {
        let both = self.routes.iter().zip(&self.tally);
        let never = both.filter(|(route, tally)| route.live.is_some() && tally.answer.starts_with(NOT_ASKED));
        never.map(|(_, tally)| format!("live route \"{}\" was {}", tally.route, tally.answer)).collect()
    }

    /// What was answered so far.
    #[must_use]
    pub fn answers(&self) -> Vec<RouteAnswer> {
        self.tally.clone()
    }

    /// Whether anything was asked.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        self.tally.iter().any(|tally| tally.asked > 0)
    }

    /// Whether anything rests on the answers.
    #[must_use]
    pub fn has_live(&self) -> bool {
        self.routes.iter().any(|route| route.live.is_some())
    }
}

/// How the answer of a route begins that cannot be asked.
const NOT_ASKED: &str = "not asked: ";

/// Runs every future on this thread, all at once, and gives their results in order.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut pinned: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, result) in &mut pinned {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *result = Some(output),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    pinned.into_iter().filter_map(|(_, result)| result).collect()
}

fn blank(route: &Route) -> RouteAnswer {
    let expected = match &route.live {
        None => "nothing".to_owned(),
        Some(live) => {
            let status = live.status.map(|status| status.to_string());
            let contains = live.contains.as_ref().map(|text| format!("\"{text}\" in its body"));
            let headers = live.headers.iter().map(|(name, value)| format!("{name}: {value}"));
            status.into_iter().chain(contains).chain(headers).collect::<Vec<_>>().join(", ")
        }
    };
    RouteAnswer {
        route: redact_str(&route.name).into_owned(),
        request: redact_str(&route.request()).into_owned(),
        expected: redact_str(&expected).into_owned(),
        answer: "not asked".to_owned(),
        asked: 0,
        wrong: 0,
        first_wrong: None,
        last_wrong: None,
    }
}

/// What one request was answered.
enum Answer {
    Came {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        took: Duration,
    },
    Failed(String),
    /// No whole answer in time.
    Slow,
    /// It cannot be asked here, whatever nginx does.
    NotAsked(String),
}

/// Counts one answer; says what it lacks.
fn count(tally: &mut RouteAnswer, route: &Route, answer: Answer, at: Timestamp) -> Option<String> {
    let lacks = match (&answer, &route.live) {
        (Answer::NotAsked(why), _) => {
            tally.answer = format!("{NOT_ASKED}{why}");
            return None;
        }
        (Answer::Slow, live) => {
            tally.answer = "no whole answer in time".to_owned();
            live.is_some().then(|| "got no whole answer in time".to_owned())
        }
        (Answer::Failed(why), live) => {
            tally.answer = why.clone();
            live.is_some().then(|| format!("got no answer: {why}"))
        }
        (Answer::Came { status, headers, body, took }, live) => {
            tally.answer = format!("{status} in {} ms", took.as_millis());
            live.as_ref().and_then(|live| live.lacks(*status, headers, body))
        }
    };
    tally.asked += 1;
    let lacks = redact_str(&lacks?).into_owned();
    tally.wrong += 1;
    tally.first_wrong.get_or_insert(at);
    tally.last_wrong = Some(at);
    Some(format!("live route \"{}\" {lacks} ({})", tally.route, tally.request))
}

async fn ask(prober: &Prober, route: &Route, listens: &[Listen], limit: Duration) -> Answer {
    let method = match route.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        other => return Answer::NotAsked(format!("{other} is not asked of a live nginx yet")),
    };
    let target = match target(route, listens) {
        Ok(target) => target,
        // Users who ask for it get no answer either.
        Err(why) => return Answer::Failed(why),
    };
    let request = Request {
        method,
        uri: route.target.clone(),
        host: route.authority(),
        headers: route.headers.clone(),
        tls: (route.scheme == "https").then(|| Tls::new(&route.host)),
    };
    let limits = Limits { connect_ms: Limits::within(CONNECT_WITHIN).connect_ms, ..Limits::within(limit) };
    match sent(prober, &target, request, limits).await {
        Ok(sample) => {
            let text =
                |(name, value): (String, Vec<u8>)| (name, String::from_utf8_lossy(&value).into_owned());
            let headers = sample.headers.into_iter().map(text).collect();
            Answer::Came { status: sample.status, headers, body: sample.body, took: sample.took }
        }
        Err(Failure::Silent | Failure::Slow) => Answer::Slow,
        Err(failure) => Answer::Failed(failure.to_string()),
    }
}

/// Sends a request. Whom clients trust is theirs: a certificate of an authority that this machine does not know is taken, and
/// one that is over, or for another name, is not.
async fn sent(
    prober: &Prober,
    target: &Target,
    mut request: Request,
    limits: Limits,
) -> Result<Reply, Failure> {
    let first = prober.send(target, &request, limits).await;
    let untrusted = matches!(
        first,
        Err(Failure::Certificate(CertificateFault::UnknownIssuer | CertificateFault::SelfSigned)
            | Failure::OwnSide { .. })
    );
    match &mut request.tls {
        Some(tls) if untrusted => tls.verify = false,
        _ => return first,
    }
    prober.send(target, &request, limits).await
}

/// Where to connect for a route: `listen` of the route, else a listen of the configuration with the port of the URL, the
/// address of the URL before any other. Never another machine.
fn target(route: &Route, listens: &[Listen]) -> Result<Target, String> {
    if let Some(listen) = &route.listen {
        if let Some(path) = listen.strip_prefix("unix:") {
            return Ok(Target::Unix(PathBuf::from(path)));
        }
        let address = listen.parse().map_err(|_| format!("\"{listen}\" is not ADDRESS:PORT"))?;
        return own(address, listens).map(Target::Tcp);
    }
    let named: Option<IpAddr> = route.host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let tcp = listens.iter().filter_map(|listen| match listen {
        Listen::Tcp(address) if address.port() == route.port => Some(*address),
        _ => None,
    });
    let candidates: Vec<SocketAddr> = tcp.collect();
    let exact = candidates.iter().find(|address| Some(address.ip()) == named);
    let wildcard = candidates.iter().find(|address| address.ip().is_unspecified());
    match (exact, wildcard, candidates.first()) {
        (Some(address), _, _) | (None, Some(address), _) | (None, None, Some(address)) => {
            Ok(Target::Tcp(here(*address)))
        }
        (None, None, None) => Err(format!("the configuration does not listen on port {}", route.port)),
    }
}

/// An address that the configuration listens on, exactly or by a wildcard.
pub(crate) fn own(address: SocketAddr, listens: &[Listen]) -> Result<SocketAddr, String> {
    let covers = |listen: &Listen| match listen {
        Listen::Tcp(own) => {
            own.port() == address.port() && (own.ip() == address.ip() || own.ip().is_unspecified())
        }
        _ => false,
    };
    if listens.iter().any(covers) {
        Ok(here(address))
    } else {
        Err(format!("the configuration does not listen on {address}"))
    }
}

/// The address to connect to for one that is listened on: loopback for a wildcard.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Live;

    fn listens(addresses: &[&str]) -> Vec<Listen> {
        addresses.iter().map(|address| Listen::Tcp(address.parse().unwrap())).collect()
    }

    fn tcp(route: &Route, addresses: &[&str]) -> Result<String, String> {
        target(route, &listens(addresses)).map(|target| match target {
            Target::Tcp(address) => address.to_string(),
            Target::Unix(path) => path.display().to_string(),
        })
    }

    #[test]
    fn request_goes_to_a_listen_of_this_host_and_nowhere_else() {
        let route = Route::parse("r", "GET http://shop.test:8080/").unwrap();
        assert_eq!(tcp(&route, &["127.0.0.5:8080", "0.0.0.0:8080"]).unwrap(), "127.0.0.1:8080");
        assert_eq!(tcp(&route, &["127.0.0.5:8080"]).unwrap(), "127.0.0.5:8080");
        assert_eq!(tcp(&route, &["[::]:8080"]).unwrap(), "[::1]:8080");
        assert!(tcp(&route, &["127.0.0.1:80"]).unwrap_err().contains("8080"));
        let mut route = Route::parse("r", "GET http://127.0.0.5:8080/").unwrap();
        assert_eq!(tcp(&route, &["0.0.0.0:8080", "127.0.0.5:8080"]).unwrap(), "127.0.0.5:8080");
        route.listen = Some("192.0.2.1:8080".to_owned());
        assert!(tcp(&route, &["127.0.0.5:8080"]).is_err());
    }

    #[test]
    fn only_a_live_route_can_be_wrong() {
        let mut route = Route::parse("r", "GET http://a.test/").unwrap();
        let mut tally = blank(&route);
        let at = Timestamp::from_millis(5);
        let failed = || Answer::Failed("connect: refused".to_owned());
        assert_eq!(count(&mut tally, &route, failed(), at), None);
        route.live = Some(Live { status: Some(200), ..Live::default() });
        assert!(count(&mut tally, &route, failed(), at).unwrap().contains("refused"));
        assert_eq!((tally.asked, tally.wrong, tally.first_wrong), (2, 1, Some(at)));
    }
}
