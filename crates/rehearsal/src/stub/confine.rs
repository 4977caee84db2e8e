//! What the process of the stubs may still do once it serves: speak on the descriptors that it has, and end.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// The system calls that are allowed with whatever arguments. No call that makes a descriptor or a process is among
/// them, but `accept4` and the receiving of what the parent sends.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_accept4,
    libc::SYS_close,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_futex,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Gives up everything else, for good; what is asked for nevertheless fails with `EPERM`.
pub(super) fn confine() -> io::Result<()> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
    // Memory, but none that runs.
    let not_executable = || only_if(2, Op::MaskedEq(libc::PROT_EXEC as u64), 0);
    rules.insert(libc::SYS_mmap, vec![not_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![not_executable()?]);
    rules.insert(libc::SYS_ioctl, vec![only_if(1, Op::Eq, libc::FIONBIO)?]);
    // A descriptor of its own may be looked at; `F_DUPFD_CLOEXEC` makes nothing that it does not have.
    let control = [libc::F_GETFL, libc::F_SETFL, libc::F_GETFD, libc::F_SETFD, libc::F_DUPFD_CLOEXEC];
    let control = control.map(|command| only_if(1, Op::Eq, command as u64));
    rules.insert(libc::SYS_fcntl, control.into_iter().collect::<io::Result<_>>()?);
    let (otherwise, allow) = (SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow);
    let filter = SeccompFilter::new(rules, otherwise, allow, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    // It sets no_new_privs, too.
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

fn only_if(argument: u8, operator: Op, value: u64) -> io::Result<SeccompRule> {
    let condition =
        SeccompCondition::new(argument, Length::Dword, operator, value).map_err(io::Error::other)?;
    SeccompRule::new(vec![condition]).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::Command;

    use super::*;

    /// What comes of trying something in a thread of its own that is confined.
    fn tried<T>(attempt: impl FnOnce() -> io::Result<T> + Send) -> Option<i32> {
        let confined = || {
            confine().unwrap();
            attempt().err().and_then(|error| error.raw_os_error())
        };
        std::thread::scope(|scope| scope.spawn(confined).join().unwrap())
    }

    #[test]
    fn who_is_confined_can_open_start_and_reach_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let denied = Some(libc::EPERM);
        assert_eq!(tried(|| std::fs::File::open("/dev/null")), denied);
        assert_eq!(tried(|| std::fs::read_dir("/")), denied);
        assert_eq!(tried(|| std::fs::remove_file("/nothing")), denied);
        assert_eq!(tried(|| TcpStream::connect(at)), denied);
        assert_eq!(tried(|| TcpListener::bind("127.0.0.1:0")), denied);
        assert_eq!(tried(std::os::unix::net::UnixStream::pair), denied);
        assert_eq!(tried(|| Command::new("/bin/true").status()), denied);
        assert_eq!(tried(|| std::thread::Builder::new().spawn(|| ())), denied);
    }

    #[test]
    fn who_is_confined_can_still_accept_and_answer() {
        use std::io::{Read, Write};
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let answered = tried(|| {
            let (mut stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            stream.write_all(b"here")
        });
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!((answered, heard.as_str()), (None, "here"));
    }
}
