//! Logs through both trees, on every core.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use evenkeel_model::{Counted, Lacks, LogFormat, Remembered, Router, Traffic};
use signal_hook::consts::SIGINT;

use super::Trees;
use super::agreed::Agreed;
use super::reading::{Reading, Told};
use crate::args;
use crate::logs::{BLOCK_BYTES, Block, Logs};
use crate::output::Progress;

/// How many threads route at most.
const WORKERS_MAX: usize = 16;
/// How many lines say what format a log has.
const SAMPLE_LINES: usize = 200;

/// What the logs came to.
pub(super) struct Replayed {
    pub(super) counted: Counted,
    pub(super) logs: Vec<ReadLog>,
    /// Whether somebody stopped it before its end.
    pub(super) interrupted: bool,
}

/// One log.
pub(super) struct ReadLog {
    /// Its place among the logs.
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) reading: Reading,
    /// What it does not say.
    pub(super) lacks: Lacks,
    /// Why it ended before its end.
    pub(super) fault: Option<String>,
}

/// Logs that are open, and what the command line says of them.
pub(super) struct Opened {
    logs: Logs,
    told: Told,
}

/// What the workers share.
struct Shared<'t> {
    trees: &'t Trees,
    logs: Logs,
    told: Told,
    readings: Vec<Option<Arc<Reading>>>,
    failed: Option<anyhow::Error>,
}

/// Opens the logs of the command line.
pub(super) fn open(args: &args::Diff, trees: &Trees) -> anyhow::Result<Option<Opened>> {
    if args.traffic.is_empty() {
        return Ok(None);
    }
    let (old, new) = (&trees.old.config, &trees.new.config);
    let told = Told::new(args.log_format.as_deref(), args.log_host.as_deref(), old, new)?;
    Ok(Some(Opened { logs: Logs::new(&args.traffic)?, told }))
}

/// Counts every line. Ctrl-C ends it with what was counted until then, a second one at once.
pub(super) fn replay(trees: &Trees, opened: Opened, progress: &Progress) -> anyhow::Result<Replayed> {
    let stop = Arc::new(AtomicBool::new(false));
    let handlers = [
        signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop)),
        signal_hook::flag::register(SIGINT, Arc::clone(&stop)),
    ];
    let Opened { logs, told } = opened;
    let shared = Shared { trees, logs, told, readings: Vec::new(), failed: None };
    let shared = Mutex::new(shared);
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(WORKERS_MAX);
    let seed = seed();
    let seen = Remembered::default();
    let work = || work(&shared, (&seen, seed), &stop, progress);
    let counted = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut counted = work();
        for other in others {
            match other.join() {
                Ok(more) => counted.add(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        counted
    });
    for handler in handlers.into_iter().flatten() {
        signal_hook::low_level::unregister(handler);
    }
    let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = shared.failed {
        return Err(error);
    }
    let configs = [&trees.old.config, &trees.new.config];
    let logs = shared.readings.into_iter().enumerate().filter_map(|(log, reading)| {
        let reading = Arc::unwrap_or_clone(reading?);
        let fault = shared.logs.faults.iter().find(|(at, _)| *at == log).map(|(_, why)| why.clone());
        Some(ReadLog {
            number: log,
            name: shared.logs.name(log),
            lacks: reading.format.lacks_for(configs),
            reading,
            fault,
        })
    });
    Ok(Replayed { counted, logs: logs.collect(), interrupted: stop.load(Ordering::Relaxed) })
}

/// What one worker counts.
fn work(
    shared: &Mutex<Shared<'_>>,
    (seen, seed): (&Remembered, u64),
    stop: &AtomicBool,
    progress: &Progress,
) -> Counted {
    let mut block = Block::default();
    let next = |block: &mut Block| {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.load(Ordering::Relaxed) { None } else { shared.next(block, progress) }
    };
    // Routers are made only by who has something to do.
    let Some(mut reading) = next(&mut block) else { return Counted::default() };
    let trees = shared.lock().unwrap_or_else(PoisonError::into_inner).trees;
    let (old, new) = (&trees.old.config, &trees.new.config);
    let before = Router::new(old).with_files(Agreed::new(trees));
    let after = Router::new(new).beside(&before).with_files(Agreed::new(trees));
    let mut traffic = Traffic::new(&before, &after, [old, new], seen, seed);
    let mut log = None;
    loop {
        if log != Some(block.log) {
            traffic.begin(block.log, &reading.format, &reading.assumed);
            log = Some(block.log);
        }
        if block.too_long {
            traffic.too_long(block.first_line, &block.bytes, BLOCK_BYTES);
        } else {
            traffic.lines(block.first_line, &block.bytes);
        }
        match next(&mut block) {
            Some(more) => reading = more,
            None => return traffic.counted(),
        }
    }
}

impl Shared<'_> {
    /// The next block, and how it is read.
    fn next(&mut self, block: &mut Block, progress: &Progress) -> Option<Arc<Reading>> {
        match self.logs.next(block) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                self.failed.get_or_insert(error);
                return None;
            }
        }
        if self.readings.len() <= block.log {
            self.readings.resize(block.log + 1, None);
        }
        let told = &self.told;
        let reading = self.readings[block.log].get_or_insert_with(|| {
            let lines = block.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            let lines: Vec<&[u8]> = lines.take(SAMPLE_LINES).collect();
            let (old, new) = (&self.trees.old.config, &self.trees.new.config);
            Arc::new(told.reading(self.logs.path(block.log), &lines, old, new))
        });
        let name = self.logs.name(block.log);
        progress.say(&format!("reading {name}: line {}", block.first_line));
        Some(Arc::clone(reading))
    }
}

impl Replayed {
    /// Whether there were lines, and none of them told of a request.
    pub(super) fn saw_nothing(&self) -> bool {
        self.counted.requests == 0 && self.counted.unread > 0
    }
}

/// A number that nobody who writes into a log knows.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// The name of a format, for people.
pub(super) fn format_name(format: &LogFormat) -> String {
    match format.name.as_str() {
        "" => format!("'{}'", format.text_of()),
        name => name.to_owned(),
    }
}
