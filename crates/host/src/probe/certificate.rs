//! What a certificate says, and what a library's refusal of it means.

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::watch::CertificateFault;
use rustls::CertificateError;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

/// How many names of a certificate are kept, and how much of each text.
const NAMES_MAX: usize = 100;
const TEXT_CHARS_MAX: usize = 300;

/// A certificate as it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// Who it says it belongs to.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// How many certificates came with it.
    pub chain: usize,
}

impl Certificate {
    /// Reads one from its DER; `chain` others came with it.
    pub(super) fn read(der: &[u8], chain: usize) -> Option<Certificate> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        Some(Certificate {
            serial: parsed.raw_serial().iter().map(|byte| format!("{byte:02x}")).take(40).collect(),
            names: names(&parsed),
            subject: plain(&parsed.subject().to_string()),
            issuer: plain(&parsed.issuer().to_string()),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            chain,
        })
    }

    /// Reads the first certificate of a PEM file; the others are what comes with it.
    #[must_use]
    pub fn of_pem(pem: &[u8]) -> Option<Certificate> {
        use rustls::pki_types::pem::PemObject as _;
        let all = rustls::pki_types::CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
        let all: Vec<_> = all.collect();
        let (first, others) = all.split_first()?;
        Self::read(first, others.len())
    }

    /// Whether it names itself as the one who signed it.
    fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }
}

/// What it means that `error` was said of a certificate.
pub(super) fn fault(error: &CertificateError, shown: Option<&Certificate>) -> CertificateFault {
    let names = || shown.map(|shown| shown.names.clone()).unwrap_or_default();
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired(shown.map(|shown| shown.not_after).unwrap_or_default())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid(shown.map(|shown| shown.not_before).unwrap_or_default())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::OtherName(names())
        }
        other
            if shown.is_some_and(|shown| shown.is_self_signed() && shown.chain == 0)
                && is_about_trust(other) =>
        {
            CertificateFault::SelfSigned
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        other => {
            CertificateFault::Other(plain(&rustls::Error::InvalidCertificate(other.clone()).to_string()))
        }
    }
}

/// A certificate that signs itself is refused as one of nobody, or as an authority that plays a server.
fn is_about_trust(error: &CertificateError) -> bool {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        CertificateError::Other(other) => other.to_string().contains("CaUsedAsEndEntity"),
        _ => false,
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(plain(name)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or_else(|_| {
                <[u8; 16]>::try_from(*bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string())
            })
            .ok()
        }
        _ => None,
    });
    names.take(NAMES_MAX).collect()
}

/// What somebody else wrote, short and without control characters.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
}

fn moment(at: ASN1Time) -> Timestamp {
    Timestamp::from_millis(u64::try_from(at.timestamp()).unwrap_or(0).saturating_mul(1_000))
}
