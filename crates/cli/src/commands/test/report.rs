//! Everything that `test` has to say.

use evenkeel_model::{Config, Coverage, NodeId, Proof};
use evenkeel_syntax::secret::redact_str;

use super::proven::Proven;
use super::rehearsed::Stands;
use super::tested::{Tested, Verdict};

/// What became of all routes.
pub(super) struct Report<'t> {
    pub(super) config: &'t Config,
    pub(super) tested: Vec<Tested<'t>>,
    pub(super) coverage: Coverage,
    /// Whether every block is listed with its count.
    pub(super) list_coverage: bool,
    pub(super) invariants: Vec<Proven<'t>>,
    /// The least share that must be covered, in percent.
    pub(super) fail_under: Option<u8>,
    /// Whether a real nginx came up; `None`: none was asked.
    pub(super) stands: Option<Stands>,
}

/// How many routes ended how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    /// Invariants that hold.
    pub(super) proven: usize,
    pub(super) failed: usize,
    pub(super) undecided: usize,
    pub(super) unjudged: usize,
}

impl Report<'_> {
    /// Whether the answer is yes.
    pub(super) fn holds(&self) -> bool {
        self.counts().failed == 0 && self.faults().is_empty()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for proven in &self.invariants {
            *match proven.proof {
                Proof::Holds => &mut counts.proven,
                Proof::Fails(_) => &mut counts.failed,
                Proof::Undecided(_) => &mut counts.undecided,
            } += 1;
        }
        for tested in &self.tested {
            *match tested.verdict() {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed(_) => &mut counts.failed,
                Verdict::Undecided(_) => &mut counts.undecided,
                Verdict::Unjudged(_) => &mut counts.unjudged,
            } += 1;
        }
        counts
    }

    /// What is wrong with the tree as a whole.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(problem) = self.config.problems().first() {
            let file = &self.config.file(problem.file).display;
            let message = redact_str(&problem.message);
            faults.push(format!("nginx would refuse this tree: {file}:{}: {message}", problem.line));
        }
        faults.extend(self.stands.iter().flat_map(|stands| &stands.refused).cloned());
        let share = self.coverage.percent();
        if let Some(least) = self.fail_under.filter(|least| share < *least) {
            faults.push(format!(
                "{share} % of servers, locations and lines of maps are covered, and {least} % are wanted"
            ));
        }
        faults
    }

    /// Where a block stands, and what it is.
    pub(super) fn block(&self, id: NodeId) -> (String, u32, String) {
        let node = self.config.node(id);
        let mut what = node.name().to_owned();
        let names = self.config.servers().iter().find(|server| server.node == id);
        let names = names.and_then(|server| server.names.first()).map(|name| name.text.clone());
        if node.parent().is_some_and(|parent| parent.is("map")) {
            let variable = node.parent().and_then(|map| map.arg(1)).unwrap_or_default();
            what = format!("map {}: {what}", String::from_utf8_lossy(variable));
        }
        for argument in names.iter().map(Vec::as_slice).chain(node.args()) {
            what.push(' ');
            what.extend(String::from_utf8_lossy(argument).chars().filter(|letter| !letter.is_control()));
        }
        (node.source().display.clone(), node.line(), what)
    }
}
