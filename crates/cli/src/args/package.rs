//! The arguments of `package`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel package install            # from now on apt and dpkg ask before they touch nginx\n  \
evenkeel package status\n  sudo env EVENKEEL_PACKAGE_OVERRIDE='security fix, checked by hand' apt-get upgrade\n\n\
The other commands here are what the installed files call."
)]
pub(crate) struct Package {
    #[command(subcommand)]
    pub(crate) command: PackageCommand,
}

/// What there is to do about packages.
#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Puts the files in place with which apt, dpkg, needrestart and systemd call Evenkeel
    Install(Root),
    /// Takes them away again
    Remove(Root),
    /// Says how each of them stands, and whether restarts are held back
    Status(Root),
    /// Looks at what a package manager is about to do (a hook of apt calls it): exit 1 stops it
    Pre(Pre),
    /// Looks at what packages did, and writes it down (a hook of apt and dpkg calls it)
    Post,
    /// Says whether a package may restart nginx now (policy-rc.d calls it): exit 1 is no
    Policy(Policy),
    /// Writes down that nginx was started or reloaded (a drop-in of systemd calls it)
    Unit(Unit),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel package install --root /srv/image")]
pub(crate) struct Root {
    /// The root of the system to change
    #[arg(long, default_value = "/", value_name = "DIR")]
    pub(crate) root: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example (what apt runs):\n  evenkeel package pre < WHAT-APT-WRITES\n\nExit codes: 0 it may go on · 1 it must \
not · 2 could not look, so it may.\nEVENKEEL_PACKAGE_OVERRIDE=WHY, or apt's -o Evenkeel::Override=WHY, goes on in spite of a no; \
it is recorded."
)]
pub(crate) struct Pre {
    /// Read the archives from the command line of the dpkg that called, not standard input
    #[arg(long)]
    pub(crate) dpkg: bool,
    /// A package that changes, with the version that comes; for package managers that tell nothing else
    #[arg(long, value_name = "NAME=VERSION", conflicts_with = "dpkg")]
    pub(crate) touched: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel package policy nginx restart; echo $?")]
pub(crate) struct Policy {
    /// The service, what shall be done with it, and what else invoke-rc.d says
    #[arg(required = true, num_args = 1.., allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example (in a unit):\n  ExecStartPost=-/usr/bin/evenkeel package unit start")]
pub(crate) struct Unit {
    /// What was done
    #[arg(value_parser = ["start", "reload"])]
    pub(crate) action: String,
}
