//! What is asked, and what is made of the answers.

use std::path::PathBuf;

use evenkeel_model::{Live, Request};
use evenkeel_rehearsal::rehearse::Question;
use evenkeel_rehearsal::report::{Asked, Report};

use crate::Test;
use crate::stand::{blocking, main_file, only, only_without_page, run, run_kept, settings, tree, tree_of};

pub(crate) const TESTS: &[Test] = &[
    ("upstreams by address, name and socket are stood in for", upstreams_are_stood_in_for),
    ("live route is held against what nginx answers", live_route_is_held_against_nginx),
    ("answer that changes is told with both answers", changed_answer_is_told),
    ("answer that became an error is in the way", answer_that_became_an_error_is_in_the_way),
    ("backup takes over when the first server is down", backup_takes_over),
    ("outage that the live tree survives is worse", outage_that_the_live_tree_survives_is_worse),
    ("error page from the upstream that is down is not seen", error_page_of_a_dead_upstream_is_named),
    ("page that users see with every upstream down is judged", page_that_users_see_is_judged),
    ("error page that the change takes away is in the way", error_page_that_is_gone_is_in_the_way),
    ("certificates that are missing are made up", missing_certificates_are_made_up),
    ("upstream that nobody serves is refused from here", dead_upstream_is_refused_from_here),
    ("key that is kept elsewhere is laid into the tree", kept_key_is_laid_into_the_tree),
    ("answer from a cache comes from its upstream", cached_answer_comes_from_its_upstream),
    ("witness of every location agrees with the model", witnesses_agree_with_the_model),
    ("upstream that nginx itself serves is no stand-in's", own_upstream_is_no_stand_in),
];

pub(crate) fn question(url: &str, live: Live) -> Question {
    Question {
        name: url.to_owned(),
        request: Request::parse(url).unwrap(),
        expect: None,
        live: Some(live),
        is_new: false,
        file: Some("routes.toml".to_owned()),
        line: Some(1),
    }
}

pub(crate) fn status(status: u16) -> Live {
    Live { status: Some(status), ..Live::default() }
}

/// What was asked at a path.
#[track_caller]
pub(crate) fn at<'r>(report: &'r Report, url: &str) -> &'r Asked {
    let found = report.runs[0].asked.iter().find(|asked| asked.request == url);
    found.unwrap_or_else(|| panic!("{url} was not asked: {:#?}", report.runs[0].asked))
}

fn upstreams_are_stood_in_for() {
    let new = tree(
        "upstream app { server 10.1.2.3:8080; }\nserver { listen 790;\n location / { proxy_pass http://app; }\n \
         location /name { proxy_pass http://app.internal:9000/x; }\n location /here { proxy_pass http://127.0.0.1:9001; }\n \
         location /six { proxy_pass http://[2001:db8::5]:80; }\n location /unix { proxy_pass http://unix:/run/app.sock; }\n \
         location /php { fastcgi_pass 10.1.2.3:9000; fastcgi_param REQUEST_URI $request_uri; }\n}",
    );
    let paths = ["/", "/name/a?b=1", "/here", "/six", "/unix", "/php"];
    let questions: Vec<Question> =
        paths.iter().map(|path| question(&format!("GET http://a:790{path}"), status(200))).collect();
    let report = run(None, &new, &questions, &settings());
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    let upstream = |path: &str| at(&report, &format!("GET http://a:790{path}")).new.upstream.clone().unwrap();
    assert_eq!(upstream("/"), "app");
    assert_eq!(upstream("/name/a?b=1"), "app.internal:9000");
    assert_eq!(upstream("/here"), "127.0.0.1:9001");
    assert_eq!(upstream("/six"), "[2001:db8::5]:80");
    assert_eq!(upstream("/unix"), "unix:/run/app.sock");
    assert_eq!(upstream("/php"), "10.1.2.3:9000");
    assert_eq!(at(&report, "GET http://a:790/name/a?b=1").new.target.as_deref(), Some("/x/a?b=1"));
}

fn live_route_is_held_against_nginx() {
    let new = tree("server { listen 790; location / { return 404; } }");
    let report = run(None, &new, &[question("GET http://a:790/", status(200))], &settings());
    let finding = only(&report, "route-answers-wrong");
    assert_eq!(finding.message, "GET http://a:790/: answered 404 instead of 200");
    assert_eq!(finding.file.as_deref(), Some("routes.toml"));
}

fn changed_answer_is_told() {
    let to = |place: &str| tree(&format!("server {{ listen 790; location / {{ return 301 {place}; }} }}"));
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&to("/one")), &to("/two"), &questions, &settings());
    let asked = at(&report, "GET http://a:790/");
    assert!(asked.changed && blocking(&report).is_empty(), "{report:#?}");
    assert_eq!(asked.old.as_ref().unwrap().location.as_deref(), Some("http://a:790/one"));
    assert_eq!(asked.new.location.as_deref(), Some("http://a:790/two"));
}

fn answer_that_became_an_error_is_in_the_way() {
    let live = tree("server { listen 790; location / { return 200 ok; } }");
    // Nothing listens where the second server of the same tree sends its requests: it is the tree's own address.
    let new = tree(
        "server { listen 790; location / { proxy_pass http://127.0.0.1:791; } }\nserver { listen 791; return 444; }",
    );
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&live), &new, &questions, &settings());
    assert!(only(&report, "answer-got-worse").message.contains("502"), "{:#?}", report.findings);
}

const WITH_BACKUP: &str = "upstream app { server 10.1.2.3:80; server 10.1.2.4:80 backup; }\n\
                           server { listen 790; location / { proxy_pass http://app; } }";
const ALONE: &str =
    "upstream app { server 10.1.2.3:80; }\nserver { listen 790; location / { proxy_pass http://app; } }";

fn backup_takes_over() {
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(None, &tree(WITH_BACKUP), &questions, &settings());
    assert!(only_without_page(&report), "{:#?}", report.findings);
    let down = &report.runs[0].down;
    assert!(down[0].took_over && down[0].what == "all but the backup of app", "{down:#?}");
    assert_eq!(down[0].seen.address.as_deref(), Some("10.1.2.4:80"));
    assert_eq!((down[1].what.as_str(), down[1].seen.status), ("app", Some(502)));
}

fn outage_that_the_live_tree_survives_is_worse() {
    let live = tree(
        &WITH_BACKUP
            .replace("http://app;", "http://app; error_page 502 =200 /sorry;")
            .replace("location /", "location = /sorry { return 200 sorry; }\n location /"),
    );
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&live), &tree(ALONE), &questions, &settings());
    assert!(only(&report, "upstream-down-worse").message.contains("with app down"), "{:#?}", report.findings);
    assert!(blocking(&report).is_empty());
}

fn error_page_of_a_dead_upstream_is_named() {
    let new = tree(&ALONE.replace("http://app;", "http://app; error_page 502 /50x.html;"));
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(None, &new, &questions, &settings());
    assert_eq!(only(&report, "error-page-fails").line, Some(9));
}

/// Two upstreams, and a page for when they are down.
fn with_page(error_page: &str, location: &str, files: &[(&str, &str)]) -> crate::stand::OnDisk {
    let http = format!(
        "upstream app {{ server 10.1.2.3:80; }}\nserver {{ listen 790;\n {error_page}\n \
         location / {{ proxy_pass http://app; }}\n location /pay {{ proxy_pass http://10.1.2.4; }}\n {location}\n}}"
    );
    let main = main_file("", &http);
    tree_of(&[&[("nginx.conf", main.as_str())], files].concat())
}

const PAGES: &str = "location ^~ /pages/ { internal; root /etc/nginx; types { } default_type text/html; }";
const SORRY: (&str, &str) = ("pages/sorry.html", "<!doctype html><title>Sorry</title><h1>Back soon</h1>");

fn page_that_users_see_is_judged() {
    let questions =
        [question("GET http://a:790/", Live::default()), question("GET http://a:790/pay", Live::default())];
    let judged = |error_page: &str, location: &str, files: &[(&str, &str)]| {
        let report = run(None, &with_page(error_page, location, files), &questions, &settings());
        assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
        report
    };
    let page = "error_page 502 504 /pages/sorry.html;";
    let report = judged(page, PAGES, &[SORRY]);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    let everything: Vec<_> = report.runs[0].down.iter().filter(|it| it.what == "everything").collect();
    assert_eq!(everything.len(), 2, "{:#?}", report.runs[0].down);
    for down in everything {
        assert_eq!((down.seen.status, down.seen.page.as_deref()), (Some(502), Some("\"Sorry Back soon\"")));
    }
    let missing = judged(page, PAGES, &[]);
    assert!(
        only(&missing, "error-page-missing").message.contains("nginx's own page of a 404"),
        "{missing:#?}"
    );
    let well = judged("error_page 502 =200 /pages/sorry.html;", PAGES, &[SORRY]);
    assert!(only(&well, "error-page-status").message.contains("answered with 200"), "{well:#?}");
    let away = judged("error_page 502 http://status.example.com/;", "", &[]);
    assert!(
        only(&away, "error-page-status").message.contains("302 to http://status.example.com/"),
        "{away:#?}"
    );
    let empty = judged(page, PAGES, &[(SORRY.0, "")]);
    assert_eq!(only(&empty, "error-page-empty").line, Some(10), "{empty:#?}");
    // It is there as long as the other upstream is.
    let of_the_other = judged("error_page 502 /pay;", "", &[]);
    let finding = only(&of_the_other, "error-page-fails");
    assert!(finding.message.contains("do not see this error page"), "{of_the_other:#?}");
    let none = judged("", "", &[]);
    let finding = only(&none, "no-error-page");
    assert!(finding.message.ends_with("(and one more request)"), "{none:#?}");
    assert!(finding.help.as_ref().unwrap().contains("evenkeel error-pages"));
}

fn error_page_that_is_gone_is_in_the_way() {
    let live = with_page("error_page 502 504 /pages/sorry.html;", PAGES, &[SORRY]);
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&live), &with_page("", "", &[]), &questions, &settings());
    assert_eq!(blocking(&report), ["error-page-worse"].into(), "{:#?}", report.findings);
    let back = run(Some(&with_page("", "", &[])), &live, &questions, &settings());
    assert!(back.findings.is_empty(), "{:#?}", back.findings);
    let none = run(Some(&with_page("", "", &[])), &with_page("", "", &[]), &questions, &settings());
    assert!(only(&none, "no-error-page").old, "{:#?}", none.findings);
}

fn missing_certificates_are_made_up() {
    let text = "server { listen 792 ssl; ssl_certificate ssl/a.pem; ssl_certificate_key ssl/a.key;\n \
                ssl_dhparam ssl/dh.pem; location / { return 200 ok; } }\nserver { listen 793; location / { proxy_pass https://10.1.2.3; } }";
    let questions = [question("GET https://a:792/", status(200)), question("GET http://a:793/", status(200))];
    let report = run(None, &tree(text), &questions, &settings());
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    assert_eq!(at(&report, "GET http://a:793/").new.upstream.as_deref(), Some("10.1.2.3:443"));
    let told = report.differences.iter().any(|it| it.contains("/etc/nginx/ssl/a.pem"));
    assert!(told, "{:#?}", report.differences);
}

fn dead_upstream_is_refused_from_here() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let text = |port: u16| {
        tree(&format!("server {{ listen 790; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}"))
    };
    let online = evenkeel_rehearsal::Settings { offline: false, ..settings() };
    let report = run(None, &text(port), &[], &online);
    let finding = only(&report, "upstream-refuses");
    assert_eq!(finding.line, Some(8));
    assert!(finding.blocks());
    let report = run(Some(&text(port)), &text(port), &[], &online);
    assert!(only(&report, "upstream-refuses").old, "it was dead before");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let report = run(None, &text(listener.local_addr().unwrap().port()), &[], &online);
    assert!(report.upstreams[0].accepts && only_without_page(&report), "{report:#?}");
}

fn kept_key_is_laid_into_the_tree() {
    let text = main_file(
        "",
        "server { listen 790; auth_basic x; auth_basic_user_file secret/users; location / { proxy_pass http://10.1.2.3; } }",
    );
    let elsewhere = tree_of(&[("users", "me:{PLAIN}pass\n")]);
    let new = tree_of(&[("nginx.conf", &text)]);
    let mut asked = question("GET http://a:790/", status(200));
    asked.request.headers.push((b"Authorization".to_vec(), b"Basic bWU6cGFzcw==".to_vec()));
    let with = |kept: &[(PathBuf, PathBuf)]| run_kept(&new, kept, &[asked.clone()]);
    let kept = [(PathBuf::from("secret/users"), elsewhere.path("users"))];
    assert!(blocking(&with(&kept)).is_empty(), "{:#?}", with(&kept).findings);
    assert!(!blocking(&with(&[])).is_empty(), "without it nobody gets in");
}

fn cached_answer_comes_from_its_upstream() {
    let new = tree(
        "proxy_cache_path /var/cache/one keys_zone=one:1m;\nserver { listen 790; proxy_cache one; proxy_cache_valid 200 1m;\n \
         location / { proxy_pass http://10.1.2.3; } }",
    );
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&new), &new, &questions, &settings());
    assert!(only_without_page(&report), "{:#?}", report.findings);
    let asked = at(&report, "GET http://a:790/");
    assert_eq!(asked.new.upstream.as_deref(), Some("10.1.2.3:80"));
    assert!(asked.new.target.is_none(), "the second time nobody was asked");
}

fn witnesses_agree_with_the_model() {
    let new = tree_of(&[
        (
            "nginx.conf",
            &main_file(
                "",
                "upstream app { server 10.1.2.3:8080; }\ninclude sites/*.conf;\nserver { listen 790 default_server; return 444; }",
            ),
        ),
        (
            "sites/a.conf",
            "server {\n listen 790; server_name a.test *.b.test;\n root /etc/nginx/www;\n \
             location / { try_files $uri $uri/ @app; }\n location @app { proxy_pass http://app; }\n \
             location = /ping { return 200 pong; }\n location ^~ /static/ { alias /etc/nginx/www/; }\n \
             location ~ ^/user/(?<id>[0-9]+)$ { proxy_pass http://app; }\n \
             location ~* \\.php$ { fastcgi_pass 10.1.2.4:9000; fastcgi_param X y; }\n \
             location /api/ { proxy_pass http://app/v2/; location /api/old { return 410; } }\n \
             location /moved { return 301 https://$host$request_uri; }\n location /secret { internal; }\n}",
        ),
        ("www/index.html", "hello"),
    ]);
    let report = run(None, &new, &[], &settings());
    // In a sandbox nothing is different; a location that no witness reaches is told by `test`.
    assert!(only_without_page(&report), "{:#?}", report.findings);
    let asked = &report.runs[0].asked;
    assert!(asked.len() >= 8, "{asked:#?}");
    assert!(asked.iter().filter(|asked| asked.depends_on.is_empty()).count() >= 8, "{asked:#?}");
    let reached = |upstream: &str| asked.iter().any(|asked| asked.new.upstream.as_deref() == Some(upstream));
    assert!(reached("app") && reached("10.1.2.4:9000"), "{asked:#?}");
}

fn own_upstream_is_no_stand_in() {
    let new = tree(
        "server { listen 790; location / { proxy_pass http://127.0.0.1:791/x/; } }\n\
         server { listen 127.0.0.1:791; location / { return 404; } location /x/ { return 200 inner; } }",
    );
    let report = run(None, &new, &[question("GET http://a:790/", status(200))], &settings());
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    assert_eq!(at(&report, "GET http://a:790/").new.upstream, None);
}
