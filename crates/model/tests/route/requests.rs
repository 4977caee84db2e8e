//! Requests, by chance: what a configuration speaks of, and everything next to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use evenkeel_model::{HttpVersion, LocalAddress, Request, Router};

use crate::echo;
use crate::generate::{Case, Door};
use crate::nginx::{CREDENTIALS, PORTS};
use crate::random::Random;
use crate::tls;

mod host;
mod path;

/// A request and the body that follows it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// As it is sent, but for its address and for the ports in it, which stand as `@P0@`.
    pub(crate) request: Request,
    pub(crate) body: Vec<u8>,
    /// The address with its port as `@P0@`.
    address: String,
    /// How it was made.
    pub(crate) origin: Origin,
}

/// How a question was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Chance,
    /// The model says that it reaches a certain block.
    Witness,
    /// Such a one, changed a little.
    Beside,
}

impl Question {
    /// The same question for an nginx with these ports.
    pub(crate) fn at(&self, ports: &[u16; PORTS], directory: &Path) -> Question {
        let fill = |text: &[u8]| {
            let mut text = text.to_vec();
            if text.contains(&b'@') {
                for (index, port) in ports.iter().enumerate() {
                    text = replace(&text, format!("@P{index}@").as_bytes(), port.to_string().as_bytes());
                }
                for (index, port) in echo::ports().iter().enumerate() {
                    text = replace(&text, format!("@U{index}@").as_bytes(), port.to_string().as_bytes());
                }
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
            None => LocalAddress::Inet(address.parse().unwrap()),
        });
        question
    }

    /// A measure of how large it is.
    pub(crate) fn size(&self) -> usize {
        self.request.target.len() + self.request.headers.len() + self.request.method.len()
    }

    /// Smaller questions that may show the same.
    pub(crate) fn smaller(&self) -> Vec<Question> {
        let mut all = Vec::new();
        let mut less = |change: &dyn Fn(&mut Question)| {
            let mut smaller = self.clone();
            change(&mut smaller);
            all.push(smaller);
        };
        for index in 0..self.request.headers.len() {
            less(&|smaller| {
                let name = smaller.request.headers.remove(index).0;
                if name.eq_ignore_ascii_case(b"content-length") {
                    smaller.body.clear();
                }
            });
        }
        // A long one stays: a byte at a time, it would take all day.
        let bytes = if self.request.target.len() < 300 { self.request.target.len() } else { 1 };
        for index in 1..bytes {
            less(&|smaller| {
                smaller.request.target.remove(index);
            });
        }
        if self.request.method != b"GET" {
            less(&|smaller| smaller.request.method = b"GET".to_vec());
        }
        if self.request.version == HttpVersion::V1_0 {
            less(&|smaller| smaller.request.version = HttpVersion::V1_1);
        }
        if self.request.sni.is_some() {
            less(&|smaller| smaller.request.sni = None);
        }
        let plain = IpAddr::V4(Ipv4Addr::LOCALHOST);
        if self.request.client.is_some_and(|client| client.is_ipv4() && client != plain) {
            less(&|smaller| smaller.request.client = Some(plain));
        }
        all
    }

    /// Changes it a little, where nginx draws lines.
    fn nudge(&mut self, random: &mut Random) {
        let mut target = std::mem::take(&mut self.request.target);
        let args = target.iter().position(|&byte| byte == b'?').map_or(Vec::new(), |at| target.split_off(at));
        match random.below(6) {
            0 => target.push(b'/'),
            1 if target.len() > 1 => drop(target.pop()),
            _ => path::mutate(random, &mut target),
        }
        self.request.target = [target, args].concat();
        if random.percent(15)
            && let Some((_, host)) = self.request.headers.iter_mut().find(|(name, _)| name == b"Host")
        {
            match random.below(4) {
                0 => host.make_ascii_uppercase(),
                1 => host.push(b'.'),
                2 => *host = [b"x.", &host[..]].concat(),
                _ => host.push(b'x'),
            }
        }
    }
}

pub(super) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
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

/// Headers that a configuration may look at: each in so many of a hundred requests.
const HEADERS: &[(usize, &str, &[&[u8]])] = &[
    (12, "X-Test", &[b"t", b"a/b c", b"", b"\xff", b"app1", b"127.0.0.9"]),
    (10, "Cookie", &[b"c=d; e=f", b"c=1", b"C=d", b"x=y"]),
    (8, "X-Status", &[b"404", b"503", b"500", b"401", b"403", b"204", b"301", b"302", b"502"]),
    (
        10,
        "X-Forwarded-For",
        &[
            b"10.0.0.1",
            b"10.1.1.1, 127.0.0.2",
            b"127.0.0.5",
            b"bad",
            b"",
            b"2001:db8::1",
            b"10.0.0.1:80",
            b"10.0.0.1,10.0.0.2 , 127.0.0.3",
            b"[::1]:81",
            b"unix:",
        ],
    ),
    (3, "X-Real-IP", &[b"10.0.0.1", b"127.0.0.1", b"::1", b"x"]),
    (
        6,
        "Authorization",
        &[
            CREDENTIALS,
            CREDENTIALS,
            b"Basic dXNlcjpiYWQ=",
            b"Basic",
            b"Bearer x",
            b"basic dXNlcjpnb29k",
            b"Basic !",
        ],
    ),
    (2, "Content-Type", &[b"text/plain"]),
];

/// A question for a case.
pub(crate) fn question(random: &mut Random, case: &Case) -> Question {
    let door = random.pick(&case.doors);
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
    let mut target = path::path(random, case);
    if random.percent(30) {
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
            b"?ip=10.0.0.1",
            b"?ip=127.0.0.3&x=app1",
            b"?up=app1",
            b"?up=127.0.0.1:1x",
            b"?up=nowhere&x=b",
            b"?port=@U0@",
            b"?p3=@U3@&p4=@U4@&p5=@U5@",
            b"?realm=off",
        ]));
    }
    let mut headers: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let host = host::host(random, case);
    if random.percent(3) {
        let scheme = random.pick(&["http://", "https://", "ftp://", "HTTP://", "h2c+x://", "1http://"]);
        let authority = if random.percent(60) { host.clone() } else { host::host(random, case) };
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
        0..98 => 1,
        98 => 0,
        _ => 2,
    };
    for index in 0..hosts {
        let value = if index == 0 || random.percent(50) { host.clone() } else { host::host(random, case) };
        let name = if random.percent(5) { &b"hOST"[..] } else { b"Host" };
        headers.push((name.to_vec(), value));
    }
    for (share, name, values) in HEADERS {
        // Not every upstream of ours hears of the status that is wanted.
        if random.percent(*share) && !(*name == "X-Status" && case.deaf) {
            headers.push((name.as_bytes().to_vec(), random.pick(values).to_vec()));
        }
    }
    if random.percent(2) {
        headers.push((random.pick(&[&b"X_Y"[..], b"X.Y", b"X Y", b"", b"X-\xff"]).to_vec(), b"1".to_vec()));
    }
    headers.push((b"Connection".to_vec(), b"close".to_vec()));
    let mut body = Vec::new();
    if matches!(method, "POST" | "PUT" | "PATCH") {
        body = random.pick(&[&b""[..], b"a", b"abc", b"0123456789abc"]).to_vec();
        headers.push((b"Content-Length".to_vec(), body.len().to_string().into_bytes()));
    }
    if random.percent(3) {
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
    let is_bare = version == HttpVersion::V0_9;
    let mut request = plain(method, target, if is_bare { Vec::new() } else { headers });
    request.version = version;
    // Some speak plainly to a port of TLS.
    request.tls = door.tls && random.percent(92);
    if request.tls {
        request.sni = sni(random, case, &host);
    }
    Question::new(random, &door, request, if is_bare { Vec::new() } else { body }, Origin::Chance)
}

/// A question about which the model says where it leads; or one beside it.
pub(crate) fn witness(random: &mut Random, case: &Case, known: &[(Door, Request)]) -> Option<Question> {
    let (door, request) = known.get(random.below(known.len().max(1)))?;
    let headers = [&request.headers[..], &[(b"Connection".to_vec(), b"close".to_vec())]].concat();
    let mut question = plain("GET", request.target.clone(), headers);
    question.method.clone_from(&request.method);
    (question.version, question.tls) = (request.version, request.tls);
    question.sni = request.sni.clone().filter(|name| tls::can_be_sent(&String::from_utf8_lossy(name)));
    let mut question = Question::new(random, door, question, Vec::new(), Origin::Witness);
    if random.percent(60) {
        question.origin = Origin::Beside;
        question.nudge(random);
    }
    debug_assert!(case.doors.contains(door));
    Some(question)
}

/// The requests that the model knows for the blocks of a case, each with its door.
pub(crate) fn known(
    case: &Case,
    router: &Router<'_>,
    ports: &[u16; PORTS],
    place: &Path,
) -> Vec<(Door, Request)> {
    let witnesses = router.witnesses().into_iter().filter_map(|witness| witness.request);
    let with_door = witnesses.filter_map(|request| {
        let listen = router.route(&request).listen?;
        let is_it = |door: &&Door| {
            let mut address = door.address.replace("@DIR@", &place.display().to_string());
            for (index, port) in ports.iter().enumerate() {
                address = address.replace(&format!("@P{index}@"), &port.to_string());
            }
            match &listen {
                LocalAddress::Unix(path) => address.strip_prefix("unix:").map(str::as_bytes) == Some(path),
                LocalAddress::Inet(inet) => {
                    let address = address.replace("*:", "0.0.0.0:").replace("dual:", "[::]:");
                    address.parse() == Ok(*inet)
                }
            }
        };
        let door = case.doors.iter().find(is_it)?;
        let ports_hidden = |mut text: Vec<u8>| {
            for (index, port) in ports.iter().enumerate() {
                text = replace(&text, port.to_string().as_bytes(), format!("@P{index}@").as_bytes());
            }
            text
        };
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), ports_hidden(value.clone())));
        (door.tls == request.tls)
            .then(|| (door.clone(), Request { headers: headers.collect(), ..request.clone() }))
    });
    with_door.collect()
}

fn plain(method: &str, target: Vec<u8>, headers: Vec<(Vec<u8>, Vec<u8>)>) -> Request {
    Request {
        method: method.as_bytes().to_vec(),
        target,
        version: HttpVersion::V1_1,
        headers,
        listen: None,
        port: None,
        tls: false,
        sni: None,
        client: None,
    }
}

impl Question {
    /// A request for a door, from one of the clients that can reach it.
    fn new(
        random: &mut Random,
        door: &Door,
        mut request: Request,
        body: Vec<u8>,
        origin: Origin,
    ) -> Question {
        let address = address(random, &door.address);
        request.client = if address.starts_with("unix:") {
            None
        } else if address.starts_with('[') {
            Some(IpAddr::V6(Ipv6Addr::LOCALHOST))
        } else if random.percent(60) {
            Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
        } else {
            Some(random.pick(&[[127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 5], [127, 1, 2, 3]]).into())
        };
        Question { request, body, address, origin }
    }
}

/// An address that a connection to this `listen` reaches.
fn address(random: &mut Random, listen: &str) -> String {
    match listen.split_once(':') {
        Some(("*", port)) => {
            format!("{}:{port}", random.pick(&["127.0.0.1", "127.0.0.2", "127.0.0.3"]))
        }
        Some(("dual", port)) => format!("{}:{port}", random.pick(&["[::1]", "127.0.0.1", "127.0.0.2"])),
        _ => listen.replace("[::]", "[::1]"),
    }
}

/// The name of a handshake: mostly that of the header, sometimes another, sometimes none.
fn sni(random: &mut Random, case: &Case, host: &[u8]) -> Option<Vec<u8>> {
    let name = match random.below(10) {
        0..6 => String::from_utf8_lossy(host).to_ascii_lowercase(),
        6..9 => String::from_utf8_lossy(&host::host(random, case)).to_ascii_lowercase(),
        _ => return None,
    };
    let name = name.split(':').next().unwrap_or_default().to_owned();
    tls::can_be_sent(&name).then(|| name.into_bytes())
}
