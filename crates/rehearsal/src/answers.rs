//! What the answers say about a tree.

use evenkeel_model::{Config, Judgement, Route, Seen};

use crate::compare::{self, Heard, changed, got_worse, lost_headers, outcome_of, predicted};
use crate::corpus::Item;
use crate::finding::{Finding, Severity};
use crate::refusal::line_of;
use crate::report::Asked;

/// One request, and all that is known of it.
pub(crate) struct Told<'a> {
    /// Whether somebody stands in for an upstream of the proposed tree.
    pub(crate) has_stand_in: &'a dyn Fn(&str) -> bool,
    pub(crate) item: &'a Item<'a>,
    /// What the model says of the proposed tree.
    pub(crate) route: &'a Route,
    pub(crate) new: &'a Heard,
    /// What the live tree answers, and what the model says of it.
    pub(crate) old: Option<(&'a Route, &'a Heard)>,
}

/// Writes one request down, with what is wrong about it.
pub(crate) fn judge(told: &Told<'_>, config: &Config, live: Option<&Config>) -> (Asked, Vec<Finding>) {
    let Told { item, route, new, old, has_stand_in } = told;
    let mut findings = Vec::new();
    let fails = failure(item, route, new, config);
    // A promise that is made only now is broken now, whatever the live tree does.
    let is_new = item.question.is_some_and(|question| question.is_new);
    let failed_before = || match (old, live) {
        (Some((route, heard)), Some(live)) => !is_new && failure(item, route, heard, live).is_some(),
        _ => false,
    };
    let request = item.request.url();
    let words = words(new);
    if let Some(why) = &fails {
        let message = match item.name == request {
            true => format!("{request}: {why}{words}"),
            false => format!("{}: {request}: {why}{words}", item.name),
        };
        let place = item.question.and_then(|it| Some((it.file.clone()?, it.line.unwrap_or(1))));
        let help =
            "either the tree or the expectation is wrong; `evenkeel route` shows the way of the request";
        let finding = Finding::new("route-answers-wrong", Severity::Error, message).at(place).help(help);
        findings.push(finding.old(failed_before()));
    }
    let differs = compare::differs(route, new, has_stand_in);
    // What nginx itself says that it lacks no model can foresee.
    let lacks = is_broken(new);
    if let Some(why) = differs.as_ref().filter(|_| !lacks) {
        let before = old.is_some_and(|(route, heard)| compare::differs(route, heard, has_stand_in).is_some());
        let message = format!("{request}: {why}");
        let help = "the real nginx is right and the model is not; what `evenkeel route` and the rules say of this request \
                    may be wrong";
        let finding = Finding::new("prediction-differs", Severity::Warning, message).at(place(route, config));
        findings.push(finding.help(help).old(before));
    }
    let both = old.filter(|(_, heard)| !heard.not_asked && !new.not_asked);
    let old_answer = both.map(|(_, heard)| &heard.observed);
    let differs_from_old = old_answer.is_some_and(|old| changed(old, &new.observed));
    // What the configuration itself was told to answer is a change, and no accident.
    let meant = differs.is_none() && route.depends_on.is_empty() && new.reached.is_none() && is_meant(route);
    let worse = old_answer.filter(|old| fails.is_none() && !meant && got_worse(old, &new.observed));
    if let Some(old) = worse {
        let (was, is) = (outcome_of(old), outcome_of(&new.observed));
        let message = format!("{request} is answered with {is}{words}; the live tree answers {was}");
        let place = cause(new, config).or_else(|| place(route, config));
        findings.push(Finding::new("answer-got-worse", Severity::Error, message).at(place));
    } else if lacks && fails.is_none() && !meant {
        let message = format!("{request}: {}{words}", outcome_of(&new.observed));
        let before = old.is_some_and(|(_, heard)| is_broken(heard));
        let place = cause(new, config).or_else(|| place(route, config));
        let finding = Finding::new("request-fails", Severity::Warning, message).at(place);
        let help = "nginx takes the configuration, and fails when somebody asks";
        findings.push(finding.help(help).old(before));
    }
    if let Some(lost) = old_answer.and_then(|old| lost_headers(old, &new.observed)) {
        let message = format!("{request} is answered without {lost}, which the live tree sends");
        let help = "`add_header` is inherited only by blocks that have none of their own";
        let finding =
            Finding::new("answer-lost-headers", Severity::Warning, message).at(place(route, config));
        findings.push(finding.help(help));
    }
    let asked = Asked {
        name: item.name.clone(),
        request,
        origin: item.origin,
        predicted: predicted(route),
        depends_on: route.depends_on.iter().map(ToString::to_string).collect(),
        new: new.observed.clone(),
        old: old_answer.cloned(),
        changed: differs_from_old,
        fails,
    };
    (asked, findings)
}

/// Tells once what is true of several requests that end at the same place.
pub(crate) fn gathered(findings: Vec<Finding>) -> Vec<Finding> {
    const BY_PLACE: [&str; 10] = [
        "answer-got-worse",
        "answer-lost-headers",
        "error-page-empty",
        "error-page-fails",
        "error-page-missing",
        "error-page-status",
        "error-page-worse",
        "no-error-page",
        "prediction-differs",
        "request-fails",
    ];
    let mut gathered: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        let same = |(first, _): &&mut (Finding, usize)| {
            (first.rule, &first.file, first.line, first.old)
                == (finding.rule, &finding.file, finding.line, finding.old)
        };
        match gathered.iter_mut().filter(|_| BY_PLACE.contains(&finding.rule)).find(same) {
            Some((_, more)) => *more += 1,
            None => gathered.push((finding, 0)),
        }
    }
    let told = gathered.into_iter().map(|(mut finding, more)| {
        match more {
            0 => {}
            1 => finding.message.push_str(" (and one more request)"),
            more => finding.message.push_str(&format!(" (and {more} more requests)")),
        }
        finding
    });
    told.collect()
}

fn is_meant(route: &Route) -> bool {
    use evenkeel_model::Outcome;
    // `return 503` with a page of `error_page`, for the time of maintenance, ends in the file of that page.
    let returns = || route.steps.iter().any(|step| step.what == "return");
    match route.outcome {
        Outcome::Return { .. } | Outcome::Close { .. } => true,
        Outcome::File { .. } => returns(),
        _ => false,
    }
}

/// Whether nginx says that it failed at a request, as opposed to answering that it has no such thing.
fn is_broken(heard: &Heard) -> bool {
    heard.failed() && heard.observed.status.is_none_or(|status| status >= 500) && !heard.said.is_empty()
}

/// nginx's own words about a request, behind what it was answered.
fn words(heard: &Heard) -> String {
    match heard.said.as_slice() {
        [] => String::new(),
        said => format!(" (nginx: {})", said.join("; ")),
    }
}

/// The directive that nginx's own words point at.
fn cause(heard: &Heard, config: &Config) -> Option<(String, u32)> {
    heard.said.iter().find_map(|said| line_of(said, config))
}

fn place(route: &Route, config: &Config) -> Option<(String, u32)> {
    let node = config.node(route.location.or(route.server)?);
    Some((node.source().display.clone(), node.line()))
}

/// Why an answer is not what `routes.toml` wants.
fn failure(item: &Item<'_>, route: &Route, heard: &Heard, config: &Config) -> Option<String> {
    if heard.not_asked {
        return None;
    }
    unmet(item, route, heard, config).or_else(|| lacking(item, heard))
}

/// Why a request does not end where `routes.toml` expects it: by the model where it is exact, else by what was seen.
fn unmet(item: &Item<'_>, route: &Route, heard: &Heard, config: &Config) -> Option<String> {
    let expect = item.question?.expect.as_ref()?;
    let exact = match route.depends_on.is_empty() {
        true => expect.judge(route, config),
        false => Judgement::Undecided(Vec::new()),
    };
    let seen = &heard.observed;
    let judged = match exact {
        Judgement::Undecided(_) => {
            let seen = Seen {
                status: seen.status,
                location: seen.location.as_deref(),
                upstream: seen.upstream.as_deref(),
                address: seen.address.as_deref(),
                target: seen.target.as_deref(),
                body: heard.reached.is_none().then_some(heard.body.as_slice()),
            };
            expect.judge_seen(&seen, route, config)
        }
        decided => decided,
    };
    judged.fails()
}

/// What an answer lacks of what `routes.toml` wants of a live one.
fn lacking(item: &Item<'_>, heard: &Heard) -> Option<String> {
    let live = item.question?.live.as_ref()?;
    let seen = &heard.observed;
    // What a stand-in answers is its own; that nginx found the way to it is what is seen here.
    if heard.reached.is_some() && seen.status.is_some_and(|status| status < 500) {
        return None;
    }
    match seen.status {
        Some(status) => live.lacks(status, &heard.headers, &heard.body),
        None => Some(outcome_of(seen)),
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_model::{Dependence, Live, Outcome, Request, Step};

    use super::*;
    use crate::compare::Reached;
    use crate::rehearse::Question;
    use crate::report::{Observed, Origin};
    use crate::testing::{config, route};

    fn returns(status: u16) -> Route {
        route(Outcome::Return { status, body: None })
    }

    fn unknown() -> Route {
        Route { depends_on: vec![Dependence::Module("map".to_owned())], ..returns(200) }
    }

    fn heard(status: u16) -> Heard {
        Heard { observed: Observed { status: Some(status), ..Observed::default() }, ..Heard::default() }
    }

    fn question(live: Live) -> Question {
        Question {
            name: "home".to_owned(),
            request: Request::parse("GET http://a/").unwrap(),
            expect: None,
            live: Some(live),
            is_new: false,
            file: Some("routes.toml".to_owned()),
            line: Some(2),
        }
    }

    fn rules(
        question: Option<&Question>,
        route: &Route,
        new: &Heard,
        old: Option<&Heard>,
    ) -> Vec<(&'static str, bool)> {
        let item = Item {
            name: "home".to_owned(),
            request: Request::parse("GET http://a/").unwrap(),
            origin: Origin::Witness,
            question,
        };
        let before = unknown();
        let old = old.map(|old| (&before, old));
        let config = config("events {}");
        let told = Told { item: &item, route, new, old, has_stand_in: &|_| true };
        let (_, findings) = judge(&told, &config, Some(&config));
        findings.iter().map(|it| (it.rule, it.old)).collect()
    }

    #[test]
    fn live_route_is_held_against_what_nginx_itself_answers() {
        let wants = question(Live { status: Some(200), contains: Some("cart".to_owned()), headers: vec![] });
        assert_eq!(rules(Some(&wants), &unknown(), &heard(404), None), [("route-answers-wrong", false)]);
        assert_eq!(
            rules(Some(&wants), &unknown(), &heard(404), Some(&heard(404))),
            [("route-answers-wrong", true)]
        );
        let promised_now = Question { is_new: true, ..wants.clone() };
        assert_eq!(
            rules(Some(&promised_now), &unknown(), &heard(404), Some(&heard(404))),
            [("route-answers-wrong", false)]
        );
        let reached = Some(Reached { names: vec!["app".to_owned()], at: "10.0.0.5:80".to_owned() });
        let by_a_stand_in = Heard { reached, ..heard(200) };
        assert_eq!(rules(Some(&wants), &unknown(), &by_a_stand_in, None), []);
    }

    #[test]
    fn answer_that_became_an_error_is_worse_unless_it_was_meant() {
        assert_eq!(rules(None, &unknown(), &heard(502), Some(&heard(200))), [("answer-got-worse", false)]);
        assert_eq!(rules(None, &returns(503), &heard(503), Some(&heard(200))), []);
        assert_eq!(rules(None, &unknown(), &heard(404), Some(&heard(200))), []);
        let steps = vec![Step { what: "return", text: "503".to_owned(), node: None }];
        let page = Outcome::File { path: b"/sorry.html".to_vec() };
        let maintenance = Route { status: Some(503), steps, ..route(page) };
        assert_eq!(rules(None, &maintenance, &heard(503), Some(&heard(200))), []);
    }

    #[test]
    fn request_that_nginx_fails_at_is_told_in_its_own_words() {
        let why = "no resolver defined to resolve app.internal".to_owned();
        let broken = Heard { said: vec![why.clone()], ..heard(502) };
        assert_eq!(rules(None, &returns(200), &broken, None), [("request-fails", false)]);
        assert_eq!(rules(None, &returns(200), &broken, Some(&broken)), [("request-fails", true)]);
        let nobody_listened = Heard::default();
        assert_eq!(rules(None, &returns(200), &broken, Some(&nobody_listened)), [("request-fails", false)]);
        assert_eq!(rules(None, &unknown(), &broken, Some(&heard(200))), [("answer-got-worse", false)]);
        // That a file is not there is nobody's mistake yet: a witness asks for whatever fits a location.
        let missing = Heard { said: vec![why], ..heard(404) };
        assert_eq!(rules(None, &unknown(), &missing, None), []);
    }

    #[test]
    fn wrong_prediction_is_our_fault_and_a_warning() {
        assert_eq!(rules(None, &returns(200), &heard(404), None), [("prediction-differs", false)]);
        assert_eq!(rules(None, &unknown(), &heard(404), None), []);
    }
}
