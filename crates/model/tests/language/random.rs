//! Random regexes on all short strings.

use evenkeel_model::{Language, NotRegular};
use pcre2::bytes::RegexBuilder;
use proptest::prelude::*;

use super::{agree, capture, pcre, strings};

const BYTES: &[u8] = b"ab/\n-";

fn atom() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "a",
        "b",
        "/",
        "-",
        ".",
        "[ab]",
        "[^a]",
        "[^/]",
        r"\w",
        r"\W",
        r"\s",
        r"[[:alpha:]/]",
        r"\n",
        r"\R",
        r"\x61",
        "[a-]",
        "[]a]",
        r"[\w-]",
        "{",
        "a{,",
        r"\/",
        r"\Qa/\E",
        "é",
        r"\N",
        r"\K",
    ]);
    let place = prop::sample::select(vec![
        "^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\G", "(?m:^)", "(?m:$)", "(?s:.)", "(?i)", "(?m)",
        "(?-i)", "",
    ]);
    prop_oneof![6 => plain, 1 => place].prop_map(str::to_owned)
}

fn regex() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 20, 4, |inner| {
        let some = prop::collection::vec(inner.clone(), 1..4);
        let quantifier = prop::sample::select(vec![
            "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{0}", "{2,}", "*?", "+?", "??", "{1,2}?", "*+", "++", "?+", "{1,2}+",
        ]);
        let group = prop::sample::select(vec![
            "(", "(", "(", "(?:", "(?:", "(?i:", "(?s:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?<n>", "(?x: ", "(?U:",
        ]);
        prop_oneof![
            4 => some.clone().prop_map(|some| some.concat()),
            2 => some.prop_map(|some| some.join("|")),
            3 => (inner.clone(), quantifier.clone()).prop_map(|(inner, quantifier)| format!("(?:{inner}){quantifier}")),
            3 => (inner.clone(), quantifier).prop_map(|(inner, quantifier)| format!("({inner}){quantifier}")),
            4 => (group, inner).prop_map(|(group, inner)| format!("{group}{inner})")),
        ]
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 100_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_language_is_what_pcre_matches(pattern in regex(), caseless: bool) {
        match Language::pattern(pattern.as_bytes(), caseless) {
            Ok(language) => {
                let regex = pcre(&pattern, caseless);
                for string in strings(BYTES, 5) {
                    agree(&pattern, &language, &regex, &string);
                }
                for string in ["A", "Ab", "\u{e9}", "a\r\n", "\r", "ab\n\n", "a_a"] {
                    agree(&pattern, &language, &regex, string.as_bytes());
                }
            }
            Err(NotRegular::Refused(_)) => {
                prop_assert!(RegexBuilder::new().caseless(caseless).build(&pattern).is_err());
            }
            Err(_) => {}
        }
    }

    #[test]
    fn a_captured_group_is_what_pcre_captures(pattern in regex(), inner in "[ab/\\n-]{0,2}", kind in 0..3) {
        let inner_language = match kind {
            0 => Language::one_of(&[inner.as_bytes(), b"a"]),
            1 => Language::prefix(inner.as_bytes()),
            _ => Language::suffix(inner.as_bytes()),
        };
        let Ok(regex) = RegexBuilder::new().build(&pattern) else { return Ok(()) };
        for group in 0..regex.captures_len() {
            let Ok(language) = Language::captured(pattern.as_bytes(), false, group, &inner_language) else { continue };
            for string in strings(BYTES, 5) {
                let captured = capture(&regex, group, &string);
                let expected = captured.as_ref().is_some_and(|captured| inner_language.contains(captured));
                prop_assert_eq!(
                    language.contains(&string), expected,
                    "{} group {} of {:?} is {:?}", pattern, group, string.escape_ascii().to_string(), captured
                );
            }
        }
    }
}
