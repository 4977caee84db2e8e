//! Handshakes and certificates.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::stage::Stage;

const GOOD: &str = "listen {TLS} ssl; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; location / { return 200; }";
const HTTPS: &str = "https://shop.test:{TLSPORT}/cart";

/// Writes an authority that `why` trusts (`ca.pem`) and certificates of every kind, each as `NAME.pem` with `NAME.key`.
pub(crate) fn authority(stage: &mut Stage) {
    let issuer = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (trusted, stranger) = (issuer("authority"), issuer("stranger"));
    stage.file("ca.pem", &trusted.pem());
    let of = |name: &str, [from, to]: [i32; 2]| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        params
    };
    let (now, past) = ([2020, 2090], [2020, 2021]);
    for name in ["good", "expired", "not-yet", "other", "self", "stranger"] {
        let key = KeyPair::generate().unwrap();
        let certificate = match name {
            "good" => of("shop.test", now).signed_by(&key, &trusted),
            "expired" => of("shop.test", past).signed_by(&key, &trusted),
            "not-yet" => of("shop.test", [2089, 2090]).signed_by(&key, &trusted),
            "other" => of("blog.test", now).signed_by(&key, &trusted),
            "self" => of("shop.test", now).self_signed(&key),
            _ => of("shop.test", now).signed_by(&key, &stranger),
        };
        stage.file(&format!("{name}.pem"), &certificate.unwrap().pem());
        stage.file(&format!("{name}.key"), &key.serialize_pem());
    }
}

/// What a renewal does that forgets the reload.
pub(crate) fn renew(stage: &Stage) {
    for end in ["pem", "key"] {
        std::fs::copy(stage.path().join(format!("good.{end}")), stage.path().join(format!("expired.{end}")))
            .unwrap();
    }
}

cases! {
    name_that_no_server_takes => {
        rows: &[14],
        cause: "name-refused",
        http: "server { listen {TLS} ssl default_server; ssl_reject_handshake on; }",
        server: GOOD,
        before: authority,
        url: "https://pay.test:{TLSPORT}/cart",
    }
    certificate_that_was_renewed_and_not_loaded => {
        rows: &[15],
        cause: "certificate-not-reloaded",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/expired.pem; ssl_certificate_key {DIR}/expired.key;",
        before: authority,
        meanwhile: |stage| renew(stage),
        url: HTTPS,
    }
    certificate_that_was_not_renewed => {
        rows: &[16],
        cause: "certificate-expired",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/expired.pem; ssl_certificate_key {DIR}/expired.key;",
        before: authority,
        url: HTTPS,
    }
    certificate_that_is_not_valid_yet => {
        cause: "certificate-not-yet-valid",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/not-yet.pem; ssl_certificate_key {DIR}/not-yet.key;",
        before: authority,
        url: HTTPS,
    }
    certificate_of_the_default_server => {
        rows: &[17],
        cause: "certificate-of-default-server",
        server: GOOD,
        before: authority,
        url: "https://pay.test:{TLSPORT}/cart",
    }
    certificate_of_another_name => {
        rows: &[17],
        cause: "certificate-of-other-name",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/other.pem; ssl_certificate_key {DIR}/other.key;",
        before: authority,
        url: HTTPS,
    }
    certificate_that_is_signed_by_itself => {
        rows: &[18],
        cause: "certificate-self-signed",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/self.pem; ssl_certificate_key {DIR}/self.key;",
        before: authority,
        url: HTTPS,
    }
    certificate_of_an_unknown_authority => {
        rows: &[18],
        cause: "certificate-issuer-unknown",
        server: "listen {TLS} ssl; ssl_certificate {DIR}/stranger.pem; ssl_certificate_key {DIR}/stranger.key;",
        before: authority,
        url: HTTPS,
    }
    port_without_tls => {
        rows: &[19],
        cause: "listener-speaks-no-tls",
        server: "location / { return 200; }",
        before: authority,
        url: "https://shop.test:{PORT}/cart",
    }
    plain_request_to_a_port_with_tls => {
        rows: &[20],
        cause: "plain-request-to-tls",
        level: "info",
        server: GOOD,
        before: authority,
        url: "http://shop.test:{TLSPORT}/cart",
    }
    versions_of_tls_that_no_client_has => {
        rows: &[21],
        cause: "tls-versions-apart",
        server: "listen {TLS} ssl; ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key;",
        before: authority,
        url: HTTPS,
    }
    ciphers_that_no_client_has => {
        rows: &[21],
        cause: "tls-versions-apart",
        server: "listen {TLS} ssl; ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-CAMELLIA256-SHA384:ECDHE-ECDSA-AES256-CCM; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key;",
        before: authority,
        url: HTTPS,
    }
    client_without_a_certificate => {
        rows: &[22],
        cause: "client-certificate-wanted",
        level: "info",
        server: "listen {TLS} ssl; ssl_verify_client on; ssl_client_certificate {DIR}/ca.pem; ssl_certificate {DIR}/good.pem; ssl_certificate_key {DIR}/good.key; location / { return 200; }",
        before: authority,
        url: HTTPS,
    }
}
