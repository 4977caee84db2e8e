//! `init`: A first evenkeel.toml and routes.toml for an existing tree.

use crate::args::{self, Global};
use crate::output::{Exit, Output};

pub(crate) fn init(_args: &args::Init, _global: &Global, _output: Output) -> anyhow::Result<Exit> {
    anyhow::bail!("init: not written yet")
}
