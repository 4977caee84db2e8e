//! Makes what went wrong as small as it gets, and tells it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use evenkeel_model::{FileKind, Router};

use crate::ask::bytes;
use crate::block::Block;
use crate::compare::class;
use crate::nginx::{Binary, Nginx, Place};
use crate::play::{as_heard, kind, observe, predict, verdict};
use crate::requests::Question;
use crate::support;
use crate::told::Told;

/// What one question to one configuration shows; `None`: nothing wrong, or not comparable.
fn probe(binary: &Binary, place: &Place, config: &Block, question: &Question) -> Option<(String, String)> {
    let nginx = Nginx::start(binary, place, config).ok()?;
    let (text, ports) = (nginx.text.clone(), nginx.ports);
    let placed = question.at(&ports, &place.path);
    let model = support::load(&place.main(), &place.path, Some(&binary.build));
    let files = Mutex::new(BTreeSet::new());
    let router = Router::new(&model).with_files(|path: &[u8]| {
        let kind = kind(path);
        if kind != FileKind::Absent {
            let slash = if kind == FileKind::Directory { "/" } else { "" };
            files.lock().unwrap().insert(format!("{}{slash}", String::from_utf8_lossy(path)));
        }
        kind
    });
    let seen = observe(nginx, place, std::slice::from_ref(&placed))?.remove(0);
    let placed = as_heard(&placed, &seen);
    let route = predict(&router, &placed.request);
    let why = verdict(&model, &route, &placed, &seen)?;
    let seen = seen.ok()?;
    let files: Vec<String> = files.lock().unwrap().iter().cloned().collect();
    let told = Told {
        why: &why,
        version: &binary.version.to_string(),
        text: &text,
        ports: &ports,
        place: &place.path,
        config: &model,
        question: &placed,
        route: &route,
        seen: &seen,
        files: &files,
    };
    let told = told.to_string();
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
        let before = (config.size(), question.size());
        let mut at = 0;
        while at < config.count() {
            // Blocks go before what is in them: with luck, all at once.
            let found = config.smaller(at).into_iter().find_map(|smaller| {
                let report = same(&smaller, &question)?;
                Some((smaller, report))
            });
            match found {
                Some(found) => (config, told) = found,
                None => at += 1,
            }
        }
        while let Some(found) = question.smaller().into_iter().find_map(|smaller| {
            let report = same(&config, &smaller)?;
            Some((smaller, report))
        }) {
            (question, told) = found;
        }
        if (config.size(), question.size()) == before {
            return told;
        }
    }
}
