//! `evenkeel route` and `evenkeel diff` for servers of stream.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const CONF: &str = "events {}
http {
    server { listen 8443; return 200 http; }
}
stream {
    map $ssl_preread_server_name $to {
        hostnames;
        shop.example.com shop;
        *.example.com    10.0.0.6:443;
        old.example.com  nobody;
    }
    limit_conn_zone $binary_remote_addr zone=each:1m;
    upstream shop {
        server 10.0.0.5:443;
    }
    server {
        listen 443;
        ssl_preread on;
        limit_conn each 10;
        proxy_pass $to;
    }
    server {
        listen 53 udp;
        allow 10.0.0.0/8;
        deny all;
        proxy_pass 10.0.0.7:53;
    }
    server {
        listen 5432 proxy_protocol;
        set_real_ip_from 192.0.2.0/24;
        return \"$remote_addr $ssl_preread_alpn_protocols\";
    }
}
";

fn tree(conf: &str) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("nginx.conf"), conf).unwrap();
    tree
}

fn evenkeel(verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(["--config-dir", "/etc/nginx", "--nginx", "/nonexistent/nginx", verb]);
    command
}

fn route(tree: &Path, args: &[&str]) -> Output {
    evenkeel("route").arg(tree).args(args).output().unwrap()
}

fn one(args: &[&str]) -> Value {
    let tree = tree(CONF);
    let output = route(tree.path(), &[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn document_of_a_connection_is_in_the_spirit_of_a_request() {
    let route = one(&["tls://shop.example.com:443", "--alpn", "h2,http/1.1"]);
    assert_eq!(
        route["request"],
        json!({ "stream": "tls", "port": 443, "sni": "shop.example.com", "alpn": ["h2", "http/1.1"],
                "tls_version": "TLSv1.3" })
    );
    assert_eq!(
        route["outcome"],
        json!({ "kind": "proxy", "upstream": "shop", "servers": ["10.0.0.5:443"], "pass": "shop", "ssl": false,
                "proxy_protocol": false })
    );
    assert_eq!(route["server"], json!({ "names": [], "file": "nginx.conf", "line": 16 }));
    assert_eq!(route["limits"], json!([{ "zone": "each", "key": "$binary_remote_addr", "allows": "10" }]));
    assert_eq!(route["depends_on"], json!([]));
    let steps: Vec<&str> =
        route["steps"].as_array().unwrap().iter().map(|step| step["what"].as_str().unwrap()).collect();
    assert_eq!(steps, ["listen", "ssl_preread", "map", "proxy_pass"]);
    assert_eq!(route["steps"][2]["line"], 6);
}

#[test]
fn every_outcome_has_its_kind() {
    let outcome = |args: &[&str]| one(args)["outcome"].clone();
    assert_eq!(outcome(&["tls://127.0.0.1:443", "--sni", "x.example.com"])["pass"], "10.0.0.6:443");
    assert_eq!(
        outcome(&["tcp://127.0.0.1:443"]),
        json!({ "kind": "close", "reason": "no host in upstream \"\"" })
    );
    assert_eq!(
        outcome(&["udp://*:53", "--client", "192.0.2.1"]),
        json!({ "kind": "close", "reason": "access forbidden by rule" })
    );
    assert_eq!(outcome(&["udp://*:53", "--client", "10.1.1.1"])["kind"], "proxy");
    assert_eq!(
        outcome(&["tcp://*:5432", "--client", "192.0.2.1", "--proxy-protocol", "198.51.100.7:4711"]),
        json!({ "kind": "return", "text": "198.51.100.7 " })
    );
    assert_eq!(one(&["udp://*:53"])["depends_on"], json!(["client-address"]));
}

#[test]
fn text_says_the_outcome_first_and_what_listens_instead() {
    let tree = tree(CONF);
    let text = |args: &[&str]| String::from_utf8(route(tree.path(), args).stdout).unwrap();
    let shop = text(&["tls://shop.example.com:443"]);
    assert!(shop.starts_with("tls://shop.example.com:443 is passed on to shop (10.0.0.5:443)\n"), "{shop}");
    assert!(shop.contains("nginx.conf:6   map          $to = shop"), "{shop}");
    let http = text(&["tls://shop.example.com:8443"]);
    assert!(http.contains("is closed: no server of stream listens on port 8443"), "{http}");
    assert!(http.contains("A server of http listens there"), "{http}");
}

#[test]
fn batch_takes_connections_beside_requests() {
    let tree = tree(CONF);
    let mut child = evenkeel("route")
        .arg(tree.path())
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "tls://x.example.com:443\nGET http://a.test:8443/\n\
        {\"stream\":\"tls\",\"listen\":\"127.0.0.1:443\",\"sni\":\"shop.example.com\",\"tls_version\":\"TLSv1.2\"}\n\
        {\"stream\":\"tcp\",\"port\":5432,\"proxy_protocol\":false}\n{\"stream\":\"quic\"}\n";
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let documents: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents[0]["outcome"]["pass"], "10.0.0.6:443");
    assert_eq!(documents[1]["outcome"]["kind"], "return");
    assert_eq!(documents[2]["outcome"]["upstream"], "shop");
    assert_eq!(documents[2]["request"]["tls_version"], "TLSv1.2");
    assert_eq!(documents[3]["outcome"]["reason"], "broken header while reading PROXY protocol");
    assert_eq!(documents[4]["error"], "failed to read \"quic\" as a stream: it is one of tcp, tls, udp");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_no_connection_is_refused_with_its_reason() {
    let tree = tree(CONF);
    let output = route(tree.path(), &["tls://shop.example.com"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("read the port"), "{error}");
}

#[test]
fn diff_tells_connections_that_end_elsewhere() {
    let (old, new) =
        (tree(CONF), tree(&CONF.replace("shop.example.com shop;", "shop.example.com 10.0.0.9:443;")));
    let diff = |args: &[&str]| evenkeel("diff").args([old.path(), new.path()]).args(args).output().unwrap();
    let output = diff(&["--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stream = document["stream"].as_array().unwrap();
    assert_eq!(stream.len(), 1, "{document}");
    assert_eq!(stream[0]["class"], "tls shop.example.com on 0.0.0.0:443");
    assert_eq!(stream[0]["old"]["upstream"], "shop");
    assert_eq!(stream[0]["new"]["pass"], "10.0.0.9:443");
    assert_eq!(stream[0]["because"][0]["line"], 6);
    assert_eq!(document["complete"], true, "{document}");
    let text = String::from_utf8(diff(&[]).stdout).unwrap();
    assert!(text.contains("1 class of connections to stream does"), "{text}");
    assert!(text.contains("tls shop.example.com on 0.0.0.0:443"), "{text}");
}
