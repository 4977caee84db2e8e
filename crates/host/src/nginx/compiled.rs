//! What an nginx binary says of itself (`nginx -V`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{RunError, run_command};

/// What was decided when an nginx was built. Relative paths begin at the prefix, [`Self::prefix`] or `-p`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Its version, `1.22.1`.
    pub version: String,
    /// Where relative paths begin when there is no `-p`.
    pub prefix: PathBuf,
    /// The main configuration file when there is no `-c`.
    pub conf_path: PathBuf,
    /// Where errors go until an `error_log` says otherwise; `stderr` is standard error.
    pub error_log_path: PathBuf,
    /// The pid file when the configuration names none.
    pub pid_path: PathBuf,
    /// Where modules are looked for.
    pub modules_path: PathBuf,
    /// Files and directories that nginx makes when the configuration names no others: the access log, the lock
    /// file, temporary directories.
    pub written_paths: Vec<PathBuf>,
    /// The configure arguments, unquoted.
    pub arguments: Vec<String>,
}

/// Why a binary could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CompiledError {
    /// It could not be run to its end.
    #[error("ask {nginx} for its version", nginx = nginx.display())]
    Run {
        /// The binary.
        nginx: PathBuf,
        /// What went wrong.
        source: RunError,
    },
    /// What it said is not what nginx says.
    #[error("ask {nginx} for its version: it is not an nginx", nginx = nginx.display())]
    NotNginx {
        /// The binary.
        nginx: PathBuf,
    },
}

/// How long `nginx -V` may take where nobody says otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Asks a binary how it was built.
///
/// # Errors
/// [`CompiledError`] when it does not answer in time, or not like an nginx.
pub fn compiled(nginx: &Path, limit: Duration) -> Result<Compiled, CompiledError> {
    ask(Command::new(nginx), nginx, limit)
}

/// Asks a binary that takes some preparation to run. `nginx` is its name for people.
pub(crate) fn ask(mut command: Command, nginx: &Path, limit: Duration) -> Result<Compiled, CompiledError> {
    command.arg("-V").env_clear();
    let output = run_command(command, nginx, (limit, &|| false), OUTPUT_BYTES_MAX)
        .map_err(|source| CompiledError::Run { nginx: nginx.to_owned(), source })?;
    parse(&String::from_utf8_lossy(&output.stderr))
        .ok_or_else(|| CompiledError::NotNginx { nginx: nginx.to_owned() })
}

fn parse(text: &str) -> Option<Compiled> {
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    // nginx/1.25.3 (nginx-plus-r31), openresty/1.21.4.1
    let (_, version) = line("nginx version: ")?.split_once('/')?;
    let version = version.split(' ').next()?.to_owned();
    let arguments = unquote(line("configure arguments:").unwrap_or_default());
    let value = |name: &str| {
        let of_name = |argument: &String| Some(argument.strip_prefix(name)?.strip_prefix('=')?.into());
        arguments.iter().rev().find_map(of_name)
    };
    let or = |name: &str, default: &str| value(name).unwrap_or_else(|| default.into());
    let prefix = or("--prefix", "/usr/local/nginx");
    Some(Compiled {
        version,
        conf_path: or("--conf-path", "conf/nginx.conf"),
        error_log_path: or("--error-log-path", "logs/error.log"),
        pid_path: or("--pid-path", "logs/nginx.pid"),
        modules_path: value("--modules-path").unwrap_or_else(|| prefix.join("modules")),
        written_paths: WRITTEN.iter().map(|(name, default)| or(name, default)).collect(),
        prefix,
        arguments,
    })
}

/// Options of `configure` for what nginx writes, and what they are when not given (auto/options).
const WRITTEN: &[(&str, &str)] = &[
    ("--http-log-path", "logs/access.log"),
    ("--lock-path", "logs/nginx.lock"),
    ("--http-client-body-temp-path", "client_body_temp"),
    ("--http-proxy-temp-path", "proxy_temp"),
    ("--http-fastcgi-temp-path", "fastcgi_temp"),
    ("--http-uwsgi-temp-path", "uwsgi_temp"),
    ("--http-scgi-temp-path", "scgi_temp"),
];

/// Splits at spaces that are not between single quotes.
fn unquote(line: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut quoted = false;
    let mut argument = String::new();
    for letter in line.chars().chain([' ']) {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => {
                if !argument.is_empty() {
                    arguments.push(std::mem::take(&mut argument));
                }
            }
            _ => argument.push(letter),
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_arguments_are_read() {
        let compiled = parse(
            "nginx version: nginx/1.25.3 (nginx-plus-r31)\nbuilt by gcc\n\
             configure arguments: --with-cc-opt='-g -O2' --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf \
             --error-log-path=stderr --http-proxy-temp-path=/var/lib/nginx/proxy --add-module=a --add-module=b",
        )
        .unwrap();
        assert_eq!(compiled.version, "1.25.3");
        assert_eq!(compiled.prefix, Path::new("/usr/share/nginx"));
        assert_eq!(compiled.conf_path, Path::new("/etc/nginx/nginx.conf"));
        assert_eq!(compiled.error_log_path, Path::new("stderr"));
        assert_eq!(compiled.pid_path, Path::new("logs/nginx.pid"));
        assert_eq!(compiled.modules_path, Path::new("/usr/share/nginx/modules"));
        assert!(compiled.written_paths.contains(&"/var/lib/nginx/proxy".into()));
        assert_eq!(compiled.arguments[0], "--with-cc-opt=-g -O2");
    }

    #[test]
    fn something_else_is_no_nginx() {
        assert_eq!(parse("GNU bash, version 5.2"), None);
        let error = compiled(Path::new("/bin/true"), LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "ask /bin/true for its version: it is not an nginx");
    }
}
