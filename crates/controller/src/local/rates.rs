//! What this host answers, as its access logs say.

use evenkeel_host::nginx::find::find;
use evenkeel_host::nginx::workers::workers;
use evenkeel_model::access_logs;

use super::{Host, HostError, now, span};
use crate::rates::{Counter, Counts, Serves};

/// Counts what this host answers.
pub struct Answering<'h> {
    host: &'h Host,
    counter: Counter,
    serves: Option<Serves>,
}

impl Host {
    /// Begins to count what this host answers.
    ///
    /// # Errors
    /// [`HostError`] when its configuration cannot be read.
    pub fn answering(&self) -> Result<Answering<'_>, HostError> {
        let counter = Counter::new(self.access_logs()?, now());
        Ok(Answering { host: self, counter, serves: self.serves() })
    }

    fn access_logs(&self) -> Result<Vec<(Vec<u8>, evenkeel_model::LogFormat)>, HostError> {
        let compiled = self.compiled(None)?;
        let (live, _) = self.live(&self.model_settings(&compiled, None))?;
        Ok(access_logs(&live.config))
    }

    /// The workers that take requests now.
    fn serves(&self) -> Option<Serves> {
        let master = find(&self.settings.place).ok()?;
        let oldest = workers(master.id).into_iter().find(|worker| !worker.leaving)?;
        Some(Serves { generation: oldest.id.start_ticks, since: now() - span(oldest.age()) })
    }
}

impl Answering<'_> {
    /// The logs that are followed.
    #[must_use]
    pub fn logs(&self) -> Vec<&std::path::PathBuf> {
        self.counter.logs()
    }

    /// What was answered since the last call, and what keeps us from counting. When other workers serve than before, they may write
    /// into other logs: those of the configuration on disk are followed from then on.
    pub fn count(&mut self) -> (Counts, Vec<String>) {
        let serves = self.host.serves();
        let (counts, mut troubles) = self.counter.count(now(), serves);
        if serves.map(|it| it.generation) != self.serves.map(|it| it.generation) {
            self.serves = serves;
            match self.host.access_logs() {
                Ok(logs) => self.counter.follow(logs),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        (counts, troubles)
    }
}
