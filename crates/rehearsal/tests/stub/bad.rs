//! Stubs that are treated badly, and parents that are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use evenkeel_host::identity::ProcessId;
use evenkeel_rehearsal::stub::{Behaviour, StubError, StubKind, Zone};
use nix::sys::signal::Signal;

use super::private::{signal, wait_for_end};
use super::{PATIENCE, Test, get, stub, stubs, within_patience};

pub(crate) const TESTS: &[Test] = &[
    ("garbage_in_every_protocol_leaves_the_stub_serving", garbage_leaves_the_stub_serving),
    ("garbage_datagrams_leave_the_stub_serving", garbage_datagrams_leave_the_stub_serving),
    ("huge_head_is_refused_and_a_slow_one_delays_nobody", huge_and_slow_heads),
    ("thousands_of_connections_delay_nobody", thousands_of_connections_delay_nobody),
    ("silent_stub_stays_silent_until_it_is_told_otherwise", silent_stub_stays_silent),
    ("stub_that_was_killed_is_an_error_at_once", stub_that_was_killed_is_an_error_at_once),
    ("stubs_end_with_their_parent_even_when_it_is_killed", stubs_end_with_their_parent),
    ("stub_is_confined_before_its_first_order", stub_is_confined_before_its_first_order),
    ("sockets_of_the_wrong_kind_are_refused", sockets_of_the_wrong_kind_are_refused),
];

/// Bytes that nobody chose, the same in every run.
fn garbage(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Sends these bytes and closes, without a look at what comes back.
fn send(at: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(at).unwrap();
    // It may have been closed before the last byte: that is an answer, too.
    let _closed = stream.write_all(bytes);
    let _closed = stream.shutdown(std::net::Shutdown::Write);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _reset = stream.read_to_end(&mut Vec::new());
}

fn garbage_leaves_the_stub_serving() {
    within_patience(async {
        let stubs = stubs();
        let (_, web) = stub(&stubs, StubKind::Any { tls: None }, "web").await;
        let identity = evenkeel_rehearsal::certificates::self_signed(["a.test"]).unwrap();
        let beginnings: [&[u8]; 9] = [
            b"",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"\x01\x01\x00\x01\x00\x08\x00\x00",
            b"\x00\xff\xff\x00",
            b"99999999999:",
            b"PROXY ",
        ];
        let kinds = [
            StubKind::Any { tls: Some(identity.clone()) },
            StubKind::Http { tls: Some(identity) },
            StubKind::Fastcgi,
            StubKind::Uwsgi,
            StubKind::Scgi,
            StubKind::Memcached,
            StubKind::Tcp,
            StubKind::Dns(Zone::default()),
        ];
        for kind in kinds {
            let (id, at) = stub(&stubs, kind, "target").await;
            for (seed, beginning) in (0..).zip(beginnings) {
                let bytes = [beginning, &garbage(seed, 500)].concat();
                tokio::task::spawn_blocking(move || send(at, &bytes)).await.unwrap();
            }
            stubs.close(id).await.unwrap();
        }
        assert_eq!(get(web, "http://a.test/").await.unwrap().status, 200);
    });
}

fn garbage_datagrams_leave_the_stub_serving() {
    within_patience(async {
        let stubs = stubs();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let zone = Zone { others_exist: true, ..Zone::default() };
        stubs.serve(socket.into(), StubKind::Dns(zone), "names").await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        for seed in 0..200 {
            // The third byte says that it is an answer, so that none comes back and is counted below.
            let mut bytes = garbage(seed, 100);
            bytes[2] |= 0x80;
            bytes.truncate((seed % 100) as usize);
            client.send_to(&bytes, at).unwrap();
        }
        client.send_to(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01", at).unwrap();
        let answer = tokio::task::spawn_blocking(move || {
            let mut buffer = [0; 512];
            let length = client.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        });
        let answer = answer.await.unwrap();
        assert_eq!(answer[..2], [0x12, 0x34]);
        assert_eq!(answer[answer.len() - 4], 198, "an address for benchmarks");
    });
}

fn huge_and_slow_heads() {
    within_patience(async {
        let stubs = stubs();
        let (_, at) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let huge = move || {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let head = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 64 << 10]].concat();
            stream.write_all(&head).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let answer = tokio::task::spawn_blocking(huge).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        let odd = move || {
            // Each of these bytes takes six to tell.
            let odd = |length: usize| vec![b'\x01'; length];
            let parts = [
                b"GET /".to_vec(),
                odd(30 << 10),
                b" HTTP/1.0\r\nHost: ".to_vec(),
                odd(20 << 10),
                b"\r\nX: ".to_vec(),
            ];
            send(at, &[parts.concat(), odd(8 << 10), b"\r\n\r\n".to_vec()].concat());
        };
        tokio::task::spawn_blocking(odd).await.unwrap();
        let seen = stubs.seen().await.unwrap();
        assert_eq!((seen.len(), &seen[0].method[..]), (1, "GET"), "it was told nevertheless");
        let slow: Vec<TcpStream> = (0..50)
            .map(|_| {
                let mut stream = TcpStream::connect(at).unwrap();
                stream.write_all(b"GET / HT").unwrap();
                stream
            })
            .collect();
        let started = Instant::now();
        assert_eq!(get(at, "http://a.test/").await.unwrap().status, 200);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        drop(slow);
    });
}

fn thousands_of_connections_delay_nobody() {
    within_patience(async {
        let stubs = stubs();
        let (_, at) = stub(&stubs, StubKind::Any { tls: None }, "web").await;
        // Ten rounds of a thousand: this end has descriptors to spare, too.
        for round in 0..10 {
            let open: Vec<TcpStream> = (0..1000).map_while(|_| TcpStream::connect(at).ok()).collect();
            assert!(open.len() > 400, "only {} connections in round {round}", open.len());
            let started = Instant::now();
            assert_eq!(get(at, "http://a.test/").await.unwrap().status, 200);
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        }
        assert_eq!(stubs.seen().await.unwrap().len(), 10);
    });
}

fn silent_stub_stays_silent() {
    within_patience(async {
        let stubs = stubs();
        let (id, at) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        stubs.behave(id, Behaviour::Silent).await.unwrap();
        let request = evenkeel_model::Request::parse("GET http://a.test/").unwrap();
        let stream = tokio::net::TcpStream::connect(at).await.unwrap();
        let answer = evenkeel_rehearsal::client::ask(stream, &request, Duration::from_millis(300)).await;
        assert!(answer.is_err(), "{answer:?}");
        assert_eq!(stubs.seen().await.unwrap().len(), 1, "it was heard nevertheless");
        stubs.behave(id, Behaviour::Status(418)).await.unwrap();
        assert_eq!(get(at, "http://a.test/").await.unwrap().status, 418);
    });
}

fn stub_that_was_killed_is_an_error_at_once() {
    within_patience(async {
        let stubs = stubs();
        let (_, at) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        let process = ProcessId::of(stubs.pid() as i32).unwrap();
        signal(process, Signal::SIGKILL);
        let started = Instant::now();
        let error = stubs.seen().await.unwrap_err();
        assert!(matches!(error, StubError::Ended), "{error}");
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert!(get(at, "http://a.test/").await.is_err());
    });
}

/// A parent: starts a stub, says its number and waits for the end of its input, which it will not live to see.
pub(crate) fn parent() -> ExitCode {
    within_patience(async {
        let stubs = stubs();
        let (_, at) = stub(&stubs, StubKind::Http { tls: None }, "web").await;
        println!("{} {at}", stubs.pid());
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        // Its stubs end when they are dropped, or with it.
        if line.is_empty() {
            std::process::exit(0);
        }
    });
    ExitCode::SUCCESS
}

fn stubs_end_with_their_parent() {
    for kill in [true, false] {
        let mut parent = Command::new("/proc/self/exe")
            .arg("__parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (pid, at) = line.trim().split_once(' ').unwrap();
        let process = ProcessId::of(pid.parse().unwrap()).unwrap();
        if kill {
            parent.kill().unwrap();
        } else {
            drop(parent.stdin.take());
        }
        parent.wait().unwrap();
        wait_for_end(process);
        assert!(TcpStream::connect(at).is_err(), "its socket is closed, too");
    }
}

fn stub_is_confined_before_its_first_order() {
    within_patience(async {
        let stubs = stubs();
        stubs.seen().await.unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", stubs.pid())).unwrap();
        let says = |line: &str| status.lines().any(|known| known.split_whitespace().eq(line.split(' ')));
        assert!(says("Seccomp: 2"), "{status}");
        assert!(says("NoNewPrivs: 1"), "{status}");
        assert!(says("Threads: 1"), "{status}");
    });
}

fn sockets_of_the_wrong_kind_are_refused() {
    within_patience(async {
        let stubs = stubs();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let refused = stubs.serve(udp.into(), StubKind::Tcp, "x").await.unwrap_err();
        assert!(matches!(refused, StubError::Refused { .. }), "{refused}");
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(stubs.serve(tcp.into(), StubKind::Udp, "x").await.is_err());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(stubs.serve(file.into(), StubKind::Tcp, "x").await.is_err());
        assert_eq!(stubs.seen().await.unwrap(), [], "it goes on");
    });
}
