//! Certificates from PEM files, for both sides of a connection. TLS 1.2 and 1.3, by rustls and ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::UplinkError;
use super::settings::Tls;

/// What does the cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates in a file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UplinkError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|e| bad(path, e))?
        .collect();
    let found = found.map_err(|e| bad(path, e))?;
    if found.is_empty() {
        return Err(bad(path, "it holds no certificate"));
    }
    Ok(found)
}

/// Our own certificate chain and its key, if there are any.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Reads our identity.
pub(super) fn identity(tls: &Tls) -> Result<Option<Identity>, UplinkError> {
    match (&tls.certificate, &tls.key) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, e))?;
            Ok(Some((certificates(chain)?, private)))
        }
        (Some(path), None) | (None, Some(path)) => {
            Err(bad(path, "certificate and key are needed both, or neither"))
        }
    }
}

fn roots(tls: &Tls) -> Result<RootCertStore, UplinkError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate).map_err(|e| bad(&tls.ca, e))?;
    }
    Ok(roots)
}

/// For connections that we open.
pub(super) fn client(tls: &Tls) -> Result<Arc<ClientConfig>, UplinkError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&tls.ca, e))?
        .with_root_certificates(roots(tls)?);
    let config = match identity(tls)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|e| bad(&tls.ca, e))?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// For connections to our listener: who calls has to have a certificate of the authorities.
pub(super) fn server(tls: &Tls) -> Result<Arc<ServerConfig>, UplinkError> {
    let Some((chain, key)) = identity(tls)? else {
        return Err(bad(&tls.ca, "a listener with TLS needs certificate and key"));
    };
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(tls)?), provider())
        .build()
        .map_err(|e| bad(&tls.ca, e))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&tls.ca, e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|e| bad(&tls.ca, e))?;
    Ok(Arc::new(config))
}

pub(super) fn bad(path: &Path, error: impl ToString) -> UplinkError {
    UplinkError::Tls {
        path: PathBuf::from(path),
        reason: error.to_string(),
    }
}
