//! The applications, asked without nginx.

use std::net::{IpAddr, SocketAddr};

use evenkeel_diagnosis::evidence::{Direct, Name, Origin};
use evenkeel_fleet::watch::{Answer, Failure, Layer};
use evenkeel_host::probe::dns::Family;
use evenkeel_host::probe::http::{Expect, Http, Request};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::{Ask, Limits, Report, Spec, Target, names};
use evenkeel_model::Message;

use super::Look;

/// How long an application may take.
const ASK: Limits = Limits { connect_ms: 4_000, whole_ms: 5_000 };
/// The most applications that are asked.
const ASKED_MAX: usize = 16;

impl Look<'_> {
    pub(super) async fn ask_upstreams(&mut self) {
        let servers = self.evidence.route.as_ref().map(|route| route.servers.clone()).unwrap_or_default();
        let mut direct = Vec::new();
        let uri = self.passed.clone();
        for server in servers.iter().filter(|server| !server.ends_with(" down")).take(ASKED_MAX) {
            self.ask_server(server, uri.as_deref(), &mut direct).await;
        }
        self.made_by(&direct);
        if servers.is_empty() {
            self.ask_others(&mut direct).await;
        }
        self.ask_former(&servers, &mut direct).await;
        if !direct.is_empty() {
            self.evidence.direct = Some(direct);
        }
    }

    /// A status that clients get and that the application gives without nginx, too, is the application's; unless nginx wrote down
    /// that it says so itself.
    fn made_by(&mut self, direct: &[Direct]) {
        let mut lines = self.evidence.lines.iter().flatten();
        let own = lines.any(|lines| lines.request.is_some() && lines.upstream.is_none());
        if own || self.evidence.route.as_ref().is_none_or(|route| route.upstream.is_none()) {
            return;
        }
        let got: Vec<u16> = self.evidence.down().filter_map(|(_, failure)| status(failure)).collect();
        let uri = self.passed.clone().unwrap_or_else(|| self.request.uri.clone());
        for one in direct.iter().filter(|one| one.configured) {
            if let Some(made) = one.failure.as_ref().and_then(status).filter(|made| got.contains(made)) {
                self.evidence.note_answer(&uri, made, Origin::Upstream(made), Some(&one.at));
            }
        }
    }

    /// Asks one server of the upstream, as the configuration writes it: `http://10.0.0.5:9000`.
    async fn ask_server(&mut self, server: &str, uri: Option<&str>, direct: &mut Vec<Direct>) {
        let Some((scheme, address)) = server.split_once("://") else { return };
        if let Some(path) = address.strip_prefix("unix:") {
            let target = Target::Unix(path.trim_end_matches(':').into());
            let report = self.ask(target, scheme, uri).await;
            direct.push(of(server, true, None, report));
            return;
        }
        let Some((host, port)) =
            address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)))
        else {
            return;
        };
        let addresses = self.resolve(host).await;
        for ip in addresses {
            let at = SocketAddr::new(ip, port);
            let report = self.ask(Target::Tcp(at), scheme, uri).await;
            let maybe_tls = speaks_otherwise(&report.answer);
            direct.push(of(&format!("{scheme}://{at}"), true, None, report));
            if scheme == "http" && maybe_tls {
                let tls = self.ask(Target::Tcp(at), "https", uri).await;
                if tls.answer == Answer::Up {
                    direct.push(of(&format!("https://{at}"), false, None, tls));
                }
            }
        }
    }

    /// The servers that the configuration before the last change sent the request to.
    async fn ask_former(&self, now: &[String], direct: &mut Vec<Direct>) {
        let former = self.evidence.former.as_ref().map(|former| former.servers.clone()).unwrap_or_default();
        for server in former.iter().filter(|server| !now.contains(server)).take(ASKED_MAX) {
            let Some((scheme, address)) = server.split_once("://") else { continue };
            let Ok(at) = address.parse::<SocketAddr>() else { continue };
            if direct.iter().any(|one| one.at == *server) {
                continue;
            }
            let report = self.ask(Target::Tcp(at), scheme, self.passed_before.as_deref()).await;
            let because = String::from("the configuration before the last change sends the request there");
            direct.push(of(server, false, Some(because), report));
        }
    }

    /// The addresses of a host of an upstream, now; noted beside those that nginx connects to.
    async fn resolve(&mut self, host: &str) -> Vec<IpAddr> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = bare.parse() {
            return vec![ip];
        }
        let mut addresses = Vec::new();
        for family in [Family::Ipv4, Family::Ipv6] {
            addresses.extend(names::addresses(bare, family, ASK).await.unwrap_or_default());
        }
        let failing = [Message::ConnectFailed, Message::UpstreamTimedOut];
        let lines = self.evidence.lines.iter().flatten().filter(|line| failing.contains(&line.message));
        let connected: Vec<String> = lines
            .filter_map(|line| line.upstream.as_deref()?.rsplit("://").next()?.parse::<SocketAddr>().ok())
            .map(|address| address.ip().to_string())
            .collect();
        self.evidence.names.get_or_insert_default().push(Name {
            name: bare.to_owned(),
            addresses: addresses.iter().map(IpAddr::to_string).collect(),
            connected,
        });
        addresses
    }

    /// Where no upstream is asked: whether an application of the tree has the path.
    async fn ask_others(&self, direct: &mut Vec<Direct>) {
        let Some(config) = self.asked.config else { return };
        let mut asked: Vec<SocketAddr> = Vec::new();
        let passes = config.nodes().filter(|node| node.is("proxy_pass"));
        let literal = passes.filter_map(|node| {
            let url = node.arg_str(0)?.strip_prefix("http://")?;
            Some((url.split('/').next()?.to_owned(), format!("{}:{}", node.source().display, node.line())))
        });
        let grouped = config.upstreams().iter().flat_map(|group| {
            group.servers.iter().map(|server| {
                let node = config.node(server.node);
                (
                    String::from_utf8_lossy(&server.address).into_owned(),
                    format!("{}:{}", node.source().display, node.line()),
                )
            })
        });
        for (address, place) in literal.chain(grouped).collect::<Vec<_>>() {
            let Ok(at) = address.parse::<SocketAddr>() else { continue };
            if asked.contains(&at) || asked.len() >= ASKED_MAX {
                continue;
            }
            asked.push(at);
            let report = self.ask(Target::Tcp(at), "http", None).await;
            let has_it = report.answer == Answer::Up;
            let because = Some(format!("{place} sends other requests there"));
            let mut one = of(&format!("http://{at}"), false, because, report);
            one.answers_all =
                has_it && self.ask(Target::Tcp(at), "http", Some(&nowhere())).await.answer == Answer::Up;
            direct.push(one);
        }
    }

    /// Asks an application for what nginx asks it for; where nobody knows, for what the client does.
    async fn ask(&self, target: Target, scheme: &str, uri: Option<&str>) -> Report {
        let ask = match scheme {
            "http" | "https" => {
                let tls =
                    (scheme == "https").then(|| Tls { verify: false, ..Tls::new(self.request.host_name()) });
                let mut request = Request { tls, ..self.request.clone() };
                if let Some(uri) = uri {
                    uri.clone_into(&mut request.uri);
                }
                let mut expect = Expect::default();
                if !request.headers.is_empty() {
                    expect.status.push(101);
                }
                Ask::Http(Http { request, expect })
            }
            _ => Ask::Tcp(Tcp {}),
        };
        self.prober.ask(&Spec { target, ask, limits: ASK, proxy_protocol: false }).await
    }
}

/// Whether something is there, and answers plain HTTP in a way that one who wants TLS would.
fn speaks_otherwise(answer: &Answer) -> bool {
    match answer {
        Answer::Up => false,
        Answer::Down(Failure::Status(status)) => *status == 400,
        // Who wants TLS says something to plain HTTP, or closes.
        Answer::Down(failure) => failure.layer() == Layer::Http && *failure != Failure::Silent,
    }
}

fn status(failure: &Failure) -> Option<u16> {
    match failure {
        Failure::Status(status) => Some(*status),
        _ => None,
    }
}

fn of(at: &str, configured: bool, because: Option<String>, report: Report) -> Direct {
    let took_ms = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
    let failure = match report.answer {
        Answer::Up => None,
        Answer::Down(failure) => Some(failure),
    };
    Direct { at: at.to_owned(), configured, because, failure, answers_all: false, took_ms }
}

/// A path that no application has.
fn nowhere() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    format!("/evenkeel-asks-{:x}", now.map_or(0, |since| since.as_nanos()))
}
