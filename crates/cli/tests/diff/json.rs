//! What machines read.

use serde_json::json;

use super::{Pair, combined};

#[test]
fn keys_are_as_promised() {
    let pair = Pair::replaced(&[("proxy_pass http://app/cart;", "return 404;")]);
    pair.write("access.log", combined(&[(1, "GET /cart HTTP/1.1"), (2, "GET / HTTP/1.1")]).as_bytes());
    let document = pair.diff(&["--json", "--traffic", "access.log"]).ends(1).json();
    assert_eq!(document["complete"], json!(true), "{document}");
    assert_eq!(document["incomplete_because"], json!([]));
    let change = &document["changes"][0];
    assert!(change["class"].as_str().unwrap().contains("/cart*"), "{change}");
    assert_eq!(change["witness"], "GET http://shop.test:18980/cart");
    assert_eq!(change["old"]["kind"], "proxy");
    assert_eq!(change["old"]["upstream"], "app");
    assert_eq!(change["old"]["pass"], "http://app/cart");
    assert_eq!(change["new"], json!({ "kind": "return", "status": 404 }));
    let because = change["because"].as_array().unwrap();
    assert!(
        because.iter().any(|one| one["file"] == "nginx.conf" && one["line"] == 16 && one["side"] == "old")
    );
    assert_eq!(change["traffic"]["requests"], 1);
    assert_eq!(change["traffic"]["share"], 0.5);
    assert_eq!(change["request"]["uri"], "/cart");
}

#[test]
fn same_trees_give_an_empty_document() {
    let pair = Pair::of(super::OLD, super::OLD);
    let document = pair.diff(&["--json"]).ends(0).json();
    assert_eq!(document["changes"], json!([]));
    assert_eq!(document["settings"], json!([]));
    assert_eq!(document["complete"], json!(true));
}

#[test]
fn what_nginx_would_refuse_is_in_the_document() {
    let pair = Pair::replaced(&[("proxy_pass http://app/cart;", "retrun 404;")]);
    let document = pair.diff(&["--json"]).ends(1).json();
    assert_eq!(document["problems"][0]["side"], "new");
    assert_eq!(document["problems"][0]["rule"], "unknown-directive");
    assert_eq!(document["problems"][0]["line"], 16);
}
