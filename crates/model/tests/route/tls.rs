//! TLS from the side of the client, and what the server shows it.

use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, Stream};

/// A certificate and its key as PEM, the same for everybody who is asked.
pub(crate) fn identity() -> &'static (String, String) {
    static IDENTITY: OnceLock<(String, String)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec![String::from("a.test")]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    })
}

/// Whether a client can send this name in a handshake.
pub(crate) fn can_be_sent(name: &str) -> bool {
    let plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte));
    plain && !name.ends_with('.') && matches!(ServerName::try_from(name), Ok(ServerName::DnsName(_)))
}

/// Sends bytes and reads what comes back; nothing at all when there is no handshake.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    sni: Option<&[u8]>,
    out: &[u8],
) -> std::io::Result<Vec<u8>> {
    let name = sni.map(|name| String::from_utf8_lossy(name).into_owned());
    let config = config(name.is_some());
    let name =
        ServerName::try_from(name.unwrap_or_else(|| String::from("127.0.0.1"))).expect("it can be sent");
    let mut connection = ClientConnection::new(config, name).expect("the settings are good");
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(stream) {
            // A refusal is an answer; that nothing comes is none.
            return if error.kind() == ErrorKind::WouldBlock { Err(error) } else { Ok(Vec::new()) };
        }
    }
    let mut tls = Stream::new(&mut connection, stream);
    // nginx may answer and close before it has read all; what it said is what counts.
    let _ = tls.write_all(out).and_then(|()| tls.flush());
    let mut raw = Vec::new();
    match tls.read_to_end(&mut raw) {
        Err(error) if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
            Err(error)
        }
        _ => Ok(raw),
    }
}

fn config(with_name: bool) -> Arc<ClientConfig> {
    static CONFIGS: OnceLock<[Arc<ClientConfig>; 2]> = OnceLock::new();
    let configs = CONFIGS.get_or_init(|| {
        [false, true].map(|with_name| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("ring knows TLS 1.3")
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
                .with_no_client_auth();
            config.enable_sni = with_name;
            config.resumption = Resumption::disabled();
            Arc::new(config)
        })
    });
    configs[usize::from(with_name)].clone()
}

/// Takes every certificate: what is tested is who answers.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
