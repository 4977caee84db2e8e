//! Choices against their own rules, asked many strings. That the rules are nginx's own is what `tests/route` asks a real one.

use super::{Choice, Chosen, Sought};
use crate::language::{Budget, Formula};
use crate::route::Router;
use crate::{Answer, Config, Files, NodeId, Settings, Want, Wants, load};

mod named;
mod pairs;
mod pitfalls;
mod random;

/// The configuration of a text; what it says of `http` begins on line 2.
fn config(http: &str) -> Config {
    let text = format!("events {{}} http {{\n{http}\n}}");
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == b"/etc/nginx/nginx.conf" => {
                        Answer::Bytes(text.as_bytes().into())
                    }
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
}

/// The locations of a server, one a line, in a configuration.
fn locations(lines: &str) -> Config {
    config(&format!("server {{ listen 80;\n{lines}\n}}"))
}

fn choice(config: &Config) -> Choice {
    Choice::of_locations(&Router::new(config), 0)
}

fn budget() -> Budget {
    Budget(50_000_000)
}

/// What a location or a line is called here: its arguments.
fn name(config: &Config, node: NodeId) -> String {
    let node = config.node(node);
    let words = std::iter::once(node.name_bytes()).chain(node.args());
    let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    words.join(" ").trim_start_matches("location ").to_owned()
}

fn told(config: &Config, chosen: Chosen) -> String {
    match chosen {
        Chosen::Nothing => "-".to_owned(),
        Chosen::Rule(node) => name(config, node),
        Chosen::Redirect(node) => format!("301 {}", name(config, node)),
        Chosen::Unknown(node) => format!("? {}", name(config, node)),
    }
}

/// The rule of a name.
fn rule(config: &Config, choice: &Choice, wanted: &str) -> Chosen {
    let found = choice.answers().into_iter().find(|&answer| told(config, answer) == wanted);
    found.unwrap_or_else(|| panic!("no {wanted}"))
}

/// `string`, `odd string`, or `shadowed by …`.
fn sought(config: &Config, choice: &Choice, wanted: &str) -> String {
    let wanted = rule(config, choice, wanted);
    match choice.find(wanted, &Formula::All(Vec::new()), &mut budget()) {
        Sought::Found { string, only_odd } => {
            assert_eq!(choice.choose(&string), wanted);
            format!("{}{}", if only_odd { "odd " } else { "" }, string.escape_ascii())
        }
        Sought::Shadowed(by) => {
            let by: Vec<String> = by.into_iter().map(|node| name(config, node)).collect();
            format!("shadowed by {}", by.join(", "))
        }
        Sought::Undecided(why) => format!("undecided: {why}"),
    }
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}
