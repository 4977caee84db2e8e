//! What a run came to, as findings and as its part of the report.

use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::sockets::{self, Listen};
use evenkeel_model::{Config, ListenAddress, Request};

use super::{Answers, Failed, Playing};
use crate::answers::{self, Told};
use crate::corpus::WITNESSES_MAX;
use crate::finding::{Finding, Severity};
use crate::machine::holder;
use crate::refusal::{refused, taken_address};
use crate::report::Step;
use crate::scenario;
use crate::story::Ending;
use crate::watch::Nginx;

impl Playing<'_, '_> {
    pub(super) fn tell_reload(&mut self, nginx: &Nginx, (ending, took_ms): (Ending, u64)) {
        let config = self.play.new.tree.config;
        let own = self.play.settings.master;
        let (works, said) = match ending {
            Ending::Works(said) => (true, said),
            Ending::Refused(said) => {
                let finding = explained(refused("transition-refused", &said, config), own);
                self.ran.findings.push(finding);
                (false, said)
            }
            Ending::Died(said) => {
                let mut finding = refused("workers-die", &said, config);
                let what = "a reload leaves nginx without workers: connections are accepted and hang";
                finding.message = format!("{} ({what})", finding.message);
                self.ran.findings.push(finding);
                (false, said)
            }
            Ending::Unproven(said) => {
                let message = format!("the reload is not known to work: {}", said.join("; "));
                self.ran.findings.push(Finding::new("transition-unproven", Severity::Error, message));
                (false, said)
            }
        };
        if works
            && !self.stage.is_reduced()
            && let Some(message) = not_listening(nginx.master, config)
        {
            self.ran.findings.push(Finding::new("not-listening", Severity::Error, message));
        }
        self.ran.run.transition = Some(Step { works, said, took_ms });
    }

    pub(super) fn tell_failed(&mut self, failed: Failed, live_said: &[String]) {
        let Failed { step, rule } = failed;
        let finding =
            explained(refused(rule, &step.said, self.play.new.tree.config), self.play.settings.master);
        // The reload said so already, or said the same in other words of ours.
        let known = self.ran.findings.iter().any(|it| {
            it.file == finding.file && it.line == finding.line && it.message.starts_with(&finding.message)
        });
        if !known {
            // A live tree that runs on this machine and does not start here says something about the sandbox alone.
            let old = self.play.settings.master.is_some() && !live_said.is_empty() && live_said == step.said;
            self.ran.findings.push(finding.old(old));
        }
        self.ran.run.start = Some(step);
    }

    pub(super) fn tell_answers(&mut self, old: Answers, new: Option<Answers>) {
        let Some(new) = new else { return };
        let config = self.play.new.tree.config;
        let live = self.play.live.as_ref().map(|live| live.tree.config);
        let too_many = self.play.corpus().1;
        if too_many > 0 {
            let said = format!("{too_many} witnesses were not asked: {WITNESSES_MAX} are, at most");
            self.ran.differences.push(said);
        }
        let left_out = new.heard.iter().filter(|heard| heard.is_none()).count();
        if left_out > 0 {
            self.ran.differences.push(format!("{left_out} requests were not asked: there was no more time"));
        }
        let has_stand_in: &dyn Fn(&str) -> bool = &|name| self.play.new.around.has(name);
        let mut wrong = Vec::new();
        for (at, item) in self.play.items().iter().enumerate() {
            let Some((route, heard)) = new.heard.get(at).and_then(Option::as_ref) else { continue };
            let before = old.heard.get(at).and_then(Option::as_ref).map(|(route, heard)| (route, heard));
            let told = Told { item, route, new: heard, old: before, has_stand_in };
            let (asked, findings) = answers::judge(&told, config, live);
            self.ran.run.asked.push(asked);
            wrong.extend(findings);
        }
        self.ran.findings.extend(answers::gathered(wrong));
        let page_of = |request: &Request, status| {
            let at = self.play.items().iter().position(|item| item.request == *request)?;
            let (route, _) = new.heard.get(at)?.as_ref()?;
            crate::compare::error_page(config, route, status)
        };
        self.ran.findings.extend(scenario::judge(&new.felt, &old.felt, page_of));
        self.ran.run.down = new.felt.into_iter().map(|it| it.down).collect();
    }
}

/// Says who holds an address that is taken. `own`: the master that runs here, whose own address it may be.
fn explained(mut finding: Finding, own: Option<i32>) -> Finding {
    let Some(address) = taken_address(&finding.message) else { return finding };
    if let Some(holder) = holder(address, own) {
        finding.message.push_str(&format!(": {holder} listens there on this machine"));
    }
    finding
}

/// Says which addresses of a configuration its nginx does not listen on, as far as that can be seen.
fn not_listening(master: i32, config: &Config) -> Option<String> {
    let mut expected = Vec::new();
    for server in config.servers() {
        for listen in &server.listens {
            match &listen.address {
                ListenAddress::Inet { ip, port, last } => {
                    let datagrams = listen.options.udp || listen.options.quic;
                    let addresses = (*port..=*last).map(|port| std::net::SocketAddr::new(*ip, port));
                    expected.extend(
                        addresses.map(|at| if datagrams { Listen::Udp(at) } else { Listen::Tcp(at) }),
                    );
                }
                ListenAddress::Unix(_) | ListenAddress::Name { .. } => {}
            }
        }
    }
    let missing = sockets::missing(ProcessId::of(master)?, &expected).ok()?;
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| format!("nginx does not listen on {} after the reload", names.join(", ")))
}
