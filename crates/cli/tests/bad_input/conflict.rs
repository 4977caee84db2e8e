//! Somebody else writes to the tree while a release is under way.

use std::io::Write as _;
use std::process::Command;

use crate::nginx::opens;
use crate::support::{Host, Ran};

/// Applies `new/`; while `nginx -t` is asked, `meanwhile` happens.
fn apply_while(host: &Host, meanwhile: impl FnOnce()) -> Ran {
    let pipe = host.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let old = "server_name shop.test;";
    host.propose()
        .replace("sites/shop.conf", old, &format!("{old} ssl_password_file {};", pipe.display()))
        .replace("sites/shop.conf", "\"one\"", "\"two\"");
    let tree = host.path("new");
    let mut command = host.evenkeel(&["apply", "--no-rehearsal", tree.to_str().unwrap(), "--bake", "300ms"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut held = opens(host, &pipe);
    meanwhile();
    held.write_all(b"nobody\n").unwrap();
    drop(held);
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn foreign_write_before_the_switch_is_a_conflict_and_stays() {
    let (site, more) = ("etc/sites/shop.conf", "# somebody was here\n");
    type Write<'w> = &'w dyn Fn(&Host);
    let cases: [(&str, Write<'_>, &str); 5] = [
        (
            "a file that the change touches",
            &|host| host.write(site, &(host.good_site() + more)),
            "sites/shop.conf",
        ),
        (
            "a file that it does not touch",
            &|host| host.write("etc/nginx.conf", &(host.good_main() + more)),
            "nginx.conf",
        ),
        ("a new file", &|host| host.write("etc/conf.d/new.conf", more), "conf.d/new.conf"),
        (
            "a file that is gone",
            &|host| std::fs::remove_file(host.path("etc/routes.toml")).unwrap(),
            "routes.toml",
        ),
        (
            "a file that became a link",
            &|host| {
                std::fs::rename(host.path(site), host.path("elsewhere")).unwrap();
                std::os::unix::fs::symlink(host.path("elsewhere"), host.path(site)).unwrap();
            },
            "sites/shop.conf",
        ),
    ];
    for (name, write, path) in cases {
        let host = Host::start();
        let mut then = Default::default();
        let ran = apply_while(&host, || {
            write(&host);
            then = host.tree();
        });
        assert_eq!(ran.code, 1, "{name}: {ran:?}");
        let ran = ran.says("conflict").says(path);
        host.is_still(&then, &(name, ran));
        assert!(!host.path("etc/.evenkeel").exists(), "{name}: something lies beside the tree");
    }
}

#[test]
fn file_added_by_hand_during_the_window_stays_and_is_named() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let tree = host.path("new");
    let child = host
        .evenkeel(&["apply", "--no-rehearsal", tree.to_str().unwrap(), "--hold", "--confirm-within", "30s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    host.write("etc/conf.d/added.conf", "# by hand\n");
    let ran = host.run(&["rollback"]).ends(0);
    Ran::from(child.wait_with_output().unwrap()).ends(1);
    assert!(host.old_serves());
    assert_eq!(host.read("etc/conf.d/added.conf"), "# by hand\n");
    let shown = host.run(&["show", "r1"]).ends(0);
    let status = host.run(&["status"]).ends(1);
    for said in [ran, shown, status] {
        assert!(said.said().contains("conf.d/added.conf"), "not named in {said:?}");
    }
}
