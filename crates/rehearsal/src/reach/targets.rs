//! What a configuration may connect to.

use evenkeel_model::Config;

use super::Target;

/// Everything that nginx may connect to with this configuration, in the order in which it reads it. What variables
/// decide is not among it.
pub fn targets(config: &Config) -> Vec<Target> {
    let _ = config;
    Vec::new()
}
