//! What a real nginx writes into its log is read back as what it was sent: formats at random, requests at random.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_model::{
    Answer, Assumed, Config, Counted, Escape, Files, LogFormat, Remembered, Request, Router, Settings,
    Traffic, Want, Wants, load, named_formats,
};

const NGINX: &str = "/usr/sbin/nginx";
const FORMATS: usize = 24;
const REQUESTS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers that look random, and are the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, many: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % many
    }

    fn one<'s>(&mut self, of: &[&'s str]) -> &'s str {
        of[self.below(of.len())]
    }
}

/// A format: how it is escaped, and its text as it stands in a tree.
fn format(chance: &mut Chance) -> (&'static str, String) {
    const OTHERS: [&str; 9] = [
        "time_local",
        "status",
        "body_bytes_sent",
        "request_time",
        "remote_user",
        "http_referer",
        "msec",
        "connection",
        "request_length",
    ];
    let said = match chance.below(3) {
        0 => vec!["request"],
        1 => vec!["request_method", "request_uri", "server_protocol"],
        _ => vec!["server_protocol", "request_uri", "request_method", "request"],
    };
    let mut variables = said;
    variables.extend(["http_user_agent", "status", "remote_addr", "server_port", "scheme"]);
    variables.push(chance.one(&["http_host", "host"]));
    for _ in 0..chance.below(4) {
        let at = chance.below(variables.len() + 1);
        variables.insert(at, chance.one(&OTHERS));
    }
    let escape = chance.one(&["", "escape=json", "escape=default"]);
    let mut text = String::new();
    if escape == "escape=json" {
        let fields = variables.iter().enumerate().map(|(at, name)| format!("\"{at}_{name}\":\"${name}\""));
        text = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    } else {
        for (at, name) in variables.iter().enumerate() {
            let free = matches!(
                *name,
                "status" | "remote_addr" | "server_port" | "scheme" | "msec" | "request_length"
            );
            let (before, after) = match chance.below(3) {
                0 if free => ("", ""),
                1 => ("x=\"", "\""),
                _ => ("\"", "\""),
            };
            let space = if at == 0 { "" } else { chance.one(&[" ", " | ", "\t", " - "]) };
            let braces = chance.below(2) == 0;
            let name = if braces { format!("${{{name}}}") } else { format!("${name}") };
            write!(text, "{space}{before}{name}{after}").unwrap();
        }
    }
    (escape, text)
}

/// What is sent: the bytes, and what they mean.
struct Sent {
    bytes: Vec<u8>,
    method: String,
    target: Vec<u8>,
    host: String,
    agent: Vec<u8>,
}

fn request(chance: &mut Chance) -> Sent {
    const PIECES: [&[u8]; 14] = [
        b"a",
        b"/",
        b"%20",
        b"%2F",
        b"\"",
        b"\\",
        b"\xe4\xf6",
        b"'",
        b"-",
        b"|",
        b"\\x41",
        b"%00x",
        b"}\",\"",
        b"?x=1&y=\"",
    ];
    let mut target = b"/".to_vec();
    for _ in 0..chance.below(6) {
        target.extend_from_slice(PIECES[chance.below(PIECES.len())]);
    }
    let mut agent = b"u".to_vec();
    for _ in 0..chance.below(5) {
        agent.extend_from_slice(
            [&b" "[..], b"\"", b"\\", b"\xff", b"\t", b"\x01", b"\"] [", b"{}"][chance.below(8)],
        );
    }
    agent.push(b'v');
    let method = chance.one(&["GET", "POST", "HEAD", "PROPFIND"]).to_owned();
    let host = chance.one(&["shop.test", "other.test", "10.0.0.1", "[::1]"]).to_owned();
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(&target);
    bytes.extend_from_slice(
        format!(" HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: ").as_bytes(),
    );
    bytes.extend_from_slice(&agent);
    bytes.extend_from_slice(b"\r\n\r\n");
    Sent { bytes, method, target, host, agent }
}

fn config(text: &str) -> Config {
    let mut files = Files::new();
    loop {
        match load(&Settings::new(*b"/etc/nginx/nginx.conf"), &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path.ends_with(b"nginx.conf") => {
                        Answer::Bytes(text.as_bytes().into())
                    }
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
}

/// An nginx that runs until it is dropped.
struct Running(Child);

impl Running {
    fn start(directory: &Path, port: u16) -> Running {
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf"));
        command.arg("-e").arg(directory.join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running(command.spawn().unwrap());
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = std::fs::read_to_string(directory.join("error.log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "nginx does not start: {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn tree(escape: &str, text: &str, port: u16, answer: u16) -> String {
    let quoted = text.replace('\'', "\\'");
    format!(
        "daemon off; pid nginx.pid; worker_processes 1; events {{ }} http {{
    log_format test {escape} '{quoted}'; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
    uwsgi_temp_path u; scgi_temp_path s; lingering_close off;
    server {{ listen 127.0.0.1:{port}; access_log logs test; if ($http_user_agent = x) {{ return 403; }}
        location / {{ return {answer}; }} }} }}"
    )
}

/// Asks an nginx with this format everything, and gives the lines of its log.
fn lines(escape: &str, text: &str, sent: &[Sent]) -> (String, Vec<Vec<u8>>) {
    let directory = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let tree = tree(escape, text, port, 200);
    std::fs::write(directory.path().join("nginx.conf"), &tree).unwrap();
    let running = Running::start(directory.path(), port);
    let read = || std::fs::read(directory.path().join("logs")).unwrap_or_default();
    for (at, request) in sent.iter().enumerate() {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&request.bytes).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        let began = Instant::now();
        while read().iter().filter(|byte| **byte == b'\n').count() <= at {
            assert!(began.elapsed() < PATIENCE, "no line for {:?}", String::from_utf8_lossy(&request.bytes));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    drop(running);
    let log = read();
    let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
    (tree, lines.collect())
}

/// What one line comes to.
fn counted(
    [old, new]: [&Config; 2],
    format: &LogFormat,
    (seen, number): (&Remembered, u64),
    line: &[u8],
) -> Counted {
    let (before, after) = (Router::new(old), Router::new(new));
    let mut traffic = Traffic::new(&before, &after, [old, new], seen, number);
    traffic.begin(0, format, &Assumed::default());
    traffic.line(1, line);
    traffic.counted()
}

#[test]
fn lines_of_a_real_nginx_come_back_as_what_was_sent() {
    if !Path::new(NGINX).exists() {
        println!("skipped: there is no {NGINX}");
        return;
    }
    let mut chance = Chance(2026);
    let (seen, mut number) = (Remembered::default(), 0);
    for _ in 0..FORMATS {
        let (escape, text) = format(&mut chance);
        let sent: Vec<Sent> = (0..REQUESTS).map(|_| request(&mut chance)).collect();
        let (old_text, lines) = lines(escape, &text, &sent);
        let new_text = old_text.replace("return 200", "return 204");
        let (old, new) = (config(&old_text), config(&new_text));
        let named = named_formats(&old);
        let [format] = &named[..] else { panic!("{text} is no format") };
        assert_eq!(format.escape == Escape::Json, escape == "escape=json");
        assert_eq!(lines.len(), sent.len());
        for (line, sent) in lines.iter().zip(&sent) {
            let about = || {
                let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                format!("{text}\n{}\n{}", shown(line), shown(&sent.bytes))
            };
            number += 1;
            let counted = counted([&old, &new], format, (&seen, number), line);
            assert_eq!((counted.requests + counted.not_http, counted.unread), (1, 0), "{}", about());
            if counted.not_http == 1 {
                // A target that nginx refuses is in `$request` alone.
                assert!(!text.contains("request}") && !text.contains("$request\""), "{}", about());
                assert!(line.windows(3).any(|three| three == b"400"), "{}", about());
                continue;
            }
            // Where nginx refused it, both trees do, and nothing is told of it.
            let Some(class) = counted.classes.first() else { continue };
            let Request { method, target, headers, port, tls, .. } = &class.first.as_ref().unwrap().request;
            assert_eq!(method, sent.method.as_bytes(), "{}", about());
            assert_eq!(target, &sent.target, "{}", about());
            assert!(port.is_some() && !tls, "{}", about());
            let header = |name: &str| {
                let named = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
                named.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            };
            assert_eq!(header("host").as_deref(), Some(&sent.host[..]), "{}", about());
            let agent = String::from_utf8_lossy(&sent.agent).into_owned();
            assert_eq!(header("user-agent"), Some(agent), "{}", about());
        }
    }
}
