//! Random configurations of stream.

use crate::echo::UPSTREAMS;
use crate::nginx::Binary;
use crate::random::Random;

/// The names that servers and maps have.
const NAMES: &[&str] = &[
    "a.test",
    "b.a.test",
    "*.a.test",
    "*.test",
    ".b.test",
    ".a.test",
    "www.a.*",
    "www.*",
    "c.test",
    r"~^(?<who>[a-z]+)\.(a|c)\.test$",
    r"~^www\.(.+)$",
    r"~B\.test",
    r"~*^([A-Z])\.",
    r"~^.\.test$",
];

/// What values are made of.
const SOURCES: &[&str] = &[
    "$ssl_preread_server_name",
    "$ssl_preread_server_name",
    "$ssl_preread_server_name",
    "$ssl_preread_alpn_protocols",
    "$ssl_preread_protocol",
    "$remote_addr",
    "$server_port",
    "$server_addr",
    "$protocol",
    "$m0",
    "$m1",
    "$m2",
    "$v0",
    "$g0",
    "$p0",
    "$who",
    "$ssl_server_name",
    "$proxy_protocol_addr",
    "$proxy_protocol_port",
    "$proxy_protocol_server_addr",
    "$realip_remote_addr",
];

/// A configuration with places for ports in it, and what must be known of it to ask.
pub(crate) struct Written {
    pub(crate) text: String,
}

struct Writer<'r> {
    random: &'r mut Random,
    binary: &'r Binary,
    lines: Vec<String>,
    /// The lines on which servers begin.
    servers: Vec<usize>,
    /// What listens already, where one socket may be named once only.
    taken: Vec<String>,
}

/// A random configuration.
pub(crate) fn config(random: &mut Random, binary: &Binary) -> Written {
    let mut writer = Writer { random, binary, lines: Vec::new(), servers: Vec::new(), taken: Vec::new() };
    writer.write();
    let format = |line: &usize| format!("log_format L{line} 'L{line} $status';");
    let formats: String = writer.servers.iter().map(format).collect();
    Written { text: writer.lines.join("\n").replace("@FORMATS@", &formats) }
}

impl Writer<'_> {
    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn write(&mut self) {
        let load = &self.binary.load;
        let fixed = "daemon off; master_process off; pid nginx.pid; error_log error.log info;";
        self.lines.push(format!("{load} {fixed} events {{ worker_connections 64; }}"));
        let has_http = self.random.percent(60);
        if has_http && self.random.percent(50) {
            self.http();
        }
        self.line("stream { @FORMATS@");
        self.line("proxy_timeout 2s; preread_timeout 2s; proxy_responses 1; proxy_next_upstream off;");
        if self.random.percent(20) {
            self.line("ssl_preread on;");
        }
        if self.random.percent(20) {
            self.access();
        }
        if self.random.percent(10) {
            self.line("proxy_protocol on;");
        }
        self.line("upstream one { server 127.0.0.1:@U0@; }");
        self.line("upstream two { server 127.0.0.1:@U1@ max_fails=0; server 127.0.0.1:@U2@ max_fails=0; }");
        self.line("upstream spare { server 127.0.0.1:@U3@ down; server 127.0.0.1:@U2@ max_fails=0 backup; }");
        self.line("upstream none { server 127.0.0.1:@U3@ down; }");
        self.line("ssl_certificate cert.pem; ssl_certificate_key key.pem;");
        self.line("map $protocol $unused { ~^(?<who>never)$ 1; }");
        self.line("server { listen unix:@DIR@/unused; set $v0 never; return never; }");
        for map in 0..3 {
            self.map(map);
        }
        self.geo();
        self.shares();
        let to = "a.test 127.0.0.1:@P0@; b.a.test 127.0.0.1:@P1@; c.test 127.0.0.1:@P2@; b.test one; localhost [::1]:@P1@;";
        self.line(format!(
            "map $ssl_preread_server_name $to {{ {to} x.a.test 127.0.0.1; default 127.0.0.2:@P0@; }}"
        ));
        for _ in 0..1 + self.random.below(6) {
            self.server(has_http);
        }
        self.line("}");
        if has_http && !self.lines.iter().any(|line| line.starts_with("http")) {
            self.http();
        }
    }

    fn http(&mut self) {
        self.line("http { log_format H 'H $status'; access_log access.log H; client_body_temp_path tmp/1;");
        self.line(
            "proxy_temp_path tmp/2; fastcgi_temp_path tmp/3; uwsgi_temp_path tmp/4; scgi_temp_path tmp/5;",
        );
        self.line("lingering_close off; server { listen 127.0.0.1:@P2@; return 200 http; } }");
    }

    fn name(&mut self) -> String {
        let name = self.random.pick(NAMES);
        if name.contains(['{', '}', ';', ' ']) { format!("\"{name}\"") } else { name.to_owned() }
    }

    /// A value of a map, a `set`, a `return` or a `proxy_pass`.
    fn value(&mut self) -> String {
        let upstream = self.random.below(UPSTREAMS);
        let value = match self.random.below(13) {
            0..=2 => String::from("one"),
            3 => String::from("two"),
            4 => self.random.pick(&["spare", "none", "ONE", "nobody", "one:80"]).to_owned(),
            5..=7 => format!("127.0.0.1:@U{upstream}@"),
            8 => String::from("two"),
            9 => self.random.pick(SOURCES).to_owned(),
            10 => self.random.pick(&["$1", "$2", "x$1", "${who}y", "$1:1", "localhost:@U1@"]).to_owned(),
            11 => self
                .random
                .pick(&["", "127.0.0.1", "http://one/", "a:b", "[::1", "[x]:1", "unix:"])
                .to_owned(),
            _ => format!("{}-{}", self.random.pick(SOURCES), self.random.pick(SOURCES)),
        };
        format!("\"{value}\"")
    }

    fn map(&mut self, number: usize) {
        let source = match self.random.below(10) {
            0 => format!("\"{}:{}\"", self.random.pick(SOURCES), self.random.pick(SOURCES)),
            _ => self.random.pick(SOURCES).to_owned(),
        };
        let source = earlier(&source, number);
        self.line(format!("map {source} $m{number} {{"));
        if self.random.percent(50) {
            self.line("hostnames;");
        }
        if self.random.percent(20) {
            self.line("volatile;");
        }
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..self.random.below(7) {
            let key = match self.random.below(10) {
                0 => self.random.pick(&["h2", "h2,http/1.1", "~h2", "~*^HTTP", "~^$"]).to_owned(),
                1 => self.random.pick(&["TLSv1.2", "TLSv1.3", "~^TLS(.*)$", "TCP", "UDP"]).to_owned(),
                2 => self.random.pick(&["127.0.0.1", "~^127", "@P0@", "\"\"", "~."]).to_owned(),
                _ => self.name(),
            };
            // `.a` beside `*.a` and the like are refused.
            let bare = key.trim_start_matches("*.").trim_start_matches('.').to_owned();
            if key.starts_with('~') || !seen.contains(&bare) {
                seen.push(bare);
                let value = earlier(&self.value(), number);
                self.line(format!("{key} {value};"));
            }
        }
        if self.random.percent(60) {
            let value = earlier(&self.value(), number);
            self.line(format!("default {value};"));
        }
        self.line("}");
    }

    fn geo(&mut self) {
        let source = if self.random.percent(30) { "$proxy_protocol_addr " } else { "" };
        self.line(format!("geo {source}$g0 {{"));
        let ranges = self.random.percent(30);
        if ranges {
            self.line("ranges;");
        }
        if self.random.percent(60) {
            self.line("default one;");
        }
        let lines: &[&str] = if ranges {
            &["127.0.0.0-127.255.255.255 in;", "127.0.0.2-127.0.0.3 two;", "10.0.0.0-10.0.255.255 ten;"]
        } else {
            &["127.0.0.0/8 in;", "127.0.0.2 two;", "127.0.0.2/31 half;", "10.0.0.0/8 ten;", "::1 six;"]
        };
        for line in lines {
            if self.random.percent(50) {
                self.line(*line);
            }
        }
        self.line("}");
    }

    fn shares(&mut self) {
        let source = self.random.pick(&["$ssl_preread_server_name", "${remote_addr}x", "$m0$m1"]);
        self.line(format!("split_clients \"{source}\" $p0 {{ 30% one; 25.5% two; 0.5% none; * rest; }}"));
    }

    fn access(&mut self) {
        for _ in 0..1 + self.random.below(3) {
            let rule = self.random.pick(&["allow", "deny"]);
            let whom = self.random.pick(&[
                "127.0.0.1",
                "127.0.0.2",
                "127.0.0.0/30",
                "10.0.0.0/8",
                "all",
                "unix:",
                "::1",
            ]);
            self.line(format!("{rule} {whom};"));
        }
    }

    fn listen(&mut self, mut options: String) -> Option<String> {
        let address = match self.random.below(20) {
            0..=6 => "127.0.0.1:@P0@",
            7..=9 => "127.0.0.2:@P0@",
            10..=12 => "@P0@",
            13..=14 => "127.0.0.1:@P1@",
            15 => "[::1]:@P1@",
            16 => "*:@P1@",
            17 => "127.0.0.1:@P3@-@P4@",
            18 => "unix:@DIR@/s",
            _ => "localhost:@P4@",
        };
        let mut key = address.replace("*:", "");
        if !options.contains("udp") && !address.starts_with("unix") && self.random.percent(8) {
            options.push_str(" udp");
            options = options.replace(" ssl", "").replace(" proxy_protocol", "");
        }
        key.push_str(if options.contains("udp") { " udp" } else { "" });
        let again = self.taken.contains(&key);
        if again
            && (!self.binary.has_names
                || self.lines[self.servers[self.servers.len() - 1]..]
                    .iter()
                    .any(|line| line.starts_with(&format!("listen {address}"))))
        {
            return None;
        }
        // A name that is resolved, or a range, is another spelling of addresses that stand elsewhere.
        if again && (address.contains('-') || address.contains("localhost")) {
            return None;
        }
        if self.binary.has_names && self.random.percent(15) && !self.taken.contains(&format!("{key} default"))
        {
            self.taken.push(format!("{key} default"));
            options.push_str(" default_server");
        }
        self.taken.push(key);
        Some(format!("listen {address}{options};"))
    }

    fn server(&mut self, has_http: bool) {
        self.servers.push(self.lines.len() + 1);
        let line = self.lines.len() + 1;
        self.line(format!("server {{ access_log access.log L{line};"));
        for _ in 0..1 + self.random.below(2) {
            let mut options = String::new();
            for (option, share) in [(" ssl", 12), (" proxy_protocol", 12)] {
                if self.random.percent(share) {
                    options.push_str(option);
                }
            }
            if let Some(listen) = self.listen(options) {
                self.line(listen);
            }
        }
        if !self.lines[line..].iter().any(|line| line.starts_with("listen")) {
            // Every server must listen somewhere; nobody asks here.
            self.line(format!("listen unix:@DIR@/unused{line};"));
        }
        if self.binary.has_names {
            for _ in 0..self.random.below(3) {
                let name = self.name();
                self.line(format!("server_name {name};"));
            }
        }
        if self.random.percent(60) {
            let value = self.random.pick(&["on", "on", "on", "off"]);
            self.line(format!("ssl_preread {value};"));
        }
        if self.random.percent(15) {
            self.access();
        }
        if self.random.percent(15) {
            self.line(format!(
                "set_real_ip_from {};",
                self.random.clone().pick(&["127.0.0.0/30", "10.0.0.0/8", "127.0.0.1"])
            ));
        }
        for _ in 0..self.random.below(3) {
            if self.random.percent(30) {
                let name = self.random.pick(&["$v0", "$m0"]);
                let value = self.value();
                self.line(format!("set {name} {value};"));
            }
        }
        if self.binary.has_names && self.random.percent(6) {
            self.line("ssl_reject_handshake on;");
        }
        if self.random.percent(8) {
            self.line("proxy_protocol on;");
        }
        if self.random.percent(5) {
            self.line("proxy_ssl on; proxy_connect_timeout 2s;");
        }
        self.handler(has_http);
        self.line("}");
    }

    fn handler(&mut self, has_http: bool) {
        let texts = || SOURCES.join("|");
        let line = match self.random.below(20) {
            0..=5 => format!("return \"R $1 $2 {} $1\";", texts()),
            6 => {
                let value = self.value();
                format!("return {value};")
            }
            7..=8 => self
                .random
                .pick(&["proxy_pass one;", "proxy_pass two;", "proxy_pass spare;", "proxy_pass none;"])
                .to_owned(),
            9 => String::from("proxy_pass 127.0.0.1:@U4@;"),
            10..=15 => {
                let source =
                    self.random.pick(&["$m0", "$m1", "$m2", "$g0", "$p0", "$ssl_preread_server_name"]);
                format!("proxy_pass {source};")
            }
            16 if has_http && self.binary.has_names => String::from("pass 127.0.0.1:@P2@;"),
            16 => format!(
                "proxy_pass {}:@U1@;",
                self.random.clone().pick(&["$m0", "$ssl_preread_server_name", "$server_addr"])
            ),
            17 if self.binary.has_names => String::from("pass $to;"),
            18..=19 if self.binary.has_names => {
                let to = [
                    "127.0.0.1:@P0@",
                    "127.0.0.1:@P1@",
                    "127.0.0.2:@P0@",
                    "0.0.0.0:@P0@",
                    "127.0.0.1:@P2@",
                    "[::1]:@P1@",
                ];
                format!("pass {};", self.random.pick(&to))
            }
            _ => format!("return \"R {}\";", texts()),
        };
        self.line(line);
    }
}

/// A value that asks only maps before the `number`th: one that asks itself ends nginx.
fn earlier(value: &str, number: usize) -> String {
    let mut value = value.replace("$p0", "$who");
    for later in number..3 {
        value = value.replace(&format!("$m{later}"), "$server_port");
    }
    value
}
