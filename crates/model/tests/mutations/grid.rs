//! Every directive of the catalogue, with many values, in every context: what `validate` says against `nginx -t`.
//!
//! `EVENKEEL_GRID=300000` asks about all of them (minutes); otherwise a part that depends on `EVENKEEL_SEED`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::oracle::{self, Verdict};
use crate::support;
use evenkeel_model::{Catalog, Context, validate};

/// How many questions are asked when not all are.
const QUESTIONS: usize = 1_500;

const ARGUMENTS: &[&str] = &[
    "",
    "on",
    "off",
    "x",
    "1",
    "0",
    "-1",
    "12x",
    "10k",
    "10q",
    "1m",
    "30s",
    "5z",
    "\"\"",
    "$host",
    "$",
    "${open",
    "$nosuchvariable",
    "/a/b",
    "http://127.0.0.1:1/",
    "127.0.0.1:80",
    "10.0.0.0/8",
    "10.0.0.0/99",
    "all",
    "none",
    "default",
    "max",
    "~(",
    "~ok",
    "*",
    "a=b",
    "zone=z",
    "=",
    "200",
    "999999999999999999999",
    "on on",
    "1 2",
    "4 8k",
    "a b",
    "$host b",
    "a $host",
    "a ${b",
    "1 x",
    "off off",
    "a b c",
    "user:rw",
    "zone=z:1m",
    "$host zone=z:1m",
    "$host zone=z:1m rate=1r/s",
    "$a b",
    "a b c d",
    "error",
    "GET",
    "any 1m",
    "200 1m",
    "1.1",
    "TLSv1.2",
    "\"a b\"",
    "a:b",
    "shared:S:1m",
    "syslog:server=127.0.0.1",
    "a b c d e f g h",
    "memory:1m",
    "always",
    "on on on",
    "64k",
    "16",
    "4096",
];

/// How to wrap a directive so that it stands in a context; `None` where the nginx at hand has no such block.
fn wrap(context: Context, directive: &str) -> Option<String> {
    let stream = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n";
    let (head, open, close) = match context {
        Context::Main => ("", "", "\nevents { }"),
        Context::Events => ("", "events {\n", "\n}"),
        Context::Http => {
            ("", "events { } http { include base.conf;\n", "\n server { listen 127.0.0.1:18077; } }")
        }
        Context::Server => {
            ("", "events { } http { include base.conf; server { listen 127.0.0.1:18077;\n", "\n} }")
        }
        Context::Location => (
            "",
            "events { } http { include base.conf; server { listen 127.0.0.1:18077; location / {\n",
            "\n} } }",
        ),
        Context::LocationIf => (
            "",
            "events { } http { include base.conf; server { listen 127.0.0.1:18077; location / { if ($host) {\n",
            "\n} } } }",
        ),
        Context::ServerIf => (
            "",
            "events { } http { include base.conf; server { listen 127.0.0.1:18077; if ($host) {\n",
            "\n} } }",
        ),
        Context::LimitExcept => (
            "",
            "events { } http { include base.conf; server { listen 127.0.0.1:18077; location / { limit_except GET {\n",
            "\n} } } }",
        ),
        Context::Upstream => (
            "",
            "events { } http { include base.conf; upstream u { server 127.0.0.1:1;\n",
            "\n} server { listen 127.0.0.1:18077; } }",
        ),
        Context::Stream => {
            (stream, "events { } stream {\n", "\nserver { listen 127.0.0.1:18078; return x; } }")
        }
        Context::StreamServer => (
            stream,
            "events { } stream { server { listen 127.0.0.1:18078; proxy_pass 127.0.0.1:1;\n",
            "\n} }",
        ),
        Context::StreamUpstream => (
            stream,
            "events { } stream { upstream u { server 127.0.0.1:1;\n",
            "\n} server { listen 127.0.0.1:18078; return x; } }",
        ),
        _ => return None,
    };
    Some(format!("{head}pid nginx.pid;\n{open}{directive}{close}\n"))
}

const CONTEXTS: &[Context] = &[
    Context::Main,
    Context::Events,
    Context::Http,
    Context::Server,
    Context::Location,
    Context::LocationIf,
    Context::ServerIf,
    Context::LimitExcept,
    Context::Upstream,
    Context::Stream,
    Context::StreamServer,
    Context::StreamUpstream,
];

/// What would ask this machine for more than an opinion, or ends the process that asks.
const LEFT_OUT: &[&str] =
    &["user", "include", "load_module", "google_perftools_profiles", "ssl_engine", "pid"];

fn questions() -> Vec<String> {
    let catalog = Catalog::for_version(Some(oracle::version()));
    let mut questions = Vec::new();
    for (name, entry) in catalog.iter() {
        if LEFT_OUT.contains(&name) || entry.is_third_party() {
            continue;
        }
        for &context in CONTEXTS {
            let Some(wrapped) = wrap(context, "@") else { continue };
            if !entry.contexts.allows(context) {
                if catalog.entry(name, context).is_none() {
                    questions.push(wrapped.replace('@', &format!("{name} x;")));
                }
                continue;
            }
            let end = if entry.arity.block() { " { }" } else { ";" };
            for arguments in ARGUMENTS {
                let directive = format!("{name} {arguments}{end}");
                questions.push(wrapped.replace('@', &directive));
                questions.push(wrapped.replace('@', &format!("{directive}\n{directive}")));
            }
        }
    }
    questions
}

fn ours(main: &Path) -> Vec<(u32, String)> {
    let config = support::load(main, main.parent().unwrap(), Some(oracle::build()));
    let problems = validate(&config, &Catalog::for_version(Some(oracle::version()))).into_iter();
    let problems = problems.filter(|problem| problem.code != "duplicate-server-name");
    problems.map(|problem| (problem.line, format!("{} ({})", problem.message, problem.code))).collect()
}

#[test]
fn nothing_that_nginx_accepts_is_refused() {
    let all = questions();
    let seed: usize = std::env::var("EVENKEEL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let count = std::env::var("EVENKEEL_GRID").ok().and_then(|text| text.parse().ok()).unwrap_or(QUESTIONS);
    // A step that shares no factor with the lists inside, so that every directive meets every kind of value in time.
    let step = all.len() / count.min(all.len());
    let asked: Vec<&String> = all.iter().skip(seed % step.max(1)).step_by(step).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let directory = tempfile::tempdir().unwrap();
        let fragment = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations/fragments/base.conf");
        std::fs::copy(fragment, directory.path().join("base.conf")).unwrap();
        let main = directory.path().join("nginx.conf");
        let (mut refused, mut wrong, mut missed) = (0, Vec::new(), Vec::new());
        while let Some(question) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::fs::write(&main, question).unwrap();
            let (verdict, ours) = (oracle::ask(&main), ours(&main));
            let show = || format!("{question}  nginx: {verdict:?}\n  ours: {ours:?}");
            match &verdict {
                Verdict::Accepted if !ours.is_empty() => wrong.push(show()),
                Verdict::Refused { file, line, .. } => {
                    refused += 1;
                    if !ours.iter().any(|(found, _)| file.is_none() || found == line) {
                        missed.push(show());
                    }
                }
                _ => {}
            }
        }
        (refused, wrong, missed)
    };
    let (mut refused, mut wrong, mut missed) = (0, Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let workers = [scope.spawn(work), scope.spawn(work)];
        for worker in workers {
            let (more, mut wrongs, mut misses) = worker.join().unwrap();
            refused += more;
            wrong.append(&mut wrongs);
            missed.append(&mut misses);
        }
    });
    missed.iter().for_each(|show| println!("MISSED {show}"));
    let found = refused - missed.len();
    println!(
        "{} of {} questions; {found} of {refused} refusals found; {} false errors",
        asked.len(),
        all.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} false errors:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > asked.len() / 4, "too few refusals to say anything");
}
