//! Firewalls and ways that are closed, in networks of their own.

use std::process::{Command, Stdio};

use crate::app::{App, OK};
use crate::stage::Stage;

const SITE: &str = "location / { return 200; }";
const PROXY: &str =
    "location / { proxy_pass http://{APP}; proxy_connect_timeout 300ms; proxy_read_timeout 300ms; }";
/// Says that this process is a vantage.
const VANTAGE: &str = "EVENKEEL_TEST_VANTAGE";

/// A link of two ends in this network, with an address for one of them.
fn link(stage: &Stage) {
    drop(Command::new("ip").args(["link", "del", "near"]).stderr(Stdio::null()).status());
    stage.run("ip", &["link", "add", "near", "type", "veth", "peer", "name", "far"]);
    stage.run("ip", &["link", "set", "near", "up"]);
    stage.run("ip", &["link", "set", "far", "up"]);
    stage.run("ip", &["addr", "add", "10.9.0.1/24", "dev", "near"]);
}

/// A second network at the far end of a link, whose own firewall lets nothing in, and a vantage in it.
fn vantage_that_hears_nothing(stage: &mut Stage) {
    link(stage);
    let child = Command::new("unshare").args(["-n", "sleep", "600"]).spawn().unwrap();
    let pid = child.id().to_string();
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    stage.until("a network of its own", || {
        std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|other| other != own)
    });
    stage.keep(child);
    stage.run("ip", &["link", "set", "far", "netns", &pid]);
    let there = |command: &str| {
        stage.run("nsenter", &["-n", "-t", &pid, "sh", "-c", command]);
    };
    there("ip link set lo up; ip addr add 10.9.0.2/24 dev far; ip link set far up");
    there(
        "nft add table inet t; nft 'add chain inet t in { type filter hook input priority 0; policy drop; }'",
    );
    let own = std::env::current_exe().unwrap().display().to_string();
    // Its answers go to a descriptor of their own: the standard output belongs to whoever runs tests.
    let command = format!(
        "exec 3>&1 1>/dev/null; exec env {VANTAGE}=1 nsenter -n -t {pid} '{own}' --exact network::vantage --nocapture"
    );
    stage.ask_from("office", vec![String::from("sh"), String::from("-c"), command]);
}

/// The far end of a vantage: this test, when another one starts it so.
#[test]
fn vantage() {
    if std::env::var_os(VANTAGE).is_some() {
        let answers = std::fs::File::options().write(true).open("/proc/self/fd/3").unwrap();
        evenkeel_host::probe::vantage::serve(std::io::stdin(), answers).unwrap();
    }
}

cases! {
    listen_that_moved_to_another_port => {
        rows: &[2],
        cause: "listens-elsewhere",
        server: SITE,
        former: "listen {DEAD}; location / { return 200; }",
        url: "http://shop.test:{DEADPORT}/cart",
    }
    firewall_that_rejects_as_usual => {
        rows: &[3],
        cause: "firewall-rejects",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.input("tcp dport {PORT} reject"),
    }
    firewall_that_prohibits => {
        rows: &[4],
        cause: "firewall-rejects",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.input("tcp dport {PORT} reject with icmpx type admin-prohibited"),
    }
    firewall_that_resets_as_a_closed_port_does => {
        cause: "firewall-resets",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.input("tcp dport {PORT} reject with tcp reset"),
    }
    firewall_that_is_closed_for_ipv6_alone => {
        rows: &[5],
        cause: "ipv6-refused",
        apart: true,
        server: "listen 127.0.0.1:{PORT}; listen [::1]:{PORT}; location / { return 200; }",
        url: "http://localhost:{PORT}/cart",
        before: |stage| {
            stage.file("hosts", "127.0.0.1 localhost\n::1 localhost\n");
            stage.over("hosts", "/etc/hosts");
        },
        meanwhile: |stage| stage.input("ip6 daddr ::1 tcp dport {PORT} reject with icmpv6 type admin-prohibited"),
    }
    firewall_that_drops => {
        rows: &[6],
        cause: "firewall-drops",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.input("tcp dport {PORT} drop"),
    }
    set_of_a_firewall_that_a_program_filled => {
        rows: &[121],
        cause: "firewall-drops",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.nft(
            "table inet t {\n set blocked { type ipv4_addr; elements = { 127.0.0.1 } }\n chain in {\n type filter hook input priority 0;\n ip saddr @blocked tcp dport {PORT} drop\n }\n}\n",
        ),
    }
    machine_that_does_not_answer_on_its_link => {
        rows: &[7],
        cause: "host-down",
        apart: true,
        url: "http://10.9.0.9/cart",
        before: |stage| link(stage),
    }
    queue_that_is_full => {
        rows: &[8],
        cause: "accept-queue-full",
        server: "listen {OTHER} backlog=2; location / { return 200; }",
        url: "http://shop.test:{OTHERPORT}/cart",
        meanwhile: |stage| {
            stage.signal_workers("-STOP");
            for _ in 0..4 {
                stage.hold_at(2, "");
            }
        },
    }
    firewall_that_limits => {
        rows: &[9],
        cause: "firewall-limits",
        apart: true,
        by_root: true,
        server: SITE,
        meanwhile: |stage| {
            stage.input("tcp dport {PORT} ct state new limit rate over 1/minute burst 1 packets drop");
            stage.client("GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
        },
    }
    firewall_that_drops_what_is_sent => {
        rows: &[10],
        cause: "firewall-drops-data",
        apart: true,
        server: SITE,
        meanwhile: |stage| stage.input("tcp dport {PORT} tcp flags & (syn | ack) != syn drop"),
    }
    vantage_without_a_way => {
        rows: &[11],
        cause: "vantage-cannot-see",
        apart: true,
        url: "http://198.51.100.1/cart",
    }
    vantage_that_sees_it_alone => {
        rows: &[120],
        cause: "one-vantage-only",
        apart: true,
        server: "listen 10.9.0.1:80; location / { return 200; }",
        url: "http://10.9.0.1/cart",
        before: vantage_that_hears_nothing,
    }
    upstream_that_a_firewall_rejects => {
        rows: &[62],
        cause: "upstream-firewall-rejects",
        apart: true,
        server: PROXY,
        before: |stage| stage.input("tcp dport {APPPORT} reject with icmpx type admin-prohibited"),
    }
    upstream_that_a_firewall_resets => {
        cause: "upstream-firewall-rejects",
        apart: true,
        server: PROXY,
        before: |stage| stage.input("tcp dport {APPPORT} reject with tcp reset"),
    }
    upstream_whose_machine_is_down => {
        rows: &[63],
        cause: "upstream-host-down",
        apart: true,
        server: "location / { proxy_pass http://10.9.0.9; proxy_connect_timeout 8s; }",
        before: |stage| link(stage),
    }
    upstream_without_a_way => {
        rows: &[64],
        cause: "no-way-to-upstream",
        apart: true,
        server: "location / { proxy_pass http://198.51.100.1:80; }",
    }
    upstream_whose_protocol_is_denied => {
        rows: &[65],
        cause: "upstream-protocol-rejected",
        apart: true,
        server: PROXY,
        before: |stage| stage.input("tcp dport {APPPORT} reject with icmp type prot-unreachable"),
    }
    upstream_that_a_firewall_drops => {
        rows: &[66],
        cause: "upstream-filtered",
        apart: true,
        server: PROXY,
        before: |stage| stage.input("tcp dport {APPPORT} drop"),
    }
    upstream_whose_data_is_dropped => {
        rows: &[68],
        cause: "upstream-data-dropped",
        apart: true,
        server: PROXY,
        app: OK,
        before: |stage| stage.input("tcp dport {APPPORT} tcp flags & (syn | ack) != syn drop"),
    }
    queue_of_the_application_that_is_full => {
        cause: "application-queue-full",
        server: PROXY,
        app: App::Deaf,
        meanwhile: |stage| {
            for _ in 0..4 {
                stage.hold_at(1, "");
            }
        },
    }
}

/// A server of names in this network that knows none.
///
/// Source: RFC 1035, section 4.1.1
pub(crate) fn nobody_has_a_name(stage: &mut Stage) {
    stage.file("resolv.conf", "nameserver 127.0.0.1\n");
    stage.over("resolv.conf", "/etc/resolv.conf");
    let Ok(socket) = std::net::UdpSocket::bind("127.0.0.1:53") else {
        // One case is played on several nginxes, and the first one's server is still there.
        return;
    };
    std::thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut message) {
            if length >= 12 {
                // An answer, to a wish for recursion that is granted: there is no such name.
                (message[2], message[3]) = (message[2] | 0x80, 0x83);
                // What comes behind the question is not repeated.
                message[6..12].fill(0);
                let end = 12 + message[12..length].iter().position(|&byte| byte == 0).unwrap_or(0) + 5;
                let _gone = socket.send_to(&message[..end.min(length)], from);
            }
        }
    });
}
