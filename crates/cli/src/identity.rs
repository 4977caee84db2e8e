//! Who runs this command, as far as the system tells.

use evenkeel_fleet::Actor;

/// The person behind the command: sudo's caller, else the login name of the user id.
pub(crate) fn actor() -> Actor {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| is_name(text));
    let uid = own_uid();
    // Only root can have been reached by sudo; anybody could set the variable.
    if uid == Some(0)
        && let Some(caller) = variable("SUDO_USER")
    {
        return Actor::new(caller, "sudo");
    }
    let via = if std::env::var_os("SSH_CONNECTION").is_some() { "ssh" } else { "" };
    let name = uid.and_then(login_name).or_else(|| uid.map(|uid| format!("user {uid}")));
    Actor::new(name.unwrap_or_else(|| "unknown".to_owned()), via)
}

/// The login behind a program that changes this host by itself: whoever logged in, whatever they became since.
pub(crate) fn behind(login: Option<u32>, program: &str) -> Actor {
    let name = login.and_then(login_name).or_else(|| login.map(|uid| format!("user {uid}")));
    Actor::new(name.unwrap_or_else(|| actor().name), program)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c))
}

fn own_uid() -> Option<u32> {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").ok()?).into()
}

/// Reads /etc/passwd itself: a static binary must not load name service modules.
fn login_name(uid: u32) -> Option<String> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2).and_then(|text| text.parse().ok()) == Some(uid))?;
    line.first().filter(|name| is_name(name)).map(|name| (*name).to_owned())
}
