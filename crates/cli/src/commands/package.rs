//! `package`: what package managers do to this host.

use evenkeel_fleet::journal::{PackageRun, PackageStage};

/// How a run of a package manager stands, in one line.
pub(crate) fn outcome(run: &PackageRun) -> String {
    match &run.stage {
        PackageStage::Begun => format!("begins: {}", run.packages()),
        PackageStage::Stopped(why) => format!("stopped: {why}"),
        PackageStage::Overridden { reason, .. } => format!("goes on in spite of: {reason}"),
        PackageStage::Done if run.held.is_some() => format!("restarts held: {}", run.packages()),
        PackageStage::Done => run.packages(),
    }
}
