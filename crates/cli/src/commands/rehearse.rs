//! `rehearse`: The tree under a real nginx in a sandbox.

use crate::args::{self, Global};
use crate::output::{Exit, Output};

pub(crate) fn rehearse(_args: &args::Rehearse, _global: &Global, _output: Output) -> anyhow::Result<Exit> {
    anyhow::bail!("rehearse: not written yet")
}
