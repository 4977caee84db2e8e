//! The hidden command `__fuse`: the process that takes a release back when nobody confirms it.

use std::ffi::OsString;
use std::process::ExitCode;

use evenkeel_host::fuse::{FuseArgs, run};

/// Reads `--state-dir DIR --command-pid N [--ready FILE]` and becomes the fuse.
pub(crate) fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match read(arguments) {
        Some(args) => run(&args),
        None => {
            eprintln!("evenkeel: __fuse is started by `evenkeel apply` alone");
            ExitCode::from(2)
        }
    }
}

fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<FuseArgs> {
    let (mut state_dir, mut command_pid, mut ready) = (None, None, None);
    while let Some(flag) = arguments.next() {
        let value = arguments.next()?;
        match flag.to_str()? {
            "--state-dir" => state_dir = Some(value.into()),
            "--command-pid" => command_pid = value.to_str()?.parse().ok(),
            "--ready" => ready = Some(value.into()),
            _ => return None,
        }
    }
    Some(FuseArgs { state_dir: state_dir?, command_pid: command_pid?, ready })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Option<FuseArgs> {
        read(words.iter().map(OsString::from))
    }

    #[test]
    fn only_its_own_arguments_make_a_fuse() {
        let args = of(&["--state-dir", "/s", "--command-pid", "7"]).unwrap();
        assert_eq!((args.state_dir.to_str(), args.command_pid, args.ready), (Some("/s"), 7, None));
        assert!(of(&[]).is_none() && of(&["--state-dir"]).is_none());
        assert!(of(&["--state-dir", "/s", "--command-pid", "x"]).is_none() && of(&["--help", ""]).is_none());
    }
}
