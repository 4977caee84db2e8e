use super::*;

fn read(line: &str) -> ErrorLine<'_> {
    ErrorLine::read(line.as_bytes()).unwrap_or_else(|| panic!("not a line: {line}"))
}

#[test]
fn a_line_says_when_who_what_where_and_of_which_request() {
    let line = read(
        "2026/11/21 09:37:36 [error] 12#13: *7 connect() failed (111: Connection refused) while connecting to upstream, \
         client: 127.0.0.1, server: shop.test, request: \"GET /cart?a=1 HTTP/1.1\", upstream: \"http://127.0.0.1:9000/cart?a=1\", \
         host: \"shop.test\", referrer: \"http://a, client: x\"",
    );
    let stamp = Stamp { year: 2026, month: 11, day: 21, hour: 9, minute: 37, second: 36 };
    assert_eq!(line.stamp, Some(stamp));
    assert_eq!((line.level, line.pid, line.tid, line.connection), (Level::Error, 12, 13, Some(7)));
    assert_eq!((line.message, line.errno), (Message::ConnectFailed, Some(111)));
    assert_eq!(line.phase, Some(Phase::ConnectingToUpstream));
    let about = About {
        client: Some(b"127.0.0.1"),
        server: Some(b"shop.test"),
        request: Some(b"GET /cart?a=1 HTTP/1.1"),
        subrequest: None,
        upstream: Some(b"http://127.0.0.1:9000/cart?a=1"),
        host: Some(b"shop.test"),
        referrer: Some(b"http://a, client: x"),
    };
    assert_eq!(line.about, about);
    assert_eq!(line.text, b"connect() failed (111: Connection refused)");
}

#[test]
fn what_nginx_prints_before_it_has_a_log_is_read_too() {
    let line = read("nginx: [emerg] unknown directive \"lissten\" in /etc/nginx/nginx.conf:3");
    assert_eq!((line.stamp, line.level, line.message), (None, Level::Emerg, Message::UnknownDirective));
    assert_eq!(line.captures[0], Some(&b"lissten"[..]));
    assert_eq!(line.place(), Some((&b"/etc/nginx/nginx.conf"[..], 3)));
}

#[test]
fn a_time_is_the_same_moment_in_its_own_zone() {
    let at = |text: &str, east| Stamp::read(text.as_bytes()).unwrap().0.unix_seconds(east);
    assert_eq!(at("1970/01/01 00:00:00", 0), 0);
    assert_eq!(at("2026/11/21 09:37:36", 0), 1_795_253_856);
    assert_eq!(at("2026/11/21 10:37:36", 3600), 1_795_253_856);
    assert_eq!(at("2026/11/21 04:07:36", -(5 * 3600 + 1800)), 1_795_253_856);
    assert_eq!(at("2024/02/29 23:59:59", 0) + 1, at("2024/03/01 00:00:00", 0));
    assert_eq!(at("2100/02/28 23:59:59", 0) + 1, at("2100/03/01 00:00:00", 0));
}

#[test]
fn no_client_chooses_the_class_of_a_line() {
    // A name that a client gave holds the text of other messages.
    let user = "2026/11/21 09:37:36 [error] 1#1: *1 user \"x could not be resolved (3: y)\" was not found in \"/p\", client: ::1, server: a";
    assert_eq!(read(user).message, Message::UserUnknown);
    let path = "2026/11/21 09:37:36 [error] 1#1: *1 open() \"/srv/x 9 worker_connections are not enough\" failed (2: No such file or directory), client: ::1, server: a";
    assert_eq!((read(path).message, read(path).errno), (Message::OpenFailed, Some(2)));
    // Nor does a path that looks like a client name another one, when it has not the whole shape.
    let forged = "2026/11/21 09:37:36 [error] 1#1: *1 open() \"/srv/, client: 6.6.6.6, server: z\" failed (2: No such file or directory), client: 127.0.0.1, server: a, request: \"GET / HTTP/1.1\", host: \"h\"";
    assert_eq!(read(forged).about.client, Some(&b"127.0.0.1"[..]));
}

#[test]
fn whatever_stands_in_a_log_is_read_or_refused_in_bounded_time() {
    let mut long = b"2026/11/21 09:37:36 [error] 1#1: *1 open() \"".to_vec();
    long.extend(b", client: 1 while ".repeat(120_000));
    assert!(long.len() > 2_000_000);
    let line = ErrorLine::read(&long).unwrap();
    assert!(line.text.len() <= LINE_BYTES_MAX);
    for hostile in [
        &b""[..],
        b"\n",
        b"nginx: ",
        b"nginx: [emerg]",
        b"2026/11/21 09:37:36",
        b"2026/11/21 09:37:36 [error",
        b"2026/11/21 09:37:36 [error] 99999999999999999999#1: x",
        b"2026/11/21 09:37:36 [error] 1#1:",
        b"2026/13/21 09:37:36 [error] 1#1: x",
        b"\xff\xfe\x00\x00",
        b"{\"time\":\"2026-11-21T09:37:36Z\"}",
        b"Nov 21 09:37:36 host nginx: 2026/11/21",
    ] {
        assert_eq!(ErrorLine::read(hostile), None, "{}", hostile.escape_ascii());
    }
    // Cut at each byte, it is the same line with less in it, or none.
    let whole = b"2026/11/21 09:37:36 [error] 12#13: *7 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 127.0.0.1, server: _, request: \"GET / HTTP/1.1\", upstream: \"http://127.0.0.1:9000/\", host: \"h\"";
    for end in 0..whole.len() {
        if let Some(line) = ErrorLine::read(&whole[..end])
            && end > 60
        {
            assert_eq!(line.message, Message::UpstreamTimedOut, "{end}");
        }
    }
}

#[test]
fn each_pattern_is_found_by_the_class_that_has_it() {
    let all = Message::ALL
        .iter()
        .flat_map(|&message| message.patterns().iter().map(move |pattern| (message, pattern)));
    let wrong: Vec<_> = all
        .map(|(message, pattern)| (message, Message::of(pattern.replace('*', "7").as_bytes()).0, pattern))
        .filter(|(message, found, _)| message != found)
        .collect();
    assert_eq!(wrong, Vec::new());
}
