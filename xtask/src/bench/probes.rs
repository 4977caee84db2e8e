//! `bench probes`: what watching costs when nothing happens, and whether ten thousand probes keep their schedule on two cores.
//!
//! The prober is a process of its own, asking a real nginx on loopback, half of the few and none of the many over TLS. Lateness
//! is how long after the moment of its grid a question begins.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use evenkeel_host::probe::http::Http;
use evenkeel_host::probe::schedule::{Rules, Schedule, Timed};
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::{Ask, Limits, Prober, Spec, Target, run};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use super::{MYSELF, Settings, one};
use crate::workspace;

const PLAIN: u16 = 18_095;
const TLS: u16 = 18_096;
/// Probes to one host.
const PER_HOST: usize = 50;

/// What is measured: so many probes, at this cadence, for so long, so many of hundred over TLS.
const CASES: [(usize, u64, u64, usize); 2] = [(50, 5_000, 30, 50), (10_000, 10_000, 30, 0)];

/// How long `evenkeel watch` is watched.
const WHOLE_SECONDS: u32 = 60;

#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    asked: usize,
    down: usize,
    skipped: u64,
    late_ms: [u64; 3],
    cpu_percent: f64,
    rss_mb: f64,
}

/// Prints the table.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let dir = workspace().join("target/bench/probes");
    std::fs::create_dir_all(&dir)?;
    let _nginx = Nginx::start(&settings.nginx, &std::path::absolute(&dir)?)?;
    println!(
        "| probes | every s | asked | down | skipped | late ms, p50 | p99 | worst | CPU of one core | peak RSS MB |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (probes, every_ms, seconds, of_hundred) in CASES {
        let numbers = [probes.to_string(), every_ms.to_string(), seconds.to_string(), of_hundred.to_string()];
        let output = Command::new(MYSELF).args(["bench", "probing"]).args(&numbers).arg(&dir).output()?;
        let cost: Asked = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("measure: {}", String::from_utf8_lossy(&output.stderr)))?;
        let Asked { asked, down, skipped, late_ms: [p50, p99, worst], cpu_percent, rss_mb } = cost;
        println!(
            "| {probes} | {} | {asked} | {down} | {skipped} | {p50} | {p99} | {worst} | {cpu_percent:.2} % | {rss_mb:.0} |",
            every_ms / 1_000
        );
    }
    whole(settings, &dir)
}

/// `evenkeel watch` itself, with its journal and all it does beside asking.
fn whole(settings: &Settings, dir: &Path) -> anyhow::Result<()> {
    let state = dir.join("state");
    if state.exists() {
        std::fs::remove_dir_all(&state).with_context(|| format!("remove {}", state.display()))?;
    }
    let (_, every_ms, _, _) = CASES[0];
    let mut text = format!(
        "[[host]]\nname = \"web\"\naddress = [\"127.0.0.1\"]\n[watch]\nevery = \"{every_ms}ms\"\nlive = false\n"
    );
    let ca = dir.join("ca.pem");
    for probe in 0..PER_HOST {
        let url = if probe % 2 == 0 {
            format!("url = \"http://shop.test:{PLAIN}/\"\n")
        } else {
            format!("url = \"https://shop.test:{TLS}/\"\nca = \"{}\"\n", ca.display())
        };
        text += &format!("[[probe]]\nname = \"p{probe}\"\n{url}contains = [\"welcome\"]\n");
    }
    let file = dir.join("evenkeel.toml");
    std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    let seconds = WHOLE_SECONDS.to_string();
    let [evenkeel, file, etc, state] = [&settings.evenkeel, &file, &dir.to_path_buf(), &state]
        .map(|path| path.to_string_lossy().into_owned());
    let places = ["--config", &*file, "--config-dir", &*etc, "--state-dir", &*state];
    let command = [&["timeout", "-s", "TERM", &*seconds, &*evenkeel, "watch"][..], &places].concat();
    // What `timeout` ends with when the time was up.
    let cost = one(&command, &[124])?;
    println!(
        "\n| `evenkeel watch`, from its start for {seconds} s | CPU of one core | peak RSS MB |\n|---|---:|---:|"
    );
    println!(
        "| {PER_HOST} probes at {} s, half over TLS | {:.2} % | {:.0} |",
        every_ms / 1_000,
        (cost.user_ms + cost.system_ms) / f64::from(WHOLE_SECONDS) / 10.0,
        cost.peak_rss_mb
    );
    Ok(())
}

/// The process that is measured.
pub(super) fn probing(arguments: &[&str]) -> anyhow::Result<()> {
    let [probes, every_ms, seconds, of_hundred, dir] = arguments else { anyhow::bail!("{}", super::USAGE) };
    let (probes, every_ms): (usize, u64) = (probes.parse()?, every_ms.parse()?);
    let (seconds, of_hundred): (u64, usize) = (seconds.parse()?, of_hundred.parse()?);
    let ca = std::fs::read_to_string(Path::new(dir).join("ca.pem"))?;
    let specs: Vec<Spec> =
        (0..probes).map(|at| spec(&ca, at * of_hundred % 100 + of_hundred >= 100)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cost = runtime.block_on(ask(Arc::new(specs), every_ms, Duration::from_secs(seconds)))?;
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

fn spec(ca: &str, over_tls: bool) -> Spec {
    let mut http = Http::get("http://shop.test/").expect("a URL");
    http.expect.contains.push("welcome".to_owned());
    if over_tls {
        http.request.tls = Some(Tls { ca: Some(ca.to_owned()), ..Tls::new("shop.test") });
    }
    let port = if over_tls { TLS } else { PLAIN };
    Spec {
        target: Target::Tcp(([127, 0, 0, 1], port).into()),
        ask: Ask::Http(http),
        limits: Limits::default(),
        proxy_protocol: false,
    }
}

async fn ask(specs: Arc<Vec<Spec>>, every_ms: u64, long: Duration) -> anyhow::Result<Asked> {
    let timed: Vec<Timed> = (0..specs.len()).map(|at| Timed { host: at / PER_HOST, every_ms }).collect();
    let mut schedule = Schedule::new(Rules::default(), &timed, 1, 0);
    let prober = Arc::new(Prober::default());
    let (mut late, mut down) = (Vec::new(), 0);
    let before = cpu()?;
    let began = tokio::time::Instant::now();
    let question = |probe: usize| {
        let (specs, prober) = (Arc::clone(&specs), Arc::clone(&prober));
        async move { Some(prober.ask(&specs[probe]).await) }
    };
    run::run(&mut schedule, began, question, |start, report, _| {
        late.push(start.late_ms);
        if !report.is_some_and(|report| report.answer == evenkeel_fleet::watch::Answer::Up) {
            down += 1;
        }
        if began.elapsed() < long { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .await;
    let wall = began.elapsed().as_secs_f64();
    let used = cpu()? - before;
    late.sort_unstable();
    let at = |part: usize| late[(late.len() - 1) * part / 100];
    let rss = getrusage(UsageWho::RUSAGE_SELF)?.max_rss();
    Ok(Asked {
        asked: late.len(),
        down,
        skipped: schedule.counts().skipped,
        late_ms: [at(50), at(99), at(100)],
        cpu_percent: used / wall * 100.0,
        rss_mb: f64::from(u32::try_from(rss)?) / 1_024.0,
    })
}

fn cpu() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::new(u64::try_from(time.tv_sec()).unwrap_or(0), 0).as_secs_f64()
            + f64::from(u32::try_from(time.tv_usec()).unwrap_or(0)) / 1e6
    };
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// An nginx of one process, killed like any other.
struct Nginx(Child);

impl Nginx {
    fn start(nginx: &PathBuf, dir: &Path) -> anyhow::Result<Nginx> {
        let signed = rcgen::generate_simple_self_signed(vec!["shop.test".to_owned()])?;
        std::fs::write(dir.join("ca.pem"), signed.cert.pem())?;
        std::fs::write(dir.join("key.pem"), signed.signing_key.serialize_pem())?;
        let d = dir.display();
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {d}/{name};"));
        let text = format!(
            "daemon off;\nmaster_process off;\npid {d}/pid;\nerror_log {d}/error.log;\nevents {{ worker_connections 4096; }}\nhttp {{\n\
             access_log off;\n{}\nserver {{ listen 127.0.0.1:{PLAIN}; listen 127.0.0.1:{TLS} ssl; ssl_certificate {d}/ca.pem;\n\
             ssl_certificate_key {d}/key.pem; location / {{ return 200 welcome; }} }}\n}}\n",
            temp.join(" ")
        );
        std::fs::write(dir.join("nginx.conf"), text)?;
        let mut command = Command::new(nginx);
        command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).arg("-e").arg(dir.join("error.log"));
        let started = Nginx(command.stdin(Stdio::null()).spawn().context("start nginx")?);
        let end = Instant::now() + Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", TLS)).is_err() {
            ensure!(Instant::now() < end, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(started)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}
