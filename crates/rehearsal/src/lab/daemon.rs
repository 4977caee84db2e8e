//! Programs of the lab that stay in the background.

use std::future::Future;
use std::io;
use std::process::ExitCode;

use nix::unistd::ForkResult;

use crate::sandbox::sys;

/// Opens a socket, and goes on in the background; whoever started it hears when the socket is open, or why not.
pub(super) fn run<S, F>(
    pid_file: &str,
    open: impl FnOnce() -> io::Result<S>,
    serve: impl FnOnce(S) -> F,
) -> ExitCode
where
    F: Future<Output = io::Result<()>>,
{
    match begin(pid_file, open) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(socket)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime.and_then(|runtime| runtime.block_on(async { serve(socket).await }));
            if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(2) }
        }
        Err(error) => {
            eprintln!("evenkeel: failed to start in the background: {error}");
            ExitCode::from(2)
        }
    }
}

/// Gives the socket in the background, and nothing in the foreground.
fn begin<S>(pid_file: &str, open: impl FnOnce() -> io::Result<S>) -> io::Result<Option<S>> {
    let socket = open()?;
    if let ForkResult::Parent { child } = sys::fork()? {
        std::fs::write(pid_file, format!("{child}\n"))?;
        return Ok(None);
    }
    nix::unistd::setsid()?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(Some(socket))
}
