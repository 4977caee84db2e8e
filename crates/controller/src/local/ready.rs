//! Looks at this host for what is not yet an outage. It changes nothing.

use std::time::Duration;

use evenkeel_fleet::Span;
use evenkeel_fleet::journal::Severity;
use evenkeel_host::drift::queues::{Queue, queues};
use evenkeel_host::firewall;
use evenkeel_host::nginx::find::{Master, find};
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_host::nginx::workers::workers;
use evenkeel_model::Config;
use evenkeel_model::reach::Client;

use super::status::NOBODY_KNOWS;
use super::{Host, HostError, Look, Running, Status, now, span};
use crate::reach::{self, ReachError};
use crate::ready::{self, Ill, Part, Readiness};

/// What a host must hold to be ready.
#[derive(Debug, Clone)]
pub struct Demands {
    /// Who must be able to come: anybody outside when nothing is said.
    pub client: Client,
    /// How long workers of older configurations may take to end.
    pub old_workers: Duration,
}

impl Host {
    /// Says what stands against this host's serving on, or taking over.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at.
    pub fn ready(&self, demands: &Demands) -> Result<Readiness, HostError> {
        let mut said = Readiness::default();
        let status = self.status()?;
        let master = find(&self.settings.place).ok();
        let compiled = self.compiled(master.as_ref())?;
        let (live, _) = self.live(&self.model_settings(&compiled, master.as_ref()))?;
        let runs = !matches!(status.running, Running::Stopped { .. });
        running(&status, &mut said);
        starts(&status, &mut said);
        ways_in(&live.config, &demands.client, runs, &mut said)?;
        self.certificates(&live.config, runs, &mut said);
        waiting(&live, &mut said);
        leaving(master.as_ref(), span(demands.old_workers), &mut said);
        said.ills.sort_by(|a, b| (b.severity, a.part, &a.about).cmp(&(a.severity, b.part, &b.about)));
        Ok(said)
    }

    fn certificates(&self, config: &Config, runs: bool, said: &mut Readiness) {
        if !runs {
            return said.unseen(Part::Certificates, "nginx does not run");
        }
        let (served, now) = (self.served(config), now());
        let ills = served.iter().flat_map(|it| ready::of_served(it, now)).collect();
        let days = served.iter().filter_map(super::ServedCertificate::days_left).min();
        let well = match (served.len(), days) {
            (0, _) => "none is served".to_owned(),
            (count, None) => format!("{count} as on disk"),
            (1, Some(days)) => format!("1 as on disk, good for {days} days"),
            (count, Some(days)) => format!("{count} as on disk, the first ends in {days} days"),
        };
        said.part(Part::Certificates, ills, well);
    }
}

fn running(status: &Status, said: &mut Readiness) {
    let ill = |says: &str, because: &String, severity| Ill {
        part: Part::Running,
        about: "nginx".to_owned(),
        says: says.to_owned(),
        details: vec![because.clone()],
        severity,
    };
    match &status.running {
        Running::OnDisk { because } => said.well(Part::Running, format!("what is on disk: {because}")),
        Running::Unknown { because } => said.unseen(Part::Running, because),
        Running::Other { because } => {
            let says = "nginx runs something else than what is on disk";
            said.ills.push(ill(says, because, Severity::Note));
        }
        Running::Stopped { because } => {
            said.ills.push(ill("nginx does not run", because, Severity::Warning));
        }
    }
}

fn starts(status: &Status, said: &mut Readiness) {
    match &status.restart {
        Ok(_) => said.well(Part::Start, "nginx would start again with what is on disk"),
        Err(why) => match why.strip_prefix(NOBODY_KNOWS) {
            Some(why) => said.unseen(Part::Start, why),
            None => said.ills.push(Ill {
                part: Part::Start,
                about: "nginx".to_owned(),
                says: "nginx would not start again with what is on disk".to_owned(),
                details: vec![why.clone()],
                severity: Severity::Warning,
            }),
        },
    }
}

/// Firewall, sockets, and addresses that are blocked with no end.
fn ways_in(config: &Config, client: &Client, runs: bool, said: &mut Readiness) -> Result<(), HostError> {
    let survey = match reach::survey(config, client) {
        Ok(survey) => survey,
        // A client that cannot be is a mistake of whoever asked, and nothing that could not be seen.
        Err(error @ ReachError::NoInterface { .. }) => return Err(HostError::Client(error)),
        Err(error) => {
            let why = match &error {
                ReachError::Read(why) => format!("failed to {error}: failed to {why}"),
                _ => format!("failed to {error}"),
            };
            said.unseen(Part::Blocks, &why);
            said.unseen(Part::Firewall, why);
            return Ok(());
        }
    };
    let (running, saved) = (&survey.running.unread, &survey.saved.read.unread);
    let unread = running.iter().chain(saved).next();
    said.listens = survey.report.listens.iter().map(ready::listened).collect();
    let from = &survey.saved.from;
    let from = if from.is_empty() { "no firewall".to_owned() } else { from.join(", ") };
    let well = match said.blocked().count() {
        0 => format!("clients reach every listen, after a boot too ({from})"),
        blocked => {
            format!("a boot would change nothing ({from}); {blocked} of {} blocked", said.listens.len())
        }
    };
    let mut ills: Vec<Ill> = said.listens.iter().filter_map(ready::after_boot).collect();
    let deaf = survey.report.listens.iter().filter(|it| runs && it.held == Some(false));
    ills.extend(deaf.map(|it| Ill {
        part: Part::Firewall,
        about: format!("{}, nobody listens", it.address),
        says: format!("nobody listens at {}, which the configuration on disk names", it.address),
        details: vec!["a reload that failed, or none since it was written".to_owned()],
        severity: Severity::Warning,
    }));
    // What could be read may be enough to know of a fault, and is not to know of none.
    let mut tell = |part: Part, ills: Vec<Ill>, well: String| {
        match unread {
            Some(why) => said.unseen(part, why.as_str()),
            None if ills.is_empty() => said.well(part, well),
            None => {}
        }
        said.ills.extend(ills);
    };
    let blocks = if saved.is_empty() {
        let (running, saved) = (&survey.running.dumps, &survey.saved.read.dumps);
        ready::lasting(&reach::lasting(running), &reach::lasting(saved), &firewall::ban_tools())
    } else {
        Vec::new()
    };
    tell(Part::Blocks, blocks, "none that has no end and is not saved".to_owned());
    tell(Part::Firewall, ills, well);
    Ok(())
}

fn waiting(live: &Look, said: &mut Readiness) {
    let all = match queues() {
        Ok(all) => all,
        Err(error) => return said.unseen(Part::Queues, error.to_string()),
    };
    let ours: Vec<Queue> =
        all.into_iter().filter(|it| live.outside.listens.contains(&Listen::Tcp(it.address))).collect();
    for it in &ours {
        // Several sockets may share an address.
        *said.turned_away.entry(it.address.to_string()).or_default() += u64::from(it.dropped);
    }
    let full = ours.iter().filter(|it| it.is_full());
    let ill = |it: &Queue| Ill {
        part: Part::Queues,
        about: format!("{}, full", it.address),
        says: format!("the accept queue of {} is full: nginx does not take what comes", it.address),
        details: vec![format!("{} of {} connections wait", it.waiting, it.most)],
        severity: Severity::Warning,
    };
    let (waiting, dropped): (u64, u64) =
        (ours.iter().map(|it| u64::from(it.waiting)).sum(), said.turned_away.values().sum());
    let well = format!("{waiting} connections wait, {dropped} were turned away since nginx listens");
    let ills = full.map(ill).collect();
    said.part(Part::Queues, ills, well);
}

fn leaving(master: Option<&Master>, longest: Span, said: &mut Readiness) {
    let Some(master) = master else { return said.unseen(Part::Workers, "nginx does not run") };
    let all = workers(master.id);
    let leaving = all.iter().filter(|it| it.leaving).count();
    // They leave since others took their place; one that replaced a dead one is younger.
    let since = all.iter().filter(|it| !it.leaving).map(evenkeel_host::nginx::workers::Worker::age).max();
    let since = span(since.unwrap_or_default());
    let well = match leaving {
        0 => "none of an older configuration".to_owned(),
        count => format!("{count} of an older configuration finish their requests"),
    };
    said.part(Part::Workers, ready::old_workers(leaving, since, longest).into_iter().collect(), well);
}
