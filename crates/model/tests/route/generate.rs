//! Configurations, by chance: everything that the router claims to understand, in combinations that nobody would write.

use crate::block::Block;
use crate::nginx::PORTS;
use crate::random::Random;
use crate::words::{self, NAMES, PREFIXES, REGEXES, TEXTS, URLS};

/// A configuration, and what is worth asking of it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) config: Block,
    /// Addresses that something listens on, with ports as `@P0@`.
    pub(crate) addresses: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    /// Whether it uses what the router does not claim to understand: then it may say so.
    pub(crate) wild: bool,
}

/// What one configuration may use: few things at a time, so that each meets each now and then.
#[derive(Debug)]
struct Taste {
    statics: bool,
    proxies: bool,
    access: bool,
    error_pages: bool,
    try_files: bool,
    limit_except: bool,
    redirects: bool,
    rewrites: bool,
    wild: bool,
}

struct Generator<'r> {
    random: &'r mut Random,
    taste: Taste,
    hosts: Vec<String>,
    paths: Vec<String>,
    named: usize,
}

/// Makes the configuration of a seed.
pub(crate) fn case(random: &mut Random, ipv6: bool, wild: bool) -> Case {
    let taste = Taste {
        statics: random.percent(80),
        proxies: random.percent(70),
        access: random.percent(35),
        error_pages: random.percent(45),
        try_files: random.percent(45),
        limit_except: random.percent(25),
        redirects: random.percent(35),
        rewrites: random.percent(40),
        wild,
    };
    let mut generator = Generator { random, taste, hosts: Vec::new(), paths: Vec::new(), named: 0 };
    let (config, addresses) = generator.main(ipv6);
    Case { config, addresses, hosts: generator.hosts, paths: generator.paths, wild }
}

impl Generator<'_> {
    fn main(&mut self, ipv6: bool) -> (Block, Vec<String>) {
        let mut main = Block::new("");
        for line in ["daemon off;", "master_process off;", "pid nginx.pid;", "error_log stderr notice;"] {
            main.line(line);
        }
        let mut events = Block::new("events");
        events.line("worker_connections 64;");
        main.block(events);
        let mut http = Block::new("http");
        http.line("include formats.conf;");
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            http.line(format!("{kind}_temp_path tmp/{kind};"));
        }
        http.line("lingering_close off;");
        http.line("keepalive_timeout 0;");
        // An upstream tells in its header what it was asked, however long that was.
        http.line("proxy_buffer_size 64k;");
        http.line("proxy_buffers 4 64k;");
        http.line("server_names_hash_bucket_size 128;");
        http.line("access_log access.log T1;");
        for upstream in 0..3 {
            let mut block = Block::new(format!("upstream app{upstream}"));
            block.line(format!("server 127.0.0.1:@U{upstream}@;"));
            http.block(block);
        }
        if self.taste.wild {
            for line in [
                "map $uri $mapped { default \"\"; ~^/a 1; /b two; }",
                "map $host $upstream { hostnames; default app0; *.a.test app1; }",
                "geo $near { default 0; 127.0.0.0/8 1; }",
                "split_clients $uri $half { 50% a; * b; }",
                "limit_req_zone $binary_remote_addr zone=z:1m rate=1r/m;",
                "limit_conn_zone $binary_remote_addr zone=c:1m;",
            ] {
                http.line(line);
            }
            self.wild(&mut http, 3);
        }
        self.settings(&mut http, 12);
        if self.taste.statics && self.random.percent(90) {
            let root = self.random.pick(&["www", "www", "@DIR@/www2"]);
            http.line(format!("root {root};"));
        }
        self.content_settings(&mut http, 8, None);
        let mut addresses = Vec::new();
        let mut defaults = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let server = self.server(ipv6, &mut addresses, &mut defaults);
            http.block(server);
        }
        // Names of captures are variables of the whole configuration, wherever they are captured.
        let mut inert = Block::new("server");
        inert.line("listen unix:@DIR@/z;");
        inert.line("set $v 1;");
        inert.line("set $w 1;");
        inert.block(Block::new("location ~ \"(?<rest>x)(?<page>y)(?<sub>z)\""));
        http.block(inert);
        main.block(http);
        (main, addresses)
    }

    fn server(&mut self, ipv6: bool, addresses: &mut Vec<String>, defaults: &mut Vec<String>) -> Block {
        let mut server = Block::new("server");
        let mut own: Vec<String> = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let port = format!("@P{}@", self.random.below(2 + self.random.clone().below(PORTS - 2)));
            let forms: &[&str] = &[
                "127.0.0.1:",
                "127.0.0.1:",
                "127.0.0.2:",
                "*:",
                "0.0.0.0:",
                "",
                "[::1]:",
                "[::]:",
                "unix:@DIR@/s",
            ];
            let form = self.random.pick(forms);
            if form.starts_with('[') && !ipv6 {
                continue;
            }
            let address = match form {
                "" | "0.0.0.0:" => format!("*:{port}"),
                "unix:@DIR@/s" => "unix:@DIR@/s".to_owned(),
                form => format!("{form}{port}"),
            };
            if own.contains(&address) {
                continue;
            }
            own.push(address.clone());
            let written = if form.starts_with("unix") { address.clone() } else { format!("{form}{port}") };
            let default = if !defaults.contains(&address) && self.random.percent(20) {
                defaults.push(address.clone());
                " default_server"
            } else {
                ""
            };
            server.line(format!("listen {written}{default};"));
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if own.is_empty() {
            server.line("listen 127.0.0.1:@P0@;");
            if !addresses.contains(&"127.0.0.1:@P0@".to_owned()) {
                addresses.push("127.0.0.1:@P0@".to_owned());
            }
        }
        if self.random.percent(85) {
            let mut line = String::from("server_name");
            for _ in 0..1 + self.random.below(3) {
                let (name, hosts) = self.random.pick(NAMES);
                line.push(' ');
                line.push_str(name);
                self.hosts.extend(hosts.iter().map(|&host| host.to_owned()));
            }
            server.line(format!("{line};"));
        }
        self.wild(&mut server, 6);
        self.codes(&mut server, 12, 0);
        self.settings(&mut server, 15);
        self.content_settings(&mut server, 40, None);
        if self.random.percent(6) {
            let line = self.return_line();
            server.line(line);
        }
        let before = self.named;
        let mut taken = Vec::new();
        for _ in 0..1 + self.random.below(7) {
            self.location(&mut server, None, 1, &mut taken);
        }
        // The named locations that this server has spoken of.
        for name in before..self.named {
            if self.random.percent(92) {
                let mut block = Block::new(format!("location @n{name}"));
                self.body(&mut block, &Pattern::Named, 3);
                server.block(block);
            }
        }
        server
    }

    fn location(
        &mut self,
        into: &mut Block,
        parent: Option<&Pattern>,
        depth: usize,
        taken: &mut Vec<String>,
    ) {
        let (head, pattern, key) = match self.random.below(10) {
            0..3 => {
                let (regex, paths) = self.random.pick(REGEXES);
                self.paths.extend(paths.iter().map(|&path| path.to_owned()));
                let modifier = self.random.pick(&["~", "~", "~*"]);
                let head = format!("location {modifier} {}", quoted(regex));
                (head, Pattern::Regex(regex.to_owned()), String::new())
            }
            chosen => {
                let text = match parent {
                    None => self.random.pick(PREFIXES).to_owned(),
                    Some(Pattern::Prefix(outer)) => {
                        let tails: &[&str] =
                            &["", "/", "b", "/b", "x.php", "/e/", "e/", "/v1/", ".", "index.html", "1"];
                        format!("{outer}{}", self.random.pick(tails))
                    }
                    // Accepted by nginx, and never reached.
                    Some(Pattern::Regex(regex)) if self.random.percent(10) => format!("{regex}/b"),
                    Some(_) => return,
                };
                let modifier = match chosen {
                    3..8 => "",
                    8 => "^~ ",
                    _ => "= ",
                };
                self.paths.push(text.clone());
                let pattern = if modifier == "= " { Pattern::Exact } else { Pattern::Prefix(text.clone()) };
                let key = if modifier == "= " { format!("={text}") } else { text.clone() };
                (format!("location {modifier}{}", quoted(&text)), pattern, key)
            }
        };
        if !key.is_empty() || matches!(pattern, Pattern::Prefix(_)) {
            // nginx compares names without regard to case only on other systems.
            if taken.contains(&key) {
                return;
            }
            taken.push(key);
        }
        let mut block = Block::new(head);
        self.body(&mut block, &pattern, depth);
        into.block(block);
    }

    fn body(&mut self, block: &mut Block, pattern: &Pattern, depth: usize) {
        if self.random.percent(8) {
            block.line("internal;");
        }
        self.wild(block, 6);
        self.codes(block, 22, 0);
        self.settings(block, 4);
        self.content_settings(block, 18, Some(pattern));
        if self.taste.limit_except && self.random.percent(25) {
            let limited = self.limit_except();
            block.block(limited);
        }
        match self.random.below(10) {
            0..3 => {
                let line = self.return_line();
                block.line(line);
            }
            3..7 if self.taste.proxies => {
                let line = self.proxy_pass(pattern.takes_uri());
                block.line(line);
            }
            _ => {}
        }
        let nests = !matches!(pattern, Pattern::Exact | Pattern::Named);
        if nests && depth < 3 && self.random.percent(35) {
            let mut taken = Vec::new();
            for _ in 0..1 + self.random.below(3) {
                self.location(block, Some(pattern), depth + 1, &mut taken);
            }
        }
    }

    fn limit_except(&mut self) -> Block {
        let methods = self.random.pick(&["GET", "POST", "GET POST", "HEAD", "PUT DELETE", "OPTIONS"]);
        let mut block = Block::new(format!("limit_except {methods}"));
        match self.random.below(4) {
            0 if self.taste.proxies => {
                let line = self.proxy_pass(false);
                block.line(line);
            }
            1 => block.line("allow 127.0.0.1;"),
            _ => block.line("deny all;"),
        }
        block
    }

    fn return_line(&mut self) -> String {
        match self.random.below(10) {
            0..3 => format!("return 200 {};", self.random.pick(TEXTS)),
            3 => {
                let status =
                    self.random.pick(&["204", "400", "403", "404", "405", "418", "444", "500", "502", "503"]);
                format!("return {status};")
            }
            4 => {
                let status =
                    self.random.pick(&["201", "403", "404", "418", "500", "599", "000", "600", "299"]);
                format!("return {status} {};", self.random.pick(TEXTS))
            }
            5 => {
                // Without a status, it must be an absolute URL.
                let urls: Vec<&&str> = URLS
                    .iter()
                    .filter(|url| ["http://", "https://", "$scheme"].iter().any(|head| url.starts_with(head)))
                    .collect();
                format!("return {};", self.random.pick(&urls))
            }
            _ => {
                let status =
                    self.random.pick(&["301", "302", "303", "307", "308", "301", "302", "304", "300"]);
                format!("return {status} {};", self.random.pick(URLS))
            }
        }
    }

    fn proxy_pass(&mut self, with_uri: bool) -> String {
        let host = match self.random.below(4) {
            0 => "127.0.0.1:@U2@",
            1 => "app1",
            2 => "APP2",
            _ => "app0",
        };
        let uri = match self.random.below(10) {
            0..3 => "",
            3..7 if with_uri => {
                self.random.pick(&["/", "/z", "/z/", "/z?w=1", "/z/%20y", "/z//y/../w", "/z y"])
            }
            7..9 => self.random.pick(&[
                "$uri",
                "$request_uri",
                "/v$uri$is_args$args",
                "/v$v",
                "/$1",
                "/r/$rest",
                "/v?$args",
                "/$arg_x",
                "$1",
                "?$args",
            ]),
            _ => "",
        };
        let url = format!("http://{host}{uri}");
        if url.contains(' ') { format!("proxy_pass \"{url}\";") } else { format!("proxy_pass {url};") }
    }

    /// Directives of the rewrite module, each in so many of a hundred places.
    fn codes(&mut self, block: &mut Block, share: usize, depth: usize) {
        if !self.taste.rewrites {
            return;
        }
        let in_location = block.head.starts_with("location");
        for _ in 0..3 {
            if !self.random.percent(share) {
                continue;
            }
            match self.random.below(10) {
                0..5 => {
                    let pattern = quoted(self.random.pick(words::REWRITTEN));
                    let replacement = self.random.pick(words::REPLACEMENTS);
                    let flag = self.random.pick(&["", " last", " last", " break", " redirect", " permanent"]);
                    block.line(format!("rewrite {pattern} {replacement}{flag};"));
                }
                5 | 6 => {
                    // Older releases write past the end of a value that takes a capture after a rewrite with arguments.
                    let unsafe_here = depth > 0 || block.text().contains("rewrite");
                    let line = self.random.pick(words::SETTINGS);
                    if !(unsafe_here && line.contains("$1")) {
                        block.line(line);
                    }
                }
                7 => block.line("break;"),
                _ if depth == 0 && !block.head.starts_with("limit") => {
                    let mut inner = Block::new(format!("if ({})", self.random.pick(words::CONDITIONS)));
                    self.codes(&mut inner, 40, 1);
                    if self.random.percent(40) {
                        let line = self.return_line();
                        inner.line(line);
                    }
                    if in_location && self.taste.proxies && self.random.percent(25) {
                        let line = self.proxy_pass(false);
                        inner.line(line);
                    }
                    if in_location && self.random.percent(15) {
                        inner.line(self.random.pick(&[
                            "root www;",
                            "root @DIR@/www2;",
                            "error_page 404 /x.html;",
                            "root html;",
                        ]));
                    }
                    block.block(inner);
                }
                _ => {}
            }
        }
    }

    /// What the router does not claim to understand.
    fn wild(&mut self, block: &mut Block, share: usize) {
        if !self.taste.wild {
            return;
        }
        let http = block.head == "http";
        let named = block.head.starts_with("location @");
        let mut lines: Vec<&str> = words::UNMODELLED.to_vec();
        if !http {
            lines.extend(words::UNMODELLED_IN_SERVERS);
            lines.extend(words::UNMODELLED_IN_SERVERS);
        }
        if block.head.starts_with("location") && !named {
            lines.extend(words::UNMODELLED_IN_LOCATIONS);
        }
        for _ in 0..3 {
            if self.random.percent(share * 4) {
                let line = self.random.pick(&lines);
                if !has(block, line.split(' ').next().unwrap_or_default()) {
                    block.line(line);
                }
            }
        }
    }

    /// What changes how redirects and paths look.
    fn settings(&mut self, block: &mut Block, share: usize) {
        let server = block.head == "server" || block.head == "http";
        if self.taste.redirects {
            for name in ["absolute_redirect", "server_name_in_redirect", "port_in_redirect"] {
                if self.random.percent(share) {
                    let value = self.random.pick(&["on", "off"]);
                    block.line(format!("{name} {value};"));
                }
            }
        }
        if server && self.random.percent(share) {
            block.line("merge_slashes off;");
        }
        if server && self.random.percent(share / 3) {
            let value = self.random.pick(&["ignore_invalid_headers off;", "underscores_in_headers on;"]);
            block.line(value);
        }
    }

    /// What decides what is served; `pattern` is that of a location.
    fn content_settings(&mut self, block: &mut Block, share: usize, pattern: Option<&Pattern>) {
        if self.taste.statics {
            self.root_or_alias(block, share, pattern);
            if self.random.percent(share / 2) {
                let index = self.random.pick(&[
                    "index.htm index.html",
                    "index.php index.html",
                    "none.html /a/index.html",
                    "none.html",
                    "/x.html",
                    "$host.html index.html",
                    "index.html/",
                    "e/index.html",
                ]);
                block.line(format!("index {index};"));
            }
        }
        if self.taste.try_files && !matches!(block.head.as_str(), "http") && self.random.percent(share) {
            let line = self.try_files();
            block.line(line);
        }
        if self.taste.error_pages {
            for _ in 0..3 {
                if self.random.percent(share) {
                    let line = self.error_page(block.head == "http");
                    block.line(line);
                }
            }
            if self.random.percent(share / 4) {
                block.line("recursive_error_pages on;");
            }
        }
        if self.taste.access {
            for _ in 0..3 {
                if self.random.percent(share) {
                    let line = self.random.pick(&[
                        "deny all;",
                        "allow all;",
                        "allow 127.0.0.1;",
                        "deny 127.0.0.1;",
                        "allow 127.0.0.0/8;",
                        "deny 10.0.0.0/8;",
                        "deny unix:;",
                        "allow ::1;",
                        "deny ::/0;",
                        "satisfy any;",
                    ]);
                    if !line.starts_with("satisfy") || !has(block, "satisfy") {
                        block.line(line);
                    }
                }
            }
        }
    }

    fn root_or_alias(&mut self, block: &mut Block, share: usize, pattern: Option<&Pattern>) {
        if !self.random.percent(share) || has(block, "root") {
            return;
        }
        let alias =
            pattern.is_some_and(|pattern| !matches!(pattern, Pattern::Named)) && self.random.percent(40);
        if alias {
            let paths: &[&str] = match pattern {
                Some(Pattern::Regex(_)) => {
                    &["www/$1", "@DIR@/www2/$1", "www/index.html", "www/$2/$1", "www$uri", "www2/"]
                }
                _ => &[
                    "www/d/",
                    "@DIR@/www2/",
                    "www/img",
                    "www",
                    "www/x.html",
                    "www/$host/",
                    "www2/b",
                    "www2/a/",
                ],
            };
            block.line(format!("alias {};", self.random.pick(paths)));
        } else {
            let paths =
                ["www", "www", "@DIR@/www2", "www/", "www/$host", "www/$rest", "@DIR@/www/a", "html", "none"];
            block.line(format!("root {};", self.random.pick(&paths)));
        }
    }

    fn try_files(&mut self) -> String {
        let mut line = String::from("try_files");
        for _ in 0..1 + self.random.below(3) {
            let file = self.random.pick(&[
                "$uri",
                "$uri",
                "$uri/",
                "/index.html",
                "$uri.html",
                "/a$uri",
                "$uri/index.html",
                "/$1",
                "x.html",
                "/d/",
                "/b",
                "/$host$uri",
                "$w",
            ]);
            line.push(' ');
            line.push_str(file);
        }
        let last = match self.random.below(8) {
            0 => "=404".to_owned(),
            1 => self.random.pick(&["=403", "=200", "=444", "=500", "=301", "=0"]).to_owned(),
            2 | 3 => self.fallback(),
            4 => "/index.html".to_owned(),
            5 => "/x.php?$args".to_owned(),
            6 => "/api/v1/x.html?u=$uri".to_owned(),
            _ => self.random.pick(&["/a/", "/none", "$uri", "/a$uri", "/d", "x.html"]).to_owned(),
        };
        format!("{line} {last};")
    }

    /// The name of a named location, which the server then has (mostly).
    fn fallback(&mut self) -> String {
        if self.named == 0 || self.random.percent(50) {
            self.named += 1;
        }
        format!("@n{}", self.named - 1)
    }

    fn error_page(&mut self, outside_of_servers: bool) -> String {
        let codes = self.random.pick(&[
            "404",
            "404",
            "403",
            "403 404",
            "500 502 503 504",
            "405",
            "301",
            "302",
            "418",
            "400",
            "403 405 418 503",
            "413",
        ]);
        let target = match self.random.below(10) {
            0..3 => "/err/404.html".to_owned(),
            3 => "/50x.html".to_owned(),
            4 => "/a$uri".to_owned(),
            5 if !outside_of_servers => self.fallback(),
            6 => self
                .random
                .pick(&["http://b.test/e", "https://b.test$request_uri", "$scheme://x/$1"])
                .to_owned(),
            7 => self.random.pick(&["/x.php?e=1", "$uri", "/none", "/", "/d", "/img/"]).to_owned(),
            8 => "/api/v1/x.html".to_owned(),
            _ => "/err/403.html".to_owned(),
        };
        let answer =
            self.random.pick(&["", "", "", " =200", " =", " =404", " =301", " =503", " =204", " =302"]);
        format!("error_page {codes}{answer} {target};")
    }
}

/// What a location is for: the part that its inside must know.
#[derive(Debug)]
enum Pattern {
    Prefix(String),
    Exact,
    Regex(String),
    Named,
}

impl Pattern {
    fn takes_uri(&self) -> bool {
        matches!(self, Pattern::Prefix(_) | Pattern::Exact)
    }
}

fn has(block: &Block, name: &str) -> bool {
    block.body.iter().any(|item| matches!(item, crate::block::Item::Line(line) if line.starts_with(name)))
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains([' ', '{', '}', ';', '"', '\'', '#']);
    if plain { text.to_owned() } else { format!("\"{text}\"") }
}
