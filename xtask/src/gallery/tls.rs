//! TLS for the stands: a certificate for a name, and a user who accepts every certificate.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

/// Makes a certificate that vouches for itself, `NAME.pem` and `NAME.key`.
pub(super) fn certificate(dir: &Path, name: &str) -> anyhow::Result<()> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).context("make a certificate")?;
    std::fs::create_dir(dir)?;
    std::fs::write(dir.join(format!("{name}.pem")), made.cert.pem())?;
    std::fs::write(dir.join(format!("{name}.key")), made.signing_key.serialize_pem())?;
    Ok(())
}

/// A connection of somebody who speaks TLS up to `newest`.
pub(super) fn over(
    stream: TcpStream,
    name: &str,
    newest: Option<&str>,
) -> anyhow::Result<StreamOwned<ClientConnection, TcpStream>> {
    let versions = match newest {
        None | Some("1.3") => rustls::ALL_VERSIONS,
        Some("1.2") => &[&rustls::version::TLS12][..],
        Some(other) => bail!("TLS {other} is not one that a user of the gallery speaks"),
    };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptsAll(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).context("a name for TLS")?;
    Ok(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, stream))
}

/// The gallery asks who answers what, not who is who.
#[derive(Debug)]
struct AcceptsAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptsAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
