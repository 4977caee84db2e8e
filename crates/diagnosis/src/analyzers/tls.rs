use evenkeel_model::Message::{ClientCertificateMissing, PlainToTls};

use crate::Fact::{Alert, ByDefault, Certificate, DiskNewer, DiskSame, Probe, Said, Status};
use crate::evidence::ChangeKind::{Certificate as Renewed, Edit, Package, Release};
use crate::row::Shape::{Class, Status as Got};
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "name-refused",
        says: "no server block takes the name: the handshake is refused",
        seen: &[Class("tls-alert")],
        shows: &[Alert(&[112])],
        changes: &[Release, Edit],
        check: "the server_name directives against the name that clients ask for",
        fix: "add the name to its server block",
        ..PLAIN
    },
    Row {
        id: "certificate-not-reloaded",
        says: "the certificate was renewed, and nginx still serves the old one",
        seen: &[Class("certificate")],
        shows: &[Certificate("expired"), DiskNewer],
        changes: &[Renewed],
        check: "the serial of the served certificate against the one on disk",
        fix: "nginx -s reload; then a hook that reloads after each renewal",
        ..PLAIN
    },
    Row {
        id: "certificate-expired",
        says: "the certificate has expired and was not renewed",
        seen: &[Class("certificate")],
        shows: &[Certificate("expired")],
        settles: &[DiskSame],
        excludes: &[DiskNewer],
        check: "the log of the renewal",
        fix: "renew the certificate and reload",
        ..PLAIN
    },
    Row {
        id: "certificate-not-yet-valid",
        says: "the certificate is not valid yet, or the clock of who asks is wrong",
        seen: &[Class("certificate")],
        shows: &[Certificate("not-yet")],
        changes: &[Renewed],
        check: "date on both sides",
        fix: "set the clock, or put the former certificate back",
        ..PLAIN
    },
    Row {
        id: "certificate-of-default-server",
        says: "no server block has the name, and the default one shows its own certificate",
        seen: &[Class("certificate")],
        shows: &[Certificate("other-name"), ByDefault],
        changes: &[Release, Edit],
        check: "which server block has default_server, or stands first",
        fix: "add the name to its server block, with its certificate",
        ..PLAIN
    },
    Row {
        id: "certificate-of-other-name",
        says: "the server block shows the certificate of another name",
        seen: &[Class("certificate")],
        shows: &[Certificate("other-name")],
        excludes: &[ByDefault],
        changes: &[Release, Edit, Renewed],
        check: "the ssl_certificate of the server block",
        fix: "name the certificate that has this name",
        ..PLAIN
    },
    Row {
        id: "certificate-self-signed",
        says: "the certificate is signed by itself",
        seen: &[Class("certificate")],
        shows: &[Certificate("self-signed")],
        changes: &[Renewed, Release, Edit, Package],
        check: "the file that ssl_certificate names, and when it changed",
        fix: "put the certificate of the authority back",
        ..PLAIN
    },
    Row {
        id: "certificate-issuer-unknown",
        says: "clients do not know who signed the certificate: a part of the chain is missing, or it is of another authority",
        seen: &[Class("certificate")],
        shows: &[Certificate("unknown-issuer")],
        changes: &[Renewed, Release, Edit],
        check: "openssl s_client -showcerts: whether the intermediate certificate comes along",
        fix: "name the full chain in ssl_certificate",
        ..PLAIN
    },
    Row {
        id: "listener-speaks-no-tls",
        says: "what answers on this port speaks no TLS: listen lacks ssl, or ports are crossed",
        seen: &[Class("not-tls")],
        shows: &[Probe("not-tls")],
        changes: &[Release, Edit, Package],
        check: "the listen directive of the port, and where the balancer sends it",
        fix: "add ssl to listen, or uncross the ports",
        ..PLAIN
    },
    Row {
        id: "plain-request-to-tls",
        says: "whoever asks speaks plain HTTP to a port that wants TLS",
        seen: &[Got(400)],
        shows: &[Status(400), Said(PlainToTls)],
        changes: &[Release, Edit],
        check: "the scheme that the client or the balancer uses for this port",
        fix: "use https towards this port; error_page 497 can redirect browsers",
        ..PLAIN
    },
    Row {
        id: "tls-versions-apart",
        says: "client and server have no version or cipher of TLS in common",
        seen: &[Class("tls-alert")],
        shows: &[Alert(&[40, 70])],
        changes: &[Release, Edit, Package],
        check: "ssl_protocols and ssl_ciphers in the last change",
        fix: "allow again what the clients speak",
        ..PLAIN
    },
    Row {
        id: "client-certificate-wanted",
        says: "nginx wants a certificate of the client, and gets none",
        seen: &[Got(400)],
        shows: &[Status(400), Said(ClientCertificateMissing)],
        changes: &[Release, Edit],
        check: "ssl_verify_client in the server block",
        fix: "ssl_verify_client optional, or give clients certificates",
        ..PLAIN
    },
];
