//! What nginx processes write over their own arguments (`ngx_setproctitle`, src/os/unix/ngx_setproctitle.c).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::find::Args;

/// What an nginx process is, by its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Master,
    Worker,
    /// A worker that finishes its requests and takes no new ones.
    WorkerShuttingDown,
    /// Cache manager, cache loader and whatever else has a title.
    Other,
}

const PREFIX: &[u8] = b"nginx: ";
const MASTER: &[u8] = b"master process ";

/// Says what an nginx process is, or `None` when the title is not nginx's.
pub(crate) fn role(title: &[u8]) -> Option<Role> {
    let rest = title.strip_prefix(PREFIX)?;
    Some(match rest {
        b"worker process" => Role::Worker,
        b"worker process is shutting down" => Role::WorkerShuttingDown,
        _ if rest.starts_with(MASTER) => Role::Master,
        _ => Role::Other,
    })
}

/// Reads the arguments back from a master's title, where they stand with single spaces between them.
///
/// A value may hold spaces itself (`-g daemon on; worker_processes 2;`): it ends before the next word that looks
/// like an option.
pub(crate) fn master_args(title: &[u8]) -> Option<Args> {
    let words = title.strip_prefix(PREFIX)?.strip_prefix(MASTER)?.split(|&byte| byte == b' ');
    let mut words = words.peekable();
    let mut args = Args { program: joined(words.next()?, &mut words), ..Args::default() };
    while let Some(word) = words.next() {
        // Several letters may share a dash, and a value may follow its letter at once: -qc/etc/nginx.conf
        let mut letters = word.strip_prefix(b"-")?;
        while let Some((&letter, rest)) = letters.split_first() {
            letters = rest;
            if !VALUED.contains(&letter) {
                continue;
            }
            let first = if rest.is_empty() { words.next()? } else { rest };
            args.set(letter, joined(first, &mut words));
            break;
        }
    }
    Some(args)
}

/// Options that take a value (`ngx_get_options`, src/core/nginx.c).
const VALUED: &[u8] = b"cegps";
/// Options that take none.
const PLAIN: &[u8] = b"?hvVtTq";

fn joined<'t>(first: &'t [u8], words: &mut std::iter::Peekable<impl Iterator<Item = &'t [u8]>>) -> OsString {
    let mut value = first.to_vec();
    while let Some(word) = words.next_if(|word| !is_option(word)) {
        value.push(b' ');
        value.extend_from_slice(word);
    }
    OsString::from_vec(value)
}

fn is_option(word: &[u8]) -> bool {
    let Some(letters) = word.strip_prefix(b"-") else { return false };
    let plain = letters.iter().take_while(|letter| PLAIN.contains(letter)).count();
    !letters.is_empty() && letters.get(plain).is_none_or(|letter| VALUED.contains(letter))
}

impl Args {
    fn set(&mut self, letter: u8, value: OsString) {
        match letter {
            b'c' => self.conf = Some(PathBuf::from(value)),
            b'e' => self.error_log = Some(PathBuf::from(value)),
            b'g' => self.globals = Some(value),
            b'p' => self.prefix = Some(PathBuf::from(value)),
            _ => {}
        }
    }

    /// Gives the arguments as a vector again, without the program's own name.
    pub fn to_vec(&self) -> Vec<OsString> {
        let mut vector = Vec::new();
        let mut push = |option: &str, value: Option<&OsStr>| {
            if let Some(value) = value {
                vector.extend([OsString::from(option), value.to_owned()]);
            }
        };
        push("-p", self.prefix.as_ref().map(|path| path.as_os_str()));
        push("-c", self.conf.as_ref().map(|path| path.as_os_str()));
        push("-e", self.error_log.as_ref().map(|path| path.as_os_str()));
        push("-g", self.globals.as_deref());
        vector
    }
}

/// Shows a command line on one line: zeros become spaces, what cannot be printed a question mark.
pub(crate) fn printable(line: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 120;
    let end = line.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let line = &line[..end.min(SHOWN_BYTES_MAX)];
    let spaced: Vec<u8> = line.iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
    let text = OsStr::from_bytes(&spaced).to_string_lossy();
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(rest: &str) -> Args {
        master_args(format!("nginx: master process {rest}").as_bytes()).unwrap()
    }

    #[test]
    fn debian_title_has_globals_with_spaces() {
        let args = args("/usr/sbin/nginx -g daemon on; master_process on;");
        assert_eq!(args.program, "/usr/sbin/nginx");
        assert_eq!(args.globals.as_deref(), Some(OsStr::new("daemon on; master_process on;")));
        assert_eq!((args.conf, args.prefix, args.error_log), (None, None, None));
    }

    #[test]
    fn values_end_before_the_next_option() {
        let args = args("nginx -p /a b/ -g env A=-1; pid /x; -c /c d.conf -e stderr");
        assert_eq!(args.prefix, Some("/a b/".into()));
        assert_eq!(args.globals, Some("env A=-1; pid /x;".into()));
        assert_eq!(args.conf, Some("/c d.conf".into()));
        assert_eq!(args.error_log, Some("stderr".into()));
        let vector = ["-p", "/a b/", "-c", "/c d.conf", "-e", "stderr", "-g", "env A=-1; pid /x;"];
        assert_eq!(args.to_vec(), vector.map(OsString::from));
    }

    #[test]
    fn value_may_follow_its_letter_and_plain_letters() {
        let args = args("./my nginx -qc/etc/n.conf -q");
        assert_eq!(args.program, "./my nginx");
        assert_eq!(args.conf, Some("/etc/n.conf".into()));
    }

    #[test]
    fn last_of_two_equal_options_counts() {
        assert_eq!(args("nginx -c /a -c /b").conf, Some("/b".into()));
    }

    #[test]
    fn roles_are_told_apart() {
        assert_eq!(role(b"nginx: worker process"), Some(Role::Worker));
        assert_eq!(role(b"nginx: worker process is shutting down"), Some(Role::WorkerShuttingDown));
        assert_eq!(role(b"nginx: master process nginx"), Some(Role::Master));
        assert_eq!(role(b"nginx: cache manager process"), Some(Role::Other));
        assert_eq!(role(b"nginx\0-c\0/etc/nginx.conf"), None);
    }

    #[test]
    fn command_line_is_shown_on_one_line() {
        assert_eq!(printable(b"sleep\x0060\0\0\0"), "sleep 60");
        assert_eq!(printable(b"\x1b[2Jx"), "?[2Jx");
    }
}
