//! The way of a user: name, connection, handshake, request.

use std::net::{IpAddr, SocketAddr};

use evenkeel_diagnosis::evidence::{Certificate, Reply, Seen};
use evenkeel_fleet::watch::{Answer, DnsFault, Failure};
use evenkeel_host::probe::dns::Family;
use evenkeel_host::probe::http::{self, Expect, Http, send};
use evenkeel_host::probe::vantage::Remote;
use evenkeel_host::probe::{Ask, Report, Spec, Target, names};

use super::{ADDRESSES_MAX, ASK, HERE, Look};

/// What must not come to two clients alike.
const COOKIE: &str = "set-cookie";

impl Look<'_> {
    pub(super) async fn visit(&mut self) {
        let addresses = match self.addresses().await {
            Ok(addresses) => addresses,
            Err(failure) => {
                self.unnamed(failure);
                return;
            }
        };
        for address in addresses {
            self.visit_one(SocketAddr::new(address, self.request.port())).await;
        }
    }

    /// The addresses to ask; one kind may be missing, not both.
    async fn addresses(&self) -> Result<Vec<IpAddr>, Failure> {
        if let Some(address) = self.asked.address {
            return Ok(vec![address]);
        }
        let name = self.request.host_name();
        let first = names::addresses(name, Family::Ipv4, ASK).await;
        let second = names::addresses(name, Family::Ipv6, ASK).await;
        let mut all: Vec<IpAddr> = [&first, &second].into_iter().flatten().flatten().copied().collect();
        all.truncate(ADDRESSES_MAX);
        if all.is_empty() { first } else { Ok(all) }
    }

    async fn visit_one(&mut self, address: SocketAddr) {
        let target = Target::Tcp(address);
        let spec = self.spec(address);
        let report = self.prober.ask(&spec).await;
        for (name, command) in &self.asked.vantages {
            match Remote::new(command.clone()).ask(&spec).await {
                Ok(report) => self.note(name, address, failure_of(&report), None, None, &report),
                Err(error) => self.unseen.push(format!("the vantage {name}: failed to {error}")),
            }
        }
        let failure = failure_of(&report);
        // An answer is looked at once more where it says more than its status.
        let reply = match report.seen.status {
            Some(_) => send(&target, &self.request, ASK).await.ok(),
            None => None,
        };
        let redirect = reply.as_ref().filter(|reply| (300..400).contains(&reply.status)).and_then(redirect);
        let known = match &reply {
            Some(reply) => Some(self.known(reply, &target, redirect.as_deref()).await),
            None => None,
        };
        if let Some(shown) = &report.seen.certificate {
            self.evidence.certificates.get_or_insert_default().push(Certificate {
                name: self.request.host_name().to_owned(),
                served: shown.serial.clone(),
                served_until: Some(shown.not_after),
                disk: None,
                disk_until: None,
                path: None,
            });
        }
        let itself = redirect.as_deref() == Some(self.asked.url);
        // A redirect to itself is no answer, whatever its status says; neither is one to nowhere, or a page for a picture.
        let failure = failure
            .or_else(|| report.seen.status.filter(|_| itself).map(Failure::Status))
            .or_else(|| known.as_ref().and_then(|known| self.wrong(known, redirect.as_deref())));
        self.note(HERE, address, failure, redirect, known, &report);
    }

    fn spec(&self, address: SocketAddr) -> Spec {
        let mut expect = Expect::default();
        if self.asked.url.starts_with("ws") {
            expect.status.push(101);
        }
        let http = Http { request: self.request.clone(), expect };
        Spec { target: Target::Tcp(address), ask: Ask::Http(http), limits: ASK, proxy_protocol: false }
    }

    /// What can be said of an answer as it is.
    async fn known(&self, reply: &http::Reply, target: &Target, redirect: Option<&str>) -> Reply {
        let header = |name: &str| {
            let (_, value) = reply.headers.iter().find(|(other, _)| other == name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let cookie = header(COOKIE);
        let same_cookie = match &cookie {
            Some(cookie) => send(target, &self.request, ASK).await.is_ok_and(|again| {
                again.headers.iter().any(|(name, value)| name == COOKIE && value == cookie.as_bytes())
            }),
            None => false,
        };
        // The name itself may have no address here: it was asked at one that was given.
        let elsewhere = redirect.and_then(|to| http::Request::get(to).ok());
        let leads_nowhere = match elsewhere.filter(|to| to.host_name() != self.request.host_name()) {
            Some(to) => {
                let (four, six) = (
                    names::addresses(to.host_name(), Family::Ipv4, ASK).await,
                    names::addresses(to.host_name(), Family::Ipv6, ASK).await,
                );
                // A server that does not answer says nothing of the name.
                let gone = |found: &Result<Vec<IpAddr>, Failure>| {
                    matches!(found, Err(Failure::Dns(DnsFault::NoSuchName | DnsFault::NoAddress)))
                };
                (gone(&four) && gone(&six)).then(|| to.host_name().to_owned())
            }
            None => None,
        };
        Reply {
            status: reply.status,
            kind: header("content-type"),
            headers: reply.headers.iter().map(|(name, _)| name.clone()).collect(),
            leads_nowhere,
            same_cookie,
        }
    }

    /// What is wrong with an answer whose status is right.
    fn wrong(&self, known: &Reply, redirect: Option<&str>) -> Option<Failure> {
        if let (Some(host), Some(to)) = (&known.leads_nowhere, redirect) {
            return Some(Failure::Content {
                reason: format!("it redirects to {to}, and {host} has no address"),
            });
        }
        let kind =
            known.kind.as_deref().filter(|kind| known.status == 200 && kind.starts_with("text/html"))?;
        let asset = evenkeel_diagnosis::evidence::asset(self.asked.url)?;
        Some(Failure::Content { reason: format!("it is a page ({kind}), and a .{asset} was asked for") })
    }

    fn note(
        &mut self,
        vantage: &str,
        address: SocketAddr,
        failure: Option<Failure>,
        redirect: Option<String>,
        reply: Option<Reply>,
        report: &Report,
    ) {
        self.evidence.samples.push(Seen {
            vantage: vantage.to_owned(),
            host: self.request.host_name().to_owned(),
            address: Some(address),
            url: self.asked.url.to_owned(),
            failure,
            redirect,
            reply,
            took_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// The name itself has no address.
    fn unnamed(&mut self, failure: Failure) {
        self.evidence.samples.push(Seen {
            vantage: HERE.to_owned(),
            host: self.request.host_name().to_owned(),
            address: None,
            url: self.asked.url.to_owned(),
            failure: Some(failure),
            redirect: None,
            reply: None,
            took_ms: 0,
        });
    }
}

fn failure_of(report: &Report) -> Option<Failure> {
    match &report.answer {
        Answer::Up => None,
        Answer::Down(failure) => Some(failure.clone()),
    }
}

fn redirect(reply: &http::Reply) -> Option<String> {
    let (_, value) = reply.headers.iter().find(|(name, _)| name == "location")?;
    Some(String::from_utf8_lossy(value).into_owned())
}
