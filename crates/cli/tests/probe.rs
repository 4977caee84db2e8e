//! `evenkeel probe`: what it says, and its exit codes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};

fn probe(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_evenkeel")).arg("probe").args(arguments).output().unwrap()
}

/// Answers every request with a greeting.
fn greeter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _head = stream.read(&mut [0; 4_096]);
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome");
        }
    });
    address
}

#[test]
fn exit_status_says_whether_it_is_up_down_or_could_not_be_asked() {
    let connect = greeter().to_string();
    let up = probe(&["http://shop.test/", "--connect", &connect, "--contains", "welcome"]);
    let said = String::from_utf8(up.stdout).unwrap();
    assert_eq!(up.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("up    http://shop.test/ at 127.0.0.1:") && said.contains("status 200, 7 bytes"),
        "{said}"
    );
    let down = probe(&["http://shop.test/", "--connect", &connect, "--contains", "goodbye"]);
    let said = String::from_utf8(down.stdout).unwrap();
    assert_eq!(down.status.code(), Some(1), "{said}");
    assert!(said.contains("it does not contain \"goodbye\""), "{said}");
    let nowhere = probe(&["tcp://shop.test:80", "--connect", "unix:/nowhere/there/is/none"]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert_eq!(probe(&["shop.test"]).status.code(), Some(2));
}

#[test]
fn json_is_one_document_with_a_list_for_each_round() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ran = probe(&["tcp://x.test:1", "--connect", &closed, "--json", "--count", "2", "--every", "10ms"]);
    let document: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let rounds = document["rounds"].as_array().unwrap();
    assert_eq!((ran.status.code(), rounds.len()), (Some(1), 2));
    assert_eq!((&rounds[0][0]["up"], &rounds[0][0]["class"]), (&false.into(), &"refused".into()));
}
