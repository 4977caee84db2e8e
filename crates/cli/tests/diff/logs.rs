//! How much of a log a change touches.

use std::process::Command;

use super::{Pair, combined};

/// The cart is gone.
fn gone() -> Pair {
    Pair::replaced(&[("proxy_pass http://app/cart;", "return 404;")])
}

const ASKED: [(u32, &str); 5] = [
    (1, "GET /cart/1 HTTP/1.1"),
    (2, "GET /cart/1?x=1 HTTP/1.1"),
    (2, "GET /cart/2 HTTP/1.1"),
    (3, "GET / HTTP/1.1"),
    (4, "GET /about HTTP/1.1"),
];

#[test]
fn share_clients_and_paths_stand_beside_each_class() {
    let pair = gone();
    pair.write("access.log", combined(&ASKED).as_bytes());
    let ran = pair.diff(&["--traffic", "access.log"]).ends(1);
    let ran = ran.says("1 class of requests changes: 3 of 5 requests in the log (60 %)");
    let ran = ran.says("traffic  3 requests (60 %) of 2 clients: /cart/1 2, /cart/2 1");
    let ran = ran.says("access.log: format combined, as the tree says");
    ran.says("it has no $host: every request is one to shop.test (nginx.conf:9); --log-host says it");
}

#[test]
fn packed_logs_standard_input_and_several_logs_are_read() {
    let pair = gone();
    pair.write("access.log.1", combined(&ASKED).as_bytes());
    let packed = Command::new("gzip").arg("-k").arg(pair.path("access.log.1")).status();
    assert!(packed.unwrap().success());
    let log = combined(&ASKED[..3]);
    let ran = pair.fed(&["--traffic", "access.log.1.gz", "--traffic", "-"], log.as_bytes()).ends(1);
    ran.says("6 of 8 requests").says("standard input: format ");
}

#[test]
fn format_of_the_tree_is_found_by_the_name_of_the_log() {
    let pair = gone();
    let line = |target: &str, port: u16| {
        format!(
            "{{\"r\":\"GET {target} HTTP/1.1\",\"h\":\"shop.test\",\"p\":\"{port}\",\"s\":200,\"c\":\"192.0.2.1\"}}\n"
        )
    };
    pair.write("shop.log.2", [line("/cart", 18_980), line("/\\\"", 18_980)].concat().as_bytes());
    let ran = pair.diff(&["--traffic", "shop.log.2"]).ends(1).says("1 of 2 requests in the log (50 %)");
    let ran = ran.says("shop.log.2: format js, as the tree says");
    assert!(!ran.out.contains("it has no $host"), "{}", ran.out);
    assert!(!ran.out.contains("$server_port"), "{}", ran.out);
    // Elsewhere, its lines tell.
    pair.write("elsewhere", line("/cart", 18_980).as_bytes());
    pair.diff(&["--traffic", "elsewhere"]).ends(1).says("format js, as its lines look");
}

#[test]
fn format_may_be_named_or_written_out() {
    let pair = gone();
    pair.write("log", b"shop.test /cart\nshop.test /x\n");
    let ran = pair.diff(&["--traffic", "log", "--log-format", "$host $request_uri"]).ends(1);
    ran.says("1 of 2 requests").says("it has no $request_method: every request is taken for a GET");
    pair.write("log", b"{\"u\": \"/ca\\u0072t\", \"m\": \"GET\"}\n");
    let format = "escape=json {\"u\": \"$request_uri\", \"m\": \"$request_method\"}";
    pair.diff(&["--traffic", "log", "--log-format", format, "--log-host", "shop.test"])
        .ends(1)
        .says("1 of 1 requests");
    pair.write("log", combined(&ASKED).as_bytes());
    pair.diff(&["--traffic", "log", "--log-format", "combined"]).ends(1).says("3 of 5 requests");
    let ran = pair.diff(&["--traffic", "log", "--log-format", "fancy"]).ends(2);
    ran.says("find a log format called \"fancy\"").says("js, combined, main, common");
    pair.diff(&["--traffic", "log", "--log-format", "$status"])
        .ends(2)
        .says("find a request in the log format");
}

#[test]
fn change_that_no_request_meets_says_so() {
    let pair = gone();
    pair.write("access.log", combined(&ASKED[3..]).as_bytes());
    let ran = pair.diff(&["--traffic", "access.log"]).ends(1).says("0 of 2 requests in the log (0 %)");
    ran.says("traffic  none of the requests in the log");
    let same = Pair::of(super::OLD, super::OLD);
    same.write("access.log", combined(&ASKED).as_bytes());
    same.diff(&["--traffic", "access.log"]).ends(0).says("no request changes: 0 of 5 requests");
}

#[test]
fn long_log_is_read_to_its_end_by_all_workers() {
    let pair = gone();
    let mut log = String::new();
    for number in 0..30_000_u32 {
        let target = format!("GET /cart/{number} HTTP/1.1");
        let asked = [(number % 200, &target[..]), (1, "GET / HTTP/1.1")];
        log.push_str(&combined(&asked));
    }
    pair.write("access.log", log.as_bytes());
    let document = pair.diff(&["--traffic", "access.log", "--json"]).ends(1).json();
    assert_eq!(document["traffic"]["requests"], 60_000);
    assert_eq!(document["changes"][0]["traffic"]["requests"], 30_000);
    assert_eq!(document["changes"][0]["traffic"]["clients"], 200);
    assert_eq!(document["changes"][0]["traffic"]["paths_exact"], false);
}
