//! Trees and bundles on real files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::common::write;
use evenkeel_host::configdir::bundles::{self, BundleError};
use evenkeel_host::configdir::{FILE_BYTES_MAX, Keep, ReadError, read};
use evenkeel_syntax::fileset::{Digest, Entry, RelPath};

fn tree(lines: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), lines);
    dir
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
fn tree_is_its_files_and_links_without_what_is_kept() {
    let dir = tree(
        "nginx.conf = main
         conf.d/a.conf = a
         link -> /etc/shadow
         dangling -> nowhere
         ssl/a.key = secret
         ssl/hidden.pem = -----BEGIN EC PRIVATE KEY-----
         logs/access.log = line
         .git/HEAD = ref
         .evenkeel/r1/s0 = ours
         empty/",
    );
    let snapshot = read(dir.path(), &Keep::default()).unwrap();
    let paths: Vec<_> = snapshot.files.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(paths, ["conf.d/a.conf", "dangling", "link", "nginx.conf"]);
    assert_eq!(snapshot.files.get(&path("link")), Some(&Entry::Link(b"/etc/shadow".to_vec())));
    let mut kept = snapshot.kept;
    kept.sort();
    assert_eq!(kept, [".git", "logs", "ssl/a.key", "ssl/hidden.pem"].map(PathBuf::from));
}

#[test]
fn owner_and_mode_are_no_part_of_a_bundle() {
    let (one, two) = (tree("a = x"), tree("a = x"));
    fs::set_permissions(two.path().join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let digest = |dir: &Path| read(dir, &Keep::default()).unwrap().files.digest();
    assert_eq!(digest(one.path()), digest(two.path()));
}

#[test]
fn names_that_are_not_utf_8_are_names() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tree("");
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.conf")), "x").unwrap();
    let files = read(dir.path(), &Keep::default()).unwrap().files;
    assert!(files.get(&RelPath::new(b"caf\xe9.conf".to_vec()).unwrap()).is_some());
}

#[test]
fn sockets_and_fifos_are_skipped_and_named() {
    let dir = tree("a = x");
    nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let snapshot = read(dir.path(), &Keep::default()).unwrap();
    let mut skipped: Vec<_> = snapshot.skipped.iter().map(|s| (s.path.to_str().unwrap(), s.kind)).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, [("pipe", "fifo"), ("socket", "socket")]);
}

#[test]
fn what_is_no_tree_is_said_so() {
    let dir = tree("file = x\nempty/");
    let failed = |path: &str| read(&dir.path().join(path), &Keep::default()).unwrap_err();
    assert!(matches!(failed("missing"), ReadError::Missing { .. }));
    assert!(matches!(failed("file/below"), ReadError::Missing { .. }));
    assert!(matches!(failed("file"), ReadError::NotADirectory { .. }));
    assert!(matches!(failed("empty"), ReadError::Empty { .. }));
}

#[test]
fn file_too_large_is_named_with_the_way_out() {
    let dir = tree("a = x\nbig/");
    let big = dir.path().join("big/image.bin");
    fs::File::create(&big).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    let failed = read(dir.path(), &Keep::default()).unwrap_err();
    assert!(matches!(&failed, ReadError::FileTooLarge { path, .. } if *path == big));
    assert!(failed.to_string().contains("keep"), "{failed}");
    let keep = Keep::default().with_patterns([b"*.bin".as_slice()]).unwrap();
    assert_eq!(read(dir.path(), &keep).unwrap().files.len(), 1);
}

#[test]
fn unreadable_file_is_named_unless_it_is_kept() {
    if nix::unistd::geteuid().is_root() {
        eprintln!("root may read everything: nothing to ask");
        return;
    }
    let dir = tree("a = x\nsecret = x");
    let secret = dir.path().join("secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let failed = read(dir.path(), &Keep::default()).unwrap_err();
    assert!(matches!(failed, ReadError::Unreadable { path, .. } if path == secret));
    let keep = Keep::default().with_patterns([b"/secret".as_slice()]).unwrap();
    assert_eq!(read(dir.path(), &keep).unwrap().files.len(), 1);
}

#[test]
fn bundle_reads_as_it_was_saved_and_belongs_to_its_owner_alone() {
    let (dir, state) = (tree("nginx.conf = main\nconf.d/a.conf = a\nlink -> /etc/hosts"), tree(""));
    let files = read(dir.path(), &Keep::default()).unwrap().files;
    let digest = bundles::save(state.path(), &files).unwrap();
    assert_eq!(bundles::save(state.path(), &files).unwrap(), digest, "saved twice is saved once");
    assert_eq!(bundles::load(state.path(), digest).unwrap(), files);
    assert_eq!(bundles::list(state.path()).unwrap(), [digest]);
    let root = state.path().join("bundles").join(digest.to_string());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(
        (mode(&root), mode(&root.join("conf.d")), mode(&root.join("nginx.conf"))),
        (0o700, 0o700, 0o600)
    );
    bundles::remove(state.path(), digest).unwrap();
    assert!(matches!(bundles::load(state.path(), digest), Err(BundleError::Missing { .. })));
    assert_eq!(fs::read_dir(state.path().join("bundles")).unwrap().count(), 0);
}

#[test]
fn bundle_that_somebody_changed_is_not_trusted() {
    let (dir, state) = (tree("nginx.conf = main"), tree(""));
    let files = read(dir.path(), &Keep::default()).unwrap().files;
    let digest = bundles::save(state.path(), &files).unwrap();
    fs::write(state.path().join("bundles").join(digest.to_string()).join("nginx.conf"), "other").unwrap();
    assert!(matches!(bundles::load(state.path(), digest), Err(BundleError::Changed { .. })));
}

#[test]
fn large_bundle_is_saved_whole() {
    let lines: String = (0..500).map(|n| format!("d{}/{n}.conf = {n}\n", n % 7)).collect();
    let (dir, state) = (tree(&lines), tree(""));
    let files = read(dir.path(), &Keep::default()).unwrap().files;
    let digest = bundles::save(state.path(), &files).unwrap();
    assert_eq!(bundles::load(state.path(), digest).unwrap().len(), 500);
}

#[test]
fn last_confirmed_and_referred_bundles_are_not_pruned() {
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(|byte| Digest([byte; 32]));
    let confirmed = [a, b, a, c, c];
    assert_eq!(bundles::prunable(&[a, b, c, d, e], &confirmed, 2, &[e]), [b, d]);
    assert_eq!(bundles::prunable(&[a, b, c, d, e], &confirmed, 0, &[]), [a, b, c, d, e]);
}

#[test]
fn kept_and_newest_bundles_outlive_a_pruning() {
    let state = tree("");
    let saved: Vec<Digest> = (0..5_u64)
        .map(|age| {
            let dir = tree(&format!("nginx.conf = {age}"));
            let files = read(dir.path(), &Keep::default()).unwrap().files;
            let digest = bundles::save(state.path(), &files).unwrap();
            let root = fs::File::open(state.path().join("bundles").join(digest.to_string())).unwrap();
            root.set_modified(SystemTime::now() - Duration::from_secs(age * 60)).unwrap();
            digest
        })
        .collect();
    let keep = BTreeSet::from([saved[3]]);
    let pruned = bundles::prune(state.path(), &keep, 2);
    assert_eq!(pruned, [saved[2], saved[4]], "the newest first");
    let mut left = bundles::list(state.path()).unwrap();
    left.sort();
    let mut expected = vec![saved[0], saved[1], saved[3]];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(bundles::prune(&state.path().join("nowhere"), &keep, 0), []);
}
