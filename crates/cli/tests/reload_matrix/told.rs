//! What nginx refuses when it reads the configuration. Whoever only sends a signal is told nothing of it all the same.

use crate::row::{Row, on_every_nginx};
use crate::support::is_root;

/// Plays one replacement in the site of a host.
#[track_caller]
fn site(old: &str, new: &str, stage: &str, reason: &str) {
    on_every_nginx(|row| {
        row.start();
        row.propose().replace("sites/shop.conf", old, new);
        let place = row.place("sites/shop.conf", new.lines().last().unwrap());
        row.apply(&[]).refused_at(stage, reason, &place);
        row.fails_t();
    });
}

/// Plays lines that come before the main file.
#[track_caller]
fn main_file(lines: &str, stage: &str, reason: &str) {
    on_every_nginx(|row| {
        row.start();
        let main = row.host.good_main();
        row.propose().write("nginx.conf", &format!("{lines}\n{main}"));
        row.apply(&[]).refused_at(stage, reason, "nginx.conf:1");
        row.fails_t();
    });
}

/// Plays a file in `conf.d`.
#[track_caller]
fn conf(text: impl Fn(&Row) -> String + Sync, marked: &str, stage: &str, reason: &str) {
    on_every_nginx(|row| {
        row.start();
        row.propose().write("conf.d/more.conf", &text(row));
        let place = row.place("conf.d/more.conf", marked);
        row.apply(&[]).refused_at(stage, reason, &place);
        row.fails_t();
    });
}

#[test]
fn syntax_error() {
    site("return 200 \"one\";", "return 200 \"one\"", "check", "unexpected \"}\"");
}

#[test]
fn unknown_directive() {
    site("proxy_pass http://", "proxy_passs http://", "check", "unknown directive \"proxy_passs\"");
}

#[test]
fn missing_include() {
    conf(|row| format!("include {}/etc/gone.conf;\n", row.dir()), "include", "check", "gone.conf");
}

#[test]
fn unknown_user() {
    if !is_root() {
        println!("not played: nginx of an ordinary user ignores `user`");
        return;
    }
    main_file("user nobody-of-this-name;", "preflight", "getpwnam(\"nobody-of-this-name\") failed");
}

#[test]
fn missing_module() {
    main_file("load_module /nonexistent/ngx_x.so;", "check", "dlopen() \"/nonexistent/ngx_x.so\" failed");
}

#[test]
fn module_loaded_twice() {
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    on_every_nginx(|row| {
        if !row.is_debian {
            // It has no other module, and loads none: it is linked statically.
            return;
        }
        row.start();
        let main = row.host.good_main();
        row.propose().write("nginx.conf", &format!("load_module {module};\nload_module {module};\n{main}"));
        row.apply(&[]).refused_at("check", "module \"ngx_stream_module\" is already loaded", "nginx.conf:2");
        row.fails_t();
    });
}

#[test]
fn duplicate_default_server() {
    on_every_nginx(|row| {
        row.start();
        let listen = format!("listen 127.0.0.1:{} default_server;", row.host.port);
        let both = format!("server {{ {listen} return 200 a; }}\nserver {{ {listen} return 200 b; }}\n");
        row.propose().write("conf.d/more.conf", &both);
        row.apply(&[]).refused_at("check", "a duplicate default server for", "conf.d/more.conf:2");
        row.fails_t();
    });
}

#[test]
fn bad_size_of_a_zone() {
    let zone = "limit_req_zone $binary_remote_addr zone=more:1x rate=1r/s;";
    conf(|_| zone.to_owned(), "zone=more", "check", "invalid zone size \"more:1x\"");
}

#[test]
fn upstream_that_does_not_resolve() {
    let server = "upstream app {\n    server app.evenkeel-test.invalid:80;\n}\n\
                  server { listen 127.0.0.1:1; location / { proxy_pass http://app; } }\n";
    let reason = "host not found in upstream \"app.evenkeel-test.invalid:80\"";
    conf(|_| server.to_owned(), "server app.", "preflight", reason);
}

/// A TLS server in `conf.d`, with these two lines for its certificate and key.
fn tls(row: &Row, lines: &str) -> String {
    let port = crate::support::free_port();
    format!(
        "server {{\n    listen 127.0.0.1:{port} ssl;\n{}\n}}\n",
        lines.replace("{dir}", &row.dir().to_string())
    )
}

/// A certificate for shop.test with its key, and a key that belongs to nobody.
fn write_certificates(row: &Row) {
    let made = rcgen::generate_simple_self_signed(["shop.test".to_owned()]).unwrap();
    row.host.write("tls/a.pem", &made.cert.pem());
    row.host.write("tls/a.key", &made.signing_key.serialize_pem());
    row.host.write("tls/other.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
}

/// Plays a TLS server with these lines.
#[track_caller]
fn certificate(lines: &str, marked: &str, stage: &str, reason: &str) {
    let text = |row: &Row| {
        write_certificates(row);
        tls(row, lines)
    };
    conf(text, marked, stage, reason);
}

#[test]
fn missing_certificate() {
    let lines = "    ssl_certificate {dir}/tls/gone.pem;\n    ssl_certificate_key {dir}/tls/a.key;";
    certificate(lines, "gone.pem", "check", "tls/gone.pem\" does not exist");
}

#[test]
fn key_of_another_certificate() {
    let lines = "    ssl_certificate {dir}/tls/a.pem;\n    ssl_certificate_key {dir}/tls/other.key;";
    certificate(lines, "other.key", "preflight", "key values mismatch");
}

#[test]
fn missing_authority() {
    let lines = "    ssl_certificate {dir}/tls/a.pem;\n    ssl_certificate_key {dir}/tls/a.key;\n    \
                 ssl_trusted_certificate {dir}/tls/gone-ca.pem;";
    certificate(lines, "gone-ca.pem", "check", "tls/gone-ca.pem\" does not exist");
}

#[test]
fn address_that_this_host_lacks() {
    let server = "server {\n    listen 203.0.113.7:8080;\n    return 200;\n}\n";
    let reason = "bind() to 203.0.113.7:8080 failed (99: ";
    conf(|_| server.to_owned(), "listen", "preflight", reason);
}

#[test]
fn missing_directory_of_a_log() {
    let log = |row: &Row| format!("access_log {}/gone/access.log;\n", row.dir());
    conf(log, "access_log", "check", "gone/access.log\" does not exist");
}
