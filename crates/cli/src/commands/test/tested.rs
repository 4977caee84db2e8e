//! One route of a routes file, and what became of it.

use evenkeel_model::{Config, Expectation, Judgement, Route, RouteSpec, Seen};
use evenkeel_rehearsal::report::{Asked, Observed};
use evenkeel_syntax::secret::redact_str;

/// A route, judged.
#[derive(Debug)]
pub(super) struct Tested<'f> {
    /// The file that has it, for people.
    pub(super) file: &'f str,
    pub(super) spec: &'f RouteSpec,
    /// What the model says of its request.
    pub(super) route: Route,
    /// What the model says of its expectation; `None`: it has none.
    pub(super) model: Option<Judgement>,
    /// What real nginxes answered, each with its version.
    pub(super) seen: Vec<SeenBy>,
}

/// What one nginx answered.
#[derive(Debug)]
pub(super) struct SeenBy {
    /// Which, for people.
    pub(super) nginx: String,
    pub(super) observed: Observed,
    /// What that says of the expectation; `None`: there is none.
    judgement: Option<Judgement>,
    /// What it lacks of the one or the other: of the way that is expected, of the live answer.
    fails: Option<String>,
}

/// What becomes of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As expected.
    Passed,
    /// Not as expected, and why.
    Failed(String),
    /// Nobody can know here; what it rests on.
    Undecided(String),
    /// Nothing is expected that could be judged here, and why.
    Unjudged(&'static str),
}

impl<'f> Tested<'f> {
    pub(super) fn on_model(file: &'f str, spec: &'f RouteSpec, route: Route, config: &Config) -> Tested<'f> {
        let model = spec.expect.as_ref().map(|expect| expect.judge(&route, config));
        Tested { file, spec, route, model, seen: Vec::new() }
    }

    /// Takes note of what an nginx answered.
    pub(super) fn saw(&mut self, nginx: &str, asked: &Asked, config: &Config) {
        let observed = asked.new.clone();
        let seen = Seen {
            status: observed.status,
            location: observed.location.as_deref(),
            upstream: observed.upstream.as_deref(),
            address: observed.address.as_deref(),
            target: observed.target.as_deref(),
            body: None,
        };
        let judged = |expect: &Expectation| match &observed.error {
            Some(why) if observed.not_asked => Judgement::Undecided(vec![why.clone()]),
            _ => expect.judge_seen(&seen, &self.route, config),
        };
        let judgement = self.spec.expect.as_ref().map(judged);
        let fails = judgement.as_ref().and_then(Judgement::fails).or_else(|| asked.fails.clone());
        self.seen.push(SeenBy { nginx: nginx.to_owned(), observed, judgement, fails });
    }

    /// What becomes of it. A real nginx knows better than the model, where it was asked.
    pub(super) fn verdict(&self) -> Verdict {
        let mut wrong: Vec<(String, &str)> = Vec::new();
        for seen in &self.seen {
            let Some(fails) = &seen.fails else { continue };
            match wrong.iter_mut().find(|(_, said)| said == fails) {
                Some((nginx, _)) => *nginx = format!("{nginx}, {}", seen.nginx),
                None => wrong.push((seen.nginx.clone(), fails)),
            }
        }
        if !wrong.is_empty() {
            let said: Vec<String> = wrong.iter().map(|(nginx, fails)| format!("{nginx}: {fails}")).collect();
            return Verdict::Failed(redact_str(&said.join("\n")).into_owned());
        }
        let Some(model) = &self.model else {
            return match (&self.spec.live, self.seen.is_empty()) {
                (None, _) => Verdict::Unjudged("it expects nothing"),
                (Some(_), true) => Verdict::Unjudged("only a real answer tells: --rehearse, or a release"),
                (Some(_), false) if self.seen.iter().any(SeenBy::was_passed) => {
                    Verdict::Unjudged("the upstream answers: it is asked after a release")
                }
                (Some(_), false) => Verdict::Passed,
            };
        };
        let seen: Vec<&Judgement> = self.seen.iter().filter_map(|seen| seen.judgement.as_ref()).collect();
        if !seen.is_empty() && seen.iter().all(|judgement| **judgement == Judgement::Holds) {
            return Verdict::Passed;
        }
        match model {
            Judgement::Holds => Verdict::Passed,
            Judgement::Undecided(why) => Verdict::Undecided(why.join(", ")),
            Judgement::Fails(_) => {
                Verdict::Failed(redact_str(&model.fails().unwrap_or_default()).into_owned())
            }
        }
    }

    /// The route, where the expectation holds: what it passes through is covered.
    pub(super) fn covers(&self) -> Option<&Route> {
        (self.spec.expect.is_some() && self.verdict() == Verdict::Passed).then_some(&self.route)
    }
}

impl SeenBy {
    /// Whether something else than nginx itself gave the answer.
    fn was_passed(&self) -> bool {
        self.observed.upstream.is_some() || self.observed.target.is_some()
    }
}
