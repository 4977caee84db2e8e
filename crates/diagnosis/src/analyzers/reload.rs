use evenkeel_model::Message::{HostNotFound, NameConflict};

use crate::Fact::{ConfigNewerThanWorkers, DiskRefused, FileReplaced, GenerationsOver, NginxRuns, ReloadRefused, Said, SaidWith};
use crate::evidence::ChangeKind::{Dns, Edit, Package, Release};
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "reload-refused",
        says: "the last reload failed, and the old configuration still serves: {line}",
        shows: &[ReloadRefused, NginxRuns],
        changes: &[Release, Edit, Package],
        follows: &[
            "port-taken", "address-not-here", "directive-unknown", "module-not-loaded", "module-incompatible",
            "certificate-not-loaded", "key-mismatch", "hash-not-built", "zone-missing", "buffers-disagree",
            "name-gone-at-start", "syntax-broken", "file-missing-at-start", "zone-in-use-otherwise", "bind-forbidden",
            "directory-missing", "user-missing",
        ],
        check: "the [emerg] after the last reconfiguring; nginx -s reload says nothing of it",
        fix: "mend what the [emerg] says, and reload again",
        ..PLAIN
    },
    Row {
        id: "change-not-loaded",
        says: "the configuration on disk was changed, and nginx was not reloaded since",
        shows: &[ConfigNewerThanWorkers, NginxRuns],
        excludes: &[ReloadRefused],
        changes: &[Release, Edit, Package],
        check: "whether the change is meant: evenkeel diff",
        fix: "nginx -t, then reload",
        ..PLAIN
    },
    Row {
        id: "old-workers-stay",
        says: "old workers do not end: long connections hold them, and each reload adds a generation",
        shows: &[GenerationsOver(3)],
        check: "which connections the oldest workers hold: ss -tnp",
        fix: "worker_shutdown_timeout",
        ..PLAIN
    },
    Row {
        id: "next-start-fails",
        says: "nginx runs, and would not start again with what lies on disk",
        shows: &[DiskRefused, NginxRuns],
        excludes: &[ReloadRefused],
        changes: &[Dns, Package, Edit, Release],
        check: "nginx -t",
        fix: "mend it before the next restart or reboot",
        ..PLAIN
    },
    Row {
        id: "package-replaced-file",
        says: "a package replaced a file of the configuration by its own",
        shows: &[FileReplaced],
        changes: &[Package],
        check: "the .dpkg-old beside the file against the file; /var/log/dpkg.log",
        fix: "put yours back (evenkeel rollback), and hold the package's questions: evenkeel package",
        ..PLAIN
    },
    Row {
        id: "name-claimed-twice",
        says: "two server blocks claim the name {0}; the one that nginx reads later gets nothing",
        shows: &[Said(NameConflict)],
        excludes: &[SaidWith(HostNotFound, "")],
        changes: &[Release, Edit, Package],
        check: "in which order the files are included",
        fix: "take the name out of one of them",
        ..PLAIN
    },
];
