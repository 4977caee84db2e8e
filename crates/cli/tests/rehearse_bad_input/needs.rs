//! Trees that need what a sandbox lacks.

use std::process::Command;
use std::time::Duration;

use super::{LUA, QUICK, Tree};

const OK: &str = "server { listen 127.0.0.1:8099; return 200 ok; }";

#[test]
fn ports_that_only_root_may_have_are_there() {
    Tree::http("", "server { listen 1; listen 19; listen [::]:19; return 200 ok; }").works();
}

#[test]
fn devices_are_made_up_and_nothing_is_written_to_real_ones() {
    let name = format!("/dev/evenkeel-test-{}", std::process::id());
    let disk = format!("{name}-disk");
    let site = "server { listen 8099; root /dev; location /mem { alias /dev/mem; } }";
    Tree::http(&format!("error_log {name};"), &format!("access_log {disk};\n{site}")).works();
    assert!(![name, disk].iter().any(|path| std::path::Path::new(path).exists()));
}

#[test]
fn a_transparent_bind_is_a_difference_and_no_fault() {
    let http = "server { listen 8099; location / { proxy_bind $remote_addr transparent; proxy_pass http://10.0.0.5; } }";
    let tree = Tree::http("", http);
    tree.works();
    tree.rehearse(&[], QUICK).says("transparent");
}

#[test]
fn a_module_that_is_missing_is_named() {
    let missing = "load_module modules/ngx_http_nonexistent_module.so;";
    Tree::http(missing, OK).fails("start-refused", "ngx_http_nonexistent_module.so", QUICK);
    Tree::http("load_module /nowhere/x.so;", OK).fails("start-refused", "/nowhere/x.so", QUICK);
    Tree::new("events { }\nflux { }\n").fails("start-refused", "unknown directive \"flux\"", QUICK);
}

#[test]
fn an_account_that_is_missing_is_named() {
    Tree::http("user nosuchuser;", OK).fails("start-refused", "getpwnam(\"nosuchuser\") failed", QUICK);
}

#[test]
fn five_hundred_listeners_are_heard() {
    let listens: String = (0..500).map(|number| format!("listen {};", 21_000 + number)).collect();
    Tree::http("", &format!("server {{ {listens} return 200 ok; }}")).works();
}

#[test]
fn unix_sockets_are_made_wherever_they_are() {
    let http = "server {
        listen unix:/run/a.sock; listen unix:/nowhere/deep/b.sock; listen unix:@abstract; listen 127.0.0.1:8099;
        location / { proxy_pass http://unix:/run/app.sock:/x/; }
        location /f { fastcgi_pass unix:/run/php/php.sock; }
        location /s { proxy_pass http://unix:/run/a.sock; } }";
    Tree::http("", http).works();
}

#[test]
fn nginx_may_stay_in_the_foreground_or_have_no_master() {
    Tree::http("daemon off;", OK).works();
    Tree::http("master_process off;", OK).works();
    Tree::http("daemon off; master_process off;", OK).works();
}

#[test]
fn standard_input_is_not_waited_for() {
    for text in ["include /dev/stdin;\nevents { }\n", "events { }\nhttp { include /dev/stdin; }\n"] {
        let ran = Tree::new(text).rehearse(&[], QUICK);
        assert!([0, 1].contains(&ran.code), "{ran:?}");
        assert!(!ran.said().contains("start-hangs"), "{ran:?}");
    }
}

#[test]
fn names_and_addresses_of_upstreams_are_stood_in_for() {
    let http = "resolver 9.9.9.9 [2620:fe::fe] valid=1s;
        upstream six { server [2001:db8::50]:8080; server [fd00::1]; }
        upstream named { server no-such-host.invalid:8080; }
        server { listen 8099; listen [::]:8099;
            location / { proxy_pass http://six; }
            location /named { proxy_pass http://named; }
            location /literal { proxy_pass https://other.invalid/x; }
            location /variable { set $u app.internal; proxy_pass http://$u:8080; }
            location /host { proxy_pass http://$host; }
            location /argument { proxy_pass $arg_u; }
        }";
    Tree::http("", http).works();
    // Without a resolver each such request is a 502, and the tree is loaded nevertheless.
    let without = "server { listen 8099; location / { set $u app.internal; proxy_pass http://$u; } }";
    Tree::http("", without).works();
}

#[test]
fn an_address_that_this_machine_lacks_is_named_as_a_difference() {
    // The tree is not the live one of this machine, so the host that it is for may have it.
    let tree = Tree::http("", "server { listen 203.0.113.99:8099; return 200 ok; }");
    tree.rehearse(&[], QUICK).ends(0).says("203.0.113.99");
}

#[test]
fn a_name_to_listen_on_is_taken_for_the_hosts_own() {
    let tree = Tree::http("", "server { listen shop.invalid:8099; return 200 ok; }");
    tree.rehearse(&[], QUICK).ends(0).says("shop.invalid is listened on as 127.0.0.1");
}

#[test]
fn what_a_worker_died_of_is_said_and_not_what_it_survived() {
    let main = "worker_priority -5; worker_rlimit_core 10g; working_directory /nowhere;";
    Tree::http(main, OK).fails("workers-die", "chdir(\"/nowhere\") failed", QUICK);
}

#[test]
fn a_start_that_hangs_is_ended() {
    let tree = Tree::http("", &format!("include fifo;\n{OK}"));
    let made = Command::new("mkfifo").arg(tree.path("tree/fifo")).status().unwrap();
    assert!(made.success());
    tree.fails("start-hangs", "", Duration::from_secs(90));
}

#[test]
fn code_that_never_ends_is_ended() {
    let tree = Tree::http(LUA, &format!("init_by_lua_block {{ while true do end }}\n{OK}"));
    tree.fails("start-hangs", "", Duration::from_secs(90));
}
