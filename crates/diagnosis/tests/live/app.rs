//! An application on loopback that does one thing.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What it does with a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum App {
    /// Nothing listens.
    Nobody,
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
    let listener = TcpListener::bind(at).unwrap();
    // A firewall of the test may keep a last connection away, so that nothing could end a wait for it.
    listener.set_nonblocking(true).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ends);
    let thread = std::thread::spawn(move || {
        let mut held = Vec::new();
        while !until.load(Ordering::SeqCst) {
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

impl Drop for Running {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
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
    let _ = stream.read(&mut some);
    match app {
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
        App::Nobody | App::Closes | App::Resets => {}
    }
    None
}
