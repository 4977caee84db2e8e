//! Two network namespaces with a cable between: a host that listens and has a firewall, and its clients.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use evenkeel_model::reach::{Host, HostRoute, Interface, Transport};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect, getsockopt, recv, send,
    socket, sockopt,
};

/// Says whether this process is already inside.
pub(crate) const INSIDE: &str = "EVENKEEL_REACH_INSIDE";

/// Where the host listens, for TCP and UDP, on every address.
pub(crate) const PORTS: &[u16] = &[22, 53, 80, 443, 1080, 5000, 8080, 8443];
/// The host's interface.
pub(crate) const DEVICE: &str = "va";
/// The host's addresses.
pub(crate) const SERVERS: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1)),
];
/// The addresses of clients: neighbours, and the internet.
pub(crate) const CLIENTS: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 100)),
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, 101)),
    IpAddr::V4(Ipv4Addr::new(192, 168, 7, 7)),
    IpAddr::V4(Ipv4Addr::new(93, 187, 141, 66)),
    IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x100)),
    IpAddr::V6(Ipv6Addr::new(0x2a0f, 0x5381, 0x9e3c, 0x71, 0, 0, 0xb4d2, 0x1f)),
];

/// Starts this test again in namespaces of its own, as often as there are environments; says how each ended.
pub(crate) fn enter(test: &str, environments: &[Vec<(String, String)>]) -> bool {
    let exe = std::env::current_exe().unwrap();
    let root = nix::unistd::geteuid().is_root();
    let children: Vec<_> = environments
        .iter()
        .map(|environment| {
            // It ends with this process, whatever ends that.
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "unshare"]).args(if root {
                &["-n", "-m"][..]
            } else {
                &["-Urn", "-m"][..]
            });
            command.args(["--fork", "--pid", "--kill-child", "--mount-proc"]).arg(&exe);
            command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
            command.env(INSIDE, "1").envs(environment.iter().cloned()).stdin(Stdio::null());
            command.spawn().unwrap()
        })
        .collect();
    // All are waited for, also when the first has failed.
    let ended: Vec<bool> = children.into_iter().map(|mut child| child.wait().unwrap().success()).collect();
    ended.into_iter().all(|one| one)
}

/// Runs a command of the host that must go well.
pub(crate) fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Gives a command its input; says what it had to say when it failed.
pub(crate) fn feed(program: &str, args: &[&str], input: &str) -> Result<(), String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// One question to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    /// The client.
    pub(crate) from: IpAddr,
    /// The host.
    pub(crate) to: IpAddr,
    /// The port.
    pub(crate) port: u16,
    /// TCP or UDP.
    pub(crate) transport: Transport,
}

/// What the client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Saw {
    /// The answer of the socket that listens on this port.
    Answer(String),
    /// Nothing.
    Nothing,
    /// An error.
    Error(Errno),
}

/// The clients' end: questions go in, what was seen comes out.
pub(crate) struct World {
    questions: mpsc::Sender<(Vec<Question>, Duration)>,
    seen: mpsc::Receiver<Vec<Saw>>,
}

impl World {
    /// Lays the cable; this process is the host.
    pub(crate) fn new() -> Self {
        let (said, heard) = mpsc::channel();
        let (questions, asked) = mpsc::channel::<(Vec<Question>, Duration)>();
        let (answer, seen) = mpsc::channel();
        let (cable, laid) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            said.send(nix::unistd::gettid().as_raw()).unwrap();
            laid.recv().unwrap();
            client_side();
            said.send(0).unwrap();
            for (questions, limit) in asked {
                answer.send(ask(&questions, limit)).unwrap();
            }
        });
        let tid = heard.recv().unwrap().to_string();
        let ip = |line: &str| run("ip", &line.split(' ').collect::<Vec<_>>());
        ip("link set lo up");
        ip(&format!(
            "link add va address 02:00:00:00:00:01 type veth peer name vb address 02:00:00:00:00:02 netns {tid}"
        ));
        sysctl("ipv4/icmp_ratelimit", "0");
        sysctl("ipv6/icmp/ratelimit", "0");
        sysctl("ipv4/tcp_synack_retries", "0");
        sysctl("ipv4/conf/all/rp_filter", "0");
        sysctl("ipv4/conf/va/rp_filter", "0");
        for (address, prefix) in SERVERS.iter().zip([24, 24, 64]) {
            let nodad = if address.is_ipv6() { " nodad" } else { "" };
            ip(&format!("addr add {address}/{prefix} dev va{nodad}"));
        }
        ip("link set va up");
        cable.send(()).unwrap();
        heard.recv().unwrap();
        for client in CLIENTS {
            ip(&format!("neigh replace {client} lladdr 02:00:00:00:00:02 dev va nud permanent"));
        }
        ip("route add default via 10.9.0.100 dev va");
        ip("-6 route add default via fd09::100 dev va");
        listen();
        Self { questions, seen }
    }

    /// Asks all at once.
    pub(crate) fn ask(&self, questions: &[Question], limit: Duration) -> Vec<Saw> {
        self.questions.send((questions.to_vec(), limit)).unwrap();
        self.seen.recv().unwrap()
    }
}

/// What a verdict has to know of the host.
pub(crate) fn host() -> Host {
    let addresses = SERVERS.iter().copied().zip([24, 24, 64]).collect();
    let route = |destination: &str, prefix| HostRoute {
        destination: destination.parse().unwrap(),
        prefix,
        interface: DEVICE.to_owned(),
        metric: 0,
    };
    let lo = Interface {
        name: "lo".to_owned(),
        addresses: vec![("127.0.0.1".parse().unwrap(), 8), ("::1".parse().unwrap(), 128)],
        loopback: true,
        bridge: false,
    };
    let va = Interface { name: DEVICE.to_owned(), addresses, loopback: false, bridge: false };
    let routes = vec![route("10.9.0.0", 24), route("0.0.0.0", 0), route("fd09::", 64), route("::", 0)];
    Host { interfaces: vec![lo, va], routes }
}

fn sysctl(name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{name}"), value).unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// In the clients' namespace, on their thread.
fn client_side() {
    let ip = |line: &str| run("ip", &line.split(' ').collect::<Vec<_>>());
    ip("link set lo up");
    sysctl("ipv4/tcp_syn_retries", "1");
    for client in CLIENTS {
        let (prefix, nodad) = if client.is_ipv6() { (128, " nodad") } else { (32, "") };
        ip(&format!("addr add {client}/{prefix} dev vb{nodad}"));
    }
    ip("link set vb up");
    for server in SERVERS {
        ip(&format!("route add {server} dev vb"));
        ip(&format!("neigh replace {server} lladdr 02:00:00:00:00:01 dev vb nud permanent"));
    }
}

/// Listens everywhere; each answer names the port.
fn listen() {
    for port in PORTS {
        for any in ["0.0.0.0", "::"] {
            let address: SocketAddr = SocketAddr::new(any.parse().unwrap(), *port);
            let tcp = socket_of(&address, SockType::Stream);
            nix::sys::socket::listen(&tcp, nix::sys::socket::Backlog::new(128).unwrap()).unwrap();
            let tcp = TcpListener::from(tcp);
            std::thread::spawn(move || {
                for stream in tcp.incoming() {
                    let Ok(mut stream) = stream else { continue };
                    let port = *port;
                    std::thread::spawn(move || {
                        let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
                        stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
                        let mut byte = [0];
                        if stream.read_exact(&mut byte).is_ok() {
                            let _gone = writeln!(stream, "{port}");
                            let _gone = stream.read(&mut byte);
                        }
                        // Nothing of it is left to disturb the next question.
                        let _closed = nix::sys::socket::setsockopt(&stream, sockopt::Linger, &linger);
                    });
                }
            });
        }
        // UDP answers from the address that was asked, so each has a socket.
        for server in SERVERS {
            let udp = UdpSocket::from(socket_of(&SocketAddr::new(*server, *port), SockType::Datagram));
            std::thread::spawn(move || {
                let mut buffer = [0; 16];
                loop {
                    if let Ok((_, from)) = udp.recv_from(&mut buffer) {
                        let _gone = udp.send_to(format!("{port}\n").as_bytes(), from);
                    }
                }
            });
        }
    }
}

fn socket_of(address: &SocketAddr, kind: SockType) -> OwnedFd {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, kind, SockFlag::SOCK_CLOEXEC, None).unwrap();
    nix::sys::socket::setsockopt(&fd, sockopt::ReuseAddr, &true).unwrap();
    if address.is_ipv6() {
        nix::sys::socket::setsockopt(&fd, sockopt::Ipv6V6Only, &true).unwrap();
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(*address)).unwrap();
    fd
}

/// How far one question is.
enum State {
    Connecting,
    Waiting { rounds: u8 },
    Over(Saw),
}

fn ask(questions: &[Question], limit: Duration) -> Vec<Saw> {
    let mut open: Vec<(OwnedFd, State)> = questions.iter().map(begin).collect();
    let end = Instant::now() + limit;
    loop {
        let waiting: Vec<usize> =
            (0..open.len()).filter(|at| !matches!(open[*at].1, State::Over(_))).collect();
        let left = end.saturating_duration_since(Instant::now());
        if waiting.is_empty() || left.is_zero() {
            break;
        }
        let ready: Vec<(usize, bool)> = {
            let mut fds: Vec<PollFd<'_>> = waiting
                .iter()
                .map(|at| {
                    let events = match open[*at].1 {
                        State::Connecting => PollFlags::POLLOUT,
                        _ => PollFlags::POLLIN,
                    };
                    PollFd::new(open[*at].0.as_fd(), events)
                })
                .collect();
            let left_ms = u16::try_from(left.as_millis() + 1).unwrap();
            poll(&mut fds, PollTimeout::from(left_ms)).unwrap();
            waiting.iter().zip(&fds).map(|(at, fd)| (*at, fd.any().unwrap_or(false))).collect()
        };
        for (at, ready) in ready {
            if ready {
                let (fd, state) = &mut open[at];
                go_on(fd, state, questions[at]);
            }
        }
    }
    open.into_iter()
        .map(|(fd, state)| {
            let linger = nix::libc::linger { l_onoff: 1, l_linger: 0 };
            let _closed = nix::sys::socket::setsockopt(&fd, sockopt::Linger, &linger);
            match state {
                State::Over(saw) => saw,
                _ => Saw::Nothing,
            }
        })
        .collect()
}

fn begin(question: &Question) -> (OwnedFd, State) {
    let family = if question.to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let kind = if question.transport == Transport::Tcp { SockType::Stream } else { SockType::Datagram };
    let fd = socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None).unwrap();
    bind(fd.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(question.from, 0))).unwrap();
    let to = SockaddrStorage::from(SocketAddr::new(question.to, question.port));
    let state = match connect(fd.as_raw_fd(), &to) {
        Ok(()) if question.transport == Transport::Udp => first_byte(&fd),
        Ok(()) | Err(Errno::EINPROGRESS) => State::Connecting,
        Err(error) => State::Over(Saw::Error(error)),
    };
    (fd, state)
}

fn first_byte(fd: &OwnedFd) -> State {
    match send(fd.as_raw_fd(), b"x", MsgFlags::MSG_NOSIGNAL) {
        Ok(_) => State::Waiting { rounds: 0 },
        Err(error) => State::Over(Saw::Error(error)),
    }
}

fn go_on(fd: &OwnedFd, state: &mut State, question: Question) {
    *state = match state {
        State::Connecting => match getsockopt(fd, sockopt::SocketError).unwrap() {
            0 => first_byte(fd),
            error => State::Over(Saw::Error(Errno::from_raw(error))),
        },
        State::Waiting { rounds } => {
            let mut buffer = [0; 16];
            match recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(0) => State::Over(Saw::Nothing),
                // UDP's second packet belongs to the connection too.
                Ok(_) if question.transport == Transport::Udp && *rounds == 0 => match first_byte(fd) {
                    State::Waiting { .. } => State::Waiting { rounds: 1 },
                    other => other,
                },
                Ok(read) => {
                    State::Over(Saw::Answer(String::from_utf8_lossy(&buffer[..read]).trim().to_owned()))
                }
                Err(Errno::EAGAIN) => return,
                Err(error) => State::Over(Saw::Error(error)),
            }
        }
        State::Over(saw) => State::Over(saw.clone()),
    };
}
