//! Where PCRE is not what it looks like, and where it is hostile.

use evenkeel_model::{Language, NotRegular};

use super::{agree, capture, pcre, strings};

/// Compares on all short strings of these bytes.
fn exact(pattern: &str, bytes: &[u8]) {
    let language =
        Language::pattern(pattern.as_bytes(), false).unwrap_or_else(|why| panic!("{pattern}: {why:?}"));
    let regex = pcre(pattern, false);
    strings(bytes, 6).for_each(|string| agree(pattern, &language, &regex, &string));
}

#[test]
fn dollar_matches_before_a_last_newline() {
    for pattern in
        ["^/a$", r"^/a\Z", r"^/a\z", "a$\n", "(?m)a$", "(?m)^a", "$a", "(?:a$|\n)+", r"a$\z", "(?m)^$"]
    {
        exact(pattern, b"/a\n");
    }
}

#[test]
fn what_is_escaped_or_not_is_read_as_pcre_does() {
    for pattern in [
        r"\/a\-",
        r"a{",
        "a{x}",
        "a{1",
        "a}",
        "a]",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        r"[\-a]",
        "[[:alpha:]-]",
        "[[a]",
        "[a[]",
        r"[\w-]",
        r"[\]a]",
        r"[a\\]",
        r"\Qa{\E+",
        r"\x61",
        r"\x{61}",
        r"\o{141}",
        r"\e?a",
        "(?#a)a",
        "(?x) a # b\n +",
        "(?i)A",
        "((?i)A)a",
        "(A(?i)a|b)",
        "(?i:A)a",
        "(?-i)a",
        "a(?s:.)a",
        r"\N",
        r"a\h",
        r"[[:^alpha:]]a",
        r"(?i)[[:upper:]]",
        r"(?i)[^a]",
        r"a\E*",
        "(?^)a",
        "(?n)(a)",
    ] {
        exact(pattern, b"aA{1]- ");
    }
}

#[test]
fn bytes_are_bytes() {
    exact("^/é+$", b"/\xc3\xa9");
    exact("^[é]$", b"/\xc3\xa9");
    exact(r"^\W$", b"a\xc3\xa9");
    exact("(?i)É", b"\xc3\xa9\x89");
    let raw = Language::pattern(b"^/\xe9$", false).expect("PCRE takes bytes");
    assert!(raw.contains(b"/\xe9") && !raw.contains("/é".as_bytes()));
}

#[test]
fn looking_around_is_exact_everywhere() {
    for pattern in [
        "^/(?!a)",
        "^/(?!a/).*b$",
        "(?=a)(?=.*b)/",
        "^(?:(?!ab).)*$",
        "(?<!a)b",
        "(?<=a|/)b",
        "a(?!b)",
        "(?!a(?!b))/",
        r"(?=a\b)a",
        r"^(?!.*\bb)",
        "(?<!^)a",
        "((?<=a)b)+",
        "^(?=(a|b)+$)a",
        "(?:(?<!b)a|b)*/",
        "(?=b(?=/))b",
        "(?<=/a)(?!b)",
    ] {
        exact(pattern, b"ab/\n");
    }
}

#[test]
fn what_is_not_reconsidered_is_exact() {
    for pattern in [
        "a++b",
        "a*+a",
        "^a?+a",
        "(?>a|ab)b",
        "(?>a+)b",
        "[ab]++b",
        "(?:ab){1,2}+a",
        "(?>ab|a)(?>b|)",
        r"\R\n",
        r"^\R$",
    ] {
        exact(pattern, b"ab\n\r");
    }
}

#[test]
fn what_is_no_regular_language_is_refused() {
    for pattern in [
        r"(a)\1",
        r"(?<n>a)\k<n>",
        r"(a(?R)?b)",
        "(?|a|b)",
        "(?(?=a)b|c)",
        "(a)(?(1)b)",
        "(*UTF8)a",
        r"\X",
        r"\p{L}",
        "a(?C)b",
        "(?>a*?b+|a)c",
    ] {
        let not = Language::pattern(pattern.as_bytes(), false).err();
        assert!(matches!(not, Some(NotRegular::Uses(_))), "{pattern}: {not:?}");
    }
    for pattern in ["(", "a)", "[b", "a**", "[z-a]", r"\", "(?<n", "[[:foo:]]"] {
        let not = Language::pattern(pattern.as_bytes(), false).err();
        assert!(matches!(not, Some(NotRegular::Refused(_))), "{pattern}: {not:?}");
    }
}

#[test]
fn hostile_regexes_are_bounded() {
    let patterns = [
        "(a|aa)*".repeat(1000),
        "((a|aa)*){1000}".to_owned(),
        "(.{1,1000}){1,60}".to_owned(),
        "(.{1,1000}){1,1000}".to_owned(),
        "a".repeat(100_000),
        "[ab]*a".repeat(20_000),
        "(".repeat(10_000) + &")".repeat(10_000),
        "(".repeat(240) + "a" + &")*".repeat(240),
        "(?!".repeat(200) + "a" + &")".repeat(200),
        "a.{1000}b".to_owned(),
        "(?!a.{500}b)".repeat(20),
        "((((a{0,99}){0,99}){0,99}){0,99})".to_owned(),
        "(?:(?:)*)*".repeat(1000),
        "(?:){65535}".repeat(500),
        "((?:){60000}){60000}".to_owned(),
        "(?<!a{200})".repeat(100) + "b",
    ];
    for pattern in patterns {
        let short = &pattern[..pattern.len().min(30)];
        match Language::pattern(pattern.as_bytes(), false) {
            Ok(_) | Err(NotRegular::TooLarge | NotRegular::Refused(_)) => {}
            Err(why) => panic!("{short}: {why:?}"),
        }
        let _ = Language::captured(pattern.as_bytes(), false, 1, &Language::suffix(b"ab"));
    }
}

#[test]
fn captured_groups_are_exact() {
    let inners = [Language::prefix(b"a"), Language::one_of(&["a", "b/", ""]), Language::suffix(b"\n")];
    for pattern in [
        "^/a/(.*)$",
        "^/(.*)",
        "^/([^/]+)/(.*)$",
        "^(.+b)(/.*)$",
        "(.*)",
        "(a|ab)(b?)",
        "(a|b)*",
        "(?:(a)|b)*",
        "(a)?b",
        "^/(a+?)(b*)",
        "(a*)+b",
        "b(a*)*",
        "(a|b)+?/",
        "(?!/a)/(.*)$",
        "(?<=/)(.)",
        "(.+?)$",
        "(|a)+b",
        "((a)|b)+",
        "(a(b)?)+",
        "(?:|a)*(b|)",
        "(a*?)*?b",
        "((a|)b?)*",
        "(?i)/(A)",
    ] {
        let regex = pcre(pattern, false);
        for group in 0..regex.captures_len() {
            for inner in &inners {
                let language = Language::captured(pattern.as_bytes(), false, group, inner);
                let language = language.unwrap_or_else(|why| panic!("{pattern}: {why:?}"));
                for string in strings(b"ab/\n", 6) {
                    let captured = capture(&regex, group, &string);
                    let expected = captured.as_ref().is_some_and(|captured| inner.contains(captured));
                    let text = string.escape_ascii().to_string();
                    assert_eq!(
                        language.contains(&string),
                        expected,
                        "{pattern}, group {group} of {text}: {captured:?}"
                    );
                }
            }
        }
    }
}
