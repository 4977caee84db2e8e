//! What stands in front: a real HAProxy, asked through its socket and read by its log.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use crate::app::App;
use crate::stage::Stage;

/// Users ask HAProxy.
const FRONT: &str = "http://shop.test:{FRONTPORT}/cart";
const SITE: &str = "location / { return 200; }";

/// Starts HAProxy with these lines for its frontend and its backend.
pub(crate) fn haproxy(stage: &mut Stage, front: &str, back: &str) {
    stage.file(
        "haproxy.cfg",
        &format!(
            "global\n log stdout format raw local0\n stats socket {{DIR}}/haproxy.sock level operator\n\
             defaults\n mode http\n log global\n option httplog\n retries 0\n timeout connect 400ms\n timeout client 1s\n\
             timeout server 500ms\n timeout queue 300ms\n timeout http-request 400ms\n\
             frontend front\n bind {{FRONT}}\n{front}\n default_backend shop\nbackend shop\n{back}\n"
        ),
    );
    let log = std::fs::File::create(stage.path().join("haproxy.log")).unwrap();
    let child = Command::new("/usr/sbin/haproxy")
        .args(["-db", "-f"])
        .arg(stage.path().join("haproxy.cfg"))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(std::fs::File::create(stage.path().join("haproxy.err")).unwrap())
        .spawn()
        .unwrap();
    stage.keep(child);
    stage.until("HAProxy answers", || !stats(stage).is_empty());
}

fn stats(stage: &Stage) -> String {
    let mut said = String::new();
    if let Ok(mut socket) = UnixStream::connect(stage.path().join("haproxy.sock")) {
        let _ = socket.write_all(b"show stat\n");
        let _ = socket.read_to_string(&mut said);
    }
    said
}

/// Starts HAProxy, and waits until its checks have seen this.
pub(crate) fn checked(stage: &mut Stage, back: &str, result: &str) {
    haproxy(stage, "", back);
    stage.until(result, || stats(stage).contains(result));
}

cases! {
    server_that_refuses_and_that_the_check_has_not_taken_out => {
        rows: &[107],
        cause: "balancer-server-refuses",
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| checked(stage, " server web1 {DEAD} check inter 50ms fall 100000", "L4CON"),
    }
    backend_whose_servers_are_all_taken_out => {
        rows: &[108],
        cause: "balancer-has-no-server",
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {NGINX} disabled"),
    }
    backend_without_a_server => {
        rows: &[108],
        cause: "balancer-has-no-server",
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", ""),
    }
    server_that_a_firewall_keeps_away => {
        rows: &[109],
        cause: "balancer-connect-times-out",
        apart: true,
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| {
            stage.input("tcp dport {APPPORT} drop");
            haproxy(stage, "", " server web1 {APP}");
        },
    }
    server_that_does_not_answer => {
        rows: &[110],
        cause: "balancer-server-slow",
        balancer: true,
        url: FRONT,
        app: App::Silent,
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    server_that_closes => {
        rows: &[111],
        cause: "balancer-server-closes",
        balancer: true,
        url: FRONT,
        app: App::Closes,
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    server_whose_answer_is_none => {
        rows: &[112],
        cause: "balancer-answer-invalid",
        balancer: true,
        url: FRONT,
        app: App::Says(b"HTTP/1.1 200 OK\r\nno header at all\r\n\r\n"),
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    server_whose_header_is_too_big => {
        rows: &[112],
        cause: "balancer-answer-invalid",
        balancer: true,
        url: FRONT,
        app: App::Header(20_000),
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    queue_that_is_too_long => {
        rows: &[113],
        cause: "balancer-queue-full",
        balancer: true,
        url: FRONT,
        app: App::Silent,
        server: SITE,
        meanwhile: |stage| {
            haproxy(stage, "", " timeout server 600s\n server web1 {APP} maxconn 1");
            stage.hold_at(6, "GET /export HTTP/1.1\r\nHost: shop.test\r\n\r\n");
            stage.wait_for_connection(1);
        },
    }
    server_that_dies_in_its_answer => {
        rows: &[114],
        cause: "balancer-answer-cut",
        balancer: true,
        url: FRONT,
        app: App::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    server_that_stalls_in_its_answer => {
        rows: &[114],
        cause: "balancer-answer-cut",
        balancer: true,
        url: FRONT,
        app: App::Stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        server: SITE,
        meanwhile: |stage| haproxy(stage, "", " server web1 {APP}"),
    }
    rule_of_the_balancer_that_denies => {
        rows: &[115],
        cause: "balancer-refuses-request",
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| haproxy(stage, " http-request deny if { path /cart }", " server web1 {NGINX}"),
    }
    client_that_is_too_slow_for_the_balancer => {
        rows: &[115],
        cause: "balancer-refuses-request",
        balancer: true,
        url: FRONT,
        seen: &["408"],
        server: SITE,
        meanwhile: |stage| {
            haproxy(stage, "", " server web1 {NGINX}");
            stage.hold_at(6, "GET /cart HTTP/1.1\r\n");
            stage.until("the balancer gives up", || {
                String::from_utf8_lossy(&stage.log("haproxy.log")).contains(" 408 ")
            });
        },
    }
    check_that_asks_for_what_is_gone => {
        rows: &[116],
        cause: "balancer-check-outdated",
        balancer: true,
        url: FRONT,
        server: SITE,
        http: "server { listen {TLS}; location /cart { return 200; } location / { return 404; } }",
        meanwhile: |stage| checked(
            stage,
            " option httpchk GET /health\n server web1 {TLS} check inter 50ms fall 1",
            "L7STS",
        ),
    }
    check_by_tls_of_a_server_without => {
        rows: &[117],
        cause: "balancer-check-tls-apart",
        balancer: true,
        url: FRONT,
        server: SITE,
        meanwhile: |stage| checked(
            stage,
            " server web1 {NGINX} check check-ssl verify none inter 50ms fall 1",
            "L6RSP",
        ),
    }
}
