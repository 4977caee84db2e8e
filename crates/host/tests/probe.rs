//! What a client meets, asked of small servers on loopback that do one thing each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_fleet::watch::{Answer, Failure};
use evenkeel_host::probe::http::{BODY_BYTES_MAX, Method, Reply, Request, send};
use evenkeel_host::probe::run::run;
use evenkeel_host::probe::schedule::{Rules, Schedule, Timed};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::vantage::{Remote, VantageError};
use evenkeel_host::probe::{Ask, Limits, Prober, Report, Spec, Target};

const LIMITS: Limits = Limits { connect_ms: 5_000, whole_ms: 20_000 };

fn request() -> Request {
    Request {
        method: Method::Get,
        uri: "/a?x=1".to_owned(),
        host: "shop.test".to_owned(),
        headers: Vec::new(),
        tls: None,
    }
}

fn ask_for(target: &Target, request: &Request, limits: Limits) -> Result<Reply, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(send(target, request, limits))
}

fn ask(address: SocketAddr) -> Result<Reply, Failure> {
    ask_for(&Target::Tcp(address), &request(), LIMITS)
}

/// Serves one connection: reads the head of a request, then does what it is told. Gives the head.
fn serve(act: impl FnOnce(TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        act(stream);
        head
    });
    (address, server)
}

fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn answer(bytes: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
    serve(move |mut stream| stream.write_all(bytes).unwrap())
}

#[test]
fn answer_comes_with_status_headers_and_body() {
    let (address, server) = answer(b"HTTP/1.1 502 Bad Gateway\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nsorry");
    let mut request = request();
    request.headers.push(("X-Probe".to_owned(), "evenkeel".to_owned()));
    let sample = ask_for(&Target::Tcp(address), &request, LIMITS).unwrap();
    assert_eq!((sample.status, sample.body.as_slice(), sample.truncated), (502, &b"sorry"[..], false));
    assert!(sample.headers.contains(&("x-a".to_owned(), b"1".to_vec())));
    let head = server.join().unwrap();
    assert!(head.starts_with("GET /a?x=1 HTTP/1.1\r\n"), "{head}");
    for line in [
        "host: shop.test\r\n",
        "x-probe: evenkeel\r\n",
        "connection: close\r\n",
        "user-agent: evenkeel-probe/",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn head_request_has_no_body() {
    let (address, server) = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    let head = Request { method: Method::Head, ..request() };
    let sample = ask_for(&Target::Tcp(address), &head, LIMITS).unwrap();
    assert_eq!((sample.status, sample.body.len()), (200, 0));
    assert!(server.join().unwrap().starts_with("HEAD "));
}

#[test]
fn unix_socket_is_asked_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nuntil the end").unwrap();
    });
    assert_eq!(ask_for(&Target::Unix(path), &request(), LIMITS).unwrap().body, b"until the end");
    server.join().unwrap();
    let missing = ask_for(&Target::Unix(dir.path().join("missing")), &request(), LIMITS);
    assert!(matches!(missing, Err(Failure::OwnSide { .. })), "{missing:?}");
}

#[test]
fn closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(ask(address), Err(Failure::Refused));
}

#[test]
fn full_queue_is_a_connect_that_times_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // A listener that accepts nothing: once its queue is full, the kernel answers no more.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 100, "the queue does not fill");
        }
        let limits = Limits { connect_ms: 200, ..LIMITS };
        let failure = send(&Target::Tcp(address), &request(), limits).await;
        assert_eq!(failure, Err(Failure::Filtered));
    });
}

#[test]
fn silent_server_times_out() {
    let (address, server) = serve(|mut stream| {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
    });
    let before = Instant::now();
    let failure = ask_for(&Target::Tcp(address), &request(), Limits::within(Duration::from_millis(200)));
    assert_eq!(failure, Err(Failure::Silent));
    assert!(before.elapsed() < Duration::from_secs(10));
    server.join().unwrap();
}

#[test]
fn body_that_drips_times_out_as_a_whole() {
    let (address, server) = serve(|mut stream| {
        let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while sent.is_ok() {
            sent = stream.write_all(b"x");
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let failure = ask_for(&Target::Tcp(address), &request(), Limits::within(Duration::from_millis(200)));
    assert_eq!(failure, Err(Failure::Slow));
    server.join().unwrap();
}

#[test]
fn reset_close_and_other_protocols_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        // What was not read when a connection is closed makes the kernel reset it.
        let (stream, _) = listener.accept().unwrap();
        stream.peek(&mut [0]).unwrap();
    });
    assert_eq!(ask(address), Err(Failure::Reset));
    server.join().unwrap();
    let (address, server) = serve(drop);
    assert_eq!(ask(address), Err(Failure::ClosedEmpty));
    server.join().unwrap();
    let (address, server) = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort");
    assert_eq!(ask(address), Err(Failure::Truncated));
    server.join().unwrap();
    let (address, server) = answer(b"SSH-2.0-OpenSSH_9.2\r\n");
    assert!(matches!(ask(address), Err(Failure::NotHttp)));
    server.join().unwrap();
}

#[test]
fn long_body_is_cut() {
    let (address, server) = serve(|mut stream| {
        let _cut_off = stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .and_then(|()| stream.write_all(&vec![b'x'; 3 << 20]));
    });
    let sample = ask(address).unwrap();
    assert_eq!((sample.body.len(), sample.truncated), (BODY_BYTES_MAX, true));
    server.join().unwrap();
}

#[test]
fn request_that_cannot_be_sent_is_the_fault_of_who_asks() {
    let target = Target::Tcp(([127, 0, 0, 1], 1).into());
    let bad = |request: Request| match ask_for(&target, &request, LIMITS) {
        Err(Failure::OwnSide { reason }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(bad(Request { uri: "/a b".to_owned(), ..request() }).starts_with("\"/a b\""));
    assert!(
        bad(Request { headers: vec![("a b".to_owned(), String::new())], ..request() })
            .contains("header name")
    );
}

/// Asks from a vantage that this shell command leads to.
fn ask_from(script: &str) -> Result<Report, VantageError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let remote = Remote::new(["sh", "-c", script].map(str::to_owned).to_vec());
        let spec = Spec {
            target: Target::Tcp(([127, 0, 0, 1], 1).into()),
            ask: Ask::Tcp(Tcp {}),
            limits: LIMITS,
            proxy_protocol: false,
        };
        remote.ask(&spec).await
    })
}

const HELLO: &str = r#"echo '{"hello":{"v":1,"evenkeel":"0"}}'; read question; "#;

#[test]
fn vantage_that_answers_badly_says_nothing_of_the_host() {
    let down = |script: &str| match ask_from(script) {
        Err(VantageError::Down { why }) => why,
        other => panic!("{script}: {other:?}"),
    };
    assert_eq!(down("echo Permission denied >&2; exit 255"), "Permission denied");
    assert_eq!(down("echo Welcome to this machine; cat"), "what it says is no answer");
    assert!(down(r#"echo '{"hello":{"v":7,"evenkeel":"9.9"}}'; cat"#).contains("evenkeel 9.9"));
    assert_eq!(down("yes | tr -d '\\n'"), "it said half a line");
    assert_eq!(down(&format!("{HELLO} echo nonsense; cat")), "what it says is no answer");
    assert_eq!(down(&format!("{HELLO} yes | tr -d '\\n'")), "it said half a line");
    assert_eq!(down(&format!("{HELLO} echo Killed >&2")), "Killed");
    let refused = ask_from(&format!(r#"{HELLO} echo '{{"refused":{{"id":1,"why":"no"}}}}'; cat"#));
    assert_eq!(refused, Err(VantageError::Refused { why: "no".to_owned() }));
}

#[test]
fn vantage_that_went_away_is_asked_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let once = dir.path().join("once");
    // The first time it dies with the question in its hands; the second time it answers.
    let script = format!(
        r#"{HELLO} if mkdir {} 2>/dev/null; then exit 1; fi; echo '{{"answer":{{"id":1,"report":{{"answer":{{"class":"up"}},"took_us":5}}}}}}'; cat"#,
        once.display()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let remote = Remote::new(["sh".to_owned(), "-c".to_owned(), script].to_vec());
        let spec = Spec {
            target: Target::Tcp(([127, 0, 0, 1], 1).into()),
            ask: Ask::Tcp(Tcp {}),
            limits: LIMITS,
            proxy_protocol: false,
        };
        assert!(matches!(remote.ask(&spec).await, Err(VantageError::Down { .. })));
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            match remote.ask(&spec).await {
                Ok(report) => break assert_eq!(report.answer, Answer::Up),
                Err(VantageError::Down { .. }) if Instant::now() < end => {}
                other => panic!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

#[test]
fn schedule_is_asked_and_a_probe_that_panics_stops_nothing() {
    let (address, _listener) = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (listener.local_addr().unwrap(), listener)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let timed = [Timed { host: 0, every_ms: 20 }, Timed { host: 0, every_ms: 20 }];
        let mut schedule = Schedule::new(Rules::default(), &timed, 1, 0);
        let ask = |probe: usize| async move {
            assert_ne!(probe, 1, "this probe panics");
            let spec = Spec {
                target: Target::Tcp(address),
                ask: Ask::Tcp(Tcp {}),
                limits: LIMITS,
                proxy_protocol: false,
            };
            Some(Prober::default().ask(&spec).await)
        };
        let mut seen = [0, 0];
        run(&mut schedule, tokio::time::Instant::now(), ask, |start, report, _| {
            assert_eq!(report.is_some(), start.probe == 0);
            seen[start.probe] += 1;
            if seen[0] < 5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .await;
        assert!(seen[1] >= 3, "{seen:?}");
    });
}
