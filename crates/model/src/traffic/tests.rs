//! Lines through two configurations.

use crate::log::{Assumed, LogFormat};
use crate::{
    Answer, Config, Counted, Escape, Files, Remembered, Router, Settings, Traffic, Want, Wants, load,
};

/// The configuration of a text inside `http`.
pub(crate) fn config(http: &str) -> Config {
    let text = format!("events {{}} http {{\n{http}\n}}");
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == b"/etc/nginx/nginx.conf" => {
                        Answer::Bytes(text.as_bytes().into())
                    }
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
}

const FORMAT: &str = "$remote_addr $host $scheme $status \"$request\" \"$http_user_agent\"";

fn count(old: &str, new: &str, lines: &[String]) -> Counted {
    let (old, new) = (config(old), config(new));
    let (before, after) = (Router::new(&old), Router::new(&new));
    let seen = Remembered::default();
    let mut traffic = Traffic::new(&before, &after, [&old, &new], &seen, 7);
    let format = LogFormat::new("", Escape::Default, FORMAT.as_bytes()).unwrap();
    traffic.begin(0, &format, &Assumed::default());
    traffic.lines(1, lines.join("\n").as_bytes());
    traffic.counted()
}

const OLD: &str =
    "server { listen 80; server_name a.test; location / { return 200 a; } location /cart { return 200 c; } }";

#[test]
fn requests_clients_and_paths_of_a_class_are_counted() {
    let new = OLD.replace("return 200 c", "return 404");
    let line = |client: u32, target: &str| {
        format!("192.0.2.{client} a.test http 200 \"GET {target} HTTP/1.1\" \"agent {client}\"")
    };
    let mut lines: Vec<String> = (0..9).map(|client| line(client % 3, "/cart/1?x")).collect();
    lines.extend((0..20).map(|client| line(client, "/")));
    lines.push(line(1, "/cart/2"));
    lines.push(String::from("192.0.2.1 - http 400 \"\\x16\\x03\" \"-\""));
    lines.push(String::from("nothing of the kind"));
    lines.push(String::new());
    let counted = count(OLD, &new, &lines);
    assert_eq!((counted.requests, counted.not_http, counted.unread), (30, 1, 1));
    assert_eq!(counted.changed(), 10);
    let [class] = &counted.classes[..] else { panic!("{:?}", counted.classes) };
    assert_eq!((class.requests, class.clients.count()), (10, 3));
    assert_eq!(class.paths.most(5), [(&b"/cart/1"[..], 9), (&b"/cart/2"[..], 1)]);
    assert_eq!(class.first.as_ref().unwrap().request.url(), "GET http://a.test/cart/1?x");
    let unread = &counted.first_unread[0];
    assert_eq!((unread.line, unread.column), (32, 16), "{}", unread.expected);
}

#[test]
fn lines_of_a_block_are_those_of_the_log_and_keep_their_numbers() {
    let config = config(OLD);
    let (router, seen) = (Router::new(&config), Remembered::default());
    let format = LogFormat::new("", Escape::Default, b"$remote_addr \"$request\"").unwrap();
    let line = "192.0.2.1 \"GET / HTTP/1.1\"";
    for (block, requests, unread) in [
        (String::new(), 0, vec![]),
        (line.to_owned(), 1, vec![]),
        (format!("{line}\n"), 1, vec![]),
        (format!("{line}\r\n{line}\r\n"), 2, vec![]),
        (format!("\n\n{line}\n\nbad\n{line}\nworse"), 2, vec![45, 47]),
    ] {
        let mut traffic = Traffic::new(&router, &router, [&config, &config], &seen, 7);
        traffic.begin(0, &format, &Assumed::default());
        traffic.lines(41, block.as_bytes());
        let counted = traffic.counted();
        let numbers: Vec<u64> = counted.first_unread.iter().map(|unread| unread.line).collect();
        assert_eq!((counted.requests, numbers), (requests, unread), "{block:?}");
    }
}

#[test]
fn same_configuration_changes_nothing() {
    let lines = [String::from("192.0.2.1 a.test http 200 \"GET /cart HTTP/1.1\" \"-\"")];
    let counted = count(OLD, OLD, &lines);
    assert_eq!((counted.requests, counted.changed()), (1, 0));
}

#[test]
fn workers_add_up() {
    let new = OLD.replace("return 200 c", "return 404");
    let line = |client: u32| format!("192.0.2.{client} a.test http 200 \"GET /cart HTTP/1.1\" \"-\"");
    let lines: Vec<String> = (0..10).map(line).collect();
    let whole = count(OLD, &new, &lines);
    let mut parts = count(OLD, &new, &lines[..4]);
    parts.add(count(OLD, &new, &lines[4..]));
    assert_eq!(parts.classes.len(), 1);
    assert_eq!((parts.requests, parts.changed()), (whole.requests, whole.changed()));
    assert_eq!(parts.classes[0].clients.count(), 10);
}

#[test]
fn header_and_client_count_only_where_a_tree_asks_for_them() {
    let old = "map $http_user_agent $bot { ~bot 1; default 0; } server { listen 80; location / { return 200 $bot; } }";
    let new = "map $http_user_agent $bot { ~robot 1; default 0; } server { listen 80; location / { return 200 $bot; } }";
    let line = |agent: &str| format!("192.0.2.1 a.test http 200 \"GET / HTTP/1.1\" \"{agent}\"");
    let counted = count(old, new, &["a bot", "a robot", "a cat"].map(line));
    assert_eq!(counted.changed(), 1);
    let old = "server { listen 80; location / { deny 192.0.2.1; return 200 a; } }";
    let new = "server { listen 80; location / { deny 192.0.2.2; return 200 a; } }";
    let line = |client: u32| format!("192.0.2.{client} a.test http 200 \"GET / HTTP/1.1\" \"-\"");
    assert!(count(old, new, &[1, 2, 3].map(line)).requests == 3);
}

#[test]
fn scheme_that_a_log_lacks_is_read_from_its_status() {
    let tree = |answer: &str| {
        config(&format!(
            "server {{ listen 80; server_name a.test; return 301 https://a.test$request_uri; }}
             server {{ listen 443 ssl; server_name a.test; location / {{ return 200 {answer}; }} }}"
        ))
    };
    let (old, new) = (tree("old"), tree("new"));
    let (before, after) = (Router::new(&old), Router::new(&new));
    let seen = Remembered::default();
    let mut traffic = Traffic::new(&before, &after, [&old, &new], &seen, 7);
    let format = LogFormat::new("", Escape::Default, b"$host $status \"$request\"").unwrap();
    traffic.begin(0, &format, &Assumed { tls_ports: vec![443], ..Assumed::default() });
    for (status, number) in [301, 200, 200, 404].into_iter().zip(1..) {
        traffic.line(number, format!("a.test {status} \"GET / HTTP/1.1\"").as_bytes());
    }
    assert_eq!(traffic.counted().changed(), 3, "the redirect came from port 80, the rest did not");
}

#[test]
fn clients_on_both_sides_of_a_rule_are_told_apart_and_others_are_not() {
    let rules = "deny 192.0.2.128/25; allow 192.0.2.0/24; deny all;";
    let old = format!(
        "server {{ listen 80; server_name a.test; location / {{ {rules} proxy_pass http://127.0.0.1:9; }} }}"
    );
    let new = old.replace("192.0.2.128/25", "192.0.2.64/26");
    let line = |client: &str| format!("{client} a.test http 200 \"GET /x HTTP/1.1\" \"agent\"");
    // 64 to 127 may no more, 128 to 255 may now.
    let changed = ["192.0.2.64", "192.0.2.127", "192.0.2.128", "192.0.2.255"];
    let same = [
        "192.0.2.0",
        "192.0.2.63",
        "192.0.1.255",
        "192.0.3.0",
        "10.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "2001:db8::1",
    ];
    for first in [&changed[..], &same[..]] {
        let clients: Vec<&str> = first.iter().chain(&changed).chain(&same).copied().collect();
        let lines: Vec<String> = clients.iter().map(|client| line(client)).collect();
        let counted = count(&old, &new, &lines);
        let expected = clients.iter().filter(|client| changed.contains(client)).count() as u64;
        assert_eq!((counted.requests, counted.changed()), (clients.len() as u64, expected), "{clients:?}");
    }
}

#[test]
fn addresses_count_each_where_a_variable_holds_them() {
    let old = "map $remote_addr $who { default 1; 192.0.2.7 2; } server { listen 80; server_name a.test; \
               location / { deny 10.0.0.0/8; return 200 $who; } }";
    let new = old.replace("192.0.2.7 2", "192.0.2.7 3");
    let line = |client: u32| format!("192.0.2.{client} a.test http 200 \"GET /x HTTP/1.1\" \"agent\"");
    let lines: Vec<String> = (0..20).map(line).collect();
    assert_eq!(count(old, &new, &lines).changed(), 1);
}
