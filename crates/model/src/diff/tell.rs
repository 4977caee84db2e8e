//! A change in one line.

use std::fmt;

use super::{Change, SettingChange, What};
use crate::expect::describe;

impl fmt::Display for Change {
    /// `GET /api/* on a.test:80: proxy http://app/ -> proxy http://app/api/ (GET http://a.test/api/)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (describe(&self.witness.old.outcome), describe(&self.witness.new.outcome));
        write!(f, "{}: ", self.class)?;
        match self.what {
            What::Outcome => write!(f, "{old} -> {new}")?,
            What::Upstream => write!(f, "{old}: other servers answer")?,
            What::Headers => write!(f, "{old}: other headers")?,
            What::Access => write!(f, "{old}: others may ask, or more often")?,
        }
        if self.uncertain {
            f.write_str(", it may be")?;
        }
        write!(f, " ({})", self.witness.request.url())
    }
}

impl fmt::Display for SettingChange {
    /// `listen [::]:80 is gone`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands in `about` is named with its kind, unless it begins with it.
        if !self.about.starts_with(self.kind) {
            write!(f, "{} ", self.kind)?;
        }
        f.write_str(&self.about)?;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, ": {old} -> {new}"),
            (None, Some(new)) => write!(f, " is new: {new}"),
            (Some(_), None) => f.write_str(" is gone"),
            (None, None) => Ok(()),
        }
    }
}
