//! What a comparison of two trees predicts, to be asked of both.

use evenkeel_model::{Atom, Change, Diff, Is, Request, World};

/// A request whose outcome is predicted to change.
#[derive(Debug, Clone)]
pub struct Predicted {
    /// The class that it stands for, for people.
    pub class: String,
    /// The request.
    pub request: Request,
}

impl Predicted {
    /// What a comparison of two trees predicts; what rests on an assumption that does not hold in a rehearsal is left out.
    #[must_use]
    pub fn of(diff: &Diff) -> Vec<Predicted> {
        // Stand-ins answer, and nobody exceeds a limit.
        let usual = |world: &World| {
            let usual = |(atom, is): (&Atom, &Is)| {
                matches!((atom, is), (Atom::Upstream(_), Is::Status(200)) | (Atom::Limit(_), Is::No))
            };
            world.0.iter().all(usual)
        };
        let examples = |change: &'_ Change| {
            let class = change.class.clone();
            let examples: Vec<Request> = std::iter::once(&change.witness)
                .chain(&change.examples)
                .filter(|example| usual(&example.world))
                .map(|example| example.request.clone())
                .collect();
            examples.into_iter().map(move |request| Predicted { class: class.clone(), request })
        };
        diff.changes.iter().flat_map(examples).collect()
    }
}
