//! Both sides of a connection of ours: each shows a certificate where it has one, and asks for one of the site's authorities.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::settings::Tls;
use crate::tls::{Identity, TlsFileError, bad, certificates, provider};

/// Reads our identity, if there is one.
pub(super) fn identity(tls: &Tls) -> Result<Option<Identity>, TlsFileError> {
    match (&tls.certificate, &tls.key) {
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => crate::tls::identity(chain, key).map(Some),
        (Some(path), None) | (None, Some(path)) => {
            Err(bad(path)("certificate and key are needed both, or neither"))
        }
    }
}

fn roots(tls: &Tls) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate).map_err(bad(&tls.ca))?;
    }
    Ok(roots)
}

/// For connections that we open.
pub(super) fn client(tls: &Tls) -> Result<Arc<ClientConfig>, TlsFileError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(bad(&tls.ca))?
        .with_root_certificates(roots(tls)?);
    let config = match identity(tls)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(bad(tls.certificate.as_ref().unwrap_or(&tls.ca)))?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// For connections to our listener: who calls has to have a certificate of the authorities.
pub(super) fn server(tls: &Tls) -> Result<Arc<ServerConfig>, TlsFileError> {
    let Some((chain, key)) = identity(tls)? else {
        return Err(bad(&tls.ca)("a listener with TLS needs certificate and key"));
    };
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(tls)?), provider())
        .build()
        .map_err(bad(&tls.ca))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(bad(&tls.ca))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(bad(tls.certificate.as_ref().unwrap_or(&tls.ca)))?;
    Ok(Arc::new(config))
}
