//! The floors that a change meets before it is live, and what each of them says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::evenkeel::{Evenkeel, ended};
use super::stand::text;

/// Every floor, in the order of the table. `init` stands for the routes that `evenkeel init` wrote for `before/`, held
/// against `after/`; `status` is for a change that no release made.
pub(super) const FLOORS: [&str; 6] = ["check", "test", "init", "diff", "rehearse", "status"];

/// The floors whose command is not there yet.
const TO_COME: [&str; 0] = [];

/// What a floor said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Heard {
    Silent,
    Caught(String),
}

/// What every floor that was asked said.
pub(super) type Floors = BTreeMap<String, Heard>;

/// Whether the command of a floor is there already.
pub(super) fn is_there(floor: &str) -> bool {
    !TO_COME.contains(&floor)
}

impl Evenkeel<'_> {
    /// Holds that every floor is silent about `before/`, as it stands in the live tree.
    pub(super) fn is_silent_about(&self, tree: &Path) -> anyhow::Result<()> {
        for floor in ["check", "test", "rehearse"].into_iter().filter(|floor| is_there(floor)) {
            let output = self.run_on(floor, tree, &[])?;
            ended(&output, 0, &format!("{floor} of before/"))?;
        }
        let same = tree.display().to_string();
        ended(&self.run_on("diff", tree, &[&same])?, 0, "diff of before/ and before/")?;
        Ok(())
    }

    /// Lets `evenkeel init` write the first routes for a copy of `before/`, and holds that they pass.
    pub(super) fn first_routes(&self, entry: &Entry) -> anyhow::Result<()> {
        let tree = self.stand.path("first");
        entry.write_tree("before", &tree, &self.stand.values)?;
        std::fs::remove_file(tree.join("routes.toml")).context("the routes of the entry")?;
        ended(&self.run_on("init", &tree, &[])?, 0, "init of before/")?;
        let written = std::fs::read_to_string(tree.join("routes.toml")).context("the routes of init")?;
        ensure!(written.contains("[[route]]"), "init finds no route in before/");
        ended(&self.run_on("test", &tree, &[])?, 0, "test of before/ by the routes of init")?;
        if self.place.thorough {
            let output = self.run_on("test", &tree, &["--rehearse"])?;
            ended(&output, 0, "test --rehearse of before/ by the routes of init")?;
        }
        Ok(())
    }

    /// Asks every floor about a tree that is to take the place of the live one.
    pub(super) fn floors(&self, entry: &Entry, tree: &Path) -> anyhow::Result<Floors> {
        let live = self.stand.path("etc").display().to_string();
        let mut floors = Floors::new();
        let mut hear = |floor: &str, output: Output| -> anyhow::Result<()> {
            floors.insert(floor.to_owned(), heard(&output).with_context(|| floor.to_owned())?);
            Ok(())
        };
        hear("check", self.run_on("check", tree, &["--against", &live])?)?;
        if is_there("test") {
            let of_application = self.stand.path("app/routes.toml");
            let routes = of_application.display().to_string();
            let more = if of_application.is_file() { vec!["--routes", &routes] } else { Vec::new() };
            hear("test", self.run_on("test", tree, &more)?)?;
        }
        if is_there("init") {
            self.first_routes(entry)?;
            let routes = self.stand.path("first/routes.toml").display().to_string();
            hear("init", self.run_on("test", tree, &["--routes", &routes])?)?;
        }
        if is_there("diff") {
            let new = tree.display().to_string();
            hear("diff", self.run_on("diff", Path::new(&live), &[&new])?)?;
        }
        if is_there("rehearse") {
            hear("rehearse", self.run_on("rehearse", tree, &["--against", &live])?)?;
        }
        Ok(floors)
    }
}

/// What a command says by its exit status.
pub(super) fn heard(output: &Output) -> anyhow::Result<Heard> {
    match output.status.code() {
        Some(0) => Ok(Heard::Silent),
        Some(1) => Ok(Heard::Caught(text(output))),
        _ => bail!("could not look: {}", text(output)),
    }
}

/// Holds that those caught it who should, and that nobody speaks of a good change. What `diff` tells is no objection: a good
/// change changes something, too.
pub(super) fn hold(entry: &Entry, floors: &Floors) -> anyhow::Result<()> {
    for (floor, says) in &entry.expect.floors {
        ensure!(FLOORS.contains(&floor.as_str()), "expect.toml: {floor} is not a floor");
        ensure!(!says.is_empty(), "expect.toml: {floor} says nothing");
        match floors.get(floor) {
            None if is_there(floor) => bail!("{floor} was not asked"),
            None => {}
            Some(Heard::Silent) => bail!("{floor} does not catch it"),
            Some(Heard::Caught(said)) => {
                ensure!(said.contains(says), "{floor} does not say \"{says}\": {said}");
            }
        }
    }
    let spoke = floors.iter().find_map(|(floor, heard)| match heard {
        Heard::Caught(said) if floor != "diff" => Some((floor, said)),
        Heard::Caught(_) | Heard::Silent => None,
    });
    if let Some((floor, said)) = spoke.filter(|_| entry.is_good()) {
        bail!("{floor} speaks of a good change: {said}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry::read(&crate::workspace().join("gallery").join(name)).unwrap()
    }

    #[test]
    fn gallery_fails_when_the_named_floor_is_silent_or_says_something_else() {
        let headers = entry("20-security-headers-dropped");
        let check = |heard: Heard| {
            let diff = Heard::Caught("other headers are added".to_owned());
            let floors = Floors::from([("check".to_owned(), heard), ("diff".to_owned(), diff)]);
            hold(&headers, &floors).is_ok()
        };
        assert!(check(Heard::Caught("warning[dropped-inherited-headers]: …".to_owned())));
        assert!(!check(Heard::Caught("warning[listen-gone]: …".to_owned())));
        assert!(!check(Heard::Silent));
    }

    #[test]
    fn nobody_may_speak_of_a_good_change() {
        let good = entry("00-good-change");
        let says = |heard: Heard| hold(&good, &Floors::from([("check".to_owned(), heard)])).is_ok();
        assert!(says(Heard::Silent));
        assert!(!says(Heard::Caught("a warning".to_owned())));
    }
}
