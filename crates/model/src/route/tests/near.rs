//! Near misses: what lost, why, and the edit that turns it round.

use super::{config, request};
use crate::{Router, World};

/// The near misses of a request, a line each.
fn near(http: &str, asked: &str) -> Vec<String> {
    let config = config(http);
    let router = Router::new(&config);
    let misses = router.near_misses(&request(asked), &World::default(), 3);
    let line = |miss: &crate::NearMiss| {
        let edited = miss.edited.as_ref().map(crate::Request::url);
        let end = edited.or(miss.why_not.clone()).unwrap_or_else(|| String::from("-"));
        format!("{}: {}: {end}", config.node(miss.rival).line(), miss.why)
    };
    misses.iter().map(line).collect()
}

#[test]
fn rivals_are_told_with_the_smallest_edit_that_they_take() {
    let http = "server {
        location / { return 200 a; }
        location /cart { return 200 b; }
        location = /cart/x { return 200 c; }
        location ~ \\.php$ { return 200 d; }
    }";
    assert_eq!(
        near(http, "GET http://h/cart/y"),
        [
            "3: the URI begins with it, but location /cart (nginx.conf:4) comes before it: GET http://h/car/y",
            "5: the URI is not equal to it: GET http://h/cart/x",
            "6: its regex does not match: GET http://h/cart/y.php",
        ]
    );
}

#[test]
fn other_servers_are_near_by_their_names() {
    let http = "server { server_name a.test; }\nserver { server_name shop.test; }\nserver { server_name shop.example; }";
    assert_eq!(
        near(http, "GET http://shop.tst/"),
        ["3: none of its names is the one that was asked for: GET http://shop.test/"]
            .into_iter()
            .map(str::to_owned)
            .chain(
                ["4: none of its names is the one that was asked for: GET http://shop.example/".to_owned()]
            )
            .collect::<Vec<_>>()
    );
}

#[test]
fn dead_location_is_told_by_what_takes_its_requests() {
    let http = "server {\nlocation ~ ^/a { }\nlocation ~ ^/ab { }\nlocation /b { }\n}";
    let lines = near(http, "GET http://h/abc");
    assert!(lines.iter().any(|line| line.starts_with("4: its regex matches, but")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("no URI leads there: location ~ ^/a (nginx.conf:3)")),
        "{lines:#?}"
    );
}
