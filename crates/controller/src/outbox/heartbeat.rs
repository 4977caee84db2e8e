//! A sign of life to a dead-man's switch outside: when it stops hearing this, it calls somebody by itself. A GET, as
//! healthchecks and what is like it take it.

use std::time::Duration;

use evenkeel_fleet::{Span, Timestamp};

use crate::notify::http::{Client, Url};
use crate::notify::{Came, Secret};

/// How long one sign may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Where the sign goes, and how often.
#[derive(Debug)]
pub struct Heartbeat {
    url: Secret,
    every: Span,
    next: Timestamp,
    heard: Option<Timestamp>,
    /// Whether the last one was not heard.
    lost: bool,
}

/// What came of one sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beat {
    /// It was heard, as all before it.
    Heard,
    /// It is heard again: this long it was not.
    Again {
        /// The last one that was heard.
        from: Timestamp,
    },
    /// It was not heard, for the first time.
    Lost {
        /// Why.
        why: String,
    },
    /// It is still not heard.
    StillLost,
}

impl Heartbeat {
    /// A sign every `every` to the address that `url` holds.
    #[must_use]
    pub fn new(url: Secret, every: Span) -> Heartbeat {
        Heartbeat { url, every, next: Timestamp::default(), heard: None, lost: false }
    }

    /// Gives the sign when it is due; what comes back is told to [`Heartbeat::came`].
    pub fn due(&mut self, now: Timestamp) -> Option<impl Future<Output = Came> + use<>> {
        // Further ahead than one sign: the clock was set back.
        if now < self.next && self.next.since(now) <= self.every {
            return None;
        }
        self.next = now + self.every;
        let url = self.url.clone();
        Some(async move {
            let sign = async {
                let text = match url.read() {
                    Ok(text) => text,
                    Err(why) => return Came::Unwanted { why },
                };
                match Url::parse(&text) {
                    Ok(url) => Client::default().get(&url).await,
                    Err(why) => Came::Unwanted { why },
                }
            };
            tokio::time::timeout(WITHIN, sign).await.unwrap_or_else(|_| Came::Failed {
                why: "no answer in time".to_owned(),
                perhaps: true,
                retry_after: None,
            })
        })
    }

    /// What came of the sign that was given last.
    pub fn came(&mut self, now: Timestamp, came: &Came) -> Beat {
        match came {
            Came::Accepted { .. } => {
                let from = self.heard.replace(now);
                let again = std::mem::replace(&mut self.lost, false);
                match from {
                    Some(from) if again => Beat::Again { from },
                    _ => Beat::Heard,
                }
            }
            Came::Failed { why, .. } | Came::Unwanted { why } => {
                if std::mem::replace(&mut self.lost, true) {
                    Beat::StillLost
                } else {
                    Beat::Lost { why: why.clone() }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_begins_with_the_last_sign_that_was_heard() {
        let at = |secs| Timestamp::default() + Span::from_secs(secs);
        let heard = Came::Accepted { receipt: String::new() };
        let lost = Came::Failed { why: "refused".to_owned(), perhaps: false, retry_after: None };
        let mut beat = Heartbeat::new(Secret::Plain("http://127.0.0.1:1/".to_owned()), Span::from_secs(60));
        assert_eq!(beat.came(at(0), &heard), Beat::Heard);
        assert_eq!(beat.came(at(60), &lost), Beat::Lost { why: "refused".to_owned() });
        assert_eq!(beat.came(at(120), &lost), Beat::StillLost);
        assert_eq!(beat.came(at(180), &heard), Beat::Again { from: at(0) });
        assert_eq!(beat.came(at(240), &heard), Beat::Heard);
    }

    #[test]
    fn sign_is_given_also_when_the_clock_was_set_back() {
        let at = |secs| Timestamp::default() + Span::from_secs(secs);
        let mut beat = Heartbeat::new(Secret::Plain("http://127.0.0.1:1/".to_owned()), Span::from_secs(60));
        let given = [7_000, 7_030, 7_060, 3_460, 3_500, 3_520].map(|secs| beat.due(at(secs)).is_some());
        assert_eq!(given, [true, false, true, true, false, true]);
    }
}
