//! `test`: Route expectations, on the model or on the real nginx.

use crate::args::{self, Global};
use crate::output::{Exit, Output};

pub(crate) fn test(_args: &args::Test, _global: &Global, _output: Output) -> anyhow::Result<Exit> {
    anyhow::bail!("test: not written yet")
}
