//! Where requests are passed on to.

use super::Generator;
use crate::block::Block;
use crate::words::{PASSED_URIS, PASSED_VARIABLES};

impl Generator<'_> {
    /// A `proxy_pass`. Of ten in public configurations, seven have variables; here, fewer.
    pub(super) fn proxy_pass(&mut self, with_uri: bool) -> String {
        let host = match self.random.below(5) {
            0 => "127.0.0.1:@U2@",
            1 => "app1",
            2 => "APP2",
            _ => "app0",
        };
        let host = match self.random.below(12) {
            0 => self.word(&["$arg_up", "$arg_up", "$v", "$http_x_test"], &["{}"]),
            1 => "127.0.0.1:$arg_port".to_owned(),
            _ => host.to_owned(),
        };
        let uri = match self.random.below(10) {
            0..4 => String::new(),
            4..6 if with_uri => self.random.pick(PASSED_URIS).to_owned(),
            6..9 => self.word(PASSED_VARIABLES, &["/{}", "/v{}$uri", "$uri?{}"]),
            _ => String::new(),
        };
        let scheme = self.random.pick(&["http", "http", "http", "http", "HTTP"]);
        let url = format!("{scheme}://{host}{uri}");
        if url.contains(' ') { format!("proxy_pass \"{url}\";") } else { format!("proxy_pass {url};") }
    }

    /// Passes by other protocols than HTTP.
    pub(super) fn other_pass(&mut self, block: &mut Block) {
        let variable = self.random.percent(20);
        let to = |upstream: usize| match variable {
            false => format!("app{upstream}"),
            true => format!("127.0.0.1:$arg_p{upstream}"),
        };
        match self.random.below(11) {
            0..4 => {
                let address = self.random.pick(&["app3".to_owned(), "127.0.0.1:@U3@".to_owned(), to(3)]);
                block.line(format!("fastcgi_pass {address};"));
                if self.random.percent(20) {
                    let index = self.random.pick(&["index.php", "/x.php"]);
                    block.line(format!("fastcgi_index {index};"));
                }
                if self.random.percent(20) {
                    block.line("fastcgi_split_path_info ^(.+\\.php)(/.*)$;");
                }
            }
            4..6 if self.binary.has("http_uwsgi_module") => block.line(format!("uwsgi_pass {};", to(4))),
            6 | 7 if self.binary.has("http_scgi_module") => block.line(format!("scgi_pass {};", to(5))),
            8 if self.binary.has("http_grpc_module") => {
                let scheme = self.random.pick(&["", "grpc://"]);
                block.line(format!("grpc_pass {scheme}app6;"));
            }
            _ => {
                if self.random.percent(85) {
                    let key = self.random.pick(&["$uri", "$uri$is_args$args", "k", "\"\"", "$request_uri"]);
                    block.line(format!("set $memcached_key {key};"));
                }
                block.line("memcached_pass app7;");
            }
        }
    }
}
