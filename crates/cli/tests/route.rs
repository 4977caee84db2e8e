//! `evenkeel route`: text, JSON, and one line after the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

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
    listen 443 ssl;
    listen 80;
    root /etc/nginx/html;

    location = /closed {
        return 444;
    }
    location /cart {
        proxy_pass http://app/cart;
    }
    location ~ ^/old/(.*)$ {
        return 301 /new/$1;
    }
    location /elsewhere/ {
        root /nowhere/at/all;
    }
    location /limited/ {
        auth_basic "who";
        return 200 "in";
    }
}
"#;

/// A tree that will live at /etc/nginx and does not lie there.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = tree.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("nginx.conf", CONF);
    put("sites-enabled/shop.conf", SHOP);
    put("html/a.html", "a");
    tree
}

fn command(tree: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(["--config-dir", "/etc/nginx", "--nginx", "/nonexistent/nginx"]);
    command.current_dir(tree).arg("route").arg(tree);
    command
}

fn route(tree: &Path, args: &[&str]) -> Output {
    command(tree).args(args).output().unwrap()
}

fn one(tree: &Path, args: &[&str]) -> Value {
    let output = route(tree, &[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `--batch` says of this input: the documents, and the exit status.
fn batch(tree: &Path, input: &[u8]) -> (Vec<Value>, Option<i32>) {
    let mut child =
        command(tree).arg("--batch").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), output.status.code())
}

#[test]
fn json_is_as_promised() {
    let tree = tree();
    let route = one(tree.path(), &["GET https://shop.example.com/cart?x=1"]);
    assert_eq!(
        route["request"],
        json!({ "method": "GET", "scheme": "https", "host": "shop.example.com", "port": 443, "uri": "/cart?x=1" })
    );
    assert_eq!(
        route["outcome"],
        json!({ "kind": "proxy", "upstream": "app", "servers": ["10.0.0.5:8080"], "pass": "http://app/cart?x=1" })
    );
    assert_eq!(
        route["server"],
        json!({ "names": ["shop.example.com"], "file": "sites-enabled/shop.conf", "line": 1 })
    );
    assert_eq!(route["location"]["pattern"], "/cart");
    assert_eq!(route["location"]["file"], "sites-enabled/shop.conf");
    assert_eq!(route["location"]["line"], 10);
    assert_eq!(route["depends_on"], json!([]));
    let first = &route["steps"][0];
    assert_eq!(first["what"], "listen");
    assert_eq!(first["file"], "sites-enabled/shop.conf");
    assert_eq!(first["line"], 3);
}

#[test]
fn text_says_the_outcome_first_and_then_the_way() {
    let tree = tree();
    let output = route(tree.path(), &["GET http://shop.example.com/old/a%20b"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        "GET http://shop.example.com/old/a%20b is sent to http://shop.example.com/new/a b (301)"
    );
    assert!(text.contains("  sites-enabled/shop.conf:13  location"), "{text}");
    assert!(!text.contains("not certain"), "{text}");
}

#[test]
fn header_client_and_listen_are_part_of_the_request() {
    let tree = tree();
    let other = one(tree.path(), &["GET http://127.0.0.1/closed", "-H", "host: shop.example.com"]);
    assert_eq!(other["request"]["host"], "shop.example.com");
    assert_eq!(other["outcome"]["kind"], "close");
    let at =
        one(tree.path(), &["GET http://shop.example.com/closed", "--listen", "[::1]:81", "--client", "::1"]);
    assert_eq!(at["request"]["port"], 81);
    assert_eq!(at["server"], Value::Null, "nothing listens there: {at}");
}

#[test]
fn what_cannot_be_known_is_named() {
    let tree = tree();
    let limited = one(tree.path(), &["GET http://shop.example.com/limited/"]);
    assert_eq!(limited["outcome"]["body"], "in", "return comes before access: {limited}");
    let elsewhere = one(tree.path(), &["GET http://shop.example.com/elsewhere/a.html"]);
    assert_eq!(elsewhere["depends_on"], json!(["file-exists:/nowhere/at/all/elsewhere/a.html"]));
    let inside = one(tree.path(), &["GET http://shop.example.com/a.html"]);
    assert_eq!(inside["outcome"], json!({ "kind": "file", "path": "/etc/nginx/html/a.html", "status": 200 }));
    assert_eq!(inside["depends_on"], json!([]));
    let absent = one(tree.path(), &["GET http://shop.example.com/b.html"]);
    assert_eq!(absent["outcome"]["status"], 404);
    assert_eq!(absent["depends_on"], json!([]), "the tree is all there: {absent}");
}

#[test]
fn file_that_the_workers_may_not_read_is_not_promised() {
    let tree = tree();
    let shop = SHOP.replace("/etc/nginx/html", &tree.path().join("html").display().to_string());
    std::fs::write(tree.path().join("sites-enabled/shop.conf"), shop).unwrap();
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let live = |question: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args(["--nginx", "/nonexistent/nginx", "route", "--json", "--prefix"])
            .arg(tree.path())
            .arg(tree.path())
            .arg(question)
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    mode(tree.path(), 0o755);
    mode(&tree.path().join("html/a.html"), 0o644);
    assert_eq!(live("GET http://shop.example.com/a.html")["depends_on"], json!([]));
    assert_eq!(live("GET http://shop.example.com/elsewhere/a.html")["outcome"]["status"], 404);
    mode(&tree.path().join("html/a.html"), 0o600);
    assert_ne!(live("GET http://shop.example.com/a.html")["depends_on"], json!([]));
    mode(&tree.path().join("html/a.html"), 0o644);
    mode(tree.path(), 0o700);
    assert_ne!(live("GET http://shop.example.com/a.html")["depends_on"], json!([]));
    std::fs::write(tree.path().join("nginx.conf"), format!("user root;\n{CONF}")).unwrap();
    assert_eq!(live("GET http://shop.example.com/a.html")["depends_on"], json!([]));
}

#[test]
fn batch_answers_every_line_in_order() {
    let tree = tree();
    let input = concat!(
        "GET https://shop.example.com/cart?x=1\n",
        r#"{"method":"GET","target":"/a%20b?x=1","version":"1.1","headers":[["Host","shop.example.com"]],"#,
        r#""listen":"127.0.0.1:80","tls":false,"sni":null,"client":"198.51.100.7"}"#,
        "\r\n",
        r#"{"method":"HEAD","target":[47,255],"headers":[["Host",[97,255]]],"listen":"127.0.0.1:80","unheard of":1}"#,
        "\nGET http://shop.example.com/closed",
    );
    let (documents, code) = batch(tree.path(), input.as_bytes());
    assert_eq!(code, Some(0));
    let uris: Vec<_> = documents.iter().map(|document| &document["request"]["uri"]).collect();
    assert_eq!(uris, ["/cart?x=1", "/a%20b?x=1", "/\u{fffd}", "/closed"]);
    assert_eq!(documents[0]["outcome"]["kind"], "proxy");
    assert_eq!(documents[1]["outcome"]["status"], 404);
    assert_eq!(documents[2]["request"]["uri_bytes"], json!([47, 255]));
    assert_eq!(documents[3]["outcome"]["kind"], "close");
}

#[test]
fn batch_line_that_cannot_be_read_gets_an_error_of_its_own() {
    let tree = tree();
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    let lines: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\xff\xfe\x00binary".to_vec(),
        b"GET".to_vec(),
        b"GET /no/host".to_vec(),
        b"GET http://a b/".to_vec(),
        b"{".to_vec(),
        b"{}".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"{\"method\":\"GET\"}".to_vec(),
        b"{\"method\":7,\"target\":\"/\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":[256]}".to_vec(),
        b"{\"method\":\"GET\",\"target\":[-1]}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"\\ud800\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\",\"version\":\"3\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\",\"listen\":\"8080\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\",\"listen\":\"127.0.0.1:99999\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\",\"client\":\"nobody\"}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\",\"headers\":{\"Host\":\"a\"}}".to_vec(),
        b"{\"method\":\"GET\",\"target\":\"/\"} {}".to_vec(),
        format!("{{\"method\":\"GET\",\"target\":{deep}}}").into_bytes(),
        vec![b'a'; 3 << 20],
    ];
    let good = b"GET http://shop.example.com/closed".to_vec();
    let with_good: Vec<Vec<u8>> = lines.iter().flat_map(|line| [line.clone(), good.clone()]).collect();
    let (documents, code) = batch(tree.path(), &with_good.join(&b'\n'));
    assert_eq!(code, Some(1));
    assert_eq!(documents.len(), with_good.len());
    for (index, pair) in documents.chunks(2).enumerate() {
        let shown = String::from_utf8_lossy(&lines[index][..lines[index].len().min(60)]).into_owned();
        assert!(pair[0]["error"].is_string(), "{shown}: {}", pair[0]);
        assert_eq!(pair[0]["line"], json!(2 * index + 1));
        assert_eq!(pair[1]["outcome"]["kind"], "close", "after {shown}");
    }
}

#[test]
fn batch_takes_any_bytes_that_json_can_carry() {
    let tree = tree();
    let mut input = Vec::new();
    for byte in 0..=255_u8 {
        for place in 0..4 {
            let bytes = json!([47, byte, 97]);
            let mut document = json!({ "method": "GET", "target": "/a", "headers": [["Host", "a"]], "listen": "127.0.0.1:80" });
            match place {
                0 => document["target"] = bytes,
                1 => document["method"] = bytes,
                2 => document["headers"] = json!([["Host", bytes]]),
                _ => document["headers"] = json!([[bytes, "x"], ["Host", "a"]]),
            }
            input.extend(document.to_string().into_bytes());
            input.push(b'\n');
        }
    }
    let long = "a/../".repeat(100_000);
    input.extend(json!({ "method": "GET", "target": format!("/{long}") }).to_string().into_bytes());
    let (documents, code) = batch(tree.path(), &input);
    assert_eq!((documents.len(), code), (256 * 4 + 1, Some(0)));
    assert!(documents.iter().all(|document| document["outcome"]["kind"].is_string()));
}

#[test]
fn batch_answers_before_the_next_line_comes() {
    let tree = tree();
    let mut child =
        command(tree.path()).arg("--batch").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        stdin.write_all(b"GET http://shop.example.com/closed\n").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert!(answer.contains("\"close\""), "{answer}");
    }
    // A reader that goes away ends it quietly.
    drop(answers);
    let more = b"GET http://shop.example.com/closed\n".repeat(2_000);
    let _ = stdin.write_all(&more);
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn arguments_and_trees_that_cannot_be_read_are_2() {
    let tree = tree();
    for args in [
        &["GET"][..],
        &["GET /a"],
        &[],
        &["GET http://a/", "--listen", "80"],
        &["GET http://a/", "-H", "no header"],
        &["GET http://a/", "--client", "somebody"],
        &["GET http://a/", "--batch"],
    ] {
        let output = route(tree.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = route(nothing.path(), &["GET http://a/"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("find nginx.conf"));
}

#[test]
fn broken_tree_is_routed_as_far_as_it_goes_and_said_to_be_broken() {
    let tree = tree();
    std::fs::write(tree.path().join("sites-enabled/zz.conf"), "server { location / { return 200; }\n")
        .unwrap();
    let output = route(tree.path(), &["GET http://shop.example.com/closed", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nginx would refuse this tree"), "{output:?}");
}

#[test]
fn what_is_assumed_decides_and_what_is_not_stands_in_a_tree() {
    let tree = tree();
    let asked = "GET http://shop.example.com/elsewhere/x";
    let open = one(tree.path(), &[asked]);
    assert_eq!(open["depends_on"], json!(["file-exists:/nowhere/at/all/elsewhere/x"]));
    assert_eq!(open["tree"]["depends_on"], "file-exists:/nowhere/at/all/elsewhere/x");
    let ways = open["tree"]["when"].as_array().unwrap();
    let told: Vec<_> = ways.iter().map(|way| (&way["assume"], &way["then"]["outcome"]["kind"])).collect();
    let name = |value: &str| json!([format!("file-exists:/nowhere/at/all/elsewhere/x={value}")]);
    assert_eq!(
        told,
        [(&name("yes"), &json!("file")), (&name("dir"), &json!("redirect")), (&name("no"), &json!("error"))]
    );
    for (value, kind) in [("yes", "file"), ("no", "error"), ("dir", "redirect")] {
        let assumed = format!("file-exists:/nowhere/at/all/elsewhere/x={value}");
        let route = one(tree.path(), &[asked, "--assume", &assumed]);
        assert_eq!((&route["outcome"]["kind"], &route["depends_on"]), (&json!(kind), &json!([])));
        assert_eq!(route["tree"], Value::Null);
    }
    let text = String::from_utf8(route(tree.path(), &[asked]).stdout).unwrap();
    assert!(text.contains("  file-exists:/nowhere/at/all/elsewhere/x=no: it fails with 404"), "{text}");
}

#[test]
fn docroot_stands_for_the_file_system() {
    let tree = tree();
    let image = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(image.path().join("nowhere/at/all/elsewhere")).unwrap();
    std::fs::write(image.path().join("nowhere/at/all/elsewhere/x"), "x").unwrap();
    let docroot = ["--docroot", image.path().to_str().unwrap()];
    let ask = |path: &str| {
        let asked = format!("GET http://shop.example.com{path}");
        one(tree.path(), &[&[asked.as_str()][..], &docroot].concat())
    };
    assert_eq!(ask("/elsewhere/x")["outcome"]["path"], "/nowhere/at/all/elsewhere/x");
    assert_eq!(ask("/elsewhere/y")["outcome"]["status"], 404);
    assert_eq!(ask("/a.html")["outcome"]["status"], 404, "the image has no /etc/nginx/html");
}

#[test]
fn near_misses_are_told_with_requests_that_take_them() {
    let tree = tree();
    let asked = "GET http://shop.example.com/carts";
    let told = one(tree.path(), &[asked, "--near", "9"]);
    let misses = told["near_misses"].as_array().unwrap();
    let closed = misses.iter().find(|miss| miss["block"] == "location = /closed").unwrap();
    assert_eq!(closed["why"], "the URI is not equal to it");
    assert_eq!(closed["request"]["uri"], "/closed");
    assert_eq!((&closed["file"], &closed["line"]), (&json!("sites-enabled/shop.conf"), &json!(7)));
    for miss in misses.iter().filter(|miss| miss["request"].is_object()) {
        let request = format!("GET http://shop.example.com{}", miss["request"]["uri"].as_str().unwrap());
        let location = one(tree.path(), &[&request, "--near", "0"])["location"].clone();
        assert_eq!(location["line"], miss["line"], "{miss}");
    }
    assert_eq!(one(tree.path(), &[asked])["near_misses"].as_array().unwrap().len(), 3);
    let text = String::from_utf8(route(tree.path(), &[asked]).stdout).unwrap();
    assert!(text.contains("Near misses:\n"), "{text}");
    let text = String::from_utf8(route(tree.path(), &[asked, "--near", "0"]).stdout).unwrap();
    assert!(!text.contains("Near misses"), "{text}");
}

#[test]
fn what_cannot_be_assumed_is_2() {
    let tree = tree();
    for assumed in ["weather=fine", "file-exists:/a", "upstream-response=often"] {
        let output = route(tree.path(), &["GET http://shop.example.com/", "--assume", assumed]);
        assert_eq!(output.status.code(), Some(2), "{assumed}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(assumed.split('=').next().unwrap()),
            "{output:?}"
        );
    }
}
