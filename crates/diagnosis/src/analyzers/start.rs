use evenkeel_model::Message::{
    ArgumentInvalid, ArgumentsWrong, BindFailed, BusyBuffers, CertificateNotLoaded, DirectiveMisplaced, DirectiveTwice, DirectoryNotMade,
    FileNotOpened, HashNotBuilt, HostNotFound, KeyMismatch, ModuleIncompatible, ModuleNotLoaded, ModuleTwice, NoCertificate, OpenFailed,
    RegexInvalid, SyntaxBroken, UnknownDirective, UnknownVariable, UserNotFound, ZoneConflict, ZoneUnknown,
};

use crate::Fact::{Any, Refused, RefusedErrno};
use crate::evidence::ChangeKind::{Certificate, Dns, Edit, Package, Release};
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "port-taken",
        says: "nginx cannot listen at {0}: another program holds the port",
        shows: &[RefusedErrno(BindFailed, &[98])],
        changes: &[Package, Release, Edit],
        check: "ss -ltnp: which program; what was installed lately",
        fix: "stop that program for good, then start or reload nginx",
        ..PLAIN
    },
    Row {
        id: "address-not-here",
        says: "nginx cannot listen at {0}: this host does not have the address",
        shows: &[RefusedErrno(BindFailed, &[99])],
        changes: &[Release, Edit],
        check: "ip address: a floating address is with another host",
        fix: "net.ipv4.ip_nonlocal_bind, or listen without an address",
        ..PLAIN
    },
    Row {
        id: "bind-forbidden",
        says: "nginx may not listen at {0}",
        shows: &[RefusedErrno(BindFailed, &[13])],
        changes: &[Package, Release, Edit],
        check: "as which user the master runs; the unit's capabilities; SELinux",
        fix: "start it as root, or give CAP_NET_BIND_SERVICE",
        ..PLAIN
    },
    Row {
        id: "directive-unknown",
        says: "nginx does not know the directive {0}",
        shows: &[Refused(UnknownDirective)],
        changes: &[Package, Release, Edit],
        check: "whether a module is gone: nginx -V, load_module, modules-enabled, the log of packages",
        fix: "install and load the module, or mend the name",
        ..PLAIN
    },
    Row {
        id: "module-not-loaded",
        says: "nginx cannot load the module {0}",
        shows: &[Refused(ModuleNotLoaded)],
        changes: &[Package, Release, Edit],
        check: "whether the file is there, and of which package",
        fix: "install the module's package, or take load_module out",
        ..PLAIN
    },
    Row {
        id: "module-incompatible",
        says: "the module {0} was built for another nginx",
        shows: &[Any(&[Refused(ModuleIncompatible), Refused(ModuleTwice)])],
        changes: &[Package],
        check: "the versions of nginx and of the module in the log of packages",
        fix: "upgrade both together",
        ..PLAIN
    },
    Row {
        id: "key-mismatch",
        says: "the key {0} does not belong to the certificate",
        shows: &[Refused(KeyMismatch)],
        changes: &[Certificate, Release, Edit],
        check: "when each of the two files changed",
        fix: "put both files of one renewal in place",
        ..PLAIN
    },
    Row {
        id: "certificate-not-loaded",
        says: "nginx cannot read the certificate or key {0}",
        shows: &[Any(&[Refused(CertificateNotLoaded), Refused(NoCertificate)])],
        changes: &[Certificate, Release, Edit],
        check: "whether the file is there, and readable",
        fix: "put the file in place",
        ..PLAIN
    },
    Row {
        id: "hash-not-built",
        says: "{line}",
        shows: &[Refused(HashNotBuilt)],
        changes: &[Release, Edit],
        check: "which generated list grew",
        fix: "the size that the line names; a limit for the generator",
        ..PLAIN
    },
    Row {
        id: "zone-missing",
        says: "a shared zone is used and defined nowhere: {line}",
        shows: &[Refused(ZoneUnknown)],
        changes: &[Release, Edit],
        check: "limit_req_zone, limit_conn_zone, proxy_cache_path of that name",
        fix: "put the definition back",
        ..PLAIN
    },
    Row {
        id: "zone-in-use-otherwise",
        says: "a shared zone cannot change while nginx runs: {line}",
        shows: &[Refused(ZoneConflict)],
        changes: &[Release, Edit],
        check: "what the change did to the zone",
        fix: "give the new zone a new name",
        ..PLAIN
    },
    Row {
        id: "buffers-disagree",
        says: "{line}",
        shows: &[Refused(BusyBuffers)],
        changes: &[Release, Edit],
        check: "which one of the buffer directives was changed alone",
        fix: "set all three together",
        ..PLAIN
    },
    Row {
        id: "name-gone-at-start",
        says: "nginx does not start without this name: {line}",
        shows: &[Refused(HostNotFound)],
        changes: &[Dns, Release, Edit],
        check: "dig NAME on this host",
        fix: "put the record back; a resolver with a variable in proxy_pass does without it at a start",
        ..PLAIN
    },
    Row {
        id: "syntax-broken",
        says: "the configuration is broken: {line}",
        shows: &[Any(&[
            Refused(SyntaxBroken),
            Refused(ArgumentsWrong),
            Refused(ArgumentInvalid),
            Refused(DirectiveMisplaced),
            Refused(DirectiveTwice),
            Refused(UnknownVariable),
            Refused(RegexInvalid),
        ])],
        changes: &[Release, Edit, Package],
        check: "the file and line that it names",
        fix: "mend the line, or take the change back",
        ..PLAIN
    },
    Row {
        id: "user-missing",
        says: "the user of the workers does not exist: {0}",
        shows: &[Refused(UserNotFound)],
        changes: &[Package, Release, Edit],
        check: "getent passwd",
        fix: "make the user, or name another",
        ..PLAIN
    },
    Row {
        id: "file-missing-at-start",
        says: "a file that the configuration names cannot be opened: {line}",
        shows: &[Any(&[Refused(OpenFailed), Refused(FileNotOpened)])],
        changes: &[Release, Edit, Package],
        check: "the path: included files, logs, directories of logs",
        fix: "put the file or its directory in place",
        ..PLAIN
    },
    Row {
        id: "directory-missing",
        says: "nginx cannot make a directory that it needs: {line}",
        shows: &[Refused(DirectoryNotMade)],
        changes: &[Package, Release, Edit],
        check: "the parent directory and its owner",
        fix: "make the parent directory",
        ..PLAIN
    },
];
