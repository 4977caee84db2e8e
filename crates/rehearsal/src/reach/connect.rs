//! One connection, from where this machine stands.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::{Address, Reach};

/// How many addresses of one name are asked.
const ADDRESSES_MAX: usize = 16;

/// Asks one address, or each that a name has.
pub(super) async fn one(
    address: &Address,
    room: Arc<Semaphore>,
    limit: Duration,
) -> Vec<(Option<SocketAddr>, Reach)> {
    let place = || async { room.clone().acquire_owned().await.expect("nobody closes it") };
    match address {
        Address::Inet(at) => vec![(Some(*at), tcp(*at, place().await, limit).await)],
        Address::Unix(path) => vec![(None, unix(path, place().await, limit).await)],
        Address::Name { host, port } => match resolved(host, *port, place().await, limit).await {
            Err(reach) => vec![(None, reach)],
            Ok(addresses) => {
                let mut found = Vec::with_capacity(addresses.len());
                for at in addresses {
                    found.push((Some(at), tcp(at, place().await, limit).await));
                }
                found
            }
        },
    }
}

async fn tcp(at: SocketAddr, _place: OwnedSemaphorePermit, limit: Duration) -> Reach {
    let started = Instant::now();
    told(timeout(limit, TcpStream::connect(at)).await.map(|stream| stream.map(drop)), started)
}

async fn unix(path: &[u8], _place: OwnedSemaphorePermit, limit: Duration) -> Reach {
    let started = Instant::now();
    let path = Path::new(OsStr::from_bytes(path));
    told(timeout(limit, UnixStream::connect(path)).await.map(|stream| stream.map(drop)), started)
}

fn told(connected: Result<io::Result<()>, tokio::time::error::Elapsed>, started: Instant) -> Reach {
    match connected {
        Err(_) => Reach::TimedOut,
        Ok(Ok(())) => Reach::Accepted { took: started.elapsed() },
        Ok(Err(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Reach::Refused,
            io::ErrorKind::TimedOut => Reach::TimedOut,
            _ => Reach::Unreachable(error.to_string()),
        },
    }
}

/// The addresses of a name, as the system's resolver gives them. It may hang for longer than anybody waits, so it has
/// a thread of its own, which keeps its place until it ends and which the end of the program does not wait for.
async fn resolved(
    host: &str,
    port: u16,
    place: OwnedSemaphorePermit,
    limit: Duration,
) -> Result<Vec<SocketAddr>, Reach> {
    let (sender, receiver) = oneshot::channel();
    let name = host.to_owned();
    let started = std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let addresses = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody may wait any more.
        let _too_late = sender.send(addresses);
        drop(place);
    });
    if let Err(error) = started {
        return Err(Reach::NoSuchName(format!("the resolver could not be asked: {error}")));
    }
    let silent = || Reach::NoSuchName(format!("the resolver said nothing within {} ms", limit.as_millis()));
    let addresses = timeout(limit, receiver).await.map_err(|_| silent())?.map_err(|_| silent())?;
    let mut addresses = addresses.map_err(|error| Reach::NoSuchName(error.to_string()))?;
    let mut seen = std::collections::HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        return Err(Reach::NoSuchName("the name has no address".to_owned()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn asked(address: &Address) -> Vec<(Option<SocketAddr>, Reach)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(one(address, Arc::new(Semaphore::new(1)), Duration::from_secs(5)))
    }

    fn single(address: Address) -> Reach {
        let found = asked(&address);
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap().1
    }

    #[test]
    fn listener_accepts_and_a_closed_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert!(matches!(single(Address::Inet(at)), Reach::Accepted { .. }));
        drop(listener);
        assert_eq!(single(Address::Inet(at)), Reach::Refused);
    }

    #[test]
    fn unix_socket_accepts_refuses_or_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.sock");
        let address = || Address::Unix(path.as_os_str().as_bytes().to_vec());
        let listener = UnixListener::bind(&path).unwrap();
        assert!(matches!(single(address()), Reach::Accepted { .. }));
        drop(listener);
        assert_eq!(single(address()), Reach::Refused);
        std::fs::remove_file(&path).unwrap();
        let absent = single(address());
        assert!(matches!(&absent, Reach::Unreachable(why) if why.contains("No such file")), "{absent:?}");
    }

    #[test]
    fn name_is_asked_at_its_addresses_and_a_missing_one_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = asked(&Address::Name { host: "localhost".to_owned(), port });
        let accepted = |(at, reach): &(Option<SocketAddr>, Reach)| {
            at.is_some_and(|at| at.is_ipv4()) && matches!(reach, Reach::Accepted { .. })
        };
        assert!(found.iter().any(accepted), "{found:?}");
        // RFC 6761: it never exists.
        let absent = single(Address::Name { host: "nobody.invalid".to_owned(), port: 80 });
        assert!(matches!(absent, Reach::NoSuchName(_)), "{absent:?}");
    }

    #[test]
    fn address_that_this_machine_cannot_speak_to_is_told_apart() {
        // The kernel refuses a broadcast over TCP itself, whatever the network is like.
        let reach = single(Address::Inet("255.255.255.255:80".parse().unwrap()));
        assert!(matches!(reach, Reach::Unreachable(_)), "{reach:?}");
    }
}
