//! Whether everything in a lab is in order, and what runs where.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use evenkeel_host::balancer::haproxy::{Haproxy, HaproxyError, Server};

use super::layout::{MEMBERS, Member, Role, SITE};
use super::{Lab, LabError, Reply};
use crate::sandbox::processes;

/// How long HAProxy may take to answer.
const HAPROXY: Duration = Duration::from_secs(2);
/// How long it is waited before looking again.
const PAUSE: Duration = Duration::from_millis(50);

/// One question whose answer shows that things are in order.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Who asked.
    pub from: &'static str,
    /// Whom: an address or a name, with a port.
    pub to: String,
    /// What came of it.
    pub reply: Reply,
}

/// A host as it stands.
#[derive(Debug, Clone)]
pub struct HostStatus {
    /// Which one.
    pub member: &'static Member,
    /// Its processes as this machine sees them, but the first one, with their titles; `None` when it is gone.
    pub processes: Option<Vec<(i32, String)>>,
}

impl HostStatus {
    /// What should run on it and does not, in words.
    pub fn lacks(&self) -> Option<String> {
        let name = self.member.name;
        let Some(processes) = &self.processes else { return Some(format!("{name} is gone")) };
        let runs = |wanted: &str| processes.iter().any(|(_, title)| is_of(title, wanted));
        let wanted = match self.member.role {
            Role::Client => return None,
            Role::Balancer => "haproxy",
            Role::Web | Role::Standby => "nginx",
            Role::App => "__shop",
            Role::Dns => "__lab",
        };
        let called = match self.member.role {
            Role::App => "the shop",
            Role::Dns => "the name server",
            _ => wanted,
        };
        (!runs(wanted)).then(|| format!("{name}: {called} does not run"))
    }
}

/// Whether a process is of a program, or does what that word of our own program says.
fn is_of(title: &str, wanted: &str) -> bool {
    let mut words = title.split_ascii_whitespace();
    let program = words.next().unwrap_or_default().trim_end_matches(':');
    program.rsplit('/').next() == Some(wanted) || words.next() == Some(wanted)
}

impl Lab {
    /// Asks what users ask: the shop from every client, over IPv4, IPv6 and by name, and every nginx directly.
    ///
    /// # Errors
    /// [`LabError`] when nobody could ask; what came of it is in the proofs.
    pub fn proofs(&self) -> Result<Vec<Proof>, LabError> {
        let clients: Vec<&str> =
            MEMBERS.iter().filter(|member| member.role == Role::Client).map(|member| member.name).collect();
        let mut questions = Vec::new();
        for member in MEMBERS.iter().filter(|member| member.has_nginx() || member.role == Role::Balancer) {
            for address in member.addresses() {
                let is_front = member.role == Role::Balancer && address.is_ipv4();
                let from = if is_front { &clients[..] } else { &clients[..1] };
                let to = SocketAddr::new(address, 80).to_string();
                questions.extend(from.iter().map(|from| (*from, to.clone())));
            }
        }
        questions.extend(clients.first().map(|from| (*from, format!("{SITE}:80"))));
        std::thread::scope(|scope| {
            let asked = questions.into_iter().map(|(from, to)| {
                scope.spawn(move || {
                    let reply = self.ask(from, &to, ("GET", "/"), None)?;
                    Ok(Proof { from, to, reply })
                })
            });
            let asked: Vec<_> = asked.collect();
            asked.into_iter().map(|one| one.join().unwrap_or(Err(LabError::Ended))).collect()
        })
    }

    /// Waits until every question has a good answer and HAProxy sends traffic to everybody it should.
    ///
    /// # Errors
    /// [`LabError::NotInOrder`] with what is not so in time.
    pub fn prove(&self, limit: Duration) -> Result<Vec<Proof>, LabError> {
        let until = Instant::now() + limit;
        let mut what = self.wait_for_servers(until)?;
        loop {
            if what.is_none() {
                let proofs = self.proofs()?;
                let bad = |proof: &&Proof| {
                    let served_by = proof.reply.served_by.as_deref().unwrap_or_default();
                    !proof.reply.is_good() || !served_by.ends_with(" 1.0")
                };
                match proofs.iter().find(bad) {
                    None => return Ok(proofs),
                    Some(Proof { from, to, reply }) => {
                        what = Some(format!("{from} asks {to} and gets {}", reply.words()));
                    }
                }
            }
            if Instant::now() >= until {
                return Err(LabError::NotInOrder { what: what.unwrap_or_default() });
            }
            std::thread::sleep(PAUSE);
            what = self.wait_for_servers(until)?;
        }
    }

    /// Waits until a user gets what they want, and web1 and web2 take traffic.
    pub(super) fn prove_front(&self, limit: Duration) -> Result<bool, LabError> {
        let until = Instant::now() + limit;
        let takes = |servers: Vec<Server>| {
            servers.iter().filter(|server| !server.is_backup).all(|server| server.state.takes_traffic())
        };
        while !takes(self.servers()?) && Instant::now() < until {
            std::thread::sleep(PAUSE);
        }
        let left = until.saturating_duration_since(Instant::now());
        self.wait_for(true, "client1", left).map(|reply| reply.is_good())
    }

    fn wait_for_servers(&self, until: Instant) -> Result<Option<String>, LabError> {
        loop {
            let away = match self.servers() {
                Ok(servers) => {
                    let away = servers.into_iter().find(|server| !server.state.takes_traffic());
                    let Some(server) = away else { return Ok(None) };
                    format!("HAProxy says that {} is {}", server.name, server.state.word())
                }
                // It has just been started.
                Err(error) if Instant::now() >= until => return Err(error.into()),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= until {
                return Ok(Some(away));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The socket of HAProxy, as this machine sees it.
    ///
    /// # Errors
    /// [`LabError::NoSuchHost`].
    pub fn haproxy(&self) -> Result<Haproxy, LabError> {
        let socket = PathBuf::from(format!("/proc/{}/root/run/haproxy/admin.sock", self.init("lb")?));
        Ok(Haproxy::at(socket, HAPROXY))
    }

    /// The servers as HAProxy sees them.
    ///
    /// # Errors
    /// [`HaproxyError`] when it cannot be asked.
    pub fn servers(&self) -> Result<Vec<Server>, HaproxyError> {
        let speak = |source| HaproxyError::Speak { socket: "/run/haproxy/admin.sock".into(), source };
        let haproxy = self.haproxy().map_err(|error| speak(std::io::Error::other(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(speak)?;
        runtime.block_on(haproxy.servers())
    }

    /// What runs on every host.
    pub fn hosts(&self) -> Vec<HostStatus> {
        let status = |member: &'static Member| {
            let host = self.state.hosts.iter().find(|one| one.name == member.name);
            let lives = host.filter(|host| host.init.lives());
            let processes = lives.map(|host| {
                let all = processes::descendants(host.init.pid).into_iter();
                all.filter(|pid| !processes::has_ended(*pid))
                    .map(|pid| (pid, processes::title(pid)))
                    .collect()
            });
            HostStatus { member, processes }
        };
        MEMBERS.iter().map(status).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_without_its_server_lacks_it() {
        let of = |name: &str, titles: &[&str]| {
            let processes = titles.iter().map(|title| (7, (*title).to_owned())).collect();
            HostStatus { member: Member::named(name).unwrap(), processes: Some(processes) }.lacks()
        };
        assert_eq!(of("web1", &["nginx: worker process"]), None);
        assert_eq!(of("app1", &["/run/lab/bin/evenkeel __shop app1 1.0 [::]:8080"]), None);
        assert_eq!(of("dns", &["evenkeel __lab dns"]), None);
        assert_eq!(of("client1", &[]), None);
        // Somebody reads its log, which is not it.
        assert_eq!(of("web1", &["tail -f nginx"]).as_deref(), Some("web1: nginx does not run"));
        assert_eq!(of("lb", &[]).as_deref(), Some("lb: haproxy does not run"));
    }
}
