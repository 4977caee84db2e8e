//! `bench`: how long a comparison of two trees takes after one edit, and how many lines of a log go through both in a
//! second.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{Cost, Settings, make_tree, one};
use crate::workspace;

/// How many lines the logs have; the second one shows what memory does with more.
const LINES: [u32; 2] = [1_000_000, 10_000_000];
/// How many requests are the same in a log in which nine of ten repeat.
const TIMES: u32 = 10;
/// How many lines should go through in a second.
const LINES_WANTED: f64 = 1_000_000.0;

/// A tree before and after one edit.
struct Edited {
    name: String,
    old: PathBuf,
    new: PathBuf,
    /// What it may take, in milliseconds.
    limit_ms: f64,
}

/// Prints both tables.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut trees = sites()?;
    trees.extend(server()?);
    println!(
        "\n| `evenkeel diff` after one edit, best of {} | wall ms | user + system ms | limit ms | peak RSS MB |",
        settings.runs
    );
    println!("|---|---:|---:|---:|---:|");
    for edited in &trees {
        let cost = compared(settings, edited, settings.runs, &[])?;
        let Cost { wall_ms, user_ms, system_ms, peak_rss_mb, .. } = cost;
        let (name, limit, cpu_ms) = (&edited.name, edited.limit_ms, user_ms + system_ms);
        println!("| {name} | {wall_ms:.0} | {cpu_ms:.0} | {limit:.0} | {peak_rss_mb:.0} |");
    }
    println!(
        "\n| `evenkeel diff --traffic`, {} | lines | s | user + system s | lines a second | lines per two seconds of \
         processor | wanted | peak RSS MB |",
        trees[0].name
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let bare = compared(settings, &trees[0], settings.runs, &[])?;
    for lines in LINES {
        for (name, distinct, wanted) in [
            ("nine of ten repeat", lines / TIMES, format!("{LINES_WANTED:.0}")),
            ("all are different", lines, String::new()),
        ] {
            let log = log(lines, distinct)?;
            let text = log.to_str().context("a log whose path is text")?;
            let runs = if lines == LINES[0] { settings.runs } else { 1 };
            let cost = compared(settings, &trees[0], runs, &["--log-format", "combined", "--traffic", text])?;
            // What the comparison itself takes is not the log's.
            let seconds = ((cost.wall_ms - bare.wall_ms) / 1_000.0).max(0.001);
            let cpu = |cost: &Cost| cost.user_ms + cost.system_ms;
            let cpu_seconds = ((cpu(&cost) - cpu(&bare)) / 1_000.0).max(0.001);
            let (speed, both) = (f64::from(lines) / seconds, f64::from(lines) / cpu_seconds * 2.0);
            println!(
                "| {name} | {lines} | {seconds:.2} | {cpu_seconds:.2} | {speed:.0} | {both:.0} | {wanted} | {:.0} |",
                cost.peak_rss_mb
            );
            std::fs::remove_file(log).context("remove the log")?;
        }
    }
    Ok(())
}

/// The best of some runs: others work on the machine, too.
fn compared(settings: &Settings, edited: &Edited, runs: usize, more: &[&str]) -> anyhow::Result<Cost> {
    let evenkeel = settings.evenkeel.to_string_lossy();
    let [old, new] = [&edited.old, &edited.new].map(|tree| tree.to_string_lossy());
    let mut command =
        vec![&*evenkeel, "diff", &*old, &*new, "--config", "/dev/null", "--prefix", "/etc/nginx"];
    command.extend(["--nginx", "/nonexistent/nginx"]);
    command.extend(more);
    let mut costs = Vec::new();
    for _ in 0..runs {
        // The edit changes something: 0 and 2 would be another comparison.
        costs.push(one(&command, &[1])?);
    }
    costs.sort_by(|one, another| one.wall_ms.total_cmp(&another.wall_ms));
    let least = |of: fn(&Cost) -> f64| costs.iter().map(of).fold(f64::INFINITY, f64::min);
    let (user_ms, system_ms) = (least(|cost| cost.user_ms), least(|cost| cost.system_ms));
    let best = costs.into_iter().next().context("at least one run")?;
    Ok(Cost { user_ms, system_ms, ..best })
}

/// What is done to the lines of a file.
type Edit = Box<dyn Fn(&mut Vec<String>)>;

/// 1,000 sites, and one edit of one of them.
fn sites() -> anyhow::Result<Vec<Edited>> {
    let old = make_tree(1_000)?;
    let changed = |from: &'static str, to: &'static str| -> Edit {
        Box::new(move |lines| {
            if let Some(line) = lines.iter_mut().find(|line| line.contains(from)) {
                *line = line.replacen(from, to, 1);
            }
        })
    };
    let edits = [
        ("an answer changes", changed("location /api/ {", "location /api/ {\n        return 404;")),
        ("a location goes elsewhere", changed("location = /healthz {", "location = /alive {")),
        ("a server of an upstream changes", changed(":8080", ":8081")),
        ("a name goes", changed(" www.site00500.example.com", "")),
    ];
    let mut trees = Vec::new();
    for (number, (what, edit)) in edits.into_iter().enumerate() {
        let new = workspace().join(format!("target/bench/1000-edited-{number}"));
        copy(&old, &new)?;
        let site = new.join("sites-enabled/site00500.conf");
        let text = std::fs::read_to_string(&site).with_context(|| format!("read {}", site.display()))?;
        let edited = edited(&text, &edit)?;
        std::fs::write(&site, edited).with_context(|| format!("write {}", site.display()))?;
        trees.push(Edited { name: format!("1,000 sites: {what}"), old: old.clone(), new, limit_ms: 2_000.0 });
    }
    Ok(trees)
}

/// One server of 1,001 prefixes and 200 regexes, and one edit of it.
fn server() -> anyhow::Result<Vec<Edited>> {
    let mut lines = vec![String::from("    location / { return 200 root; }")];
    for number in 0..1_000 {
        lines.push(format!("    location /area{}/part{number}/ {{ return 200 p{number}; }}", number % 40));
    }
    for number in 0..200 {
        let pattern = match number % 4 {
            0 => format!("^/area{}/.*\\.x{number}$", number % 40),
            1 => format!("\\.(css|js|x{number})$"),
            2 => format!("^/v\\d+/item{number}/[a-z]+"),
            _ => format!("/deep{number}/"),
        };
        lines.push(format!("    location ~ {pattern} {{ return 200 r{number}; }}"));
    }
    let text = lines.join("\n");
    const FIRST_REGEX: usize = 1_001;
    let edits: [(&str, Edit); 6] = [
        (
            "an answer changes",
            Box::new(|lines| lines[FIRST_REGEX + 77] = lines[FIRST_REGEX + 77].replace("200", "404")),
        ),
        ("a prefix goes", Box::new(|lines| drop(lines.remove(500)))),
        (
            "a prefix comes",
            Box::new(|lines| lines.insert(500, String::from("    location /area7/ { return 200 new; }"))),
        ),
        (
            "a regex changes",
            Box::new(|lines| lines[FIRST_REGEX + 76] = lines[FIRST_REGEX + 76].replace("x76", "x76y")),
        ),
        ("two regexes change places", Box::new(|lines| lines.swap(FIRST_REGEX + 10, FIRST_REGEX + 149))),
        (
            "a regex takes from 1,101 locations",
            Box::new(|lines| {
                lines.insert(FIRST_REGEX, String::from("    location ~ \\.php$ { return 200 new; }"));
            }),
        ),
    ];
    let write = |name: &str, lines: &str| {
        let tree = workspace().join("target/bench").join(name);
        std::fs::create_dir_all(&tree).with_context(|| format!("make {}", tree.display()))?;
        let text =
            format!("events {{ }}\nhttp {{\n  server {{\n    listen 127.0.0.1:18080;\n{lines}\n  }}\n}}\n");
        std::fs::write(tree.join("nginx.conf"), text).with_context(|| format!("write {}", tree.display()))?;
        anyhow::Ok(tree)
    };
    let old = write("server", &text)?;
    let mut trees = Vec::new();
    for (number, (what, edit)) in edits.iter().enumerate() {
        let new = write(&format!("server-edited-{number}"), &edited(&text, edit)?)?;
        let name = format!("1,001 prefixes, 200 regexes: {what}");
        trees.push(Edited { name, old: old.clone(), new, limit_ms: 500.0 });
    }
    Ok(trees)
}

/// A text after an edit of its lines, which changes something.
fn edited(text: &str, edit: &Edit) -> anyhow::Result<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    edit(&mut lines);
    let edited = lines.join("\n") + "\n";
    if edited.trim_end() == text.trim_end() {
        bail!("find what to edit");
    }
    Ok(edited)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_that_finds_nothing_to_change_is_no_benchmark() {
        let edit: Edit = Box::new(|lines| lines[1].push('!'));
        assert_eq!(edited("a\nb\n", &edit).unwrap(), "a\nb!\n");
        let edit: Edit = Box::new(|_| {});
        assert!(edited("a\nb\n", &edit).is_err());
    }
}
