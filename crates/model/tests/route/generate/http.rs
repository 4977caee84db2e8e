//! What stands around the servers: settings, upstreams, variables.

use super::{Door, Generator, Place};
use crate::block::Block;
use crate::echo::UPSTREAMS;
use crate::words::{self, MAP_KEYS, MAP_SOURCES, MAP_VALUES};

impl Generator<'_> {
    pub(super) fn main(&mut self, ipv6: bool) -> (Block, Vec<Door>) {
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
        for kind in ["proxy", "fastcgi", "uwsgi", "scgi"] {
            http.line(format!("{kind}_buffer_size 64k;"));
            http.line(format!("{kind}_buffers 4 64k;"));
        }
        http.line("memcached_buffer_size 64k;");
        http.line("server_names_hash_bucket_size 128;");
        http.line("variables_hash_bucket_size 128;");
        http.line("map_hash_bucket_size 128;");
        http.line("access_log access.log T1;");
        self.upstreams(&mut http);
        self.variables(&mut http);
        if self.taste.wild {
            http.line("open_file_cache_valid 1s;");
            self.wild(&mut http, &Place::Http, 12);
        }
        if self.taste.tls {
            for line in [
                "ssl_certificate cert.pem;",
                "ssl_certificate_key key.pem;",
                "ssl_client_certificate cert.pem;",
            ] {
                http.line(line);
            }
        }
        if self.taste.limits {
            http.line("limit_req_zone $binary_remote_addr zone=z:1m rate=100000r/s;");
            http.line("limit_conn_zone $binary_remote_addr zone=c:1m;");
        }
        self.settings(&mut http, &Place::Http, 12);
        if self.taste.statics && self.random.percent(90) {
            let root = self.random.pick(&["www", "www", "@DIR@/www2"]);
            http.line(format!("root {root};"));
        }
        self.content_settings(&mut http, &Place::Http, 8);
        self.access_settings(&mut http, 10);
        let mut doors = Vec::new();
        let mut defaults = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let server = self.server(ipv6, &mut doors, &mut defaults);
            http.block(server);
        }
        // Names of captures are variables of the whole configuration, wherever they are captured.
        let mut inert = Block::new("server");
        inert.line("listen unix:@DIR@/z;");
        for name in ["v", "w", "memcached_key"] {
            inert.line(format!("set ${name} 1;"));
        }
        inert.block(Block::new("location ~ \"(?<rest>x)(?<page>y)(?<sub>z)\""));
        http.block(inert);
        main.block(http);
        (main, doors)
    }

    fn upstreams(&mut self, http: &mut Block) {
        for upstream in 0..3 {
            let mut block = Block::new(format!("upstream app{upstream}"));
            match self.random.below(10) {
                0 => {
                    block.line("server 127.0.0.1:@U0@ down;");
                    block.line("server 127.0.0.1:@U1@;");
                    block.line("server 127.0.0.1:@U2@ backup;");
                }
                1 => {
                    block.line("server 127.0.0.1:@U2@ weight=2;");
                    block.line(format!("server 127.0.0.1:@U{upstream}@;"));
                }
                _ => block.line(format!("server 127.0.0.1:@U{upstream}@;")),
            }
            http.block(block);
        }
        if self.taste.other_passes {
            for upstream in 3..UPSTREAMS {
                let mut block = Block::new(format!("upstream app{upstream}"));
                block.line(format!("server 127.0.0.1:@U{upstream}@;"));
                http.block(block);
            }
            for kind in ["fastcgi", "uwsgi", "scgi"] {
                http.line(format!("{kind}_param U $document_uri$is_args$args;"));
            }
        }
    }

    fn variables(&mut self, http: &mut Block) {
        if self.taste.maps {
            for number in 0..1 + self.random.below(3) {
                let map = self.map(number);
                http.block(map);
                self.defined.push(format!("$m{number}"));
            }
        }
        if self.taste.geo {
            for (number, source) in ["", "$arg_ip ", "$http_x_forwarded_for "].into_iter().enumerate() {
                if self.random.percent(50) {
                    let mut geo = Block::new(format!("geo {source}$g{number}"));
                    let lines = if self.random.percent(25) {
                        geo.line("ranges;");
                        words::RANGES
                    } else {
                        words::NETWORKS
                    };
                    self.lines(&mut geo, lines, 4);
                    http.block(geo);
                    self.defined.push(format!("$g{number}"));
                }
            }
        }
        if self.taste.split {
            let source =
                self.random.pick(&["$uri", "$arg_x", "$host$request_uri", "$http_x_test", "$remote_addr"]);
            let mut split = Block::new(format!("split_clients {source} $s0"));
            let shares: &[&[&str]] = &[
                &["50% a;", "* b;"],
                &["0.5% a;", "33.33% /b;", "10% app1;"],
                &["99.99% app0;", "* 0;"],
                &["25% \"\";", "25% $uri;", "* /a;"],
            ];
            for line in self.random.pick(shares) {
                split.line(*line);
            }
            http.block(split);
            self.defined.push(String::from("$s0"));
        }
    }

    /// Some of these lines, none twice.
    fn lines(&mut self, block: &mut Block, table: &[&str], most: usize) {
        for _ in 0..1 + self.random.below(most) {
            let line = self.random.pick(table);
            let key = line.split(' ').next().unwrap_or_default();
            if !super::has(block, key) {
                block.line(line);
            }
        }
    }

    fn map(&mut self, number: usize) -> Block {
        let source = self.word(MAP_SOURCES, &["{}", "$uri{}"]);
        let mut map = Block::new(format!("map {} $m{number}", super::quoted(&source)));
        let of_host = source.contains("host");
        if self.random.percent(if of_host { 60 } else { 8 }) {
            map.line("hostnames;");
        }
        if self.random.percent(25) {
            map.line("volatile;");
        }
        for _ in 0..1 + self.random.below(5) {
            let (kind, key) = self.random.pick(MAP_KEYS);
            if (kind == "host") != of_host && !self.random.percent(10) {
                continue;
            }
            let value = self.word(MAP_VALUES, &["{}", "/{}"]);
            if !super::has(&map, &super::quoted(key)) {
                map.line(format!("{} {};", super::quoted(key), super::quoted(&value)));
            }
        }
        if self.random.percent(65) {
            let value = self.word(MAP_VALUES, &["{}"]);
            map.line(format!("default {};", super::quoted(&value)));
        }
        map
    }

    /// What the router does not claim to understand.
    pub(super) fn wild(&mut self, block: &mut Block, place: &Place, share: usize) {
        if !self.taste.wild {
            return;
        }
        let mut lines: Vec<(&str, &str)> = words::UNMODELLED.to_vec();
        if matches!(place, Place::Prefix(_) | Place::Exact | Place::Regex(_)) {
            lines.extend(words::UNMODELLED_IN_LOCATIONS);
        }
        lines.retain(|(module, _)| module.is_empty() || self.binary.has(module));
        for _ in 0..2 {
            if self.random.percent(share) {
                let (_, line) = self.random.pick(&lines);
                if !super::has(block, line.split([' ', ';']).next().unwrap_or_default()) {
                    block.line(line);
                }
            }
        }
    }
}
