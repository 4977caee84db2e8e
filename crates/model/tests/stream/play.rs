//! The comparison.

use std::sync::PoisonError;

use evenkeel_model::{
    Connection, Dependence, LocalAddress, Preface, StreamOutcome, StreamRoute, StreamRouter,
};

use crate::ask::{Seen, ask};
use crate::nginx::{Binary, Nginx, Place};
use crate::random::Random;
use crate::{connections, echo, generate, support, tls, wire};

/// What was counted.
#[derive(Debug, Default)]
struct Counts {
    configs: usize,
    refused: usize,
    connections: usize,
    open: usize,
    proxied: usize,
    returned: usize,
    handed: usize,
    closed: usize,
    nothing: usize,
}

/// Plays random configurations and connections; panics with everything that is needed to see what is wrong.
pub(crate) fn play(binary: &Binary, configs: usize, connections: usize, seed: u64) {
    let _turn = echo::TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let mut random = Random::new(seed);
    let mut counts = Counts::default();
    while counts.configs < configs {
        let written = generate::config(&mut random, binary);
        let mut nginx = match Nginx::start(binary, &place, &written.text) {
            Ok(nginx) => nginx,
            Err(said) => {
                counts.refused += 1;
                let lines: Vec<&str> = said.lines().filter(|line| line.contains("[emerg]")).collect();
                assert!(counts.refused < 20 + configs, "{lines:?}\n{}", written.text);
                if std::env::var_os("EVENKEEL_SHOW").is_some() {
                    eprintln!("refused: {lines:?}");
                }
                continue;
            }
        };
        counts.configs += 1;
        compare(binary, &place, &mut nginx, &mut random, connections, &mut counts);
    }
    eprintln!("{}: {counts:?}", binary.build.lines().next().unwrap_or_default());
    assert!(counts.open * 20 <= counts.connections, "too much stays open");
}

fn compare(
    binary: &Binary,
    place: &Place,
    nginx: &mut Nginx<'_>,
    random: &mut Random,
    connections: usize,
    counts: &mut Counts,
) {
    let config = support::load(&place.main(), place.path(), Some(&binary.build));
    let router = StreamRouter::new(&config);
    for _ in 0..connections {
        let mut connection = connections::connection(random, &nginx.ports, &config);
        let mut route = router.route(&connection);
        let speaks_tls = route.steps.iter().any(|step| step.what == "listen" && step.text.contains(" ssl"));
        if speaks_tls && !can_be_played(&mut connection) {
            continue;
        }
        if connection.udp && route.listen.is_none() {
            continue;
        }
        if speaks_tls {
            route = router.route(&connection);
        }
        counts.connections += 1;
        if route.depends_on.contains(&Dependence::Module(String::from("pass"))) {
            // nginx may crash.
            counts.open += 1;
            continue;
        }
        let seen = ask(nginx, &connection, speaks_tls);
        if !route.depends_on.is_empty() {
            counts.open += 1;
            continue;
        }
        match &route.outcome {
            _ if route.listen.is_none() => counts.nothing += 1,
            StreamOutcome::Proxy { .. } => counts.proxied += 1,
            StreamOutcome::Return { .. } => counts.returned += 1,
            StreamOutcome::Handed { .. } => counts.handed += 1,
            StreamOutcome::Close { .. } => counts.closed += 1,
        }
        if let Err(why) = agree(&config, &connection, &route, &seen) {
            let what = format!("{connection:?}\n{route:#?}\n{seen:?}");
            panic!("{why}\n{}\n{}", numbered(&nginx.text), readable(&what));
        }
    }
}

/// Makes a connection to a socket with TLS one that a TLS client can make; whether there is one.
fn can_be_played(connection: &mut Connection) -> bool {
    if connection.preface == Preface::Nameless || matches!(connection.listen, Some(LocalAddress::Unix(_))) {
        return false;
    }
    let Some(hello) = &mut connection.hello else { return true };
    hello.alpn.clear();
    let name = hello.sni.take().map(|name| String::from_utf8_lossy(&name).into_owned());
    hello.sni = name.filter(|name| tls::can_be_sent(name)).map(String::into_bytes);
    true
}

fn agree(
    config: &evenkeel_model::Config,
    connection: &Connection,
    route: &StreamRoute,
    seen: &Seen,
) -> Result<(), String> {
    let Seen::Taken { got, entry, reached, said } = seen else {
        let nothing = route.listen.is_none();
        return nothing.then_some(()).ok_or_else(|| String::from("nothing listens there"));
    };
    if route.listen.is_none() {
        return Err(String::from("somebody listens there"));
    }
    let tag = entry.split(' ').next().unwrap_or_default();
    let expect_tag = match &route.outcome {
        StreamOutcome::Handed { .. } => String::from("H"),
        _ => route.server.map_or_else(String::new, |server| format!("L{}", config.node(server).line())),
    };
    if tag != expect_tag {
        return Err(format!("the server is {tag}, not {expect_tag}"));
    }
    let quiet = |what: &str| {
        if !reached.is_empty() {
            return Err(format!("{what}, but an upstream was reached"));
        }
        Ok(())
    };
    match &route.outcome {
        StreamOutcome::Handed { .. } => quiet("handed on"),
        StreamOutcome::Return { text } => {
            if got != text {
                return Err(format!("the text is {}", String::from_utf8_lossy(got)));
            }
            quiet("answered")
        }
        StreamOutcome::Close { reason } => {
            if !got.is_empty() && !got.starts_with(&[0x15]) {
                return Err(String::from("closed, but there is an answer"));
            }
            let words = reason.split(" while ").next().unwrap_or_default();
            let tls = reason.ends_with("while SSL handshaking");
            if !said.contains(words) && !tls {
                return Err(format!("nginx does not say {words}"));
            }
            quiet("closed")
        }
        StreamOutcome::Proxy { servers, tls, preface, .. } => {
            let refused = |server: &String| {
                (said.contains("refused") || said.contains("No such file"))
                    && said.contains(&format!("upstream: \"{server}\""))
            };
            if reached.is_empty() && servers.iter().any(refused) {
                return Ok(());
            }
            if reached.is_empty() {
                return Err(String::from("no upstream was reached"));
            }
            for reached in reached {
                let port = format!(":{}", reached.port);
                if !servers.iter().any(|server| server.ends_with(&port)) {
                    return Err(format!("upstream {port} was reached"));
                }
                let sent = !wire::preface(&connection.preface).is_empty();
                let read = route.steps.iter().any(|step| step.what == "proxy_protocol");
                let prefaces = usize::from(*preface) + usize::from(sent && !read && !tls);
                if (reached.udp, reached.prefaces) != (connection.udp, prefaces) {
                    return Err(String::from("the upstream was reached in another way"));
                }
                let first = wire::first(connection);
                let own = reached.first.starts_with(&[0x16]) && !first.ends_with(&reached.first);
                if own != *tls {
                    return Err(format!("TLS to the upstream: {own}"));
                }
            }
            Ok(())
        }
    }
}

fn numbered(text: &str) -> String {
    let lines = text.lines().enumerate();
    lines.map(|(at, line)| format!("{:3} {}\n", at + 1, &line[..line.floor_char_boundary(160)])).collect()
}

/// Debug text with its lists of bytes as text.
fn readable(debug: &str) -> String {
    let mut text = String::new();
    let mut rest = debug;
    while let Some(start) = rest.find('[') {
        let Some(end) = rest[start..].find(']') else { break };
        let (before, list) = (&rest[..start], &rest[start + 1..start + end]);
        let bytes: Option<Vec<u8>> = list
            .split(',')
            .map(str::trim)
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().ok())
            .collect();
        text.push_str(before);
        match bytes {
            Some(bytes) => text.push_str(&format!("\"{}\"", bytes.escape_ascii())),
            None => text.push_str(&rest[start..=start + end]),
        }
        rest = &rest[start + end + 1..];
    }
    text + rest
}
