//! What `routes.toml` expects, held against predicted routes and against what was seen.

use evenkeel_model::{
    Answer, Config, Coverage, Dependence, Expectation, Facts, Files, Judgement, Kind, Outcome, PassKind,
    Request, Route, Router, Seen, Settings, Step, Want, Wants, Witness, load, suggest,
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
        status: match &outcome {
            Outcome::Redirect { status, .. }
            | Outcome::Return { status, .. }
            | Outcome::Error { status, .. } => Some(*status),
            Outcome::File { .. } | Outcome::Files { .. } => Some(200),
            Outcome::Pass { .. } | Outcome::Close { .. } => None,
        },
        outcome,
        listen: None,
        server: Some(server.node),
        location: Some(server.locations[0].node),
        uri: b"/cart".to_vec(),
        steps: Vec::new(),
        depends_on: Vec::new(),
        facts: Facts::default(),
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
            "kind: expected redirect, found proxy http://app/cart",
        ),
        (Expectation { upstream: some("blog"), ..nothing() }, "upstream: expected \"blog\", found \"app\""),
        (
            Expectation { pass: some("http://app/"), kind: proxy, ..nothing() },
            "pass: expected \"http://app/\", found \"http://app/cart\"",
        ),
        (
            Expectation { servers: servers(&["10.0.0.5:8080"]), ..nothing() },
            "servers: expected \"10.0.0.5:8080\", found \"10.0.0.5:8080\", \"10.0.0.6:80\"",
        ),
        (
            Expectation { path: some("/x"), ..nothing() },
            "path: expected \"/x\", found absent (proxy http://app/cart)",
        ),
        (
            Expectation { server: some("other"), ..nothing() },
            "server: expected \"other\", found \"shop.test\" at nginx.conf:5",
        ),
        (
            Expectation { pattern: some("/"), ..nothing() },
            "pattern: expected \"/\", found \"/cart\" at nginx.conf:7",
        ),
        (
            Expectation { upstream: some("a"), pass: some("b"), ..nothing() },
            "pass: expected \"b\", found \"http://app/cart\"; upstream: expected \"a\", found \"app\"",
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
    assert_eq!(said, "status: expected 302, found redirect 301 https://shop.test/");
    let answer = ends(&config, Outcome::Return { status: 200, body: Some(b"ok\n".to_vec()) });
    assert_eq!(Expectation { body: some("ok\n"), ..nothing() }.judge(&answer, &config), Judgement::Holds);
    let said = Expectation { body: some("no"), ..nothing() }.lacks(&answer, &config).unwrap();
    assert_eq!(said, "body: expected \"no\", found \"ok\\n\"");
    let error = ends(&config, Outcome::Error { status: 403, reason: "deny".into() });
    let said = Expectation { kind: Some(Kind::File), ..nothing() }.lacks(&error, &config).unwrap();
    assert_eq!(said, "kind: expected file, found error 403: deny");
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
    // A limit counts the requests before this one: there are none.
    let app = Expectation { kind: Some(Kind::Pass(PassKind::Proxy)), upstream: some("app"), ..nothing() };
    route.depends_on = vec![Dependence::Module("limit_req".into())];
    assert_eq!(app.judge(&route, &config), Judgement::Holds);
    let limited = Seen { status: Some(503), ..Seen::default() };
    let by_limit = Judgement::Undecided(vec!["module:limit_req".into()]);
    assert_eq!(app.judge_seen(&limited, &route, &config), by_limit);
    // That an upstream is asked does not rest on its answer; the status does.
    route.depends_on = vec![Dependence::UpstreamResponse];
    assert_eq!(Expectation { upstream: some("app"), ..nothing() }.judge(&route, &config), Judgement::Holds);
    let status = Expectation { status: Some(200), ..nothing() };
    assert_eq!(status.judge(&route, &config), Judgement::Undecided(vec!["upstream-response".into()]));
}

#[test]
fn which_file_is_served_is_undecided_while_nobody_knows_which_are_there() {
    let config = shop();
    let candidates = vec![b"/www/cart".to_vec(), b"/www/cart/index.html".to_vec()];
    let mut route = ends(&config, Outcome::Files { candidates });
    route.depends_on = vec![Dependence::FileExists(b"/www/cart".to_vec())];
    let unknown = Judgement::Undecided(vec!["file-exists:/www/cart".into()]);
    let file = Expectation { kind: Some(Kind::File), ..nothing() };
    let path = Expectation { path: some("/www/cart"), ..nothing() };
    let gone = Expectation { kind: Some(Kind::Error), status: Some(404), ..nothing() };
    for expectation in [&file, &path, &gone] {
        assert_eq!(expectation.judge(&route, &config), unknown);
    }
    // Which file is looked for does not rest on whether it is there, where it is only one.
    route.outcome = Outcome::File { path: b"/www/cart".to_vec() };
    assert_eq!(file.judge(&route, &config), Judgement::Holds);
    assert_eq!(path.judge(&route, &config), Judgement::Holds);
    assert_eq!(gone.judge(&route, &config), unknown);
    let exact = ends(&config, Outcome::File { path: b"/www/cart".to_vec() });
    let all = Some(vec!["/www/cart".to_owned(), "/www/cart/index.html".to_owned()]);
    assert_eq!(Expectation { candidates: all, ..nothing() }.judge(&exact, &config), Judgement::Holds);
    assert!(gone.lacks(&exact, &config).is_some());
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
    assert_eq!(said, "upstream: expected \"app\", found 10.0.0.9:80");
    let told = Seen { upstream: Some("named"), ..seen };
    assert_eq!(judge(Expectation { upstream: some("named"), ..nothing() }, &told), Judgement::Holds);
    let other = Seen { target: Some("/"), ..seen };
    let said = judge(Expectation { pass: some("http://app/cart"), ..nothing() }, &other).fails().unwrap();
    assert_eq!(said, "pass: expected \"http://app/cart\", found passed to 10.0.0.6:80 asked for /");
    // The path of a socket ends where the socket does.
    for pass in ["http://unix:/run/app.sock:/cart", "fastcgi://unix:/run/app.sock/cart"] {
        let socket = Seen { address: Some("unix:/run/app.sock"), ..seen };
        let by_socket = Expectation { pass: some(pass), ..nothing() };
        assert_eq!(judge(by_socket.clone(), &socket), Judgement::Holds);
        assert!(judge(by_socket, &Seen { address: Some("unix:/run/b"), ..seen }).fails().is_some());
    }
    let by_itself = Seen { status: Some(404), ..Seen::default() };
    let said = judge(whole.clone(), &by_itself).fails().unwrap();
    assert_eq!(said, "kind: expected proxy, found answered 404");
    assert_eq!(judge(whole, &Seen::default()).fails().unwrap(), "kind: expected proxy, found no answer");
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
    assert_eq!(said, "location: expected \"https://shop.test/\", found answered 301 to http://shop.test/");
    let other_server = Expectation { server: some("other"), ..moved };
    assert!(other_server.judge_seen(&seen, &route, &config).fails().unwrap().starts_with("server: "));
    let file = Expectation { kind: Some(Kind::File), ..nothing() };
    let mut route = ends(&config, Outcome::Files { candidates: vec![b"/www/x".to_vec()] });
    route.depends_on = vec![Dependence::FileExists(b"/www/x".to_vec())];
    let gone = Seen { status: Some(404), ..Seen::default() };
    assert!(matches!(file.judge_seen(&gone, &route, &config), Judgement::Undecided(_)));
    let there = Seen { status: Some(200), ..Seen::default() };
    assert_eq!(file.judge_seen(&there, &route, &config), Judgement::Holds);
    let mut exact = Route { depends_on: Vec::new(), ..route };
    assert!(file.judge_seen(&gone, &exact, &config).fails().is_some());
    exact.status = Some(404);
    assert_eq!(file.judge_seen(&gone, &exact, &config), Judgement::Holds, "an error_page that is a file");
    assert!(file.judge_seen(&seen, &exact, &config).fails().is_some());
}

#[test]
fn coverage_counts_every_block_on_the_way() {
    let config = shop();
    let mut route = ends(&config, passed());
    let coverage = Coverage::of(&config, [(&route, &[][..])]);
    assert_eq!((coverage.total, coverage.covered(), coverage.percent()), (6, 2, 33));
    let missing: Vec<u32> = coverage.missing.iter().map(|node| config.node(*node).line()).collect();
    assert_eq!(missing, [8, 10, 10, 10]);
    // A location that a request left again by an internal redirect was reached, too.
    let inner = &config.servers()[0].locations[1];
    route.steps.push(Step { what: "location", text: String::new(), node: Some(inner.node) });
    assert_eq!(Coverage::of(&config, [(&route, &[][..])]).covered(), 3);
    // Which location comes after a file was looked for rests on the file.
    route.depends_on = vec![Dependence::FileExists(b"/www/cart".to_vec())];
    let first = Step { what: "location", text: String::new(), node: route.location };
    let tried = Step { what: "try_files", text: String::new(), node: None };
    route.steps.splice(0..0, [first, tried]);
    assert_eq!(Coverage::of(&config, [(&route, &[][..])]).covered(), 2);
    route.depends_on = vec![Dependence::Module("njs".into())];
    assert_eq!(Coverage::of(&config, [(&route, &[][..])]).covered(), 1);
    assert_eq!(Coverage::of(&config, []).percent(), 0);
}

fn witness(config: &Config, block: usize, request: Option<&str>) -> Witness {
    let locations = &config.servers()[0].locations;
    let node = if block == 0 { config.servers()[1].node } else { locations[block - 1].node };
    let request = request.map(|text| Request::parse(text).unwrap());
    let why_not = request.is_none().then(|| "only an error leads there".to_owned());
    Witness { node, request, why_not }
}

#[test]
fn a_suggestion_expects_what_is_certain_and_says_why_the_rest_is_not() {
    let config = shop();
    let witnesses = [
        witness(&config, 0, Some("GET http://shop.test:81/in")),
        witness(&config, 1, Some("GET http://shop.test/cart")),
        witness(&config, 2, None),
    ];
    let router = Router::new(&config);
    let suggestion = suggest(&config, &witnesses, &mut |request| match request.port {
        Some(81) => router.route(request),
        _ => {
            let depends_on = vec![Dependence::Module("njs".into())];
            Route { depends_on, ..ends(&config, passed()) }
        }
    });
    assert_eq!((suggestion.routes, suggestion.without), (2, 1));
    let (_, entries) = suggestion.text.split_once("\n\n").unwrap();
    assert_eq!(
        entries,
        "[[route]]
name = \"shop.test location /cart\"
request = \"GET http://shop.test/cart\"
expect = { server = \"shop.test\" }   # where it ends rests on module:njs

[[route]]
name = \"server\"
request = \"GET http://shop.test:81/in\"
expect = { kind = \"return\", status = 404 }

# Without a route:
# nginx.conf:8 location ~ \\.php$: only an error leads there
"
    );
}
