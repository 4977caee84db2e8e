//! Which setting of this machine refuses a sandbox, and how to allow it.

use std::fs;
use std::path::Path;

/// What can be asked about this machine. Tests answer otherwise than it would.
pub(crate) struct Machine<'a> {
    pub(crate) read: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) is_root: bool,
}

/// Says which setting refused a step, as far as this machine tells.
pub(crate) fn hint(step: &str, errno: i32) -> Option<String> {
    let read = |path: &str| fs::read_to_string(Path::new(path)).ok();
    of(&Machine { read: &read, is_root: nix::unistd::geteuid().is_root() }, step, errno)
}

fn of(machine: &Machine<'_>, step: &str, errno: i32) -> Option<String> {
    let says = |path: &str, value: &str| (machine.read)(path).is_some_and(|text| text.trim() == value);
    let denied = [libc::EPERM, libc::EACCES].contains(&errno);
    if errno == libc::ENOSPC {
        return Some(namespaces(machine));
    }
    if errno == libc::ENOSYS {
        return Some("the sandbox needs Linux 5.12 or newer, with namespaces and seccomp".to_owned());
    }
    if step.contains("networks") && [libc::EOPNOTSUPP, libc::ENODEV, libc::ENOENT].contains(&errno) {
        return Some("the kernel has no veth devices: load the module (`modprobe veth`, as root)".to_owned());
    }
    if !denied {
        return None;
    }
    if says("/proc/sys/kernel/unprivileged_userns_clone", "0") && !machine.is_root {
        return Some(
            "kernel.unprivileged_userns_clone is 0 on this machine: `sysctl -w kernel.unprivileged_userns_clone=1` \
             as root (and a file below /etc/sysctl.d), or rehearse as root"
                .to_owned(),
        );
    }
    if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") && !machine.is_root {
        return Some(APPARMOR.to_owned());
    }
    let status = (machine.read)("/proc/self/status").unwrap_or_default();
    if status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"])) {
        return Some(CONTAINER.to_owned());
    }
    if says("/proc/self/attr/current", "docker-default (enforce)") {
        return Some(CONTAINER.to_owned());
    }
    step.contains("user namespace").then(|| {
        "this process may stand in a chroot, or in a container whose runtime refuses namespaces; see the guide on \
         containers"
            .to_owned()
    })
}

/// What Ubuntu 23.10 and later need.
const APPARMOR: &str = "AppArmor lets only named programs have user namespaces here \
(kernel.apparmor_restrict_unprivileged_userns is 1). Rehearse as root, or name this program to AppArmor: write \
/etc/apparmor.d/evenkeel with\n\
  abi <abi/4.0>,\n\
  include <tunables/global>\n\
  profile evenkeel /usr/bin/evenkeel flags=(unconfined) {\n    userns,\n  }\n\
with the path of this program, then `apparmor_parser -r /etc/apparmor.d/evenkeel` as root";

const CONTAINER: &str = "the container that this runs in refuses namespaces. Docker: `docker run --security-opt \
seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined`; Kubernetes: \
securityContext.seccompProfile.type Unconfined, appArmorProfile.type Unconfined and procMount Unmasked (with \
hostUsers: false)";

fn namespaces(machine: &Machine<'_>) -> String {
    let kinds = ["user", "net", "mnt", "pid", "ipc", "uts", "cgroup"];
    let limit = |kind: &str| (machine.read)(&format!("/proc/sys/user/max_{kind}_namespaces"));
    let none = kinds.iter().find(|kind| limit(kind).is_some_and(|text| text.trim() == "0"));
    match none {
        Some(kind) => format!(
            "user.max_{kind}_namespaces is 0 on this machine: `sysctl -w user.max_{kind}_namespaces=15000` as root \
             (and a file below /etc/sysctl.d)"
        ),
        None => {
            "there are too many namespaces: see the limits user.max_*_namespaces, and that at most 32 user \
                 namespaces may lie within each other"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_hint(files: &[(&str, &str)], step: &str, errno: i32, says: &str) {
        let read =
            |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        let hint = of(&Machine { read: &read, is_root: false }, step, errno).unwrap();
        assert!(hint.contains(says), "{hint}");
    }

    #[test]
    fn setting_that_refuses_is_named() {
        let user = "enter a user namespace";
        assert_hint(
            &[("/proc/sys/user/max_user_namespaces", "0\n")],
            user,
            libc::ENOSPC,
            "user.max_user_namespaces",
        );
        assert_hint(
            &[("/proc/sys/user/max_user_namespaces", "9\n"), ("/proc/sys/user/max_net_namespaces", "0\n")],
            "enter a network namespace",
            libc::ENOSPC,
            "user.max_net_namespaces",
        );
        assert_hint(&[], user, libc::ENOSPC, "too many");
        assert_hint(
            &[("/proc/sys/kernel/unprivileged_userns_clone", "0\n")],
            user,
            libc::EPERM,
            "kernel.unprivileged_userns_clone=1",
        );
        assert_hint(
            &[("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")],
            "map the user into a user namespace",
            libc::EACCES,
            "profile evenkeel",
        );
        assert_hint(
            &[("/proc/self/status", "Name:\tx\nSeccomp:\t2\n")],
            user,
            libc::EPERM,
            "seccomp=unconfined",
        );
        assert_hint(&[], user, libc::EPERM, "chroot");
        assert_hint(&[], "set up the networks", libc::EOPNOTSUPP, "veth");
    }

    #[test]
    fn nothing_is_guessed_about_other_errors() {
        let machine = Machine { read: &|_| None, is_root: true };
        assert_eq!(of(&machine, "mount a file system in memory", libc::EINVAL), None);
    }
}
