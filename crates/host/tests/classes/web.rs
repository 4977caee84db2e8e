//! The nginx of the target, and its certificates.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

const NGINX: &str = "/usr/sbin/nginx";

/// Writes `NAME.pem` and `NAME.key` of every kind, and `ca.pem`, the authority that the prober trusts.
pub(crate) fn certificates(dir: &Path) {
    let trusted = authority("Trusted by the test");
    let stranger = authority("Trusted by nobody");
    fs::write(dir.join("ca.pem"), trusted.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let of = |years: [i32; 2]| {
        let mut params = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "shop.test");
        params.not_before = date_time_ymd(years[0], 1, 1);
        params.not_after = date_time_ymd(years[1], 1, 1);
        params
    };
    let all = [
        ("good", of([2020, 2090]).signed_by(&key, &trusted)),
        ("expired", of([2020, 2021]).signed_by(&key, &trusted)),
        ("not-yet", of([2089, 2090]).signed_by(&key, &trusted)),
        ("self", of([2020, 2090]).self_signed(&key)),
        ("stranger", of([2020, 2090]).signed_by(&key, &stranger)),
    ];
    for (name, certificate) in all {
        fs::write(dir.join(format!("{name}.pem")), certificate.unwrap().pem()).unwrap();
        fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Starts it in the target's namespace, as one process that is killed like any other.
pub(crate) fn start(dir: &Path) -> Child {
    fs::write(dir.join("nginx.conf"), configuration(&dir.display().to_string())).unwrap();
    Command::new("ip")
        .args(["netns", "exec", "T", NGINX, "-p"])
        .arg(dir)
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .arg("-e")
        .arg(dir.join("error.log"))
        .stdin(Stdio::null())
        .spawn()
        .expect("nginx")
}

fn configuration(dir: &str) -> String {
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {dir}/{name};"));
    let tls = |port: u16, certificate: &str, more: &str| {
        format!(
            "server {{ listen {port} ssl; listen [::]:{port} ssl; ssl_certificate {dir}/{certificate}.pem; \
             ssl_certificate_key {dir}/{certificate}.key; {more} location / {{ return 200 welcome; }} }}\n"
        )
    };
    let servers = [
        tls(2_002, "good", ""),
        tls(2_003, "expired", ""),
        tls(2_004, "not-yet", ""),
        tls(2_005, "self", ""),
        tls(2_006, "stranger", ""),
        tls(2_008, "good", "ssl_protocols TLSv1.3;"),
        tls(2_009, "good", "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES256-SHA384;"),
        tls(2_010, "good", &format!("ssl_verify_client on; ssl_client_certificate {dir}/ca.pem;")),
    ];
    format!(
        "user root;\ndaemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log {dir}/error.log notice;\nevents {{ worker_connections 256; }}\n\
         http {{\naccess_log off;\n{}\n\
         server {{ listen 2001; listen [::]:2001; add_header X-App shop;\n location / {{ return 200 welcome; }}\n \
         location = /444 {{ return 444; }}\n location = /502 {{ return 502; }}\n location = /moved {{ return 301 /; }} }}\n\
         server {{ listen 2007 ssl default_server; ssl_reject_handshake on; }}\n\
         server {{ listen 2011 proxy_protocol; location / {{ return 200 \"for $proxy_protocol_addr\"; }} }}\n{}}}\n",
        temp.join(" "),
        servers.concat()
    )
}
