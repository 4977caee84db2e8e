//! Addresses that something blocked by itself, and that nothing lets in again.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_fleet::journal::Severity;
use evenkeel_model::reach::LastingBlock;

use super::{Ill, Part};

/// So many addresses are named.
const NAMED_MAX: usize = 8;

/// Blocks with no end that are at work and that the saved rules do not have: somebody's program wrote them while the machine ran.
/// `own`: parts of names by which programs that run here, and take back what they block, are known.
pub(crate) fn lasting(
    running: &BTreeSet<LastingBlock>,
    saved: &BTreeSet<LastingBlock>,
    own: &[&str],
) -> Vec<Ill> {
    let known: BTreeSet<(&str, &str)> =
        saved.iter().map(|it| (it.place.as_str(), it.address.as_str())).collect();
    let mut groups: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
    for it in running.iter().filter(|it| !known.contains(&(it.place.as_str(), it.address.as_str()))) {
        let of = it.of.as_deref();
        let is_own = |name: &&str| it.place.contains(*name) || of.is_some_and(|of| of.contains(*name));
        if !own.iter().any(is_own) {
            groups.entry((it.place.as_str(), of)).or_default().push(&it.address);
        }
    }
    let ill = |((place, of), addresses): ((&str, Option<&str>), Vec<&str>)| {
        let (named, more) = (addresses.iter().take(NAMED_MAX), addresses.len().saturating_sub(NAMED_MAX));
        let mut named = named.copied().collect::<Vec<_>>().join(", ");
        if more > 0 {
            named.push_str(&format!(" and {more} more"));
        }
        let of = of.map_or_else(String::new, |of| format!(" ({of})"));
        Ill {
            part: Part::Blocks,
            about: format!("{place}{of}"),
            says: format!(
                "addresses are blocked by {place}{of} with no end, and not by the saved rules: nothing takes that back"
            ),
            details: vec![named],
            severity: Severity::Warning,
        }
    };
    groups.into_iter().map(ill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(place: &str, of: Option<&str>, address: &str) -> LastingBlock {
        LastingBlock { place: place.to_owned(), of: of.map(str::to_owned), address: address.to_owned() }
    }

    #[test]
    fn block_that_a_program_wrote_and_nothing_takes_back_is_told_and_one_that_was_saved_is_not() {
        let saved = BTreeSet::from([block("inet filter input", None, "192.0.2.1")]);
        let guard = |address| block("inet guard input", Some("too many errors"), address);
        let mut running = BTreeSet::from([guard("10.0.0.2"), guard("10.0.0.1")]);
        running.extend(saved.clone());
        running.insert(block("ip filter f2b-sshd", None, "198.51.100.1"));
        let said = lasting(&running, &saved, &["f2b-"]);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].about, "inet guard input (too many errors)");
        assert_eq!(said[0].details, ["10.0.0.1, 10.0.0.2"]);
        // Whoever would have taken them back is gone.
        assert_eq!(lasting(&running, &saved, &[]).len(), 2);
        assert_eq!(lasting(&saved, &saved, &[]), []);
    }
}
