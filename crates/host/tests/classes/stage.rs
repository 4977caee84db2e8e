//! Everything in its place, then every row at once.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use evenkeel_fleet::watch::{Answer, Failure};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::vantage::Remote;
use evenkeel_host::probe::{Ask, Doubt, Limits, Report, Spec};

use crate::rows::{Row, all, told};
use crate::{net, web};

/// How many probes in a row meet the firewall whose messages are rationed: more than the kernel answers at once.
const BURST: usize = 14;

/// Kills what was started, whatever happens.
struct Started(Vec<Child>);

impl Drop for Started {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

/// In namespaces of its own: makes the network, starts the servers, and asks every row from the prober.
pub(crate) fn main(dir: &Path) -> ExitCode {
    net::make();
    web::certificates(dir);
    let mut servers = inside("T", dir).arg("__servers").arg(dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(servers.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let _started = Started(vec![servers, web::start(dir)]);
    assert_eq!(ready, "ready\n");
    let rows = all(&std::fs::read_to_string(dir.join("ca.pem")).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let prober = Remote::new(prober(dir));
        until_nginx_answers(&prober).await;
        let began = Instant::now();
        let asked = rows.into_iter().map(|(name, spec, want)| {
            let prober = prober.clone();
            tokio::spawn(async move {
                let report = prober.ask(&spec).await;
                (name, spec, want, report)
            })
        });
        let asked: Vec<_> = asked.collect();
        let rationed = tokio::spawn(rationed(prober.clone()));
        let (mut wrong, count) = (Vec::new(), asked.len());
        for row in asked {
            let (name, spec, want, report) = row.await.unwrap();
            let report = report.unwrap_or_else(|error| panic!("{name}: {error}"));
            wrong.extend(check(&(name, spec, want), &report));
        }
        wrong.extend(rationed.await.unwrap());
        println!("{count} rows in {:.1?}, {} wrong", began.elapsed(), wrong.len());
        wrong.iter().for_each(|wrong| println!("WRONG {wrong}"));
        if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

/// This program in a namespace.
fn inside(name: &str, dir: &Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", name]).arg(dir.join("classes"));
    command
}

/// The prober, as nobody. In a user namespace with one user there is no other uid: it loses every capability instead.
fn prober(dir: &Path) -> Vec<String> {
    let mut command: Vec<&str> = vec!["ip", "netns", "exec", "P", "setpriv"];
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let all_users = map.split_whitespace().last().is_some_and(|count| count != "1");
    if all_users {
        command.extend(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command.extend(["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", "--"]);
    let program = dir.join("classes");
    command.extend([program.to_str().unwrap(), "__vantage"]);
    command.into_iter().map(str::to_owned).collect()
}

async fn until_nginx_answers(prober: &Remote) {
    let spec = Spec {
        target: "10.0.0.2:2001".parse().unwrap(),
        ask: Ask::Tcp(Tcp {}),
        limits: Limits::default(),
        proxy_protocol: false,
    };
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match prober.ask(&spec).await {
            Ok(Report { answer: Answer::Up, .. }) => return,
            other => assert!(Instant::now() < end, "nginx does not come: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn check((name, spec, want): &Row, report: &Report) -> Option<String> {
    let got = told(&report.answer);
    if got != *want {
        return Some(format!("{name}: {got}, and not {want} ({report:?})"));
    }
    let limit = spec.limits.whole() + Duration::from_secs(1);
    if report.took > limit {
        return Some(format!("{name}: took {:?}", report.took));
    }
    // Whoever shows a certificate is on record, also when it is refused.
    let shown = report.seen.certificate.as_ref();
    if want.starts_with("certificate")
        && !shown.is_some_and(|shown| shown.names == ["shop.test"] && !shown.serial.is_empty())
    {
        return Some(format!("{name}: no certificate on record: {shown:?}"));
    }
    // Two faults of which nginx itself speaks in the page of its 400.
    let hint = report.seen.hint.is_some();
    if hint != (*want == "status 400") {
        return Some(format!("{name}: {:?}", report.seen.hint));
    }
    // The one pair that cannot be told apart says so.
    match &report.answer {
        Answer::Down(failure @ Failure::Refused) if !failure.to_string().contains("look alike") => {
            Some(format!("{name}: does not say what it cannot tell: {failure}"))
        }
        _ => None,
    }
}

/// Many probes at once against a firewall whose kernel sends about one message a second.
async fn rationed(prober: Remote) -> Vec<String> {
    let port: SocketAddr = "10.0.2.2:1012".parse().unwrap();
    let spec = Spec {
        target: evenkeel_host::probe::Target::Tcp(port),
        ask: Ask::Tcp(Tcp {}),
        limits: Limits { connect_ms: 300, whole_ms: 300 },
        proxy_protocol: false,
    };
    let (mut doubt, mut met, mut settled) = (Doubt::default(), Vec::new(), Vec::new());
    for _ in 0..BURST {
        let report = prober.ask(&spec).await.unwrap();
        let Answer::Down(failure) = report.answer else { return vec!["a rejected port is up".to_owned()] };
        let sure = doubt.settle(port, Some(&failure), Instant::now()).unwrap();
        met.push(failure.class());
        settled.push(sure.class());
    }
    let wrong = settled.iter().any(|class| *class != "rejected") || !met.contains(&"filtered");
    if wrong { vec![format!("rationed messages: met {met:?}, settled {settled:?}")] } else { Vec::new() }
}
