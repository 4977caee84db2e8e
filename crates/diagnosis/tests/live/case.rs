//! A case: what is set up, what is asked, and which cause must come first.

use std::net::SocketAddr;
use std::time::SystemTime;

use evenkeel_diagnosis::evidence::{Direct, Nginx, Origin, Seen};
use evenkeel_diagnosis::{Confidence, Diagnosis, Evidence, diagnose};
use evenkeel_fleet::Timestamp;
use evenkeel_model::ErrorLine;

use crate::app::{App, OK, run};
use crate::ask::ask;
use crate::stage::{Stage, binaries};

/// What is set up.
pub(crate) struct Case {
    /// The cause that must come first.
    pub(crate) cause: &'static str,
    /// Directives of the main context.
    pub(crate) main: &'static str,
    /// Directives in `http`, outside the server.
    pub(crate) http: &'static str,
    /// The body of the server block.
    pub(crate) server: &'static str,
    /// The level of the error log.
    pub(crate) level: &'static str,
    /// What the application does.
    pub(crate) app: App,
    /// What an application at another address does.
    pub(crate) other: App,
    /// The bytes that are sent, how often.
    pub(crate) request: &'static str,
    pub(crate) times: usize,
    /// Whether the application is asked without nginx.
    pub(crate) direct: bool,
    /// Something done between the start and the question.
    pub(crate) meanwhile: fn(&Stage),
    /// Something done before the start.
    pub(crate) before: fn(&Stage),
    /// Facts that this test knows and that nothing here gathers.
    pub(crate) known: fn(&Stage, &mut Evidence),
    /// How sure it must be at least.
    pub(crate) sure: Confidence,
}

pub(crate) const PLAIN: Case = Case {
    cause: "",
    main: "",
    http: "",
    server: "",
    level: "error",
    app: OK,
    other: App::Nobody,
    request: "GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
    times: 1,
    direct: true,
    meanwhile: |_| {},
    before: |_| {},
    known: |_, _| {},
    sure: Confidence::Confident,
};

/// Plays it on each nginx.
pub(crate) fn play(case: &Case) {
    for binary in binaries() {
        let mut stage = Stage::new(&binary);
        let (evidence, log) = stage_it(case, &mut stage);
        let diagnosis = diagnose(&evidence);
        let what = format!("{}\n{diagnosis:#?}\n{evidence:#?}\n{log}", binary.display());
        hold(case, &diagnosis, &what);
    }
}

fn hold(case: &Case, diagnosis: &Diagnosis, what: &str) {
    if case.cause.is_empty() {
        assert!(diagnosis.causes.is_empty() && !diagnosis.failing, "health has a cause: {what}");
        return;
    }
    let first = diagnosis.first().unwrap_or_else(|| panic!("no cause: {what}"));
    assert_eq!(first.id, case.cause, "{what}");
    assert!(first.confidence >= case.sure, "not sure enough: {what}");
}

fn stage_it(case: &Case, stage: &mut Stage) -> (Evidence, String) {
    let http =
        format!("{}\nserver {{ listen {{NGINX}}; server_name shop.test;\n{}\n}}", case.http, case.server);
    stage.write(case.main, &http, case.level);
    (case.before)(stage);
    let app = run(case.app, stage.at(1));
    let other = run(case.other, stage.at(2));
    let runs = stage.start();
    if runs {
        (case.meanwhile)(stage);
    }
    let mut evidence = Evidence::default();
    let mut last = None;
    for _ in 0..case.times {
        last = Some(ask(stage.at(0), stage.fill(case.request).as_bytes()));
    }
    if let Some(answer) = last {
        evidence.samples.push(Seen {
            vantage: String::from("here"),
            host: String::from("web"),
            address: Some(stage.at(0)),
            url: String::from("http://shop.test/cart"),
            failure: answer.failure,
            redirect: answer.redirect,
            took_ms: answer.took_ms,
        });
    }
    evidence.nginx = Some(Nginx { runs, generations: usize::from(runs), ..Nginx::default() });
    let mut log = stage.log("error.log");
    if !runs {
        log.extend(stage.log("stderr"));
    }
    read_error_log(&log, &mut evidence);
    read_access_log(&stage.log("access.log"), &mut evidence);
    if case.direct {
        let mut direct = vec![asked(stage.at(1), true, None, case)];
        if !matches!(case.other, App::Nobody) {
            direct.push(asked(stage.at(2), false, Some("the release before had it"), case));
        }
        evidence.direct = Some(direct);
    }
    (case.known)(stage, &mut evidence);
    stage.stop();
    drop((app, other));
    (evidence, String::from_utf8_lossy(&log).into_owned())
}

fn asked(at: SocketAddr, configured: bool, because: Option<&str>, case: &Case) -> Direct {
    let answer = ask(at, case.request.as_bytes());
    Direct {
        at: at.to_string(),
        configured,
        because: because.map(str::to_owned),
        failure: answer.failure,
        took_ms: answer.took_ms,
    }
}

pub(crate) fn read_error_log(log: &[u8], evidence: &mut Evidence) {
    evidence.lines.get_or_insert_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap());
    for line in log.split(|&byte| byte == b'\n') {
        if let Some(line) = ErrorLine::read(line) {
            // In which zone the host is does not matter here, only what came before what.
            let at = line.stamp.map_or(now, |stamp| {
                Timestamp::from_millis(u64::try_from(stamp.unix_seconds(0)).unwrap() * 1000)
            });
            evidence.note_line(&line, at);
        }
    }
}

/// Reads the format of these tests.
fn read_access_log(log: &[u8], evidence: &mut Evidence) {
    evidence.access.get_or_insert_default();
    for line in String::from_utf8_lossy(log).lines() {
        let rest = line.rsplit_once('"').map_or(line, |(_, rest)| rest);
        // Several attempts stand as `502, 502`.
        let mut words = rest.split_ascii_whitespace();
        let Some(status) = words.next().and_then(|status| status.parse().ok()) else { continue };
        let upstream_status = words.next().unwrap_or("-").trim_end_matches(',');
        evidence.note_answer("/", status, Origin::of(Some(upstream_status.as_bytes())), None);
    }
}
