//! A relay for one mail, that says what a test wants once it has the text.
//!
//! Source: <https://www.rfc-editor.org/rfc/rfc5321#section-4.1>

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub(super) struct Smtp {
    address: SocketAddr,
    got: Receiver<String>,
}

impl Smtp {
    pub(super) fn start(last: &'static str) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, got) = channel();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            // A client that hangs up has said what it had to say.
            if let Some(mail) = talk(stream, last) {
                sender.send(mail).ok();
            }
        });
        Smtp { address, got }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn got(&self) -> String {
        self.got.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

fn talk(mut stream: TcpStream, last: &str) -> Option<String> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    write!(stream, "220 relay.test ESMTP\r\n").ok()?;
    let mut mail = None;
    while let Some(Ok(line)) = lines.next() {
        let answer = match line.split(' ').next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => "250-relay.test\r\n250 8BITMIME".to_owned(),
            "DATA" => {
                write!(stream, "354 go on\r\n").ok()?;
                let text: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                mail = Some(text.join("\n"));
                last.to_owned()
            }
            "QUIT" => {
                write!(stream, "221 bye\r\n").ok()?;
                return mail;
            }
            _ => "250 ok".to_owned(),
        };
        write!(stream, "{answer}\r\n").ok()?;
    }
    mail
}
