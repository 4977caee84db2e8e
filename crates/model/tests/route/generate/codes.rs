//! The directives of the rewrite module.

use super::{Generator, Place, quoted};
use crate::block::Block;
use crate::words::{CONDITIONS, REPLACEMENTS, REWRITTEN, SETTINGS, TEXTS, URLS};

impl Generator<'_> {
    /// Directives of the rewrite module, each in so many of a hundred places.
    pub(super) fn codes(&mut self, block: &mut Block, place: &Place, share: usize, depth: usize) {
        for _ in 0..3 {
            if !self.random.percent(share) {
                continue;
            }
            match self.random.below(10) {
                0..3 if self.taste.rewrites => {
                    let line = self.rewrite();
                    block.line(line);
                }
                3..5 if self.taste.sets => {
                    let line = self.set();
                    // Older releases write past the end of a value that takes a capture after a rewrite with arguments.
                    let unsafe_here = depth > 0 || block.text().contains("rewrite");
                    if !(unsafe_here && line.contains("$1")) {
                        block.line(line);
                    }
                }
                5 if self.taste.rewrites => block.line("break;"),
                6..10 if self.taste.ifs && depth == 0 => {
                    let inner = self.if_block(place);
                    block.block(inner);
                }
                _ => {}
            }
        }
    }

    /// A `rewrite`; of 337 public ones, 185 are `last`, 58 `break`, 40 bare, 32 `permanent`, 22 `redirect`.
    fn rewrite(&mut self) -> String {
        let pattern = quoted(self.random.pick(REWRITTEN));
        let replacement = self.word(REPLACEMENTS, &["/{}", "/x.php?m={}", "{}", "/{}/$1?"]);
        let flag = match self.random.below(337) {
            0..150 => " last",
            150..213 => " break",
            213..273 => "",
            273..310 => " permanent",
            _ => " redirect",
        };
        format!("rewrite {pattern} {replacement}{flag};")
    }

    fn set(&mut self) -> String {
        if !self.defined.is_empty() && self.random.percent(35) {
            let (name, variable) = (self.random.pick(&["$v", "$w"]), self.random.pick(&self.defined));
            return format!("set {name} \"{}{variable}\";", self.random.pick(&["", "$v", "/", "$uri"]));
        }
        self.random.pick(SETTINGS).to_owned()
    }

    fn if_block(&mut self, place: &Place) -> Block {
        let in_location = place.is_location();
        let condition = self.word(CONDITIONS, &["{}", "{} = 1", "{} ~ ^/?(.)", "{} != ''", "{} = app1"]);
        let mut inner = Block::new(format!("if ({condition})"));
        self.codes(&mut inner, &Place::If, 40, 1);
        if self.random.percent(40) {
            let line = self.return_line();
            inner.line(line);
        }
        if in_location {
            if self.taste.proxies && self.random.percent(25) {
                let line = self.proxy_pass(false);
                inner.line(line);
            }
            if self.random.percent(15) {
                inner.line(self.random.pick(&[
                    "root www;",
                    "root @DIR@/www2;",
                    "error_page 404 /x.html;",
                    "root html;",
                    "add_header X-If 1;",
                ]));
            }
        }
        inner
    }

    pub(super) fn return_line(&mut self) -> String {
        match self.random.below(20) {
            0..8 => {
                let text = self.text();
                format!("return 200 {text};")
            }
            8 => {
                let status =
                    self.random.pick(&["204", "400", "403", "404", "405", "418", "444", "500", "502", "503"]);
                format!("return {status};")
            }
            9 | 10 => {
                let status =
                    self.random.pick(&["201", "403", "404", "418", "500", "599", "000", "600", "299"]);
                let text = self.text();
                format!("return {status} {text};")
            }
            11 => {
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
                let url = self.word(URLS, &["/{}", "{}", "https://$host/{}?$args"]);
                format!("return {status} {url};")
            }
        }
    }

    fn text(&mut self) -> String {
        self.word(TEXTS, &["\"{} $1 $uri\"", "{}", "\"$1$2 {} $1\"", "\"{}$v{}\""])
    }
}
