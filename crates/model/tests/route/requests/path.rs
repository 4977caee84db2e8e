//! Paths, by chance: what a configuration speaks of, and everything next to it.

use super::replace;
use crate::generate::Case;
use crate::random::Random;

const FILES: &[&str] = &[
    "/",
    "/index.html",
    "/a",
    "/a/",
    "/a/b",
    "/a/x.php",
    "/a/x.png",
    "/a/b.html",
    "/ab",
    "/A",
    "/x.php",
    "/x.html",
    "/x.PNG",
    "/img/1.png",
    "/img/",
    "/img",
    "/img/b/2.jpg",
    "/d/e/f.txt",
    "/d",
    "/d/",
    "/d/e",
    "/err/404.html",
    "/50x.html",
    "/api/v1/x.html",
    "/api",
    "/empty",
    "/empty/",
    "/none",
    "/e/f.txt",
    "/b",
    "/c.txt",
    "/1.png",
];

const TAILS: &[&str] =
    &["", "/", "b", "/b", "x.php", "//", "/../a", "/./", ".html", "/e/f.txt", "index.html", "1", "//b/"];

/// A path for a case.
pub(super) fn path(random: &mut Random, case: &Case) -> Vec<u8> {
    let mut path = if !case.paths.is_empty() && random.percent(72) {
        random.pick(&case.paths)
    } else {
        random.pick(FILES).to_owned()
    };
    if random.percent(35) {
        path.push_str(random.pick(TAILS));
    }
    if !path.starts_with('/') && random.percent(95) {
        path.insert(0, '/');
    }
    // A space cannot stand in a request line, other than by mistake.
    let mut bytes = path.into_bytes();
    if random.percent(97) {
        bytes = replace(&bytes, b" ", b"%20");
    }
    if random.percent(18) {
        for _ in 0..1 + random.below(2) {
            mutate(random, &mut bytes);
        }
    }
    bytes
}

/// Changes a path a little, where nginx draws lines.
pub(super) fn mutate(random: &mut Random, path: &mut Vec<u8>) {
    let at = random.below(path.len() + 1);
    let insert = |path: &mut Vec<u8>, text: &[u8]| {
        path.splice(at..at, text.iter().copied());
    };
    match random.below(16) {
        0 => insert(path, b"/"),
        1 => insert(path, b"%2F"),
        2 => insert(path, b"/./"),
        3 => insert(path, b"/../"),
        4 => insert(path, b"%2e"),
        5 => insert(path, b"%2E%2e/"),
        6 => path.extend(b"%0a"),
        7 => {
            let text = random.pick(&[
                &b"%zz"[..],
                b"%",
                b"%4",
                b"%00",
                b"\x00",
                b"\x01",
                b"\x7f",
                b" ",
                b"\t",
                b"%0",
            ]);
            insert(path, text);
        }
        8 => insert(path, b"\xc3\xa9"),
        9 => insert(path, random.pick(&[&b"%FF"[..], b"%c3%a9", b"\xff", b"%80"])),
        10 => {
            // The same letter, encoded.
            if let Some(&byte) = path.get(at) {
                path.splice(at..=at, format!("%{byte:02x}").into_bytes());
            }
        }
        11 => {
            for byte in path.iter_mut() {
                *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { *byte };
            }
        }
        12 => {
            path.pop();
        }
        13 => insert(
            path,
            random.pick(&[
                &b"%3F"[..],
                b"%23",
                b"%25",
                b"+",
                b"\\",
                b"%5c",
                b";",
                b":",
                b"@",
                b"&",
                b"\"",
                b"%22",
                b"'",
            ]),
        ),
        14 => path.extend(random.pick(&[&b"/.."[..], b"/.", b"/../..", b"..", b".", b"%2e%2e"])),
        _ => insert(path, b"//"),
    }
}
