//! What goes live without a word and fails when somebody asks.

use crate::row::{Row, on_every_nginx};
use crate::support::{App, free_port, is_root};

#[test]
fn include_glob_that_matches_nothing_any_more() {
    on_every_nginx(|row| {
        row.start();
        row.propose().replace("nginx.conf", "/etc/sites/*.conf", "/etc/sites/*.vhost");
        let place = row.place("nginx.conf", "*.vhost");
        row.apply(&[]).refused_at("check", "include-matches-nothing", &place);
        row.passes_t();
    });
}

#[test]
fn server_name_that_another_server_has() {
    on_every_nginx(|row| {
        row.start();
        let server = format!(
            "server {{\n    listen 127.0.0.1:{};\n    server_name shop.test;\n    return 200 other;\n}}\n",
            row.host.port
        );
        row.propose().write("conf.d/more.conf", &server);
        let applied = row.apply(&[]);
        applied.refused_at("rehearsal", "answered 200 without \"shop\" in its body", "routes.toml:1");
        applied.notes("sites/shop.conf:3:17: warning[duplicate-server-name]");
        row.passes_t();
    });
}

#[test]
fn upstream_where_nobody_listens() {
    on_every_nginx(|row| {
        row.start();
        let (app, dead) = (row.host.app.port.to_string(), free_port().to_string());
        row.propose().replace("sites/shop.conf", &app, &dead);
        let place = row.place("sites/shop.conf", &dead);
        row.apply(&[]).refused_at("rehearsal", "refuses connections", &place);
        row.passes_t();
    });
}

/// Plays another location for the shop's own requests, and one more.
#[track_caller]
fn location(old: &str, new: &str, stage: &str, reason: &str) {
    on_every_nginx(|row| {
        row.start();
        let new = new.replace("{dir}", &row.dir().to_string());
        row.propose().replace("sites/shop.conf", old, &new);
        let place = row.place("sites/shop.conf", new.lines().last().unwrap());
        row.apply(&[]).refused_at(stage, reason, &place);
        row.passes_t();
    });
}

#[test]
fn upstream_in_a_variable_without_a_resolver() {
    let old = "return 200 \"one\"; }";
    let new = "set $app app.internal; \nproxy_pass http://$app:80; }";
    location(old, new, "rehearsal", "no resolver defined to resolve app.internal");
}

#[test]
fn missing_root() {
    on_every_nginx(|row| {
        row.start();
        row.propose().replace("sites/shop.conf", "return 200 \"one\";", &format!("root {}/gone;", row.dir()));
        let place = row.place("sites/shop.conf", "root ");
        row.apply(&[]).confirmed().notes(&format!("{place}: warning[missing-at-request]"));
    });
}

#[test]
fn missing_file_of_passwords() {
    let old = "return 200 \"one\"; }";
    let new = "auth_basic shop;\nauth_basic_user_file {dir}/gone.htpasswd; root {dir}; }";
    location(old, new, "rehearsal", "gone.htpasswd of `auth_basic_user_file` does not exist");
}

#[test]
fn root_and_passwords_that_workers_may_not_read() {
    if !is_root() {
        println!("not played: workers of an ordinary user are that user");
        return;
    }
    on_every_nginx(|row| {
        let mode = |path: &str, mode| {
            let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(row.host.path(path), permissions).unwrap();
        };
        mode("", 0o755);
        row.host.write("closed/index.html", "hello");
        mode("closed", 0o700);
        row.host.write("passwords", "shop:{PLAIN}shop\n");
        mode("passwords", 0o600);
        row.start();
        let closed =
            format!("location = /x {{\n        root {}/closed;\n    }}\n    location = /v", row.dir());
        row.propose().replace("sites/shop.conf", "location = /v", &closed);
        let place = row.place("sites/shop.conf", "root ");
        row.apply(&[]).confirmed().notes(&format!("{place}: warning[closed-to-workers]"));
        row.note();
        let passwords = format!("auth_basic shop;\n        auth_basic_user_file {}/passwords;", row.dir());
        row.propose().replace("sites/shop.conf", "root ", &format!("{passwords}\n        root "));
        let place = row.place("sites/shop.conf", "auth_basic_user_file");
        row.apply(&[]).refused_at("rehearsal", "closed to the workers by its mode", &place);
        row.passes_t();
    });
}

/// A server whose certificate is looked for at each handshake.
fn asks_for_a_certificate(row: &Row) -> String {
    let server = format!(
        "server {{\n    listen 127.0.0.1:{} ssl;\n    server_name a.test;\n    \
         ssl_certificate {1}/tls/$ssl_server_name.pem;\n    ssl_certificate_key {1}/tls/$ssl_server_name.key;\n    \
         return 200;\n}}\n",
        free_port(),
        row.dir()
    );
    row.propose().write("conf.d/more.conf", &server);
    row.place("conf.d/more.conf", "ssl_certificate ")
}

#[test]
fn certificate_in_a_variable_below_a_missing_directory() {
    on_every_nginx(|row| {
        row.start();
        let place = asks_for_a_certificate(row);
        row.apply(&[]).refused_at("rehearsal", "/tls of `ssl_certificate` does not exist", &place);
        row.passes_t();
    });
}

#[test]
fn certificate_in_a_variable_that_is_not_there() {
    on_every_nginx(|row| {
        row.start();
        std::fs::create_dir(row.host.path("tls")).unwrap();
        let place = asks_for_a_certificate(row);
        let applied = row.apply(&[]);
        applied.confirmed().notes(&format!("{place}: warning[request-fails]"));
        applied.notes("/tls/a.test.pem");
    });
}

#[test]
fn pid_file_moved() {
    on_every_nginx(|row| {
        row.start();
        row.propose().replace("nginx.conf", "nginx.pid", "moved.pid");
        let place = row.place("nginx.conf", "moved.pid");
        row.pid_file = "moved.pid";
        row.apply(&[]).confirmed().notes(&format!("{place}:1: warning[pid-file-moved]"));
        // Who is told of the new place goes back from there.
        let moved = row.host.path("moved.pid");
        row.host.run(&["rollback", "--pid", moved.to_str().unwrap()]).ends(0);
        row.pid_file = "nginx.pid";
        row.host.run(&["status"]).ends(0);
    });
}

#[test]
fn pid_file_moved_and_an_application_that_answers_wrongly() {
    on_every_nginx(|row| {
        row.start();
        let broken = App::new(502, "bad gateway");
        row.propose().replace("nginx.conf", "nginx.pid", "moved.pid").replace(
            "sites/shop.conf",
            &row.host.app.port.to_string(),
            &broken.port.to_string(),
        );
        row.apply(&[]).reverted_because("answered 502 instead of 200");
    });
}
