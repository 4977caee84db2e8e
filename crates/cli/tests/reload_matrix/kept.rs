//! What `nginx -t` passes, and after which a reload leaves the old configuration serving or no worker alive: all of it with
//! the exit status of success.

use std::net::TcpListener;

use crate::row::{Row, on_every_nginx};
use crate::support::{free_port, is_root};

/// A port that this process holds.
fn held() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Adds a `listen` behind that of the shop, on a line of its own.
fn listens_too(row: &Row, listen: &str) -> String {
    let old = format!("listen 127.0.0.1:{};", row.host.port);
    row.propose().replace("sites/shop.conf", &old, &format!("{old}\n    {listen}"));
    row.place("sites/shop.conf", listen)
}

#[test]
fn port_held_by_another_process() {
    on_every_nginx(|row| {
        let (_held, port) = held();
        row.start();
        let place = listens_too(row, &format!("listen 127.0.0.1:{port};"));
        let applied = row.apply(&[]);
        applied.refused_at("rehearsal", &format!("bind() to 127.0.0.1:{port} failed (98: "), &place);
        let holder = format!("(process {}) listens there on this machine", std::process::id());
        applied.refused_at("rehearsal", &holder, &place);
        row.passes_t();
    });
}

#[test]
fn error_log_moved_and_port_held() {
    on_every_nginx(|row| {
        let (_held, port) = held();
        row.start();
        let place = listens_too(row, &format!("listen 127.0.0.1:{port};"));
        let main = row.host.good_main().replace("logs/error.log", "logs/moved.log");
        row.host.write("new/nginx.conf", &main);
        row.apply(&[]).refused_at("rehearsal", &format!("127.0.0.1:{port} failed (98: "), &place);
        row.passes_t();
    });
}

#[test]
fn own_address_to_wildcard() {
    on_every_nginx(|row| {
        row.start();
        let old = format!("listen 127.0.0.1:{};", row.host.port);
        row.propose().replace("sites/shop.conf", &old, &format!("listen 0.0.0.0:{};", row.host.port));
        let place = row.place("sites/shop.conf", "listen 0.0.0.0");
        let applied = row.apply(&[]);
        applied.refused_at("rehearsal", &format!("0.0.0.0:{} failed (98: ", row.host.port), &place);
        applied.refused_at("rehearsal", "this nginx itself listens there", &place);
        row.passes_t();
    });
}

#[test]
fn wildcard_to_own_address() {
    on_every_nginx(|row| {
        let old = format!("listen 127.0.0.1:{};", row.host.port);
        let site = row.host.good_site();
        row.has("sites/shop.conf", &site.replace(&old, &format!("listen {};", row.host.port)));
        row.start();
        row.propose().write("sites/shop.conf", &site);
        let place = row.place("sites/shop.conf", "listen ");
        let applied = row.apply(&[]);
        applied.refused_at("rehearsal", &format!("127.0.0.1:{} failed (98: ", row.host.port), &place);
        applied.refused_at("rehearsal", "this nginx itself listens there", &place);
        row.passes_t();
    });
}

/// Plays a line of `conf.d` that is changed.
#[track_caller]
fn changed(old: impl Fn(&Row) -> String + Sync, from: &str, to: &str, stage: &str, reason: &str) {
    on_every_nginx(|row| {
        row.conf(&format!("# a line\n{}", old(row)));
        row.start();
        row.propose().replace("conf.d/more.conf", from, to);
        row.apply(&[]).refused_at(stage, reason, "conf.d/more.conf:2");
        row.passes_t();
    });
}

#[test]
fn key_of_a_limit_req_zone_changed() {
    let zone = "limit_req_zone $binary_remote_addr zone=more:1m rate=9r/s;\n";
    let reason = "uses the \"$server_name\" key while previously it used";
    changed(|_| zone.to_owned(), "$binary_remote_addr", "$server_name", "rehearsal", reason);
}

#[test]
fn key_of_a_limit_conn_zone_changed() {
    let zone = "limit_conn_zone $binary_remote_addr zone=more:1m;\n";
    changed(
        |_| zone.to_owned(),
        "$binary_remote_addr",
        "$server_name",
        "rehearsal",
        "uses the \"$server_name\" key while",
    );
}

/// A cache in a directory of the host.
fn cache(row: &Row) -> String {
    std::fs::create_dir_all(row.host.path("cache")).unwrap();
    format!("proxy_cache_path {}/cache/one levels=1:2 keys_zone=pages:1m;\n", row.dir())
}

#[test]
fn cache_moved_under_the_same_zone() {
    changed(cache, "cache/one", "cache/two", "rehearsal", "cache path while previously it used");
}

#[test]
fn levels_of_a_cache_changed_under_the_same_zone() {
    changed(cache, "levels=1:2", "levels=2", "rehearsal", "had previously different levels");
}

#[test]
fn too_few_file_descriptors_for_three_hundred_listens() {
    on_every_nginx(|row| {
        let main = row.host.good_main().replace("worker_connections 256", "worker_connections 1024");
        row.has("nginx.conf", &main);
        row.start_after("ulimit -n 128");
        let port = free_port();
        let mut server = "server {\n".to_owned();
        for nth in 0..300 {
            server.push_str(&format!("    listen 127.1.{}.{}:{port};\n", nth / 200, nth % 200 + 1));
        }
        row.propose().write("conf.d/more.conf", &format!("{server}    return 200;\n}}\n"));
        row.apply(&[]).refused_at("preflight", "failed (24: ", "conf.d/more.conf:");
        row.passes_t();
    });
}

#[test]
fn too_few_file_descriptors_for_the_connections() {
    on_every_nginx(|row| {
        row.start_after("ulimit -n 300");
        row.propose().replace("nginx.conf", "worker_connections 256", "worker_connections 1024");
        let place = row.place("nginx.conf", "worker_connections");
        let applied = row.apply(&[]);
        applied.confirmed().notes(&format!("{place}: warning[too-few-descriptors]"));
        applied.notes("more descriptors than the 300 that the running nginx was started with");
    });
}

#[test]
fn too_few_file_descriptors_for_workers() {
    on_every_nginx(|row| {
        row.start();
        let main = row.host.good_main();
        row.propose().write("nginx.conf", &format!("worker_rlimit_nofile 12;\n{main}"));
        row.apply(&[]).refused_at("rehearsal", "failed (24: ", "nginx.conf:1");
        row.passes_t();
    });
}

#[test]
fn missing_working_directory() {
    on_every_nginx(|row| {
        row.start();
        let main = row.host.good_main();
        row.propose().write("nginx.conf", &format!("working_directory {}/gone;\n{main}", row.dir()));
        row.apply(&[]).refused_at("rehearsal", "chdir(", "nginx.conf:1");
        row.passes_t();
    });
}

#[test]
fn working_directory_that_workers_may_not_enter() {
    if !is_root() {
        println!("not played: workers of an ordinary user are that user");
        return;
    }
    on_every_nginx(|row| {
        row.start();
        let main = row.host.good_main();
        let closed = row.host.path("closed");
        std::fs::create_dir(&closed).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&closed, mode).unwrap();
        row.propose().write("nginx.conf", &format!("working_directory {};\n{main}", closed.display()));
        row.apply(&[]).refused_at("rehearsal", "chdir(", "nginx.conf:1");
        row.passes_t();
    });
}
