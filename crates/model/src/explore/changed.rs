//! Values that are written differently: from the value, and back to it.

use crate::language::Language;
use crate::route::uri::{Escape, escape, unescape_redirect};

/// A value written differently; `sent` says whether the client escaped its URI.
pub(super) fn changed(how: &str, value: Vec<u8>, sent: bool) -> Option<Vec<u8>> {
    let behind = |before: u8, value: Vec<u8>| {
        if value.is_empty() { value } else { [&[before], &value[..]].concat() }
    };
    Some(match how {
        "lower" => value.to_ascii_lowercase(),
        "escape-uri" => escape(&value, Escape::Uri),
        "escape-args" => escape(&value, Escape::Args),
        "escape-uri-as-sent" if sent => escape(&value, Escape::Uri),
        "escape-args-as-sent" if sent => escape(&value, Escape::Args),
        "escape-uri-as-sent" | "escape-args-as-sent" => value,
        "query" => behind(b'?', value),
        "more-args" => behind(b'&', value),
        "unescape" => unescape_redirect(&value),
        "is-args" => {
            if value.is_empty() {
                value
            } else {
                b"?".to_vec()
            }
        }
        "get-or-head" => {
            if value == b"HEAD" {
                value
            } else {
                b"GET".to_vec()
            }
        }
        "without-last-slash" => value.strip_suffix(b"/").unwrap_or(&value).to_vec(),
        "without-last-dot" => value.strip_suffix(b".").unwrap_or(&value).to_vec(),
        _ => return None,
    })
}

/// The values that are of a language once they are changed so; `None`: that depends on more than the value.
pub(super) fn turned(how: &str, language: &Language) -> Option<Language> {
    let empty = || Language::one_of(&[b""]);
    let only = |yes: bool, those: Language| if yes { those } else { Language::everything().complement() };
    let without_last = |byte: &[u8]| {
        let others = language.and(&Language::suffix(byte).complement())?;
        language.then(byte)?.or(&others)
    };
    match how {
        "query" => behind(b'?', language),
        "more-args" => behind(b'&', language),
        "lower" => Some(language.caseless()),
        "escape-uri" => Some(language.spelled(|byte| escape(&[byte], Escape::Uri))),
        "escape-args" => Some(language.spelled(|byte| escape(&[byte], Escape::Args))),
        "is-args" => {
            only(language.contains(b""), empty()).or(&only(language.contains(b"?"), empty().complement()))
        }
        "get-or-head" => {
            let head = Language::one_of(&[b"HEAD"]);
            only(language.contains(b"GET"), head.complement()).or(&only(language.contains(b"HEAD"), head))
        }
        "without-last-slash" => without_last(b"/"),
        "without-last-dot" => without_last(b"."),
        _ => None,
    }
}

/// What is of a language behind a byte, or is empty where that is of it.
fn behind(byte: u8, language: &Language) -> Option<Language> {
    let empty = Language::one_of(&[b""]);
    let filled = language.between(&[byte], b"").and(&empty.complement())?;
    if language.contains(b"") { filled.or(&empty) } else { Some(filled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_turned_back_is_what_changes_into_it() {
        let wanted = Language::pattern(b"^[?&]?[a%25/]*$|^(GET|HEAD)$", false).expect("it is regular");
        let values: [&[u8]; 14] =
            [b"", b"a", b"a/", b"/", b"a//", b"a.", b"A", b"%", b"a%", b"?", b"b", b"HEAD", b"GET", b"POST"];
        for how in [
            "query",
            "more-args",
            "lower",
            "escape-uri",
            "escape-args",
            "is-args",
            "get-or-head",
            "without-last-slash",
            "without-last-dot",
        ] {
            let turned = turned(how, &wanted).expect(how);
            for value in values {
                let changed = changed(how, value.to_vec(), false).expect(how);
                assert_eq!(
                    turned.contains(value),
                    wanted.contains(&changed),
                    "{how} of {}",
                    value.escape_ascii()
                );
            }
        }
    }
}
