//! Where namespaces are refused, as in most containers: a private copy of the tree, which listens, connects and writes
//! elsewhere. It is less than a sandbox, and the report says so: nginx runs as this user, with this machine's files and
//! network in its reach.

mod addresses;
mod copy;
pub(crate) mod keeper;
mod passes;
mod paths;
mod rewrite;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evenkeel_model::{Config, FileKind, Version};
use nix::unistd::{geteuid, mkdtemp};
use tokio::net::{TcpStream, UnixStream};

use self::addresses::Addresses;
use self::keeper::{Keeper, Order, Says};
use self::paths::Paths;
use crate::sandbox::processes::{children, has_ended, title, waits_for_events};
use crate::sandbox::{SandboxError, Side, Signal, Spec, Started};

/// How often it is looked whether nginx runs.
const LOOK: Duration = Duration::from_millis(2);
/// How long workers may take after the start has ended well.
const WORKERS: Duration = Duration::from_millis(500);
/// How much of the output is read.
const OUTPUT_BYTES_MAX: usize = 256 << 10;
/// The first nginx whose start can be told where to log (`-e`).
const LOGS_FROM: Version = Version { major: 1, minor: 19, patch: 5 };

/// A private prefix and the nginx in it. Dropping it ends and removes everything.
#[derive(Debug)]
pub(crate) struct Reduced {
    keeper: Keeper,
    paths: Paths,
    copies: Vec<PathBuf>,
    mains: Vec<PathBuf>,
    current: AtomicUsize,
    addresses: Mutex<Addresses>,
    differences: Vec<String>,
    arguments: Vec<String>,
    output: PathBuf,
    start: Duration,
}

impl Reduced {
    /// Lays the trees of `spec` out, in their order with what they mean.
    ///
    /// # Errors
    /// [`SandboxError::Path`] when a tree cannot be copied, [`SandboxError::Spawn`] when the keeper does not start.
    pub(crate) fn start(spec: &Spec, configs: &[&Config]) -> Result<Reduced, SandboxError> {
        // mkdtemp(3) puts letters in the place of the six X. A short name, because unix sockets go below it.
        let template = std::env::temp_dir().join("ek-XXXXXX");
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| SandboxError::Path { path, source }
        };
        let directory = mkdtemp(&template).map_err(|errno| at(&template)(errno.into()))?;
        let keeper = Keeper::start(&spec.program, &directory, &spec.limits).map_err(|source| {
            let _not_needed = fs::remove_dir_all(&directory);
            SandboxError::Spawn { program: spec.program.clone(), source }
        })?;
        // From here on the keeper removes it.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711)).map_err(at(&directory))?;
        let outside = |path: &&PathBuf| !path.starts_with(&spec.config_dir);
        let laid: BTreeSet<PathBuf> =
            spec.files.iter().map(|(path, ..)| path).filter(outside).cloned().collect();
        let paths = Paths {
            config_dir: spec.config_dir.clone(),
            conf: directory.join("conf"),
            root: directory.join("root"),
            laid,
        };
        let sockets = directory.join("s");
        [&sockets, &paths.root]
            .into_iter()
            .try_for_each(|path| copy::make_all(path))
            .map_err(at(&directory))?;
        // Workers of another user make the sockets of `listen unix:` there.
        fs::set_permissions(&sockets, fs::Permissions::from_mode(0o777)).map_err(at(&sockets))?;
        let own = spec.addresses.clone().unwrap_or_default();
        let known = crate::machine::parse_hosts(&fs::read_to_string("/etc/hosts").unwrap_or_default());
        let hosts = spec.hosts.iter().cloned().chain(known).collect();
        let mut reduced = Reduced {
            keeper,
            addresses: Mutex::new(Addresses::new(hosts, own, sockets, configs)),
            copies: (0..spec.trees.len()).map(|tree| directory.join(format!("tree{tree}"))).collect(),
            mains: configs
                .iter()
                .map(|config| paths.in_copy(paths::as_path(&config.settings().main)))
                .collect(),
            current: AtomicUsize::new(0),
            differences: Vec::new(),
            arguments: arguments(configs),
            output: directory.join("output"),
            start: spec.limits.start,
            paths,
        };
        reduced.lay_out(spec, configs).map_err(at(&directory))?;
        Ok(reduced)
    }

    fn lay_out(&mut self, spec: &Spec, configs: &[&Config]) -> io::Result<()> {
        let mut notes = BTreeSet::new();
        let mut written = BTreeSet::new();
        let below = |path: &Path| path.strip_prefix(&spec.config_dir).ok().map(Path::to_owned);
        for (tree, config) in configs.iter().enumerate() {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let is_root = geteuid().is_root();
            let rewritten = rewrite::rewrite(config, tree, &self.paths, &mut addresses, is_root);
            let rewritten = rewritten.map_err(io::Error::other)?;
            let mut files: Vec<(PathBuf, Vec<u8>, u32)> =
                rewritten.files.into_iter().map(|(path, bytes)| (path, bytes, 0o644)).collect();
            let ours = spec.files.iter();
            files.extend(ours.filter_map(|(path, bytes, mode)| Some((below(path)?, bytes.clone(), *mode))));
            copy::copy(&spec.trees[tree], &self.copies[tree], &files)?;
            notes.extend(rewritten.notes);
            written.extend(rewritten.written);
        }
        copy::written(&self.paths.root, written.iter(), &spec.directories)?;
        for (path, bytes, mode) in spec.files.iter().filter(|(path, ..)| below(path).is_none()) {
            copy::write(&self.paths.here_if_written(path), bytes, *mode)?;
        }
        symlink(&self.copies[0], &self.paths.conf)?;
        let addresses = self.addresses.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.differences = vec![
            "nginx runs without a sandbox, as this user: a copy of the tree whose addresses, logs, caches and \
             certificates lie elsewhere"
                .to_owned(),
            "clients come from loopback, and an address and the wildcard of its port do not get into each other's way"
                .to_owned(),
        ];
        self.differences.extend(notes);
        self.differences.extend(addresses.moves());
        Ok(())
    }

    /// What is not as on the host, one sentence each, for the report.
    pub(crate) fn differences(&self) -> &[String] {
        &self.differences
    }

    /// Makes a listening TCP socket where this address lies here; it does not block.
    ///
    /// # Errors
    /// As of `bind`; or it shall take connections to every address of the world, which is possible in namespaces alone.
    pub(crate) fn listen(&self, side: Side, at: SocketAddr) -> io::Result<OwnedFd> {
        if side == Side::World && at.ip().is_unspecified() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "where variables decide, nobody is reached",
            ));
        }
        let listener = TcpListener::bind(self.addresses().place(at))?;
        listener.set_nonblocking(true)?;
        Ok(listener.into())
    }

    /// Makes a listening unix socket, in place of one that is there.
    pub(crate) fn listen_unix(&self, path: &Path) -> io::Result<OwnedFd> {
        use std::os::unix::ffi::OsStrExt;
        let place = self.addresses().socket(path.as_os_str().as_bytes());
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&place)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777))?;
        listener.set_nonblocking(true)?;
        Ok(listener.into())
    }

    /// Makes a bound UDP socket where this address lies here; it does not block.
    pub(crate) fn udp(&self, at: SocketAddr) -> io::Result<OwnedFd> {
        let socket = UdpSocket::bind(self.addresses().place(at))?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// Connects to where this address lies here.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let place = self.addresses().reached(to, self.current.load(Ordering::Relaxed));
        TcpStream::connect(place).await
    }

    /// Connects to where this unix socket lies here.
    pub(crate) async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        use std::os::unix::ffi::OsStrExt;
        let place = self.addresses().socket(path.as_os_str().as_bytes());
        UnixStream::connect(place).await
    }

    /// Takes the file of a unix socket of the copy away.
    pub(crate) fn remove_unix(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::ffi::OsStrExt;
        match fs::remove_file(self.addresses().socket(path.as_os_str().as_bytes())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Starts nginx on the current tree, with those of its arguments that name no file.
    ///
    /// # Errors
    /// As in the sandbox. An nginx that refuses is an answer.
    pub(crate) async fn start_nginx(&self, nginx: &Path, args: &[String]) -> Result<Started, SandboxError> {
        let began = Instant::now();
        let before = children(self.keeper.pid());
        let program = self.paths.here(nginx);
        let main = self.paths.conf.join(&self.mains[self.current.load(Ordering::Relaxed)]);
        let mut arguments = vec!["-c".to_owned(), main.display().to_string()];
        arguments.extend(
            self.arguments.iter().map(|word| word.replace(PREFIX, &self.paths.root.display().to_string())),
        );
        arguments.extend(kept(args));
        let order = Order::Start { program, arguments, output: self.output.clone() };
        let started = self.keeper.ask(&order).await;
        let started = started.map_err(|source| SandboxError::Path { path: nginx.to_owned(), source })?;
        let Says::Started { pid } = started else { return Err(SandboxError::Ended { because: None }) };
        let mut ended = None;
        let mut settled = None;
        loop {
            if ended.is_none() {
                ended = self.status(pid).await?;
            }
            match ended {
                Some(0) => {
                    let settled = *settled.get_or_insert_with(|| Instant::now() + WORKERS);
                    // Whoever went into the background is a child of the keeper now.
                    let mut found = children(self.keeper.pid()).into_iter();
                    let found = found.find(|child| !before.contains(child) && !has_ended(*child));
                    match found {
                        Some(pid) if runs(pid) || Instant::now() > settled => {
                            return Ok(Started::Running { pid, output: self.said() });
                        }
                        None => return Ok(Started::Refused { status: 0, output: self.said() }),
                        Some(_) => {}
                    }
                }
                Some(status) => return Ok(Started::Refused { status, output: self.said() }),
                // With `daemon off` it stays, and has workers as soon as it is ready.
                None if began.elapsed() > Duration::from_millis(20) && runs(pid) => {
                    return Ok(Started::Running { pid, output: self.said() });
                }
                None if began.elapsed() > self.start => {
                    let kill = Order::Signal { pid, number: Signal::SIGKILL as i32 };
                    let _it_may_have_ended = self.keeper.ask(&kill).await;
                    return Ok(Started::Hangs { after: began.elapsed(), output: self.said() });
                }
                None => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn status(&self, pid: i32) -> Result<Option<i32>, SandboxError> {
        match self.keeper.ask(&Order::Status { pid }).await {
            Ok(Says::Status { status }) => Ok(status),
            _ => Err(SandboxError::Ended { because: None }),
        }
    }

    /// Ends every nginx.
    pub(crate) async fn stop_nginx(&self) {
        let _it_may_have_ended = self.keeper.ask(&Order::Stop).await;
    }

    /// Signals a master.
    pub(crate) async fn signal(&self, pid: i32, signal: Signal) -> io::Result<()> {
        self.keeper.ask(&Order::Signal { pid, number: signal as i32 }).await.map(drop)
    }

    /// Lets another tree stand where nginx reads its configuration, from one moment to the next.
    pub(crate) fn exchange(&self, tree: usize) -> io::Result<()> {
        let copy = self.copies.get(tree).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let next = self.paths.conf.with_extension("next");
        symlink(copy, &next)?;
        fs::rename(&next, &self.paths.conf)?;
        self.current.store(tree, Ordering::Relaxed);
        Ok(())
    }

    /// Reads the first bytes of a file by its path on the host; addresses and paths are told as the tree has them.
    pub(crate) fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        File::open(self.paths.here(path))?.take(limit).read_to_end(&mut bytes)?;
        Ok(self.told(&bytes))
    }

    /// Says what lies at a path of the host.
    pub(crate) fn kind(&self, path: &Path) -> FileKind {
        match fs::metadata(self.paths.here(path)) {
            Ok(found) if found.is_file() => FileKind::File,
            Ok(found) if found.is_dir() => FileKind::Directory,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                FileKind::Absent
            }
            _ => FileKind::Unknown,
        }
    }

    /// A `Location` as nginx would send it on its host.
    pub(crate) fn location(&self, location: &str) -> String {
        self.addresses().url(location)
    }

    /// Ends and removes everything.
    pub(crate) async fn stop(self) {
        let _gone = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    fn said(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = File::open(&self.output)
            .and_then(|file| file.take(OUTPUT_BYTES_MAX as u64).read_to_end(&mut bytes));
        if read.is_err() {
            bytes.clear();
        }
        self.told(&bytes)
    }

    /// Says text of nginx in the words of the tree.
    fn told(&self, text: &[u8]) -> Vec<u8> {
        let mut text = String::from_utf8_lossy(text).into_owned();
        let mut names = self.paths.names();
        // There may be thousands, and most text names none.
        if text.contains("bind()") || text.contains("127.") || text.contains("unix:") {
            names.extend(self.addresses().names());
        }
        // The longest first: one may begin with another.
        names.sort_by_key(|(here, _)| std::cmp::Reverse(here.len()));
        for (here, there) in names {
            if text.contains(&here) {
                text = text.replace(&here, &there);
            }
        }
        text.into_bytes()
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for the private root in arguments.
const PREFIX: &str = "{root}";

/// What this nginx is told of where its files lie.
fn arguments(configs: &[&Config]) -> Vec<String> {
    let version = configs.first().and_then(|config| config.settings().version);
    let mut arguments = vec!["-p".to_owned(), PREFIX.to_owned()];
    if version.is_none_or(|version| version >= LOGS_FROM) {
        arguments.extend(["-e".to_owned(), format!("{PREFIX}/start.log")]);
    }
    arguments
}

/// The arguments of the host's nginx that name no file.
fn kept(args: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-c" | "-p" | "-e" | "-s" => drop(args.next()),
            "-g" => match args.next() {
                Some(text) if !text.contains('/') => kept.extend([arg.clone(), text.clone()]),
                _ => {}
            },
            _ => {}
        }
    }
    kept
}

/// Says whether an nginx is up: a worker is there, or it waits for events itself.
fn runs(pid: i32) -> bool {
    children(pid).into_iter().any(|child| title(child).starts_with("nginx: worker process"))
        || waits_for_events(pid)
}
