//! Plays configurations and requests, and makes what went wrong as small as it gets.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_model::{Config, FileKind, Route, Router};

use crate::ask::ask;
use crate::compare::{Seen, key, log, mismatch};
use crate::generate::{Case, case};
use crate::nginx::{Binary, Nginx, Place, Refused};
use crate::random::Random;
use crate::requests::{Question, question};
use crate::smaller::tell;
use crate::support;
use crate::{Size, count};

const WORKERS: usize = 2;
/// Mismatches that are made small and shown; the rest are counted.
/// `EVENKEEL_ROUTE_SHOWN` shows more.
const SHOWN_MAX: usize = 6;

/// What came of all of it.
#[derive(Debug, Default)]
struct Score {
    configs: usize,
    refused: usize,
    /// Configurations that ended nginx.
    crashed: usize,
    requests: usize,
    /// Predictions that rest on something that no configuration tells, by what; where nothing wild is in the
    /// configuration, and where something is.
    open: BTreeMap<String, usize>,
    open_wild: BTreeMap<String, usize>,
    /// What was predicted, by kind.
    kinds: BTreeMap<String, usize>,
    /// What came back, by status.
    statuses: BTreeMap<String, usize>,
    wrong: usize,
    shown: Vec<String>,
}

/// Plays, and fails when a single prediction did not come true.
pub(crate) fn play(binary: &Binary, size: &Size) {
    let score = Mutex::new(Score::default());
    let next = AtomicUsize::new(0);
    let ipv6 = TcpListener::bind("[::1]:0").is_ok();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let place = Place::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= size.configs {
                        break;
                    }
                    let mut random =
                        Random::new(size.seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
                    // Every fifth uses what is not modelled.
                    let wild = index % 5 == 4;
                    let played = draw(binary, &place, &mut random, (ipv6, wild, size.requests), &score);
                    one(binary, &place, &played, &score);
                }
            });
        }
    });
    let score = score.into_inner().unwrap();
    eprintln!(
        "{}: {} configurations ({} drawn again, {} ended nginx), {} requests, {} wrong\n  open: {:?}\n  open where something is not modelled: {:?}\n  kinds: {:?}\n  nginx: {:?}",
        binary.path.display(),
        score.configs,
        score.refused,
        score.crashed,
        score.requests,
        score.wrong,
        score.open,
        score.open_wild,
        score.kinds,
        score.statuses
    );
    assert!(score.wrong == 0, "{} predictions did not come true\n{}", score.wrong, score.shown.join("\n"));
    let open: usize = score.open.values().sum();
    assert!(open * 50 < score.requests.max(1), "{open} of {} predictions are open", score.requests);
    assert!(score.crashed * 20 <= size.configs, "{} configurations ended nginx", score.crashed);
    assert_eq!(score.requests, size.configs * size.requests);
}

/// What was asked of one configuration, and what came of it.
struct Played {
    case: Case,
    config: Config,
    questions: Vec<Question>,
    /// The same with the ports of this run.
    placed: Vec<Question>,
    seen: Vec<Result<Seen, String>>,
}

/// Draws configurations until nginx takes one and lives through the questions. An old release may not: some of its
/// faults, mended since, end it.
fn draw(
    binary: &Binary,
    place: &Place,
    random: &mut Random,
    (ipv6, wild, requests): (bool, bool, usize),
    score: &Mutex<Score>,
) -> Played {
    loop {
        let case = case(random, ipv6, wild);
        let nginx = match Nginx::start(binary, place, &case.config) {
            Ok(nginx) => nginx,
            Err(Refused(why)) => {
                score.lock().unwrap().refused += 1;
                if count("EVENKEEL_ROUTE_VERBOSE", 0) > 0 {
                    eprintln!("refused: {why}");
                }
                continue;
            }
        };
        let questions: Vec<Question> = (0..requests).map(|_| question(random, &case)).collect();
        let placed: Vec<Question> =
            questions.iter().map(|question| question.at(&nginx.ports, &place.path)).collect();
        let config = support::load(&place.main(), &place.path, Some(&binary.build));
        match observe(nginx, place, &placed) {
            Some(seen) => return Played { case, config, questions, placed, seen },
            None => score.lock().unwrap().crashed += 1,
        }
    }
}

/// Plays one configuration.
fn one(binary: &Binary, place: &Place, played: &Played, score: &Mutex<Score>) {
    let Played { case, config, questions, placed, seen } = played;
    let router = router(config);
    let shown_max = count("EVENKEEL_ROUTE_SHOWN", SHOWN_MAX);
    for (index, (question, seen)) in placed.iter().zip(seen).enumerate() {
        let route = router.route(&question.request);
        let wrong = verdict(config, &route, question, seen);
        let number = score.lock().unwrap().count(case, &route, seen, wrong.is_some());
        if let Some(why) = wrong
            && number <= shown_max
        {
            let told = tell(binary, place, &case.config, &questions[index], &why);
            score.lock().unwrap().shown.push(told);
        }
    }
    score.lock().unwrap().configs += 1;
}

impl Score {
    /// Counts one answer; how many were wrong up to here.
    fn count(&mut self, case: &Case, route: &Route, seen: &Result<Seen, String>, wrong: bool) -> usize {
        self.requests += 1;
        *self.statuses.entry(kind_of(seen)).or_default() += 1;
        if route.depends_on.is_empty() {
            let kind = format!("{:?}", route.outcome);
            let kind = kind.split([' ', '(']).next().unwrap_or_default().to_owned();
            *self.kinds.entry(kind).or_default() += 1;
        } else {
            let open: Vec<String> =
                route.depends_on.iter().map(|what| open_kind(&what.to_string())).collect();
            let among = if case.wild { &mut self.open_wild } else { &mut self.open };
            *among.entry(open.join(" ")).or_default() += 1;
        }
        self.wrong += usize::from(wrong);
        self.wrong
    }
}

fn kind_of(seen: &Result<Seen, String>) -> String {
    match seen {
        Err(_) => "unread".to_owned(),
        Ok(Seen { logged: None, .. }) => "not logged".to_owned(),
        Ok(Seen { answer, .. }) if answer.header("X-Echo").is_some() => "upstream".to_owned(),
        Ok(Seen { answer, .. }) => answer.status.to_string(),
    }
}

fn open_kind(what: &str) -> String {
    if what.starts_with("file-exists") { "file-exists".to_owned() } else { what.to_owned() }
}

pub(crate) fn router(config: &Config) -> Router<'_> {
    Router::new(config).with_files(|path: &[u8]| {
        match std::fs::metadata(Path::new(std::ffi::OsStr::from_bytes(path))) {
            Ok(meta) if meta.is_dir() => FileKind::Directory,
            Ok(_) => FileKind::File,
            Err(_) => FileKind::Absent,
        }
    })
}

/// What is wrong with an exact answer; an open one is not held against nginx.
pub(crate) fn verdict(
    config: &Config,
    route: &Route,
    question: &Question,
    seen: &Result<Seen, String>,
) -> Option<String> {
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return Some(format!("no answer could be read: {error}")),
    };
    if route.depends_on.is_empty() { mismatch(config, route, question, seen) } else { None }
}

/// Asks everything, stops nginx, reads its log; `None`: it had stopped by itself.
pub(crate) fn observe(
    nginx: Nginx,
    place: &Place,
    questions: &[Question],
) -> Option<Vec<Result<Seen, String>>> {
    let mut answers = Vec::new();
    let mut refused = false;
    let mut ports = std::collections::HashSet::new();
    for (id, question) in questions.iter().enumerate() {
        let mut question = question.clone();
        if question.request.version != evenkeel_model::HttpVersion::V0_9 {
            question.request.headers.push((b"X-Id".to_vec(), id.to_string().into_bytes()));
        }
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match ask(&question.request, &question.body) {
                // The log knows a request by our port: one that we had before is of no use.
                Ok(answer) if answer.port != 0 && !ports.insert(answer.port) => {}
                // A machine that is busy elsewhere; what does not answer does not answer the second time, either.
                Err(_) if tries < 3 => {}
                other => break other,
            }
        };
        refused |= matches!(&answer, Err(error) if error.kind() == ErrorKind::ConnectionRefused);
        answers
            .push(answer.map(|answer| (key(&question, &answer), answer)).map_err(|error| error.to_string()));
    }
    if !nginx.stop(refused) {
        return None;
    }
    let log = log(&place.path.join("access.log"));
    let seen = |answer: Result<(String, _), String>| {
        answer.map(|(key, answer)| Seen { logged: log.get(&key).cloned(), answer })
    };
    Some(answers.into_iter().map(seen).collect())
}
