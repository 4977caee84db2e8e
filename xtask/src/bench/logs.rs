//! How many lines of logs are read in a second, by one core: error logs into classes, access logs into rates; GoAccess beside it
//! where it is installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use evenkeel_model::{ErrorLine, Escape, LogFormat, Message, Rates};

use crate::workspace;

/// How many lines each log has.
const LINES: usize = 1_000_000;
/// How often each is read; the median counts.
const RUNS: usize = 5;

/// Messages as a busy proxy has them.
const MESSAGES: [&str; 6] = [
    "connect() failed (111: Connection refused) while connecting to upstream",
    "upstream timed out (110: Connection timed out) while reading response header from upstream",
    "open() \"/srv/www/favicon.ico\" failed (2: No such file or directory)",
    "limiting requests, excess: 5.040 by zone \"one\"",
    "upstream prematurely closed connection while reading response header from upstream",
    "access forbidden by rule",
];

/// Reads both kinds of logs and prints a table.
pub(super) fn run() -> anyhow::Result<()> {
    let errors = error_log();
    let access = access_log();
    let format = LogFormat::new("with upstream", Escape::Default, FORMAT.as_bytes())?;
    let error_rate = median(|| {
        let known =
            lines(&errors).filter_map(ErrorLine::read).filter(|line| line.message != Message::Other).count();
        assert_eq!(known, LINES, "every line is of a class that is known");
    });
    let access_rate = median(|| {
        let mut rates = Rates::default();
        for line in lines(&access) {
            rates.note(&format, line, b"evenkeel-probe", class);
        }
        assert_eq!(rates.unread, 0);
        let counted: u64 = rates.take().iter().map(|rate| rate.count).sum();
        assert_eq!(counted, LINES as u64);
    });
    println!("| log of {LINES} lines | MB | lines a second, one core |\n|---|---|---|");
    println!("| error log into classes | {:.0} | {error_rate:.0} |", megabytes(&errors));
    println!("| access log with upstream fields into rates | {:.0} | {access_rate:.0} |", megabytes(&access));
    match goaccess()? {
        Some(rate) => println!("| `combined` by GoAccess | | {rate:.0} |"),
        None => println!("\nGoAccess is not installed: `scripts/setup.sh bench` brings it where apt has it."),
    }
    Ok(())
}

const FORMAT: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $upstream_addr $upstream_status"#;

/// The class of a path: by its first letter.
fn class(path: &[u8]) -> u32 {
    path.get(1).copied().map_or(0, u32::from)
}

fn lines(log: &str) -> impl Iterator<Item = &[u8]> {
    log.as_bytes().split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

fn megabytes(log: &str) -> f64 {
    log.len() as f64 / 1e6
}

fn median(mut read: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            read();
            LINES as f64 / began.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

fn error_log() -> String {
    let mut log = String::new();
    for at in 0..LINES {
        let _ = writeln!(
            log,
            "2026/11/21 09:37:{:02} [error] 1234#1234: *{at} {}, client: 198.51.100.{}, server: shop.test, request: \"GET /cart/{at} \
             HTTP/1.1\", upstream: \"http://10.0.0.5:9000/cart/{at}\", host: \"shop.test\"",
            at % 60,
            MESSAGES[at % MESSAGES.len()],
            at % 250,
        );
    }
    log
}

fn access_line(at: usize) -> String {
    let status = [200, 200, 200, 304, 404, 502][at % 6];
    format!(
        "198.51.100.{} - - [21/Nov/2026:09:37:{:02} +0000] \"GET /{}/{at}?a=1 HTTP/1.1\" {status} 512 \"https://shop.test/\" \
         \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"",
        at % 250,
        at % 60,
        ["cart", "api", "static", "login"][at % 4],
    )
}

fn access_log() -> String {
    let mut log = String::new();
    for at in 0..LINES {
        let upstream = if at % 6 == 4 { "- -" } else { "10.0.0.5:9000 200" };
        let _ = writeln!(log, "{} {upstream}", access_line(at));
    }
    log
}

/// Lines a second of GoAccess over a log of the same requests, before 1.8 with one thread and since then with one unless
/// told otherwise; `None`: it is not installed.
fn goaccess() -> anyhow::Result<Option<f64>> {
    if Command::new("goaccess").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
    {
        return Ok(None);
    }
    let directory = workspace().join("target/bench/logs");
    std::fs::create_dir_all(&directory).context("make a directory for the log")?;
    let log = directory.join("access.log");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&log)?);
    for at in 0..LINES {
        writeln!(file, "{}", access_line(at))?;
    }
    file.flush()?;
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        let status = Command::new("goaccess")
            .arg(&log)
            .args(["--log-format=COMBINED", "--no-progress", "-o"])
            .arg(directory.join("report.json"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "goaccess ended with {status}");
        rates.push(LINES as f64 / began.elapsed().as_secs_f64());
    }
    std::fs::remove_dir_all(&directory)?;
    rates.sort_by(f64::total_cmp);
    Ok(Some(rates[RUNS / 2]))
}
