//! `why`: asks every layer of a URL now, and says what the answers mean. Nothing has to run for it beforehand, and nothing changes.

mod access;
mod balancer;
mod changes;
mod firewall;
mod next;
mod nginx;
mod released;
mod route;
mod seen;
mod upstream;
mod visit;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use evenkeel_diagnosis::evidence::{Change, ChangeKind, Listening};
use evenkeel_diagnosis::{Diagnosis, Evidence, diagnose};
use evenkeel_fleet::watch::Failure;
use evenkeel_fleet::{Span, Timestamp};
use evenkeel_host::drift::queues::{Queue, queues};
use evenkeel_host::listeners::listeners;
use evenkeel_host::place::Place;
use evenkeel_host::probe::http::{BadUrl, Request};
use evenkeel_host::probe::{Limits, Prober};
use evenkeel_model::{Config, ListenAddress};

use crate::local::{Differs, now};

pub use balancer::Balancer;
pub use changes::of_journal;
pub use next::Next;
pub use seen::{BadSeen, Complaint};

/// How the samples of this process are called.
const HERE: &str = "this host";

/// How long one question may take.
const ASK: Limits = Limits { connect_ms: 4_000, whole_ms: 10_000 };
/// The most addresses of a name that are asked.
const ADDRESSES_MAX: usize = 8;

/// What is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What users ask for.
    pub url: &'a str,
    /// The address to ask, whatever the name says.
    pub address: Option<IpAddr>,
    /// The configuration of this host; `None`: it has none that can be read.
    pub config: Option<&'a Config>,
    /// Where the nginx of this host stands.
    pub place: &'a Place,
    /// How far back logs are read and changes count.
    pub back: Duration,
    /// Changes that the caller knows of.
    pub changes: Vec<Change>,
    /// The tree beside what was released, where somebody compared them.
    pub differs: Option<&'a Differs>,
    /// The configuration before the last change.
    pub former: Option<&'a Config>,
    /// What others see of the URL, who are not this process.
    pub seen: Vec<Complaint>,
    /// Other places from which it is asked: a name, and a command that ends in `evenkeel __vantage` there.
    pub vantages: Vec<(String, Vec<String>)>,
    /// The balancer of this machine.
    pub balancer: Balancer,
    /// Authorities that are trusted instead of this machine's, as PEM.
    pub authorities: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Answer {
    /// Everything that was seen.
    pub evidence: Evidence,
    /// What it means.
    pub diagnosis: Diagnosis,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
    /// Where the request goes from here.
    pub next: Vec<Next>,
}

/// Why nothing could be asked.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// The URL is none.
    #[error("ask for the URL")]
    Url(#[from] BadUrl),
    /// No runtime.
    #[error("prepare to ask")]
    Runtime(#[source] std::io::Error),
}

/// A look at everything, under way.
struct Look<'a> {
    asked: &'a Asked<'a>,
    request: Request,
    prober: Prober,
    evidence: Evidence,
    unseen: Vec<String>,
    began: Timestamp,
    /// What the upstream is asked for, where the configuration says it.
    passed: Option<String>,
    /// The same of the configuration before the last change.
    passed_before: Option<String>,
}

/// Asks every layer, and says what it means.
///
/// # Errors
/// [`WhyError`] when nothing could be asked at all; never because something fails.
pub fn look(asked: &Asked<'_>) -> Result<Answer, WhyError> {
    let request = seen::request(asked.url, asked.authorities.clone())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(WhyError::Runtime)?;
    let mut look = Look {
        asked,
        request,
        prober: Prober::default(),
        evidence: Evidence::default(),
        unseen: Vec::new(),
        began: now(),
        passed: None,
        passed_before: None,
    };
    let next = runtime.block_on(async {
        look.all().await;
        look.goes_on().await
    });
    let diagnosis = diagnose(&look.evidence);
    Ok(Answer { evidence: look.evidence, diagnosis, unseen: look.unseen, next })
}

impl Look<'_> {
    async fn all(&mut self) {
        let (logs, access) = (self.where_logs_end(), self.where_access_logs_end());
        let balancer = self.where_balancer_log_ends();
        self.visit().await;
        self.complaints();
        let fails = self.evidence.down().next().is_some();
        self.look_at_nginx();
        let here = self.is_here();
        if here {
            self.listening();
        }
        // Who says where the balancer of this machine is asked has its nginx looked at, too.
        let is_told = self.asked.balancer != Balancer::default();
        if here && !is_told && (self.is_balancer() || !self.is_of_nginx()) {
            self.evidence.nginx = None;
        } else if here {
            self.would_start();
            self.read_logs(&logs, fails);
            self.route();
            self.forget_upstreams_of_others();
            if fails {
                self.read_access(&access).await;
            }
            self.changes();
            self.forget_what_is_not_loaded();
            self.check_disk();
            if fails {
                self.ask_upstreams().await;
            }
        } else {
            self.unseen.push(String::from(
                "the URL leads to another machine: its nginx, logs and sockets can be seen only from there",
            ));
            self.evidence.nginx = None;
        }
        if here && fails {
            self.firewall();
            self.balancer(balancer.as_ref()).await;
        }
        self.certificates();
    }

    /// Whether this machine is the one that was asked.
    fn is_here(&self) -> bool {
        let name_fails = self.evidence.down().any(|(_, failure)| matches!(failure, Failure::Dns(_)));
        name_fails || self.evidence.samples.iter().filter_map(|seen| seen.address).any(|at| is_own(at.ip()))
    }

    /// Whether the nginx of this host has to do with what was asked: it runs, or would listen there if it did.
    fn is_of_nginx(&self) -> bool {
        let Some(config) = self.asked.config else {
            return self.evidence.nginx.as_ref().is_some_and(|nginx| nginx.runs);
        };
        let port = self.request.port();
        let listens = |address: &ListenAddress| match address {
            ListenAddress::Inet { port: first, last, .. } => (*first..=*last).contains(&port),
            ListenAddress::Unix(_) => false,
            ListenAddress::Name { .. } => true,
        };
        self.evidence.nginx.as_ref().is_none_or(|nginx| nginx.runs)
            || config
                .servers()
                .iter()
                .flat_map(|server| &server.listens)
                .any(|listen| listens(&listen.address))
    }

    fn listening(&mut self) {
        let queues = queues().unwrap_or_default();
        let mut sockets = Vec::new();
        let all = listeners();
        self.restarted(&all);
        for one in all {
            let queue = queues.iter().find(|queue| queue.address == one.at);
            let socket = Listening { at: one.at, program: one.program, full: queue.map(Queue::is_full) };
            let both =
                one.at.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && queue.is_some_and(|queue| !queue.only_v6);
            if both {
                let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), one.at.port());
                sockets.push(Listening { at, ..socket.clone() });
            }
            sockets.push(socket);
        }
        self.evidence.listening = Some(sockets);
    }

    /// An edit that nginx has not read cannot be to blame for what it does.
    fn forget_what_is_not_loaded(&mut self) {
        if let Some(nginx) = &self.evidence.nginx {
            let may_be = |change: &Change| nginx.may_have_read(change.at) != Some(false);
            self.evidence.changes.retain(|change| change.kind != ChangeKind::Edit || may_be(change));
        }
    }

    /// What upstreams did to other requests explains nothing of one that asks none.
    fn forget_upstreams_of_others(&mut self) {
        let asks_none = self.evidence.route.as_ref().is_some_and(|route| route.upstream.is_none());
        let ours = format!("GET {} ", self.request.uri);
        if let Some(lines) = self.evidence.lines.as_mut().filter(|_| asks_none && self.asked.seen.is_empty())
        {
            let may_be = |request: &String| request.starts_with(&ours);
            lines.retain(|line| line.upstream.is_none() || line.request.as_ref().is_some_and(may_be));
        }
    }

    /// From when on what happened counts.
    fn since(&self) -> Timestamp {
        let back = Span::from_millis(u64::try_from(self.asked.back.as_millis()).unwrap_or(u64::MAX));
        self.began - back
    }
}

/// Whether an address is one of this machine.
fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || std::net::UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}
