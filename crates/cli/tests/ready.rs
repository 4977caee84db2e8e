//! `evenkeel ready` on a real nginx, and what a watch makes of it: what is no outage yet.

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Host, Ran, free_port, get, kill};

/// A certificate of its own authority for shop.test, from a day of a year to a day of another.
fn certificate(host: &Host, from: (i32, u8), until: i32) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from.0, from.1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    host.write("tls/site.pem", &params.self_signed(&key).unwrap().pem());
    host.write("tls/site.key", &key.serialize_pem());
}

/// A host that serves https for shop.test at this port, too.
fn with_tls() -> (Host, u16) {
    let (host, port) = (Host::new(), free_port());
    certificate(&host, (2020, 1), 2090);
    let dir = host.path("tls").display().to_string();
    let site = format!(
        "server {{ listen 127.0.0.1:{port} ssl; server_name shop.test; ssl_certificate {dir}/site.pem;\n\
         ssl_certificate_key {dir}/site.key; return 204; }}\n"
    );
    host.write("etc/conf.d/tls.conf", &site);
    host.start_nginx();
    (host, port)
}

/// The lines of JSON about one part.
fn ills(said: &Value, part: &str) -> Vec<String> {
    let all = said["ills"].as_array().unwrap().iter().filter(|it| it["part"] == part);
    all.map(|it| it["says"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn host_that_is_well_is_ready_and_each_fault_to_come_is_told() {
    let (host, port) = with_tls();
    let well = host.run(&["ready", "--json"]).ends(0).json();
    assert_eq!(well["ills"], serde_json::json!([]), "{well}");
    assert_eq!(well["well"]["start"], "nginx would start again with what is on disk");
    assert_eq!(well["turned_away"][format!("127.0.0.1:{port}")], 0, "{well}");
    // Nobody comes from there: it is not known who must be let in.
    host.run(&["ready", "--from", "eth0typo"]).ends(2).says("eth0typo");

    certificate(&host, (2021, 1), 2090);
    host.run(&["ready"]).ends(1).says("renewed on disk and never reloaded").says("tls/site.pem");
    kill(host.master().unwrap(), "HUP");
    host.wait("nginx shows the new one", || host.run(&["ready"]).code == 0);

    host.write("etc/conf.d/broken.conf", "server { listen 127.0.0.1:1; lisen 2; }\n");
    let said = host.run(&["ready", "--json"]).ends(1).json();
    assert_eq!(ills(&said, "start"), ["nginx would not start again with what is on disk"], "{said}");
    std::fs::remove_file(host.path("etc/conf.d/broken.conf")).unwrap();
    kill(host.master().unwrap(), "HUP");
    host.wait("it is well again", || host.run(&["ready"]).code == 0);

    host.kill_nginx();
    let said = host.run(&["ready", "--json"]).ends(1).json();
    assert_eq!(ills(&said, "running"), ["nginx does not run"], "{said}");
    assert_eq!(said["unseen"]["certificates"], "nginx does not run");
}

#[test]
fn workers_that_do_not_end_are_told_when_they_take_too_long() {
    use std::io::{Read as _, Write as _};
    let host = Host::start();
    // A request whose end never comes holds its worker.
    let mut client = std::net::TcpStream::connect(("127.0.0.1", host.port)).unwrap();
    write!(client, "GET /version HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
    let mut answer = [0; 16];
    client.read_exact(&mut answer).unwrap();
    write!(client, "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    let master = host.master().unwrap();
    let before = support::children(master);
    kill(master, "HUP");
    host.wait("new workers are there, and an old one stays", || {
        let now = support::children(master);
        now.iter().any(|pid| !before.contains(pid)) && now.iter().any(|pid| before.contains(pid))
    });
    host.run(&["ready"]).ends(0);
    host.wait("it is told", || {
        let said = host.run(&["ready", "--old-workers", "1ms", "--json"]).json();
        ills(&said, "workers")
            == ["workers of an older configuration do not end: they serve what was replaced"]
    });
    drop(client);
    host.wait("none is left", || host.run(&["ready", "--old-workers", "1ms"]).code == 0);
}

#[test]
fn connections_that_nginx_does_not_take_are_told() {
    let (host, port) = (Host::new(), free_port());
    host.write(
        "etc/conf.d/small.conf",
        &format!("server {{ listen 127.0.0.1:{port} backlog=1; return 204; }}\n"),
    );
    host.start_nginx();
    let address = format!("127.0.0.1:{port}");
    let workers = support::children(host.master().unwrap());
    support::kill_all(&workers, "STOP");
    // Two wait; the others knock again and again, and are turned away each time.
    let to = address.parse().unwrap();
    let knock =
        |_| std::thread::spawn(move || std::net::TcpStream::connect_timeout(&to, Duration::from_secs(2)));
    let clients: Vec<_> = (0..6).map(knock).collect();
    let turned_away = |said: &Value| said["turned_away"][&address].as_u64().unwrap_or_default();
    host.wait("connections are turned away", || turned_away(&host.run(&["ready", "--json"]).json()) > 0);
    let said = host.run(&["ready", "--json"]).ends(1).json();
    let full = format!("the accept queue of {address} is full: nginx does not take what comes");
    assert_eq!(ills(&said, "queues"), [full], "{said}");
    support::kill_all(&workers, "CONT");
    drop(clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>());
    host.wait("nginx takes them", || host.run(&["ready"]).code == 0);
}

/// Runs a shell script in a network of its own, with an address that others could use.
fn in_own_network(script: &str) -> Ran {
    let script = format!(
        "set -e\nip link set lo up\nip link add outer type veth peer name far\nip addr add 192.0.2.1/24 dev outer\n\
         ip link set outer up\nip link set far up\nip route add default via 192.0.2.254\n{script}"
    );
    Ran::from(
        Command::new("unshare").args(["-rn", "sh", "-c", &script]).stdin(Stdio::null()).output().unwrap(),
    )
}

#[test]
fn firewall_that_stops_clients_and_blocks_with_no_end_are_told_with_their_rule() {
    let host = Host::new();
    host.write("etc/conf.d/out.conf", "server { listen 0.0.0.0:8080; return 204; }\n");
    let ready = host.evenkeel(&["ready", "--json"]);
    let args: Vec<String> = std::iter::once(ready.get_program())
        .chain(ready.get_args())
        .map(|arg| format!("'{}'", arg.to_str().unwrap()))
        .collect();
    let script = format!(
        "nft -f - <<'RULES'\ntable inet filter {{\n  chain input {{\n    type filter hook input priority 0; policy accept;\n\
             tcp dport 8080 drop\n  }}\n}}\ntable inet guard {{\n  set jail {{\n    type ipv4_addr; flags timeout\n\
             elements = {{ 198.51.100.9 timeout 1h }}\n  }}\n  chain input {{\n    type filter hook input priority -10; policy accept;\n\
             ip saddr {{ 198.51.100.7, 198.51.100.8 }} drop comment \"too many errors\"\n    ip saddr @jail drop\n  }}\n}}\nRULES\n{} || true\n",
        args.join(" ")
    );
    let said = in_own_network(&script).ends(0).json();
    let listens = said["listens"].as_array().unwrap();
    let open = listens.iter().find(|it| it["address"] == "0.0.0.0:8080").unwrap();
    assert_eq!(open["now"]["verdict"], "blocked", "{said}");
    assert!(open["now"]["rule"].as_str().unwrap().contains("tcp dport 8080 drop"), "{open}");
    assert_eq!(
        ills(&said, "blocks"),
        [
            "addresses are blocked by inet guard input (too many errors) with no end, and not by the saved rules: nothing takes \
          that back"
        ],
        "{said}"
    );
    let blocks = said["ills"].as_array().unwrap().iter().find(|it| it["part"] == "blocks").unwrap();
    assert_eq!(blocks["details"], serde_json::json!(["198.51.100.7, 198.51.100.8"]));
    // From one address another answer: the one that the guard stops.
    let one = script.replace("|| true", "--from 198.51.100.7 || true");
    let said = in_own_network(&one).ends(0).json();
    let listens = said["listens"].as_array().unwrap();
    let open = listens.iter().find(|it| it["address"] == "0.0.0.0:8080").unwrap();
    assert!(open["now"]["rule"].as_str().unwrap().contains("inet guard input"), "{open}");
}

/// Watches with these settings, and says what it sees into `watch.log`.
fn watch(host: &Host, settings: &str) -> Child {
    host.write("evenkeel.toml", settings);
    let log = std::fs::File::create(host.path("watch.log")).unwrap();
    let mut command = host.evenkeel(&["watch"]);
    command.arg("--config").arg(host.path("evenkeel.toml"));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

fn stop(mut watch: Child) {
    kill(i32::try_from(watch.id()).unwrap(), "TERM");
    assert!(watch.wait().unwrap().success());
}

fn log(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn watch_opens_an_incident_for_a_certificate_that_was_not_reloaded_and_ends_it_when_it_is() {
    let (host, _) = with_tls();
    let metrics = free_port();
    let settings = format!(
        "[host]\nname = \"web-1\"\n[watch]\nevery = \"500ms\"\nlimit = \"4s\"\nready-every = \"300ms\"\nresolve-after = \"1s\"\n\
         metrics = \"127.0.0.1:{metrics}\"\n[[probe]]\nname = \"version\"\nurl = \"http://shop.test:{}/version\"\n",
        host.port
    );
    let watch = watch(&host, &settings);
    let up = "evenkeel_host_up{probe=\"version\",host=\"web-1\"} 1.0";
    let seen =
        || get(metrics, "localhost", "/metrics").is_some_and(|(_, page)| page.lines().any(|it| it == up));
    host.wait("the watch sees the host", seen);
    let of_host = |id: &str| {
        let mut command = host.evenkeel(&["incident", "show", id, "--json"]);
        Ran::from(command.arg("--config").arg(host.path("evenkeel.toml")).output().unwrap())
    };
    assert!(of_host("i1").code != 0, "nothing is wrong yet");
    certificate(&host, (2022, 1), 2090);
    let says = log;
    let path = host.path("watch.log");
    host.wait_within("it is an incident", support::PATIENCE * 3, || says(&path).contains("i1 opened"));
    let shown = of_host("i1").ends(0).json();
    assert_eq!(shown["severity"], "warning", "{shown}");
    assert!(shown["title"].as_str().unwrap().contains("renewed on disk and never reloaded"), "{shown}");
    kill(host.master().unwrap(), "HUP");
    host.wait_within("it is over", support::PATIENCE * 3, || says(&path).contains("i1 is over"));
    assert!(!says(&path).contains("i2"), "{}", says(&path));
    stop(watch);
}

#[test]
fn watch_tells_of_a_certificate_that_a_probe_is_shown_before_it_ends() {
    let (host, port) = with_tls();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    // Five days are left of years.
    let days = std::time::UNIX_EPOCH.elapsed().unwrap() + Duration::from_secs(5 * 86_400);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + days;
    let pem = params.self_signed(&key).unwrap().pem();
    host.write("tls/site.pem", &pem);
    host.write("tls/site.key", &key.serialize_pem());
    kill(host.master().unwrap(), "HUP");
    let settings = format!(
        "[host]\nname = \"web-1\"\n[watch]\nready = false\nevery = \"500ms\"\nlimit = \"4s\"\n[[probe]]\nname = \"tls\"\n\
         tls = \"shop.test:{port}\"\nca = \"{}\"\n",
        host.path("tls/site.pem").display()
    );
    let watch = watch(&host, &settings);
    let path = host.path("watch.log");
    host.wait_within("it is an incident", support::PATIENCE * 3, || {
        log(&path).contains("i1 opened: web-1: the certificate that tls is shown ends ")
    });
    assert!(!log(&path).contains("DOWN"), "{}", log(&path));
    stop(watch);
}
