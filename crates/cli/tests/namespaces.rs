//! Mounts and namespaces between Evenkeel and nginx: switched or refused with the reason, never falsely proven.

mod support;

use support::{Host, Namespace, Ran};

/// Everything in one mount namespace: the host, its nginx, Evenkeel. `mounts` is a shell script; `$dir` is the host.
fn host_with(mounts: &str) -> Option<Host> {
    let mut host = Host::for_namespace();
    host.within = Some(Namespace::new(&format!("dir={}\n{mounts}", host.dir.path().display()))?);
    host.start_nginx();
    Some(host)
}

/// Applies a change of the one site. Whatever comes of it is what it says: confirmed and served, or refused with one of
/// the reasons and nothing changed.
fn switched_or_refused(host: &Host, reasons: &[&str]) -> bool {
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let before = host.tree();
    let ran = host.apply(&[]);
    if ran.code == 0 {
        assert_eq!(host.get("/version").unwrap().1, "two", "confirmed, and not served: {ran:?}");
        assert!(host.read("etc/sites/shop.conf").contains("two"), "confirmed, and not on disk: {ran:?}");
        host.run(&["status"]).ends(0);
        host.run(&["rollback"]).ends(0);
        assert!(host.old_serves());
        host.is_still(&before, &"a rollback");
        return true;
    }
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(reasons.iter().any(|reason| ran.said().contains(reason)), "none of {reasons:?}: {ran:?}");
    host.is_still(&before, &ran);
    false
}

#[test]
fn directory_that_is_mounted_on_itself_is_switched() {
    let Some(host) = host_with("mount --bind $dir/etc $dir/etc") else { return };
    assert!(switched_or_refused(&host, &[]), "a directory is a directory");
}

#[test]
fn directory_that_is_mounted_from_elsewhere_is_switched() {
    let Some(host) = host_with("cp -a $dir/etc $dir/elsewhere; mount --bind $dir/elsewhere $dir/etc") else {
        return;
    };
    assert!(switched_or_refused(&host, &[]), "a directory is a directory");
}

#[test]
fn directory_of_another_file_system_is_switched() {
    let Some(host) = host_with(
        "cp -a $dir/etc $dir/elsewhere; mount -t tmpfs tmpfs $dir/etc; cp -a $dir/elsewhere/. $dir/etc",
    ) else {
        return;
    };
    assert!(switched_or_refused(&host, &[]), "a directory is a directory");
}

#[test]
fn directory_that_is_a_link_is_switched_or_refused() {
    let host = Host::new();
    let (etc, real) = (host.path("etc"), host.path("real"));
    std::fs::rename(&etc, &real).unwrap();
    std::os::unix::fs::symlink(&real, &etc).unwrap();
    host.start_nginx();
    switched_or_refused(&host, &["etc"]);
}

#[test]
fn single_file_that_is_mounted_is_refused_and_named() {
    let Some(host) =
        host_with("cp $dir/etc/sites/shop.conf $dir/shop; mount --bind $dir/shop $dir/etc/sites/shop.conf")
    else {
        return;
    };
    assert!(!switched_or_refused(&host, &["sites/shop.conf"]), "a mount point cannot be exchanged");
    // What is beside it can.
    host.propose().write("conf.d/more.conf", "# more\n");
    host.apply(&[]).ends(0);
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
}

#[test]
fn directory_below_the_tree_that_is_mounted_is_switched_or_refused() {
    for mount in [
        "mount --bind $dir/etc/sites $dir/etc/sites",
        "mount -t tmpfs tmpfs $dir/etc/sites; cp $dir/shop $dir/etc/sites/shop.conf",
    ] {
        let Some(host) = host_with(&format!("cp $dir/etc/sites/shop.conf $dir/shop; {mount}")) else {
            return;
        };
        switched_or_refused(&host, &["sites"]);
    }
}

/// An nginx in a namespace of its own, Evenkeel outside of it.
fn nginx_elsewhere(mounts: &str) -> Option<Host> {
    let mut host = host_with(mounts)?;
    host.leave_namespace();
    Some(host)
}

#[test]
fn nginx_in_another_namespace_that_sees_this_tree_is_switched_or_refused() {
    let Some(host) = nginx_elsewhere("true") else { return };
    switched_or_refused(&host, &["namespace", "/proc/"]);
}

#[test]
fn nginx_in_another_namespace_that_sees_another_tree_is_refused() {
    let Some(host) = nginx_elsewhere("cp -a $dir/etc $dir/elsewhere; mount --bind $dir/elsewhere $dir/etc")
    else {
        return;
    };
    assert!(!switched_or_refused(&host, &["reads", "namespace", "names process"]));
    assert!(host.path("elsewhere/nginx.conf").exists());
}

#[test]
fn nginx_in_another_namespace_that_sees_one_other_file_is_switched_or_refused() {
    // Linux itself takes a mount away from a file that somebody in another namespace exchanges: then nginx sees the new one.
    let Some(host) = nginx_elsewhere(
        "cp $dir/etc/sites/shop.conf $dir/shop; mount --bind $dir/shop $dir/etc/sites/shop.conf",
    ) else {
        return;
    };
    switched_or_refused(&host, &["would not read", "namespace"]);
}

#[test]
fn nginx_in_another_namespace_that_sees_another_directory_of_sites_is_refused() {
    let Some(host) =
        nginx_elsewhere("cp -a $dir/etc/sites $dir/elsewhere; mount --bind $dir/elsewhere $dir/etc/sites")
    else {
        return;
    };
    assert!(!switched_or_refused(&host, &["would not read", "namespace"]));
    // Nor is a site proven that this nginx does not see.
    host.propose().write("sites/new.conf", "# new\n");
    let before = host.tree();
    let ran: Ran = host.apply(&[]).ends(2);
    host.is_still(&before, &ran);
}
