//! `__shop NAME VERSION LISTEN`: the application of the lab, a small shop with sessions and carts.
//!
//! It keeps its sessions in memory, as small shops do: who is sent to another application is logged out. Version 1.0
//! serves below `/v1/`, version 1.1 below `/v2/` and no longer below `/v1/`; outage E comes of that.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::rc::Rc;

use crate::stream::{Reader, Stream};
use crate::stub::http::{Request, answer, body};

/// How long the head of a request may be.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// How many sessions are kept, and how many things a cart holds.
const SESSIONS_MAX: usize = 10_000;
const ITEMS_MAX: usize = 100;
/// Who it is, for `kill`.
const PID_FILE: &str = "/run/shop.pid";

/// Starts the shop in the background: when this returns, it listens.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments.map(|it| it.to_string_lossy().into_owned()).collect();
    let [name, version, at] = arguments.as_slice() else {
        eprintln!("usage: evenkeel __shop NAME 1.0|1.1 ADDRESS:PORT");
        return ExitCode::from(2);
    };
    let Ok(at) = at.parse::<SocketAddr>() else {
        eprintln!("evenkeel: {at} is not an address with a port");
        return ExitCode::from(2);
    };
    let shop = Shop { name: name.clone(), version: version.clone(), ..Shop::default() };
    super::daemon::run(PID_FILE, || TcpListener::bind(at), |listener| serve(listener, shop))
}

async fn serve(listener: TcpListener, shop: Shop) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let (listener, shop) = (tokio::net::TcpListener::from_std(listener)?, Rc::new(shop));
    tokio::task::LocalSet::new()
        .run_until(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let shop = shop.clone();
                tokio::task::spawn_local(async move { converse(stream, &shop).await });
            }
        })
        .await
}

async fn converse(stream: impl Stream, shop: &Shop) -> io::Result<()> {
    let mut reader = Reader::new(stream);
    while let Some(head) = reader.until(b"\r\n\r\n", HEAD_BYTES_MAX).await? {
        let Some(request) = Request::read(&head) else { return reader.finish().await };
        if !body(&mut reader, &request).await? {
            return Ok(());
        }
        let said = shop.answer(&request.method, &request.target, request.header("cookie"));
        let mut headers = vec![
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("X-Served-By", format!("{} {}", shop.name, shop.version)),
        ];
        if let Some(session) = said.session {
            headers.push(("Set-Cookie", format!("session={session}; Path=/; HttpOnly")));
        }
        let (is_head, close) = (request.method == "HEAD", request.closes());
        reader.write(&answer(said.status, &headers, said.text.as_bytes(), is_head, close)).await?;
        if close {
            return reader.finish().await;
        }
    }
    Ok(())
}

/// One application process.
#[derive(Debug, Default)]
struct Shop {
    name: String,
    version: String,
    sessions: RefCell<HashMap<String, Session>>,
}

#[derive(Debug, Default)]
struct Session {
    customer: String,
    cart: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    text: String,
    session: Option<String>,
}

fn said(status: u16, text: impl Into<String>) -> Said {
    Said { status, text: text.into() + "\n", session: None }
}

impl Shop {
    fn answer(&self, method: &str, target: &str, cookie: Option<&str>) -> Said {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/health" {
            return said(200, format!("shop {} on {}", self.version, self.name));
        }
        let below = if self.version == "1.0" { "/v1/" } else { "/v2/" };
        let Some(page) = path.strip_prefix(below) else { return said(404, format!("no {path} here")) };
        let value = |wanted: &str| {
            let found = query.split('&').find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix('='));
            found.unwrap_or_default().to_owned()
        };
        let session =
            cookie.and_then(|all| all.split(';').find_map(|one| one.trim().strip_prefix("session=")));
        match (method, page) {
            ("GET" | "HEAD", "") => said(200, "Welcome to the shop. Tea, cups, and a kettle."),
            ("GET" | "HEAD", "wishlist") if self.version != "1.0" => said(200, "Nothing is wished for."),
            ("POST", "login") => self.log_in(value("name")),
            ("GET" | "POST", "cart") => self.cart(session, (method == "POST").then(|| value("item"))),
            _ => said(404, format!("no {path} here")),
        }
    }

    fn log_in(&self, customer: String) -> Said {
        let mut sessions = self.sessions.borrow_mut();
        let Ok(id) = random() else { return said(500, "no session to be had") };
        if customer.is_empty() || sessions.len() >= SESSIONS_MAX {
            return said(403, "log in with a name");
        }
        let text = format!("Hello {customer}.");
        sessions.insert(id.clone(), Session { customer, cart: Vec::new() });
        Said { session: Some(id), ..said(200, text) }
    }

    fn cart(&self, session: Option<&str>, item: Option<String>) -> Said {
        let mut sessions = self.sessions.borrow_mut();
        let Some(session) = session.and_then(|id| sessions.get_mut(id)) else {
            return said(403, "log in first");
        };
        session.cart.extend(item.filter(|_| session.cart.len() < ITEMS_MAX));
        said(200, format!("{}: {}", session.customer, session.cart.join(", ")))
    }
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(version: &str) -> Shop {
        Shop { name: "app1".to_owned(), version: version.to_owned(), ..Shop::default() }
    }

    #[test]
    fn cart_belongs_to_whoever_logged_in() {
        let shop = shop("1.0");
        assert_eq!(shop.answer("GET", "/v1/cart", None).status, 403);
        let cookie =
            format!("a=b; session={}", shop.answer("POST", "/v1/login?name=anna", None).session.unwrap());
        assert_eq!(shop.answer("POST", "/v1/cart?item=tea", Some(&cookie)).text, "anna: tea\n");
        assert_eq!(shop.answer("GET", "/v1/cart", Some(&cookie)).text, "anna: tea\n");
        let other = super::tests::shop("1.0");
        assert_eq!(other.answer("GET", "/v1/cart", Some(&cookie)).status, 403);
    }

    #[test]
    fn newer_version_serves_other_routes() {
        for (version, here, gone) in [("1.0", "/v1/", "/v2/"), ("1.1", "/v2/", "/v1/")] {
            let shop = shop(version);
            assert_eq!(shop.answer("GET", here, None).status, 200);
            assert_eq!(shop.answer("GET", gone, None).status, 404);
            assert_eq!(shop.answer("GET", "/health", None).status, 200);
        }
        assert_eq!(shop("1.0").answer("GET", "/v1/wishlist", None).status, 404);
        assert_eq!(shop("1.1").answer("GET", "/v2/wishlist", None).status, 200);
    }
}
