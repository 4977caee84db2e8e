//! What people read.

use super::Pair;

#[test]
fn each_class_of_requests_has_a_witness_and_both_ends() {
    let ran = Pair::replaced(&[("proxy_pass http://app/cart;", "return 404;")]).diff(&[]).ends(1);
    let ran = ran.says("1 class of requests changes\n").says("/cart* on ");
    let ran = ran.says("witness  GET http://shop.test:18980/cart");
    let ran = ran.says("old      proxy_pass http://app/cart (127.0.0.1:9001)  [nginx.conf:15]");
    let ran = ran.says("new      404  [nginx.conf:15]").says("old nginx.conf:16 (proxy_pass)");
    let ran = ran.says("try      curl -i http://shop.test:18980/cart\n").err;
    assert_eq!(ran, "", "progress is for terminals");
}

#[test]
fn refactoring_changes_nothing() {
    let ran = Pair::replaced(&[
        ("location /cart {", "# the cart\n        location \"/cart\" {"),
        ("    upstream app {\n        server 127.0.0.1:9001;\n    }\n", "    include upstreams/*.conf;\n"),
    ]);
    ran.write("new/upstreams/app.conf", b"upstream app { server 127.0.0.1:9001; }\n");
    assert_eq!(ran.diff(&[]).ends(0).out, "no request changes\n");
    let same = Pair::of(super::OLD, super::OLD);
    assert_eq!(same.diff(&[]).ends(0).out, "no request changes\n");
}

#[test]
fn settings_are_behaviour_too() {
    let ran = Pair::replaced(&[("server 127.0.0.1:9001;", "server 127.0.0.1:9002;")]).diff(&[]).ends(1);
    ran.says("upstream app").says("127.0.0.1:9001").says("127.0.0.1:9002");
}

#[test]
fn tree_that_nginx_would_refuse_is_told_and_compared_as_far_as_it_goes() {
    let pair = Pair::replaced(&[("proxy_pass http://app/cart;", "return 404; proxy_passs x;")]);
    let ran = pair.diff(&[]).ends(1).says("nginx would refuse the new tree:");
    ran.says("nginx.conf:16: error[unknown-directive]").says("new      404");
    let pair = Pair::of(super::OLD, "events {} http { server {");
    pair.diff(&[]).ends(1).says("nginx would refuse the new tree:");
}

#[test]
fn twenty_rows_are_shown_and_all_when_they_are_wanted() {
    let tree = |answer: &dyn Fn(usize) -> String| {
        let location = |at: usize| format!("location = /{at} {{ {} }}\n", answer(at));
        let locations: String = (0..30).map(location).collect();
        format!("events {{}} http {{ server {{ listen 127.0.0.1:18980; {locations} }} }}")
    };
    let pair =
        Pair::of(&tree(&|at| format!("return 301 /a{at};")), &tree(&|at| format!("return 302 /b{at};")));
    let rows = |args: &[&str]| pair.diff(args).ends(1).out.matches("\n  witness  ").count();
    let all = rows(&["--all"]);
    assert!(all >= 1);
    if all > 20 {
        assert_eq!(rows(&[]), 20);
        pair.diff(&[]).ends(1).says(&format!("and {} more; --all shows them", all - 20));
    }
}

#[test]
fn secrets_are_in_no_report() {
    let new = "return 302 https://u:hunter2secret@a.test/?api_key=hunter2secret;";
    let pair = Pair::replaced(&[("proxy_pass http://app/cart;", new)]);
    for args in [&[][..], &["--json"]] {
        let ran = pair.diff(args).ends(1);
        assert!(!ran.out.contains("hunter2secret"), "{}", ran.out);
    }
}
