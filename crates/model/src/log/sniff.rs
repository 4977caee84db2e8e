//! Which format a log is written in.

use super::{LogFormat, Spans, WELL_KNOWN};

/// The format that most of these lines are written in: of those that a tree names, else one that many logs have. `None`: not
/// even half of them fit any.
pub fn fitting(named: &[LogFormat], lines: &[&[u8]]) -> Option<LogFormat> {
    let well_known = WELL_KNOWN.iter().filter_map(|(name, _)| LogFormat::well_known(name));
    let mut spans = Spans::default();
    let mut best: Option<(usize, usize, LogFormat)> = None;
    for format in named.iter().cloned().chain(well_known) {
        let fits = lines.iter().filter(|line| format.split(line, &mut spans).is_ok()).count();
        let better = best.as_ref().is_none_or(|(most, told, _)| (fits, format.told()) > (*most, *told));
        if fits * 2 >= lines.len() && better {
            best = Some((fits, format.told(), format));
        }
    }
    best.map(|(.., format)| format)
}

impl LogFormat {
    /// How much it tells: of two that fit, the one that was written is the longer.
    fn told(&self) -> usize {
        self.parts.len()
    }
}
