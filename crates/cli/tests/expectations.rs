//! `evenkeel test` and `evenkeel init`: expectations of a tree, held, refused, written.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const CONF: &str = r#"events {}
http {
    upstream app {
        server 10.0.0.5:8080;
    }
    include sites-enabled/*.conf;
}
"#;

const SHOP: &str = r#"server {
    server_name shop.example.com;
    listen 80;
    location /cart {
        proxy_pass http://app;
    }
    location /old/ {
        return 301 https://shop.example.com/new/;
    }
    location /about/ {
        return 200 "a shop";
    }
    location /api/ {
        js_content api.answer;
    }
    location @down {
        return 503;
    }
}
"#;

const ROUTES: &str = r#"[[route]]
name = "cart goes to the application"
request = "GET http://shop.example.com/cart"
expect = { kind = "proxy", upstream = "app", servers = ["10.0.0.5:8080"], pass = "http://app/cart" }

[[route]]
name = "old pages move"
request = "GET http://shop.example.com/old/x"
expect = { kind = "redirect", status = 301, location = "https://shop.example.com/new/", server = "shop.example.com" }

[[route]]
name = "the shop answers"
request = "GET http://shop.example.com/"
live = { status = 200 }

[[invariant]]
name = "no cart leaves the application"
requests = { path = "/cart*" }
never = { kind = "redirect" }
"#;

/// A tree that will live at /etc/nginx and does not lie there.
fn tree(routes: Option<&str>) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("sites-enabled")).unwrap();
    std::fs::write(tree.path().join("nginx.conf"), CONF).unwrap();
    std::fs::write(tree.path().join("sites-enabled/shop.conf"), SHOP).unwrap();
    if let Some(routes) = routes {
        std::fs::write(tree.path().join("routes.toml"), routes).unwrap();
    }
    tree
}

fn evenkeel(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args([
        "--config-dir",
        "/etc/nginx",
        "--nginx",
        "/nonexistent/nginx",
        "--state-dir",
        "/nonexistent",
    ]);
    command.current_dir(directory).args(args).output().unwrap()
}

/// What a command says, and its exit status.
fn says(directory: &Path, args: &[&str]) -> (String, i32) {
    let output = evenkeel(directory, args);
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code().unwrap())
}

fn json(directory: &Path, args: &[&str]) -> (Value, i32) {
    let output = evenkeel(directory, &[args, &["--json"]].concat());
    let code = output.status.code().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")), code)
}

#[test]
fn expectations_that_hold_are_counted_and_what_nobody_expects_is_listed() {
    let tree = tree(Some(ROUTES));
    let (text, code) = says(tree.path(), &["test", "."]);
    assert_eq!(code, 0, "{text}");
    for said in [
        "ok          cart goes to the application\n",
        "ok          old pages move\n",
        "not judged  the shop answers",
        "proven      no cart leaves the application\n",
        "2 passed, 1 not judged, 1 invariant proven\n",
        "coverage: 3 of 6 servers, locations and lines of maps (50 %)\n",
        "  sites-enabled/shop.conf:10  location /about/\n",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
    let (document, _) = json(tree.path(), &["test", "."]);
    assert_eq!(document["summary"]["passed"], 2);
    assert_eq!(document["coverage"]["percent"], 50);
    assert_eq!(document["coverage"]["missing"][0]["file"], "sites-enabled/shop.conf");
    assert_eq!(document["routes"][0]["outcome"]["upstream"], "app");
    assert_eq!(document["routes"][2]["verdict"], "not-judged");
    let (text, code) = says(tree.path(), &["test", ".", "--fail-under", "51"]);
    assert_eq!(code, 1);
    assert!(
        text.contains("50 % of servers, locations and lines of maps are covered, and 51 % are wanted"),
        "{text}"
    );
    assert_eq!(says(tree.path(), &["test", ".", "--fail-under", "50"]).1, 0);
}

#[test]
fn a_failure_names_both_values_and_the_way_of_the_request() {
    let tree = tree(Some(&ROUTES.replace("upstream = \"app\"", "upstream = \"blog\"")));
    let (text, code) = says(tree.path(), &["test", "."]);
    assert_eq!(code, 1, "{text}");
    for said in [
        "FAILED      cart goes to the application\n",
        "upstream: expected \"blog\", found \"app\"\n",
        "routes.toml:1\n",
        "sites-enabled/shop.conf:5  proxy_pass",
        "1 passed, 1 failed",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
    let (document, code) = json(tree.path(), &["test", "."]);
    assert_eq!(code, 1);
    let difference = &document["routes"][0]["differences"][0];
    assert_eq!((&difference["key"], &difference["found"]), (&"upstream".into(), &"\"app\"".into()));
    let output = evenkeel(tree.path(), &["test", ".", "--format", "junit"]);
    let xml = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(xml.contains("<failure message=\"upstream: expected &quot;blog&quot;"), "{xml}");
}

#[test]
fn what_the_model_cannot_know_is_undecided_and_no_failure() {
    let routes = "[[route]]\nname = \"api\"\nrequest = \"GET http://shop.example.com/api/\"\nexpect = { kind = \"proxy\" }";
    let tree = tree(Some(routes));
    let (text, code) = says(tree.path(), &["test", "."]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("undecided   api: it rests on module:njs"), "{text}");
    assert!(text.contains("0 passed, 1 undecided (--rehearse asks a real nginx)"), "{text}");
    assert!(text.contains("coverage: 0 of 6"), "{text}");
}

#[test]
fn the_routes_of_an_application_are_held_against_a_tree_that_does_not_know_them() {
    let tree = tree(Some(ROUTES));
    let application = tempfile::tempdir().unwrap();
    let file = application.path().join("routes.toml");
    let v2 = "[[route]]\nname = \"v2\"\nrequest = \"GET http://shop.example.com/v2/\"\nexpect = { upstream = \"app\" }";
    std::fs::write(&file, v2).unwrap();
    let own = tree.path().join("routes.toml");
    let (text, code) = says(
        tree.path(),
        &["test", ".", "--routes", file.to_str().unwrap(), "--routes", own.to_str().unwrap()],
    );
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FAILED      v2  ("), "{text}");
    assert!(text.contains("2 passed, 1 failed"), "{text}");
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_a_way_out() {
    let (text, code) = says(tree(None).path(), &["test", "."]);
    assert_eq!(code, 2);
    assert!(text.contains("`evenkeel init .` writes a first one"), "{text}");
    let twice = format!("{ROUTES}\n[[route]]\nname = \"old pages move\"\nrequest = \"GET http://a/\"\n");
    let huge = "#".repeat(5 << 20);
    let deep = format!("x = {}", "[".repeat(100_000));
    let cases: [(&[u8], &str); 9] = [
        (b"\x00\xff\xfe", "routes.toml: it is not text"),
        (b"[[route]\n", "routes.toml:1:"),
        (b"[[route]]\nrequest = 3\n", "routes.toml:2:11: request must be a string, not an integer"),
        (b"[[route]]\nname = \"a\"\n", "routes.toml:1:1: route 1 (\"a\"): it has no request"),
        (
            b"[[route]]\nrequest = \"GET http://a/\"\nexpect = { upsteam = \"a\" }\n",
            "routes.toml:3:12: unknown key \"upsteam\" in expect; did you mean \"upstream\"?",
        ),
        (b"[[route]]\nrequest = \"GET /a\"\n", "routes.toml:2:11: route 1: failed to find \"http://\""),
        (twice.as_bytes(), "the name \"old pages move\" is taken already by line 6"),
        (huge.as_bytes(), "it is larger than 4 MiB"),
        (deep.as_bytes(), "routes.toml:1:"),
    ];
    for (bytes, said) in cases {
        let tree = tree(None);
        std::fs::write(tree.path().join("routes.toml"), bytes).unwrap();
        let (text, code) = says(tree.path(), &["test", "."]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(said), "{said:?} in\n{text}");
        assert!(text.len() < 1000, "{text}");
    }
    let tree = tree(None);
    std::fs::create_dir(tree.path().join("routes.toml")).unwrap();
    assert!(says(tree.path(), &["test", "."]).0.contains("it is not a regular file"));
}

#[test]
fn secrets_of_a_routes_file_are_shown_nowhere() {
    let secret = "hunter2hunter2hunter2";
    let routes = format!(
        "[[route]]\nname = \"key\"\nrequest = \"GET http://shop.example.com/cart?api_key={secret}\"\n\
         headers = {{ Authorization = \"Bearer {secret}\" }}\nexpect = {{ pass = \"http://app/?api_key={secret}\" }}\n"
    );
    let tree = tree(Some(&routes));
    for format in ["text", "json", "junit"] {
        let (text, code) = says(tree.path(), &["test", ".", "--format", format]);
        assert_eq!(code, 1, "{text}");
        assert!(!text.contains(secret), "{format}: {text}");
    }
}

#[test]
fn a_tree_that_nginx_would_refuse_never_passes() {
    let tree = tree(Some(ROUTES));
    std::fs::write(tree.path().join("sites-enabled/zz.conf"), "server {").unwrap();
    let (text, code) = says(tree.path(), &["test", "."]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("nginx would refuse this tree: sites-enabled/zz.conf:1"), "{text}");
}

#[test]
fn what_init_writes_passes_and_reaches_every_block_that_a_request_can_reach() {
    let tree = tree(None);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = tree.path().to_str().unwrap();
    let (text, code) = says(elsewhere.path(), &["init", path]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("wrote {path}/routes.toml\n")), "{text}");
    assert!(elsewhere.path().join("evenkeel.toml").is_file(), "{text}");
    assert!(!tree.path().join("evenkeel.toml").exists());
    let written = std::fs::read_to_string(tree.path().join("routes.toml")).unwrap();
    for said in [
        "expect = { kind = \"proxy\", upstream = \"app\", pass = \"http://app/cart\" }",
        "expect = { kind = \"redirect\", status = 301, location = \"https://shop.example.com/new/\" }",
        "expect = { kind = \"return\", status = 200, body = \"a shop\" }",
        "expect = { server = \"shop.example.com\" }   # where it ends rests on module:njs",
        "# sites-enabled/shop.conf:16 location @down: ",
    ] {
        assert!(written.contains(said), "{said:?} in\n{written}");
    }
    assert!(!written.lines().any(|line| line.starts_with("live")), "no request of a running nginx by itself");
    let config = elsewhere.path().join("evenkeel.toml");
    let args = ["test", path, "--config", config.to_str().unwrap()];
    let (document, code) = json(elsewhere.path(), &args);
    assert_eq!((code, &document["summary"]["failed"]), (0, &0.into()), "{document}");
    assert_eq!(document["summary"]["undecided"], 0, "{document}");
    let missing = document["coverage"]["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 2, "the one that nothing models and the one that nothing reaches: {missing:?}");
}

#[test]
fn init_writes_over_nothing_without_leave_and_never_into_a_tree_what_decides_about_safety() {
    let tree = tree(Some("# ours\n"));
    let (text, code) = says(tree.path(), &["init", "."]);
    assert_eq!(code, 2);
    assert!(text.contains("routes.toml: it is there already; --force writes over it"), "{text}");
    let (text, code) = says(tree.path(), &["init", ".", "--config", "evenkeel.toml"]);
    assert_eq!(code, 2, "{text}");
    assert_eq!(std::fs::read_to_string(tree.path().join("routes.toml")).unwrap(), "# ours\n");
    let (text, code) = says(tree.path(), &["init", ".", "--force"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("settings lie outside every tree"), "{text}");
    let mut names: Vec<_> =
        std::fs::read_dir(tree.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["nginx.conf", "routes.toml", "sites-enabled"]);
    let (text, code) = says(tree.path(), &["init", ".", "--force", "--config", "evenkeel.toml"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("lie outside every tree"), "{text}");
}

#[test]
fn init_says_where_it_may_not_write_the_settings() {
    let tree = tree(None);
    let (text, code) = says(Path::new("/proc"), &["init", tree.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("the settings were not written (") && text.contains("--config FILE"), "{text}");
    assert!(tree.path().join("routes.toml").exists());
}

#[test]
fn init_refuses_a_tree_that_it_cannot_learn_from() {
    let broken = tree(None);
    std::fs::write(broken.path().join("sites-enabled/zz.conf"), "server {").unwrap();
    let (text, code) = says(broken.path(), &["init", "."]);
    assert_eq!(code, 2);
    assert!(text.contains("a tree that nginx would refuse (sites-enabled/zz.conf:1"), "{text}");
    assert!(!broken.path().join("routes.toml").exists());
}

/// Asks the machine's own nginx, in a sandbox.
fn rehearse(tree: &Path) -> (Value, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(["--config-dir", "/etc/nginx", "--nginx", "/usr/sbin/nginx", "--state-dir", "/nonexistent"]);
    let output = command.arg("test").arg(tree).args(["--rehearse", "--json"]).output().unwrap();
    let code = output.status.code().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")), code)
}

#[test]
fn a_real_nginx_is_asked_the_same_and_decides_what_the_model_cannot() {
    let routes = format!(
        "{ROUTES}[[route]]\nname = \"wrong\"\nrequest = \"GET http://shop.example.com/cart/1\"\nexpect = {{ kind = \"redirect\" }}\n\
         [[route]]\nname = \"by rewrite\"\nrequest = \"GET http://shop.example.com/files/\"\nexpect = {{ kind = \"error\", status = 404 }}\n"
    );
    let tree = tree(Some(&routes));
    let shop = SHOP.replace(
        "location /api/ {\n        js_content api.answer;",
        "location /files/ {\n        root /nonexistent;",
    );
    std::fs::write(tree.path().join("sites-enabled/shop.conf"), shop).unwrap();
    let routes = std::fs::read_to_string(tree.path().join("routes.toml")).unwrap();
    let routes = routes.replace("http://shop.example.com/\"", "http://shop.example.com/about/\"");
    let routes = routes.replace("live = { status = 200 }", "live = { status = 200, contains = \"a blog\" }");
    std::fs::write(tree.path().join("routes.toml"), routes).unwrap();
    let (document, code) = rehearse(tree.path());
    let verdicts: Vec<_> = document["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| (route["name"].as_str().unwrap(), route["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("cart goes to the application", "passed"),
            ("old pages move", "passed"),
            ("the shop answers", "failed"),
            ("wrong", "failed"),
            ("by rewrite", "passed"),
        ],
        "{document}"
    );
    assert_eq!(code, 1);
    assert_eq!(document["routes"][0]["rehearsed"][0]["answer"]["address"], "10.0.0.5:8080");
    let because = document["routes"][2]["because"].as_str().unwrap();
    assert!(because.ends_with(": answered 200 without \"a blog\" in its body"), "{because}");
}

#[test]
fn a_tree_that_a_real_nginx_does_not_start_with_never_passes() {
    let tree = tree(Some(ROUTES));
    let shop = SHOP.replace("js_content api.answer;", "return 204;");
    std::fs::write(tree.path().join("sites-enabled/shop.conf"), shop).unwrap();
    std::fs::write(tree.path().join("sites-enabled/zz.conf"), "server { listen 80 bogus; }").unwrap();
    let (document, code) = rehearse(tree.path());
    assert_eq!(code, 1, "{document}");
    let fault = document["faults"][0].as_str().unwrap();
    assert!(fault.contains("does not start") && fault.contains("bogus"), "{document}");
}

/// Writes routes for a tree and holds the tree against them, on the model and under a real nginx.
fn init_and_test(tree: &Path) -> Value {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = tree.to_str().unwrap();
    let (text, code) = says(elsewhere.path(), &["init", path]);
    assert_eq!(code, 0, "{text}");
    let (document, code) = json(elsewhere.path(), &["test", path]);
    assert_eq!((code, &document["summary"]["undecided"]), (0, &0.into()), "{document}");
    let (rehearsed, code) = rehearse(tree);
    assert_eq!((code, &rehearsed["summary"]["failed"]), (0, &0.into()), "{rehearsed}");
    rehearsed
}

#[test]
fn what_init_writes_for_the_tree_of_this_machine_passes_under_its_nginx() {
    let copy = tempfile::tempdir().unwrap();
    std::fs::set_permissions(copy.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tree = copy.path().join("nginx");
    let copied = Command::new("cp").arg("-r").arg("/etc/nginx").arg(&tree).status().unwrap();
    assert!(copied.success());
    let _theirs = std::fs::remove_file(tree.join("routes.toml"));
    let document = init_and_test(&tree);
    assert!(document["summary"]["passed"].as_u64() > Some(0), "{document}");
}

#[test]
fn what_init_writes_for_two_hundred_sites_passes() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/make-tree.py");
    let made = Command::new("python3").arg(script).arg("200").arg(tree.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let document = init_and_test(tree.path());
    assert!(document["coverage"]["percent"].as_u64() >= Some(75), "{}", document["coverage"]);
}

#[test]
fn files_beside_what_nginx_writes_are_served_in_a_rehearsal() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::set_permissions(tree.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let conf = "pid nginx.pid;\nevents {}\nhttp { server { listen 80; server_name a; location / { root html; } } }\n";
    std::fs::write(tree.path().join("nginx.conf"), conf).unwrap();
    let routes = "[[route]]\nrequest = \"GET http://a/\"\nlive = { status = 200 }\n";
    std::fs::write(tree.path().join("routes.toml"), routes).unwrap();
    let (document, code) = rehearse(tree.path());
    assert_eq!((code, &document["summary"]["passed"]), (0, &1.into()), "{document}");
}

const MAPPED: &str = "
    map $http_x_beta $pool { default app; on beta; }
    upstream app { server 10.0.0.1; }
    upstream beta { server 10.0.0.2; }
    server {
        listen 80;
        server_name a.test;
        location / { proxy_pass http://$pool; }
        location /admin/ { auth_basic x; auth_basic_user_file u; proxy_pass http://app; }
    }";

/// A tree of one file with these routes.
fn mapped(routes: &str) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("nginx.conf"), format!("events {{}}\nhttp {{{MAPPED}\n}}\n")).unwrap();
    std::fs::write(tree.path().join("routes.toml"), routes).unwrap();
    tree
}

const TAGGED: &str = r#"[[route]]
name = "home"
request = "GET http://a.test/"
expect = { upstream = "app" }
tags = ["smoke"]

[[route]]
name = "admin"
request = "GET http://a.test/admin/"
expect = { status = 401 }

[[invariant]]
name = "admin needs a password"
requests = { path = "/admin/*" }
never = { without = ["auth"] }

[[invariant]]
name = "nobody gets to beta"
never = { upstream = "beta" }
"#;

#[test]
fn invariants_are_proven_or_a_request_against_them_is_shown() {
    let tree = mapped(TAGGED);
    let (text, code) = says(tree.path(), &["test", "."]);
    assert_eq!(code, 1, "{text}");
    for said in [
        "ok          home\n",
        "proven      admin needs a password\n",
        "FAILED      nobody gets to beta\n",
        "it ends with proxy http://beta/",
        "with X-Beta: on\n",
        "routes.toml:17\n",
        "2 passed, 1 failed, 1 invariant proven\n",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
    let (document, _) = json(tree.path(), &["test", "."]);
    assert_eq!(document["invariants"][0]["verdict"], "proven");
    assert_eq!(document["invariants"][1]["verdict"], "failed");
    assert_eq!(document["invariants"][1]["witness"]["outcome"]["upstream"], "beta");
    let (junit, _) = says(tree.path(), &["test", ".", "--format", "junit"]);
    assert!(junit.contains("nobody gets to beta") && junit.contains("<failure"), "{junit}");
}

#[test]
fn tags_choose_routes_and_leave_invariants_out() {
    let tree = mapped(TAGGED);
    let (text, code) = says(tree.path(), &["test", ".", "--tag", "smoke"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("ok          home\n") && !text.contains("admin\n"), "{text}");
    let (text, code) = says(tree.path(), &["test", ".", "--tag", "smok"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("no route has it"), "{text}");
}

#[test]
fn coverage_lists_every_block_and_line_of_a_map() {
    let tree = mapped(TAGGED);
    let (text, _) = says(tree.path(), &["test", ".", "--coverage"]);
    for said in [
        "     2  nginx.conf:6  server a.test\n",
        "     1  nginx.conf:3  map $pool: default app\n",
        "     0  nginx.conf:3  map $pool: on beta\n",
    ] {
        assert!(text.contains(said), "{said:?} in\n{text}");
    }
}

#[test]
fn generated_routes_pass_and_cover_everything_that_a_request_reaches() {
    let tree = mapped(TAGGED.split("[[invariant]]").next().unwrap());
    let (generated, code) = says(tree.path(), &["test", ".", "--generate"]);
    assert_eq!(code, 0, "{generated}");
    assert!(generated.contains("[[route]]") && !generated.contains("name = \"home\""), "{generated}");
    let both = format!("{TAGGED}\n{generated}")
        .replace("never = { upstream = \"beta\" }", "never = { upstream = \"x\" }");
    std::fs::write(tree.path().join("routes.toml"), both).unwrap();
    let (text, code) = says(tree.path(), &["test", ".", "--fail-under", "100"]);
    assert_eq!(code, 0, "{text}");
    std::fs::remove_file(tree.path().join("routes.toml")).unwrap();
    let (generated, code) = says(tree.path(), &["test", ".", "--generate"]);
    assert_eq!(code, 0, "{generated}");
    std::fs::write(tree.path().join("routes.toml"), generated).unwrap();
    let (text, code) = says(tree.path(), &["test", ".", "--fail-under", "100"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn invariant_that_says_nothing_or_too_much_is_refused_with_its_line() {
    for (toml, said) in [
        ("[[invariant]]\nname = \"x\"", "line 1, column 1: invariant 1 (\"x\"): it demands nothing"),
        ("[[invariant]]\nnever = { without = [\"aut\"] }", "\"aut\" is no guard; did you mean \"auth\"?"),
        ("[[invariant]]\nnever = {}", "never is empty"),
        (
            "[[invariant]]\nnever = { kind = \"proxy\" }\nalways = { kind = \"file\" }",
            "it has both never and always",
        ),
        ("[[invariant]]\nrequests = { path = \"x\" }\nnever = { status = 200 }", "a path begins with /"),
        (
            "[[invariant]]\nrequests = { schem = \"http\" }\nnever = { status = 200 }",
            "did you mean \"scheme\"?",
        ),
    ] {
        let tree = mapped(toml);
        let (text, code) = says(tree.path(), &["test", "."]);
        assert_eq!(code, 2, "{text}");
        assert!(
            text.replace("routes.toml:", "line ").contains(said)
                || text.contains(said.split(": ").last().unwrap()),
            "{said} in {text}"
        );
    }
}
