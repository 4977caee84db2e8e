//! Witnesses.

use super::*;

/// `line request`, or `line - why`.
fn shown(http: &str) -> Vec<String> {
    let config = config(http);
    let found = witnesses(&config).into_iter().map(|witness| {
        let line = config.node(witness.node).line();
        match (witness.request, witness.why_not) {
            (Some(request), None) => format!("{line} {}", request.url()),
            (None, Some(why)) => format!("{line} - {why}"),
            other => panic!("{other:?}"),
        }
    });
    found.collect()
}

#[test]
fn every_block_has_its_plainest_request_or_a_reason() {
    assert_eq!(
        shown(
            "server { listen 80; server_name a.test;\n\
             location = /x { }\n\
             location /y { location ~ \\.php$ { } }\n\
             location ~ ^/user/(\\d+)$ { }\n\
             location @n { }\n\
             location /i { internal; }\n\
             location ~ ^/u { location /u/x { } }\n\
             location ~ ^/user/1 { } }\n\
             server { listen 443 ssl; server_name *.b.test; return 200;\n\
             location / { } }\n\
             server { listen 80; server_name a.test; }"
        ),
        [
            "2 GET http://a.test/",
            "3 GET http://a.test/x",
            "4 GET http://a.test/y",
            "4 GET http://a.test/y.php",
            "5 GET http://a.test/user/1",
            "6 - a named location is reached from inside only",
            "7 - it is internal: clients get 404",
            "8 GET http://a.test/u",
            "8 - it stands in the regex location of line 8, where nginx compares no texts",
            "9 - GET http://a.test/user/1 ends in location ~ ^/user/(\\d+)$ (nginx.conf:5)",
            "10 GET https://www.b.test/",
            "11 - GET https://www.b.test/ ends in server (nginx.conf:10)",
            "12 - no name and no address leads to this server alone: others take them first",
        ]
    );
}

#[test]
fn server_for_the_rest_of_the_world_is_asked_by_a_name_that_somebody_sends() {
    let rest = shown("server { listen 80; server_name _; return 200; }");
    assert_eq!(rest, ["2 GET http://localhost/"]);
    let other = shown("server { listen 80; return 404; }\nserver { listen 80; server_name _; return 200; }");
    assert_eq!(other, ["2 GET http://localhost/", "3 GET http://_/"]);
}

#[test]
fn ten_thousand_servers_are_routed_at_once() {
    let servers: Vec<String> = (0..10_000)
        .map(|n| format!("server {{ listen 80; server_name s{n}.test *.s{n}.test; location / {{ proxy_pass http://10.0.0.1; }} location ~ \\.php$ {{ return 200; }} }}"))
        .collect();
    let config = config(&servers.join("\n"));
    let router = Router::new(&config);
    for n in [0, 5_000, 9_999] {
        let found = router.route(&request(&format!("GET http://www.s{n}.test/a.php")));
        assert_eq!(told(&config, &found), format!("{} return 200", n + 2));
    }
}
