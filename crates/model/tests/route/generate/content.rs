//! What decides which file is served, how redirects look, and which page answers for an error.

use super::{Generator, Place, has};
use crate::block::Block;
use crate::words::{ALIASES, ERROR_CODES, INDEXES, REGEX_ALIASES, ROOTS, TRIED};

impl Generator<'_> {
    /// What changes how redirects and paths look.
    pub(super) fn settings(&mut self, block: &mut Block, place: &Place, share: usize) {
        let outer = matches!(place, Place::Server | Place::Http);
        if self.taste.redirects {
            for name in ["absolute_redirect", "server_name_in_redirect", "port_in_redirect"] {
                if self.random.percent(share) {
                    let value = self.random.pick(&["on", "off"]);
                    block.line(format!("{name} {value};"));
                }
            }
        }
        if outer && self.random.percent(share) {
            block.line("merge_slashes off;");
        }
        if outer && self.random.percent(share / 3) {
            let value = self.random.pick(&["ignore_invalid_headers off;", "underscores_in_headers on;"]);
            block.line(value);
        }
    }

    /// What decides what is served.
    pub(super) fn content_settings(&mut self, block: &mut Block, place: &Place, share: usize) {
        if self.taste.statics {
            self.root_or_alias(block, place, share);
            if self.random.percent(share / 2) {
                let index = self.word(INDEXES, &["{} index.html", "index{}.html"]);
                block.line(format!("index {index};"));
            }
            if self.random.percent(share / 3) {
                let value = self.random.pick(&["on", "on", "off"]);
                block.line(format!("autoindex {value};"));
            }
        }
        if self.taste.try_files && !matches!(place, Place::Http) && self.random.percent(share) {
            let line = self.try_files();
            block.line(line);
        }
        if self.taste.error_pages {
            for _ in 0..3 {
                if self.random.percent(share) {
                    let line = self.error_page(matches!(place, Place::Http));
                    block.line(line);
                }
            }
            if self.random.percent(share / 4) {
                block.line("recursive_error_pages on;");
            }
            if self.random.percent(share / 3) {
                block.line("proxy_intercept_errors on;");
                if self.taste.other_passes {
                    block.line("fastcgi_intercept_errors on;");
                }
            }
        }
        if self.taste.body_size && self.random.percent(share) {
            let size = self.random.pick(&["1", "2", "0", "10", "1k"]);
            block.line(format!("client_max_body_size {size};"));
        }
    }

    fn root_or_alias(&mut self, block: &mut Block, place: &Place, share: usize) {
        if !self.random.percent(share) || has(block, "root") {
            return;
        }
        let alias = matches!(place, Place::Prefix(_) | Place::Exact | Place::Regex(_))
            && self.taste.alias
            && self.random.percent(60);
        if alias {
            let paths = if matches!(place, Place::Regex(_)) { REGEX_ALIASES } else { ALIASES };
            let path = self.word(paths, &["www/{}", "www{}$1", "@DIR@/www2/{}/"]);
            block.line(format!("alias {path};"));
        } else {
            let path = self.word(ROOTS, &["www/{}", "www{}"]);
            block.line(format!("root {path};"));
        }
    }

    fn try_files(&mut self) -> String {
        let mut line = String::from("try_files");
        for _ in 0..1 + self.random.below(3) {
            let file = self.word(TRIED, &["{}", "/{}", "$uri{}", "{}/"]);
            line.push(' ');
            line.push_str(&file);
        }
        let last = match self.random.below(8) {
            0 => "=404".to_owned(),
            1 => self.random.pick(&["=403", "=200", "=444", "=500", "=301", "=0"]).to_owned(),
            2 | 3 => self.fallback(),
            4 => "/index.html".to_owned(),
            5 => "/x.php?$args".to_owned(),
            6 => "/api/v1/x.html?u=$uri".to_owned(),
            _ => self.word(&["/a/", "/none", "$uri", "/a$uri", "/d", "x.html"], &["/{}", "{}"]),
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
        let codes = self.random.pick(ERROR_CODES);
        let target = match self.random.below(10) {
            0..3 => "/err/404.html".to_owned(),
            3 => "/50x.html".to_owned(),
            4 => "/a$uri".to_owned(),
            5 | 9 if !outside_of_servers => self.fallback(),
            6 => self.word(
                &["http://b.test/e", "https://b.test$request_uri", "$scheme://x/$1"],
                &["http://b.test/{}"],
            ),
            7 => self.word(&["/x.php?e=1", "$uri", "/none", "/", "/d", "/img/"], &["/{}", "{}", "/x.php?{}"]),
            8 => "/api/v1/x.html".to_owned(),
            _ => "/err/403.html".to_owned(),
        };
        let answer =
            self.random.pick(&["", "", "", " =200", " =", " =404", " =301", " =503", " =204", " =302"]);
        format!("error_page {codes}{answer} {target};")
    }
}
