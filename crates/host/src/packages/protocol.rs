//! What apt writes into a program named in `DPkg::Pre-Install-Pkgs`, version 2 or 3 of it.
//!
//! Source: apt.conf(5), `DPkg::Pre-Install-Pkgs`; apt-pkg/deb/dpkgpm.cc, `pkgDPkgPM::SendPkgsInfo`

use std::io::{self, Read};
use std::path::PathBuf;

/// How much of it is read, in bytes.
pub const BYTES_MAX: u64 = 16 << 20;
/// How many packages one transaction may have.
const ITEMS_MAX: usize = 50_000;
/// How long a name or a version may be, in bytes.
const WORD_BYTES_MAX: usize = 256;

/// What is about to happen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// apt's command line, as apt itself gives it.
    pub command: Option<String>,
    /// The options that apt will give to dpkg.
    pub dpkg_options: Vec<String>,
    /// Why somebody wants it in spite of everything: `-o Evenkeel::Override=…`.
    pub wanted_because: Option<String>,
    /// The packages, in apt's order.
    pub items: Vec<Item>,
}

/// One package of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// The version that is installed.
    pub old: Option<String>,
    /// The version that will be.
    pub new: Option<String>,
    /// What is done.
    pub action: Action,
}

/// What is done to a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// This archive is unpacked.
    Unpack(PathBuf),
    /// It is configured.
    Configure,
    /// It is taken away.
    Remove,
}

/// Why it was not understood.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// It could not be read.
    #[error("read what apt is about to do")]
    Read(#[source] io::Error),
    /// There is more of it than any transaction has.
    #[error("read what apt is about to do: more than {BYTES_MAX} bytes, or {ITEMS_MAX} packages")]
    Long,
    /// It begins like nothing that we know.
    #[error("read what apt is about to do: it speaks version 1, and DPkg::Tools::Options asks for 3")]
    Version,
}

/// Reads it to its end.
///
/// # Errors
/// [`ProtocolError`]; lines that make no sense are passed over.
pub fn read(from: impl Read) -> Result<Transaction, ProtocolError> {
    let mut bytes = Vec::new();
    from.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ProtocolError::Read)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ProtocolError::Long);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.split('\n');
    let arch_columns = match lines.next() {
        Some("VERSION 2") => false,
        Some("VERSION 3") => true,
        _ => return Err(ProtocolError::Version),
    };
    let mut transaction = Transaction::default();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once('=') else { continue };
        match key.to_ascii_lowercase().trim_end_matches("::") {
            "commandline::asstring" => transaction.command = Some(decoded(value)),
            "dpkg::options" => transaction.dpkg_options.push(decoded(value)),
            "evenkeel::override" => transaction.wanted_because = Some(decoded(value)),
            _ => {}
        }
    }
    for line in lines {
        transaction.items.extend(item(line, arch_columns));
        if transaction.items.len() > ITEMS_MAX {
            return Err(ProtocolError::Long);
        }
    }
    Ok(transaction)
}

/// `name old arch multi-arch < new arch multi-arch action`; version 2 has no columns of architectures.
fn item(line: &str, arch_columns: bool) -> Option<Item> {
    let mut words = line.splitn(if arch_columns { 9 } else { 5 }, ' ');
    let name = words.next().filter(|name| is_name(name))?.to_owned();
    let old = version(words.next()?)?;
    let mut skip = |count: usize| (0..count).try_for_each(|_| words.next().map(drop));
    skip(if arch_columns { 3 } else { 1 })?;
    let new = version(words.next()?)?;
    if arch_columns {
        words.nth(1)?;
    }
    let action = match words.next()? {
        "**CONFIGURE**" => Action::Configure,
        "**REMOVE**" => Action::Remove,
        path if path.starts_with('/') && !path.contains('\0') => Action::Unpack(path.into()),
        _ => return None,
    };
    Some(Item { name, old, new, action })
}

/// Whether it is the name of a package.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    first && text.len() <= WORD_BYTES_MAX && text.bytes().all(rest)
}

/// A version, or none where there is a dash.
fn version(text: &str) -> Option<Option<String>> {
    match text {
        "-" => Some(None),
        _ => is_version(text).then(|| Some(text.to_owned())),
    }
}

/// Whether it is a version of a package.
#[must_use]
pub fn is_version(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._~:^".contains(&byte);
    !text.is_empty() && text.len() <= WORD_BYTES_MAX && text.bytes().all(known)
}

/// apt writes what would break its lines as `%20`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let value = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(value.unwrap_or(byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: &str = "VERSION 3\nAPT::Architecture=amd64\nDPkg::Options::=--force-confold\n\
        CommandLine::AsString=apt-get%20-y%20upgrade\nEvenkeel::Override=we%20know\nquiet=1\n\n\
        nginx-common 1.22.1-9 all foreign < 1.22.1-9+b1 all foreign /var/cache/apt/a b.deb\n\
        old-thing 1:2.0~rc1 amd64 none > - - none **REMOVE**\n\
        new-thing - - none < 3 amd64 same /x.deb\n\
        nginx-common 1.22.1-9 all foreign < 1.22.1-9+b1 all foreign **CONFIGURE**\n";

    #[test]
    fn what_apt_writes_is_read() {
        let read = read(UPGRADE.as_bytes()).unwrap();
        assert_eq!(read.command.as_deref(), Some("apt-get -y upgrade"));
        assert_eq!(read.dpkg_options, ["--force-confold"]);
        assert_eq!(read.wanted_because.as_deref(), Some("we know"));
        let item = |name: &str, old: &str, new: &str, action| Item {
            name: name.to_owned(),
            old: (old != "-").then(|| old.to_owned()),
            new: (new != "-").then(|| new.to_owned()),
            action,
        };
        assert_eq!(
            read.items,
            [
                item(
                    "nginx-common",
                    "1.22.1-9",
                    "1.22.1-9+b1",
                    Action::Unpack("/var/cache/apt/a b.deb".into())
                ),
                item("old-thing", "1:2.0~rc1", "-", Action::Remove),
                item("new-thing", "-", "3", Action::Unpack("/x.deb".into())),
                item("nginx-common", "1.22.1-9", "1.22.1-9+b1", Action::Configure),
            ]
        );
    }

    #[test]
    fn version_2_has_no_architectures() {
        let read = read(&b"VERSION 2\n\nnginx 1 < 2 /n.deb\n"[..]).unwrap();
        assert_eq!(read.items[0].new.as_deref(), Some("2"));
        assert_eq!(read.items[0].action, Action::Unpack("/n.deb".into()));
    }

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let odd = "VERSION 3\n=\n%\nA=%zz%2\n\n\n$(rm) 1 a n < 2 a n /x\nn 1\nn 1 a n < 2 a n ../x\nn 1 a n < ; a n /x\nn 1 a n < 2 a n /x";
        assert_eq!(read(odd.as_bytes()).unwrap().items.len(), 1);
        assert_eq!(decoded("%zz%2%41"), "%zz%2A");
    }

    #[test]
    fn what_is_endless_or_something_else_is_refused() {
        assert!(matches!(read(std::io::repeat(b'x')), Err(ProtocolError::Long)));
        assert!(matches!(read(&b"/x.deb\n"[..]), Err(ProtocolError::Version)));
        assert!(matches!(read(&b""[..]), Err(ProtocolError::Version)));
        let many = "VERSION 2\n\n".to_owned() + &"n 1 < 2 /n\n".repeat(ITEMS_MAX + 1);
        assert!(matches!(read(many.as_bytes()), Err(ProtocolError::Long)));
        let mut bytes = UPGRADE.as_bytes().to_vec();
        // No byte of it, whatever it becomes, does harm.
        for at in 0..bytes.len() {
            let was = std::mem::replace(&mut bytes[at], 0xff);
            let _any = read(&bytes[..]);
            bytes[at] = was;
        }
    }
}
