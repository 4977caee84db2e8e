//! What a program inside can reach of this machine: nothing.
//!
//! The test binary is started inside in the place of nginx, tries everything that it knows, and prints what worked.
#![expect(unsafe_code, reason = "it makes system calls that are refused, which no library would")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use evenkeel_rehearsal::sandbox::{Mode, Sandbox, Started};

use crate::Test;
use crate::life::{http, in_every_mode, spec, tree};

pub(crate) const TESTS: &[Test] = &[
    ("nothing_outside_is_within_reach", nothing_outside_is_within_reach),
    ("privileges_are_gone", privileges_are_gone),
    ("tree_that_is_not_trusted_sees_no_key", tree_that_is_not_trusted_sees_no_key),
];

/// Planted on this machine, looked for inside.
const SECRET: &str = "planted-8f2c-secret";

/// Is the program inside.
pub(crate) fn probe(args: &[String]) -> ExitCode {
    let found = match args.first().map(String::as_str) {
        Some("reach") => reach(&args[1..]),
        Some("privileges") => privileges(),
        Some("hoard") => hoard(),
        _ => vec!["no such probe".to_owned()],
    };
    for line in &found {
        println!("{line}");
    }
    println!("looked at everything");
    ExitCode::from(u8::from(!found.is_empty()))
}

/// Holds 200 MiB that two processes share.
fn hoard() -> Vec<String> {
    let (length, access) = (200 << 20, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping, which lives as long as the process; nobody else writes to it meanwhile.
    let memory = unsafe {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let at = libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0);
        assert!(at != libc::MAP_FAILED);
        std::slice::from_raw_parts_mut(at.cast::<u8>(), length)
    };
    memory.fill(1);
    // SAFETY: this process has one thread.
    unsafe { nix::unistd::fork() }.unwrap();
    assert!(memory.iter().step_by(4096).all(|byte| *byte == 1));
    std::thread::sleep(Duration::from_secs(3));
    vec!["held it".to_owned()]
}

/// Starts this program inside and fails with what it could do.
async fn look(sandbox: &Sandbox, arguments: &[String]) {
    let program = std::env::current_exe().unwrap();
    match sandbox.start_nginx(&program, arguments).await.unwrap() {
        Started::Refused { status, output } => {
            let output = String::from_utf8_lossy(&output).into_owned();
            assert!(status == 0 && output == "looked at everything\n", "{status}: {output}");
        }
        other => panic!("{other:?}"),
    }
}

/// Where a test may leave files that the mirror shows; elsewhere they would not be seen at all.
fn mirrored() -> tempfile::TempDir {
    let shown =
        [env!("CARGO_TARGET_TMPDIR"), "/var/tmp"].into_iter().find_map(|at| tempfile::tempdir_in(at).ok());
    let shown = shown.unwrap();
    fs::set_permissions(&shown, fs::Permissions::from_mode(0o755)).unwrap();
    shown
}

fn nothing_outside_is_within_reach() {
    let (shown, apart) = (mirrored(), tempfile::tempdir().unwrap());
    // A directory that the mirror lacks and the tree names, such as a web root.
    let named = tempfile::tempdir().unwrap();
    fs::set_permissions(&named, fs::Permissions::from_mode(0o755)).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    datagrams.set_nonblocking(true).unwrap();
    let unix = [&shown, &apart, &named].map(|place| place.path().join("machine.sock"));
    let _unix = unix.clone().map(|path| UnixListener::bind(path).unwrap());
    let name = format!("evenkeel-probe-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&UnixAddress::from_abstract_name(&name).unwrap()).unwrap();
    let mut secrets = vec![apart.path().join("secret"), shown.path().join("key.pem")];
    let _in_home = tempfile::tempdir_in("/root").inspect(|home| secrets.push(home.path().join("secret")));
    for secret in &secrets {
        fs::write(secret, SECRET).unwrap();
    }
    let writable = shown.path().join("writable");
    fs::write(&writable, "as it was").unwrap();
    let mut bystander = Bystander::new();
    // Handed on by accident, as a careless parent would.
    let leaked = fs::File::open(&writable).unwrap();
    nix::fcntl::fcntl(&leaked, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let tree = tree(&http(""));
    in_every_mode(async |mode: Mode| {
        let mut spec = spec(tree.path());
        spec.mode = Some(mode);
        spec.nginx.push(std::env::current_exe().unwrap());
        spec.nginx.push(named.path().to_owned());
        spec.hidden = vec![shown.path().join("key.pem")];
        let sandbox = Sandbox::start(spec).await.unwrap();
        let mut arguments = vec!["probe".to_owned(), "reach".to_owned(), port.to_string()];
        arguments.push(datagrams.local_addr().unwrap().port().to_string());
        arguments.push(name.clone());
        arguments.push(std::process::id().to_string());
        arguments.push(bystander.0.id().to_string());
        arguments.push(writable.display().to_string());
        arguments.push(own_addresses());
        arguments.extend(unix.iter().map(|path| path.display().to_string()));
        arguments.extend(secrets.iter().map(|path| path.display().to_string()));
        look(&sandbox, &arguments).await;
    });
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "somebody came");
    assert!(datagrams.recv(&mut [0; 10]).is_err(), "something came");
    assert_eq!(fs::read_to_string(&writable).unwrap(), "as it was");
    assert!(bystander.0.try_wait().unwrap().is_none(), "it was killed");
}

/// The addresses of this machine, one after the other.
fn own_addresses() -> String {
    let all = nix::ifaddrs::getifaddrs().unwrap();
    let v4 = all.filter_map(|one| one.address?.as_sockaddr_in().map(|v4| format!("{},", v4.ip())));
    v4.collect()
}

/// A process of this machine.
struct Bystander(std::process::Child);

impl Bystander {
    fn new() -> Self {
        let mut sleep = std::process::Command::new("sleep");
        let null = std::process::Stdio::null;
        Self(sleep.arg("600").stdin(null()).stdout(null()).stderr(null()).spawn().unwrap())
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn reach(args: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut no = |what: &str, worked: bool| {
        if worked {
            found.push(what.to_owned());
        }
    };
    let number = |place: usize| args[place].parse::<i32>().unwrap();
    let (port, datagrams) = (args[0].parse::<u16>().unwrap(), args[1].parse::<u16>().unwrap());
    let mut addresses: Vec<SocketAddr> = vec![(Ipv4Addr::LOCALHOST, port).into()];
    addresses.extend(args[6].split_terminator(',').map(|ip| SocketAddr::new(ip.parse().unwrap(), port)));
    for address in addresses {
        let reached = TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok();
        no(&format!("connected to {address}"), reached);
    }
    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let _lost = udp.send_to(b"hello", (Ipv4Addr::LOCALHOST, datagrams));
    drop(udp);
    let name = UnixAddress::from_abstract_name(&args[2]).unwrap();
    no("connected to an abstract socket", UnixStream::connect_addr(&name).is_ok());
    let title = fs::read(format!("/proc/{}/cmdline", number(4)));
    no("saw a process of this machine", title.is_ok_and(|line| line.starts_with(b"sleep")));
    let seen = fs::read_dir("/proc").unwrap().flatten();
    let seen =
        seen.filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
    no("saw more processes than itself and the first one", seen.count() > 2);
    let writable = Path::new(&args[5]);
    no("wrote to a file of the mirror", fs::write(writable, "changed").is_ok());
    no("opened it for writing", fs::OpenOptions::new().append(true).open(writable).is_ok());
    no("changed its mode", fs::set_permissions(writable, fs::Permissions::from_mode(0o777)).is_ok());
    no("removed it", fs::remove_file(writable).is_ok());
    for directory in
        ["/", "/etc", "/etc/nginx", "/usr/bin", "/var/lib", writable.parent().unwrap().to_str().unwrap()]
    {
        let file = Path::new(directory).join("evenkeel-was-here");
        let made = fs::write(&file, "x").is_ok();
        // What can be written to is in memory, and goes with the sandbox.
        no(&format!("wrote into {directory}"), made && !is_in_memory(&file));
    }
    for path in &args[7..] {
        no(&format!("connected to {path}"), UnixStream::connect(path).is_ok());
        no(&format!("read {path}"), fs::read_to_string(path).is_ok_and(|text| text.contains(SECRET)));
        for root in ["/proc/1/root", "/proc/1/cwd", "/proc/self/root/..", "/proc/self/cwd/../../.."] {
            let path = PathBuf::from(format!("{root}{path}"));
            let read = fs::read_to_string(&path).is_ok_and(|text| text.contains(SECRET));
            no(&format!("read {}", path.display()), read);
        }
    }
    for path in ["/proc/1/environ", "/proc/1/mem", "/proc/1/maps"] {
        no(&format!("read {path}"), fs::File::open(path).is_ok());
    }
    let held = fs::read_dir("/proc/1/fd").into_iter().flatten().flatten();
    no("saw what the first process has open", held.into_iter().any(|one| fs::read_link(one.path()).is_ok()));
    for path in ["/proc/1/ns/net", "/proc/1/ns/mnt", "/proc/1/ns/user"] {
        no(&format!("opened {path}"), fs::File::open(path).is_ok());
    }
    for path in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/proc/self/oom_score_adj",
        "/proc/self/uid_map",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/devices/system/cpu/cpu1/online",
        "/dev/kmsg",
        "/dev/mem",
        "/dev/sda",
        "/dev/vda",
        "/dev/tty",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
    ] {
        no(&format!("opened {path} for writing"), fs::OpenOptions::new().write(true).open(path).is_ok());
    }
    let environment: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    no(&format!("was given the environment {environment:?}"), environment != ["PATH"]);
    let open: Vec<PathBuf> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .collect();
    // Standard input, output and error, and the directory that is being read.
    no(&format!("was given {open:?}"), open.len() > 4);
    // There may be no /proc at all.
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for line in table.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let is_tmpfs = line.split(" - ").nth(1).is_some_and(|rest| rest.starts_with("tmpfs tmpfs"));
        let devices = ["full", "null", "random", "tty", "urandom", "zero"].map(|name| format!("/dev/{name}"));
        let is_sealed = fields[5].split(',').any(|option| option == "ro");
        let is_device = devices.iter().any(|device| fields[4] == device);
        no(&format!("saw a mount that can be written to: {line}"), !is_sealed && !is_device && !is_tmpfs);
    }
    // The first process hears no signal from inside.
    let _ignored = nix::sys::signal::kill(nix::unistd::Pid::from_raw(1), nix::sys::signal::Signal::SIGKILL);
    found
}

fn is_in_memory(file: &Path) -> bool {
    let found = nix::sys::statfs::statfs(file).map(|found| found.filesystem_type());
    found.is_ok_and(|kind| kind == nix::sys::statfs::TMPFS_MAGIC)
}

fn tree_that_is_not_trusted_sees_no_key() {
    if !nix::unistd::geteuid().is_root() {
        println!("  not run: only root could read them");
        return;
    }
    let shown = mirrored();
    let only_root = |path: &Path, text: &str| {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    };
    let outside = shown.path().join("key.pem");
    only_root(&outside, SECRET);
    // As a bundle lies on the host: for root alone.
    let tree = tree(&http("server { listen 80; return 200 here; }"));
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o700)).unwrap();
    only_root(&tree.path().join("site.key"), &format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n"));
    let script = shown.path().join("stand-in");
    let reads = format!("#!/bin/sh\ncat /etc/shadow {} /etc/nginx/site.key\necho done\n", outside.display());
    fs::write(&script, reads).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    crate::block_on(async {
        let mut spec = spec(tree.path());
        spec.mode = Some(Mode::Shift);
        spec.nginx.push(script.clone());
        spec.hidden = vec![PathBuf::from("/etc/ssl/private")];
        spec.files = vec![(PathBuf::from("/etc/ssl/private/a.key"), b"made up".to_vec(), 0o600)];
        let sandbox = Sandbox::start(spec).await.unwrap();
        let started = sandbox.start_nginx(&script, &[]).await.unwrap();
        let Started::Refused { status: 0, output } = started else { panic!("{started:?}") };
        let output = String::from_utf8(output).unwrap();
        assert!(!output.contains(SECRET) && !output.contains("root:"), "{output}");
        // Whether the key outside is closed or not even seen depends on where it lies.
        let withheld = ["Permission denied", "No such file"].map(|why| output.matches(why).count());
        assert_eq!(withheld.iter().sum::<usize>(), 2, "{output}");
        crate::life::running(crate::life::start(&sandbox).await);
        assert!(crate::life::get(&sandbox, None, crate::life::HOST, "/").await.ends_with("here"));
        let key = sandbox.read(Path::new("/etc/ssl/private/a.key"), 100).await.unwrap();
        assert_eq!(key, b"made up");
    });
}

fn privileges_are_gone() {
    let tree = tree(&http(""));
    in_every_mode(async |mode: Mode| {
        let mut spec = spec(tree.path());
        spec.mode = Some(mode);
        spec.nginx.push(std::env::current_exe().unwrap());
        let sandbox = Sandbox::start(spec).await.unwrap();
        look(&sandbox, &["probe".to_owned(), "privileges".to_owned()]).await;
    });
}

fn privileges() -> Vec<String> {
    let mut found = Vec::new();
    if nix::sys::prctl::get_no_new_privs() != Ok(true) {
        found.push("may gain privileges".to_owned());
    }
    for (number, name) in [(12, "NET_ADMIN"), (16, "SYS_MODULE"), (19, "SYS_PTRACE"), (21, "SYS_ADMIN")] {
        // SAFETY: prctl takes integers here.
        if unsafe { libc::prctl(libc::PR_CAPBSET_READ, number, 0, 0, 0) } != 0 {
            found.push(format!("may have CAP_{name}"));
        }
    }
    let file = fs::File::open("/etc/passwd").unwrap();
    let (here, one) = (c"/tmp".as_ptr(), 1_usize);
    let new = |flag: libc::c_int| flag as usize;
    let calls: &[(&str, libc::c_long, [usize; 5])] = &[
        ("mount", libc::SYS_mount, [c"x".as_ptr() as usize, here as usize, c"tmpfs".as_ptr() as usize, 0, 0]),
        ("umount", libc::SYS_umount2, [c"/etc/nginx".as_ptr() as usize, 2, 0, 0, 0]),
        ("open_tree", libc::SYS_open_tree, [0, c"/".as_ptr() as usize, 1, 0, 0]),
        ("fsopen", libc::SYS_fsopen, [c"tmpfs".as_ptr() as usize, 0, 0, 0, 0]),
        ("pivot_root", libc::SYS_pivot_root, [here as usize, here as usize, 0, 0, 0]),
        ("chroot", libc::SYS_chroot, [here as usize, 0, 0, 0, 0]),
        ("setns", libc::SYS_setns, [file.as_raw_fd() as usize, 0, 0, 0, 0]),
        ("unshare user", libc::SYS_unshare, [new(libc::CLONE_NEWUSER), 0, 0, 0, 0]),
        ("unshare net", libc::SYS_unshare, [new(libc::CLONE_NEWNET), 0, 0, 0, 0]),
        ("unshare mounts", libc::SYS_unshare, [new(libc::CLONE_NEWNS), 0, 0, 0, 0]),
        ("clone user", libc::SYS_clone, [new(libc::CLONE_NEWUSER | libc::SIGCHLD), 0, 0, 0, 0]),
        ("clone mounts", libc::SYS_clone, [new(libc::CLONE_NEWNS | libc::SIGCHLD), 0, 0, 0, 0]),
        ("clone3", libc::SYS_clone3, [0, 0, 0, 0, 0]),
        ("ptrace", libc::SYS_ptrace, [0x4206, one, 0, 0, 0]),
        ("process_vm_readv", libc::SYS_process_vm_readv, [one, 0, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, 0, 0, 0, 0]),
        ("keyctl", libc::SYS_keyctl, [0, 0, 0, 0, 0]),
        ("perf_event_open", libc::SYS_perf_event_open, [0, 0, 0, 0, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, [8, 0, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, [0, 0, 0, 0, 0]),
        ("sethostname", libc::SYS_sethostname, [c"x".as_ptr() as usize, 1, 0, 0, 0]),
        ("syslog", libc::SYS_syslog, [3, 0, 0, 0, 0]),
        ("reboot", libc::SYS_reboot, [0, 0, 0, 0, 0]),
        ("AF_VSOCK", libc::SYS_socket, [libc::AF_VSOCK as usize, 1, 0, 0, 0]),
        ("AF_PACKET", libc::SYS_socket, [libc::AF_PACKET as usize, 3, 0, 0, 0]),
        ("AF_ALG", libc::SYS_socket, [libc::AF_ALG as usize, 5, 0, 0, 0]),
        (
            "mknod",
            libc::SYS_mknodat,
            [libc::AT_FDCWD as usize, c"/tmp/disk".as_ptr() as usize, 0o60666, 0x0800, 0],
        ),
    ];
    for (name, call, args) in calls {
        let [a, b, c, d, e] = *args;
        // SAFETY: every call is one that must be refused; what they point to outlives them, and a child that a clone
        // would make ends at once.
        let done = unsafe { libc::syscall(*call, a, b, c, d, e) };
        let refused = [libc::EPERM, libc::ENOSYS, libc::EACCES];
        let error = std::io::Error::last_os_error();
        if done == 0 && name.starts_with("clone") {
            std::process::exit(3);
        }
        if done >= 0 || !refused.contains(&error.raw_os_error().unwrap_or(0)) {
            found.push(format!("{name}: {done} {error}"));
        }
    }
    found
}
