//! Whether nginx would start with what is on disk now, as a comparison with the release has found out.

use evenkeel_host::nginx::check::Message;
use evenkeel_host::nginx::log::Level;
use evenkeel_model::ErrorLine;

use super::Look;
use crate::local::now;

impl Look<'_> {
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
