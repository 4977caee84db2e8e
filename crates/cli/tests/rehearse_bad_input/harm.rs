//! Trees that mean harm: code that opens sockets, writes, kills, forks.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::processes_mentioning;
use super::{LUA, QUICK, Tree};

const SITE: &str = "server { listen 8099; return 200 ok; }";

/// A tree whose first worker runs some Lua before it serves.
fn lua(code: &str) -> Tree {
    Tree::http(LUA, &format!("init_worker_by_lua_block {{ {code} }}\n{SITE}"))
}

#[test]
fn code_reaches_no_socket_and_no_file_of_this_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = tempfile::tempdir().unwrap();
    let leak = outside.path().join("leak");
    let etc = format!("/etc/evenkeel-test-{}", std::process::id());
    let tree = lua(&format!(
        "ngx.timer.at(0, function() local s = ngx.socket.tcp() s:settimeout(500) s:connect('127.0.0.1', {port}) end)
         os.execute('bash -c \"exec 3<>/dev/tcp/127.0.0.1/{port}\"')
         for _, path in ipairs({{ '{leak}', '{etc}', '/usr/evenkeel-test' }}) do
            local f = io.open(path, 'w') if f then f:write('x') f:close() end
         end
         os.execute('touch {leak}')",
        leak = leak.display(),
    ));
    let ran = tree.rehearse(&[], QUICK);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(listener.accept().is_err(), "somebody came out");
    for path in [leak.as_path(), Path::new(&etc), Path::new("/usr/evenkeel-test")] {
        assert!(!path.exists(), "{}", path.display());
    }
}

#[test]
fn code_cannot_kill_what_runs_outside() {
    let mut bystander = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    // By its number outside, and the first process inside; never all of them: should it come out, it would take the
    // session with it.
    let pid = bystander.id();
    let ran = lua(&format!("os.execute('kill -9 {pid}; kill -9 1; kill -STOP 1')")).rehearse(&[], QUICK);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(bystander.try_wait().unwrap().is_none(), "the bystander lives");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn a_tree_that_forks_without_end_is_ended_with_all_its_processes() {
    let seconds = format!("{}.125", 7_000 + std::process::id() % 1_000);
    let code = format!("for i = 1, 5000 do os.execute('sleep {seconds} &') end");
    let tree = Tree::http(LUA, &format!("init_by_lua_block {{ {code} }}\n{SITE}"));
    let ran = tree.rehearse(&[], Duration::from_secs(120));
    assert!(ran.code == 1 || ran.code == 2, "{ran:?}");
    assert!(!ran.said().contains("ngx_http_lua_module"), "nothing forked: {ran:?}");
    assert_eq!(processes_mentioning(&seconds), Vec::<i32>::new());
}

#[test]
fn a_tree_that_fills_the_disk_fills_its_own() {
    let name = format!("/var/log/nginx/evenkeel-test-{}", std::process::id());
    let tree = lua(&format!(
        "local f = io.open('{name}', 'w') local s = string.rep('x', 1048576)
         for i = 1, 4096 do if not f or not f:write(s) then break end end"
    ));
    let ran = tree.rehearse(&[], Duration::from_secs(60));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!Path::new(&name).exists());
}

#[test]
fn a_tree_that_is_not_trusted_is_not_run_unconfined() {
    let tree = Tree::http("", SITE);
    let ran = tree.rehearse(&["--untrusted", "--mode", "reduced"], QUICK).ends(2);
    ran.says("confine");
    tree.rehearse(&["--untrusted"], QUICK).ends(0);
}
