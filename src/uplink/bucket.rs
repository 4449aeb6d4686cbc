//! An object store: a bucket of a server that speaks the S3 API, or a folder. A name always has the bytes that were put there
//! last, and the same object has the same name.
//!
//! `object_store` makes the requests and reads the answers; they go out through ureq, as those to archives do.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, RetryConfig};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Runtime};
use ureq::Agent;

use super::http;
use super::parcel::{Parcel, Sheet, Target};
use super::settings::{Limits, S3, Tls};
use super::throttle::Throttle;
use super::trouble::{Trouble, UplinkError};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 256 << 20;

/// An object store, and what was put there and has not been read back.
pub(super) struct Bucket {
    way: Way,
    prefix: String,
    /// The cart's name there.
    cart: String,
    runtime: Runtime,
    /// SHA-256 of what was put under a name.
    put: HashMap<Path, Vec<u8>>,
}

enum Way {
    /// It may not be there yet: a share that is mounted later.
    Folder(PathBuf),
    /// And whether the server answered the last request, whatever it said.
    S3(Box<AmazonS3>, Arc<AtomicBool>),
}

impl Bucket {
    /// A folder.
    pub fn folder(folder: PathBuf, cart: &str) -> Self {
        Self::new(Way::Folder(folder), String::new(), cart)
    }

    /// A bucket of a server.
    pub fn s3(s3: &S3, tls: Option<&Tls>, limits: Limits, cart: &str) -> Result<Self, UplinkError> {
        let secret = std::fs::read_to_string(&s3.secret_file).map_err(|source| UplinkError::Secret {
            path: s3.secret_file.clone(),
            source,
        })?;
        let answered = Arc::new(AtomicBool::new(false));
        let wire = Wire {
            agent: http::agent(tls, limits)?,
            answered: Arc::clone(&answered),
        };
        // The worker waits and tries again.
        let once = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 0,
            retry_timeout: Duration::ZERO,
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(&s3.endpoint)
            .with_allow_http(tls.is_none())
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_access_key_id(&s3.access_key)
            .with_secret_access_key(secret.trim())
            .with_retry(once)
            .with_http_connector(wire)
            .build()
            .map_err(|e| UplinkError::ObjectStore(e.into()))?;
        Ok(Self::new(
            Way::S3(Box::new(store), answered),
            s3.prefix.clone(),
            cart,
        ))
    }

    fn new(way: Way, prefix: String, cart: &str) -> Self {
        // Folders are written on a thread of the runtime, requests wait on this one.
        let runtime = Builder::new_current_thread().enable_time().build();
        Self {
            way,
            prefix,
            cart: cart.to_owned(),
            runtime: runtime.expect("a runtime without I/O needs nothing of the system"),
            put: HashMap::new(),
        }
    }

    /// Puts an object there.
    pub fn store(&mut self, parcel: &Parcel, throttle: &mut Throttle) -> Result<(), Trouble> {
        let at = self.place(parcel.target.sheet()?);
        throttle.pass(parcel.data.len());
        let put = async |store: &dyn ObjectStore| store.put(&at, parcel.data.clone().into()).await;
        self.ask(put)?;
        self.put.insert(at, Sha256::digest(&parcel.data).to_vec());
        Ok(())
    }

    /// Whether what was put there is there, byte for byte. False too where it is not known any more what that was.
    pub fn has(&mut self, target: &Target) -> Result<bool, Trouble> {
        let at = self.place(target.sheet()?);
        let Some(wanted) = self.put.get(&at).cloned() else {
            return Ok(false);
        };
        let get = async |store: &dyn ObjectStore| match store.get(&at).await {
            Ok(found) => found.bytes().await.map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let found = self.ask(get)?;
        self.put.remove(&at);
        Ok(found.is_some_and(|bytes| Sha256::digest(&bytes).to_vec() == wanted))
    }

    /// Whether it can be written to, as far as that can be seen, and lets us list what is there.
    pub fn look(&self) -> Result<bool, Trouble> {
        if let Way::Folder(folder) = &self.way {
            rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)
                .map_err(|e| Trouble::Link(format!("it cannot be written to: {e}")))?;
        }
        let root = Path::from_iter(self.root());
        let list = async |store: &dyn ObjectStore| match store.list_with_delimiter(Some(&root)).await {
            Ok(_) => Ok(true),
            Err(Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        self.ask(list)
    }

    fn root(&self) -> impl Iterator<Item = String> {
        let parts = self.prefix.split('/').filter(|part| !part.is_empty());
        parts.map(String::from)
    }

    /// `PREFIX/frames/date=2026-01-31/cart=NAME/<exam>.parquet`
    fn place(&self, sheet: &Sheet) -> Path {
        let own = [
            sheet.folder.to_owned(),
            format!("date={}", sheet.date),
            format!("cart={}", self.cart),
            format!("{}.{}", sheet.exam, sheet.extension),
        ];
        Path::from_iter(self.root().chain(own))
    }

    fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&dyn ObjectStore) -> object_store::Result<T>,
    ) -> Result<T, Trouble> {
        match &self.way {
            Way::Folder(folder) => {
                let link = |error: &dyn std::error::Error| Trouble::Link(crate::one_line(error));
                let store = LocalFileSystem::new_with_prefix(folder).map_err(|e| link(&e))?;
                let store = store.with_fsync(true);
                self.runtime.block_on(question(&store)).map_err(|e| link(&e))
            }
            Way::S3(store, answered) => {
                answered.store(false, Ordering::Relaxed);
                self.runtime.block_on(question(&**store)).map_err(|error| {
                    let words = crate::one_line(&error);
                    if answered.load(Ordering::Relaxed) {
                        Trouble::Later(format!("the object store failed at it: {words}"))
                    } else {
                        Trouble::Link(words)
                    }
                })
            }
        }
    }
}

/// How requests go out. The thread that asks waits for the answer: it has nothing else to do.
#[derive(Clone, Debug)]
struct Wire {
    agent: Agent,
    answered: Arc<AtomicBool>,
}

impl HttpConnector for Wire {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let request = ureq::http::Request::from_parts(parts, body.to_vec());
        let failed = |error| HttpError::new(HttpErrorKind::Unknown, error);
        let (parts, body) = self.agent.run(request).map_err(failed)?.into_parts();
        self.answered.store(true, Ordering::Relaxed);
        let body = body.into_with_config().limit(LONGEST_ANSWER);
        let bytes = body.read_to_vec().map_err(failed)?;
        Ok(HttpResponse::from_parts(parts, Bytes::from(bytes).into()))
    }
}
