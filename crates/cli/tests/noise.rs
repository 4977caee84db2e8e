//! A watch of a real nginx with real traffic, for half a minute in which much happens and nothing is wrong: reloads, a new binary,
//! slow answers, logs that rotate, a vantage that dies. Then something is.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use support::{Host, Ran, children, free_port, get, kill};

/// How long anything here may take: probes need their time.
const LONG: Duration = Duration::from_secs(60);

/// An application that says "shop", and takes its time for every fourth answer.
struct Shop {
    port: u16,
    asked_by_probes: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Shop {
    fn open() -> Shop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked_by_probes, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stopped) = (Arc::clone(&asked_by_probes), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), count) = (stream, Arc::clone(&count)) else { continue };
                std::thread::spawn(move || answer(stream, number % 4 == 3, &count));
            }
        });
        Shop { port, asked_by_probes, stop, thread: Some(thread) }
    }

    fn asked(&self) -> usize {
        self.asked_by_probes.load(Ordering::Relaxed)
    }
}

fn answer(mut stream: TcpStream, slow: bool, probes: &AtomicUsize) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap_or(0);
    if String::from_utf8_lossy(&request[..read]).contains("evenkeel-probe") {
        probes.fetch_add(1, Ordering::Relaxed);
    }
    if slow {
        std::thread::sleep(Duration::from_millis(700));
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nshop");
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Clients that ask again and again, until they are told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clients {
    fn of(port: u16) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                get(port, "shop.test", "/cart");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Clients { stop, thread: Some(thread) }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

const FORMAT: &str = "log_format counted '$remote_addr \"$request\" $status \"$upstream_addr\" \"$upstream_status\" \
                      \"$http_user_agent\"';\n";

/// The site, passed on to this port, with a log that says who made a status.
fn site(host: &Host, port: u16) -> String {
    let log = host.path("logs/access.log").display().to_string();
    let own = format!("proxy_pass http://127.0.0.1:{}", host.app.port);
    let site = host.good_site().replace(&own, &format!("proxy_pass http://127.0.0.1:{port}"));
    format!(
        "{FORMAT}{}",
        site.replacen("location / ", &format!("access_log {log} counted;\n    location / "), 1)
    )
}

fn settings(host: &Host, metrics: u16, more: &str) -> String {
    let (ours, port) = (env!("CARGO_BIN_EXE_evenkeel"), host.port);
    let place = |path: &str| host.path(path).display().to_string();
    format!(
        "[[host]]\nname = \"web-1\"\naddress = [\"127.0.0.1\"]\nconfig-dir = \"{etc}\"\nnginx = \"{nginx}\"\npid = \"{pid}\"\n\
         state-dir = \"{state}\"\nready = [\"{ours}\", \"ready\", \"--config\", \"{toml}\"]\n\
         rates = [\"{ours}\", \"rates\", \"--follow\", \"--every\", \"200ms\", \"--json\", \"--config\", \"{toml}\"]\n\
         [watch]\nevery = \"400ms\"\nlimit = \"10s\"\nready-every = \"1s\"\nresolve-after = \"1s\"\nmetrics = \"127.0.0.1:{metrics}\"\n\
         [[probe]]\nname = \"version\"\nurl = \"http://shop.test:{port}/version\"\ncontains = [\"one\"]\n{more}",
        etc = place("etc"),
        nginx = host.nginx.display(),
        pid = place("nginx.pid"),
        state = place("state"),
        toml = place("evenkeel.toml"),
    )
}

struct Watch {
    child: Child,
    metrics: u16,
}

impl Watch {
    fn start(host: &Host, more: &str) -> Watch {
        let metrics = free_port();
        host.write("evenkeel.toml", &settings(host, metrics, more));
        let log = File::create(host.path("watch.log")).unwrap();
        let mut command = host.evenkeel(&["watch"]);
        command.arg("--config").arg(host.path("evenkeel.toml")).stdin(Stdio::null());
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let watch = Watch { child, metrics };
        host.wait_within("the watch sees the host", LONG, || {
            watch.metric("evenkeel_host_up{probe=\"version\",host=\"web-1\"} 1.0")
        });
        watch
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    fn page(&self) -> String {
        get(self.metrics, "localhost", "/metrics").map(|(_, page)| page).unwrap_or_default()
    }

    fn metric(&self, line: &str) -> bool {
        self.page().lines().any(|it| it == line)
    }

    fn stop(mut self) {
        kill(self.pid(), "TERM");
        assert!(self.child.wait().unwrap().success());
    }
}

fn log(host: &Host) -> String {
    host.read("watch.log")
}

fn incidents(host: &Host) -> Vec<String> {
    let mut command = host.evenkeel(&["incident", "list", "--all", "--json"]);
    let listed = Ran::from(command.arg("--config").arg(host.path("evenkeel.toml")).output().unwrap()).json();
    let all = listed["incidents"].as_array().unwrap();
    all.iter().map(|it| it["title"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The processes of vantages behind a command.
fn vantages(watch: &Watch) -> Vec<i32> {
    let line = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    children(watch.pid()).into_iter().filter(|pid| line(pid).contains("__vantage")).collect()
}

fn reload(host: &Host) {
    let master = host.master().unwrap();
    let before = children(master);
    kill(master, "HUP");
    host.wait_within("other workers serve", LONG, || {
        let now = children(master);
        !now.is_empty() && now.iter().all(|pid| !before.contains(pid))
    });
}

/// A new binary takes over, and the old one ends its requests: nobody is refused.
fn upgrade(host: &Host) {
    let old = host.master().unwrap();
    kill(old, "USR2");
    host.wait_within("a new master runs", LONG, || {
        host.master().is_some_and(|new| new != old && children(new).len() >= 2)
    });
    kill(old, "QUIT");
    host.wait_within("the old one is gone", LONG, || !support::alive(old));
}

fn rename_log(host: &Host, number: usize) {
    let path = host.path("logs/access.log");
    std::fs::rename(&path, host.path(&format!("logs/access.log.{number}"))).unwrap();
    kill(host.master().unwrap(), "USR1");
    host.wait_within("nginx writes a new log", LONG, || path.exists());
}

fn copy_and_truncate_log(host: &Host) {
    let path = host.path("logs/access.log");
    std::fs::copy(&path, host.path("logs/access.log.copy")).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
}

#[test]
fn half_a_minute_of_noise_opens_nothing_and_one_outage_opens_one_incident() {
    let (host, shop) = (Host::new(), Shop::open());
    host.write("etc/sites/shop.conf", &site(&host, shop.port));
    host.start_nginx();
    let there = format!("command = [\"{}\", \"__vantage\"]", env!("CARGO_BIN_EXE_evenkeel"));
    let vantages_of = format!("[[vantage]]\nname = \"here\"\n[[vantage]]\nname = \"there\"\n{there}\n");
    let watch = Watch::start(&host, &vantages_of);
    let clients = Clients::of(host.port);
    host.wait_within("traffic is counted", LONG, || {
        let page = watch.page();
        let line = page.lines().find(|line| line.starts_with("evenkeel_answers_per_second{host=\"web-1\"}"));
        line.is_some_and(|line| !line.ends_with(" 0.0"))
    });
    // Every probe is asked again by both before the next thing happens.
    let quiet = || {
        let asked = shop.asked();
        host.wait_within("probes go on", LONG, || shop.asked() >= asked + 6);
    };
    for round in 0..2 {
        reload(&host);
        quiet();
        rename_log(&host, round);
        quiet();
        let gone = vantages(&watch);
        assert!(!gone.is_empty(), "a vantage behind a command is a process");
        support::kill_all(&gone, "KILL");
        host.wait_within("there is another one", LONG, || {
            vantages(&watch).iter().any(|pid| !gone.contains(pid))
        });
        quiet();
        copy_and_truncate_log(&host);
        quiet();
        upgrade(&host);
        quiet();
    }
    assert_eq!(incidents(&host), Vec::<String>::new(), "{}", log(&host));

    drop(clients);
    host.kill_nginx();
    host.wait_within("the outage is an incident", LONG, || log(&host).contains("i1 opened"));
    host.start_nginx();
    host.wait_within("it is over", LONG, || log(&host).contains("i1 is over"));
    assert_eq!(incidents(&host).len(), 1, "{}", log(&host));
    watch.stop();
}

#[test]
fn change_that_loses_requests_which_no_probe_asks_for_is_blamed_and_drawn() {
    let host = Host::new();
    // No probe of "/": what users ask for is in the log alone.
    std::fs::remove_file(host.path("etc/routes.toml")).unwrap();
    host.write("etc/sites/shop.conf", &site(&host, host.app.port));
    host.start_nginx();
    let watch = Watch::start(&host, "");
    let clients = Clients::of(host.port);
    let lines = |path: &Path| std::fs::read_to_string(path).map_or(0, |text| text.lines().count());
    let access = host.path("logs/access.log");
    let before = lines(&access);
    // Enough of the time before to hold a change against.
    host.wait_within("there is traffic", LONG * 2, || lines(&access) >= before + 600);
    assert_eq!(incidents(&host), Vec::<String>::new(), "{}", log(&host));

    host.write("etc/sites/shop.conf", &site(&host, free_port()));
    reload(&host);
    host.wait_within("the change is blamed", LONG, || {
        log(&host).contains("i1 opened: web-1: 5xx of upstreams are more frequent since other workers serve")
    });
    assert!(!log(&host).contains("DOWN"), "{}", log(&host));
    assert!(
        watch.page().contains("evenkeel_failures_per_second{host=\"web-1\",class=\"5xx\",by=\"upstream\"}")
    );
    let page = host.path("i1.html");
    let drawn = || {
        let mut command =
            host.evenkeel(&["postmortem", "i1", "--no-replay", "--html", page.to_str().unwrap()]);
        let ran = command.arg("--config").arg(host.path("evenkeel.toml")).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        std::fs::read_to_string(&page).unwrap().contains("those that failed (dark), from the access log")
    };
    host.wait_within("its post-mortem has the chart", LONG, drawn);

    host.write("etc/sites/shop.conf", &site(&host, host.app.port));
    reload(&host);
    host.wait_within("it is over", LONG, || log(&host).contains("i1 is over"));
    assert_eq!(incidents(&host).len(), 1, "{}", log(&host));
    drop(clients);
    watch.stop();
}

#[test]
fn rates_of_a_host_are_counted_once_and_name_who_failed() {
    let host = Host::new();
    host.write("etc/sites/shop.conf", &site(&host, free_port()));
    host.start_nginx();
    let clients = Clients::of(host.port);
    let counted = host.run(&["rates", "--every", "1s"]);
    drop(clients);
    counted.ends(0).says("answered in 1.").says("5xx of upstreams, to 1 client: 127.0.0.1:");
    host.run(&["rates", "--every", "0s"]).ends(2);
    // A host whose log nobody can know: it is off.
    let none = Host::new();
    none.run(&["rates"]).ends(2).says("find an access log");
}
