//! Which strings go astray together.

use super::super::Chosen;
use super::super::rules::{Block, Decision};
use super::{SERVER, Tree, What};
use crate::config::NodeId;
use crate::language::Formula;

/// What took a string at one level.
#[derive(Default)]
struct Taken {
    single: Option<usize>,
    prefix: Option<usize>,
    regex: Option<usize>,
}

impl Tree {
    fn taken(&self, level: Option<usize>, path: &[usize]) -> Taken {
        let mut taken = Taken::default();
        for &item in path.iter().filter(|&&item| Some(self.items[item].level) == level) {
            match &self.items[item].what {
                What::Exact(_) | What::Redirect(_) => taken.single = Some(item),
                What::Prefix { .. } => taken.prefix = Some(item),
                What::Regex(_) => taken.regex = Some(item),
                What::Server | What::Never(_) => {}
            }
        }
        taken
    }

    fn node(&self, item: usize) -> Vec<NodeId> {
        self.items[item].node.into_iter().collect()
    }

    fn matching(&self, item: usize) -> Block {
        match (&self.items[item].what, self.items[item].node) {
            (What::Regex(pattern), Some(node)) => Block::matching(node, pattern),
            _ => Block::guess(self.node(item)),
        }
    }

    fn beginning(&self, item: usize) -> Block {
        Block { nodes: self.node(item), formula: Some(self.begins(item)), guess: false }
    }

    /// A set that has `decision`'s string and no string that gets `entry`, which did not get this one.
    pub(in crate::choice) fn block(&self, entry: usize, decision: &Decision) -> Block {
        let path = &decision.path[..];
        let strange = || match decision.chosen {
            Chosen::Rule(node) | Chosen::Redirect(node) | Chosen::Unknown(node) => Block::guess(vec![node]),
            Chosen::Nothing => Block::guess(Vec::new()),
        };
        if matches!(decision.chosen, Chosen::Unknown(_)) {
            return strange();
        }
        let chain = if entry == SERVER { Vec::new() } else { self.chain(entry) };
        for (depth, &wanted) in chain.iter().enumerate() {
            let level = self.items[wanted].level;
            let taken = self.taken(Some(level), path);
            let is_last = depth + 1 == chain.len();
            if let Some(single) = taken.single {
                return Block::single(self.node(single));
            }
            match &self.items[wanted].what {
                What::Prefix { .. } => match taken.prefix {
                    Some(prefix) if prefix != wanted => return self.beginning(prefix),
                    None => return strange(),
                    Some(_) if is_last => return self.past(&chain, path).unwrap_or_else(strange),
                    Some(_) => {}
                },
                What::Regex(_) => match taken.regex {
                    Some(regex) if regex != wanted => return self.matching(regex),
                    None => return self.before_regexes(taken.prefix, path).unwrap_or_else(strange),
                    Some(_) if is_last => return self.past(&chain, path).unwrap_or_else(strange),
                    Some(_) => {}
                },
                // One string: whatever took it.
                _ => return Block::single(path.last().map_or_else(Vec::new, |&item| self.node(item))),
            }
        }
        let top = self.taken(Some(0), path);
        if let Some(single) = top.single {
            return Block::single(self.node(single));
        }
        top.prefix
            .map(|prefix| self.beginning(prefix))
            .or_else(|| top.regex.map(|regex| self.matching(regex)))
            .unwrap_or_else(strange)
    }

    /// A string that came to the last of `chain` and went past it: further in, or to a regex further out.
    fn past(&self, chain: &[usize], path: &[usize]) -> Option<Block> {
        let within = self.taken(self.items[*chain.last()?].inside, path);
        if let Some(single) = within.single {
            return Some(Block::single(self.node(single)));
        }
        if let Some(prefix) = within.prefix {
            return Some(self.beginning(prefix));
        }
        if let Some(regex) = within.regex {
            return Some(self.matching(regex));
        }
        let regex = chain.iter().rev().find_map(|&item| self.taken(Some(self.items[item].level), path).regex);
        // The regex of the chain itself is none that a string could go past the chain to.
        regex.filter(|regex| !chain.contains(regex)).map(|regex| self.matching(regex))
    }

    /// A string for which the regexes of a level were not asked, because of its longest prefix there.
    fn before_regexes(&self, prefix: Option<usize>, path: &[usize]) -> Option<Block> {
        let mut prefix = prefix?;
        let mut all = vec![self.region(prefix)];
        if self.items[prefix].no_regex() {
            return Some(Block { nodes: self.node(prefix), formula: Some(Formula::All(all)), guess: false });
        }
        loop {
            let level = self.items[prefix].inside?;
            let taken = self.taken(Some(level), path);
            if let Some(single) = taken.single {
                return Some(Block::single(self.node(single)));
            }
            if let Some(regex) = taken.regex {
                if self.levels[level].no_regex {
                    all.push(
                        taken.prefix.map_or_else(|| self.no_prefix(level), |prefix| self.region(prefix)),
                    );
                }
                let Block { nodes, formula: Some(matching), guess } = self.matching(regex) else {
                    return Some(self.matching(regex));
                };
                all.push(matching);
                return Some(Block { nodes, formula: Some(Formula::All(all)), guess });
            }
            prefix = taken.prefix?;
            all.push(self.region(prefix));
        }
    }
}
