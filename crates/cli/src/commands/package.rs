//! `package`: what package managers do to this host.

mod hooks;
mod show;

use std::time::{Duration, SystemTime};

use evenkeel_controller::local::{After, Before, Host};
use evenkeel_fleet::journal::{PackageRun, PackageStage};
use evenkeel_host::packages::caller::{Caller, caller};
use evenkeel_host::packages::protocol::{Action, Item, Transaction, is_name, is_version, read};
use evenkeel_host::packages::unpacked::name_and_version;
use serde_json::json;

pub(crate) use show::{conffile, details, document, outcome};

use crate::args::{Global, Package, PackageCommand, package};
use crate::commands::{host_for, host_of};
use crate::identity;
use crate::output::{Exit, Output, complain};
use crate::settings::Settings;

/// How long a look before packages change may take. After it, they change.
const PRE_LIMIT: Duration = Duration::from_secs(60);
/// How long one afterwards may take.
const POST_LIMIT: Duration = Duration::from_secs(60);
/// How long a service manager, or a script that wants to restart nginx, may wait.
const ASKED_LIMIT: Duration = Duration::from_secs(20);
/// In spite of everything, and why.
const OVERRIDE: &str = "EVENKEEL_PACKAGE_OVERRIDE";

pub(crate) fn package(args: &Package, global: &Global, output: Output) -> anyhow::Result<Exit> {
    match &args.command {
        PackageCommand::Install(args) => hooks::install(&args.root, global, output),
        PackageCommand::Remove(args) => hooks::remove(&args.root, output),
        PackageCommand::Status(args) => hooks::status(&args.root, global, output),
        PackageCommand::Pre(args) => pre(args, global, output),
        PackageCommand::Post => post(global, output),
        PackageCommand::Policy(args) => policy(args, global, output),
        PackageCommand::Unit(args) => unit(args, global, output),
    }
}

/// Ends this process, and with it all that it started, when the time is over: whoever called us goes on. Status 2 is no answer.
fn within(limit: Duration) {
    let _watch = std::thread::spawn(move || {
        std::thread::sleep(limit);
        complain(&format!("evenkeel: failed to look within {} s; nothing was stopped\n", limit.as_secs()));
        std::process::exit(2);
    });
}

fn pre(args: &package::Pre, global: &Global, output: Output) -> anyhow::Result<Exit> {
    within(PRE_LIMIT);
    let caller = caller();
    let transaction = match &caller {
        Some(caller) if args.dpkg && caller.within_apt => return Ok(Exit::Yes),
        Some(caller) if args.dpkg => of_archives(&caller.archives, &caller.options),
        None if args.dpkg => return Ok(Exit::Yes),
        _ if !args.touched.is_empty() => {
            Transaction { items: touched(&args.touched), ..Transaction::default() }
        }
        _ => read(std::io::stdin().lock())?,
    };
    let host = host_by(global, caller.as_ref())?;
    let command = command(caller.as_ref(), transaction.command.as_deref());
    let wanted = std::env::var(OVERRIDE).ok().or(transaction.wanted_because).filter(|why| !why.is_empty());
    let before = Before {
        items: &transaction.items,
        options: &transaction.dpkg_options,
        command: &command,
        wanted: wanted.as_deref(),
    };
    let Some(run) = host.packages_before(&before)? else { return Ok(Exit::Yes) };
    say(&run, output);
    Ok((!matches!(run.stage, PackageStage::Stopped(_))).into())
}

fn post(global: &Global, output: Output) -> anyhow::Result<Exit> {
    within(POST_LIMIT);
    let caller = caller();
    let host = host_by(global, caller.as_ref())?;
    let command = command(caller.as_ref(), None);
    // Without a package manager above us, whatever dpkg did in the last minutes.
    let recently = || SystemTime::now() - Duration::from_secs(600);
    let since = caller.as_ref().map_or_else(recently, |caller| caller.since);
    let Some(run) = host.packages_after(&After { since, command: &command })? else { return Ok(Exit::Yes) };
    say(&run, output);
    Ok(run.held.is_none().into())
}

fn policy(args: &package::Policy, global: &Global, output: Output) -> anyhow::Result<Exit> {
    within(ASKED_LIMIT);
    // `[--quiet] nginx restart [runlevel]`
    let Some(action) = args.words.iter().filter(|word| !word.starts_with('-')).nth(1) else {
        return Ok(Exit::Yes);
    };
    // invoke-rc.d names the action that it would fall back to in brackets: "(restart)".
    let actions = action.split(' ').map(|word| word.trim_matches(['(', ')']));
    let host = crate::commands::host(global)?;
    let held = actions.into_iter().find_map(|action| host.package_policy(action));
    if held.is_some() || output.json {
        let action = action.trim_matches(['(', ')']);
        let reason = held.as_deref().unwrap_or_default();
        output.print(
            || format!("evenkeel: {action} of nginx is held back: {reason}\nevenkeel: {}", show::WAY_OUT),
            || json!({ "allowed": held.is_none(), "reason": held }),
        );
    }
    Ok(held.is_none().into())
}

fn unit(args: &package::Unit, global: &Global, output: Output) -> anyhow::Result<Exit> {
    within(ASKED_LIMIT);
    let settings = Settings::load(global)?;
    let host = host_for(&settings, evenkeel_fleet::Actor::new(identity::actor().name, "systemd"))?;
    let bundle = host.package_unit(&args.action)?;
    output.print(
        || format!("{} of {} is in the journal", args.action, bundle.short()),
        || json!({ "action": args.action, "bundle": bundle.to_string() }),
    );
    Ok(Exit::Yes)
}

/// This host, with the login behind a package manager as who acts.
fn host_by(global: &Global, caller: Option<&Caller>) -> anyhow::Result<Host> {
    let settings = Settings::load(global)?;
    match caller {
        Some(caller) => host_for(&settings, identity::behind(caller.login, &caller.program)),
        None => host_of(&settings),
    }
}

/// The command line, and the unit in which it runs where nobody typed it.
fn command(caller: Option<&Caller>, said: Option<&str>) -> String {
    let Some(caller) = caller else { return said.unwrap_or_default().to_owned() };
    match &caller.unit {
        Some(unit) if caller.login.is_none() => format!("{} (in {unit})", caller.command),
        _ => caller.command.clone(),
    }
}

/// What a dpkg is about to do, by its command line.
fn of_archives(archives: &[String], options: &[String]) -> Transaction {
    let item = |archive: &String| {
        let (name, version) = name_and_version(archive.as_ref()).ok()?;
        Some(Item { name, old: None, new: Some(version), action: Action::Unpack(archive.into()) })
    };
    Transaction {
        dpkg_options: options.to_vec(),
        items: archives.iter().filter_map(item).collect(),
        ..Transaction::default()
    }
}

fn touched(words: &[String]) -> Vec<Item> {
    let item = |word: &String| {
        let (name, version) = word.split_once('=').unwrap_or((word, ""));
        is_name(name).then(|| Item {
            name: name.to_owned(),
            old: None,
            new: is_version(version).then(|| version.to_owned()),
            action: Action::Configure,
        })
    };
    words.iter().filter_map(item).collect()
}

/// Tells whoever sits at the package manager; a line of ours is known by its beginning.
fn say(run: &PackageRun, output: Output) {
    output.print(
        || show::told(run).lines().map(|line| format!("evenkeel: {line}\n")).collect(),
        || show::document(run),
    );
}
