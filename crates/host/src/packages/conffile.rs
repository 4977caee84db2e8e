//! What dpkg does with a configuration file, worked out from three digests.
//!
//! Source: dpkg, src/main/configure.c, `deferred_configure_conffile` and its table `conffoptcells`; dpkg(1), `--force-conf…`

use evenkeel_fleet::journal::ConffileOutcome;
use md5::{Digest as _, Md5};

/// An MD5 as dpkg writes it, in hexadecimal. It compares files; it proves nothing.
pub type Md5Text = String;

/// How dpkg was told to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Force {
    /// `confold`: what stands there stays.
    pub old: bool,
    /// `confnew`: the package's file wins.
    pub new: bool,
    /// `confdef`: the default of the question, where there is one, which is to keep.
    pub default: bool,
    /// `confmiss`: what was deleted comes back.
    pub missing: bool,
}

impl Force {
    /// Learns from one option, or from one line of dpkg.cfg.
    pub fn learn(&mut self, option: &str) {
        let option = option.trim().trim_start_matches("--");
        let (on, list) = match option.split_once(['=', '-', ' ', '\t']) {
            Some(("force", list)) => (true, list),
            Some(("no", list)) => match list.split_once(['=', '-']) {
                Some(("force", list)) => (false, list),
                _ => return,
            },
            Some(("refuse", list)) => (false, list),
            _ => return,
        };
        for word in list.split(',').map(str::trim) {
            match word {
                "confold" => self.old = on,
                "confnew" => self.new = on,
                "confdef" => self.default = on,
                "confmiss" => self.missing = on,
                _ => {}
            }
        }
    }
}

/// The MD5 of some bytes.
#[must_use]
pub fn md5(bytes: &[u8]) -> Md5Text {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What becomes of a configuration file.
///
/// * `shipped`: the digest of the package's file when it was installed or asked about last; none when the file is new to
///   the package;
/// * `stands`: the digest of what stands there now;
/// * `comes`: the digest of what the new package brings; none when it no longer brings the file.
///
/// `None` when nothing is done.
#[must_use]
pub fn outcome(
    shipped: Option<&str>,
    stands: Option<&str>,
    comes: Option<&str>,
    force: Force,
) -> Option<ConffileOutcome> {
    let Some(comes) = comes else { return shipped.map(|_| ConffileOutcome::Dropped) };
    let Some(shipped) = shipped else {
        return match stands {
            None => Some(ConffileOutcome::Appeared),
            Some(stands) if stands == comes => None,
            Some(_) => Some(asked(force)),
        };
    };
    let in_package = shipped != comes;
    match stands {
        Some(stands) if stands == comes => None,
        Some(stands) if stands == shipped => in_package.then_some(ConffileOutcome::Replaced),
        Some(_) => in_package.then(|| asked(force)),
        None if force.missing => Some(ConffileOutcome::Appeared),
        None if in_package && force.new && !force.default => Some(ConffileOutcome::Appeared),
        None if in_package && (force.old || force.default) => Some(ConffileOutcome::StaysDeleted),
        None => in_package.then_some(ConffileOutcome::Undecided),
    }
}

/// Changed here and in the package: dpkg asks, unless it was told. The default of the question wins over both answers.
fn asked(force: Force) -> ConffileOutcome {
    match force {
        Force { default: true, .. } => ConffileOutcome::Kept,
        Force { new: true, old: false, .. } => ConffileOutcome::Overwritten,
        Force { old: true, .. } => ConffileOutcome::Kept,
        _ => ConffileOutcome::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConffileOutcome::{Appeared, Dropped, Kept, Overwritten, Replaced, StaysDeleted, Undecided};

    fn forced(options: &[&str]) -> Force {
        let mut force = Force::default();
        options.iter().for_each(|option| force.learn(option));
        force
    }

    #[test]
    fn dpkg_table_is_followed() {
        let ask = Force::default();
        let old = forced(&["--force-confold"]);
        let new = forced(&["--force-confnew"]);
        let safe = forced(&["--force-confdef", "--force-confold"]);
        for (shipped, stands, comes, force, expected) in [
            (Some("1"), Some("1"), Some("1"), ask, None),
            (Some("1"), Some("1"), Some("2"), ask, Some(Replaced)),
            (Some("1"), Some("1"), Some("2"), old, Some(Replaced)),
            (Some("1"), Some("x"), Some("1"), ask, None),
            (Some("1"), Some("2"), Some("2"), ask, None),
            (Some("1"), Some("x"), Some("2"), ask, Some(Undecided)),
            (Some("1"), Some("x"), Some("2"), old, Some(Kept)),
            (Some("1"), Some("x"), Some("2"), safe, Some(Kept)),
            (Some("1"), Some("x"), Some("2"), new, Some(Overwritten)),
            (Some("1"), None, Some("1"), ask, None),
            (Some("1"), None, Some("2"), old, Some(StaysDeleted)),
            (Some("1"), None, Some("2"), ask, Some(Undecided)),
            (Some("1"), None, Some("1"), forced(&["--force-confmiss"]), Some(Appeared)),
            (None, None, Some("2"), ask, Some(Appeared)),
            (None, Some("x"), Some("2"), ask, Some(Undecided)),
            (None, Some("2"), Some("2"), ask, None),
            (Some("1"), Some("1"), None, ask, Some(Dropped)),
        ] {
            assert_eq!(
                outcome(shipped, stands, comes, force),
                expected,
                "{shipped:?} {stands:?} {comes:?} {force:?}"
            );
        }
    }

    #[test]
    fn options_are_read_as_dpkg_writes_them() {
        assert_eq!(
            forced(&["force-confold,confdef"]),
            Force { old: true, default: true, ..Force::default() }
        );
        assert_eq!(forced(&["--force-confold", "--no-force-confold"]), Force::default());
        assert_eq!(forced(&["force-confnew", "refuse=confnew", "--unpack", "force"]), Force::default());
        assert_eq!(forced(&["force confmiss"]), Force { missing: true, ..Force::default() });
    }

    #[test]
    fn digest_is_dpkgs() {
        assert_eq!(md5(b"dpkg\n").len(), 32);
        assert_eq!(md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
