//! `lab`: the reference stack on this machine.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::time::Instant;

use anyhow::Context as _;
use evenkeel_rehearsal::lab::{Deed, HostStatus, Lab, LabDir, Outage, Outcome, Parts, Proof, State};
use serde_json::{Value, json};

use crate::args::Global;
use crate::args::lab::{Lab as Args, LabCommand, Shell};
use crate::output::{Exit, Output, table};
use crate::settings::Settings;

/// Runs one of the commands of the lab.
pub(crate) fn lab(args: &Args, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let dir = LabDir::new(args.dir.as_deref())?;
    match &args.command {
        LabCommand::Up => up(&dir, global, output),
        LabCommand::Down => down(&dir, output),
        LabCommand::Status => status(&dir, output),
        LabCommand::Shell(args) => shell(&dir, args),
        LabCommand::Break(args) => break_into(&dir, args.outage, output),
        LabCommand::Repair => repair(&dir, output),
    }
}

/// What the lab is made of, as flags and settings say.
pub(crate) fn parts(global: &Global) -> anyhow::Result<Parts> {
    let program = std::env::current_exe().context("find this program")?;
    Ok(Parts { program, nginx: Settings::load(global)?.nginx })
}

fn up(dir: &LabDir, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let progress = output.progress();
    progress.say("bringing the lab up");
    let lab = Lab::up(dir, &parts(global)?)?;
    drop(progress);
    let text = || {
        let state = lab.state();
        let mut text = format!(
            "The lab is up after {} ms: {} hosts, users as {}, in {}\n",
            state.up_ms,
            state.hosts.len(),
            state.mode,
            dir.path().display()
        );
        text.push_str("  evenkeel lab status · lab shell web1 · lab break A · lab down\n");
        text
    };
    output.print(text, || of_state(dir, lab.state()));
    Ok(Exit::Yes)
}

fn of_state(dir: &LabDir, state: &State) -> Value {
    json!({ "dir": dir.path(), "up_ms": state.up_ms, "mode": state.mode, "keeper": state.keeper,
            "hosts": state.hosts, "broken": state.broken })
}

fn down(dir: &LabDir, output: Output) -> anyhow::Result<Exit> {
    let begin = Instant::now();
    let was = Lab::down(dir)?;
    let took_ms = begin.elapsed().as_millis();
    let text = || match was {
        true => format!("The lab is gone after {took_ms} ms"),
        false => format!("There is no lab in {}", dir.path().display()),
    };
    output.print(text, || json!({ "dir": dir.path(), "was_up": was, "took_ms": took_ms }));
    Ok(Exit::Yes)
}

fn shell(dir: &LabDir, args: &Shell) -> anyhow::Result<Exit> {
    let lab = Lab::open(dir)?;
    let usual = if std::path::Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let command = if args.command.is_empty() { vec![usual.into()] } else { args.command.clone() };
    // From here on this process is the command's.
    let error = lab.command(&args.host, &command)?.exec();
    Err(error).context("enter the host")
}

fn status(dir: &LabDir, output: Output) -> anyhow::Result<Exit> {
    let lab = Lab::open(dir)?;
    let (hosts, servers) = (lab.hosts(), lab.servers());
    let lacking: Vec<String> = hosts.iter().filter_map(HostStatus::lacks).collect();
    let good = lacking.is_empty()
        && servers.as_ref().is_ok_and(|all| all.iter().all(|one| one.state.takes_traffic()))
        && lab.state().broken.is_none();
    let text = || {
        let mut text = table(&of_hosts(&hosts));
        text.push('\n');
        match &servers {
            Ok(servers) => {
                let mut rows: Vec<Vec<String>> =
                    vec![["SERVER", "STATE", "WEIGHT", "CHECK"].map(str::to_owned).to_vec()];
                rows.extend(servers.iter().map(|one| {
                    let check = one.check.as_ref().map_or_else(String::new, |check| {
                        format!("{} {}", check.class, check.reason).trim_end().to_owned()
                    });
                    let backup = if one.is_backup { " (backup)" } else { "" };
                    vec![
                        format!("{}/{}{backup}", one.backend, one.name),
                        format!("{} for {} s", one.state.word(), one.changed_s),
                        one.weight.to_string(),
                        check,
                    ]
                }));
                text.push_str(&table(&rows));
            }
            Err(error) => {
                let _infallible = writeln!(text, "HAProxy: {error}");
            }
        }
        match &lab.state().broken {
            Some(broken) => {
                let title = broken.outage.parse().map(Outage::title).unwrap_or_default();
                let _infallible = writeln!(text, "\nOutage {} is in it: {title}", broken.outage);
            }
            None if lacking.is_empty() => text.push_str("\nNothing is broken in it.\n"),
            None => {
                let what = lacking.join("; ");
                let _infallible = writeln!(text, "\n{what} (`evenkeel lab repair` puts everything back)");
            }
        }
        text
    };
    let json = || {
        let hosts = hosts.iter().map(|host| {
            let processes = host.processes.as_ref().map(|all| {
                all.iter().map(|(pid, title)| json!({ "pid": pid, "title": title })).collect::<Vec<_>>()
            });
            json!({ "name": host.member.name, "addresses": host.member.addresses(), "processes": processes })
        });
        let hosts = hosts.collect::<Vec<_>>();
        let servers = servers.as_ref().map(|all| {
            all.iter()
                .map(|one| {
                    json!({ "backend": one.backend, "name": one.name, "state": one.state.word(),
                "takes_traffic": one.state.takes_traffic(), "weight": one.weight, "backup": one.is_backup,
                "address": one.address, "changed_s": one.changed_s,
                "check": one.check.as_ref().map(|check| json!({ "class": check.class, "code": check.code,
                    "took_ms": check.took_ms, "reason": check.reason })) })
                })
                .collect::<Vec<_>>()
        });
        let error = servers.as_ref().err().map(ToString::to_string);
        json!({ "dir": dir.path(), "mode": lab.state().mode, "up_ms": lab.state().up_ms, "hosts": hosts,
                "servers": servers.ok(), "haproxy_error": error, "lacking": lacking,
                "broken": lab.state().broken })
    };
    output.print(text, json);
    Ok(Exit::from(good))
}

fn of_hosts(hosts: &[HostStatus]) -> Vec<Vec<String>> {
    let mut rows = vec![["HOST", "ADDRESSES", "PROCESSES"].map(str::to_owned).to_vec()];
    rows.extend(hosts.iter().map(|host| {
        let addresses = host.member.addresses().map(|address| address.to_string()).join(" ");
        let processes = match &host.processes {
            None => "gone".to_owned(),
            Some(all) if all.is_empty() => "none of its own".to_owned(),
            Some(all) => all
                .iter()
                .map(|(pid, title)| format!("{pid} {}", brief(title)))
                .collect::<Vec<_>>()
                .join(", "),
        };
        vec![host.member.name.to_owned(), addresses, processes]
    }));
    rows
}

/// The name of a program and what it is told, without its path.
fn brief(title: &str) -> String {
    const LETTERS_MAX: usize = 40;
    let (program, rest) = title.split_once(' ').unwrap_or((title, ""));
    let program = program.rsplit('/').next().unwrap_or(program);
    format!("{program} {rest}").trim_end().chars().take(LETTERS_MAX).collect()
}

fn break_into(dir: &LabDir, outage: Outage, output: Output) -> anyhow::Result<Exit> {
    let mut lab = Lab::open(dir)?;
    let progress = output.progress();
    progress.say("breaking it");
    let outcome = lab.break_into(outage)?;
    drop(progress);
    output.print(|| broken(outage, &outcome), || {
        json!({ "outage": outage.to_string(), "title": outage.title(), "onset_ms": outcome.first_bad.at_ms,
                "users_get": outcome.first_bad.words(), "deeds": of_deeds(&outcome.deeds) })
    });
    Ok(Exit::Yes)
}

fn broken(outage: Outage, outcome: &Outcome) -> String {
    let mut text = format!("Outage {outage}: {}\n", outage.title());
    for deed in &outcome.deeds {
        let _infallible = writeln!(text, "  {}  {:8} {}", clock(deed.at_ms), deed.host, deed.what);
    }
    let first = &outcome.first_bad;
    let _infallible =
        writeln!(text, "  {}  client1  gets {} for http://shop.lab/", clock(first.at_ms), first.words());
    text
}

pub(crate) fn of_deeds(deeds: &[Deed]) -> Vec<Value> {
    deeds.iter().map(|deed| json!({ "at_ms": deed.at_ms, "host": deed.host, "what": deed.what })).collect()
}

fn repair(dir: &LabDir, output: Output) -> anyhow::Result<Exit> {
    let mut lab = Lab::open(dir)?;
    let progress = output.progress();
    progress.say("putting everything back");
    let begin = Instant::now();
    let (deeds, proofs) = lab.repair()?;
    let took_ms = begin.elapsed().as_millis();
    drop(progress);
    let text = || {
        let mut text = String::new();
        for deed in &deeds {
            let _infallible = writeln!(text, "  {:8} {}", deed.host, deed.what);
        }
        let _infallible = writeln!(
            text,
            "In order again after {took_ms} ms: {} questions, {} good answers",
            proofs.len(),
            proofs.len()
        );
        text
    };
    let of_proof = |proof: &Proof| {
        json!({ "from": proof.from, "to": proof.to, "status": proof.reply.status,
        "served_by": proof.reply.served_by })
    };
    output.print(text, || {
        json!({ "took_ms": took_ms, "deeds": of_deeds(&deeds), "proofs": proofs.iter().map(of_proof).collect::<Vec<_>>() })
    });
    Ok(Exit::Yes)
}

/// The time of day in UTC, with tenths of a second.
pub(crate) fn clock(ms: u64) -> String {
    let (s, tenths) = (ms / 1000 % 86_400, ms % 1000 / 100);
    format!("{:02}:{:02}:{:02}.{tenths}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn program_is_named_without_its_path() {
        assert_eq!(super::brief("/usr/sbin/haproxy -D -f x"), "haproxy -D -f x");
        assert_eq!(super::brief("nginx: worker process"), "nginx: worker process");
    }

    #[test]
    fn clock_counts_from_midnight() {
        assert_eq!(super::clock(86_400_000 + 3_661_250), "01:01:01.2");
    }
}
