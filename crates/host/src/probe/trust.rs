//! Which certificates are taken: whom to trust, and which chains were found good already.
//!
//! A host shows the same chain every few seconds. What is judged of it depends on the chain, the name and the time alone, so a chain that
//! was good is good for that name until one of its certificates ends. What was not good is judged again each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_fleet::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier as _};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{Error, RootCertStore};

use super::certificate::Certificate;

/// How many chains are remembered.
const GOOD_MAX: usize = 1_024;

/// Whom to trust.
#[derive(Debug)]
pub(super) struct Trust {
    judge: Arc<WebPkiServerVerifier>,
    good: Mutex<HashMap<blake3::Hash, Good>>,
}

/// A chain that was good for a name, and from when until when all its certificates are in their time.
#[derive(Debug)]
struct Good {
    from: Timestamp,
    until: Timestamp,
    certificate: Certificate,
}

impl Trust {
    /// Trusts the authorities of a PEM text.
    pub(super) fn of(pem: &str) -> Result<Trust, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate =
                certificate.map_err(|error| format!("the given authorities are no PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("a given authority cannot be used: {error}"))?;
        }
        if roots.is_empty() {
            return Err("the given authorities hold no certificate".to_owned());
        }
        Trust::of_roots(roots)
    }

    /// Trusts the authorities that this machine trusts.
    pub(super) fn of_this_machine() -> Result<Trust, String> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (added, _odd) = roots.add_parsable_certificates(found.certs);
        if added > 0 {
            return Trust::of_roots(roots);
        }
        let why = found.errors.first().map_or_else(String::new, |error| format!(": {error}"));
        Err(format!("this machine trusts no authority (install ca-certificates, or give one){why}"))
    }

    fn of_roots(roots: RootCertStore) -> Result<Trust, String> {
        let provider = Arc::new(ring::default_provider());
        let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let judge = judge.map_err(|error| format!("nobody can be trusted: {error}"))?;
        Ok(Trust { judge, good: Mutex::default() })
    }

    /// What a server shows for a name, and whether it is taken.
    pub(super) fn judge(
        &self,
        first: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> (Option<Certificate>, Result<ServerCertVerified, Error>) {
        let key = key(first, others, name);
        let at = Timestamp::from_millis(now.as_secs().saturating_mul(1_000));
        let known = |good: &HashMap<_, Good>| {
            let good = good.get(&key).filter(|good| good.from <= at && at < good.until)?;
            Some(good.certificate.clone())
        };
        if let Some(certificate) = known(&self.good.lock().unwrap_or_else(PoisonError::into_inner)) {
            return (Some(certificate), Ok(ServerCertVerified::assertion()));
        }
        let certificate = Certificate::read(first, others.len());
        let judged = self.judge.verify_server_cert(first, others, name, &[], now);
        if judged.is_ok()
            && let Some(certificate) = &certificate
            && let Some((from, until)) = in_time(certificate, others)
        {
            let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
            if good.len() >= GOOD_MAX {
                good.clear();
            }
            good.insert(key, Good { from, until, certificate: certificate.clone() });
        }
        (certificate, judged)
    }
}

/// From when until when every certificate is in its time; `None` when one cannot be read.
fn in_time(certificate: &Certificate, others: &[CertificateDer<'_>]) -> Option<(Timestamp, Timestamp)> {
    let mut time = (certificate.not_before, certificate.not_after);
    for other in others {
        let other = Certificate::read(other, 0)?;
        time = (time.0.max(other.not_before), time.1.min(other.not_after));
    }
    Some(time)
}

/// A chain as it was shown for a name.
fn key(first: &CertificateDer<'_>, others: &[CertificateDer<'_>], name: &ServerName<'_>) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let name = name.to_str();
    for part in [name.as_bytes(), first].into_iter().chain(others.iter().map(|other| &other[..])) {
        hasher.update(&part.len().to_le_bytes()).update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};

    use super::*;

    fn at(year: i32) -> UnixTime {
        let seconds = date_time_ymd(year, 6, 1).unix_timestamp();
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(seconds).unwrap()))
    }

    fn name(name: &str) -> ServerName<'static> {
        ServerName::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn chain_that_was_good_is_judged_again_for_another_name_another_chain_and_another_time() {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        (authority.not_before, authority.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let leaf = |until: i32| {
            let mut leaf = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
            (leaf.not_before, leaf.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(until, 1, 1));
            leaf.signed_by(&KeyPair::generate().unwrap(), &authority).unwrap().der().clone()
        };
        let (short, long) = (leaf(2027), leaf(2030));
        let trust = Trust::of(&authority.pem()).unwrap();
        let takes = |chain: &CertificateDer<'_>, others: &[CertificateDer<'_>], to: &str, year| {
            let (shown, judged) = trust.judge(chain, others, &name(to), at(year));
            assert!(shown.is_some());
            judged.is_ok()
        };
        for _again in 0..2 {
            assert!(takes(&short, &[], "shop.test", 2026));
            assert!(!takes(&short, &[], "bank.test", 2026), "it is not for that name");
            assert!(!takes(&short, &[], "shop.test", 2028), "it ended");
            assert!(!takes(&short, &[], "shop.test", 2023), "it has not begun");
            assert!(takes(&long, &[], "shop.test", 2028));
            assert!(takes(&long, &[CertificateDer::from(vec![0])], "shop.test", 2028), "as webpki has it");
        }
        assert_eq!(trust.good.lock().unwrap().len(), 2, "what cannot be read is judged each time");
        // Whoever trusts others does not trust it.
        let other =
            CertifiedIssuer::self_signed(CertificateParams::default(), KeyPair::generate().unwrap()).unwrap();
        let others = Trust::of(&other.pem()).unwrap();
        assert!(others.judge(&short, &[], &name("shop.test"), at(2026)).1.is_err());
    }
}
