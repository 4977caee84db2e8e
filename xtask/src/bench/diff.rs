//! `bench`: how long a comparison of two trees takes after one edit, and how many lines of a log go through both in a
//! second.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{Cost, Settings, WARM_UP_RUNS, make_tree, median, one};
use crate::workspace;

/// How many lines the logs have; the second one shows what memory does with more.
const LINES: [u32; 2] = [1_000_000, 4_000_000];
/// How many requests are the same in a log in which nine of ten repeat.
const TIMES: u32 = 10;

/// A tree before and after one edit.
struct Edited {
    name: &'static str,
    old: PathBuf,
    new: PathBuf,
    /// What it may take, in milliseconds.
    limit_ms: f64,
}

/// Prints both tables.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let trees = [sites()?, server()?];
    println!("\n| `evenkeel diff` after one edit | wall ms | limit ms | peak RSS MB |");
    println!("|---|---:|---:|---:|");
    for edited in &trees {
        let cost = compared(settings, edited, &[])?;
        let Edited { name, limit_ms, .. } = edited;
        println!("| {name} | {:.0} | {limit_ms:.0} | {:.0} |", cost.wall_ms, cost.peak_rss_mb);
    }
    println!("\n| `evenkeel diff --traffic`, 1,000 sites | lines | s | lines a second | peak RSS MB |");
    println!("|---|---:|---:|---:|---:|");
    let sites = &trees[0];
    let bare = compared(settings, sites, &[])?;
    for lines in LINES {
        for (name, distinct) in [("nine of ten repeat", lines / TIMES), ("all are different", lines)] {
            let log = log(lines, distinct)?;
            let log = log.to_str().context("a log whose path is text")?;
            let cost = compared(settings, sites, &["--log-format", "combined", "--traffic", log])?;
            let seconds = ((cost.wall_ms - bare.wall_ms) / 1_000.0).max(0.001);
            let speed = f64::from(lines) / seconds;
            println!("| {name} | {lines} | {seconds:.2} | {speed:.0} | {:.0} |", cost.peak_rss_mb);
            std::fs::remove_file(log).context("remove the log")?;
        }
    }
    Ok(())
}

fn compared(settings: &Settings, edited: &Edited, more: &[&str]) -> anyhow::Result<Cost> {
    let evenkeel = settings.evenkeel.to_string_lossy();
    let [old, new] = [&edited.old, &edited.new].map(|tree| tree.to_string_lossy());
    let mut command =
        vec![&*evenkeel, "diff", &*old, &*new, "--config", "/dev/null", "--prefix", "/etc/nginx"];
    command.extend(["--nginx", "/nonexistent/nginx"]);
    command.extend(more);
    let mut costs = Vec::new();
    for turn in 0..settings.runs + WARM_UP_RUNS {
        // The edit changes something: 0 and 2 would be another comparison.
        let cost = one(&command, &[1])?;
        if turn >= WARM_UP_RUNS {
            costs.push(cost);
        }
    }
    Ok(median(costs))
}

/// 1,000 sites, of which one answers an API itself.
fn sites() -> anyhow::Result<Edited> {
    let old = make_tree(1_000)?;
    let new = workspace().join("target/bench/1000-edited");
    copy(&old, &new)?;
    let site = new.join("sites-enabled/site00500.conf");
    let text = std::fs::read_to_string(&site).with_context(|| format!("read {}", site.display()))?;
    let edited = text.replacen("location /api/ {", "location /api/ {\n        return 404;", 1);
    if edited == text {
        bail!("find an API to edit in {}", site.display());
    }
    std::fs::write(&site, edited).with_context(|| format!("write {}", site.display()))?;
    Ok(Edited { name: "1,000 sites", old, new, limit_ms: 2_000.0 })
}

/// One server of 1,001 prefixes and 200 regexes, of which one comes to end elsewhere.
fn server() -> anyhow::Result<Edited> {
    let write = |name: &str, edited: bool| {
        let tree = workspace().join("target/bench").join(name);
        std::fs::create_dir_all(&tree).with_context(|| format!("make {}", tree.display()))?;
        let mut text = "events { }\nhttp {\n  server {\n    listen 127.0.0.1:18080;\n    location / { return 200 root; }\n".to_owned();
        for number in 0..1_000 {
            writeln!(text, "    location /area{}/part{number}/ {{ return 200 p{number}; }}", number % 40)?;
        }
        for number in 0..200 {
            let answer = if edited && number == 77 { "404" } else { "200" };
            let pattern = match number % 4 {
                0 => format!("^/area{}/.*\\.x{number}$", number % 40),
                1 => format!("\\.(css|js|x{number})$"),
                2 => format!("^/v\\d+/item{number}/[a-z]+"),
                _ => format!("/deep{number}/"),
            };
            writeln!(text, "    location ~ {pattern} {{ return {answer} r{number}; }}")?;
        }
        text.push_str("  }\n}\n");
        std::fs::write(tree.join("nginx.conf"), text).with_context(|| format!("write {}", tree.display()))?;
        anyhow::Ok(tree)
    };
    let (old, new) = (write("server", false)?, write("server-edited", true)?);
    Ok(Edited { name: "1,001 prefixes and 200 regexes", old, new, limit_ms: 500.0 })
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(|| format!("write {}", target.display()))?;
        }
    }
    Ok(())
}

/// A combined log of so many lines, of which so many ask for something of their own.
fn log(lines: u32, distinct: u32) -> anyhow::Result<PathBuf> {
    const PLACES: [&str; 6] = ["/api/v1/items/", "/static/img/", "/old/", "/cart/", "/img/a.png?v=", "/ws/"];
    let path = workspace().join("target/bench/access.log");
    let file = std::fs::File::create(&path).with_context(|| format!("write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    let mut chance: u64 = 1;
    for line in 0..lines {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let request = if distinct == lines { line } else { u32::try_from(chance >> 33)? % distinct };
        let (place, agent) = (PLACES[request as usize % PLACES.len()], request % 17);
        let client = line % 4_000;
        writeln!(
            file,
            "10.1.{}.{} - - [21/Nov/2026:10:{:02}:{:02} +0000] \"GET {place}{request} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0 \
             (X11; Linux x86_64; rv:{agent}.0) Gecko/20100101 Firefox/{agent}.0\"",
            client / 250,
            client % 250,
            line / 60 % 60,
            line % 60,
            line % 9_000,
        )?;
    }
    file.flush().context("write the log")?;
    Ok(path)
}
