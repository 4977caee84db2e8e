//! Reads the facts from this machine. Everything that cannot be read is left out: the decisions then say so.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::apparmor::{AppArmor, Source, profile_and_mode, rules_of};
use super::selinux::{Decision, Selinux, allowed_permissions, domain_of, port_types};
use super::{Act, Facts};

const SELINUX: &str = "/sys/fs/selinux";
const APPARMOR: &str = "/etc/apparmor.d";

/// The domain that the reference policy gives to web servers, for an nginx that does not run.
const HTTPD: &str = "httpd_t";

/// The largest file of a profile that is read, in bytes.
const PROFILE_BYTES_MAX: u64 = 1 << 20;

impl Facts {
    /// Reads what confines nginx here: that of the running `master`, where there is one, else of what `nginx` (the
    /// binary) would get.
    #[must_use]
    pub fn read(nginx: &Path, master: Option<i32>) -> Facts {
        Facts { apparmor: apparmor(nginx, master), selinux: selinux(master) }
    }
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(PROFILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn apparmor(nginx: &Path, master: Option<i32>) -> Option<AppArmor> {
    let of_process = |pid: i32| {
        text(format!("/proc/{pid}/attr/apparmor/current")).or_else(|| {
            // Before 5.8 there was one file for all policies; SELinux writes contexts with colons into it.
            text(format!("/proc/{pid}/attr/current")).filter(|label| !label.contains(':'))
        })
    };
    let (profile, mode) = match master.and_then(of_process) {
        Some(label) => {
            let (profile, mode) = profile_and_mode(&label)?;
            (profile.to_owned(), mode.to_owned())
        }
        None => of_binary(nginx)?,
    };
    (mode == "enforce").then(|| AppArmor { source: source_of(&profile), profile })
}

/// The loaded profile that is attached to a binary.
fn of_binary(nginx: &Path) -> Option<(String, String)> {
    let nginx = fs::canonicalize(nginx).unwrap_or_else(|_| nginx.to_owned());
    let (path, name) = (nginx.to_str()?, nginx.file_name()?.to_str()?);
    let loaded = text("/sys/kernel/security/apparmor/profiles")?;
    let mut profiles = loaded.lines().filter_map(profile_and_mode);
    let (profile, mode) = profiles.find(|(profile, _)| *profile == path || *profile == name)?;
    Some((profile.to_owned(), mode.to_owned()))
}

fn source_of(profile: &str) -> Option<Source> {
    let files = fs::read_dir(APPARMOR).ok()?.flatten().filter(|entry| entry.path().is_file());
    let mut read = |include: &str| {
        let path = Path::new(APPARMOR).join(include);
        if !path.is_dir() {
            return text(path);
        }
        let files = fs::read_dir(path).ok()?.flatten();
        files.filter(|entry| entry.path().is_file()).map(|entry| text(entry.path())).collect()
    };
    files.filter_map(|entry| Some((entry.path(), text(entry.path())?))).find_map(|(path, text)| {
        let (rules, incomplete) = rules_of(&text, profile, &mut read)?;
        Some(Source { path: path.display().to_string(), rules, incomplete })
    })
}

fn selinux(master: Option<i32>) -> Option<Selinux> {
    let enforces = text(format!("{SELINUX}/enforce"))?.trim() == "1";
    if !enforces {
        return None;
    }
    let context = master.and_then(|pid| text(format!("/proc/{pid}/attr/current")));
    let context = context.filter(|context| context.contains(':'));
    let context = context.unwrap_or_else(|| format!("system_u:system_r:{HTTPD}:s0"));
    let context = context.trim_end_matches(['\0', '\n']);
    let domain = domain_of(context)?.to_owned();
    let listing = Command::new("semanage").args(["port", "-l"]).stdin(Stdio::null()).output();
    let listing = listing.ok().filter(|output| output.status.success());
    let ports =
        listing.map(|output| port_types(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default();
    let mut selinux = Selinux { domain, ports, ephemeral: ephemeral(), ..Selinux::default() };
    let types: BTreeSet<(bool, &str)> =
        selinux.ports.iter().map(|port| (port.udp, port.name.as_str())).collect();
    let asked = types.into_iter().flat_map(|(udp, port_type)| {
        [Act::Listen, Act::Connect].map(|act| Decision { udp, act, port_type: port_type.to_owned() })
    });
    selinux.decisions =
        asked.filter_map(|decision| Some((decision.clone(), decide(context, &decision)?))).collect();
    Some(selinux)
}

fn ephemeral() -> Option<(u16, u16)> {
    let range = text("/proc/sys/net/ipv4/ip_local_port_range")?;
    let mut ports = range.split_whitespace().map(str::parse);
    Some((ports.next()?.ok()?, ports.next()?.ok()?))
}

/// Asks the kernel: one context, one class, one answer for each open of its `access` file.
fn decide(context: &str, decision: &Decision) -> Option<bool> {
    let class = if decision.udp { "udp_socket" } else { "tcp_socket" };
    let permission = match decision.act {
        Act::Listen => "name_bind",
        Act::Connect => "name_connect",
    };
    let class = format!("{SELINUX}/class/{class}");
    let number: u16 = text(format!("{class}/index"))?.trim().parse().ok()?;
    let bit: u32 = text(format!("{class}/perms/{permission}"))?.trim().parse().ok()?;
    let mut access = fs::File::options().read(true).write(true).open(format!("{SELINUX}/access")).ok()?;
    let target = format!("system_u:object_r:{}:s0", decision.port_type);
    access.write_all(format!("{context} {target} {number}").as_bytes()).ok()?;
    let mut answer = [0; 128];
    let length = access.read(&mut answer).ok()?;
    let allowed = allowed_permissions(std::str::from_utf8(&answer[..length]).ok()?)?;
    Some(allowed & (1_u32.checked_shl(bit.checked_sub(1)?)?) != 0)
}
