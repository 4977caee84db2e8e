//! The way of a user: name, connection, handshake, request.

use std::net::{IpAddr, SocketAddr};

use evenkeel_diagnosis::evidence::{Certificate, Seen};
use evenkeel_fleet::watch::{Answer, Failure};
use evenkeel_host::probe::dns::Family;
use evenkeel_host::probe::http::{Http, send};
use evenkeel_host::probe::{Ask, Spec, Target, names};

use super::{ADDRESSES_MAX, ASK, Look};

impl Look<'_> {
    pub(super) async fn visit(&mut self) {
        let addresses = match self.addresses().await {
            Ok(addresses) => addresses,
            Err(failure) => {
                self.seen(None, Some(failure), None, 0);
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
        let http =
            Http { request: self.request.clone(), expect: evenkeel_host::probe::http::Expect::default() };
        let target = Target::Tcp(address);
        let spec = Spec { target: target.clone(), ask: Ask::Http(http), limits: ASK, proxy_protocol: false };
        let report = self.prober.ask(&spec).await;
        let failure = match report.answer {
            Answer::Up => None,
            Answer::Down(failure) => Some(failure),
        };
        let is_redirect = report.seen.status.is_some_and(|status| (300..400).contains(&status));
        let redirect = if is_redirect { self.redirect(&target).await } else { None };
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
        // A redirect to itself is no answer, whatever its status says.
        let failure = failure.or_else(|| report.seen.status.filter(|_| itself).map(Failure::Status));
        self.seen(
            Some(address),
            failure,
            redirect,
            u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        );
    }

    async fn redirect(&self, target: &Target) -> Option<String> {
        let reply = send(target, &self.request, ASK).await.ok()?;
        let (_, value) = reply.headers.iter().find(|(name, _)| name == "location")?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn seen(
        &mut self,
        address: Option<SocketAddr>,
        failure: Option<Failure>,
        redirect: Option<String>,
        took_ms: u64,
    ) {
        self.evidence.samples.push(Seen {
            vantage: String::from("this host"),
            host: self.request.host_name().to_owned(),
            address,
            url: self.asked.url.to_owned(),
            failure,
            redirect,
            took_ms,
        });
    }
}
