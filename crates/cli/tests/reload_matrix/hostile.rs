//! An nginx that is not kept as a distribution keeps it: under a supervisor, without its master, as a single process.

use std::process::{Child, Command, Stdio};

use crate::row::{Row, on_every_nginx};
use crate::support::{Host, alive, children, kill, kill_all, title};

/// Starts nginx in the foreground, as a supervisor does.
fn supervised(row: &mut Row, directive: &str) -> Child {
    let main = row.host.good_main();
    row.has("nginx.conf", &format!("{directive}\n{main}"));
    let mut command = Command::new(&row.host.nginx);
    command.arg("-p").arg(row.host.dir.path()).arg("-c").arg(row.host.path("etc/nginx.conf"));
    command.arg("-e").arg(row.host.path("logs/error.log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    row.host.wait("nginx answers", || row.host.get("/version").is_some());
    child
}

/// Holds that a command refuses to work with this nginx, says why, and touches nothing.
#[track_caller]
fn refuses(host: &Host, why: &str) {
    let tree = host.tree();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let ran = host.apply_rehearsed(&[]).ends(2).says(why);
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    host.is_still(&tree, &ran);
}

#[test]
fn nginx_in_the_foreground_of_a_supervisor_is_reloaded_all_the_same() {
    on_every_nginx(|row| {
        let mut child = supervised(row, "daemon off;");
        row.note();
        let main = row.host.read("etc/nginx.conf");
        row.propose().write("nginx.conf", &format!("working_directory {}/gone;\n{main}", row.dir()));
        row.apply(&[]).refused_at("rehearsal", "chdir(", "nginx.conf:1");
        row.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
        row.apply(&[]).confirmed();
        assert_eq!(row.host.get("/version").unwrap().1, "two");
        row.host.run(&["rollback"]).ends(0);
        assert!(row.host.old_serves());
        kill(i32::try_from(child.id()).unwrap(), "TERM");
        child.wait().unwrap();
    });
}

#[test]
fn nginx_without_a_master_is_refused() {
    on_every_nginx(|row| {
        let mut child = supervised(row, "daemon off; master_process off;");
        refuses(&row.host, "it runs without a master (master_process off)");
        kill(i32::try_from(child.id()).unwrap(), "TERM");
        child.wait().unwrap();
    });
}

#[test]
fn workers_whose_master_was_killed_are_named() {
    on_every_nginx(|row| {
        row.start();
        let master = row.host.master().unwrap();
        let is_worker =
            |pid: &i32| title(*pid).is_some_and(|title| title.starts_with("nginx: worker process"));
        let workers: Vec<i32> = children(master).into_iter().filter(is_worker).collect();
        kill(master, "KILL");
        row.host.wait("the master is gone", || !alive(master));
        refuses(&row.host, "its workers");
        for worker in &workers {
            row.host.run(&["status"]).ends(1).says(&worker.to_string());
        }
        kill_all(&workers, "TERM");
        row.host.wait("the workers are gone", || !workers.iter().any(|worker| alive(*worker)));
    });
}
