//! An application on loopback that does one thing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it does with a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum App {
    /// Nothing listens.
    Nobody,
    /// Listens with a short queue and takes nothing from it.
    Deaf,
    /// Sends these bytes and closes.
    Says(&'static [u8]),
    /// Sends a header line of this many bytes, and an answer.
    Header(usize),
    /// Takes the request and says nothing.
    Silent,
    /// Sends these bytes, and then nothing more.
    Stalls(&'static [u8]),
    /// Takes the request and closes.
    Closes,
    /// Resets the connection when the request has come.
    Resets,
    /// Has an answer for every path but `/export`, at which it breaks.
    Breaks,
    /// Has `/cart`, and no other path.
    Cart,
    /// Answers at once; what has `late` in its address, never.
    Late,
    /// Answers with a cookie that nobody else gets.
    Cookies,
    /// Changes the protocol for whoever wishes it, and refuses everybody else.
    Upgrades,
}

pub(crate) const OK: App =
    App::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nshop");

/// A running application; ends when it is dropped.
pub(crate) struct Running {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn run(app: App, at: SocketAddr) -> Option<Running> {
    if matches!(app, App::Nobody) {
        return None;
    }
    let listener = if matches!(app, App::Deaf) { short(at) } else { TcpListener::bind(at).unwrap() };
    // A firewall of the test may keep a last connection away, so that nothing could end a wait for it.
    listener.set_nonblocking(true).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ends);
    let thread = std::thread::spawn(move || {
        let mut held = Vec::new();
        while !until.load(Ordering::SeqCst) {
            if matches!(app, App::Deaf) {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    held.extend(serve(app, stream));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    });
    Some(Running { ends, thread: Some(thread) })
}

/// A listener whose queue holds next to nothing.
fn short(at: SocketAddr) -> TcpListener {
    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &at).unwrap();
    listen(&socket, 2).unwrap();
    TcpListener::from(socket)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Reads a request to the end of its head, for what stays unread would reset the connection; what is no request, as it comes.
fn head(stream: &mut TcpStream, some: &mut [u8]) -> usize {
    let mut length = 0;
    while length < some.len() {
        match stream.read(&mut some[length..]) {
            Ok(read) if read > 0 => length += read,
            _ => break,
        }
        if !some[0].is_ascii_uppercase() || some[..length].windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    length
}

/// Serves one connection; gives it back when it must stay open.
fn serve(app: App, mut stream: TcpStream) -> Option<TcpStream> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut some = [0; 4096];
    if matches!(app, App::Resets) {
        // Closed with a request unread, the kernel resets it.
        let _ = stream.peek(&mut some);
        return None;
    }
    let read = head(&mut stream, &mut some);
    let request = String::from_utf8_lossy(&some[..read]).to_ascii_lowercase();
    match app {
        App::Breaks => {
            let breaks = request.starts_with("get /export ");
            let status = if breaks { "500 Internal Server Error" } else { "200 OK" };
            drop(stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()));
        }
        App::Cart => {
            let status = if request.starts_with("get /cart ") { "200 OK" } else { "404 Not Found" };
            drop(stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()));
        }
        App::Late if request.lines().next().is_some_and(|line| line.contains("late")) => return Some(stream),
        App::Late => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")),
        App::Cookies => {
            static NEXT: AtomicU64 = AtomicU64::new(1);
            let number = NEXT.fetch_add(1, Ordering::SeqCst);
            let head =
                format!("HTTP/1.1 200 OK\r\nSet-Cookie: session={number}\r\nContent-Length: 0\r\n\r\n");
            drop(stream.write_all(head.as_bytes()));
        }
        App::Upgrades if request.contains("upgrade: websocket") => {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            drop(stream.write_all(head.as_bytes()));
        }
        App::Upgrades => drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
        App::Says(bytes) => drop(stream.write_all(bytes)),
        App::Header(length) => {
            let header =
                format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "a".repeat(length));
            drop(stream.write_all(header.as_bytes()));
        }
        App::Stalls(bytes) => {
            drop(stream.write_all(bytes));
            return Some(stream);
        }
        App::Silent => return Some(stream),
        App::Nobody | App::Deaf | App::Closes | App::Resets => {}
    }
    None
}
