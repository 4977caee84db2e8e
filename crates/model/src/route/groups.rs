//! What the groups of a regex captured, once somebody asks for one.

use std::sync::Arc;

use super::regex::Pattern;
use super::traced::Traced;
use super::walk::Walk;

/// What the groups of the last regex captured.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups(Kept);

#[derive(Debug, Clone, Default)]
enum Kept {
    #[default]
    Nothing,
    All(Vec<Traced>),
    /// The regex matched these bytes. Few configurations ask what was in its groups.
    Later(Arc<Pattern>, Vec<u8>),
}

impl Groups {
    /// What was captured, group 0 first.
    pub(super) fn of(groups: Vec<Traced>) -> Groups {
        Groups(Kept::All(groups))
    }

    /// A group by its number; `None`: there is no such group.
    pub(super) fn get(&self, group: usize) -> Option<Traced> {
        match &self.0 {
            Kept::Nothing => None,
            Kept::All(all) => all.get(group).cloned(),
            Kept::Later(pattern, of) => pattern.group(of, group).map(Traced::text),
        }
    }
}

impl Walk<'_, '_> {
    /// Takes over what a regex captured in the URI, in which it was found.
    pub(super) fn capture_of_uri(&mut self, pattern: &Arc<Pattern>) {
        self.captured = Groups::default();
        if !pattern.captures() {
            return;
        }
        let uri = self.uri.clone();
        if (self.is_watched() && !uri.is_text()) || !pattern.names().is_empty() {
            if let Some(captured) = pattern.captured(&uri) {
                self.capture(captured, pattern.text(), pattern.caseless(), &uri);
            }
            return;
        }
        self.captured = Groups(Kept::Later(Arc::clone(pattern), uri.into_bytes()));
    }
}
