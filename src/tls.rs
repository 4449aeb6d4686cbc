//! Certificates and keys from PEM files, for whoever speaks TLS: the page and the uplink. TLS 1.2 and 1.3, by rustls and ring.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

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
