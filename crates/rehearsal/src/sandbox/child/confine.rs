//! What the programs inside may not do: no namespaces, no mounts, no looking into other processes, no more than their
//! share. Everything here only takes away.

use std::collections::BTreeMap;
use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter, sock_filter,
};

use crate::sandbox::sys;
use crate::sandbox::wire::Plan;

/// What the master of nginx needs of root's power, by number (include/uapi/linux/capability.h): change owners, read
/// and write what is its, signal, become its user, low ports, raw sockets for `transparent`, lock memory, priorities.
const CAPABILITIES: &[u64] = &[0, 1, 2, 3, 4, 5, 6, 7, 10, 13, 14, 23];
const CAPABILITIES_MAX: u64 = 63;

/// System calls that nginx never needs and that a way out would.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];
/// System calls that are answered as by an older kernel: programs have another way.
const MISSING: &[libc::c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    // Memory that no process seems to hold.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
];
/// Flags of `clone` that make a namespace.
const NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];
/// The only families of sockets: the two of the internet, unix sockets, and the one the C library reads addresses by.
const FAMILIES: &[libc::c_int] = &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_UNIX];

/// The filters, made once and installed in every program.
#[derive(Clone)]
pub(super) struct Filters(Vec<BpfProgram>);

impl Filters {
    pub(super) fn new() -> io::Result<Self> {
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
            REFUSED.iter().map(|&call| (call, Vec::new())).collect();
        let mut namespaces = Vec::new();
        for &flag in NAMESPACES {
            let flag = u64::from(flag.cast_unsigned());
            namespaces.push(rule(vec![(0, SeccompCmpOp::MaskedEq(flag), flag)])?);
        }
        refused.insert(libc::SYS_clone, namespaces);
        let other = FAMILIES.iter().map(|&family| (0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned())));
        refused.insert(libc::SYS_socket, vec![rule(other.collect())?]);
        let missing = MISSING.iter().map(|&call| (call, Vec::new())).collect();
        Ok(Self(vec![filter(refused, libc::EPERM)?, filter(missing, libc::ENOSYS)?]))
    }

    fn install(&self) -> io::Result<()> {
        self.0.iter().try_for_each(|program| apply_filter(program).map_err(io::Error::other))
    }
}

fn rule(conditions: Vec<(u8, SeccompCmpOp, u64)>) -> io::Result<SeccompRule> {
    let conditions = conditions.into_iter().map(|(number, operation, value)| {
        SeccompCondition::new(number, SeccompCmpArgLen::Dword, operation, value)
    });
    let conditions = conditions.collect::<Result<_, _>>().map_err(io::Error::other)?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int) -> io::Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let refuse = SeccompAction::Errno(errno.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(io::Error::other)?;
    Ok(if cfg!(target_arch = "x86_64") { [without_x32(), program].concat() } else { program })
}

/// The same calls have second numbers on x86-64, which the filter would not know.
fn without_x32() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let code = |code: u32| u16::try_from(code).expect("codes fit 16 bits");
    let load = sock_filter { code: code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), jt: 0, jf: 0, k: 0 };
    let is_x32 =
        sock_filter { code: code(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K), jt: 0, jf: 1, k: X32 };
    let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    let answer = sock_filter { code: code(libc::BPF_RET | libc::BPF_K), jt: 0, jf: 0, k: refuse };
    vec![load, is_x32, answer]
}

/// Confines this process for good, just before it executes a program.
pub(super) fn program(plan: &Plan, filters: &Filters) -> io::Result<()> {
    nix::unistd::setsid()?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    // A file that becomes too long is an error to the program, not its end.
    ignore(Signal::SIGXFSZ)?;
    let lower = |resource, limit: u64| {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, limit.min(hard), limit.min(hard))
    };
    let (soft, hard) = plan.open_files;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, soft.min(most), hard.min(most))?;
    lower(Resource::RLIMIT_CORE, 0)?;
    lower(Resource::RLIMIT_FSIZE, plan.file_bytes)?;
    lower(Resource::RLIMIT_DATA, plan.memory_bytes)?;
    if counts_processes_by_namespace() {
        lower(Resource::RLIMIT_NPROC, u64::from(plan.processes))?;
    }
    for number in 0..=CAPABILITIES_MAX {
        if !CAPABILITIES.contains(&number) {
            match sys::drop_capability(number) {
                Ok(()) => {}
                // The kernel knows no more of them.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
                Err(error) => return Err(error),
            }
        }
    }
    nix::sys::prctl::set_no_new_privs()?;
    filters.install()
}

/// Before Linux 5.14 the limit counted all processes of the user on the machine.
fn counts_processes_by_namespace() -> bool {
    let Ok(name) = nix::sys::utsname::uname() else { return false };
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 14)
}

fn ignore(signal: Signal) -> io::Result<()> {
    sys::set_signal(signal, SigHandler::SigIgn)
}
