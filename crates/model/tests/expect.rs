//! What `routes.toml` expects, held against predicted routes and against what was seen.

use evenkeel_model::{
    Answer, Config, Coverage, Dependence, Expectation, Files, Judgement, Kind, Outcome, PassKind, Route,
    Seen, Settings, Step, Want, Wants, load,
};

const SHOP: &str = "events {}
http {
    upstream app { server 10.0.0.5:8080; server 10.0.0.6; }
    upstream named { server app.internal:8080; }
    server {
        server_name shop.test www.shop.test;
        location /cart { proxy_pass http://app; }
        location ~ \\.php$ { fastcgi_pass unix:/run/php.sock; }
    }
    server { listen 81; location / { location /in { return 404; } } }
}
";

fn shop() -> Config {
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let main = matches!(&want, Want::Bytes(path) if path == b"/etc/nginx/nginx.conf");
                let answer = if main { Answer::Bytes(SHOP.as_bytes().into()) } else { Answer::Absent };
                files.supply(want, answer);
            }),
        }
    }
}

/// A route that ends like this, by the first server and its first location.
fn ends(config: &Config, outcome: Outcome) -> Route {
    let server = &config.servers()[0];
    Route {
        outcome,
        server: Some(server.node),
        location: Some(server.locations[0].node),
        uri: b"/cart".to_vec(),
        steps: Vec::new(),
        depends_on: Vec::new(),
    }
}

fn passed() -> Outcome {
    Outcome::Pass {
        kind: PassKind::Proxy,
        upstream: Some("app".into()),
        servers: vec!["10.0.0.5:8080".into(), "10.0.0.6:80".into()],
        pass: b"http://app/cart".to_vec(),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn nothing() -> Expectation {
    Expectation::default()
}

#[test]
fn every_part_of_an_outcome_is_compared_and_what_is_absent_is_not() {
    let config = shop();
    let proxy = Some(Kind::Pass(PassKind::Proxy));
    let route = ends(&config, passed());
    let servers = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect());
    let holds = [
        nothing(),
        Expectation { kind: proxy, upstream: some("app"), pass: some("http://app/cart"), ..nothing() },
        Expectation { servers: servers(&["10.0.0.6:80", "10.0.0.5:8080"]), ..nothing() },
        Expectation { server: some("WWW.shop.test"), pattern: some("/cart"), ..nothing() },
        Expectation { server: some("nginx.conf:5"), pattern: some("nginx.conf:7"), ..nothing() },
    ];
    for expectation in holds {
        assert_eq!(expectation.judge(&route, &config), Judgement::Holds, "{expectation:?}");
    }
    let fails = [
        (
            Expectation { kind: Some(Kind::Redirect), location: some("x"), ..nothing() },
            "kind is proxy http://app/cart instead of redirect",
        ),
        (Expectation { upstream: some("blog"), ..nothing() }, "upstream is \"app\" instead of \"blog\""),
        (
            Expectation { pass: some("http://app/"), kind: proxy, ..nothing() },
            "pass is \"http://app/cart\" instead of \"http://app/\"",
        ),
        (
            Expectation { servers: servers(&["10.0.0.5:8080"]), ..nothing() },
            "servers is \"10.0.0.5:8080\", \"10.0.0.6:80\" instead of \"10.0.0.5:8080\"",
        ),
        (
            Expectation { path: some("/x"), ..nothing() },
            "path is absent (proxy http://app/cart) instead of \"/x\"",
        ),
        (
            Expectation { server: some("other"), ..nothing() },
            "server is \"shop.test\" at nginx.conf:5 instead of \"other\"",
        ),
        (
            Expectation { pattern: some("/"), ..nothing() },
            "pattern is \"/cart\" at nginx.conf:7 instead of \"/\"",
        ),
        (
            Expectation { upstream: some("a"), pass: some("b"), ..nothing() },
            "pass is \"http://app/cart\" instead of \"b\"; upstream is \"app\" instead of \"a\"",
        ),
    ];
    for (expectation, said) in fails {
        assert_eq!(expectation.lacks(&route, &config).as_deref(), Some(said));
    }
}

#[test]
fn status_location_and_body_are_those_of_the_configuration() {
    let config = shop();
    let redirect = ends(&config, Outcome::Redirect { status: 301, location: b"https://shop.test/".to_vec() });
    let moved = Expectation { status: Some(301), location: some("https://shop.test/"), ..nothing() };
    assert_eq!(moved.judge(&redirect, &config), Judgement::Holds);
    let said = Expectation { status: Some(302), ..nothing() }.lacks(&redirect, &config).unwrap();
    assert_eq!(said, "status is redirect 301 https://shop.test/ instead of 302");
    let answer = ends(&config, Outcome::Return { status: 200, body: Some(b"ok\n".to_vec()) });
    assert_eq!(Expectation { body: some("ok\n"), ..nothing() }.judge(&answer, &config), Judgement::Holds);
    let said = Expectation { body: some("no"), ..nothing() }.lacks(&answer, &config).unwrap();
    assert_eq!(said, "body is \"ok\\n\" instead of \"no\"");
    let error = ends(&config, Outcome::Error { status: 403, reason: "deny".into() });
    let said = Expectation { kind: Some(Kind::File), ..nothing() }.lacks(&error, &config).unwrap();
    assert_eq!(said, "kind is error 403: deny instead of file");
}

#[test]
fn what_rests_on_something_unknown_neither_holds_nor_fails() {
    let config = shop();
    let mut route = ends(&config, passed());
    route.depends_on = vec![Dependence::Module("rewrite".into())];
    let unknown = Judgement::Undecided(vec!["module:rewrite".into()]);
    for upstream in ["app", "blog"] {
        let expectation = Expectation { upstream: some(upstream), ..nothing() };
        assert_eq!(expectation.judge(&route, &config), unknown);
        assert_eq!(expectation.lacks(&route, &config), None);
    }
    // The server is chosen before all that.
    assert_eq!(
        Expectation { server: some("shop.test"), ..nothing() }.judge(&route, &config),
        Judgement::Holds
    );
    assert!(Expectation { server: some("x"), ..nothing() }.lacks(&route, &config).is_some());
    // That an upstream is asked does not rest on its answer; the status does.
    route.depends_on = vec![Dependence::UpstreamResponse];
    assert_eq!(Expectation { upstream: some("app"), ..nothing() }.judge(&route, &config), Judgement::Holds);
    let status = Expectation { status: Some(200), ..nothing() };
    assert_eq!(status.judge(&route, &config), Judgement::Undecided(vec!["upstream-response".into()]));
}

#[test]
fn which_file_is_undecided_while_nobody_knows_the_files_and_that_it_is_one_is_not() {
    let config = shop();
    let candidates = vec![b"/www/cart".to_vec(), b"/www/cart/index.html".to_vec()];
    let mut route = ends(&config, Outcome::Files { candidates });
    route.depends_on = vec![Dependence::FileExists(b"/www/cart".to_vec())];
    assert_eq!(Expectation { kind: Some(Kind::File), ..nothing() }.judge(&route, &config), Judgement::Holds);
    let all = Some(vec!["/www/cart".to_owned(), "/www/cart/index.html".to_owned()]);
    assert_eq!(Expectation { candidates: all, ..nothing() }.judge(&route, &config), Judgement::Holds);
    let path = Expectation { path: some("/www/cart"), ..nothing() };
    assert_eq!(path.judge(&route, &config), Judgement::Undecided(vec!["file-exists:/www/cart".into()]));
    let exact = ends(&config, Outcome::File { path: b"/www/cart".to_vec() });
    assert_eq!(path.judge(&exact, &config), Judgement::Holds);
}

#[test]
fn a_stub_that_was_reached_tells_upstream_and_uri() {
    let config = shop();
    let route = ends(&config, passed());
    let seen =
        Seen { status: Some(200), address: Some("10.0.0.6:80"), target: Some("/cart"), ..Seen::default() };
    let judge = |expectation: Expectation, seen: &Seen<'_>| expectation.judge_seen(seen, &route, &config);
    let kind = Some(Kind::Pass(PassKind::Proxy));
    let whole = Expectation { kind, upstream: some("app"), pass: some("http://app/cart"), ..nothing() };
    assert_eq!(judge(whole.clone(), &seen), Judgement::Holds);
    let elsewhere = Seen { address: Some("10.0.0.9:80"), ..seen };
    let said = judge(Expectation { upstream: some("app"), ..nothing() }, &elsewhere).fails().unwrap();
    assert_eq!(said, "upstream is 10.0.0.9:80 instead of \"app\"");
    let told = Seen { upstream: Some("named"), ..seen };
    assert_eq!(judge(Expectation { upstream: some("named"), ..nothing() }, &told), Judgement::Holds);
    let other = Seen { target: Some("/"), ..seen };
    let said = judge(Expectation { pass: some("http://app/cart"), ..nothing() }, &other).fails().unwrap();
    assert_eq!(said, "pass is passed to 10.0.0.6:80 asked for / instead of \"http://app/cart\"");
    let by_itself = Seen { status: Some(404), ..Seen::default() };
    let said = judge(whole.clone(), &by_itself).fails().unwrap();
    assert_eq!(said, "kind is answered 404 instead of proxy");
    assert_eq!(judge(whole, &Seen::default()).fails().unwrap(), "kind is no answer instead of proxy");
    // A stub's 200 is not the application's.
    let status = Expectation { status: Some(404), ..nothing() };
    assert_eq!(judge(status, &seen), Judgement::Undecided(vec!["upstream-response".into()]));
    // Which address a name has inside the sandbox says nothing.
    let named = judge(Expectation { upstream: some("named"), ..nothing() }, &seen);
    assert!(matches!(named, Judgement::Undecided(_)), "{named:?}");
}

#[test]
fn what_nginx_answers_itself_tells_kind_status_and_location() {
    let config = shop();
    let target = b"https://shop.test/".to_vec();
    let route = ends(&config, Outcome::Redirect { status: 301, location: target });
    let seen = Seen { status: Some(301), location: Some("https://shop.test/"), ..Seen::default() };
    let moved = Expectation {
        kind: Some(Kind::Redirect),
        status: Some(301),
        location: some("https://shop.test/"),
        server: some("shop.test"),
        ..nothing()
    };
    assert_eq!(moved.judge_seen(&seen, &route, &config), Judgement::Holds);
    let http = Seen { location: Some("http://shop.test/"), ..seen };
    let said = moved.judge_seen(&http, &route, &config).fails().unwrap();
    assert_eq!(said, "location is answered 301 to http://shop.test/ instead of \"https://shop.test/\"");
    let other_server = Expectation { server: some("other"), ..moved };
    assert!(other_server.judge_seen(&seen, &route, &config).fails().unwrap().starts_with("server is"));
    let file = Expectation { kind: Some(Kind::File), ..nothing() };
    let mut route = ends(&config, Outcome::Files { candidates: vec![b"/www/x".to_vec()] });
    route.depends_on = vec![Dependence::FileExists(b"/www/x".to_vec())];
    let gone = Seen { status: Some(404), ..Seen::default() };
    assert!(matches!(file.judge_seen(&gone, &route, &config), Judgement::Undecided(_)));
    let there = Seen { status: Some(200), ..Seen::default() };
    assert_eq!(file.judge_seen(&there, &route, &config), Judgement::Holds);
    assert!(file.judge_seen(&seen, &route, &config).fails().is_some());
}

#[test]
fn coverage_counts_every_block_on_the_way() {
    let config = shop();
    let mut route = ends(&config, passed());
    let coverage = Coverage::of(&config, [&route]);
    assert_eq!((coverage.total, coverage.covered(), coverage.percent()), (6, 2, 33));
    let missing: Vec<u32> = coverage.missing.iter().map(|node| config.node(*node).line()).collect();
    assert_eq!(missing, [8, 10, 10, 10]);
    // A location that a request left again by an internal redirect was reached, too.
    let inner = &config.servers()[0].locations[1];
    route.steps.push(Step { what: "location", text: String::new(), node: Some(inner.node) });
    assert_eq!(Coverage::of(&config, [&route]).covered(), 3);
    assert_eq!(Coverage::of(&config, []).percent(), 0);
}
