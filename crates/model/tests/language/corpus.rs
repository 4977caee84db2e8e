//! The regexes of public configurations.

use evenkeel_model::{Budget, Formula, Language, NotRegular, Solution, solve};

use super::{Dice, agree, capture, pcre};

/// Of 21 public repositories: the directive, the regex.
fn regexes() -> Vec<(String, String)> {
    serde_json::from_str(include_str!("../../data/nginx-regexes.json")).expect("it is JSON")
}

/// Strings near what a language contains.
fn samples(language: &Language, dice: &mut Dice, count: usize) -> Vec<Vec<u8>> {
    const BYTES: &[u8] = b"/abcehipst.-_019AZP?%&= \n\r\0\x7f\x80\xc3\xa9\xff";
    let mut seeds = vec![b"/".to_vec(), b"/index.php".to_vec(), Vec::new()];
    // Ever other examples: each is forbidden for the next.
    let mut budget = Budget(20_000);
    while seeds.len() < 13 {
        let others = Formula::Not(Box::new(Formula::In(Language::one_of(&seeds))));
        let formula = Formula::In(language.clone()).and(others);
        let Solution::Found(string) = solve(&formula, &mut budget) else { break };
        seeds.push(string);
    }
    let mut strings = seeds.clone();
    while strings.len() < count {
        let mut string = seeds[dice.roll(seeds.len())].clone();
        for _ in 0..dice.roll(4) {
            let at = dice.roll(string.len() + 1);
            let byte = if dice.roll(8) == 0 { dice.roll(256) as u8 } else { BYTES[dice.roll(BYTES.len())] };
            match dice.roll(5) {
                0 => string.insert(at, byte),
                1 => string.truncate(at),
                2 if at < string.len() => drop(string.remove(at)),
                3 if at < string.len() => string[at] ^= 0x20,
                _ if at < string.len() => string[at] = byte,
                _ => string.push(byte),
            }
        }
        match dice.roll(12) {
            0 => string.push(b'\n'),
            1 => string.extend_from_slice(b"\n\n"),
            2 => string.insert(0, b'\n'),
            3 => string.extend_from_slice(b"/x.php"),
            4 => string.insert(0, b'/'),
            _ => {}
        }
        strings.push(string);
    }
    strings
}

#[test]
fn languages_of_public_regexes_are_what_pcre_matches() {
    let mut dice = Dice(0x5eed);
    let (mut valid, mut regular, mut compared) = (0, 0, 0);
    for (_, pattern) in regexes() {
        for caseless in [false, true] {
            match Language::pattern(pattern.as_bytes(), caseless) {
                Err(NotRegular::Refused(_)) => continue,
                Err(_) => valid += 1,
                Ok(language) => {
                    (valid, regular) = (valid + 1, regular + 1);
                    let regex = pcre(&pattern, caseless);
                    for string in samples(&language, &mut dice, 400) {
                        agree(&pattern, &language, &regex, &string);
                        compared += 1;
                    }
                }
            }
        }
    }
    println!("{regular} of {valid} valid regexes (both cases) are regular; {compared} strings compared");
    assert!(regular * 1000 >= valid * 998, "{regular} of {valid}");
}

#[test]
fn captured_groups_of_public_regexes_are_what_pcre_captures() {
    let mut dice = Dice(0xca);
    let (mut groups, mut exact, mut compared) = (0, 0, 0);
    let inners = [
        Language::suffix(b".php"),
        Language::one_of(&["", "a", "1"]),
        Language::pattern(b"^[a-z/]*$", false).expect("it is regular"),
    ];
    for (at, (_, pattern)) in regexes().iter().enumerate() {
        let Ok(language) = Language::pattern(pattern.as_bytes(), false) else { continue };
        let regex = pcre(pattern, false);
        let strings = samples(&language, &mut dice, 60);
        for group in 1..regex.captures_len() {
            groups += 1;
            let inner = &inners[at % inners.len()];
            let language = match Language::captured(pattern.as_bytes(), false, group, inner) {
                Ok(language) => language,
                Err(why) => {
                    println!("{pattern}, group {group}: {why:?}");
                    continue;
                }
            };
            exact += 1;
            let more = samples(&language, &mut dice, 60);
            for string in strings.iter().chain(&more) {
                let captured = capture(&regex, group, string);
                let expected = captured.as_ref().is_some_and(|captured| inner.contains(captured));
                let text = string.escape_ascii().to_string();
                assert_eq!(
                    language.contains(string),
                    expected,
                    "{pattern}, group {group} of {text}: {captured:?}"
                );
                compared += 1;
            }
        }
    }
    println!("{exact} of {groups} groups are exact; {compared} strings compared");
    assert!(exact * 100 >= groups * 98, "{exact} of {groups}");
}
