//! `xtask app JSON`: a small application behind nginx. Answers every request in the same way; ends when its standard
//! input does, so it never outlives whoever started it. `xtask app @FILE` reads it there, and stays until it is killed: for
//! applications that a script of an entry starts, stops and updates.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::requests::App;

const REQUEST_BYTES_MAX: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves until standard input ends.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let [app] = arguments else { bail!("usage: xtask app JSON|@FILE") };
    let file = app.strip_prefix('@');
    let text = match file {
        Some(file) => std::fs::read_to_string(file).with_context(|| format!("read {file}"))?,
        None => (*app).to_owned(),
    };
    let app: App = serde_json::from_str(&text).context("read the application")?;
    let port = app.port.context("an application has a port")?;
    let listener = TcpListener::bind((app.address, port))
        .with_context(|| format!("listen on {}:{port}", app.address))?;
    println!("ready");
    let serving = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let app = app.clone();
            std::thread::spawn(move || serve(stream, &app));
        }
    });
    if file.is_some() {
        return serving.join().map_err(|_| anyhow::anyhow!("the application died"));
    }
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
    Ok(())
}

/// One request, one answer. A client that goes away is not our concern.
fn serve(mut stream: TcpStream, app: &App) {
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
    std::thread::sleep(Duration::from_millis(app.thinks_ms));
    let _ = stream.write_all(answer(app, &String::from_utf8_lossy(&request)).as_bytes());
}

fn answer(app: &App, request: &str) -> String {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let upgrades = request.to_ascii_lowercase().contains("\r\nupgrade: websocket");
    if app.websocket && upgrades {
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
            .to_owned();
    }
    let (status, mut body) = match target.starts_with(&app.serves) {
        true => (app.status, app.body.clone()),
        false => (404, format!("{} knows no such page", app.name)),
    };
    if app.echo {
        body = format!("{body} {target}");
    }
    let cookie = match app.cookie_bytes {
        0 => String::new(),
        bytes => format!("Set-Cookie: session={}\r\n", "c".repeat(bytes)),
    };
    format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: text/plain\r\n{cookie}Content-Length: {}\r\nConnection: close\r\n\r\n{body}\n",
        body.len() + 1
    )
}
