//! Certificates and keys from PEM files, for whoever speaks TLS: the page and the uplink. TLS 1.2 and 1.3, by rustls and ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

/// A certificate chain and its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} for TLS: {reason}; expected a PEM file that this user may read", path.display())]
pub struct TlsFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// An error about the file `path`, ready for `map_err`.
pub fn bad<E: ToString>(path: &Path) -> impl Fn(E) -> TlsFileError {
    move |reason| TlsFileError {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// What does the cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates in a file, at least one.
///
/// # Errors
/// [`TlsFileError`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(bad(path))?;
    if found.is_empty() {
        return Err(bad(path)("it holds no certificate"));
    }
    Ok(found)
}

/// A certificate chain and its key.
///
/// # Errors
/// [`TlsFileError`].
pub fn identity(chain: &Path, key: &Path) -> Result<Identity, TlsFileError> {
    let private = PrivateKeyDer::from_pem_file(key).map_err(bad(key))?;
    Ok((certificates(chain)?, private))
}

/// From when until when a certificate is good; none where it cannot be told. Who judges certificates later is asked now: at the beginning
/// of time it says when the certificate begins, at the end of time when it ended.
pub fn validity(certificate: &CertificateDer<'static>) -> Option<[DateTime<Utc>; 2]> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).ok()?;
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .ok()?;
    let name = ServerName::try_from("any").ok()?;
    let ask = |second| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(second));
        let refused = judge
            .verify_server_cert(certificate, &[], &name, &[], time)
            .err()?;
        let limit = match refused {
            Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => not_before,
            Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => not_after,
            _ => return None,
        };
        DateTime::from_timestamp(limit.as_secs().try_into().ok()?, 0)
    };
    Some([ask(0)?, ask(u64::MAX)?])
}
