//! Datagrams: DNS, and anything else.

use tokio::net::UdpSocket;

use super::Behaviour;
use super::child::shown;
use super::dns;
use super::speak::{Asked, Exchange, Served};
use std::sync::Arc;

/// The longest datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Answers every datagram, until it is aborted.
pub(super) async fn serve(socket: &UdpSocket, served: &Arc<Served>) {
    let local = socket.local_addr().map_or_else(|_| String::new(), shown);
    let exchange = Exchange::new(served.clone(), local);
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // An error is what an earlier answer met (refused); the next datagram has nothing to do with it.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let answer = match served.zone() {
            Some(zone) => dns::answer(&buffer[..length], zone, &exchange),
            None => {
                exchange.reached(Asked { protocol: "udp", ..Asked::default() });
                Some(format!("{} {}\n", served.name, exchange.local).into_bytes())
            }
        };
        let silent = matches!(served.behaviour(), Behaviour::Silent | Behaviour::Close);
        if let Some(answer) = answer.filter(|_| !silent) {
            let _asks_again = socket.send_to(&answer, from).await;
        }
    }
}
