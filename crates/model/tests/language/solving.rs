//! Strings that formulas agree on.

use evenkeel_model::{Budget, Formula, Language, Solution, solve};
use proptest::prelude::*;

use super::strings;

fn language(pattern: &str) -> Language {
    Language::pattern(pattern.as_bytes(), false).unwrap_or_else(|why| panic!("{pattern}: {why:?}"))
}

fn is(pattern: &str) -> Formula {
    Formula::In(language(pattern))
}

fn not(formula: Formula) -> Formula {
    Formula::Not(Box::new(formula))
}

fn found(formula: &Formula) -> Option<String> {
    match solve(formula, &mut Budget(100_000)) {
        Solution::Found(string) => {
            assert!(formula.holds(&string));
            Some(string.escape_ascii().to_string())
        }
        Solution::Empty => None,
        Solution::GaveUp => panic!("it gave up"),
    }
}

#[test]
fn the_shortest_and_plainest_string_is_found() {
    assert_eq!(found(&is(r"\.php$")).as_deref(), Some(".php"));
    assert_eq!(found(&is("^/[^/]{2}$").and(not(is("a")))).as_deref(), Some("/bb"));
    assert_eq!(found(&is("^/a.$").and(not(is(r"^/a[\x20-\x7e]$")))).as_deref(), Some(r"/a\x80"));
    assert_eq!(found(&is(r"^/a.?\n?\z").and(not(is("^[a-z/]+$")))).as_deref(), Some("/a0"));
    assert_eq!(found(&is("^/a$").and(not(Formula::In(Language::one_of(&["/a"]))))).as_deref(), Some(r"/a\n"));
}

#[test]
fn what_no_string_fulfills_is_empty() {
    assert_eq!(found(&is("^/a").and(is("^/b"))), None);
    assert_eq!(found(&is("^/a/b").and(not(Formula::In(Language::prefix(b"/a/"))))), None);
    assert_eq!(found(&Formula::Any(Vec::new())), None);
    assert_eq!(found(&is(r"^/$redirect_uri")), None);
    assert_eq!(found(&Formula::All(Vec::new())).as_deref(), Some(""));
}

#[test]
fn an_odd_string_is_found_only_where_no_plain_one_is() {
    let url = |pattern| is(pattern).and(Formula::In(Language::normalized_uri(true)));
    assert_eq!(found(&url("^/help").and(not(is("^/help[^\n]*$")))).as_deref(), Some(r"/help\na"));
    assert_eq!(found(&url("^/x\n*[a-c]{3}")).as_deref(), Some("/xaaa"));
}

#[test]
fn a_search_ends_with_its_budget() {
    let hard = is("a.{6}b.{5}c").and(is("c.{5}b.{6}d"));
    let mut budget = Budget(10);
    assert_eq!(solve(&hard, &mut budget), Solution::GaveUp);
    assert_eq!(budget.0, 0);
}

#[test]
fn texts_are_languages() {
    let texts = Language::any_prefix(&["/a", "/ab", "/c/"]);
    assert!(
        texts.contains(b"/abc") && texts.contains(b"/c/") && !texts.contains(b"/c") && !texts.contains(b"")
    );
    let one = Language::one_of(&["a", "ab", ""]);
    assert!(one.contains(b"") && one.contains(b"ab") && !one.contains(b"b") && !one.contains(b"abc"));
    assert!(!Language::one_of::<&str>(&[]).contains(b""));
    assert!(Language::everything().contains(b"\xff\n"));
    let suffix = Language::suffix(b"aab");
    assert!(suffix.contains(b"aaab") && suffix.contains(b"aabaab") && !suffix.contains(b"aaba"));
    let key = Language::one_of(&["shop"]).caseless();
    assert!(key.contains(b"SHop") && !key.contains(b"SHopp"));
    let dotted = Language::any_prefix(&["a"]).then(b".").expect("it is small");
    assert!(
        dotted.contains(b"a.")
            && dotted.contains(b"ab..")
            && !dotted.contains(b"a.b")
            && !dotted.contains(b".")
    );
    let inside = language("^/a/(b+)$").between(b"/a/", b"b");
    assert!(inside.contains(b"") && inside.contains(b"bb") && !inside.contains(b"a"));
}

#[test]
fn what_is_spelled_otherwise_is_pulled_back() {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'/' => vec![byte],
        _ => format!("%{byte:02X}").into_bytes(),
    };
    let spelled = language("^/(a|%20)*$").spelled(escaped);
    for string in strings(b"/a %2", 5) {
        let value: Vec<u8> = string.iter().flat_map(|&byte| escaped(byte)).collect();
        assert_eq!(spelled.contains(&string), language("^/(a|%20)*$").contains(&value));
    }
}

#[test]
fn a_value_of_several_groups_is_pulled_back() {
    let rewrite = "^/(a+)/([ab]*)(/.*)?$";
    let regex = super::pcre(rewrite, false);
    let wanted = language("^ba*/a|ab$");
    // The value is `$2/$1$3`.
    let groups = [Some(2), None, Some(1), Some(3)];
    let inputs = wanted.joined(groups.len(), &mut |part, language| match groups[part] {
        Some(group) => Language::captured(rewrite.as_bytes(), false, group, language),
        None if language.contains(b"/") => Language::pattern(rewrite.as_bytes(), false),
        None => Ok(Language::everything().complement()),
    });
    let inputs = inputs.expect("it is small");
    for string in strings(b"/ab", 7) {
        let group = |group| super::capture(&regex, group, &string);
        let value =
            group(2).map(|second| [second, b"/".to_vec(), group(1).unwrap(), group(3).unwrap()].concat());
        assert_eq!(inputs.contains(&string), value.is_some_and(|value| wanted.contains(&value)));
    }
}

fn term() -> impl Strategy<Value = Formula> {
    let patterns = vec![
        "^a", "b$", "ab", "^(a|b)*c", r"\bc", "(?!ab)a", "^[^c]+$", "c.c", "^a*b*c*$", r"\A..\z", "^$", "b",
    ];
    let leaf = prop::sample::select(patterns).prop_map(is);
    leaf.prop_recursive(3, 8, 3, |inner| {
        let some = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![inner.prop_map(not), some.clone().prop_map(Formula::All), some.prop_map(Formula::Any),]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_solution_is_a_shortest_one(formula in term()) {
        let short = strings(b"abc-", 5).find(|string| formula.holds(string));
        match solve(&formula, &mut Budget(1_000_000)) {
            Solution::Found(string) => {
                prop_assert!(formula.holds(&string));
                prop_assert!(short.is_none_or(|short| short.len() >= string.len()));
            }
            Solution::Empty => prop_assert_eq!(short, None),
            Solution::GaveUp => prop_assert!(false, "it gave up"),
        }
    }

    #[test]
    fn joined_languages_are_what_formulas_say(left in term(), right in term()) {
        let materialized = |formula: &Formula| materialize(formula);
        let (left_language, right_language) = (materialized(&left), materialized(&right));
        let both = left_language.and(&right_language).expect("it is small");
        let one = left_language.or(&right_language).expect("it is small");
        for string in strings(b"abc-", 4) {
            prop_assert_eq!(both.contains(&string), left.holds(&string) && right.holds(&string));
            prop_assert_eq!(one.contains(&string), left.holds(&string) || right.holds(&string));
        }
    }
}

fn materialize(formula: &Formula) -> Language {
    let small = "it is small";
    match formula {
        Formula::In(language) => language.clone(),
        Formula::Not(formula) => materialize(formula).complement(),
        Formula::All(formulas) => formulas
            .iter()
            .map(materialize)
            .fold(Language::everything(), |all, one| all.and(&one).expect(small)),
        Formula::Any(formulas) => formulas
            .iter()
            .map(materialize)
            .fold(Language::everything().complement(), |any, one| any.or(&one).expect(small)),
    }
}
