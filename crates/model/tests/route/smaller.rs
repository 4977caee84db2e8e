//! Makes what went wrong as small as it gets, and tells it.

use std::fmt::Write as _;

use crate::ask::bytes;
use crate::block::{Block, FIXED};
use crate::compare::{class, describe};
use crate::nginx::{Binary, Nginx, Place};
use crate::play::{observe, router, verdict};
use crate::requests::Question;
use crate::support;

/// What one question to one configuration shows; `None`: nothing wrong, or not comparable.
fn probe(binary: &Binary, place: &Place, config: &Block, question: &Question) -> Option<(String, String)> {
    let nginx = Nginx::start(binary, place, config).ok()?;
    let text = nginx.text.clone();
    let placed = question.at(&nginx.ports, &place.path);
    let model = support::load(&place.main(), &place.path, Some(&binary.build));
    let router = router(&model);
    let route = router.route(&placed.request);
    let seen = observe(nginx, place, std::slice::from_ref(&placed))?.remove(0);
    let seen = seen.ok()?;
    let why = verdict(&model, &route, &placed, &Ok(seen.clone()))?;
    let mut told = String::new();
    writeln!(told, "--- {why}").unwrap();
    for (index, line) in text.lines().enumerate() {
        if !FIXED.iter().any(|noise| line.contains(noise)) {
            let line = line.split(" access_log access.log T").next().unwrap_or_default();
            writeln!(told, "{:4} {line}", index + 1).unwrap();
        }
    }
    writeln!(
        told,
        "request to {:?}: {}",
        placed.request.listen,
        bytes(&placed.request, &placed.body).escape_ascii()
    )
    .unwrap();
    writeln!(told, "predicted: {:?} uri {}", route.outcome, route.uri.escape_ascii()).unwrap();
    for step in &route.steps {
        let line = step.node.map_or(0, |node| model.node(node).line());
        writeln!(told, "   step {}: {} (line {line})", step.what, step.text).unwrap();
    }
    writeln!(told, "observed: {}; log: {:?}", describe(&seen.answer), seen.logged).unwrap();
    Some((class(&why), told))
}

/// The smallest configuration and request that still go wrong in the same way, as a report.
pub(crate) fn tell(binary: &Binary, place: &Place, config: &Block, question: &Question, why: &str) -> String {
    let kind = class(why);
    let same = |config: &Block, question: &Question| {
        probe(binary, place, config, question).filter(|(found, _)| *found == kind).map(|(_, told)| told)
    };
    // What does not answer would not answer hundreds of times.
    let again = if why.starts_with("no answer") { None } else { same(config, question) };
    let Some(mut told) = again else {
        let (text, question) = (config.text(), bytes(&question.request, &question.body));
        return format!(
            "--- {why}\n(not made smaller: it has no answer, or did not happen again with one request alone)\n{text}\n{}",
            question.escape_ascii()
        );
    };
    let (mut config, mut question) = (config.clone(), question.clone());
    loop {
        let before = config.count();
        let mut at = 0;
        while at < config.count() {
            let smaller = config.without(at);
            match smaller.and_then(|smaller| same(&smaller, &question).map(|report| (smaller, report))) {
                Some(found) => (config, told) = found,
                None => at += 1,
            }
        }
        if config.count() == before {
            break;
        }
    }
    'smaller: loop {
        for smaller in question.smaller() {
            if let Some(report) = same(&config, &smaller) {
                (question, told) = (smaller, report);
                continue 'smaller;
            }
        }
        break;
    }
    told
}
