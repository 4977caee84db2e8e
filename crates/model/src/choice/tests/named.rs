//! Names of servers and lines of a map.

use super::{budget, config, name, rule, sought, told};
use crate::language::{Formula, Language};
use crate::route::Router;
use crate::{Choice, Chosen, Config, Demand, Solution, Sought, View, solve_with};

fn names(config: &Config) -> Choice {
    Choice::of_names(&Router::new(config), 0)
}

/// The server on a line of the configuration, counted from 0.
fn server(config: &Config, nth: usize) -> Chosen {
    Chosen::Rule(config.servers()[nth].node)
}

#[test]
fn default_server_is_the_same_server_by_its_name_and_without_any() {
    let config = config("server { listen 80; server_name a; }\nserver { listen 80; server_name b; }");
    let choice = names(&config);
    assert_eq!(choice.choose(b"a"), server(&config, 0));
    assert_eq!(choice.choose(b"zzz"), server(&config, 0));
    assert_eq!(choice.choose(b"b"), server(&config, 1));
    assert_eq!(choice.answers(), [server(&config, 0), server(&config, 1)]);
}

#[test]
fn server_whose_names_others_have_is_dead() {
    let config = config(
        "server { listen 80; server_name a; }\nserver { listen 80; server_name a ~^a$; }\nserver { listen 80; server_name *.b; }\n\
         server { listen 80; server_name ~^www\\.b\\z; }",
    );
    let choice = names(&config);
    let live = choice.live(&Formula::All(Vec::new()), &mut budget());
    let found: Vec<bool> = live.iter().map(|(_, sought)| matches!(sought, Sought::Found { .. })).collect();
    assert_eq!(found, [true, true, true, false]);
    assert_eq!(live[1].1, Sought::Found { string: b"a\n".to_vec(), only_odd: true });
    let Sought::Shadowed(by) = &live[3].1 else { panic!("{:?}", live[3]) };
    assert_eq!(by.iter().map(|&node| name(&config, node)).collect::<Vec<_>>(), ["server_name *.b"]);
}

#[test]
fn keys_of_a_map_ignore_case_and_regexes_do_not() {
    let config = config("map $arg_x $y {\nABC 1;\n~abc 2;\n~^[a-c]+$ 3;\ndefault 4;\n}");
    let node = config.named("map").next().unwrap().id();
    let choice = Choice::of_map(&Router::new(&config), node).unwrap();
    assert_eq!(sought(&config, &choice, "ABC 1"), "abc");
    assert_eq!(sought(&config, &choice, "~abc 2"), "abca");
    assert_eq!(told(&config, choice.choose(b"aBc")), "ABC 1");
    assert_eq!(sought(&config, &choice, "default 4"), "");
    let upper = Formula::In(Language::pattern(b"^[A-Z]+$", false).unwrap());
    let found = choice.find(rule(&config, &choice, "ABC 1"), &upper, &mut budget());
    assert_eq!(found, Sought::Found { string: b"ABC".to_vec(), only_odd: false });
}

#[test]
fn last_dot_is_dropped_where_a_map_is_of_hostnames() {
    let config = config("map $host $y {\nhostnames;\n.a 1;\n~^b$ 2;\n~^c\\.$ 3;\n}");
    let node = config.named("map").next().unwrap().id();
    let choice = Choice::of_map(&Router::new(&config), node).unwrap();
    let dotted = Formula::In(Language::suffix(b"."));
    let find = |wanted: &str| choice.find(rule(&config, &choice, wanted), &dotted, &mut budget());
    assert_eq!(find(".a 1"), Sought::Found { string: b"a.".to_vec(), only_odd: false });
    assert_eq!(find("~^b$ 2"), Sought::Found { string: b"b.".to_vec(), only_odd: false });
    assert_eq!(find("~^c\\.$ 3"), Sought::Found { string: b"c..".to_vec(), only_odd: false });
}

#[test]
fn ten_thousand_keys_that_take_everything_asked_for_are_seen_at_once() {
    let lines: Vec<String> = (0..10_000).map(|key| format!("k{key} {};", key % 7)).collect();
    let config = config(&format!("map $host $y {{\n{}\ndefault x;\n}}", lines.join("\n")));
    let node = config.named("map").next().unwrap().id();
    let choice = Choice::of_map(&Router::new(&config), node).unwrap();
    let also = Formula::In(Language::pattern(b"^k[1-9]?[0-9]\\z", false).unwrap());
    let found = choice.find(rule(&config, &choice, "default x"), &also, &mut budget());
    assert!(matches!(found, Sought::Shadowed(_)), "{found:?}");
}

/// The text is put in front.
struct Before(&'static [u8]);

impl View for Before {
    fn image(&self, input: &[u8]) -> Option<Vec<u8>> {
        Some([self.0, input].concat())
    }

    fn pull(&self, language: &Language) -> Result<Language, crate::NotRegular> {
        Ok(language.between(self.0, b""))
    }
}

#[test]
fn two_choices_are_met_together_through_a_view() {
    let config = super::locations("location /a { }\nlocation /a/b { }\nlocation ~ c$ { }\nlocation /v/ { }");
    let choice = super::choice(&config);
    let view = Before(b"/a");
    let demand = |wanted: &str, holds: bool, view: Option<&'static Before>| Demand {
        choice: &choice,
        chosen: rule(&config, &choice, wanted),
        holds,
        view: view.map(|view| view as &dyn View),
    };
    static VIEW: Before = Before(b"/a");
    let solve = |demands: &[Demand<'_>]| solve_with(&Formula::All(Vec::new()), demands, &mut budget());
    // The URI itself is of /v/, and behind /a it is of /a.
    let Solution::Found(uri) = solve(&[demand("/v/", true, None), demand("/a", true, Some(&VIEW))]) else {
        panic!()
    };
    assert_eq!(told(&config, choice.choose(&uri)), "/v/");
    assert_eq!(told(&config, choice.choose(&view.image(&uri).unwrap())), "/a");
    // Behind /a nothing is of /v/, and what ends in c is of the regex everywhere.
    assert_eq!(solve(&[demand("/v/", true, Some(&VIEW))]), Solution::Empty);
    assert_eq!(solve(&[demand("~ c$", true, None), demand("~ c$", false, Some(&VIEW))]), Solution::Empty);
    assert_eq!(
        solve(&[demand("/a", true, None), demand("/a/b", false, None), demand("~ c$", false, None)]),
        Solution::Found(b"/a".to_vec())
    );
    assert_eq!(solve(&[demand("/a", true, None), demand("/a", false, None)]), Solution::Empty);
}
