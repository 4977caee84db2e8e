//! `apply` rehearses first: what only shows in the step from the old configuration to the new one is refused before
//! anything of the host is touched, with nginx's own reason.

mod support;

use std::net::TcpListener;

use support::{App, Host, Ran};

/// Applies `new/`, which the rehearsal must refuse for this reason, with nothing touched.
#[track_caller]
fn refused(host: &Host, reason: &str) -> Ran {
    let (tree, master) = (host.tree(), host.master());
    let logged = host.read("logs/error.log");
    let ran = host.apply_rehearsed(&["--json"]).ends(1);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&said["outcome"], &said["caught_by"]), (&"refused".into(), &"rehearsal".into()), "{ran:?}");
    assert!(said["reason"].as_str().unwrap().contains(reason), "not \"{reason}\" in {ran:?}");
    host.is_still(&tree, &ran);
    assert_eq!(host.master(), master);
    let now = host.read("logs/error.log");
    assert!(!now[logged.len()..].contains("reconfiguring"), "nginx was reloaded");
    ran
}

#[test]
fn good_change_is_rehearsed_and_confirmed() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let ran = host.apply_rehearsed(&["--message", "say two"]).ends(0).says("confirmed");
    ran.says("rehearsal").says("the reload works in a sandbox");
    assert_eq!(host.get("/version").unwrap().1, "two");
    host.run(&["show", "r1"]).ends(0).says("rehearsal");
}

#[test]
fn port_held_by_another_process_is_refused() {
    let host = Host::start();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let (old, port) = (format!("listen 127.0.0.1:{};", host.port), held.local_addr().unwrap().port());
    host.propose().replace("sites/shop.conf", &old, &format!("{old} listen 127.0.0.1:{port};"));
    refused(&host, "Address already in use").says(&format!("127.0.0.1:{port}"));
}

#[test]
fn listen_address_to_wildcard_on_the_same_port_is_refused() {
    let host = Host::start();
    let old = format!("listen 127.0.0.1:{};", host.port);
    host.propose().replace("sites/shop.conf", &old, &format!("listen {};", host.port));
    refused(&host, "Address already in use");
}

#[test]
fn changed_key_of_a_zone_is_refused() {
    let host = Host::start();
    host.propose().replace("nginx.conf", "limit_req_zone $binary_remote_addr", "limit_req_zone $server_name");
    refused(&host, "uses the \"$server_name\" key while previously it used");
    let zone = "limit_conn_zone $binary_remote_addr zone=conn:1m;";
    host.write("etc/conf.d/zone.conf", zone);
    host.run(&["adopt"]).ends(0);
    host.wait("the zone is live", || {
        support::kill(host.master().unwrap(), "HUP");
        host.old_serves()
    });
    host.propose().replace("conf.d/zone.conf", "$binary_remote_addr", "$server_name");
    refused(&host, "key while previously it used");
}

#[test]
fn what_nginx_writes_into_the_tree_itself_is_written_in_the_sandbox_too() {
    let host = Host::new();
    let main = host.good_main().replace("/logs/error.log", "/etc/error.log");
    host.write("etc/nginx.conf", &main);
    host.start_nginx();
    // The old master's words stand in the log that the new tree has at the same place.
    host.propose().replace("nginx.conf", "limit_req_zone $binary_remote_addr", "limit_req_zone $server_name");
    refused(&host, "uses the \"$server_name\" key while previously it used");
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply_rehearsed(&[]).ends(0).says("confirmed");
}

#[test]
fn cache_that_moves_under_the_same_zone_is_refused() {
    let host = Host::new();
    for part in ["cache/one", "cache/two"] {
        std::fs::create_dir_all(host.path(part)).unwrap();
    }
    let path = format!("proxy_cache_path {}/cache/one keys_zone=pages:1m;", host.dir.path().display());
    host.write("etc/conf.d/cache.conf", &path);
    host.start_nginx();
    host.propose().replace("conf.d/cache.conf", "cache/one", "cache/two");
    refused(&host, "while previously it used");
}

#[test]
fn missing_working_directory_is_refused() {
    let host = Host::start();
    let gone = host.path("not-there");
    let main = host.good_main();
    host.propose().write("nginx.conf", &format!("working_directory {};\n{main}", gone.display()));
    refused(&host, "chdir(");
}

#[test]
fn too_few_file_descriptors_are_refused() {
    let host = Host::start();
    let main = host.good_main();
    host.propose().write("nginx.conf", &format!("worker_rlimit_nofile 12;\n{main}"));
    refused(&host, "Too many open files");
}

#[test]
fn upstream_where_nobody_listens_is_refused_unless_it_was_dead_before() {
    let host = Host::start();
    let dead = support::free_port();
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &dead.to_string());
    refused(&host, "refuses connections").says(&format!("127.0.0.1:{dead}"));

    // A fix must get through while an upstream is dead that was dead before.
    let site = format!("location /old {{ proxy_pass http://127.0.0.1:{dead}; }}\n    location = /version");
    let text = host.read("etc/sites/shop.conf").replace("location = /version", &site);
    host.write("etc/sites/shop.conf", &text);
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply_rehearsed(&[]).ends(0).says("confirmed");
}

#[test]
fn finding_that_is_accepted_goes_on_and_is_recorded() {
    let host = Host::start();
    let dead = support::free_port();
    let site = format!("location /soon {{ proxy_pass http://127.0.0.1:{dead}; }}\n    location = /version");
    host.propose().replace("sites/shop.conf", "location = /version", &site);
    let said = refused(&host, "refuses connections");
    let rule = said.out.split("error[").nth(1).unwrap().split(']').next().unwrap().to_owned();
    host.apply_rehearsed(&["--accept", &rule]).ends(0).says("confirmed");
    host.run(&["show", "--json", "r2"]).ends(0).says(&rule);
}

#[test]
fn route_that_is_taken_away_is_asked_until_that_is_accepted() {
    let host = Host::start();
    host.propose().write("routes.toml", "").replace("sites/shop.conf", "proxy_pass http://", "return 410; #");
    refused(&host, "answered 410 instead of 200")
        .says("takes the route")
        .says("--accept route-answers-wrong");
    host.apply_rehearsed(&["--accept", "route-answers-wrong"])
        .ends(0)
        .says("confirmed")
        .says("as was accepted");
    assert_eq!(host.get("/").unwrap().0, 410);
}

#[test]
fn rehearsal_that_is_left_out_is_recorded() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply_rehearsed(&["--no-rehearsal"]).ends(0).says("confirmed");
    host.run(&["show", "r1"]).ends(0).says("--no-rehearsal");
}

#[test]
fn wrong_answers_of_an_application_are_left_to_the_live_routes() {
    let host = Host::start();
    let broken = App::new(502, "bad gateway");
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &broken.port.to_string());
    let ran = host.apply_rehearsed(&[]).ends(1).says("rolled back").says("answered 502 instead of 200");
    ran.says("the reload works in a sandbox");
    assert!(host.old_serves());
}
