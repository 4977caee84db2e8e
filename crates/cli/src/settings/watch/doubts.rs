//! What will be missed when it is needed, found when the watch begins and not at three in the morning.

use super::{Settings, Watched, alerts};

impl Watched {
    /// Whom this watch could not tell today, each with its line. A watch goes on all the same: the others may be told.
    pub(crate) fn doubts(&self, settings: &Settings) -> Vec<String> {
        let installation = self.installation(settings);
        let mut doubts = alerts::doubts(&self.place, &self.alerts, &installation);
        if let Some(sign) = &self.watch.heartbeat
            && let Some(why) = evenkeel_controller::notify::lacks_url(&sign.url)
        {
            doubts.push(
                self.place.of("watch", 0).bad("heartbeat.url", &format!("heartbeat: {why}")).to_string(),
            );
        }
        doubts
    }
}
