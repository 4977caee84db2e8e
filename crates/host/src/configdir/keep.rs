//! What in a tree is not configuration: keys, passwords, and what running programs leave there.

/// Patterns kept on every host. They read like lines of a `.gitignore`.
const DEFAULTS: &[&str] = &[
    // Keys and passwords: a bundle must not hold them, and a rollback must not bring old ones back.
    "*.key",
    "*.key.pem",
    "*-key.pem",
    "privkey*.pem",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.htpasswd",
    ".htpasswd*",
    "htpasswd*",
    // What running programs write.
    "*.pid",
    "*.sock",
    "*.log",
    "*.log.gz",
    "*.log.[0-9]*",
    "logs/",
    "*_temp/",
    // Version control and editors.
    ".git",
    ".hg",
    ".svn",
    ".*.sw[a-p]",
    ".#*",
    "#*#",
    ".nfs*",
];

/// How many patterns and exact paths are taken.
const PATTERNS_MAX: usize = 4_096;
/// How long one of them may be, in bytes.
const PATTERN_BYTES_MAX: usize = 4_096;

/// Which paths of a tree are kept: never staged, linked, moved or removed, and part of no bundle.
///
/// A pattern is a line of a `.gitignore`: without a slash it matches at every depth, with one from the root;
/// a slash at the end asks for a directory; `!` takes a match back; the last pattern that matches decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// As given, so that the list can be written down and read again.
    lines: Vec<Vec<u8>>,
    exact: Vec<Vec<u8>>,
    sniffs: bool,
}

/// Why a pattern is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// It is longer than a path may be.
    #[error("read a keep pattern of more than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// There are more than anybody writes.
    #[error("read more than {PATTERNS_MAX} keep patterns")]
    TooMany,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            lines: DEFAULTS.iter().map(|line| line.as_bytes().to_vec()).collect(),
            exact: Vec::new(),
            sniffs: true,
        }
    }
}

impl Keep {
    /// Keeps nothing. Bundles are read this way: what is in one has been decided already.
    pub fn nothing() -> Self {
        Self { lines: Vec::new(), exact: Vec::new(), sniffs: false }
    }

    /// Adds patterns behind those that are there. Empty lines and lines that begin with `#` and a space say
    /// nothing.
    ///
    /// # Errors
    /// [`KeepError`] when there are too many or one is too long.
    pub fn with_patterns<'a>(mut self, lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, KeepError> {
        for line in lines {
            let line = line.trim_ascii_end();
            if !line.is_empty() && !line.starts_with(b"# ") && line != b"#" {
                push(&mut self.lines, line)?;
            }
        }
        Ok(self)
    }

    /// Adds paths, relative to the root of the tree, that the configuration itself makes nginx write: the pid
    /// file, logs, caches.
    ///
    /// # Errors
    /// [`KeepError`] when there are too many or one is too long.
    pub fn with_paths<'a>(mut self, paths: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, KeepError> {
        for path in paths {
            push(&mut self.exact, path)?;
        }
        Ok(self)
    }

    /// Says whether the entry at this path, relative to the root and without a slash at either end, is kept.
    pub fn keeps(&self, path: &[u8], directory: bool) -> bool {
        if self.exact.iter().any(|exact| exact == path) {
            return true;
        }
        self.lines.iter().rev().find_map(|line| verdict(line, path, directory)).unwrap_or(false)
    }

    /// Says whether these bytes are a private key, whatever the file is called: a line that begins a PEM block
    /// of one.
    pub fn keeps_content(&self, bytes: &[u8]) -> bool {
        self.sniffs
            && bytes.split(|&byte| byte == b'\n').any(|line| {
                line.starts_with(b"-----BEGIN ") && line.trim_ascii_end().ends_with(b"PRIVATE KEY-----")
            })
    }

    /// Gives everything this list was made of, for the plan that is written to disk.
    pub(crate) fn parts(&self) -> (&[Vec<u8>], &[Vec<u8>], bool) {
        (&self.lines, &self.exact, self.sniffs)
    }

    /// Makes the list again from [`Keep::parts`].
    pub(crate) fn from_parts(lines: Vec<Vec<u8>>, exact: Vec<Vec<u8>>, sniffs: bool) -> Self {
        Self { lines, exact, sniffs }
    }
}

fn push(list: &mut Vec<Vec<u8>>, item: &[u8]) -> Result<(), KeepError> {
    if item.len() > PATTERN_BYTES_MAX {
        return Err(KeepError::TooLong);
    }
    if list.len() >= PATTERNS_MAX {
        return Err(KeepError::TooMany);
    }
    list.push(item.to_vec());
    Ok(())
}

/// What one line says of a path: keep it, do not, or nothing.
fn verdict(line: &[u8], path: &[u8], directory: bool) -> Option<bool> {
    let (line, keep) = match line.strip_prefix(b"!") {
        Some(rest) => (rest, false),
        None => (line.strip_prefix(b"\\").unwrap_or(line), true),
    };
    let (line, only_directories) = match line.strip_suffix(b"/") {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    if only_directories && !directory {
        return None;
    }
    let anchored = line.contains(&b'/');
    let line = line.strip_prefix(b"/").unwrap_or(line);
    let matched = if anchored {
        matches(line, path)
    } else {
        matches(line, path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
    };
    matched.then_some(keep)
}

/// Matches a whole path against a pattern of `*`, `?`, `[…]` (none of which matches a slash) and `**` (which does).
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // Backtracks to the last star and to the last double star, never further: linear in practice, at most
    // quadratic, and no recursion that a hostile pattern could deepen.
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    loop {
        if pattern[p..].starts_with(b"**") {
            // `**/` also matches nothing at all, so that `**/x` finds `x`.
            let skip =
                if pattern[p..].starts_with(b"**/") && (t == 0 || text[t - 1] == b'/') { 3 } else { 2 };
            p += skip;
            double = Some((p, t));
            star = None;
            continue;
        }
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if t == text.len() && p == pattern.len() {
            return true;
        }
        if t < text.len()
            && let Some(after) = matches_one(pattern, p, text[t])
        {
            p = after;
            t += 1;
            continue;
        }
        // A mismatch: let the last star take one byte more, else the last double star.
        match (star, double) {
            (Some((sp, st)), _) if st < text.len() && text[st] != b'/' => {
                star = Some((sp, st + 1));
                (p, t) = (sp, st + 1);
            }
            (_, Some((dp, dt))) if dt < text.len() => {
                // After `**/` only the beginning of a component is a place to try.
                let whole = pattern[..dp].ends_with(b"/");
                let mut next = dt + 1;
                while whole && next < text.len() && text[next - 1] != b'/' {
                    next += 1;
                }
                star = None;
                double = Some((dp, next));
                (p, t) = (dp, next);
            }
            _ => return false,
        }
    }
}

/// Matches one byte against the pattern at `p`; gives where the pattern goes on.
fn matches_one(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' if byte != b'/' => Some(p + 1),
        b'[' if byte != b'/' => {
            let close = pattern.get(p + 2..)?.iter().position(|&b| b == b']').map(|at| p + 2 + at)?;
            let (set, negated) = match pattern[p + 1] {
                b'!' | b'^' => (&pattern[p + 2..close], true),
                _ => (&pattern[p + 1..close], false),
            };
            (in_set(set, byte) != negated).then_some(close + 1)
        }
        b'\\' => (pattern.get(p + 1) == Some(&byte)).then_some(p + 2),
        literal => (literal == byte).then_some(p + 1),
    }
}

fn in_set(set: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set.get(at + 1) == Some(&b'-') && at + 2 < set.len() {
            if (set[at]..=set[at + 2]).contains(&byte) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == byte {
                return true;
            }
            at += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(lines: &[&str]) -> Keep {
        Keep::nothing().with_patterns(lines.iter().map(|line| line.as_bytes())).unwrap()
    }

    #[test]
    fn pattern_without_a_slash_matches_at_every_depth() {
        let keep = keep(&["*.key"]);
        assert!(keep.keeps(b"a.key", false));
        assert!(keep.keeps(b"ssl/deep/a.key", false));
        assert!(!keep.keeps(b"a.keys", false));
    }

    #[test]
    fn pattern_with_a_slash_matches_from_the_root() {
        let keep = keep(&["/secret", "ssl/*.pem"]);
        assert!(keep.keeps(b"secret", false));
        assert!(!keep.keeps(b"a/secret", false));
        assert!(keep.keeps(b"ssl/a.pem", false));
        assert!(!keep.keeps(b"ssl/a/b.pem", false), "a star stops at a slash");
        assert!(!keep.keeps(b"x/ssl/a.pem", false));
    }

    #[test]
    fn slash_at_the_end_asks_for_a_directory() {
        let keep = keep(&["logs/"]);
        assert!(keep.keeps(b"logs", true));
        assert!(keep.keeps(b"x/logs", true));
        assert!(!keep.keeps(b"logs", false));
    }

    #[test]
    fn last_match_decides() {
        let keep = keep(&["*.pem", "!chain.pem", "ssl/chain.pem"]);
        assert!(keep.keeps(b"a.pem", false));
        assert!(!keep.keeps(b"chain.pem", false));
        assert!(keep.keeps(b"ssl/chain.pem", false));
    }

    #[test]
    fn double_star_crosses_slashes() {
        for (pattern, path, expected) in [
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("**/b", "b", true),
            ("**/b", "x/b", true),
            ("**/b", "xb", false),
            ("a/**", "a/x/y", true),
            ("a/**", "b/x", false),
            ("a/**/c*d/e", "a/q/cxd/e", true),
            ("a/**/c*d/e", "a/cd/f/cd/e", true),
        ] {
            assert_eq!(keep(&[pattern]).keeps(path.as_bytes(), false), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn sets_and_questions_match_one_byte() {
        for (pattern, path, expected) in [
            (".*.sw[a-p]", ".nginx.conf.swp", true),
            (".*.sw[a-p]", ".nginx.conf.swz", false),
            ("[!a]b", "ab", false),
            ("[!a]b", "cb", true),
            ("?.log", "a.log", true),
            ("?.log", ".log", false),
            ("a[", "a[", false),
            ("[]a]b", "]b", true),
            ("\\!x", "!x", true),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxbxx", false),
            ("[", "x", false),
        ] {
            assert_eq!(keep(&[pattern]).keeps(path.as_bytes(), false), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn defaults_keep_secrets_and_leavings_but_no_configuration() {
        let keep = Keep::default();
        for kept in [
            "ssl/site.key",
            "privkey1.pem",
            ".htpasswd",
            "conf.d/users.htpasswd",
            "nginx.pid",
            "error.log",
            ".a.conf.swp",
        ] {
            assert!(keep.keeps(kept.as_bytes(), false), "{kept}");
        }
        assert!(
            keep.keeps(b"logs", true) && keep.keeps(b"client_body_temp", true) && keep.keeps(b".git", true)
        );
        for file in [
            "nginx.conf",
            "conf.d/a.conf",
            "mime.types",
            "fullchain.pem",
            "sites-available/default",
            "keys.conf",
        ] {
            assert!(!keep.keeps(file.as_bytes(), false), "{file}");
        }
    }

    #[test]
    fn private_key_is_kept_under_any_name() {
        let keep = Keep::default();
        assert!(keep.keeps_content(b"x\n-----BEGIN RSA PRIVATE KEY-----\r\nAAAA\n"));
        assert!(keep.keeps_content(b"-----BEGIN PRIVATE KEY-----"));
        assert!(!keep.keeps_content(b"-----BEGIN CERTIFICATE-----\n"));
        assert!(!Keep::nothing().keeps_content(b"-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn path_that_the_configuration_writes_is_kept_exactly() {
        let keep = Keep::nothing().with_paths([b"var/cache".as_slice()]).unwrap();
        assert!(keep.keeps(b"var/cache", true));
        assert!(!keep.keeps(b"cache", true));
    }
}
