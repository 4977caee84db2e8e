//! What a watched walk promises: another request for which every question gets the same answer goes the same way, and
//! its outcome is that of the shape, filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use evenkeel_model::{
    Answered, Atom, Config, Given, Is, Observed, Outcome, Request, Router, Template, Test, World,
};

use crate::block::Block;
use crate::generate::case;
use crate::nginx::{Binary, PORTS, Place};
use crate::random::Random;
use crate::requests::question;
use crate::{count, support};

/// How many requests of a configuration each request is held against.
const RIVALS: usize = 60;

/// What was compared.
#[derive(Debug, Default)]
struct Score {
    observed: usize,
    questions: usize,
    alike: usize,
    opaque: usize,
}

#[test]
fn requests_with_equal_answers_have_equal_shapes() {
    let path =
        std::env::var_os("EVENKEEL_NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
    let binary = Binary::at(&path);
    let place = Place::new();
    let seed = count("EVENKEEL_SEED", 1) as u64;
    let only = std::env::var("EVENKEEL_ROUTE_ONLY").ok().and_then(|index| index.parse::<usize>().ok());
    let mut score = Score::default();
    let mut wrong = Vec::new();
    for index in 0..count("EVENKEEL_ROUTE_CONFIGS", 50) {
        if only.is_some_and(|only| only != index) {
            continue;
        }
        let mut random = Random::new(seed.wrapping_mul(7_000_003).wrapping_add(index as u64));
        let case = case(&mut random, &binary, true, index % 10 == 9);
        let text = write(&place, &case.config);
        let config = support::load(&place.main(), &place.path, Some(&binary.build));
        let ports: [u16; PORTS] = [20_000, 20_001, 20_002, 20_003];
        let requests: Vec<Request> = (0..count("EVENKEEL_ROUTE_REQUESTS", 100))
            .map(|_| question(&mut random, &case).at(&ports, &place.path).request)
            .collect();
        if let Err(why) = play(&config, &requests, &mut random, &mut score) {
            wrong.push(format!("EVENKEEL_ROUTE_ONLY={index} {why}\n{text}"));
        }
    }
    eprintln!("{score:?}");
    assert!(
        wrong.is_empty(),
        "{} promises were broken\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
    assert!(score.alike > score.observed / 4, "hardly two requests were alike");
}

fn write(place: &Place, config: &Block) -> String {
    let mut text = config.text().replace("@DIR@", &place.path.display().to_string());
    for index in 0..PORTS {
        text = text.replace(&format!("@P{index}@"), &format!("{}", 20_000 + index));
    }
    for index in 0..10 {
        text = text.replace(&format!("@U{index}@"), &format!("{}", 30_000 + index));
    }
    std::fs::write(place.main(), &text).unwrap();
    text
}

fn play(config: &Config, requests: &[Request], random: &mut Random, score: &mut Score) -> Result<(), String> {
    let router = Router::new(config);
    let world = World::default();
    let readable: Vec<(&Request, Given)> =
        requests.iter().filter_map(|request| Some((request, router.given(request)?))).collect();
    for (request, given) in &readable {
        let observed = router.observe(request, &world);
        score.observed += 1;
        score.questions += observed.questions.len();
        let told = |what: &str| format!("{what}\n{}\n{}", show(request), tell(&observed));
        for question in observed.questions.iter().filter(|question| !matches!(question.test, Test::Atom(_))) {
            let answer = router.answer(question, given, &world);
            if answer.as_ref().is_some_and(|answer| *answer != question.answer) {
                return Err(told(&format!("asked again, {question:?} is answered with {answer:?}")));
            }
        }
        if filled(&observed, given).is_some_and(|filled| filled != bytes(&observed.route.outcome)) {
            return Err(told(&format!("the shape gives {:?}", filled(&observed, given))));
        }
        for _ in 0..RIVALS {
            let (rival, rivals) = &readable[random.below(readable.len())];
            if rival.listen != request.listen || rival.tls != request.tls || rival.version != request.version
            {
                continue;
            }
            let Some(other_world) = moved(&observed, rivals) else { continue };
            let alike = observed.questions.iter().all(|question| {
                matches!(question.test, Test::Atom(_))
                    || router.answer(question, rivals, &other_world).as_ref() == Some(&question.answer)
            });
            if !alike || rival == request {
                continue;
            }
            score.alike += 1;
            let other = router.observe(rival, &other_world);
            let same = other.shape == observed.shape
                && (other.route.server, other.route.location)
                    == (observed.route.server, observed.route.location);
            if !same {
                return Err(told(&format!("{}\ngoes another way: {}", show(rival), tell(&other))));
            }
            match filled(&observed, rivals) {
                None => score.opaque += 1,
                Some(filled) if filled != bytes(&other.route.outcome) => {
                    return Err(told(&format!(
                        "{}\nwould be {filled:?} by the shape, and is {}",
                        show(rival),
                        tell(&other)
                    )));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// The world in which another request gets the same answers from every atom.
fn moved(observed: &Observed, given: &Given) -> Option<World> {
    let mut atoms: BTreeMap<Atom, Is> = BTreeMap::new();
    for question in &observed.questions {
        let (Test::Atom(atom), Answered::Is(is)) = (&question.test, &question.answer) else { continue };
        let name = |subject: &Template| subject.fill(given);
        let atom = match atom {
            Atom::File(_) if !question.subject.0.is_empty() => Atom::File(name(&question.subject)?),
            Atom::Upstream(_) if !question.subject.0.is_empty() => Atom::Upstream(name(&question.subject)?),
            other => other.clone(),
        };
        if atoms.insert(atom, *is).is_some_and(|before| before != *is) {
            return None;
        }
    }
    Some(World(atoms))
}

/// What the shape gives for a request; `None`: nobody can follow it.
fn filled(observed: &Observed, given: &Given) -> Option<Vec<Vec<u8>>> {
    let length = bytes(&observed.route.outcome).len();
    observed.shape.values.iter().take(length).map(|value| value.fill(given)).collect()
}

fn bytes(outcome: &Outcome) -> Vec<Vec<u8>> {
    match outcome {
        Outcome::Pass { pass, .. } => vec![pass.clone()],
        Outcome::File { path } => vec![path.clone()],
        Outcome::Files { candidates } => candidates.clone(),
        Outcome::Redirect { location, .. } => vec![location.clone()],
        Outcome::Return { body: Some(body), .. } => vec![body.clone()],
        Outcome::Return { body: None, .. } | Outcome::Close { .. } | Outcome::Error { .. } => Vec::new(),
    }
}

fn tell(observed: &Observed) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut told = format!("{:?}\n", observed.shape);
    for value in bytes(&observed.route.outcome) {
        told.push_str(&format!("  = {}\n", text(&value)));
    }
    for question in &observed.questions {
        told.push_str(&format!("  {:?} {:?} {:?}\n", question.subject, question.test, question.answer));
    }
    told
}

fn show(request: &Request) -> String {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let headers: Vec<String> =
        request.headers.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect();
    format!(
        "{} {} {:?} {headers:?} at {:?} tls {} sni {:?} client {:?}",
        text(&request.method),
        text(&request.target),
        request.version,
        request.listen,
        request.tls,
        request.sni.as_deref().map(text),
        request.client
    )
}
