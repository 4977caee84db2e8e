//! Secrets that are known by their shape.

use std::ops::Range;

use super::{run, says_nothing};

/// How long a user and a password before the `@` of a URL may be, in bytes.
const USERINFO_BYTES_MAX: usize = 512;

/// How long such a token may be, in bytes; longer words have no sense anyway.
const TOKEN_BYTES_MAX: usize = 512;

/// How tokens of known makers begin, and how many bytes of letters, digits, `_` and `-` follow at least.
const MAKERS: [(&[u8], usize); 22] = [
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"ghp_", 20),
    (b"gho_", 20),
    (b"ghu_", 20),
    (b"ghs_", 20),
    (b"ghr_", 20),
    (b"github_pat_", 20),
    (b"glpat-", 16),
    (b"xoxa-", 10),
    (b"xoxb-", 10),
    (b"xoxe-", 10),
    (b"xoxp-", 10),
    (b"xoxr-", 10),
    (b"xoxs-", 10),
    (b"xapp-", 10),
    (b"sk_live_", 16),
    (b"rk_live_", 16),
    (b"sk_test_", 16),
    (b"sk-ant-", 16),
    (b"npm_", 30),
    (b"AIza", 30),
];

/// How hashes of passwords begin.
const HASHES: [&[u8]; 11] =
    [b"$apr1$", b"$1$", b"$5$", b"$6$", b"$y$", b"$2a$", b"$2b$", b"$2y$", b"$argon2", b"{SHA}", b"{SSHA}"];

pub(super) fn find(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'$' | b'{' => {
                if let Some(end) = password_hash(text, at) {
                    found.push(at..end);
                }
                at += 1;
            }
            b':' => {
                found.extend(userinfo(text, at));
                at += 1;
            }
            byte if in_word(byte) => {
                let end = run(text, at, in_word);
                word(text, at..end, &mut found);
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/')
}

fn word(text: &[u8], word: Range<usize>, found: &mut Vec<Range<usize>>) {
    let bytes = &text[word.clone()];
    if bytes.eq_ignore_ascii_case(b"bearer") || bytes.eq_ignore_ascii_case(b"basic") {
        found.extend(credentials(text, word.end));
    }
    // A word may hold a token behind a slash, a sign or an underscore.
    for at in 0..bytes.len() {
        if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() {
            let maker = MAKERS.iter().find(|(start, _)| bytes[at..].starts_with(start));
            if let Some((start, least)) = maker {
                let from = at + start.len();
                let limit = bytes.len().min(from + TOKEN_BYTES_MAX);
                let in_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
                let end = run(&bytes[..limit], from, in_token);
                if end - from >= *least {
                    found.push(word.start + at..word.start + end);
                }
            }
        }
    }
    found.extend(web_token(text, word.start));
    if without_sense(text, &word) {
        let padding = text[word.end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        found.push(word.start..word.end + padding);
    }
}

/// What stands behind `Bearer` or `Basic`.
fn credentials(text: &[u8], from: usize) -> Option<Range<usize>> {
    let start = run(text, from, |byte| byte == b' ' || byte == b'\t');
    let end = run(text, start, |byte| in_word(byte) || matches!(byte, b'.' | b'~' | b'=' | b'$' | b':'));
    let value = &text[start..end];
    // `Basic authentication` and `bearer token` are prose.
    let prose = value.len() < 20
        && value.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-' | b'=' | b':'));
    (start > from && !prose && !says_nothing(value)).then_some(start..end)
}

/// `eyJ….….…`
fn web_token(text: &[u8], start: usize) -> Option<Range<usize>> {
    let in_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !text[start..].starts_with(b"eyJ") {
        return None;
    }
    let mut end = run(text, start, in_part);
    let mut parts = 1;
    while parts < 5 && text.get(end) == Some(&b'.') {
        let next = run(text, end + 1, in_part);
        (end, parts) = (next, parts + 1);
    }
    (parts > 1 && end - start > 20).then_some(start..end)
}

fn password_hash(text: &[u8], at: usize) -> Option<usize> {
    let start = HASHES.iter().find(|start| text[at..].starts_with(start))?;
    let from = at + start.len();
    let end = run(text, from, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'+' | b'=' | b'$' | b',' | b'-')
    });
    (end - from >= 20).then_some(end)
}

/// The `user:password` of `scheme://user:password@host` or `"user:password@host`; `at` is where `:` stands.
fn userinfo(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = if text[at..].starts_with(b"://") { at + 3 } else { quoted_user(text, at)? };
    let limit = text.len().min(start + USERINFO_BYTES_MAX);
    let end =
        run(&text[..limit], start, |byte| !byte.is_ascii_whitespace() && !b"/?#\"'<>@;".contains(&byte));
    let user = &text[start..end];
    (text.get(end) == Some(&b'@') && user.contains(&b':') && !says_nothing(user)).then_some(start..end)
}

/// Where the user stands in `"user:password@host"`: nginx quotes a URL without its scheme.
fn quoted_user(text: &[u8], at: usize) -> Option<usize> {
    let in_user = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let name = text[..at].iter().rev().take(USERINFO_BYTES_MAX).take_while(|byte| in_user(byte)).count();
    let start = at - name;
    (name > 0 && text[..start].ends_with(b"\"")).then_some(start)
}

/// From `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of the text where that is missing.
fn private_keys(text: &[u8], found: &mut Vec<Range<usize>>) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    const END: &[u8] = b"-----END ";
    const DASHES: &[u8] = b"-----";
    let mut at = 0;
    while let Some(start) = position(text, at, BEGIN) {
        let label = start + BEGIN.len();
        let label_end =
            run(text, label, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ');
        at = label_end;
        if !text[label..label_end].ends_with(b"PRIVATE KEY") {
            continue;
        }
        at = match position(text, label_end, END) {
            None => text.len(),
            Some(end) => position(text, end + END.len(), DASHES).map_or(text.len(), |end| end + DASHES.len()),
        };
        found.push(start..at);
    }
}

fn position(text: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    text[from..].windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}

/// Whether a long word looks as if chance had written it: letters of both cases and digits change too often for a name.
fn without_sense(text: &[u8], range: &Range<usize>) -> bool {
    let word = &text[range.clone()];
    if word.len() < 24 || is_known(text, range) {
        return false;
    }
    let slashes = word.contains(&b'/');
    let before = range.start.checked_sub(1).map(|before| text[before]);
    // A path, a host's name, a variable.
    if word[0] == b'/' && slashes
        || matches!(before, Some(b'$'))
        || slashes && matches!(before, Some(b'.' | b'~' | b':' | b'}'))
    {
        return false;
    }
    let has = |class: fn(&u8) -> bool| word.iter().any(class);
    let letters = has(u8::is_ascii_lowercase) as usize + has(u8::is_ascii_uppercase) as usize;
    if letters == 0 || !has(u8::is_ascii_digit) {
        return false;
    }
    let all_hex = word.iter().all(u8::is_ascii_hexdigit);
    let (pairs, changes) = changes(word);
    match (letters, slashes) {
        (2, true) => word.len() >= 40 && changes * 20 >= pairs * 9,
        (2, false) => changes * 20 >= pairs * 7,
        (_, true) => false,
        (_, false) => word.len() >= 32 && (all_hex || changes * 10 >= pairs * 3),
    }
}

/// How many pairs of letters and digits stand side by side, and how many of them are of different classes.
fn changes(word: &[u8]) -> (usize, usize) {
    let class = |byte: u8| match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let pairs = word.windows(2).map(|pair| (class(pair[0]), class(pair[1])));
    let pairs = pairs.filter(|(left, right)| *left != 0 && *right != 0);
    pairs.fold((0, 0), |(pairs, changes), (left, right)| (pairs + 1, changes + usize::from(left != right)))
}

/// What has such a shape and is known to be public: our digests, UUIDs, fingerprints and the hashes of a policy.
fn is_known(text: &[u8], range: &Range<usize>) -> bool {
    let word = &text[range.clone()];
    let digits = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let digest = |part: &[u8]| matches!(part.len(), 12 | 64) && digits(part);
    let uuid = |part: &[u8]| {
        let mut lengths = part.split(|byte| *byte == b'-').map(<[u8]>::len);
        part.len() == 36
            && part.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
            && [8, 4, 4, 4, 12].iter().all(|length| lengths.next() == Some(*length))
    };
    let hash_of_policy =
        [&b"sha256-"[..], b"sha384-", b"sha512-"].iter().any(|start| word.starts_with(start));
    let fingerprint = text[..range.start].ends_with(b"SHA256:");
    hash_of_policy || fingerprint || uuid(word) || word.split(|byte| *byte == b'/').any(digest)
}
