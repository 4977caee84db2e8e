//! The five outages, made for real, and put right again.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use evenkeel_host::balancer::haproxy::ServerState;

use super::ask::now_ms;
use super::enter::SCRIPTS;
use super::layout::{APP_PORT, MEMBERS, Member, Role};
use super::state::Broken;
use super::{HostStatus, Lab, LabError, Proof, Reply};

/// How long it may take until users notice, and until everything is in order again.
const NOTICED: Duration = Duration::from_secs(15);
const IN_ORDER: Duration = Duration::from_secs(20);

/// What is done on a host, by a script with the name by which somebody there would call it.
#[derive(Debug, Clone, Copy)]
struct Script {
    name: &'static str,
    text: &'static str,
}

/// How the standby came by its firewall.
const NEW_MACHINE: Script =
    Script { name: "new-machine.sh", text: include_str!("stack/break/a-firewall.sh") };

/// One of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outage {
    /// A line is commented out, and the standby stands behind a firewall.
    A,
    /// A directive names the wrong upstream.
    B,
    /// A package brings another upstream.
    C,
    /// Pushed straight to production; nginx does not start; the guard blocks users.
    D,
    /// The application is updated, nginx is not.
    E,
}

impl Outage {
    /// All of them.
    pub const ALL: [Outage; 5] = [Outage::A, Outage::B, Outage::C, Outage::D, Outage::E];

    /// What happened, in one line.
    pub fn title(self) -> &'static str {
        match self {
            Self::A => "a line is commented out, and the standby stands behind a firewall",
            Self::B => "a directive sends requests to the wrong upstream",
            Self::C => "a routine update changes the upstream",
            Self::D => "a push without a test: nginx does not start, and a guard blocks users",
            Self::E => "the application is updated without its proxy configuration",
        }
    }

    /// The hosts and scripts that make it, in order.
    fn scripts(self) -> Vec<(&'static str, Script)> {
        let on = |hosts: &[&'static str], name: &'static str, text: &'static str| {
            hosts.iter().map(|host| (*host, Script { name, text })).collect::<Vec<_>>()
        };
        let webs = ["web1", "web2", "standby"];
        match self {
            Self::A => on(&webs[..2], "try-something.sh", include_str!("stack/break/a-change.sh")),
            Self::B => on(&webs, "move-the-reports.sh", include_str!("stack/break/b.sh")),
            Self::C => on(&webs, "routine-update.sh", include_str!("stack/break/c.sh")),
            Self::D => {
                let mut all = on(&webs, "push-to-production.sh", include_str!("stack/break/d-push.sh"));
                all.extend(on(&["lb"], "block-clients.sh", include_str!("stack/break/d-guard.sh")));
                all
            }
            Self::E => on(&["app1", "app2"], "update-shop.sh", include_str!("stack/break/e.sh")),
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(["A", "B", "C", "D", "E"][*self as usize])
    }
}

/// A word that is no [`Outage`].
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is none of the outages A to E")]
pub struct NoSuchOutage(String);

impl FromStr for Outage {
    type Err = NoSuchOutage;

    fn from_str(text: &str) -> Result<Self, NoSuchOutage> {
        let found = Self::ALL.into_iter().find(|one| one.to_string().eq_ignore_ascii_case(text));
        found.ok_or_else(|| NoSuchOutage(text.to_owned()))
    }
}

/// Something that was done in a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// Where.
    pub host: &'static str,
    /// What, in words.
    pub what: String,
}

/// What came of breaking something.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was done, in order.
    pub deeds: Vec<Deed>,
    /// The first answer that a user did not want.
    pub first_bad: Reply,
}

impl Lab {
    /// Makes an outage, and waits until a user notices.
    ///
    /// # Errors
    /// [`LabError::IsBroken`], or a host of it is; or something could not be done, or nobody noticed.
    pub fn break_into(&mut self, outage: Outage) -> Result<Outcome, LabError> {
        let _locked = self.dir.lock()?;
        if let Some(broken) = &self.state.broken {
            return Err(LabError::IsBroken { is: broken.outage.clone(), wanted: outage.to_string() });
        }
        if let Some(what) = self.hosts().iter().find_map(HostStatus::lacks) {
            return Err(LabError::NotInOrder { what: format!("{what}; `evenkeel lab repair` puts it back") });
        }
        self.state.broken = Some(Broken { outage: outage.to_string(), onset_ms: now_ms() });
        self.dir.write(&self.state)?;
        let mut deeds = Vec::new();
        if outage == Outage::A {
            deeds.push(self.deed("standby", NEW_MACHINE)?);
            self.wait_until_down("standby")?;
        }
        let (done, noticed) = std::thread::scope(|scope| {
            let user = scope.spawn(|| self.wait_for(false, "client1", NOTICED));
            let scripts = outage.scripts();
            let done = scripts.into_iter().map(|(host, script)| self.deed(host, script));
            let done = done.collect::<Result<Vec<Deed>, LabError>>();
            (done, user.join().unwrap_or(Err(LabError::Ended)))
        });
        deeds.extend(done?);
        let first_bad = noticed?;
        if first_bad.is_good() {
            let what = format!("outage {outage} is in, and client1 still gets 200");
            return Err(LabError::NotInOrder { what });
        }
        self.state.broken = Some(Broken { outage: outage.to_string(), onset_ms: first_bad.at_ms });
        self.dir.write(&self.state)?;
        Ok(Outcome { deeds, first_bad })
    }

    /// Runs a script on a host; its first line says what it does.
    fn deed(&self, host: &'static str, script: Script) -> Result<Deed, LabError> {
        let at_ms = now_ms();
        self.script_named(host, script.name, script.text)?;
        let what = script.text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
        Ok(Deed { at_ms, host, what })
    }

    fn wait_until_down(&self, server: &str) -> Result<(), LabError> {
        let until = Instant::now() + NOTICED;
        loop {
            let servers = self.servers()?;
            if servers.iter().any(|one| one.name == server && one.state == ServerState::Down) {
                return Ok(());
            }
            if Instant::now() >= until {
                let what = format!("HAProxy still sends traffic to {server}");
                return Err(LabError::NotInOrder { what });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Puts everything back as it was when the lab came up, and proves it.
    ///
    /// # Errors
    /// [`LabError`] when something could not be put back, or is not in order in time.
    pub fn repair(&mut self) -> Result<(Vec<Deed>, Vec<Proof>), LabError> {
        let _locked = self.dir.lock()?;
        let deeds = std::sync::Mutex::new(Vec::new());
        self.on_all(|lab, member| {
            let done = lab.put_back(member)?;
            deeds.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(done);
            Ok(())
        })?;
        let proofs = self.prove(IN_ORDER)?;
        self.state.broken = None;
        self.dir.write(&self.state)?;
        let mut deeds = deeds.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = |name: &str| MEMBERS.iter().position(|member| member.name == name);
        deeds.sort_by_key(|deed: &Deed| (place(deed.host), deed.at_ms));
        Ok((deeds, proofs))
    }

    /// Lays the files of a host as they were, and has everything run on it that should.
    pub(super) fn put_back(&self, member: &'static Member) -> Result<Vec<Deed>, LabError> {
        let mut files = member.beginnings();
        files.extend(member.files());
        let deed = |what: String| Deed { at_ms: now_ms(), host: member.name, what };
        let changed = self.lay(member.name, &files)?;
        let mut deeds: Vec<Deed> =
            changed.iter().map(|path| deed(format!("{} as it was", path.display()))).collect();
        let serve = match member.role {
            Role::Client | Role::Dns => String::new(),
            Role::Balancer => "[ -d \"/proc/$(cat /run/haproxy/haproxy.pid)\" ] || \
                               { haproxy -D -f /etc/haproxy/haproxy.cfg; echo haproxy started; }"
                .to_owned(),
            Role::Web | Role::Standby => include_str!("stack/repair-web.sh").to_owned(),
            Role::App => include_str!("stack/repair-app.sh").replace("@PORT@", &APP_PORT.to_string()),
        };
        let script =
            format!("# put {} back\nrm -f {SCRIPTS}/*.sh\nnft -f /etc/nftables.conf\n{serve}\n", member.name);
        let output = self.script(member.name, &script)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        deeds.extend(said.lines().map(|line| deed(line.to_owned())));
        Ok(deeds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outage_is_known_by_its_letter() {
        assert_eq!("a".parse::<Outage>().unwrap(), Outage::A);
        assert_eq!(Outage::E.to_string(), "E");
        assert!("F".parse::<Outage>().is_err());
    }

    #[test]
    fn every_script_says_what_it_does_and_changes_what_is_there() {
        let all = Outage::ALL.into_iter().flat_map(Outage::scripts);
        for (host, script) in all.chain([("standby", NEW_MACHINE)]) {
            assert!(script.text.starts_with("# "), "{script:?}");
            assert!(Member::named(host).is_some(), "{host}");
        }
        assert!(include_str!("stack/web/default").contains("\n    listen 80 default_server;\n"));
        assert!(include_str!("stack/web/default").contains("http://shop/v1/"));
        let firewall = Member::named("standby").unwrap().files().remove(0);
        assert!(firewall.contents().unwrap().contains("tcp dport 80 accept"));
    }
}
