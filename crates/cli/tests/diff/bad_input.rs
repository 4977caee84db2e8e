//! What cannot be read, and what should not be.

use super::{Pair, combined};

fn gone() -> Pair {
    Pair::replaced(&[("proxy_pass http://app/cart;", "return 404;")])
}

#[test]
fn what_is_not_there_is_named_at_once() {
    let pair = gone();
    pair.diff(&["--traffic", "nowhere.log"]).ends(2).says("failed to read nowhere.log");
    pair.diff(&["--traffic", "old"]).ends(2).says("it is a directory; name the logs in it");
    pair.write("log.zst", b"\x28\xb5\x2f\xfd1234");
    pair.diff(&["--traffic", "log.zst"]).ends(2).says("zstdcat");
    pair.diff(&["--log-format", "combined"]).ends(2).says("--traffic");
    std::fs::remove_file(pair.path("new/nginx.conf")).unwrap();
    pair.diff(&[]).ends(2).says("find nginx.conf in");
}

#[test]
fn lines_of_another_format_are_counted_and_told() {
    let pair = gone();
    let log = format!(
        "{}what is this\n\u{0}\u{1}\u{ff}\n{}",
        combined(&[(1, "GET /cart HTTP/1.1")]),
        combined(&[(1, "GET / HTTP/1.1")])
    );
    pair.write("access.log", log.as_bytes());
    let ran = pair.diff(&["--traffic", "access.log"]).ends(1).says("1 of 2 requests");
    let ran = ran
        .says("2 lines are not of the format")
        .says("access.log:2:1: expected $remote_addr and then \" - \"");
    assert!(!ran.out.contains('\u{1}'), "control characters are not printed");
}

#[test]
fn log_in_which_nothing_is_of_the_format_was_not_looked_at() {
    let same = Pair::of(super::OLD, super::OLD);
    same.write("access.log", b"one\ntwo\nthree\n");
    let ran = same.diff(&["--traffic", "access.log"]).ends(2);
    ran.says("3 lines are not of the format").says("access.log:1:1: expected $remote_addr");
    same.write("empty.log", b"");
    same.diff(&["--traffic", "empty.log"]).ends(0).says("the log is empty");
}

#[test]
fn what_was_no_http_is_counted_apart() {
    let pair = gone();
    let asked = [(1, "GET /cart HTTP/1.1"), (1, "\\x16\\x03\\x01\\x00"), (1, "-"), (1, "")];
    pair.write("access.log", combined(&asked).as_bytes());
    pair.diff(&["--traffic", "access.log"])
        .ends(1)
        .says("1 of 1 requests")
        .says("3 lines tell of what was no HTTP request");
}

#[test]
fn binary_bytes_and_lines_without_end_do_no_harm() {
    let pair = gone();
    let mut log =
        combined(&[(1, "GET /cart\\xFF\\x00 HTTP/1.1"), (1, "GET /\u{e4}\u{0} HTTP/1.1")]).into_bytes();
    log.extend_from_slice(&b"x".repeat(3 << 20));
    log.push(b'\n');
    log.extend_from_slice(combined(&[(2, "GET /cart HTTP/1.1")]).trim_end().as_bytes());
    pair.write("access.log", &log);
    let ran = pair.diff(&["--traffic", "access.log", "--json"]).ends(1);
    let document = ran.json();
    assert_eq!(document["traffic"]["requests"], 3);
    assert_eq!(document["traffic"]["unread"], 1);
    assert_eq!(document["traffic"]["first_unread"][0]["line"], 3);
    let mut noise: u32 = 1;
    let bytes: Vec<u8> = (0..300_000)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        })
        .collect();
    pair.write("noise", &bytes);
    let ran = pair.diff(&["--traffic", "noise", "--log-format", "combined"]).ends(1);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn packed_log_that_is_cut_off_counts_as_far_as_it_goes() {
    let pair = gone();
    let mut log = String::new();
    for number in 0..20_000_u32 {
        log.push_str(&combined(&[(
            number % 251,
            &format!("GET /cart/{} HTTP/1.1", number.wrapping_mul(2_654_435_769)),
        )]));
    }
    pair.write("access.log", log.as_bytes());
    assert!(std::process::Command::new("gzip").arg(pair.path("access.log")).status().unwrap().success());
    let packed = std::fs::read(pair.path("access.log.gz")).unwrap();
    pair.write("access.log.gz", &packed[..packed.len() / 2]);
    let ran = pair.diff(&["--traffic", "access.log.gz"]).ends(1);
    ran.says("it ends before its end").says("/cart*");
}

#[test]
fn trees_without_http_have_nothing_to_compare() {
    let pair = Pair::of("events {}\n", "events {}\n");
    pair.diff(&[]).ends(0).says("no request changes");
}
