//! Records of the kernel's audit, as text: `audit(SECONDS.MS:SERIAL): key=value key="value" key=HEX …`.
//!
//! A value that somebody outside chose (a name, a command line) is in quotes where all of it is plain, in hexadecimal else.
//! Records with one serial belong to one system call, and come one by one.
//!
//! Source: `audit_log_untrustedstring`, `audit_log_start`, kernel/audit.c; `audit_log_exit`, `audit_log_name`,
//! kernel/auditsc.c of Linux 6.18.

use std::collections::BTreeMap;

/// The kinds of records that are read here.
const SYSCALL: u16 = 1300;
const PATH: u16 = 1302;
const CWD: u16 = 1307;
const EXECVE: u16 = 1309;
const EOE: u16 = 1320;
const PROCTITLE: u16 = 1327;
/// A number that says: nobody logged in.
const UNSET: u32 = u32::MAX;
/// How much of a command line is kept, in bytes.
const WORDS_BYTES_MAX: usize = 8 << 10;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// A system call that a rule asked for.
    Call(Call),
    /// Where it was made from.
    From(Vec<u8>),
    /// A name that it was about.
    Name(Vec<u8>),
    /// The command line of the process, its beginning at least, words ended by zeroes.
    Title(Vec<u8>),
    /// What a program was started with.
    Words(Vec<Vec<u8>>),
    /// There is no more of this system call.
    End,
}

/// A system call, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) user: u32,
    pub(super) login: Option<u32>,
    /// Whether it did what was asked.
    pub(super) done: bool,
    /// The keys of the rule that asked for it.
    pub(super) keys: Vec<Vec<u8>>,
}

/// Reads a record and its serial; `None` for all that is of no use here, or no record at all.
pub(super) fn read(kind: u16, text: &[u8]) -> Option<(u64, Record)> {
    let (serial, rest) = serial(text)?;
    let record = match kind {
        SYSCALL => Record::Call(call(rest)?),
        CWD => Record::From(find(rest, b"cwd").and_then(chosen)?),
        // The directory of a name is named with it; a name that is missing is no name.
        PATH if find(rest, b"nametype") == Some(b"PARENT") => return None,
        PATH => Record::Name(find(rest, b"name").and_then(chosen)?),
        PROCTITLE => Record::Title(find(rest, b"proctitle").and_then(chosen)?),
        EXECVE => Record::Words(words(rest)?),
        EOE => Record::End,
        _ => return None,
    };
    Some((serial, record))
}

/// `audit(1364481363.243:24287): …`
fn serial(text: &[u8]) -> Option<(u64, &[u8])> {
    let rest = text.strip_prefix(b"audit(")?;
    let end = rest.iter().position(|byte| *byte == b')')?;
    let colon = rest[..end].iter().position(|byte| *byte == b':')?;
    Some((number(&rest[colon + 1..end])?, &rest[end + 1..]))
}

fn call(rest: &[u8]) -> Option<Call> {
    let of = |key: &[u8]| find(rest, key);
    let keys = of(b"key").and_then(chosen).unwrap_or_default();
    Some(Call {
        pid: of(b"pid").and_then(number)?,
        parent: of(b"ppid").and_then(number)?,
        user: of(b"uid").and_then(number)?,
        login: of(b"auid").and_then(number).filter(|login| *login != UNSET),
        done: of(b"success") == Some(b"yes"),
        keys: keys.split(|byte| *byte == 1).map(<[u8]>::to_vec).collect(),
    })
}

/// `argc=3 a0="sed" a1="-i" a2_len=9000 a2[0]="…" a2[1]="…"`; what is too long comes in several records.
fn words(rest: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut bytes = 0;
    for (key, value) in pairs(rest) {
        let Some(index) = key.strip_prefix(b"a") else { continue };
        let index = index.split(|byte| *byte == b'[').next().unwrap_or_default();
        let (Some(index), Some(mut value)) = (number(index), chosen(value)) else { continue };
        bytes += value.len();
        if bytes > WORDS_BYTES_MAX {
            break;
        }
        words.entry(index).or_default().append(&mut value);
    }
    (!words.is_empty()).then(|| words.into_values().collect())
}

fn find<'a>(rest: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    pairs(rest).find(|(key, _)| *key == wanted).map(|(_, value)| value)
}

/// Each `key=value`, quotes left on.
fn pairs(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        loop {
            let begin = rest.iter().position(|byte| *byte != b' ')?;
            rest = &rest[begin..];
            let equals = rest.iter().position(|byte| matches!(byte, b'=' | b' '))?;
            let (key, after) = rest.split_at(equals);
            if after[0] == b' ' {
                rest = after;
                continue;
            }
            let value = &after[1..];
            let end = match value.strip_prefix(b"\"") {
                Some(quoted) => quoted.iter().position(|byte| *byte == b'"').map(|end| end + 2),
                None => value.iter().position(|byte| matches!(byte, b' ' | b'\n' | 0)),
            };
            let (value, after) = value.split_at(end.unwrap_or(value.len()));
            rest = after;
            return Some((key, value));
        }
    })
}

/// A value that somebody outside chose: in quotes, or in hexadecimal. `(null)`, and what was cut off, is none.
fn chosen(value: &[u8]) -> Option<Vec<u8>> {
    if let Some(quoted) = value.strip_prefix(b"\"") {
        return quoted.strip_suffix(b"\"").map(<[u8]>::to_vec);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| Some(u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).expect("below 256"));
    let pairs = value.chunks_exact(2);
    if value.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(pair).collect()
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &[u8] = br#"audit(1763786400.123:456): arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ffd a2=241 a3=1b6 items=2 ppid=120 pid=121 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm="sh" exe="/usr/bin/dash" key="evenkeel""#;

    #[test]
    fn records_of_a_system_call_are_read() {
        let keys = vec![b"evenkeel".to_vec()];
        let call = Call { pid: 121, parent: 120, user: 0, login: Some(1000), done: true, keys };
        assert_eq!(read(1300, CALL), Some((456, Record::Call(call))));
        let of = |kind, text: &str| read(kind, format!("audit(1.0:7): {text}").as_bytes()).map(|it| it.1);
        assert_eq!(of(1307, r#"cwd="/etc/site one""#), Some(Record::From(b"/etc/site one".to_vec())));
        assert_eq!(of(1307, "cwd=2F746D702F610A"), Some(Record::From(b"/tmp/a\n".to_vec())));
        let path =
            r#"item=1 name="a.conf" inode=7 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype="#;
        assert_eq!(of(1302, &format!("{path}CREATE cap_fp=0")), Some(Record::Name(b"a.conf".to_vec())));
        assert_eq!(of(1302, &format!("{path}PARENT cap_fp=0")), None);
        assert_eq!(of(1302, "item=0 name=(null) nametype=NORMAL"), None);
        assert_eq!(of(1327, "proctitle=7365640073"), Some(Record::Title(b"sed\0s".to_vec())));
        assert_eq!(of(1327, r#"proctitle="bash""#), Some(Record::Title(b"bash".to_vec())));
        let words = r#"argc=3 a0="sed" a1=2D6920 a2_len=4 a2[0]="s/" a2[1]="a/""#;
        let expected = ["sed", "-i ", "s/a/"].map(|word| word.as_bytes().to_vec()).to_vec();
        assert_eq!(of(1309, words), Some(Record::Words(expected)));
        assert_eq!(of(1320, ""), Some(Record::End));
        assert_eq!(of(1305, "op=set audit_enabled=1 old=0"), None);
    }

    #[test]
    fn login_and_keys_are_none_where_there_are_none() {
        let text = String::from_utf8(CALL.to_vec()).unwrap();
        let text = text.replace("auid=1000", "auid=4294967295").replace("\"evenkeel\"", "(null)");
        let Some((_, Record::Call(call))) = read(1300, text.as_bytes()) else { panic!("{text}") };
        assert_eq!((call.login, call.keys), (None, vec![Vec::new()]));
        let two = text.replace("key=(null)", "key=6576656E6B65656C016D696E65");
        let Some((_, Record::Call(call))) = read(1300, two.as_bytes()) else { panic!("{two}") };
        assert_eq!(call.keys, [b"evenkeel".to_vec(), b"mine".to_vec()]);
    }

    #[test]
    fn records_cut_short_and_garbage_tell_nothing_that_is_not_there() {
        for length in 0..CALL.len() {
            if let Some((serial, Record::Call(call))) = read(1300, &CALL[..length]) {
                assert_eq!((serial, call.pid / 10, call.parent), (456, 12, 120), "cut at {length}");
            }
        }
        let garbage: &[&[u8]] = &[
            b"",
            b"audit(",
            b"audit(:)",
            b"audit(1:2",
            b"audit(1.0:-3): x",
            b"audit(1.0:99999999999999999999999): x",
            b"audit(1.0:7): pid==== = == ppid",
            b"audit(1.0:7): name=\"",
            b"audit(1.0:7): name=\"open",
            b"audit(1.0:7): name=ABC",
            b"audit(1.0:7): name=GG",
            b"audit(1.0:7): cwd=\xff\xfe proctitle=\xc3\x28 a0=\0",
            b"audit(1.0:7): argc=4294967295 a99999999999999999999=41 a=41 a[=41",
            b"\xff\xff\xff\xff",
        ];
        for text in garbage {
            for kind in [1300, 1302, 1307, 1309, 1327, 0, u16::MAX] {
                assert!(read(kind, text).is_none(), "{kind}: {}", text.escape_ascii());
            }
        }
        let long = format!("audit(1.0:7): a0={} a1={}", "41".repeat(8_000), "42".repeat(8_000));
        let Some((_, Record::Words(words))) = read(1309, long.as_bytes()) else { panic!("no words") };
        assert_eq!(words, [b"A".repeat(8_000)]);
    }
}
