//! Which files nginx opens while it reads a configuration, and which directories must be there for what it writes.

use crate::files::Path;
use crate::settings::{Settings, directory_of};

/// What nginx needs of a path at load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The file itself, relative to the main file's directory.
    File,
    /// The file itself, relative to the prefix.
    FileInPrefix,
    /// The directory that it will be created in, relative to the prefix.
    ParentInPrefix,
}

/// The directives whose first argument is such a path.
static OPENED: &[(&str, Need)] = &[
    ("access_log", Need::ParentInPrefix),
    ("client_body_temp_path", Need::ParentInPrefix),
    ("error_log", Need::ParentInPrefix),
    ("fastcgi_cache_path", Need::ParentInPrefix),
    ("fastcgi_temp_path", Need::ParentInPrefix),
    ("grpc_ssl_password_file", Need::File),
    ("load_module", Need::FileInPrefix),
    ("pid", Need::ParentInPrefix),
    ("proxy_cache_path", Need::ParentInPrefix),
    ("proxy_ssl_password_file", Need::File),
    ("proxy_temp_path", Need::ParentInPrefix),
    ("scgi_cache_path", Need::ParentInPrefix),
    ("scgi_temp_path", Need::ParentInPrefix),
    ("ssl_certificate", Need::File),
    ("ssl_certificate_key", Need::File),
    ("ssl_client_certificate", Need::File),
    ("ssl_crl", Need::File),
    ("ssl_dhparam", Need::File),
    ("ssl_password_file", Need::File),
    ("ssl_session_ticket_key", Need::File),
    ("ssl_stapling_file", Need::File),
    ("ssl_trusted_certificate", Need::File),
    ("uwsgi_cache_path", Need::ParentInPrefix),
    ("uwsgi_ssl_password_file", Need::File),
    ("uwsgi_temp_path", Need::ParentInPrefix),
];

/// The names of all these directives.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    OPENED.iter().map(|(name, _)| *name)
}

/// What nginx needs of the first argument of the directive `name`.
pub(crate) fn need(name: &[u8]) -> Option<Need> {
    let index = OPENED.binary_search_by(|(known, _)| known.as_bytes().cmp(name)).ok()?;
    Some(OPENED[index].1)
}

/// The path that must be there; `None` when the value names no path that is known beforehand.
pub(crate) fn needed_path(settings: &Settings, need: Need, value: &[u8]) -> Option<Path> {
    const NO_PATH: [&[u8]; 7] = [b"syslog:", b"memory:", b"data:", b"engine:", b"store:", b"|", b"builtin:"];
    if value.is_empty() || value.contains(&b'$') || NO_PATH.iter().any(|prefix| value.starts_with(prefix)) {
        return None;
    }
    match need {
        Need::File => Some(settings.in_conf_prefix(value)),
        Need::FileInPrefix => Some(settings.in_prefix(value)),
        Need::ParentInPrefix if matches!(value, b"off" | b"stderr") => None,
        Need::ParentInPrefix => Some(directory_of(&settings.in_prefix(value)).to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_for_its_search() {
        assert!(OPENED.is_sorted_by_key(|(name, _)| name));
        assert_eq!(need(b"ssl_certificate"), Some(Need::File));
        assert_eq!(need(b"root"), None);
    }

    #[test]
    fn paths_follow_the_prefix_that_nginx_uses() {
        let settings = Settings::new(*b"/etc/nginx/nginx.conf");
        let path = |name: &[u8], value: &[u8]| needed_path(&settings, need(name).unwrap(), value);
        assert_eq!(path(b"ssl_certificate", b"a.pem"), Some(b"/etc/nginx/a.pem".to_vec()));
        assert_eq!(path(b"access_log", b"/var/log/x/a.log"), Some(b"/var/log/x".to_vec()));
        assert_eq!(path(b"access_log", b"logs/$host"), None);
        assert_eq!(path(b"error_log", b"syslog:server=[::1]"), None);
    }
}
