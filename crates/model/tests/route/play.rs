//! Plays configurations and requests, and makes what went wrong as small as it gets.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use evenkeel_model::{Atom, Config, FileKind, HttpVersion, Is, Outcome, Request, Route, Router, World};

use crate::ask::{Answer, ask};
use crate::compare::{Log, Seen, class, mismatch};
use crate::echo;
use crate::features::Features;
use crate::generate::{Case, case};
use crate::nginx::{Binary, CREDENTIALS, Nginx, Place, Refused};
use crate::random::Random;
use crate::requests::{Question, known, question, witness};
use crate::smaller::tell;
use crate::support;
use crate::{Size, count};

const WORKERS: usize = 2;
/// Mismatches that are made small and shown; the rest are counted. `EVENKEEL_ROUTE_SHOWN` shows more.
const SHOWN_MAX: usize = 6;
/// From how many configurations on every feature must have been met.
const ALL_FEATURES_FROM: usize = 200;

/// What came of all of it.
#[derive(Debug, Default)]
struct Score {
    configs: usize,
    refused: usize,
    /// Configurations that ended nginx.
    crashed: usize,
    requests: usize,
    /// Requests to configurations of modelled directives alone.
    tame: usize,
    /// Predictions that rest on something that no configuration tells, by what; where nothing wild is in the
    /// configuration, and where something is.
    open: BTreeMap<String, usize>,
    open_wild: BTreeMap<String, usize>,
    /// How often exact predictions met what.
    features: Features,
    wrong: usize,
    shown: Vec<String>,
}

/// Plays, and fails when a single prediction did not come true.
pub(crate) fn play(binary: &Binary, size: &Size) {
    let begin = Instant::now();
    let score = Mutex::new(Score::default());
    let next = AtomicUsize::new(0);
    let ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let only = std::env::var("EVENKEEL_ROUTE_ONLY").ok().and_then(|index| index.parse::<usize>().ok());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let place = Place::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= size.configs {
                        break;
                    }
                    if only.is_some_and(|only| only != index) {
                        continue;
                    }
                    let seed = size.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
                    let mut random = Random::new(seed);
                    // Every tenth uses what is not modelled.
                    let wild = index % 10 == 9;
                    one(binary, &place, &mut random, (ipv6, wild, index, size.requests), &score);
                }
            });
        }
    });
    let score = score.into_inner().unwrap();
    score.print(binary, begin);
    let missed = if size.configs >= ALL_FEATURES_FROM && only.is_none() {
        score.features.missed(binary)
    } else {
        Vec::new()
    };
    if !missed.is_empty() {
        eprintln!("  never met by an exact prediction: {}", missed.join(", "));
    }
    assert!(score.wrong == 0, "{} predictions did not come true\n{}", score.wrong, score.shown.join("\n"));
    if only.is_some() {
        return;
    }
    let open: usize = score.open.values().sum();
    assert!(open * 100 <= score.tame, "{open} of {} predictions are open", score.tame);
    assert!(score.crashed * 20 <= size.configs, "{} configurations ended nginx", score.crashed);
    assert_eq!(score.requests, size.configs * size.requests);
    assert!(missed.is_empty(), "never met by an exact prediction: {}", missed.join(", "));
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
        let case = case(random, binary, ipv6, wild);
        let nginx = match Nginx::start(binary, place, &case.config) {
            Ok(nginx) => nginx,
            Err(Refused(why)) => {
                score.lock().unwrap().refused += 1;
                if count("EVENKEEL_ROUTE_VERBOSE", 0) > 0 {
                    let why = why.lines().filter(|line| line.contains("emerg")).collect::<Vec<_>>();
                    eprintln!("refused: {}", why.join("; "));
                }
                continue;
            }
        };
        let config = support::load(&place.main(), &place.path, Some(&binary.build));
        let known = known(&case, &router(&config), &nginx.ports, &place.path);
        let mut ask = || {
            let witness = if random.percent(25) { witness(random, &case, &known) } else { None };
            witness.unwrap_or_else(|| question(random, &case))
        };
        let questions: Vec<Question> = (0..requests).map(|_| ask()).collect();
        let placed: Vec<Question> =
            questions.iter().map(|question| question.at(&nginx.ports, &place.path)).collect();
        match observe(nginx, place, &placed) {
            Some(seen) => return Played { case, config, questions, placed, seen },
            None => score.lock().unwrap().crashed += 1,
        }
    }
}

/// Plays one configuration.
fn one(
    binary: &Binary,
    place: &Place,
    random: &mut Random,
    (ipv6, wild, index, requests): (bool, bool, usize, usize),
    score: &Mutex<Score>,
) {
    let played = draw(binary, place, random, (ipv6, wild, requests), score);
    let Played { case, config, questions, placed, seen } = &played;
    let router = router(config);
    let shown_max = count("EVENKEEL_ROUTE_SHOWN", SHOWN_MAX);
    let mut features = Features::default();
    let mut classes = HashSet::new();
    for ((question, placed), seen) in questions.iter().zip(placed).zip(seen) {
        let placed = &as_heard(placed, seen);
        let route = predict(&router, &placed.request);
        let wrong = verdict(config, &route, placed, seen);
        score.lock().unwrap().count(case, &route, wrong.is_some());
        if route.depends_on.is_empty()
            && let Ok(seen) = seen
        {
            features.meet(config, &route, placed, seen);
        }
        // Of each kind of mistake, one for a configuration is enough to look at.
        if let Some(why) = wrong
            && classes.insert(class(&why))
            && score.lock().unwrap().shown.len() < shown_max
        {
            let told = tell(binary, place, &case.config, question, &why);
            score.lock().unwrap().shown.push(format!("EVENKEEL_ROUTE_ONLY={index} {told}"));
        }
    }
    let mut score = score.lock().unwrap();
    score.features.add(features);
    score.configs += 1;
}

impl Score {
    /// Counts one answer.
    fn count(&mut self, case: &Case, route: &Route, wrong: bool) {
        self.requests += 1;
        self.tame += usize::from(!case.wild);
        if !route.depends_on.is_empty() {
            let open: Vec<String> =
                route.depends_on.iter().map(|what| open_kind(&what.to_string())).collect();
            let among = if case.wild { &mut self.open_wild } else { &mut self.open };
            *among.entry(open.join(" ")).or_default() += 1;
        }
        self.wrong += usize::from(wrong);
    }

    fn print(&self, binary: &Binary, begin: Instant) {
        let open: usize = self.open.values().sum();
        eprintln!(
            "{}: {} configurations ({} drawn again, {} ended nginx), {} requests in {} s, {} wrong\n  \
             depends_on is empty for {:.2} % of {} requests that modelled directives alone decide\n  \
             open: {:?}\n  open where something is not modelled: {:?}\n{}",
            binary.path.display(),
            self.configs,
            self.refused,
            self.crashed,
            self.requests,
            begin.elapsed().as_secs(),
            self.wrong,
            100.0 - 100.0 * open as f64 / self.tame.max(1) as f64,
            self.tame,
            self.open,
            self.open_wild,
            self.features
        );
    }
}

fn open_kind(what: &str) -> String {
    if what.starts_with("file-exists") { "file-exists".to_owned() } else { what.to_owned() }
}

fn router(config: &Config) -> Router<'_> {
    Router::new(config).with_files(kind)
}

/// What lies at a path.
pub(crate) fn kind(path: &[u8]) -> FileKind {
    match std::fs::metadata(Path::new(std::ffi::OsStr::from_bytes(path))) {
        Ok(meta) if meta.is_dir() => FileKind::Directory,
        Ok(_) => FileKind::File,
        Err(_) => FileKind::Absent,
    }
}

/// A question without what nginx did not read of it, as far as an upstream would have heard of that.
pub(crate) fn as_heard(question: &Question, seen: &Result<Seen, String>) -> Question {
    let mut question = question.clone();
    let logged = seen.as_ref().ok().and_then(|seen| seen.logged.as_ref());
    if logged.is_some_and(|(_, entry)| entry.contains(" [-] ")) {
        question.request.headers.retain(|(name, _)| name != echo::STATUS.as_bytes());
    }
    question
}

/// What the model says, in a world of which all is known: what the upstreams answer, whose password is good, and that
/// no limit is reached.
pub(crate) fn predict(router: &Router<'_>, request: &Request) -> Route {
    let status = echo::status_for(request);
    // The scheme is a word in any case.
    let is_good = request.header("Authorization").is_some_and(|sent| {
        sent.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(&CREDENTIALS[..6]))
            && sent[6..] == CREDENTIALS[6..]
    });
    let world = World(BTreeMap::from([
        (Atom::Upstream(Vec::new()), Is::Status(status)),
        (Atom::Password(Vec::new()), if is_good { Is::Yes } else { Is::No }),
        (Atom::Limit(String::new()), Is::No),
        // No client here has a certificate.
        (Atom::Other(String::from("ssl_verify_client")), Is::No),
    ]));
    router.route_in(request, &world)
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
    // Where nobody is, nobody says what arrived.
    if !route.depends_on.is_empty() || is_nowhere(route) {
        return None;
    }
    mismatch(config, route, question, seen)
}

/// Whether a request is passed on to an address of which this test knows nothing.
fn is_nowhere(route: &Route) -> bool {
    let Outcome::Pass { servers, .. } = &route.outcome else { return false };
    let is_ours = |server: &String| {
        let port = server.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        port.is_some_and(|port| echo::ports().contains(&port))
    };
    !servers.iter().any(is_ours)
}

/// Asks everything, stops nginx, reads its log; `None`: it had stopped by itself.
pub(crate) fn observe(
    nginx: Nginx<'_>,
    place: &Place,
    questions: &[Question],
) -> Option<Vec<Result<Seen, String>>> {
    let mut answers = Vec::new();
    let mut refused = false;
    let mut ports = HashSet::new();
    for (id, question) in questions.iter().enumerate() {
        let mut question = question.clone();
        if question.request.version != HttpVersion::V0_9 {
            // Behind the wish of a status: who reads the one has read the other.
            let headers = &mut question.request.headers;
            let wish = headers.iter().position(|(name, _)| name == echo::STATUS.as_bytes());
            let at = wish.map_or(headers.len(), |at| at + 1);
            headers.insert(at, (b"X-Id".to_vec(), id.to_string().into_bytes()));
        }
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match ask(&question.request, &question.body) {
                // The log knows a request by our address: one that we had before is of no use.
                Ok(answer) if answer.from.is_some_and(|from| !ports.insert(from)) => {}
                // A machine that is busy elsewhere; what does not answer does not answer the second time, either.
                Err(_) if tries < 3 => {}
                other => break other,
            }
        };
        refused |= matches!(&answer, Err(error) if error.kind() == ErrorKind::ConnectionRefused);
        answers.push(answer.map_err(|error| error.to_string()));
    }
    if !nginx.stop(refused) {
        return None;
    }
    let log = Log::read(&place.path.join("access.log"));
    let seen = |(id, answer): (usize, Result<Answer, String>)| {
        answer.map(|answer| Seen { logged: log.entry(id, &questions[id], &answer), answer })
    };
    Some(answers.into_iter().enumerate().map(seen).collect())
}
