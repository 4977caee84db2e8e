//! What the release says beside what is on disk now: where it sends the request, and whether nginx would start.

use std::net::SocketAddr;

use evenkeel_fleet::watch::Answer;
use evenkeel_host::nginx::check::Message;
use evenkeel_host::nginx::log::Level;
use evenkeel_host::probe::Target;
use evenkeel_model::{ErrorLine, Outcome};

use super::Look;
use super::route::passed;
use super::upstream::of;
use crate::local::now;

/// The most servers of the release that are asked.
const ASKED_MAX: usize = 8;

impl Look<'_> {
    /// Asks the servers to which the release sends the request and the tree no longer does. One that answers is where the
    /// application is.
    pub(super) async fn ask_where_it_was_sent(&mut self) {
        let Some(released) = self.asked.differs.and_then(|differs| differs.released.as_ref()) else { return };
        let Some(was) = self.route_by(released) else { return };
        let Outcome::Pass { servers, .. } = &was.outcome else { return };
        let is = self.evidence.route.as_ref().map(|route| route.servers.clone()).unwrap_or_default();
        let uri = passed(&was);
        for server in servers.iter().take(ASKED_MAX) {
            // A name, or a socket: the release is no better a witness of those than the tree.
            let Ok(at) = server.parse::<SocketAddr>() else { continue };
            if is.iter().any(|now| now.rsplit("://").next() == Some(server.as_str())) {
                continue;
            }
            let report = self.ask(Target::Tcp(at), "http", uri.as_deref()).await;
            let answers = report.answer == Answer::Up;
            let because = String::from("where the release sends the request");
            self.evidence.direct.get_or_insert_default().push(of(
                &format!("http://{at}"),
                false,
                Some(because),
                report,
            ));
            if answers {
                break;
            }
        }
    }

    /// Notes why nginx would not start: what a start that failed said to nobody's log.
    pub(super) fn would_start(&mut self) {
        let refused = self.asked.differs.map(|differs| differs.refused.as_slice()).unwrap_or_default();
        let (Some(nginx), Some(first)) = (&mut self.evidence.nginx, refused.first()) else { return };
        nginx.disk = Some(Err(said(first)));
        if !nginx.runs {
            for message in refused.iter().filter(|message| message.level == Level::Emerg) {
                let line = format!("nginx: [emerg] {}", said(message));
                if let Some(line) = ErrorLine::read(line.as_bytes()) {
                    self.evidence.note_line(&line, now());
                }
            }
        }
    }
}

fn said(message: &Message) -> String {
    match (&message.file, message.line) {
        (Some(file), Some(line)) => format!("{} in {}:{line}", message.text, file.display()),
        _ => message.text.clone(),
    }
}
