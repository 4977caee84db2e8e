//! What nginx knows of a directive: where it may stand, how many arguments it takes, which function reads it,
//! which releases have it.

#[rustfmt::skip]
mod generated;

use std::fmt;

pub use generated::Setter;
use generated::{ENTRIES, MODULES, NAMES, RELEASES, STARTS};

use crate::context::{Context, Contexts};

/// One row of nginx's command tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where the directive may stand.
    pub contexts: Contexts,
    /// How many arguments it takes, and whether a block follows.
    pub arity: Arity,
    /// The function of nginx that reads it.
    pub setter: Setter,
    module: u8,
    first: u8,
    last: u8,
}

impl Entry {
    /// The module that declares it, for example `ngx_http_core_module`.
    pub fn module(&self) -> &'static str {
        MODULES[usize::from(self.module)]
    }

    /// The first and the last release of the table that has it; `None` for lua-nginx-module and njs.
    pub fn releases(&self) -> Option<(Version, Version)> {
        let release = |index: u8| RELEASES.get(usize::from(index)).and_then(|text| Version::parse(text));
        Some((release(self.first)?, release(self.last)?))
    }

    /// Whether it belongs to a module that is developed apart from nginx (lua-nginx-module, njs).
    pub fn is_third_party(&self) -> bool {
        self.first == u8::MAX
    }

    /// Whether `version` may have it. Only a release at or before the newest one that surely had not, or at or
    /// after the oldest one that surely has no longer, is a "no".
    fn may_exist_in(&self, version: Version) -> bool {
        let release = |index: usize| RELEASES.get(index).and_then(|text| Version::parse(text));
        if self.is_third_party() {
            return true;
        }
        let before = usize::from(self.first).checked_sub(1).and_then(release);
        let after = release(usize::from(self.last) + 1);
        before.is_none_or(|absent| version > absent) && after.is_none_or(|absent| version < absent)
    }
}

/// How many arguments a directive takes: nginx's flags as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arity(u16);

impl Arity {
    const FLAG: u16 = 1 << 8;
    const ONE_MORE: u16 = 1 << 9;
    const TWO_MORE: u16 = 1 << 10;
    const ANY: u16 = 1 << 11;
    const BLOCK: u16 = 1 << 12;
    /// nginx's `NGX_CONF_MAX_ARGS` less the name.
    const COUNTED_MAX: usize = 7;

    /// Whether a block in braces must follow (otherwise a semicolon must).
    pub fn block(self) -> bool {
        self.0 & Self::BLOCK != 0
    }

    /// Whether `count` arguments are accepted.
    ///
    /// Source: `ngx_conf_handler`, src/core/ngx_conf_file.c
    pub fn accepts(self, count: usize) -> bool {
        if self.0 & Self::ANY != 0 {
            return true;
        }
        if self.0 & Self::FLAG != 0 {
            return count == 1;
        }
        if self.0 & Self::ONE_MORE != 0 {
            return count >= 1;
        }
        if self.0 & Self::TWO_MORE != 0 {
            return count >= 2;
        }
        count <= Self::COUNTED_MAX && self.0 & (1 << count) != 0
    }
}

/// A release of nginx. The order is that of time within a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `1` of `1.22.1`.
    pub major: u32,
    /// `22` of `1.22.1`.
    pub minor: u32,
    /// `1` of `1.22.1`.
    pub patch: u32,
}

impl Version {
    /// Reads `1.22.1`; `None` when it is not three numbers.
    pub fn parse(text: &str) -> Option<Version> {
        let mut numbers = text.trim().splitn(3, '.').map(|part| part.parse().ok());
        Some(Version { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The directives that one nginx may know.
#[derive(Debug, Clone)]
pub struct Catalog {
    version: Option<Version>,
    /// Bit i: entry i may exist in this version.
    present: Vec<bool>,
}

impl Catalog {
    /// The directives of `version`; of all versions when it is not known.
    pub fn for_version(version: Option<Version>) -> Catalog {
        let present = ENTRIES.iter().map(|entry| version.is_none_or(|v| entry.may_exist_in(v))).collect();
        Catalog { version, present }
    }

    /// The version that was asked for.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Every directive, sorted by name, with what is known of it in each of its contexts.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static Entry)> + '_ {
        let names = NAMES.iter().enumerate();
        names.flat_map(|(index, name)| self.entries_at(index).map(move |entry| (*name, entry)))
    }

    /// All entries of a name, in the order in which nginx looks at its modules.
    pub fn entries(&self, name: &str) -> impl Iterator<Item = &'static Entry> + '_ {
        let index = NAMES.binary_search(&name).ok();
        index.into_iter().flat_map(|index| self.entries_at(index))
    }

    /// The entry that nginx would use for `name` in `context`.
    pub fn entry(&self, name: &str, context: Context) -> Option<&'static Entry> {
        self.entries(name).find(|entry| entry.contexts.allows(context))
    }

    /// The known name that is nearest to `name`, for a message that helps; at most two letters away.
    pub fn nearest(&self, name: &str, context: Context) -> Option<&'static str> {
        let names = NAMES.iter().enumerate();
        let near = names.filter_map(|(index, known)| {
            let fits = self.entries_at(index).any(|entry| entry.contexts.allows(context));
            let distance = if fits { distance(name, known) } else { usize::MAX };
            (distance <= 2 && distance < known.len() / 2).then_some((distance, *known))
        });
        near.min().map(|(_, known)| known)
    }

    pub(crate) fn entries_at(&self, index: usize) -> impl Iterator<Item = &'static Entry> + '_ {
        let range = usize::from(STARTS[index])..usize::from(STARTS[index + 1]);
        range.filter(|&entry| self.present[entry]).map(|entry| &ENTRIES[entry])
    }
}

/// Every name of the catalogue, sorted; a name's index is its id.
pub(crate) fn names() -> &'static [&'static str] {
    &NAMES
}

/// How many letters must change to make `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<Version> {
        Some(Version::parse(text).unwrap())
    }

    #[test]
    fn directive_is_known_from_its_first_release_on() {
        let known = |text, name| Catalog::for_version(version(text)).entry(name, Context::Server).is_some();
        assert!(!known("1.24.0", "http2"));
        assert!(known("1.25.1", "http2"), "between two releases of the table it may exist");
        assert!(known("1.26.3", "http2"));
        assert!(known("1.24.0", "ssl"));
        assert!(!known("1.26.3", "ssl"));
        assert!(Catalog::for_version(None).entry("ssl", Context::Server).is_some());
    }

    #[test]
    fn entry_depends_on_the_context() {
        let catalog = Catalog::for_version(None);
        let setter = |context| catalog.entry("allow", context).map(|entry| entry.setter);
        assert_eq!(setter(Context::Location), Some(Setter::HttpAccessRule));
        assert_eq!(setter(Context::StreamServer), Some(Setter::StreamAccessRule));
        assert_eq!(setter(Context::Upstream), None);
        assert_eq!(catalog.entry("include", Context::Upstream).map(Entry::module), Some("ngx_conf_file"));
    }

    #[test]
    fn arity_follows_the_flags() {
        let accepts = |name, context, count| {
            Catalog::for_version(None).entry(name, context).unwrap().arity.accepts(count)
        };
        assert!(accepts("gzip", Context::Http, 1) && !accepts("gzip", Context::Http, 2));
        assert!(accepts("server_name", Context::Server, 40) && !accepts("server_name", Context::Server, 0));
        assert!(accepts("add_header", Context::Http, 3) && !accepts("add_header", Context::Http, 4));
        assert!(accepts("js_access", Context::StreamServer, 1));
    }

    #[test]
    fn misspelt_name_has_a_neighbour() {
        let catalog = Catalog::for_version(None);
        assert_eq!(catalog.nearest("proxy_pas", Context::Location), Some("proxy_pass"));
        assert_eq!(catalog.nearest("server_nam", Context::Server), Some("server_name"));
        assert_eq!(catalog.nearest("entirely_else", Context::Server), None);
    }
}
