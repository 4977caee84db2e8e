//! Upstreams that say what reached them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

/// How long to wait for a body that was announced.
const BODY_WITHIN: Duration = Duration::from_millis(500);

/// The ports of the upstreams; they answer for as long as the test runs.
pub(crate) fn ports() -> [u16; 3] {
    static PORTS: OnceLock<[u16; 3]> = OnceLock::new();
    *PORTS.get_or_init(|| [(); 3].map(|()| start()))
}

fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A peer that went away is nginx's business.
            std::thread::spawn(move || answer(stream, port));
        }
    });
    port
}

fn answer(stream: TcpStream, port: u16) -> std::io::Result<()> {
    stream.set_read_timeout(Some(BODY_WITHIN))?;
    let mut reader = BufReader::new(&stream);
    let mut first = Vec::new();
    reader.read_until(b'\n', &mut first)?;
    let mut body_bytes = 0;
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 || line == b"\r\n" {
            break;
        }
        let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(length) = text.strip_prefix("content-length:") {
            body_bytes = length.trim().parse().unwrap_or(0);
        }
    }
    // A subrequest announces the body of its request and does not send it.
    let _ = reader.take(body_bytes).read_to_end(&mut Vec::new());
    let hex: String = first.iter().map(|byte| format!("{byte:02x}")).collect();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nX-Echo: {hex}\r\nX-Echo-Port: {port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    (&stream).write_all(answer.as_bytes())
}
