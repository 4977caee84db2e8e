//! `ready`: what is no outage yet.

use anyhow::Context as _;
use evenkeel_controller::local::{Demands, Host};
use evenkeel_controller::ready::{Listened, Part, Passage, Readiness};

use super::reach::client;
use crate::args;
use crate::output::{Exit, Output};

pub(crate) fn ready(args: &args::Ready, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let demands = Demands { client: client(args.from.as_deref()), old_workers: args.old_workers };
    let said = host.ready(&demands)?;
    let document = serde_json::to_value(&said).context("write what was found")?;
    output.print(|| text(&said, args.from.as_deref(), output), || document);
    Ok(said.is_ready().into())
}

fn text(said: &Readiness, from: Option<&str>, output: Output) -> String {
    let mut out = String::new();
    let mut line = |mark: &str, name: &str, text: &str| out.push_str(&format!("{mark}  {name:<12} {text}\n"));
    let (good, bad) = (output.verdict(true, "ok"), output.verdict(false, "NO"));
    for part in Part::ALL {
        let name = part.name();
        if let Some(well) = said.well.get(&part) {
            line(&good, name, well);
        }
        for ill in said.ills.iter().filter(|ill| ill.part == part) {
            line(&bad, name, &ill.says);
            ill.details.iter().for_each(|detail| line("  ", "", &format!("  {detail}")));
        }
        if part == Part::Firewall {
            let from = from.unwrap_or("anybody outside");
            for (Listened { address, transport, .. }, rule) in said.blocked() {
                line(&bad, name, &format!("{address} {transport} is blocked for {from}: {rule}"));
            }
            let unknown = said.listens.iter().filter(|it| matches!(it.now, Passage::Unknown { .. })).count();
            if unknown > 0 && !said.unseen.contains_key(&part) {
                line("??", name, &format!("of {unknown} it is not known: `evenkeel reach` says why"));
            }
        }
        if let Some(why) = said.unseen.get(&part) {
            line("??", name, why);
        }
    }
    out
}
