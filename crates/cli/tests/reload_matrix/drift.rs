//! What was updated on disk, and what runs: `nginx -t` of the one says nothing about the other.

use std::path::Path;
use std::process::Command;

use crate::row::{DEBIAN, Row, on_every_nginx, wheel};

/// Starts the nginx of a row from a place of its own, then updates that place to the other nginx, as a package would.
fn updates(row: &mut Row) -> bool {
    let Some(wheel) = wheel() else {
        println!("not played: there is no second nginx");
        return false;
    };
    let other = if row.is_debian { wheel } else { DEBIAN.into() };
    let place = row.host.path("bin-nginx");
    copy(&row.host.nginx, &place);
    row.host.nginx = place.clone();
    row.start();
    let new = row.host.path("bin-nginx.new");
    copy(&other, &new);
    std::fs::rename(&new, &place).unwrap();
    let exe = std::fs::read_link(format!("/proc/{}/exe", row.host.master().unwrap())).unwrap();
    assert!(exe.to_string_lossy().ends_with(" (deleted)"), "{exe:?}");
    true
}

/// Copies a program in a process of its own: a descriptor that this one writes it with would go to whatever another thread
/// starts meanwhile, and a program that somebody writes to cannot be started.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("install").args(["-m", "755"]).arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

#[test]
fn old_binary_in_memory_and_a_directive_of_the_new_one() {
    on_every_nginx(|row| {
        // What each of them knows and the other does not.
        let (directive, stage) = match row.is_debian {
            true => ("keepalive_min_timeout 1s;", "check"),
            false => ("gunzip on;", "preflight"),
        };
        if !updates(row) {
            return;
        }
        row.propose().write("conf.d/more.conf", directive);
        let applied = row.apply(&[]);
        applied.refused_at(stage, "unknown directive", "conf.d/more.conf:1");
        let (runs, on_disk) = if row.is_debian { ("1.22.1", "1.31.3") } else { ("1.31.3", "1.22.1") };
        applied.refused_at(stage, &format!("runs version {runs} from a file that was replaced since"), "");
        applied.refused_at(stage, &format!("is version {on_disk} now"), "");
        row.passes_t();
    });
}

#[test]
fn old_master_and_a_module_of_the_new_binary() {
    on_every_nginx(|row| {
        if !updates(row) {
            return;
        }
        let module = if row.is_debian { module_for_the_wheel(row) } else { debian_module() };
        let main = row.host.good_main();
        row.propose().write("nginx.conf", &format!("load_module {module};\n{main}"));
        let applied = row.apply(&[]);
        applied.refused_at("preflight", &module, "nginx.conf:1");
        applied.refused_at("preflight", "from a file that was replaced since", "nginx.conf:1");
        if !row.is_debian {
            row.passes_t();
        }
    });
}

fn debian_module() -> String {
    "/usr/lib/nginx/modules/ngx_stream_module.so".to_owned()
}

/// A module that says of itself that it was built for nginx 1.31.3: no more of it is looked at by an older one.
///
/// Source: `ngx_add_module`, src/core/ngx_module.c
fn module_for_the_wheel(row: &Row) -> String {
    let code = "struct module { unsigned long a, b; char *name; unsigned long c, d, version; const char *signature; \
                void *rest[32]; } x = { -1, -1, 0, 0, 0, 1031003, \"8,4,8,0\" };\n\
                struct module *ngx_modules[] = { &x, 0 };\nchar *ngx_module_names[] = { \"x\", 0 };\n";
    row.host.write("module.c", code);
    let (source, module) = (row.host.path("module.c"), row.host.path("ngx_x_module.so"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-w", "-o"]).arg(&module).arg(&source);
    assert!(compiler.status().unwrap().success());
    module.display().to_string()
}
