//! Damages a valid configuration in the ways in which people do.

use std::ops::Range;

use evenkeel_syntax::{Block, Directive, Tree};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    None,
    DroppedSemicolon,
    DroppedBrace,
    DroppedArgument,
    ExtraArgument,
    WrongContext,
    MisspeltName,
    MisspeltVariable,
    WrongValue,
    Duplicate,
}

/// A damaged configuration.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    pub config: String,
    pub kind: Kind,
    pub what: String,
    pub text: Vec<u8>,
}

/// A small generator of numbers (xorshift): the same seed, the same mutants on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }

    fn one_of<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}

const KINDS: [Kind; 9] = [
    Kind::DroppedSemicolon,
    Kind::DroppedBrace,
    Kind::DroppedArgument,
    Kind::ExtraArgument,
    Kind::WrongContext,
    Kind::MisspeltName,
    Kind::MisspeltVariable,
    Kind::WrongValue,
    Kind::Duplicate,
];

/// Values that are wrong in most places and right in some.
const VALUES: &[&str] = &[
    "bogus",
    "-1",
    "0",
    "1",
    "12x",
    "10q",
    "5z",
    "\"\"",
    "on",
    "off",
    "maybe",
    "300.1.2.3",
    "10.0.0.0/40",
    "99999999999999999999",
    "1k",
    "30s",
    "$",
    "${open",
    "/path",
    "http://",
    "a:b",
    "=",
    "~(",
    "65536",
    "1.5",
    "none",
    "127.0.0.1:0",
    "[::1",
    "*",
    "..",
    "unix:",
    "3000",
    "1m1h",
    "100%",
    "@x",
];
const EXTRA: &[&str] = &["extra", "on", "10", "always", "\"\"", "x=y", "last"];
/// Directives to put where they do not belong.
const STRANGERS: &[&str] = &[
    "worker_processes 2;",
    "worker_connections 10;",
    "server_name x;",
    "listen 127.0.0.1:18099;",
    "root /x;",
    "proxy_pass http://127.0.0.1:1;",
    "upstream u { server 127.0.0.1:1; }",
    "server { return 200; }",
    "location /zz { return 200; }",
    "location @zz { return 200; }",
    "ip_hash;",
    "if ($host = a) { return 200; }",
    "map $host $zz { default 1; }",
    "limit_except GET { deny all; }",
    "http { }",
    "events { }",
    "user nobody;",
    "return 200;",
    "set $zz 1;",
    "types { a/b c; }",
    "add_header A b;",
    "gzip on;",
    "internal;",
    "pid x.pid;",
    "geo $zz { default 1; }",
    "log_format zz a;",
    "include nothing*.conf;",
    "alias /x/;",
    "try_files $uri =404;",
    "resolver 127.0.0.1;",
    "keepalive 4;",
    "bogus_name x;",
    "rewrite ^ /x last;",
    "break;",
    "daemon off;",
    "proxy_set_header A b;",
    "error_page 404 /x;",
    "stream { }",
    "server 127.0.0.1:1;",
];

/// Makes so many mutants of the configurations, all different from what they were made of.
pub(crate) fn mutants(configurations: &[(String, String)], count: usize, seed: usize) -> Vec<Mutant> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (seed as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let trees: Vec<(&str, Tree)> = configurations
        .iter()
        .map(|(name, text)| (name.as_str(), Tree::parse(text.clone().into_bytes())))
        .collect();
    let mut mutants = Vec::with_capacity(count);
    while mutants.len() < count {
        let kind = KINDS[mutants.len() % KINDS.len()];
        let (config, tree) = chance.one_of(&trees);
        if let Some((what, text)) = damage(&mut chance, kind, tree)
            && text != tree.bytes()
        {
            mutants.push(Mutant { config: (*config).to_owned(), kind, what, text });
        }
    }
    mutants
}

fn directives(tree: &Tree) -> Vec<Directive<'_>> {
    fn collect<'t>(block: Block<'t>, all: &mut Vec<Directive<'t>>) {
        for directive in block.directives() {
            all.push(directive);
            if let Some(inner) = directive.block() {
                collect(inner, all);
            }
        }
    }
    let mut all = Vec::new();
    collect(tree.root(), &mut all);
    all
}

fn damage(chance: &mut Chance, kind: Kind, tree: &Tree) -> Option<(String, Vec<u8>)> {
    let all = directives(tree);
    let directive = *chance.one_of(&all);
    let text = |range: Range<usize>| String::from_utf8_lossy(&tree.bytes()[range]).into_owned();
    let args: Vec<Range<usize>> = directive.args().map(|arg| arg.range()).collect();
    let name = text(directive.name_range());
    let replace = |range: Range<usize>, with: &str| {
        let mut bytes = tree.bytes().to_vec();
        bytes.splice(range, with.bytes());
        bytes
    };
    let end = directive.range().end;
    let done = match kind {
        Kind::None => return None,
        Kind::DroppedSemicolon if directive.block().is_none() => {
            (format!("{name} ;"), replace(end - 1..end, ""))
        }
        Kind::DroppedBrace => {
            let block = directive.block()?.range();
            let at = if chance.below(2) == 0 { block.start } else { block.end - 1 };
            (format!("{name} brace at {at}"), replace(at..at + 1, ""))
        }
        Kind::DroppedArgument if !args.is_empty() => {
            let arg = chance.one_of(&args).clone();
            (format!("{name} without {}", text(arg.clone())), replace(arg, ""))
        }
        Kind::ExtraArgument => {
            let extra = chance.one_of(EXTRA);
            let at = directive.head_range().end;
            (format!("{name} with {extra}"), replace(at..at, &format!(" {extra} ")))
        }
        Kind::WrongContext => {
            let stranger = if chance.below(3) == 0 {
                text(chance.one_of(&all).range())
            } else {
                (*chance.one_of(STRANGERS)).to_owned()
            };
            let at = directive.range().start;
            (format!("before {name}: {stranger}"), replace(at..at, &format!("{stranger}\n")))
        }
        Kind::MisspeltName => {
            let wrong = misspell(chance, &name)?;
            (format!("{name} as {wrong}"), replace(directive.name_range(), &wrong))
        }
        Kind::MisspeltVariable => {
            let with: Vec<&Range<usize>> =
                args.iter().filter(|arg| text((*arg).clone()).contains('$')).collect();
            let arg = (*with.get(chance.below(with.len().max(1)))?).clone();
            let value = text(arg.clone());
            let wrong = match chance.below(4) {
                0 => value.replacen('$', "$x", 1),
                1 => value.replacen('$', "${", 1),
                2 => value.replacen('$', "$-", 1),
                _ => value.replacen('$', "", 1),
            };
            (format!("{name} {value} as {wrong}"), replace(arg, &wrong))
        }
        Kind::WrongValue if !args.is_empty() => {
            let arg = chance.one_of(&args).clone();
            let value = text(arg.clone());
            let wrong = match chance.below(3) {
                0 => misspell(chance, &value)?,
                _ => (*chance.one_of(VALUES)).to_owned(),
            };
            (format!("{name} {value} as {wrong}"), replace(arg, &wrong))
        }
        Kind::Duplicate => {
            let again = text(directive.range());
            (format!("{name} twice"), replace(end..end, &format!("\n{again}")))
        }
        _ => return None,
    };
    Some(done)
}

/// One letter too many, too few, wrong, or two of them the other way round.
fn misspell(chance: &mut Chance, word: &str) -> Option<String> {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 2 {
        return None;
    }
    let at = chance.below(letters.len() - 1);
    match chance.below(4) {
        0 => letters.insert(at, 'e'),
        1 => drop(letters.remove(at)),
        2 => letters[at] = 'q',
        _ => letters.swap(at, at + 1),
    }
    Some(letters.into_iter().collect())
}
