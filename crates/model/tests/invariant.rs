//! Invariants: proven, or a request against them.

use evenkeel_model::{
    Answer, Config, Files, Guarded, Invariant, InvariantDemand as Demand, InvariantRequests as Requests,
    Kind, Limits, Part, Proof, Router, Settings, Want, Wants, load, prove,
};

fn config(http: &str) -> Config {
    let text = format!("events {{}}\nhttp {{\n{http}\n}}\n");
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let main = matches!(&want, Want::Bytes(path) if path == b"/etc/nginx/nginx.conf");
                let answer = if main { Answer::Bytes(text.as_bytes().into()) } else { Answer::Absent };
                files.supply(want, answer);
            }),
        }
    }
}

fn judged(http: &str, requests: Requests, demand: Demand) -> Proof {
    let config = config(http);
    let invariant = Invariant { name: "x".to_owned(), requests, demand, line: 1 };
    prove(&Router::new(&config), &invariant, &Limits::default())
}

fn against(proof: &Proof) -> (String, String) {
    let Proof::Fails(against) = proof else { panic!("{proof:?}") };
    (String::from_utf8_lossy(&against.request.target).into_owned(), against.why.clone())
}

fn path(path: &str) -> Requests {
    Requests { path: Some(path.to_owned()), ..Requests::default() }
}

fn plaintext() -> Requests {
    Requests { tls: Some(false), ..Requests::default() }
}

fn upstream(name: &str) -> Part {
    Part { upstream: Some(name.to_owned()), ..Part::default() }
}

fn to_https() -> Demand {
    let location = Some("https://*".to_owned());
    Demand::Always(Part { kind: Some(Kind::Redirect), location, ..Part::default() })
}

const ADMIN: &str = "
    server {
        listen 80;
        location / { proxy_pass http://10.0.0.1; }
        location /admin/ { auth_basic x; auth_basic_user_file u; proxy_pass http://10.0.0.2; }
        MORE
    }";

fn guarded() -> Demand {
    Demand::NeverWithout(vec![Guarded::Auth, Guarded::Deny])
}

#[test]
fn admin_that_asks_for_credentials_everywhere_is_proven() {
    let tree = ADMIN.replace("MORE", "");
    assert_eq!(judged(&tree, path("/admin/*"), guarded()), Proof::Holds);
}

#[test]
fn regex_that_takes_a_part_of_admin_is_a_request_against_it() {
    let tree = ADMIN.replace("MORE", r"location ~ \.css$ { proxy_pass http://10.0.0.1; }");
    let proof = judged(&tree, path("/admin/*"), guarded());
    let (target, why) = against(&proof);
    assert!(target.starts_with("/admin/") && target.ends_with(".css"), "{target}");
    assert!(why.contains("without auth or deny"), "{why}");
    let tree = ADMIN.replace("MORE", r"location ~ \.css$ { deny all; proxy_pass http://10.0.0.1; }");
    assert_eq!(judged(&tree, path("/admin/*"), guarded()), Proof::Holds);
    let tree = ADMIN.replace("MORE", r"location ~ \.css$ { return 404; }");
    assert_eq!(judged(&tree, path("/admin/*"), guarded()), Proof::Holds, "nothing is served");
    let tree = ADMIN.replace("MORE", r"location ~ \.css$ { allow all; proxy_pass http://10.0.0.1; }");
    against(&judged(&tree, path("/admin/*"), guarded()));
}

#[test]
fn path_without_its_slash_is_another_path() {
    let tree = ADMIN.replace("MORE", "");
    // The location passes on, so `/admin` is redirected; `/administration` belongs to `/`.
    let (target, _) = against(&judged(&tree, path("/admin*"), guarded()));
    assert!(target.starts_with("/admin") && !target.starts_with("/admin/"), "{target}");
}

#[test]
fn upstream_behind_any_way_is_found() {
    let tree = "
        upstream legacy { server 10.0.0.9; }
        map $http_x_beta $app { default app; on legacy; }
        upstream app { server 10.0.0.1; }
        server { listen 80; location / { proxy_pass http://$app; } }";
    let Proof::Fails(found) = judged(tree, Requests::default(), Demand::Never(upstream("legacy"))) else {
        panic!()
    };
    assert_eq!(found.request.header("x-beta"), Some(&b"on"[..]));
    assert_eq!(judged(tree, Requests::default(), Demand::Never(upstream("older"))), Proof::Holds);
    assert_eq!(judged(tree, path("/x"), Demand::Never(upstream("10.0.0.7*"))), Proof::Holds);
}

const HTTPS: &str = "
    ssl_certificate c; ssl_certificate_key k;
    server { listen 80; listen 443 ssl; server_name a.test;
        if ($scheme = http) { return 301 https://$host$request_uri; }
        location / { proxy_pass http://10.0.0.1; } }
    server { listen 80 default_server; MORE }";

#[test]
fn redirect_of_every_plain_request_is_proven_or_not() {
    let tree = HTTPS.replace("MORE", "return 301 https://a.test$request_uri;");
    assert_eq!(judged(&tree, plaintext(), to_https()), Proof::Holds);
    assert_eq!(judged(&tree, plaintext(), Demand::Never(upstream("*"))), Proof::Holds);
    let tree = HTTPS.replace("MORE", "location /.well-known/ { root /srv; } return 301 https://a.test/;");
    assert_eq!(judged(&tree, plaintext(), to_https()), Proof::Holds, "the server's return comes first");
    let tree = HTTPS.replace(
        "MORE",
        "location /.well-known/ { root /srv; } location / { return 301 https://a.test$request_uri; }",
    );
    let (target, _) = against(&judged(&tree, plaintext(), to_https()));
    assert!(target.starts_with("/.well-known/"), "{target}");
    let tree = HTTPS.replace("MORE", "return 301 $http_x_to;");
    let proof = judged(&tree, plaintext(), to_https());
    assert_ne!(proof, Proof::Holds, "a header decides where it leads");
}

#[test]
fn what_cannot_be_known_is_undecided() {
    let tree = "server { listen 80; location / { js_content a.b; } }";
    let Proof::Undecided(why) = judged(tree, Requests::default(), Demand::Never(upstream("x"))) else {
        panic!()
    };
    assert!(why.iter().any(|why| why.contains("njs")), "{why:?}");
}
