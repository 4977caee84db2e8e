//! Where the tree lives on its host, and what the nginx that reads it was built with.

use crate::catalog::Version;
use crate::files::Path;

/// What decides how nginx reads a tree.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The main file, for example `/etc/nginx/nginx.conf`.
    pub main: Path,
    /// What `include` and certificates are relative to: always the directory of the main file.
    pub conf_prefix: Path,
    /// What logs, roots and modules are relative to: `--prefix` of the build, or `-p`.
    pub prefix: Path,
    /// The release of nginx, where it is known.
    pub version: Option<Version>,
    /// The paths that were compiled in.
    pub built: Built,
    /// What the build was configured with, as `nginx -V` says it; `None` when that is not known.
    pub configure: Option<String>,
    /// The size of a page of memory on the host: 4,096 on x86 and most others.
    pub page_bytes: i64,
    /// The size of a cache line on the host, which the buckets of nginx's hash tables are made of: 64 on x86.
    pub cache_line_bytes: usize,
}

/// Paths that nginx uses where the configuration names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// `--error-log-path`; `stderr` is possible.
    pub error_log: Path,
    /// `--http-log-path`
    pub http_log: Path,
    /// `--pid-path`
    pub pid: Path,
    /// `--lock-path`
    pub lock: Path,
    /// `--http-client-body-temp-path`
    pub client_body_temp: Path,
    /// `--http-proxy-temp-path`
    pub proxy_temp: Path,
    /// `--http-fastcgi-temp-path`
    pub fastcgi_temp: Path,
    /// `--http-uwsgi-temp-path`
    pub uwsgi_temp: Path,
    /// `--http-scgi-temp-path`
    pub scgi_temp: Path,
}

impl Default for Built {
    /// The paths of Debian's package.
    fn default() -> Built {
        Built {
            error_log: b"/var/log/nginx/error.log".to_vec(),
            http_log: b"/var/log/nginx/access.log".to_vec(),
            pid: b"/run/nginx.pid".to_vec(),
            lock: b"/var/lock/nginx.lock".to_vec(),
            client_body_temp: b"/var/lib/nginx/body".to_vec(),
            proxy_temp: b"/var/lib/nginx/proxy".to_vec(),
            fastcgi_temp: b"/var/lib/nginx/fastcgi".to_vec(),
            uwsgi_temp: b"/var/lib/nginx/uwsgi".to_vec(),
            scgi_temp: b"/var/lib/nginx/scgi".to_vec(),
        }
    }
}

impl Settings {
    /// A tree whose main file is `main`, read by an nginx of which nothing more is known.
    pub fn new(main: impl Into<Path>) -> Settings {
        let main = main.into();
        let conf_prefix = directory_of(&main).to_vec();
        let prefix = b"/usr/share/nginx".to_vec();
        Settings {
            main,
            conf_prefix,
            prefix,
            version: None,
            built: Built::default(),
            configure: None,
            page_bytes: 4096,
            cache_line_bytes: 64,
        }
    }

    /// Takes version, prefix and compiled-in paths from what `nginx -V` prints.
    pub fn learn(&mut self, nginx_v: &str) {
        if let Some((_, rest)) = nginx_v.split_once("nginx/") {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            self.version = Version::parse(&rest[..end]);
        }
        // A fork may have other modules built in than its options say.
        if let Some((_, arguments)) = nginx_v.split_once("configure arguments:")
            && nginx_v.contains("nginx version: nginx/")
        {
            self.configure = Some(arguments.trim().to_owned());
        }
        let built = &mut self.built;
        for word in nginx_v.split_whitespace() {
            let Some((option, value)) = word.split_once('=') else { continue };
            let place = match option {
                "--prefix" => &mut self.prefix,
                "--error-log-path" => &mut built.error_log,
                "--http-log-path" => &mut built.http_log,
                "--pid-path" => &mut built.pid,
                "--lock-path" => &mut built.lock,
                "--http-client-body-temp-path" => &mut built.client_body_temp,
                "--http-proxy-temp-path" => &mut built.proxy_temp,
                "--http-fastcgi-temp-path" => &mut built.fastcgi_temp,
                "--http-uwsgi-temp-path" => &mut built.uwsgi_temp,
                "--http-scgi-temp-path" => &mut built.scgi_temp,
                _ => continue,
            };
            *place = value.as_bytes().to_vec();
        }
    }

    /// A path as `include`, certificates and password files mean it.
    ///
    /// Source: `ngx_conf_full_name`, src/core/ngx_conf_file.c
    pub fn in_conf_prefix(&self, name: &[u8]) -> Path {
        full_name(&self.conf_prefix, name)
    }

    /// A path as logs, roots, temporary directories and modules mean it.
    pub fn in_prefix(&self, name: &[u8]) -> Path {
        full_name(&self.prefix, name)
    }
}

fn full_name(prefix: &[u8], name: &[u8]) -> Path {
    let mut path = Vec::with_capacity(prefix.len() + name.len() + 1);
    if !name.starts_with(b"/") {
        path.extend_from_slice(prefix);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    tidy(&path)
}

/// Takes out what does not change a path's meaning: doubled slashes and `.`; `..` stays, it may follow a link.
pub(crate) fn tidy(path: &[u8]) -> Path {
    let mut tidied = Vec::with_capacity(path.len());
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        tidied.push(b'/');
        tidied.extend_from_slice(part);
    }
    if tidied.is_empty() {
        tidied.push(b'/');
    }
    tidied
}

/// The directory that a path lies in.
pub(crate) fn directory_of(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(0) | None => b"/",
        Some(slash) => &path[..slash],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_relative_to_the_main_file() {
        let settings = Settings::new(*b"/srv/site/nginx.conf");
        assert_eq!(settings.in_conf_prefix(b"conf.d//./a.conf"), b"/srv/site/conf.d/a.conf");
        assert_eq!(settings.in_conf_prefix(b"/x/../y"), b"/x/../y");
        assert_eq!(settings.in_prefix(b"html"), b"/usr/share/nginx/html");
    }

    #[test]
    fn build_is_read_from_the_binary_s_own_words() {
        let mut settings = Settings::new(*b"/etc/nginx/nginx.conf");
        settings.learn(
            "nginx version: nginx/1.24.0 (Ubuntu)\nconfigure arguments: --prefix=/opt/n --pid-path=/p.pid",
        );
        assert_eq!(settings.version, Version::parse("1.24.0"));
        assert_eq!(settings.prefix, b"/opt/n");
        assert_eq!(settings.built.pid, b"/p.pid");
    }
}
