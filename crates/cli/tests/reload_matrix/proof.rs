//! What a proof rests on besides processes and logs, and what is left of the configurations before.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

use crate::row::{Row, on_every_nginx};
use crate::support::{children, free_port, title};

/// A server that answers with this text, and settings that call it the generation endpoint.
fn endpoint(row: &mut Row, answer: &str) -> String {
    let port = free_port();
    row.conf(&format!("server {{\n    listen 127.0.0.1:{port};\n    return 200 \"{answer}\";\n}}\n"));
    row.host.write("evenkeel.toml", &format!("[host]\ngeneration = \"127.0.0.1:{port}\"\n"));
    row.more_ports.push(port);
    row.start();
    row.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    row.host.path("evenkeel.toml").display().to_string()
}

#[test]
fn generation_endpoint_is_answered_by_new_workers() {
    on_every_nginx(|row| {
        let settings = endpoint(row, "$pid");
        let applied = row.apply(&["--config", &settings]);
        applied.confirmed().stage("generation", "all by new workers");
    });
}

#[test]
fn generation_endpoint_that_another_program_answers_takes_the_release_back() {
    on_every_nginx(|row| {
        let settings = endpoint(row, "1");
        row.apply(&["--config", &settings])
            .reverted_because("was answered by 1, which is no worker of nginx");
        row.propose().replace("conf.d/more.conf", "\"1\"", "\"hello\"");
        row.apply(&["--config", &settings]).reverted_because("answered without the number of its worker");
    });
}

#[test]
fn generation_endpoint_is_not_needed() {
    on_every_nginx(|row| {
        let settings = endpoint(row, "$pid");
        row.more_ports.clear();
        row.propose().write("conf.d/more.conf", "# nothing\n");
        row.apply(&["--config", &settings]).confirmed().stage("generation", "the tree does not listen on");
    });
}

#[test]
fn worker_that_does_not_end_is_told() {
    on_every_nginx(|row| {
        // Connections wait in its queue, and nobody answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let hang = format!("location /hang {{ proxy_pass http://{}; }}", silent.local_addr().unwrap());
        let site = row.host.good_site().replace("location = /v", &format!("{hang}\n    location = /v"));
        row.has("sites/shop.conf", &site);
        row.start();
        let mut client = TcpStream::connect(("127.0.0.1", row.host.port)).unwrap();
        client.write_all(b"GET /hang HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
        // The request has come as far as the upstream.
        let (upstream, _) = silent.accept().unwrap();
        row.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
        let says = "a worker of an older configuration still finishes its requests";
        row.apply(&["--bake", "1100ms"]).confirmed().notes(says);
        row.host.run(&["status"]).ends(0).says(says).says("worker_shutdown_timeout");
        drop((upstream, client));
        let master = row.host.master().unwrap();
        let leaves = |pid: i32| title(pid).is_some_and(|title| title.contains("shutting down"));
        row.host.wait("the last old worker ends", || !children(master).into_iter().any(leaves));
        assert!(!row.host.run(&["status"]).ends(0).out.contains(says));
    });
}
