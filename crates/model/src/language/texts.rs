//! The strings that a part of a request can be.

use std::sync::LazyLock;

use super::Language;

/// A language of ours, which is a regular one.
macro_rules! language {
    ($pattern:literal) => {{
        static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
            Language::pattern($pattern.as_bytes(), false).expect("it is tested that this is regular")
        });
        LANGUAGE.clone()
    }};
}

impl Language {
    /// What has no control character.
    pub fn printable() -> Language {
        language!(r"\A[^\x00-\x1f\x7f]*\z")
    }

    /// What a URI of a client can be once it is normalized.
    ///
    /// Source: `ngx_http_parse_complex_uri`, src/http/ngx_http_parse.c
    pub fn normalized_uri(merge_slashes: bool) -> Language {
        if merge_slashes {
            language!(r"(?s)\A(?!.*//)/(?!.*\x00)(?!(?:.*/)?\.\.?(?:/|\z))")
        } else {
            language!(r"(?s)\A/(?!.*\x00)(?!(?:.*/)?\.\.?(?:/|\z))")
        }
    }

    /// What the name in a host can be once it is validated: in lower case, without port and last dot.
    /// `strict`: as nginx validates it since 1.29.4, by RFC 3986.
    ///
    /// Source: `ngx_http_validate_host`, src/http/ngx_http_request.c
    pub fn host(strict: bool) -> Language {
        if strict {
            language!(r"\A(?!.*\.\.)(?:\[[a-z0-9\-._~!$&'()*+,;=:]*\]|[a-z0-9\-._~!$&'()*+,;=%]+)(?<!\.)\z")
        } else {
            language!(
                r"\A(?!.*\.\.)(?:\[[^\x00-\x20/\x7fA-Z\]]*\]?|[^\x00-\x20/\x7fA-Z:\[][^\x00-\x20/\x7fA-Z:]*)(?<!\.)\z"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All strings of some bytes up to a length.
    fn strings(bytes: &[u8], most: u32) -> impl Iterator<Item = Vec<u8>> {
        let count = bytes.len();
        (0..=most).flat_map(move |length| {
            (0..count.pow(length)).map(move |number| {
                (0..length).map(|place| bytes[number / count.pow(place) % count]).collect()
            })
        })
    }

    #[test]
    fn normalized_uris_have_neither_dot_segments_nor_doubled_slashes() {
        for merges in [false, true] {
            let uris = Language::normalized_uri(merges);
            for uri in strings(b"/.a\0\n", 7) {
                let is_dotted = uri.split(|&byte| byte == b'/').any(|one| one == b"." || one == b"..");
                let is_doubled = merges && uri.windows(2).any(|two| two == b"//");
                let is_normal = uri.starts_with(b"/") && !uri.contains(&0) && !is_dotted && !is_doubled;
                assert_eq!(uris.contains(&uri), is_normal, "{}", uri.escape_ascii());
            }
        }
    }

    #[test]
    fn hosts_are_what_validating_leaves() {
        for (strict, yes, no) in [
            (
                true,
                &["a", "a.b", ".a", "[::1]", "[]", "a%"][..],
                &["", ".", "a.", "a..b", "A", "a:1", "[::1", "[a]b", "a[", "a b"][..],
            ),
            (
                false,
                &["a", "\u{e9}", "[::1]", "[::1", "a[b]", "a<"],
                &["", ".", "a.", "[a]b", "a/", "a:1", "A", "a..b"],
            ),
        ] {
            let hosts = Language::host(strict);
            yes.iter().for_each(|host| assert!(hosts.contains(host.as_bytes()), "{host}"));
            no.iter().for_each(|host| assert!(!hosts.contains(host.as_bytes()), "{host}"));
        }
    }

    #[test]
    fn printable_is_what_has_no_control_character() {
        assert!(Language::printable().contains("/\u{e9} a".as_bytes()));
        assert!(!Language::printable().contains(b"/a\n"));
        assert!(!Language::printable().contains(b"\x7f"));
    }
}
