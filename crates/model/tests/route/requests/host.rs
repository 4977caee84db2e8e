//! Names, by chance: those of a configuration, and everything next to them.

use crate::generate::Case;
use crate::random::Random;

/// A host for a case.
pub(super) fn host(random: &mut Random, case: &Case) -> Vec<u8> {
    const OTHERS: &[&str] = &[
        "a.test",
        "b.test",
        "www.a.test",
        "x.y.a.test",
        "other",
        "127.0.0.1",
        "[::1]",
        "www.x",
        "a",
        "test",
        "localhost",
    ];
    const ODD: &[&str] = &[
        "",
        ".",
        "..",
        "a..test",
        ".a.test",
        "a.test..",
        "a.test:",
        "a.test:bar",
        "a.test.:80",
        "a.test:80:80",
        "a/b",
        "a.test/x",
        "[::1",
        "x[::1]",
        "[::1]:80",
        "[::1]x",
        "a b",
        "a\tb",
        "\u{e9}.test",
        "a_b.test",
        "*.a.test",
        "127.9.9.9:98777",
        "a.test?x",
        "a.test#x",
        "user@a.test",
        "a\\b",
        "%61.test",
        "-",
        "a.test:0",
        "a,b",
        "[zz]",
        ":80",
        "a.test:65536",
    ];
    let mut host = if !case.hosts.is_empty() && random.percent(75) {
        random.pick(&case.hosts)
    } else {
        random.pick(OTHERS).to_owned()
    };
    match random.below(100) {
        0..76 => {}
        76..78 => host.push_str(":@P0@"),
        78..81 => host.push_str(":80"),
        81..85 => host.push('.'),
        85..90 => host = host.to_ascii_uppercase(),
        90..94 => host.insert_str(0, "www."),
        94..95 => host.push('x'),
        95..96 => host.push_str(".:1"),
        _ => host = random.pick(ODD).to_owned(),
    }
    host.into_bytes()
}
