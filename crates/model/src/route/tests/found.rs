//! What the random test of `tests/route` found: what nginx did, and the router once did not say.

use std::collections::BTreeMap;

use super::*;
use crate::{Atom, Is, Version, World};

/// Asks what was asked of an nginx of this release, and compares where that ended: the line (of `http`, whose first is 2),
/// the status, and what was answered. `files` are there, and no others; what an upstream answers is told by `X-Status`, the
/// password of `user` is `good`, no limit is reached, and no client has a certificate.
fn nginx_says(version: &str, http: &str, files: &[&str], asked: &Request, expected: &str) {
    let text = format!("events {{}} http {{\n{http}\n}}");
    let mut settings = Settings::new(*b"/srv/nginx.conf");
    settings.prefix = b"/srv".to_vec();
    settings.version = Version::parse(version);
    let mut known = Files::new();
    let config = loop {
        match load(&settings, &mut known) {
            Ok(config) => break config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == b"/srv/nginx.conf" => Answer::Bytes(text.as_bytes().into()),
                    _ => Answer::Absent,
                };
                known.supply(want, answer);
            }),
        }
    };
    let kind = |path: &[u8]| {
        let path = String::from_utf8_lossy(path).into_owned();
        let path = path.trim_end_matches('/');
        if files.contains(&path) {
            FileKind::File
        } else if files.iter().any(|file| file.starts_with(&format!("{path}/"))) {
            FileKind::Directory
        } else {
            FileKind::Absent
        }
    };
    let status = asked.header("X-Status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    let is_good = asked.header("Authorization") == Some(b"Basic dXNlcjpnb29k");
    let world = World(BTreeMap::from([
        (Atom::Upstream(Vec::new()), Is::Status(status.unwrap_or(200))),
        (Atom::Password(Vec::new()), if is_good { Is::Yes } else { Is::No }),
        (Atom::Limit(String::new()), Is::No),
        (Atom::Other(String::from("ssl_verify_client")), Is::No),
    ]));
    let route = Router::new(&config).with_files(kind).route_in(asked, &world);
    assert_eq!(said(&config, &route, status.unwrap_or(200)), expected);
}

fn said(config: &Config, route: &Route, upstream: u16) -> String {
    let line = route.location.or(route.server).map_or(0, |node| config.node(node).line());
    let status = route.status.unwrap_or(upstream);
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let end = match &route.outcome {
        Outcome::Pass { pass, .. } => format!("{status} pass {}", text(pass)),
        Outcome::File { path } => format!("{status} file {}", text(path)),
        Outcome::Files { .. } => format!("{status} files"),
        Outcome::Redirect { status, location } => format!("{status} to {}", text(location)),
        Outcome::Return { status, body: Some(body) } if !body.is_empty() => {
            format!("{status} body {}", text(body))
        }
        Outcome::Return { status, .. } | Outcome::Error { status, .. } => status.to_string(),
        Outcome::Close { .. } => String::from("close"),
    };
    let open: Vec<String> = route.depends_on.iter().map(ToString::to_string).collect();
    let open = if open.is_empty() { String::new() } else { format!(" ? {}", open.join(" ")) };
    format!("{line} {end}{open}")
}

#[test]
fn passing_on_to_a_memcached_takes_a_key() {
    let http = "server { location /none { memcached_pass 127.0.0.1:9007; }\n\
                location /empty { set $memcached_key \"\"; memcached_pass 127.0.0.1:9007; }\n\
                location /key { set $memcached_key k; memcached_pass 127.0.0.1:9007; } }";
    nginx_says("1.22.1", http, &[], &request("GET http://h/none"), "2 500");
    nginx_says("1.22.1", http, &[], &request("GET http://h/empty"), "3 500");
    nginx_says(
        "1.22.1",
        http,
        &[],
        &request("GET http://h/key"),
        "4 200 pass memcached://127.0.0.1:9007/key",
    );
    nginx_says("1.22.1", http, &[], &request("POST http://h/empty"), "3 405");
}

#[test]
fn address_of_a_client_is_mapped_where_a_socket_takes_both_kinds() {
    let http = "server { listen [::]:8003 ipv6only=off;\n\
                location / { return 200 \"$remote_addr $server_addr\"; }\n\
                location /six { deny ::/0; }\n\
                location /four { allow 127.0.0.1; deny ::/0; }\n\
                location /to { return 301 /x; } }";
    let mut asked = request("GET http://h/");
    asked.listen = Some(LocalAddress::Inet("127.0.0.2:8003".parse().unwrap()));
    asked.client = Some("127.0.0.1".parse().unwrap());
    asked.version = HttpVersion::V1_0;
    asked.headers.clear();
    let mut ask = |target: &str, expected: &str| {
        asked.target = target.as_bytes().to_vec();
        nginx_says("1.22.1", http, &[], &asked, expected);
    };
    ask("/", "3 200 body ::ffff:127.0.0.1 ::ffff:127.0.0.2");
    ask("/six", "4 403");
    ask("/four", "5 404");
    ask("/to", "6 301 to http://::ffff:127.0.0.2:8003/x");
}

#[test]
fn value_is_measured_before_it_is_written() {
    let http = "map $arg_q $k { ~^(..)(.*)$ <$2>; } server {\n\
                location ~ ^/c(.*) { return 200 \"[$1] $k [$1]\"; }\n\
                location / { return 200 \"$1 $k $1\"; }\n\
                location ~ ^/e(.*) { rewrite ^/e(.*) /$1-$k-$1? permanent; }\n\
                location ~ ^/s(.*) { set $z \"[$1] $k\"; return 200 $z; } }";
    let ask = |target: &str, expected: &str| {
        nginx_says("1.22.1", http, &[], &request(&format!("GET http://h{target}")), expected);
    };
    ask("/cabc?q=123", "3 200 body [12] <3> [12]");
    ask("/cabc?q=1", "3 200 body [abc]  [abc]");
    ask("/b?q=123", "4 500");
    ask("/eabc?q=123", "5 301 to http://h/12-<3>-12");
    ask("/sabc?q=123", "6 200 body [12] <3>");
}

#[test]
fn subrequest_that_is_passed_on_gets_what_the_upstream_says() {
    let http = "server { auth_request /auth; location = /auth { proxy_pass http://127.0.0.1:9000; } }";
    let mut asked = request("GET http://h/");
    let files = &["/srv/html/index.html"];
    for (status, expected) in
        [("401", "2 401"), ("403", "2 403"), ("404", "2 500"), ("204", "2 200 file /srv/html/index.html")]
    {
        asked.headers.truncate(1);
        asked.headers.push((b"X-Status".to_vec(), status.as_bytes().to_vec()));
        nginx_says("1.22.1", http, files, &asked, expected);
    }
}

#[test]
fn error_of_an_upstream_is_intercepted_where_that_is_wanted() {
    let http = "server { error_page 502 = /e;\n\
                location / { proxy_pass http://127.0.0.1:9000; }\n\
                location /i { proxy_intercept_errors on; proxy_pass http://127.0.0.1:9000; }\n\
                location /e { return 200 e; } }";
    let mut asked = request("GET http://h/");
    asked.headers.push((b"X-Status".to_vec(), b"502".to_vec()));
    nginx_says("1.22.1", http, &[], &asked, "3 502 pass http://127.0.0.1:9000/");
    asked.target = b"/i".to_vec();
    nginx_says("1.22.1", http, &[], &asked, "5 200 body e");
}

#[test]
fn refusal_is_not_forgotten_when_another_guard_fails() {
    let http = "satisfy any; server { error_page 500 /e;\n\
                location /x { deny all; auth_request /none; }\n\
                location /e { return 200; } location /f { } }";
    nginx_says("1.22.1", http, &[], &request("GET http://h/x"), "4 500");
    let http = http.replace("error_page 500 /e", "error_page 500 /f");
    nginx_says("1.22.1", &http, &[], &request("GET http://h/x"), "4 403");
}

#[test]
fn redirect_that_a_page_takes_over_leaves_its_location() {
    let http = "server { error_page 301 /e; location / { return 301; }\n\
                location /e { empty_gif; }\n\
                location /to { return 301 /x; } }";
    nginx_says("1.22.1", http, &[], &request("GET http://h/"), "3 301 to ");
    nginx_says("1.22.1", http, &[], &request("GET http://h/to"), "3 301 to http://h/x");
}

#[test]
fn connect_may_be_broken_before_it_is_too_long() {
    let mut asked = request("CONNECT http://h/");
    asked.target = [b"/?", &[b'a'; 9_000][..]].concat();
    nginx_says("1.31.3", "server { }", &[], &asked, "2 414 ? module:large_client_header_buffers");
    asked.method = b"GET".to_vec();
    nginx_says("1.31.3", "server { }", &[], &asked, "2 414");
}

#[test]
fn listing_takes_the_last_byte_of_an_alias_for_a_slash() {
    let http = "autoindex on; server { location ^~ /err/ { alias www/img; }\n\
                location /a/ { alias www/a; }\n\
                location /b/ { alias www/b/; } }";
    let files = &["/srv/www/img/1.png", "/srv/www/a/x", "/srv/www/b/x"];
    nginx_says("1.22.1", http, files, &request("GET http://h/err/"), "2 404");
    nginx_says("1.22.1", http, files, &request("GET http://h/a/"), "3 200 file /srv/www/");
    nginx_says("1.22.1", http, files, &request("GET http://h/b/"), "4 200 file /srv/www/b/");
}

#[test]
fn missing_slash_is_not_completed_where_variables_say_which_uwsgi_is_asked() {
    let http = "server { location = /a/ { uwsgi_pass 127.0.0.1:$arg_p; }\n\
                location /b/ { uwsgi_pass 127.0.0.1:9004; }\n\
                location /c/ { fastcgi_pass 127.0.0.1:$arg_p; } }";
    nginx_says("1.22.1", http, &[], &request("GET http://h/a"), "2 404");
    nginx_says("1.22.1", http, &[], &request("GET http://h/b"), "3 301 to http://h/b/");
    nginx_says("1.22.1", http, &[], &request("GET http://h/c"), "4 301 to http://h/c/");
}

#[test]
fn empty_uri_is_passed_on() {
    let http = "server { error_page 405 /d; location /x { return 405; }\n\
                location / { try_files $arg_none/ /y; proxy_pass http://127.0.0.1:9000; } }";
    let expected = "3 405 pass http://127.0.0.1:9000";
    nginx_says("1.22.1", http, &["/srv/html/f"], &request("GET http://h/x"), expected);
}

#[test]
fn length_of_a_body_in_chunks_is_not_known() {
    let mut asked = request("GET http://h/");
    asked.headers.push((b"Transfer-Encoding".to_vec(), b"chunked".to_vec()));
    let expected = "2 200 body $content_length ? module:$content_length";
    nginx_says("1.22.1", "server { return 200 $content_length; }", &[], &asked, expected);
}

#[test]
fn volatile_map_is_asked_once_for_a_value_and_again_by_code() {
    let http = "map $1 $o { volatile; ~^(.)(.*)$ [$2]; default -; } server {\n\
                location ~ ^/c(.*) { return 200 \"c$o$o$o\"; }\n\
                location ~ ^/d(.*) { set $z \"d$o$o$o\"; return 200 \"$z|$1\"; }\n\
                location ~ ^/f(.*) { set $z $o; return 200 \"f$z|$1\"; }\n\
                location ~ ^/h(.*) { return 200 \"h$1$o|$o$1\"; }\n\
                location ~ ^/e { rewrite ^/e(.*) /x$o$o permanent; } }";
    let ask = |target: &str, expected: &str| {
        nginx_says("1.22.1", http, &[], &request(&format!("GET http://h{target}")), expected);
    };
    ask("/cabcdefg", "3 200 body c[bcdefg][bcdefg][bcdefg]");
    ask("/dabcdefg", "4 200 body d[][][]|a");
    ask("/fabcdefg", "5 200 body f[]|a");
    ask("/habc", "6 200 body ha[bc]|[bc]a");
    ask("/eabcdefg", "7 301 to http://h/x[][]");
}

#[test]
fn request_of_which_the_line_is_broken_has_no_method() {
    let http = "server { error_page 400 http://x/$request_method; }";
    let mut asked = request("GET http://h/");
    asked.target = b"\"".to_vec();
    nginx_says("1.22.1", http, &[], &asked, "2 302 to http://x/");
    asked.target = b"/..".to_vec();
    nginx_says("1.22.1", http, &[], &asked, "2 302 to http://x/GET");
    let page = "server { error_page 400 /e; location /e { return 200 $request_method; } }";
    asked.target = b"\"".to_vec();
    nginx_says("1.22.1", page, &[], &asked, "2 400 body GET");
}

#[test]
fn limit_except_passes_on_as_the_first_module_does() {
    let http = "server { location / { proxy_pass http://127.0.0.1:9000; grpc_pass 127.0.0.1:9006;\n\
                limit_except PUT { } } }";
    nginx_says("1.22.1", http, &[], &request("PUT http://h/"), "2 200 pass grpc://127.0.0.1:9006/");
    nginx_says("1.22.1", http, &[], &request("GET http://h/"), "2 200 pass http://127.0.0.1:9000/");
}
