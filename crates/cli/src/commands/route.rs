//! `route`: Where does this request go, and why.

use crate::args::{self, Global};
use crate::output::{Exit, Output};

pub(crate) fn route(_args: &args::Route, _global: &Global, _output: Output) -> anyhow::Result<Exit> {
    anyhow::bail!("route: not written yet")
}
