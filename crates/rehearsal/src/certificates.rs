//! Certificates and keys for the sandbox alone: what a configuration names and nobody may take along.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

/// A certificate and its key, both as PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The certificate, and those between it and the authority.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for Identity {
    /// The certificate alone: even a made-up key is shown nowhere.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Parameters for `ssl_dhparam`: the group that everybody may use.
///
/// Source: RFC 7919, appendix A.1 (ffdhe2048)
pub const DH_PARAMETERS: &str = "\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("make a certificate")]
pub struct CertificateError {
    #[from]
    source: rcgen::Error,
}

/// Somebody whom both sides of a rehearsal trust. It lives as long as the rehearsal.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    /// [`CertificateError`] when the machine gives no randomness.
    pub fn new() -> Result<Authority, CertificateError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("Evenkeel rehearsal");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Authority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Its certificate as PEM, for `proxy_ssl_trusted_certificate` and its kin.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Makes a certificate for names and addresses, the first of which is its subject. What is neither a name nor an
    /// address (`~^www`, a name with a variable) is left out.
    ///
    /// # Errors
    /// [`CertificateError`] when the machine gives no randomness.
    pub fn issue<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Identity, CertificateError> {
        let (params, key) = (subject(names)?, KeyPair::generate()?);
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity { certificate, key: key.serialize_pem() })
    }
}

/// Makes a certificate that vouches for itself.
///
/// # Errors
/// [`CertificateError`] when the machine gives no randomness.
pub fn self_signed<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Identity, CertificateError> {
    let (params, key) = (subject(names)?, KeyPair::generate()?);
    let certificate = params.self_signed(&key)?.pem();
    Ok(Identity { certificate, key: key.serialize_pem() })
}

fn subject<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<CertificateParams, CertificateError> {
    let mut names: Vec<String> = names.into_iter().filter(|name| is_name(name)).map(str::to_owned).collect();
    names.dedup();
    let common = names.first().cloned().unwrap_or_else(|| "rehearsal.invalid".to_owned());
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named(&common);
    Ok(params)
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*');
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    is_address || (!name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain))
}

/// The longest name of the DNS.
const NAME_BYTES_MAX: usize = 253;

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    #[test]
    fn certificate_and_key_fit_each_other() {
        let made = [
            self_signed(["a.test", "*.a.test", "~^www", "", "$host", "192.0.2.1", "::1"]).unwrap(),
            Authority::new().unwrap().issue(["b.test"]).unwrap(),
            self_signed([]).unwrap(),
        ];
        for identity in made {
            let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
            let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
            assert!(config.is_ok(), "{config:?}");
        }
    }

    #[test]
    fn key_is_not_shown() {
        let shown = format!("{:?}", self_signed(["a.test"]).unwrap());
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }
}
