//! Witnesses on real nginxes.

use super::{Pair, nginx};

/// Asks for the proof with the installed nginx; `None`: there is none, or no sandbox.
fn verified(pair: &Pair, args: &[&str]) -> Option<super::Ran> {
    let Some(nginx) = nginx() else {
        println!("skipped: there is no nginx");
        return None;
    };
    let nginx = nginx.to_str().unwrap();
    let ran = pair.diff(&[&["--nginx", nginx, "--verify"], args].concat());
    if ran.err.contains("build the sandbox") {
        println!("skipped: {}", ran.err);
        return None;
    }
    Some(ran)
}

#[test]
fn every_witness_is_asked_of_both_trees() {
    let pair = Pair::replaced(&[
        ("proxy_pass http://app/cart;", "return 404;"),
        ("proxy_pass http://app;", "return 302 https://shop.test$request_uri;"),
    ]);
    let Some(ran) = verified(&pair, &["--json"]) else { return };
    let document = ran.ends(1).json();
    let verified = &document["verified"];
    assert_eq!(verified["disagree"].as_array().unwrap().len(), 0, "{verified}");
    assert_eq!(verified["failed"].as_array().unwrap().len(), 0, "{verified}");
    assert!(verified["asked"].as_u64().unwrap() >= 4, "{verified}");
    assert!(verified["nginx"].as_str().unwrap().starts_with("nginx "));
}

#[test]
fn people_read_how_many_answers_were_as_predicted() {
    let pair = Pair::replaced(&[("proxy_pass http://app/cart;", "return 404;")]);
    let Some(ran) = verified(&pair, &[]) else { return };
    ran.ends(1).says("verified: 2 answers of nginx ").says("all as predicted");
}

#[test]
fn tree_that_does_not_start_is_no_agreement() {
    let pair = Pair::replaced(&[(
        "listen 127.0.0.1:18980;",
        "listen 127.0.0.1:18980; ssl_certificate /nowhere.pem; nonsense;",
    )]);
    let Some(ran) = verified(&pair, &[]) else { return };
    ran.ends(1).says("the new tree does not start here");
}
