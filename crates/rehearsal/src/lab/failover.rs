//! One web server after the other goes down while a customer shops: does the shop stay, and does the cart?

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layout::{Member, SITE};
use super::{Lab, LabError, Reply};

/// How long the customer shops around each fall, and how long before it.
const AROUND: Duration = Duration::from_millis(3_000);
const BEFORE: Duration = Duration::from_millis(300);
/// Longer without an answer, and users call it down.
const GAP_MAX_MS: u64 = 2_000;
const IN_ORDER: Duration = Duration::from_secs(20);

/// How a customer fared who looked at the cart again and again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// How often they looked.
    pub asked: u64,
    /// How often no good answer came.
    pub bad: u64,
    /// The longest time without a good answer, in milliseconds.
    pub longest_ms: u64,
    /// How often they had to log in again.
    pub logged_out: u64,
    /// The last answer.
    pub last: Reply,
}

impl Visit {
    /// Whether the shop is there at the end, and was not away for longer than users bear.
    pub fn stays_up(&self) -> bool {
        self.last.status.is_some_and(|status| status < 500) && self.longest_ms <= GAP_MAX_MS
    }

    /// Whether they are still logged in, with their cart.
    pub fn keeps_session(&self) -> bool {
        self.logged_out == 0 && self.last.body.contains("tea")
    }
}

/// One thing that goes down, and how a customer fares.
#[derive(Debug, Clone)]
pub struct Fall {
    /// What goes down.
    pub what: &'static str,
    /// How the customer fares.
    pub visit: Visit,
}

impl Lab {
    /// Takes web1 down, then web2, while a logged-in customer shops; brings both back, at once when `enough`.
    ///
    /// # Errors
    /// [`LabError`]: the lab is broken already, or something could not be done.
    pub fn failover(&mut self, enough: &dyn Fn() -> bool) -> Result<Vec<Fall>, LabError> {
        let _locked = self.dir.lock()?;
        if let Some(broken) = &self.state.broken {
            return Err(LabError::IsBroken { is: broken.outage.clone(), wanted: "failover".to_owned() });
        }
        let to = format!("{SITE}:80");
        let hello = self.ask("client1", &to, ("POST", "/login?name=anna"), None)?;
        let session = hello.session.clone().ok_or_else(|| LabError::NotInOrder {
            what: format!("a customer cannot log in: {}", hello.words()),
        })?;
        self.ask("client1", &to, ("POST", "/cart?item=tea"), Some(&session))?;
        let falls = [("web1 goes down", "web1"), ("web2 goes down too, and the standby is left", "web2")];
        let mut fallen = Vec::new();
        for (what, host) in falls {
            if enough() {
                break;
            }
            let visit = std::thread::scope(|scope| {
                let visit = scope.spawn(|| self.visit("client1", &session));
                std::thread::sleep(BEFORE);
                let killed = self.script(host, "# lose every process\nkill -s KILL -- -1\n");
                let visit = visit.join().unwrap_or(Err(LabError::Ended));
                killed.and(visit)
            });
            fallen.push(visit.map(|visit| Fall { what, visit }));
        }
        let back = falls.map(|(_, host)| {
            self.put_back(Member::named(host).expect("the falls are of hosts of the lab")).map(drop)
        });
        back.into_iter().collect::<Result<(), LabError>>()?;
        let fallen = fallen.into_iter().collect::<Result<Vec<Fall>, LabError>>()?;
        if enough() {
            return Ok(fallen);
        }
        // Whoever is not in order now was not before; that is for the falls to say.
        let _what_was_wrong_before_stays = self.prove_front(IN_ORDER);
        Ok(fallen)
    }

    fn visit(&self, from: &str, session: &str) -> Result<Visit, LabError> {
        let (to, ms) = (format!("{SITE}:80"), AROUND.as_millis().to_string());
        let words = [super::enter::OWN, "__lab", "visit", &to, session, &ms];
        let output = self.run(from, &words, "", AROUND + Duration::from_secs(10))?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| LabError::Run { what: format!("shop from {from}"), source: error.into() })
    }
}
