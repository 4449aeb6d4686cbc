//! Who is trusted: minisign public keys, and the signatures that they verify.

use std::path::Path;

use minisign_verify::{Error, PublicKey, Signature};

use super::{PackageError, read_file};

/// The longest key file or signature.
const MAX_BYTES: u64 = 4096;

/// The keys whose packages are accepted; never none.
#[derive(Clone, Debug)]
pub struct Keys(Vec<PublicKey>);

impl Keys {
    /// From the second lines of minisign's `.pub` files.
    ///
    /// # Errors
    /// [`PackageError::Key`], [`PackageError::NoKey`].
    pub fn from_lines(lines: &[String]) -> Result<Self, PackageError> {
        let key = |line: &String| {
            let what = format!("{line:?}");
            PublicKey::from_base64(line.trim()).map_err(|_| PackageError::Key { what })
        };
        Self::some(lines.iter().map(key).collect::<Result<_, _>>()?)
    }

    /// From minisign's `.pub` files.
    ///
    /// # Errors
    /// [`PackageError::Read`], [`PackageError::Key`], [`PackageError::NoKey`].
    pub fn from_files(files: &[impl AsRef<Path>]) -> Result<Self, PackageError> {
        let key = |path: &Path| {
            let text = String::from_utf8(read_file(path, MAX_BYTES)?).unwrap_or_default();
            let what = path.display().to_string();
            PublicKey::decode(&text).map_err(|_| PackageError::Key { what })
        };
        Self::some(files.iter().map(|f| key(f.as_ref())).collect::<Result<_, _>>()?)
    }

    fn some(keys: Vec<PublicKey>) -> Result<Self, PackageError> {
        if keys.is_empty() {
            Err(PackageError::NoKey)
        } else {
            Ok(Self(keys))
        }
    }

    /// Whether one of the keys made `signature` for `bytes`. The error says why not and what to do.
    pub(super) fn verify(&self, bytes: &[u8], signature: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(signature).unwrap_or_default();
        let signature = Signature::decode(text).map_err(|_| {
            "its file is cut off or not minisign's; ask whoever made the package for it".to_owned()
        })?;
        for key in &self.0 {
            match key.verify(bytes, &signature, false) {
                Ok(()) => return Ok(()),
                Err(Error::UnexpectedKeyId) => {}
                Err(Error::UnexpectedAlgorithm) => {
                    return Err("it is of minisign's legacy kind; sign with `minisign -S` without -l".into());
                }
                Err(_) => return Err("the package was changed after it was signed; get it again".into()),
            }
        }
        Err(format!(
            "it was made with a key that is not trusted here ({} others are); get the package from whom you trust",
            self.0.len()
        ))
    }
}

/// The signature that lies beside `package`.
pub(super) fn read_signature(package: &Path) -> Result<Vec<u8>, PackageError> {
    match read_file(&super::signature_of(package), MAX_BYTES) {
        Err(PackageError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(PackageError::Unsigned { path: package.into() })
        }
        read => read,
    }
}
