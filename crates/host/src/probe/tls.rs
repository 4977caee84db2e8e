//! Whether a TLS handshake for a name ends well, and which certificate is shown.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use evenkeel_fleet::watch::Failure;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{self, Certificate};
use super::tap::Tap;
use super::trust::Trust;
use super::visit::{Stream, Visit};

/// What is to be known of this kind.
pub(super) const PAGE: &str = "Makes a connection and a TLS handshake for a name. Up: the certificate is for that name, in its time \
and signed by an authority that is trusted.";

/// A handshake for a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tls {
    /// The name that is asked for (SNI), and that the certificate must be for: a host name or an address.
    pub name: String,
    /// The authorities that are trusted, as PEM; those of this machine when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The only version of TLS that is offered; 1.2 and 1.3 when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Whether a certificate that no client would take is a failure; it is noted in any case.
    #[serde(default = "yes")]
    pub verify: bool,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// TLS 1.2
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    Tls13,
}

fn yes() -> bool {
    true
}

impl Tls {
    /// A handshake for `name` with the authorities of this machine.
    #[must_use]
    pub fn new(name: &str) -> Tls {
        Tls { name: name.to_owned(), ca: None, version: None, verify: true }
    }

    pub(super) async fn ask(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let stream = visit.connect().await?;
        self.shake(visit, stream, &[]).await.map(drop)
    }

    /// The name that is asked for.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, String> {
        ServerName::try_from(self.name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| format!("\"{}\" is no name that TLS can ask for", self.name.escape_debug()))
    }

    /// Makes the handshake on a connection that stands; `protocols` are offered by ALPN.
    pub(super) async fn shake(
        &self,
        visit: &mut Visit<'_>,
        stream: Box<dyn Stream>,
        protocols: &[&str],
    ) -> Result<TlsStream<Tap<Box<dyn Stream>>>, Failure> {
        let own_side = |reason: String| Failure::OwnSide { reason };
        let name = self.server_name().map_err(own_side)?;
        let shown = Shown::default();
        let mut config = self.config(visit, &shown).map_err(own_side)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let (stream, ear) = Tap::new(stream);
        let begun = Instant::now();
        let shaken = visit.within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
        visit.seen.certificate = shown.take();
        let heard = ear.heard();
        match shaken {
            None => Err(heard.timed_out()),
            Some(Ok(stream)) => {
                visit.phases.tls = Some(begun.elapsed());
                let version = stream.get_ref().1.protocol_version();
                let said = version.and_then(|version| version.as_str());
                visit.seen.tls_version = said.map(|said| said.replace("TLSv", "TLS ").replace('_', "."));
                Ok(stream)
            }
            Some(Err(error)) => Err(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(rustls::Error::InvalidCertificate(error)) => {
                    Failure::Certificate(certificate::fault(error, visit.seen.certificate.as_ref()))
                }
                Some(rustls::Error::AlertReceived(alert)) => Failure::TlsAlert(u8::from(*alert)),
                _ if !heard.is_tls() => Failure::NotTls,
                Some(other) => Failure::TlsOther { reason: other.to_string() },
                None => heard.ended().unwrap_or_else(|| Failure::TlsOther { reason: error.to_string() }),
            }),
        }
    }

    fn config(&self, visit: &Visit<'_>, shown: &Shown) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let (one, both): ([&SupportedProtocolVersion; 1], &[&SupportedProtocolVersion]) = match self.version {
            Some(Version::Tls12) => ([&rustls::version::TLS12], &[]),
            Some(Version::Tls13) => ([&rustls::version::TLS13], &[]),
            None => ([&rustls::version::TLS13], rustls::DEFAULT_VERSIONS),
        };
        let versions = if both.is_empty() { &one[..] } else { both };
        let trust = if self.verify { Some(visit.prober.trust(self.ca.as_deref())?) } else { None };
        let recorder = Recorder { trust, shown: shown.clone(), provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(recorder)).with_no_client_auth();
        // A resumed session shows no certificate.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// The certificate that was shown in a handshake.
#[derive(Debug, Clone, Default)]
struct Shown(Arc<Mutex<Option<Certificate>>>);

impl Shown {
    fn note(&self, certificate: Option<Certificate>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    fn take(&self) -> Option<Certificate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Notes the certificate, then has it judged. Signatures of the handshake are checked in any case: who shows a certificate must hold
/// its key.
#[derive(Debug)]
struct Recorder {
    trust: Option<Arc<Trust>>,
    shown: Shown,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (certificate, judged) = match &self.trust {
            Some(trust) => trust.judge(end_entity, intermediates, server_name, now),
            None => (Certificate::read(end_entity, intermediates.len()), Ok(ServerCertVerified::assertion())),
        };
        self.shown.note(certificate);
        judged
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
