//! Formats and lines. What a real nginx writes is asked in `tests/log.rs`.

use super::request::{Places, Wanted};
use super::*;
use crate::request::Request;

fn format(escape: Escape, text: &str) -> LogFormat {
    LogFormat::new("test", escape, text.as_bytes()).unwrap()
}

/// The request of a line; `None`: it is not of the format, or tells of no HTTP.
fn read(format: &LogFormat, wanted: &[&str], line: &str) -> Option<Request> {
    let wanted = Wanted { client: true, headers: wanted.iter().map(|name| (*name).to_owned()).collect() };
    let (mut spans, places): (_, Places) = (Spans::default(), format.places(&wanted));
    format.split(line.as_bytes(), &mut spans).ok()?;
    let assumed = Assumed { host: Some(b"assumed.test".to_vec()), ..Assumed::default() };
    format.request(line.as_bytes(), &spans, &places, &assumed).ok()
}

fn shown(request: Option<Request>) -> String {
    request.map_or_else(|| String::from("none"), |request| request.url())
}

const LINE: &str =
    r#"192.0.2.7 - ann [21/Nov/2026:10:00:00 +0000] "GET /a?x=1 HTTP/1.1" 200 12 "-" "curl/8""#;

#[test]
fn combined_lines_are_read_as_far_as_they_go() {
    let combined = LogFormat::combined();
    let request = read(&combined, &["user-agent", "referer"], LINE).unwrap();
    assert_eq!(request.url(), "GET http://assumed.test/a?x=1");
    assert_eq!(request.client, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(request.header("user-agent"), Some(&b"curl/8"[..]));
    assert_eq!(request.header("referer"), None, "a dash is nothing");
    let mut spans = Spans::default();
    combined.split(LINE.as_bytes(), &mut spans).unwrap();
    assert_eq!(combined.status(LINE.as_bytes(), &spans), Some(200));
    assert_eq!(combined.path(LINE.as_bytes(), &spans), b"/a");
    let lacks =
        combined.lacks(&Wanted { client: true, headers: vec!["x-beta".to_owned(), "referer".to_owned()] });
    assert!(lacks.host && lacks.port && lacks.scheme && !lacks.method && !lacks.client && !lacks.raw_target);
    assert_eq!(lacks.headers, ["x-beta"]);
}

#[test]
fn escaped_bytes_come_back() {
    let combined = LogFormat::combined();
    let line = LINE.replace("/a?x=1", r"/\xE4\x22\x5C b");
    assert_eq!(read(&combined, &[], &line).unwrap().target, b"/\xe4\"\\ b");
    let json = format(Escape::Json, r#"{"request":"$request","host":"$host","agent":"$http_user_agent"}"#);
    let line = r#"{"request":"GET /\"\\\u0001\n HTTP/1.1","host":"a.test","agent":"a\",\"host\":\"b"}"#;
    let request = read(&json, &["user-agent"], line).unwrap();
    assert_eq!(request.target, b"/\"\\\x01\n");
    assert_eq!(request.header("host"), Some(&b"a.test"[..]));
    assert_eq!(request.header("user-agent"), Some(&b"a\",\"host\":\"b"[..]));
    let none = format(Escape::None, "$request|$host");
    assert_eq!(shown(read(&none, &[], r"GET /\x41 HTTP/1.0|a.test")), r"GET http://a.test/\x41");
}

#[test]
fn request_is_put_together_from_its_parts() {
    for (text, line, url) in [
        ("$request_method $scheme://$host$request_uri", "POST https://a.test/x?y", "POST https://a.test/x?y"),
        ("$host$uri$is_args$args $status", "a.test/x-?y=/?z 200", "GET http://a.test/x-?y=/?z"),
        ("$host$uri$is_args$args $status", "a.test/x- 200", "GET http://a.test/x"),
        ("${host} $uri;$args", r"a.test /\x20%?;-", "GET http://a.test/%20%25%3F"),
        ("$http_host:$server_port $request", "a.test:81:81 GET / HTTP/1.1", "GET http://a.test:81/"),
        ("$server_name $request", "_ GET / HTTP/1.1", "GET http://assumed.test/"),
        ("$server_name $request", "b.test GET / HTTP/1.1", "GET http://b.test/"),
        ("$ssl_protocol $host \"$request\"", "TLSv1.3 a.test \"GET / HTTP/2.0\"", "GET https://a.test/"),
        ("$https,$host,$request", "-,a.test,GET / HTTP/2.0", "GET http://a.test/"),
        ("[$time_local] $host [$request]", "[1] a.test [GET /x] [y HTTP/1.1]", "GET http://a.test/x]%20[y"),
    ] {
        let format = format(Escape::Default, text);
        let line_shown = shown(read(&format, &[], line));
        // A port that is not the scheme's own is told.
        assert_eq!(line_shown.replace(":81:81", ":81"), url, "{text}");
    }
}

#[test]
fn http_host_that_is_missing_was_not_sent() {
    let format = format(Escape::Default, "$http_host $host $request");
    let request = read(&format, &[], "- fallback.test GET / HTTP/1.1").unwrap();
    assert_eq!(request.header("host"), None);
    let request = read(&format, &[], "- a.test GET / HTTP/2.0").unwrap();
    assert_eq!(request.header("host"), Some(&b"a.test"[..]), "HTTP/2 sends it otherwise");
}

#[test]
fn cookies_are_put_together() {
    let format = format(Escape::Default, "$cookie_beta $cookie_lang $host $request");
    let request = read(&format, &["cookie"], "1 - a.test GET / HTTP/1.1").unwrap();
    assert_eq!(request.header("cookie"), Some(&b"beta=1"[..]));
}

#[test]
fn what_was_no_http_is_told_apart_from_what_is_not_of_the_format() {
    let combined = LogFormat::combined();
    let mut spans = Spans::default();
    for request in
        ["-", "", r"\x16\x03\x01\x02\x00", "PRI * HTTP/2.0", "\\x00", "get / HTTP/1.1", "GET ", "POST /a"]
    {
        let line = LINE.replace("GET /a?x=1 HTTP/1.1", request);
        assert!(combined.split(line.as_bytes(), &mut spans).is_ok(), "{line}");
        assert_eq!(read(&combined, &[], &line), None, "{line}");
    }
    let old = LINE.replace(" HTTP/1.1", "");
    assert_eq!(read(&combined, &[], &old).unwrap().version, crate::HttpVersion::V0_9);
}

#[test]
fn line_of_another_format_is_told_with_its_place() {
    let combined = LogFormat::combined();
    let mut spans = Spans::default();
    let mut stuck = |line: &str| {
        let stuck = combined.split(line.as_bytes(), &mut spans).unwrap_err();
        (stuck.at, combined.expected(stuck))
    };
    assert_eq!(stuck("hello"), (0, String::from("$remote_addr and then \" - \"")));
    assert_eq!(stuck(&LINE.replace(" 200 ", " ok ")).1, "$status and then \" \"");
    let main = format!("{LINE} \"-\"");
    assert_eq!(stuck(&main), (LINE.len(), String::from("the end of the line")));
    assert_eq!(stuck("\0\u{1}\u{2}").0, 0);
    // Nothing takes long, whatever a line looks like.
    let line = " - [".repeat(20_000);
    assert!(stuck(&line).0 < line.len());
}

#[test]
fn texts_that_are_no_formats_are_refused() {
    for (text, error) in [
        ("$remote_addr", FormatError::NoRequest),
        ("", FormatError::NoRequest),
        ("$", FormatError::Name),
        ("$request $-", FormatError::Name),
        ("${request", FormatError::Brace),
        ("${}", FormatError::Name),
    ] {
        assert_eq!(LogFormat::new("", Escape::Default, text.as_bytes()), Err(error), "{text}");
    }
    assert_eq!(
        LogFormat::new("", Escape::Default, &vec![b'a'; FORMAT_BYTES_MAX + 1]),
        Err(FormatError::TooLong)
    );
    assert_eq!(format(Escape::Default, "a ${request}b").text_of(), "a $requestb");
}

#[test]
fn format_of_the_lines_is_found() {
    let named = [format(Escape::Json, r#"{"r":"$request","h":"$host"}"#)];
    let name = |lines: &[&str]| {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        fitting(&named, &lines).map(|format| format.name)
    };
    assert_eq!(name(&[LINE, LINE]).as_deref(), Some("combined"));
    let main = format!("{LINE} \"-\"");
    assert_eq!(name(&[&main, "broken"]).as_deref(), Some("main"));
    assert_eq!(name(&[r#"{"r":"GET / HTTP/1.1","h":"a"}"#]).as_deref(), Some("test"));
    let common = LINE.split(" \"-\"").next().unwrap();
    assert_eq!(name(&[common]).as_deref(), Some("common"));
    assert_eq!(name(&["a", "b", LINE]), None);
}

#[test]
fn tree_says_who_writes_into_a_log_and_how() {
    let config = crate::traffic::tests::config(
        "log_format json escape=json '{\"r\":\"$request\",' '\"h\":\"$host\"}';
         log_format useless '$status';
         access_log /var/log/nginx/access.log json;
         server { server_name a.test; }
         server { server_name b.test; access_log /var/log/nginx/b.log; location / { access_log off; } }
         server { server_name c.test; access_log logs/c.log json buffer=4k; }",
    );
    let formats = named_formats(&config);
    assert_eq!(formats.len(), 1);
    assert_eq!(formats[0].text_of(), r#"{"r":"$request","h":"$host"}"#);
    let to = |path: &str| {
        let to = logged_to(&config, path.as_bytes());
        let names = to.servers.iter().map(|node| {
            let server = config.servers().iter().find(|server| server.node == *node).unwrap();
            String::from_utf8_lossy(&server.names[0].text).into_owned()
        });
        (to.format.unwrap_or_default(), names.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(to("/var/log/nginx/access.log"), ("json".to_owned(), "a.test".to_owned()));
    assert_eq!(to("/tmp/b.log-20261121.gz"), ("combined".to_owned(), "b.test".to_owned()));
    assert_eq!(to("c.log.3"), ("json".to_owned(), "c.test".to_owned()));
    assert_eq!(to("/tmp/d.log"), (String::new(), String::new()));
}
