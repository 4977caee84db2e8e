//! Requests, by chance: what a configuration speaks of, and everything next to it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evenkeel_model::{HttpVersion, LocalAddress, Request};

use crate::generate::Case;
use crate::nginx::PORTS;
use crate::random::Random;

/// A request and the body that follows it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) body: Vec<u8>,
    /// The address with its port as `@P0@`.
    address: String,
}

impl Question {
    /// The same question for an nginx with these ports.
    pub(crate) fn at(&self, ports: &[u16; PORTS], directory: &std::path::Path) -> Question {
        let fill = |text: &[u8]| {
            let mut text = text.to_vec();
            for (index, port) in ports.iter().enumerate() {
                text = replace(&text, format!("@P{index}@").as_bytes(), port.to_string().as_bytes());
            }
            text
        };
        let mut question = self.clone();
        question.request.target = fill(&self.request.target);
        for (_, value) in &mut question.request.headers {
            *value = fill(value);
        }
        let address = String::from_utf8(fill(self.address.as_bytes())).unwrap();
        let address = address.replace("@DIR@", &directory.display().to_string());
        question.request.listen = Some(match address.strip_prefix("unix:") {
            Some(path) => LocalAddress::Unix(path.as_bytes().to_vec()),
            None => {
                let address: SocketAddr = address.parse().unwrap();
                question.request.client = Some(match address.ip() {
                    IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    ip @ IpAddr::V6(_) => ip,
                });
                LocalAddress::Inet(address)
            }
        });
        question
    }

    /// Smaller questions that may show the same.
    pub(crate) fn smaller(&self) -> Vec<Question> {
        let mut all = Vec::new();
        for index in 0..self.request.headers.len() {
            let mut smaller = self.clone();
            let name = smaller.request.headers.remove(index).0;
            if name.eq_ignore_ascii_case(b"content-length") {
                smaller.body.clear();
            }
            all.push(smaller);
        }
        // A long one stays: a byte at a time, it would take all day.
        let bytes = if self.request.target.len() < 300 { self.request.target.len() } else { 1 };
        for index in 1..bytes {
            let mut smaller = self.clone();
            smaller.request.target.remove(index);
            all.push(smaller);
        }
        if self.request.method != b"GET" {
            let mut smaller = self.clone();
            smaller.request.method = b"GET".to_vec();
            all.push(smaller);
        }
        all
    }
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend(&rest[..at]);
        out.extend(to);
        rest = &rest[at + from.len()..];
    }
    out.extend(rest);
    out
}

const FILES: &[&str] = &[
    "/",
    "/index.html",
    "/a",
    "/a/",
    "/a/b",
    "/a/x.php",
    "/a/x.png",
    "/a/b.html",
    "/ab",
    "/A",
    "/x.php",
    "/x.html",
    "/x.PNG",
    "/img/1.png",
    "/img/",
    "/img",
    "/img/b/2.jpg",
    "/d/e/f.txt",
    "/d",
    "/d/",
    "/d/e",
    "/err/404.html",
    "/50x.html",
    "/api/v1/x.html",
    "/api",
    "/empty",
    "/empty/",
    "/none",
    "/e/f.txt",
    "/b",
    "/c.txt",
    "/1.png",
];

const TAILS: &[&str] =
    &["", "/", "b", "/b", "x.php", "//", "/../a", "/./", ".html", "/e/f.txt", "index.html", "1", "//b/"];

/// Headers that change an answer, and what follows them as a body.
const ODD_HEADERS: &[(&str, &str, &str)] = &[
    ("Content-Length", "abc", ""),
    ("Content-Length", "-1", ""),
    ("Content-Length", "99999999999999999999", ""),
    ("Content-Length", "1", "a"),
    ("Transfer-Encoding", "chunked", "0\r\n\r\n"),
    ("Transfer-Encoding", "gzip", ""),
    ("If-Match", "\"x\"", ""),
    ("If-Unmodified-Since", "Fri, 01 Jan 1999 00:00:00 GMT", ""),
    ("If-Modified-Since", "Fri, 01 Jan 1999 00:00:00 GMT", ""),
    ("Upgrade", "websocket", ""),
];

/// A question for a case.
pub(crate) fn question(random: &mut Random, case: &Case) -> Question {
    let listen = random.pick(&case.addresses);
    let address = address(random, &listen);
    let mut method = random.pick(&["GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST"]);
    if random.percent(6) {
        method = random.pick(&[
            "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE", "FOO", "get", "A-B", "G_T", "CONNECT",
        ]);
    }
    let version = match random.below(100) {
        0..88 => HttpVersion::V1_1,
        88..98 => HttpVersion::V1_0,
        _ => HttpVersion::V0_9,
    };
    let mut target = path(random, case);
    if random.percent(25) {
        target.extend(random.pick(&[
            &b"?x=1"[..],
            b"?",
            b"?x=1&y=2",
            b"?y=%20&x=a%2Fb",
            b"?x=a b",
            b"??x",
            b"?x=/../b",
            b"#frag",
            b"?x#f",
            b"?X=2&x=",
            b"?x=\xc3\xa9",
        ]));
    }
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let host = host(random, case);
    if random.percent(3) {
        let scheme = random.pick(&["http://", "https://", "ftp://", "HTTP://", "h2c+x://", "1http://"]);
        let authority = if random.percent(60) { host.clone() } else { self::host(random, case) };
        target = [scheme.as_bytes(), &authority, &target].concat();
    }
    if random.percent(1) {
        target = random
            .pick(&[
                &b"*"[..],
                b"",
                b"a",
                b"?x",
                b"\\a",
                b"http://",
                b"http:/a",
                b"http://a.test?x=1",
                b"//",
                b"/?",
            ])
            .to_vec();
    }
    let hosts = match random.below(100) {
        0..97 => 1,
        97..98 => 0,
        _ => 2,
    };
    for index in 0..hosts {
        let value = if index == 0 || random.percent(50) { host.clone() } else { self::host(random, case) };
        let name = if random.percent(5) { &b"hOST"[..] } else { b"Host" };
        headers.push((name.to_vec(), value));
    }
    if random.percent(15) {
        headers.push((b"X-Test".to_vec(), random.pick(&[&b"t"[..], b"a/b c", b"", b"\xff"]).to_vec()));
    }
    if random.percent(10) {
        headers.push((b"Cookie".to_vec(), b"c=d; e=f".to_vec()));
    }
    if random.percent(2) {
        headers.push((random.pick(&[&b"X_Y"[..], b"X.Y", b"X Y", b"", b"X-\xff"]).to_vec(), b"1".to_vec()));
    }
    headers.push((b"Connection".to_vec(), b"close".to_vec()));
    let mut body = Vec::new();
    if matches!(method, "POST" | "PUT" | "PATCH") {
        body = random.pick(&[&b""[..], b"abc"]).to_vec();
        headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
    }
    if random.percent(4) {
        let (name, value, follows) = random.pick(ODD_HEADERS);
        headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        body.extend(follows.as_bytes());
    }
    if random.percent(1) {
        let long = vec![b'a'; random.pick(&[900, 2_000, 8_150, 8_200, 9_000, 20_000])];
        match random.below(3) {
            0 => target.extend([b"/", &long[..]].concat()),
            1 => target.extend([b"?x=", &long[..]].concat()),
            _ => headers.push((b"X-Test".to_vec(), long)),
        }
    }
    let request = Request {
        method: method.as_bytes().to_vec(),
        target,
        version,
        headers: if version == HttpVersion::V0_9 { Vec::new() } else { headers },
        listen: None,
        port: None,
        tls: false,
        sni: None,
        client: None,
    };
    Question { request, body: if version == HttpVersion::V0_9 { Vec::new() } else { body }, address }
}

/// An address that a connection to this `listen` reaches.
fn address(random: &mut Random, listen: &str) -> String {
    if let Some(port) = listen.strip_prefix("*:") {
        return format!("{}:{port}", random.pick(&["127.0.0.1", "127.0.0.2", "127.0.0.3"]));
    }
    listen.replace("[::]", "[::1]")
}

fn host(random: &mut Random, case: &Case) -> Vec<u8> {
    const OTHERS: &[&str] = &[
        "a.test",
        "b.test",
        "www.a.test",
        "x.y.a.test",
        "other",
        "127.0.0.1",
        "[::1]",
        "www.x",
        "a",
        "test",
        "localhost",
    ];
    const ODD: &[&str] = &[
        "",
        ".",
        "..",
        "a..test",
        ".a.test",
        "a.test..",
        "a.test:",
        "a.test:bar",
        "a.test.:80",
        "a.test:80:80",
        "a/b",
        "a.test/x",
        "[::1",
        "x[::1]",
        "[::1]:80",
        "[::1]x",
        "a b",
        "a\tb",
        "\u{e9}.test",
        "a_b.test",
        "*.a.test",
        "1.2.3.4:98777",
        "a.test?x",
        "a.test#x",
        "user@a.test",
        "a\\b",
        "%61.test",
        "-",
        "a.test:0",
        "a,b",
        "[zz]",
        ":80",
        "a.test:65536",
    ];
    let mut host = if !case.hosts.is_empty() && random.percent(75) {
        random.pick(&case.hosts)
    } else {
        random.pick(OTHERS).to_owned()
    };
    match random.below(100) {
        0..73 => {}
        73..78 => host.push_str(":@P0@"),
        78..81 => host.push_str(":80"),
        81..85 => host.push('.'),
        85..90 => host = host.to_ascii_uppercase(),
        90..94 => host.insert_str(0, "www."),
        94..95 => host.push('x'),
        95..96 => host.push_str(".:1"),
        _ => host = random.pick(ODD).to_owned(),
    }
    host.into_bytes()
}

fn path(random: &mut Random, case: &Case) -> Vec<u8> {
    let mut path = if !case.paths.is_empty() && random.percent(65) {
        random.pick(&case.paths)
    } else {
        random.pick(FILES).to_owned()
    };
    if random.percent(35) {
        path.push_str(random.pick(TAILS));
    }
    if !path.starts_with('/') && random.percent(95) {
        path.insert(0, '/');
    }
    // A space cannot stand in a request line, other than by mistake.
    let mut bytes = path.into_bytes();
    if random.percent(97) {
        bytes = replace(&bytes, b" ", b"%20");
    }
    if random.percent(25) {
        for _ in 0..1 + random.below(2) {
            mutate(random, &mut bytes);
        }
    }
    bytes
}

fn mutate(random: &mut Random, path: &mut Vec<u8>) {
    let at = random.below(path.len() + 1);
    let insert = |path: &mut Vec<u8>, text: &[u8]| {
        path.splice(at..at, text.iter().copied());
    };
    match random.below(16) {
        0 => insert(path, b"/"),
        1 => insert(path, b"%2F"),
        2 => insert(path, b"/./"),
        3 => insert(path, b"/../"),
        4 => insert(path, b"%2e"),
        5 => insert(path, b"%2E%2e/"),
        6 => path.extend(b"%0a"),
        7 => {
            let text = random.pick(&[
                &b"%zz"[..],
                b"%",
                b"%4",
                b"%00",
                b"\x00",
                b"\x01",
                b"\x7f",
                b" ",
                b"\t",
                b"%0",
            ]);
            insert(path, text);
        }
        8 => insert(path, b"\xc3\xa9"),
        9 => insert(path, random.pick(&[&b"%FF"[..], b"%c3%a9", b"\xff", b"%80"])),
        10 => {
            // The same letter, encoded.
            if let Some(&byte) = path.get(at) {
                path.splice(at..=at, format!("%{byte:02x}").into_bytes());
            }
        }
        11 => {
            for byte in path.iter_mut() {
                *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { *byte };
            }
        }
        12 => {
            path.pop();
        }
        13 => insert(
            path,
            random.pick(&[
                &b"%3F"[..],
                b"%23",
                b"%25",
                b"+",
                b"\\",
                b"%5c",
                b";",
                b":",
                b"@",
                b"&",
                b"\"",
                b"%22",
                b"'",
            ]),
        ),
        14 => path.extend(random.pick(&[&b"/.."[..], b"/.", b"/../..", b"..", b".", b"%2e%2e"])),
        _ => insert(path, b"//"),
    }
}
