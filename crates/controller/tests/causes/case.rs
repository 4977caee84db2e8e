//! A case: what is set up, what is asked, and which cause must come first.

use std::process::Command;
use std::time::Duration;

use evenkeel_controller::source::{Root, Source};
use evenkeel_controller::stages;
use evenkeel_controller::why::{Answer, Asked, Balancer, look};
use evenkeel_diagnosis::analyzers::rows;
use evenkeel_diagnosis::{Cause, Confidence};
use evenkeel_host::nginx::compiled::compiled;
use evenkeel_host::place::Place;
use evenkeel_model::Config;

use crate::app::{App, OK, run};
use crate::stage::{Stage, binaries};

/// What is set up, and what must be said of it.
pub(crate) struct Case {
    /// The rows of the table that it proves.
    pub(crate) rows: &'static [u16],
    /// The cause that must come first; empty: none may be named.
    pub(crate) cause: &'static str,
    /// Another one that must be named too.
    pub(crate) and: &'static str,
    /// Directives of the main context.
    pub(crate) main: &'static str,
    /// Directives in `http`, outside the server.
    pub(crate) http: &'static str,
    /// The body of the server block.
    pub(crate) server: &'static str,
    /// The body of the server block before the last change; empty: nothing is known of one.
    pub(crate) former: &'static str,
    /// The level of the error log.
    pub(crate) level: &'static str,
    /// What the application does.
    pub(crate) app: App,
    /// What an application at another address does.
    pub(crate) other: App,
    /// What `why` is asked about.
    pub(crate) url: &'static str,
    /// What others see, as `why --seen` takes it.
    pub(crate) seen: &'static [&'static str],
    /// Whether the HAProxy of the stage is asked, too.
    pub(crate) balancer: bool,
    /// Something done between the start and the question.
    pub(crate) meanwhile: fn(&mut Stage),
    /// Something done before the start.
    pub(crate) before: fn(&mut Stage),
    /// Whether it needs a network, mounts and users of its own.
    pub(crate) apart: bool,
    /// Whether only root may read what settles it: an ordinary user is told what would, and nothing is sure.
    pub(crate) by_root: bool,
    /// On which nginx it is played.
    pub(crate) on: On,
    /// How sure it must be at least.
    pub(crate) sure: Confidence,
}

/// On which nginx a case is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// The installed one and the newest.
    Both,
    /// The installed one.
    Installed,
    /// The newest; where it was not fetched, the installed one.
    Newest,
}

pub(crate) const PLAIN: Case = Case {
    rows: &[],
    cause: "",
    and: "",
    main: "",
    http: "",
    server: "",
    former: "",
    level: "error",
    app: OK,
    other: App::Nobody,
    url: "http://shop.test:{PORT}/cart",
    seen: &[],
    balancer: false,
    meanwhile: |_| {},
    before: |_| {},
    apart: false,
    by_root: false,
    on: On::Both,
    sure: Confidence::Confident,
};

/// Makes a test of each case, and a list of them all.
macro_rules! cases {
    ($($name:ident => { $($field:tt)* })+) => {
        use $crate::case::PLAIN;

        $(#[test]
        fn $name() {
            let name = concat!(module_path!(), "::", stringify!($name));
            $crate::case::play(name, &$crate::case::Case { $($field)* ..PLAIN });
        })+

        /// Every case of this file, with its name.
        pub(crate) const CASES: &[(&str, $crate::case::Case)] =
            &[$((stringify!($name), $crate::case::Case { $($field)* ..PLAIN })),+];
    };
}

/// Says that this process is the one in a network of its own.
const INSIDE: &str = "EVENKEEL_TEST_INSIDE";

/// And that root started it.
const ROOT: &str = "root";

/// Plays a case on each nginx.
pub(crate) fn play(name: &str, case: &Case) {
    if case.apart && std::env::var_os(INSIDE).is_none() {
        return apart(name);
    }
    if case.apart {
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    }
    let mut all = binaries();
    match case.on {
        On::Both => {}
        On::Installed => all.truncate(1),
        On::Newest => drop(all.drain(..all.len() - 1)),
    }
    for binary in all {
        let mut stage = Stage::new(&binary);
        let answer = act(case, &mut stage);
        let log = String::from_utf8_lossy(&stage.log("error.log")).into_owned();
        hold(case, &answer, &format!("{}\n{answer:#?}\n{log}", binary.display()));
    }
}

/// Runs the test again in a network, with mounts and users of its own, as whoever runs it here.
fn apart(name: &str) {
    let (_, test) = name.split_once("::").expect("a test stands in a module");
    let output = Command::new("unshare")
        .args(["-Urnm", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, if nix::unistd::geteuid().is_root() { ROOT } else { "an ordinary user" })
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn hold(case: &Case, answer: &Answer, what: &str) {
    let diagnosis = &answer.diagnosis;
    if case.cause.is_empty() {
        assert!(diagnosis.causes.is_empty() && !diagnosis.failing, "health has a cause: {what}");
        return;
    }
    if case.by_root && std::env::var_os(INSIDE).is_some_and(|who| who != ROOT) {
        let sure = |cause: &Cause| cause.confidence == Confidence::Confident;
        assert!(!diagnosis.causes.iter().any(sure), "sure without a look: {what}");
        assert!(diagnosis.missing.iter().any(|text| text.contains("firewall")), "{what}");
        return;
    }
    let first = diagnosis.first().unwrap_or_else(|| panic!("no cause: {what}"));
    assert_eq!(first.id, case.cause, "{what}");
    assert!(first.confidence >= case.sure, "not sure enough: {what}");
    // What only follows from one of the two is no third cause.
    let follows = |id: &str, root: &str| rows().any(|row| row.id == id && row.follows.contains(&root));
    let meant =
        |id: &str| [case.cause, case.and].into_iter().any(|expected| id == expected || follows(id, expected));
    let mut sure = diagnosis.causes.iter().filter(|cause| cause.confidence == Confidence::Confident);
    if case.and.is_empty() {
        return;
    }
    assert!(diagnosis.causes.iter().any(|cause| cause.id == case.and), "{} is not named: {what}", case.and);
    assert!(sure.all(|cause| meant(cause.id)), "confident and wrong: {what}");
}

fn act(case: &Case, stage: &mut Stage) -> Answer {
    let server =
        |body: &str| format!("{}\nserver {{ listen {{NGINX}}; server_name shop.test;\n{body}\n}}", case.http);
    let mut former = None;
    if !case.former.is_empty() {
        stage.write(case.main, &server(case.former), case.level);
        former = Some(config(stage));
    }
    if case.apart {
        // In a namespace of users with one user there is nobody else to serve as.
        stage.serve_as_root();
    }
    stage.write(case.main, &server(case.server), case.level);
    // What was written an hour ago is no change of the last minutes.
    stage.written(Duration::from_hours(1));
    (case.before)(stage);
    let app = run(case.app, stage.at(1));
    let other = run(case.other, stage.at(2));
    if stage.start() {
        (case.meanwhile)(stage);
    }
    let answer = asked(case, stage, former.as_ref());
    stage.stop();
    drop((app, other));
    answer
}

fn asked(case: &Case, stage: &Stage, former: Option<&Config>) -> Answer {
    let place = Place {
        nginx: stage.binary().to_owned(),
        pid: stage.path().join("nginx.pid"),
        ..Place::new(stage.path(), stage.path().join("state"))
    };
    let config = config(stage);
    let balancer = Balancer {
        socket: Some(stage.path().join("haproxy.sock")),
        log: Some(stage.path().join("haproxy.log")),
    };
    let asked = Asked {
        url: &stage.fill(case.url),
        address: case.url.contains(".test").then(|| stage.at(0).ip()),
        config: Some(&config),
        place: &place,
        back: Duration::from_secs(900),
        changes: Vec::new(),
        differs: None,
        former,
        seen: case.seen.iter().map(|seen| seen.parse().unwrap()).collect(),
        vantages: stage.vantages(),
        balancer: if case.balancer { balancer } else { Balancer::default() },
        authorities: std::fs::read_to_string(stage.path().join("ca.pem")).ok(),
    };
    look(&asked).unwrap()
}

/// The configuration as Evenkeel reads it.
fn config(stage: &Stage) -> Config {
    let compiled = compiled(stage.binary(), Duration::from_secs(10)).unwrap();
    let built = format!("nginx/{} {}", compiled.version, compiled.arguments.join(" "));
    let mut source = Source::new(Root::Directory(stage.path()), stage.path(), true);
    source.load(&stages::settings(&stage.path().join("nginx.conf"), Some(&built), None, None))
}
