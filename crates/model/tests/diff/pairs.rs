//! Pairs of configurations, by chance: small ones, with what people write in the shares in which they write it, and one to
//! five edits of the kinds that people make.
//!
//! A pair is text inside `http`. It listens on 127.0.0.1:8081 and the like, passes to 127.0.0.1:9001 to 9003 and serves
//! `/srv/www`: who runs it on real nginxes replaces these.

use std::fmt::Write as _;

use crate::random::Random;

/// Two configurations, and what was done to the first.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) edits: Vec<String>,
}

/// A directive, perhaps with a block.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    head: String,
    inside: Option<Vec<Item>>,
}

const NAMES: &[&str] =
    &["a.test", "b.test", "*.a.test", "www.a.test", ".b.test", "~^(?<sub>.+)\\.c\\.test$", "_", "a.*"];
const HOSTS: &[&str] = &[
    "a.test",
    "b.test",
    "www.a.test",
    "x.b.test",
    "y.c.test",
    "a.example",
    "other.test",
    "_",
    "A.TEST",
    "b.test:8081",
    "",
];
const PREFIXES: &[&str] =
    &["/", "/a", "/a/", "/a/b", "/api/", "/img/", "/b/c/", "/static", "/index.html", "/old/"];
const REGEXES: &[&str] = &[
    "\\.php$",
    "\\.(js|css)$",
    "^/a/(.*)$",
    "^/api/v[0-9]+/",
    "/b",
    "^/img/.*\\.png$",
    "^/(old|older)/(.+)$",
    "report",
];
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/a/b/c",
    "/api/",
    "/api",
    "/api/v1/x",
    "/img/a.png",
    "/img/a.php",
    "/b/c/d",
    "/static/x.js",
    "/static",
    "/index.html",
    "/old/x",
    "/older/y/z",
    "/A/B",
    "/x.php",
    "/a/x.PHP",
    "/report",
    "/a/report.css",
    "/d/",
    "/d",
    "/%61/b",
    "/a%20b",
    "//a//b",
    "/a/../b",
    "/a%0a",
    "/img/../api/x",
];

/// Makes the pair of a seed.
pub(crate) fn pair(random: &mut Random) -> Pair {
    let old = http(random);
    let mut new = old.clone();
    let mut edits = Vec::new();
    for _ in 0..1 + random.below(5) {
        edits.push(edit(random, &mut new));
    }
    Pair { old: text(&old), new: text(&new), edits }
}

fn line(head: impl Into<String>) -> Item {
    Item { head: head.into(), inside: None }
}

fn block(head: impl Into<String>, inside: Vec<Item>) -> Item {
    Item { head: head.into(), inside: Some(inside) }
}

fn text(items: &[Item]) -> String {
    fn write(items: &[Item], depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth);
        for item in items {
            match &item.inside {
                None => writeln!(text, "{indent}{};", item.head).unwrap(),
                Some(inside) => {
                    writeln!(text, "{indent}{} {{", item.head).unwrap();
                    write(inside, depth + 1, text);
                    writeln!(text, "{indent}}}").unwrap();
                }
            }
        }
    }
    let mut written = String::new();
    write(items, 0, &mut written);
    written
}

fn http(random: &mut Random) -> Vec<Item> {
    let mut items = vec![
        block("upstream app", vec![line("server 127.0.0.1:9001")]),
        block("upstream api", vec![line("server 127.0.0.1:9002"), line("server 127.0.0.1:9003 backup")]),
        block("map $http_x $mapped", map_lines(random)),
        block("map $uri $byuri", vec![line("default 0"), line("~^/a/ 1"), line("/b two")]),
        block("geo $near", vec![line("default 0"), line("10.0.0.0/8 1")]),
    ];
    if random.percent(30) {
        items.push(setting(random));
    }
    for _ in 0..1 + random.below(3) {
        items.push(server(random));
    }
    items
}

fn map_lines(random: &mut Random) -> Vec<Item> {
    let mut lines = vec![line(format!("default {}", random.pick(&["0", "\"\"", "1"])))];
    for key in ["a", "b", "~^c"] {
        if random.percent(60) {
            lines.push(line(format!("{key} {}", random.pick(&["0", "1", "app", "/x"]))));
        }
    }
    lines
}

fn server(random: &mut Random) -> Item {
    let mut items = vec![line(format!("listen {}", listen(random)))];
    if random.percent(80) {
        let names: Vec<&str> = (0..1 + random.below(2)).map(|_| random.pick(NAMES)).collect();
        items.push(line(format!("server_name {}", names.join(" "))));
    }
    for _ in 0..random.below(3) {
        items.push(setting(random));
    }
    if random.percent(15) {
        items.push(code(random, 0));
    }
    items.push(block("location @named", body(random)));
    for _ in 0..1 + random.below(5) {
        items.push(location(random, 0));
    }
    block("server", items)
}

fn listen(random: &mut Random) -> String {
    random.pick(&["127.0.0.1:8081", "127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.2:8081", "8081"]).to_owned()
}

fn location_head(random: &mut Random) -> String {
    match random.below(100) {
        0..41 => format!("location {}", random.pick(PREFIXES)),
        41..69 => format!("location ~ \"{}\"", random.pick(REGEXES)),
        69..81 => format!("location ~* \"{}\"", random.pick(REGEXES)),
        81..91 => format!("location = {}", random.pick(PREFIXES)),
        _ => format!("location ^~ {}", random.pick(PREFIXES)),
    }
}

fn location(random: &mut Random, depth: usize) -> Item {
    let head = location_head(random);
    let mut items = body(random);
    let prefix =
        head.strip_prefix("location ^~ ").or_else(|| head.strip_prefix("location /").map(|_| &head[9..]));
    if let Some(prefix) = prefix.map(str::to_owned)
        && depth == 0
        && random.percent(20)
    {
        let inner = match random.below(2) {
            0 => format!("location {prefix}{}", random.pick(&["b", "/x", "x.php"])),
            _ => format!("location ~ \"{}\"", random.pick(REGEXES)),
        };
        items.push(block(inner, body(random)));
    }
    let takes_uri = !head.contains(" ~");
    if !takes_uri {
        items.retain(|item| !item.head.starts_with("alias"));
        for item in &mut items {
            if item.head.starts_with("proxy_pass") && !item.head.contains('$') {
                item.head = item.head.split("/v2").next().unwrap().trim_end_matches('/').to_owned();
            }
        }
    }
    block(head, items)
}

fn body(random: &mut Random) -> Vec<Item> {
    let mut items = Vec::new();
    if random.percent(20) {
        items.push(setting(random));
    }
    if random.percent(22) {
        items.push(code(random, 0));
    }
    match random.below(10) {
        0..4 => items.push(line(pass(random))),
        4..7 => items.push(line(returned(random))),
        7 => items.push(line(random.pick(&["root /srv/www", "alias /srv/other/", "root /srv/$host"]))),
        8 => items.push(line(random.pick(&[
            "try_files $uri $uri/ /index.html",
            "try_files $uri =404",
            "try_files $uri @named",
            "try_files $uri /index.html?x=$uri",
        ]))),
        _ => {}
    }
    items
}

fn pass(random: &mut Random) -> String {
    let passes = [
        "proxy_pass http://app",
        "proxy_pass http://app",
        "proxy_pass http://api",
        "proxy_pass http://127.0.0.1:9001",
        "proxy_pass http://app/",
        "proxy_pass http://app/v2/",
        "proxy_pass http://app$request_uri",
        "proxy_pass http://api$uri$is_args$args",
        "fastcgi_pass 127.0.0.1:9002",
    ];
    random.pick(&passes).to_owned()
}

fn returned(random: &mut Random) -> String {
    let returns = [
        "return 200 one",
        "return 200 two",
        "return 404",
        "return 403",
        "return 301 https://$host$request_uri",
        "return 302 /x$uri",
        "return 301 http://b.test/",
        "return 200 \"$mapped\"",
        "return 200 \"$near $byuri\"",
        "return 503",
        "return 444",
        "return 200 \"$arg_x\"",
    ];
    random.pick(&returns).to_owned()
}

fn setting(random: &mut Random) -> Item {
    let settings = [
        "root /srv/www",
        "index index.php index.html",
        "error_page 404 /404.html",
        "error_page 403 503 @named",
        "error_page 502 504 =200 /index.html",
        "add_header X-A one",
        "add_header X-B $host always",
        "deny 10.0.0.0/8",
        "allow 127.0.0.1",
        "deny all",
        "client_max_body_size 10",
        "proxy_intercept_errors on",
        "recursive_error_pages on",
        "absolute_redirect off",
        "gzip on",
        "proxy_set_header Host $host",
        "autoindex on",
        "proxy_read_timeout 5s",
        "access_log off",
        "satisfy any",
    ];
    line(random.pick(&settings))
}

fn code(random: &mut Random, depth: usize) -> Item {
    match random.below(4) {
        0 => line(random.pick(&[
            "rewrite ^/a/(.*)$ /api/$1 last",
            "rewrite ^/old/(.*)$ /a/$1 last",
            "rewrite ^ /index.html break",
            "rewrite ^/(.*)\\.php$ /$1 permanent",
            "rewrite ^/b/(.*) /a/$1?y=1",
            "rewrite (?i)^/img/ /static/x? last",
        ])),
        1 => line(random.pick(&["set $v 1", "set $v $arg_x", "set $v $uri"])),
        _ if depth == 0 => {
            let condition = random.pick(&[
                "$mapped",
                "$request_method = POST",
                "$arg_x = 1",
                "$http_user_agent ~* bot",
                "$near",
                "$host != a.test",
                "-f $request_filename",
                "$request_uri ~ \"^/a\"",
                "$byuri = 1",
                "$http_cookie ~ \"s=1\"",
                "$args",
            ]);
            let inside = match random.below(3) {
                0 => line(returned(random)),
                1 => code(random, 1),
                _ => line(random.pick(&["return 403", "set $v 2", "return 200 if"])),
            };
            block(format!("if ({condition})"), vec![inside])
        }
        _ => line("set $v 3"),
    }
}

/// Changes something somewhere; says what.
fn edit(random: &mut Random, items: &mut Vec<Item>) -> String {
    let mut path: Vec<usize> = Vec::new();
    let (mut here, mut head) = (&mut *items, String::from("http"));
    while random.percent(if path.is_empty() { 92 } else { 55 }) {
        let blocks: Vec<usize> = (0..here.len())
            .filter(|&at| here[at].inside.is_some() && !here[at].head.starts_with("geo"))
            .filter(|&at| !path.is_empty() || !here[at].head.starts_with("upstream") || random.percent(20))
            .collect();
        if blocks.is_empty() {
            break;
        }
        let at = random.pick(&blocks);
        path.push(at);
        head = here[at].head.clone();
        here = here[at].inside.as_mut().unwrap();
    }
    if here.is_empty() {
        return String::from("nothing");
    }
    let at = random.below(here.len());
    let what = here[at].head.clone();
    let is_fixed = what.starts_with("upstream")
        || what.starts_with("map")
        || what.starts_with("geo")
        || what == "location @named";
    match random.below(6) {
        0 if !(is_fixed || head.starts_with("upstream") && here.len() == 1) => {
            here.remove(at);
            format!("{head}: without {what}")
        }
        1 => {
            let other = random.below(here.len());
            here.swap(at, other);
            format!("{head}: {what} in the place of another")
        }
        2 if head == "http" => {
            let made = if random.percent(60) { server(random) } else { setting(random) };
            let said = made.head.clone();
            here.insert(at.max(5).min(here.len()), made);
            format!("{head}: {said} is new")
        }
        2 | 3 if head == "server" || head.starts_with("location") => {
            let made = match random.below(3) {
                0 if head == "server" => location(random, 0),
                1 => code(random, 0),
                _ => setting(random),
            };
            let said = made.head.clone();
            here.insert(at, made);
            format!("{head}: {said} is new")
        }
        _ => {
            let new = match what.split(' ').next().unwrap() {
                "location" if !is_fixed => location_head(random),
                "listen" => format!("listen {}", listen(random)),
                "server_name" => format!("server_name {}", random.pick(NAMES)),
                "proxy_pass" if !head.contains(" ~") && !head.contains('@') && !head.starts_with("if") => {
                    pass(random)
                }
                "return" => returned(random),
                "rewrite" | "set" => code(random, 1).head,
                "server" if head.starts_with("upstream") => String::from("server 127.0.0.1:9003"),
                "default" => String::from("default 1"),
                _ => return format!("{head}: {what} stays"),
            };
            let said = format!("{head}: {what} becomes {new}");
            here[at].head = new;
            said
        }
    }
}

/// A request for a configuration of this kind: the target, and headers.
pub(crate) fn request(random: &mut Random) -> evenkeel_model::Request {
    let mut request = evenkeel_model::Request::parse("GET http://a.test:8081/").unwrap();
    let mut target = random.pick(PATHS).to_owned();
    if random.percent(20) {
        target.push_str(random.pick(&["x", "/", "/b", ".php", ".js", "/report", "%0a"]));
    }
    target.push_str(random.pick(&["", "", "", "?x=1", "?x=2&y", "?y=1"]));
    request.target = target.into_bytes();
    request.method = random.pick(&["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT"]).as_bytes().to_vec();
    let host = random.pick(HOSTS);
    request.headers.clear();
    if host.is_empty() {
        request.version = evenkeel_model::HttpVersion::V1_0;
    } else {
        request.headers.push((b"Host".to_vec(), host.as_bytes().to_vec()));
    }
    for (name, values) in [
        ("X", ["a", "B", "cc"]),
        ("User-Agent", ["bot", "x", "Bot/1"]),
        ("Cookie", ["s=1", "t=1", "s=2; s=1"]),
    ] {
        if random.percent(30) {
            request.headers.push((name.as_bytes().to_vec(), random.pick(&values).as_bytes().to_vec()));
        }
    }
    if request.method == b"POST" {
        let length = random.pick(&["0", "5", "11"]);
        request.headers.push((b"Content-Length".to_vec(), length.as_bytes().to_vec()));
    }
    let address = random.pick(&[
        "127.0.0.1:8081",
        "127.0.0.1:8081",
        "127.0.0.1:8082",
        "127.0.0.2:8081",
        "127.0.0.3:8081",
    ]);
    request.listen = Some(evenkeel_model::LocalAddress::Inet(address.parse().unwrap()));
    request.port = None;
    request.client = Some(random.pick(&["198.51.100.7", "10.1.2.3", "127.0.0.1"]).parse().unwrap());
    request
}
