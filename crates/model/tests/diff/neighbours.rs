//! What an edit leaves alone is not looked at; what it touches from afar is.

use crate::lines;

/// The tree with its edit, told in lines.
fn edited(tree: &str, from: &str, to: &str) -> Vec<String> {
    assert_eq!(tree.matches(from).count(), 1, "the edit has one place");
    lines(tree, &tree.replace(from, to))
}

#[test]
fn servers_that_an_edit_cannot_touch_are_not_looked_at() {
    let tree = "server { listen 80; server_name a.test;
                    location / { if ($uri ~ '^/(..)\\1') { return 403; } return 200 a; } }
                server { listen 80; server_name b.test; location / { return 200 b; } }";
    assert_eq!(
        edited(tree, "200 b", "200 c"),
        ["Outcome GET /* on b.test:80 | GET http://b.test/ | 200 b -> 200 c"]
    );
}

#[test]
fn locations_that_an_edit_cannot_touch_are_not_looked_at() {
    let tree = "server { listen 80; server_name a.test;
                    location /a { if ($uri ~ '(..)\\1') { return 403; } return 200 a; }
                    location /b { return 200 b; } }";
    assert_eq!(
        edited(tree, "200 b", "200 c"),
        ["Outcome GET /b* on *:80 | GET http://a.test/b | 200 b -> 200 c"]
    );
}

#[test]
fn settings_of_the_master_touch_no_server() {
    let tree = |workers: &str| {
        crate::tree::main(&format!(
            "worker_processes {workers}; events {{}} http {{ server {{ listen 80;
                 location / {{ if ($uri ~ '(..)\\1') {{ return 403; }} return 200 a; }} }} }}"
        ))
    };
    let options = evenkeel_model::DiffOptions::default();
    let told =
        evenkeel_model::diff(&tree("1"), &tree("4"), &|_: &[u8]| evenkeel_model::FileKind::Unknown, &options);
    assert_eq!((told.changes.len(), told.incomplete_because), (0, Vec::new()));
}

#[test]
fn name_that_goes_leaves_its_requests_to_the_regex_beside_it() {
    let tree = "server { listen 80 default_server; return 404; }
                server { listen 80; server_name z.test a.test ~^(?<who>.+)$; return 200 $who; }";
    let told = edited(tree, " a.test", "");
    assert!(told.iter().any(|line| line.contains("http://a.test/")), "{told:?}");
}

#[test]
fn default_server_reads_requests_for_all() {
    let tree = "server { listen 80 default_server; merge_slashes off; return 404; }
                server { listen 80; server_name b.test; location //x { return 200 two; } location / { return 200 one; } }";
    let told = edited(tree, "merge_slashes off; ", "");
    assert!(!told.is_empty(), "//x of b.test is read otherwise, so nobody may call it proven");
}

#[test]
fn pass_by_variable_goes_where_others_had_a_name_resolved() {
    let tree =
        "server { listen 80; server_name a.test; location / { set $to app.test; proxy_pass http://$to; } }
                server { listen 80; server_name b.test; location / { proxy_pass http://app.test; } }";
    let told = edited(tree, "http://app.test", "http://other.test");
    assert!(told.iter().any(|line| line.contains("http://a.test/")), "{told:?}");
}
