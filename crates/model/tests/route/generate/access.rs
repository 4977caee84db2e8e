//! Who may, and what the answer carries along.

use super::{Generator, has};
use crate::block::Block;
use crate::words::{HEADERS, RULES};

impl Generator<'_> {
    pub(super) fn access_settings(&mut self, block: &mut Block, share: usize) {
        if self.taste.access {
            for _ in 0..3 {
                if self.random.percent(share) {
                    block.line(self.random.pick(RULES));
                }
            }
        }
        let guarded = self.taste.access || self.taste.passwords || self.taste.auth_request;
        if guarded && self.random.percent(share) {
            block.line(self.random.pick(&["satisfy any;", "satisfy any;", "satisfy all;"]));
        }
        if self.taste.passwords && self.random.percent(share) {
            self.password(block);
        }
        if self.taste.auth_request
            && self.random.percent(share)
            && self.binary.has("http_auth_request_module")
        {
            let judge = self.word(&["/auth", "/auth2", "off", "/a/b", "/none", "/x.html"], &["/auth{}"]);
            // It takes no variables.
            let judge = if judge.contains('$') { "/auth".to_owned() } else { judge };
            block.line(format!("auth_request {judge};"));
        }
        if self.taste.realip && self.random.percent(share * 2) && self.binary.has("http_realip_module") {
            self.real_ip(block);
        }
        if self.taste.limits && self.random.percent(share) {
            let line = self.random.pick(&["limit_req zone=z burst=100000 nodelay;", "limit_conn c 1000;"]);
            block.line(line);
        }
        if self.taste.headers {
            for _ in 0..3 {
                if self.random.percent(share) {
                    let (line, since) = self.random.pick(HEADERS);
                    if self.binary.is_since(since) {
                        let line = line.replace("{}", &self.word(&["a", "$uri", "$1", "$host"], &["{}"]));
                        block.line(line);
                    }
                }
            }
        }
    }

    pub(super) fn password(&mut self, block: &mut Block) {
        if has(block, "auth_basic") {
            return;
        }
        let realm = self.word(&["who", "off", "\"a b\"", "$arg_realm"], &["{}"]);
        block.line(format!("auth_basic {realm};"));
        if self.random.percent(85) {
            block.line(format!(
                "auth_basic_user_file {};",
                self.random.pick(&["users", "users", "users", "no-users"])
            ));
        }
    }

    fn real_ip(&mut self, block: &mut Block) {
        for _ in 0..1 + self.random.below(2) {
            let from =
                self.random.pick(&["127.0.0.0/8", "127.0.0.1", "127.0.0.2", "10.0.0.0/8", "::1", "unix:"]);
            block.line(format!("set_real_ip_from {from};"));
        }
        if self.random.percent(75) {
            let header = self.random.pick(&["X-Forwarded-For", "X-Forwarded-For", "X-Real-IP", "X-Test"]);
            block.line(format!("real_ip_header {header};"));
        }
        if self.random.percent(40) {
            block.line("real_ip_recursive on;");
        }
    }

    /// The locations that `auth_request` asks.
    pub(super) fn judges(&mut self, server: &mut Block, taken: &mut Vec<String>) {
        for judge in ["/auth", "/auth2"] {
            let key = format!("={judge}");
            if taken.contains(&key) || self.random.percent(25) {
                continue;
            }
            taken.push(key);
            let mut block = Block::new(format!("location = {judge}"));
            if self.random.percent(60) {
                block.line("internal;");
            }
            match self.random.below(8) {
                0 => block.line("proxy_pass http://app0;"),
                1 => block.line("deny all;"),
                2 => {
                    let inner = self.judging_if();
                    block.block(inner);
                    block.line("return 403;");
                }
                3 => block.line("rewrite ^ /a/b last;"),
                _ => {
                    let status =
                        self.random.pick(&["200", "204", "401", "403", "404", "500", "301 /x", "200 a"]);
                    block.line(format!("return {status};"));
                }
            }
            server.block(block);
        }
    }

    fn judging_if(&mut self) -> Block {
        let condition =
            self.word(&["$arg_x", "$http_cookie ~ c=d", "$request_method = POST"], &["{}", "{} = a"]);
        let mut inner = Block::new(format!("if ({condition})"));
        inner.line("return 204;");
        inner
    }
}
