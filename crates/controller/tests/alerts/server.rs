//! A channel: it takes alerts and writes down what it got; or for a time it takes none, each time in another way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// One alert that was read whole.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) channel: String,
    pub(super) incident: u64,
    pub(super) alert: u64,
    pub(super) repeat: bool,
}

#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    takes: Arc<AtomicBool>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(super) fn start(channel: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (takes, received) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let (taking, writes, channel) = (Arc::clone(&takes), Arc::clone(&received), channel.to_owned());
        let odd = AtomicUsize::new(0);
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let way = odd.fetch_add(1, Ordering::Relaxed) % 4;
                match (taking.load(Ordering::SeqCst), way) {
                    (true, _) => {
                        take(&mut stream, &channel, &writes, "202 Accepted");
                    }
                    // It is read, and nothing is said; it is read and taken, and something else is said; it is not even read.
                    (false, 0) => hanging.push(stream),
                    (false, 1) => {
                        take(&mut stream, &channel, &writes, "500 Internal Server Error");
                    }
                    (false, 2) => {
                        take(&mut stream, &channel, &writes, "");
                    }
                    (false, _) => drop(stream),
                }
                if hanging.len() > 8 {
                    hanging.clear();
                }
            }
        });
        Server { address, takes, received }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn takes(&self, takes: bool) {
        self.takes.store(takes, Ordering::SeqCst);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// Reads one alert, writes it down, and answers; one that is not whole is none.
fn take(stream: &mut TcpStream, channel: &str, received: &Mutex<Vec<Received>>, status: &str) -> Option<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(2))).ok()?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let document: serde_json::Value = loop {
        if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n")
            && let Ok(document) = serde_json::from_slice(&bytes[at + 4..])
        {
            break document;
        }
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    };
    let number = |name: &str| document[name].as_str()?.get(1..)?.parse().ok();
    let it = Received {
        channel: channel.to_owned(),
        incident: number("incident")?,
        alert: number("alert")?,
        repeat: document["repeat"].as_bool()?,
    };
    received.lock().unwrap().push(it);
    if status.is_empty() {
        return None;
    }
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").ok()
}
