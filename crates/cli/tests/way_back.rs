//! Ways back that are easy to get wrong: rollbacks of rollbacks, a host without nginx, a journal that was lost, routes that
//! nobody can ask any more.

mod support;

use std::net::TcpListener;

use support::{Host, free_port};

/// A host that has confirmed "one" and then "two".
fn at_two() -> Host {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    host
}

fn version(host: &Host) -> String {
    host.get("/version").map(|(_, body)| body).unwrap_or_default()
}

#[test]
fn live_route_whose_listener_is_gone_is_wrong() {
    let host = Host::start();
    let moved = format!("listen 127.0.0.1:{};", free_port());
    host.propose().replace("sites/shop.conf", &format!("listen 127.0.0.1:{};", host.port), &moved);
    host.apply(&[]).ends(1).says("does not listen on port");
    assert!(host.old_serves());
}

#[test]
fn live_route_that_nobody_asks_is_named_and_not_counted() {
    let host = Host::start();
    let post = format!(
        "[[route]]\nname = \"order\"\nrequest = \"POST http://shop.test:{}/\"\nunsafe = true\nlive = {{ status = 200 }}\n",
        host.port
    );
    host.propose().write("routes.toml", &post).replace("sites/shop.conf", "\"one\"", "\"two\"");
    let ran = host.apply(&[]).ends(0).says("POST is not asked");
    // The live tree's own route, which the change takes away, was asked all the same.
    assert!(ran.out.contains("1 live route asked again"), "{}", ran.out);
}

#[test]
fn rollback_that_is_itself_taken_back_is_no_success() {
    let host = Host::start();
    let old = format!("listen 127.0.0.1:{};", host.port);
    let routes = host.good_routes();
    let port = free_port();
    host.propose()
        .replace("sites/shop.conf", &old, &format!("listen 127.0.0.1:{port};"))
        .write("routes.toml", &routes.replace(&host.port.to_string(), &port.to_string()));
    host.apply(&[]).ends(0);
    let _held = TcpListener::bind(("127.0.0.1", host.port)).unwrap();
    host.run(&["rollback"]).ends(1).says("Address already in use");
    assert!(support::get(port, "shop.test", "/version").is_some(), "the released configuration still serves");
}

#[test]
fn second_rollback_does_not_return_to_what_a_hand_left_or_to_what_was_rolled_back() {
    let host = at_two();
    host.write("etc/sites/shop.conf", &host.good_site().replace("\"one\"", "\"by hand\""));
    host.run(&["rollback"]).ends(0).says("kept as bundle");
    assert_eq!(version(&host), "two");
    host.run(&["rollback"]).ends(0);
    assert_eq!(version(&host), "one");
    host.run(&["rollback"]).ends(2).says("nothing was confirmed on this host before");
    assert_eq!(version(&host), "one");
}

#[test]
fn host_without_a_running_nginx_goes_back_on_disk() {
    let host = at_two();
    host.kill_nginx();
    host.run(&["rollback"]).ends(0).says("start it");
    host.start_nginx();
    assert!(host.old_serves());
    host.run(&["status"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"three\"");
    host.apply(&[]).ends(0);
}

#[test]
fn recover_leaves_a_watched_release_alone() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--bake", "2s"]);
    host.wait("the new configuration", || version(&host) == "two");
    host.run(&["recover"]).ends(2);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(version(&host), "two");
}

#[test]
fn dry_run_changes_nothing() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&["--dry-run"]).ends(0).says("would apply");
    assert!(!host.path("state/journal.db").exists() && !host.path("state/bundles").exists());
    host.propose().replace("sites/shop.conf", "return 200", "retrun 200");
    host.apply(&["--dry-run"]).ends(1).says("unknown directive");
    assert!(host.old_serves());
}

#[test]
fn journal_that_was_lost_and_begun_anew_holds_nobody_up() {
    let host = at_two();
    std::fs::remove_file(host.path("state/journal.db")).unwrap();
    for more in ["state/journal.db-wal", "state/journal.db-shm"] {
        let _ = std::fs::remove_file(host.path(more));
    }
    // Without a journal the slots and the bundles know the way.
    host.write("state/journal.db", "this is no journal");
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
    std::fs::remove_file(host.path("state/journal.db")).unwrap();
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"three\"");
    host.apply(&[]).ends(0);
    assert_eq!(version(&host), "three");
    // A release of the new journal that is killed while it gathers evidence bears the number of an old one.
    host.propose().replace("sites/shop.conf", "\"three\"", "\"four\"");
    let mut child = host.apply_in_background(&["--bake", "5s"]);
    child.kill().unwrap();
    child.wait().unwrap();
    host.wait("the next release begins", || host.apply(&[]).code == 0);
    assert_eq!(version(&host), "four");
}

#[test]
fn status_knows_that_nginx_still_serves_a_site_that_was_deleted() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    // The kernel tells when a process began by its ticks: a change within the same few says nothing.
    let began = std::time::Instant::now();
    host.wait("the clock to go on", || began.elapsed() > std::time::Duration::from_millis(100));
    host.write("etc/sites/gone.conf", "# nothing\n");
    std::fs::remove_file(host.path("etc/sites/gone.conf")).unwrap();
    host.run(&["status"]).ends(1).says("started before");
}

#[test]
fn old_configuration_that_could_not_be_loaded_is_loaded_when_it_can_be() {
    let host = Host::new();
    let outside = host.path("outside.conf");
    host.write("outside.conf", "# something that is no part of the tree\n");
    let main = host.good_main();
    let with_include = main
        .replace("    limit_req_zone", &format!("    include {};\n    limit_req_zone", outside.display()));
    host.write("etc/nginx.conf", &with_include);
    host.start_nginx();
    host.propose().write("nginx.conf", &main).replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--hold", "--confirm-within", "60s"]);
    host.wait("the new configuration", || version(&host) == "two");
    host.wait("the release waits", || host.run(&["status"]).out.contains("is proven"));
    std::fs::rename(&outside, host.path("outside.away")).unwrap();
    host.run(&["rollback"]).ends(1).says("NOT PROVEN");
    child.wait().unwrap();
    assert_eq!(version(&host), "two", "nginx kept what it had");
    std::fs::rename(host.path("outside.away"), &outside).unwrap();
    host.run(&["recover"]).ends(0);
    host.wait("the old configuration", || host.old_serves());
}

#[test]
fn edit_by_hand_that_recovery_replaces_is_kept_as_a_bundle() {
    let host = Host::start();
    host.write("outside.conf", "# no part of the tree\n");
    let include = format!("    include {};\n    limit_req_zone", host.path("outside.conf").display());
    let main = host.good_main().replace("    limit_req_zone", &include);
    host.propose().write("nginx.conf", &main).replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    // Everything dies while a release is open. Meanwhile somebody edits a file, and nginx no longer takes what was confirmed.
    host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
    let mut applies = host.apply_in_background(&["--hold", "--bake", "50ms", "--confirm-within", "60s"]);
    host.wait("the new configuration", || version(&host) == "three");
    let ours = host.ours();
    // Stopped first, so that the fuse takes no note of the end of its command.
    support::kill_all(&ours, "STOP");
    support::kill_all(&ours, "KILL");
    applies.wait().unwrap();
    host.kill_nginx();
    host.write("etc/conf.d/hand.conf", "# by hand\n");
    std::fs::remove_file(host.path("outside.conf")).unwrap();
    host.run(&["recover"]).says("kept as bundle");
    host.start_nginx();
    assert!(host.old_serves(), "the bundle that nginx takes serves");
    assert!(!host.path("etc/conf.d/hand.conf").exists(), "it is of no bundle that was released");
    let kept = support::picture(&host.path("state")).into_values();
    assert!(kept.into_iter().any(|holds| holds == b"# by hand\n"), "the edit is kept");
}
