//! Disks that are full or may not be written to.

use crate::is_clear;
use crate::support::{Host, Namespace, Ran, is_root};

/// A host whose directory `part` lies on a file system of its own, with `free_kb` left to fill.
fn host_with_small(part: &str, size_kb: u32) -> Option<Host> {
    let mut host = Host::for_namespace();
    let dir = host.path(part);
    std::fs::create_dir_all(&dir).unwrap();
    let (dir, full) = (dir.display(), host.path("full"));
    host.within = Some(Namespace::new(&format!(
        "cp -a {dir} {0}; mount -t tmpfs -o size={size_kb}k,mode=755 tmpfs {dir}; cp -a {0}/. {dir}",
        full.display()
    ))?);
    host.start_nginx();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    Some(host)
}

/// Leaves about so much room on the small file system.
fn leave(host: &Host, part: &str, kb: u32) {
    let dir = host.path(part);
    // What cannot be written any more ends dd, and that is what is wanted.
    let script = format!(
        "cd {}; rm -f filler filler2; dd if=/dev/zero of=filler bs=4k 2>/dev/null || true; \
         if [ {kb} -gt 0 ]; then truncate -s -{kb}K filler; fi",
        dir.display()
    );
    host.within.as_ref().unwrap().shell(&script);
}

/// Applies; holds that it is confirmed, or an error after which the host is as it was.
fn is_done_or_not_begun(host: &Host, kb: u32) -> bool {
    let before = host.tree();
    let ran = host.apply(&["--bake", "10ms"]);
    is_clear(&ran);
    match ran.code {
        0 => return true,
        2 => {
            assert!(
                ran.said().contains("No space left") || ran.said().contains("full"),
                "{kb} kB left: {ran:?}"
            );
            host.is_still(&before, &(kb, &ran));
        }
        _ => panic!("{kb} kB left: {ran:?}"),
    }
    false
}

#[test]
fn full_state_directory_is_an_error_and_nothing_is_changed() {
    let Some(host) = host_with_small("state", 4_096) else { return };
    host.run(&["adopt"]).ends(0);
    let mut outcomes = Vec::new();
    for kb in [0, 4, 8, 16, 32, 64, 128, 256, 2_000] {
        leave(&host, "state", kb);
        outcomes.push(is_done_or_not_begun(&host, kb));
        if outcomes.last() == Some(&true) {
            leave(&host, "state", 3_000);
            host.run(&["rollback"]).ends(0);
            host.propose().replace("sites/shop.conf", "\"one\"", &format!("\"two {kb}\""));
        }
    }
    assert_eq!((outcomes.first(), outcomes.last()), (Some(&false), Some(&true)), "{outcomes:?}");
    leave(&host, "state", 0);
    let _ = Ran::from(host.evenkeel(&["status"]).output().unwrap());
    leave(&host, "state", 2_000);
    host.run(&["status"]).ends(0);
}

#[test]
fn host_goes_back_though_the_disk_has_become_full() {
    let Some(host) = host_with_small("state", 4_096) else { return };
    let before = host.tree();
    let mut child = host.apply_in_background(&["--hold", "--confirm-within", "40s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    leave(&host, "state", 0);
    let ran = host.run(&["rollback"]);
    is_clear(&ran);
    assert_eq!(ran.code, 0, "{ran:?}");
    let _ = child.wait();
    host.is_still(&before, &ran);
    leave(&host, "state", 2_000);
    host.run(&["status"]).ends(0);
}

#[test]
fn release_whose_end_cannot_be_written_down_is_taken_back() {
    let Some(host) = host_with_small("state", 4_096) else { return };
    host.run(&["adopt"]).ends(0);
    let before = host.tree();
    let mut child = host.apply_in_background(&["--bake", "2s", "--confirm-within", "60s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    leave(&host, "state", 0);
    assert_eq!(child.wait().unwrap().code(), Some(2));
    host.is_still(&before, &"a full disk during the bake");
    leave(&host, "state", 2_000);
    // The next command writes down what could not be written then.
    host.run(&["confirm"]).ends(1);
    host.run(&["history"]).ends(0).says("rolled back");
    host.run(&["status"]).ends(0);
}

#[test]
fn full_configuration_directory_is_an_error_and_nothing_is_changed() {
    let Some(host) = host_with_small("etc", 256) else { return };
    let mut outcomes = Vec::new();
    for kb in [0, 4, 8, 12, 16, 20, 24, 32, 64] {
        leave(&host, "etc", kb);
        host.run(&["adopt"]).ends(0);
        let filler = host.seen("etc/filler");
        let _ = std::fs::remove_file(host.path("new/filler"));
        std::fs::copy(filler, host.path("new/filler")).unwrap();
        outcomes.push(is_done_or_not_begun(&host, kb));
        if outcomes.last() == Some(&true) {
            host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
            host.run(&["rollback"]).ends(0);
        }
    }
    assert_eq!((outcomes.first(), outcomes.last()), (Some(&false), Some(&true)), "{outcomes:?}");
}

#[test]
fn configuration_directory_that_is_mounted_read_only_is_an_error() {
    let mut host = Host::for_namespace();
    let etc = host.path("etc");
    let etc = etc.display();
    let Some(namespace) =
        Namespace::new(&format!("mount --bind {etc} {etc}; mount -o remount,ro,bind {etc}"))
    else {
        return;
    };
    host.within = Some(namespace);
    host.start_nginx();
    cannot_be_written(&host);
}

#[test]
fn configuration_directory_of_somebody_else_is_an_error() {
    use std::os::unix::fs::PermissionsExt as _;
    if is_root() {
        println!("skipped: root may write everywhere");
        return;
    }
    let host = Host::start();
    for part in ["etc", "etc/sites", "etc/conf.d"] {
        std::fs::set_permissions(host.path(part), std::fs::Permissions::from_mode(0o555)).unwrap();
    }
    cannot_be_written(&host);
    for part in ["etc", "etc/sites", "etc/conf.d"] {
        std::fs::set_permissions(host.path(part), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn cannot_be_written(host: &Host) {
    let before = host.tree();
    host.propose();
    let text = host.good_site().replace("\"one\"", "\"two\"");
    std::fs::write(host.path("new/sites/shop.conf"), text).unwrap();
    for _ in 0..2 {
        let ran = host.apply(&[]);
        is_clear(&ran);
        assert!(
            ["Read-only file system", "Permission denied"].iter().any(|said| ran.said().contains(said)),
            "{ran:?}"
        );
        assert_eq!(ran.code, 2, "{ran:?}");
        host.is_still(&before, &ran);
    }
}
