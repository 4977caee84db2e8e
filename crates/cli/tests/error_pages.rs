//! `error-pages` on a real nginx with everything behind it down: what users get, and what a rehearsal says of it.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use support::{Host, PATIENCE, free_port};

/// Asks as a user does; gives the whole answer.
fn ask(host: &Host, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", host.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head =
        format!("{request} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (answer[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

/// A site whose upstreams refuse, are silent, and are switched off by hand.
fn site(host: &Host, silent: u16, include: &str) -> String {
    let (port, dead) = (host.port, free_port());
    format!(
        "server {{\n    listen 127.0.0.1:{port};\n    server_name shop.test;\n    {include}\n    \
         location / {{ proxy_pass http://127.0.0.1:{dead}; }}\n    \
         location /slow {{ proxy_pass http://127.0.0.1:{silent}; proxy_read_timeout 100ms; }}\n    \
         location /off {{ return 503; }}\n    location /closed {{ auth_basic x; auth_basic_user_file /dev/null; \
         proxy_pass http://127.0.0.1:{dead}; }}\n    location ~ /\\. {{ deny all; }}\n}}\n"
    )
}

#[test]
fn users_get_the_page_with_the_status_of_the_error_while_everything_is_down() {
    let host = Host::new();
    // It accepts, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let pages = host.path("etc/error-pages");
    let pages = pages.to_str().unwrap();
    let ran =
        host.run(&["error-pages", pages, "--site", "Tea & Co", "--contact", "help@shop.example"]).ends(0);
    let include = format!("include \"{pages}/error-pages.conf\";");
    let ran = ran.says(&include);
    assert!(ran.out.contains(&format!("wrote {pages}/502.html\n")), "{ran:?}");
    host.write("etc/sites/shop.conf", &site(&host, silent.local_addr().unwrap().port(), &include));
    host.write("etc/routes.toml", "");
    host.start_nginx();
    for (request, status, title) in [
        ("GET /", 502, "We cannot be reached right now"),
        ("POST /cart?x=1", 502, "We cannot be reached right now"),
        ("GET /.well-known/x", 403, ""),
        ("GET /slow", 504, "This takes too long"),
        ("GET /off", 503, "We will be back soon"),
        ("GET /closed", 401, ""),
    ] {
        let (is, head, body) = ask(&host, request);
        assert_eq!(is, status, "{request}: {head}");
        if title.is_empty() {
            continue;
        }
        assert!(
            body.contains(&format!("<h1>{title}</h1>")) && body.contains("Tea &amp; Co"),
            "{request}: {body}"
        );
        assert!(head.contains("content-type: text/html; charset=utf-8"), "{request}: {head}");
    }
    let (status, head, body) = ask(&host, "HEAD /");
    assert!(status == 502 && body.is_empty() && head.contains("content-type: text/html"), "{head}");
    // Nobody can ask for a page as if it were one.
    let (status, _, body) = ask(&host, "GET /.error-pages/502.html");
    assert!(status == 404 && !body.contains("Tea"), "{status} {body}");

    let tree = host.path("etc");
    let tree = tree.to_str().unwrap();
    let said = host.run(&["check", tree, "--json"]).json();
    let found = said["findings"].as_array().unwrap();
    assert!(
        found.iter().all(|it| !it["file"].as_str().unwrap_or_default().contains("error-pages")),
        "{said:#}"
    );
}

#[test]
fn rehearsal_tells_of_the_page_that_is_missing_and_is_content_with_those_that_are_written() {
    let host = Host::new();
    let rules = |host: &Host| {
        let tree = host.path("etc");
        let said = host.run(&["rehearse", tree.to_str().unwrap(), "--offline", "--json"]).ends(0).json();
        let rules =
            said["findings"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap().to_owned());
        (rules.collect::<Vec<_>>(), said)
    };
    let (found, said) = rules(&host);
    assert_eq!(found, ["no-error-page"], "{said:#}");
    let pages = host.path("etc/error-pages");
    let pages = pages.to_str().unwrap();
    host.run(&["error-pages", pages]).ends(0);
    let include = format!("server_name shop.test;\n    include \"{pages}/error-pages.conf\";");
    host.write("etc/sites/shop.conf", &host.good_site().replace("server_name shop.test;", &include));
    let (found, said) = rules(&host);
    assert!(found.is_empty(), "{said:#}");
    let down = &said["runs"][0]["down"][0]["seen"];
    assert_eq!(down["status"], 502, "{said:#}");
    assert!(down["page"].as_str().unwrap().contains("We cannot be reached"), "{said:#}");
}

#[test]
fn nothing_is_written_over_and_no_path_is_misread() {
    let host = Host::new();
    let pages = host.path("pages");
    let pages = pages.to_str().unwrap();
    host.write("pages/503.html", "mine");
    host.run(&["error-pages", pages]).ends(2).says("503.html: it is there already; --force writes over it");
    assert!(!host.path("pages/500.html").exists() && host.read("pages/503.html") == "mine");
    let ran = host.run(&["error-pages", pages, "--force", "--at", "/etc/nginx/pages", "--json"]).ends(0);
    assert_eq!(ran.json()["include"], "include \"/etc/nginx/pages/error-pages.conf\";");
    assert!(host.read("pages/error-pages.conf").contains("alias \"/etc/nginx/pages/\";"));
    for (at, why) in [("/srv/$host", "takes '$' for something else"), ("pages", "must be absolute")] {
        host.run(&["error-pages", pages, "--force", "--at", at]).ends(2).says(why);
    }
    let long = "x".repeat(201);
    host.run(&["error-pages", pages, "--force", "--site", &long]).ends(2).says("longer than 200 characters");
    host.write("file", "");
    let below = host.path("file/pages");
    host.run(&["error-pages", below.to_str().unwrap(), "--json"]).ends(2);
    // A pipe in the place of a page is nobody's page: writing into it would wait for a reader.
    let pipe = host.path("piped/502.html");
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut child =
        host.evenkeel(&["error-pages", host.path("piped").to_str().unwrap(), "--force"]).spawn().unwrap();
    let begun = std::time::Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < PATIENCE, "it waits for the pipe");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(code, Some(2));
}
