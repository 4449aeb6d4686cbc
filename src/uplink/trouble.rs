//! What can go wrong between cart and destination, and what follows from it.

use std::path::PathBuf;

use thiserror::Error;

use crate::tls::TlsFileError;

/// Why the uplink cannot start.
#[derive(Debug, Error)]
pub enum UplinkError {
    /// Certificates or keys cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsFileError),
    /// Two destinations have one name.
    #[error("two [[uplink]] have the name {0}: each needs one of its own")]
    Twice(String),
    /// The secret of an object store cannot be read.
    #[error("cannot read the secret access key {}: expected a file with it alone that this user may read", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// An object store cannot be used as the config describes it.
    #[error("cannot use the object store")]
    ObjectStore(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody could report storage commitment.
    #[error(
        "[[uplink]] {0} waits for storage commitment, but [dicom] has no listen address where it can be reported; \
         add one, or set verify = \"query\""
    )]
    NoListener(String),
    /// The listener's address cannot be used.
    #[error("cannot listen for storage commitment on {address}: another program may have the port")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
}

/// Why something was not delivered now. The words are for people and name no patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The destination cannot be talked to: nothing else goes there for a while either.
    Link(String),
    /// It has no time or room for this now, or failed at it: later.
    Later(String),
    /// It will never take this.
    Refused(String),
}
