//! `xtask app --port N --status 200 --body shop`: a small application behind nginx. Answers every request in the same
//! way; ends when its standard input does, so it never outlives whoever started it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

const REQUEST_BYTES_MAX: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves until standard input ends.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let ["--port", port, "--status", status, "--body", body] = arguments else {
        bail!("usage: xtask app --port N --status N --body TEXT");
    };
    let port: u16 = port.parse().context("read --port")?;
    let status: u16 = status.parse().context("read --status")?;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("listen on {port}"))?;
    println!("ready");
    let answer = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}\n",
        body.len() + 1
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream, &answer));
        }
    });
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
    Ok(())
}

/// One request, one answer. A client that goes away is not our concern.
fn serve(mut stream: TcpStream, answer: &str) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.set_write_timeout(Some(PATIENCE));
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && (request.len() as u64) < REQUEST_BYTES_MAX {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
    let _ = stream.write_all(answer.as_bytes());
}
