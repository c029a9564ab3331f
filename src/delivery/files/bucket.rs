//! Files in a bucket of an S3-compatible store. A large file goes there in parts, so that one part of it is in memory.
//!
//! The parts of a file that is never finished are seen by no listing. So that whoever cleans up after a killed process can
//! find them, the name of the upload stands beside the file (`….upload`) before its first part is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectStore as _, ObjectStoreExt as _, RetryConfig,
};
use url::Url;

use super::{Listing, failed};
use crate::error::{Error, Kind, Result};
use crate::net;

/// Bytes of a part: S3 wants 5 MiB at least, and has 10,000 of them at most.
const PART: usize = 6 * 1024 * 1024;
/// The end of the name of what tells an upload.
const UPLOAD: &str = ".upload";

/// A word that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(word: String) -> Self {
        Self(word)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Which bucket, and how to come there.
#[derive(Clone, Debug)]
pub struct Place {
    pub bucket: String,
    /// What the keys begin with; may be empty.
    pub prefix: String,
    /// URL of the store; that of Amazon S3 in the region where absent.
    pub endpoint: Option<String>,
    pub region: String,
    /// Id and secret of the access key; those of the machine's role (instance metadata) where absent.
    pub keys: Option<(Secret, Secret)>,
    /// The token of a session that the keys are of.
    pub session: Option<Secret>,
    /// How long a request is tried again, and how long the store may be silent.
    pub patience: Duration,
    /// Bytes of a part.
    pub part: usize,
}

impl Place {
    /// A bucket by its URL, `s3://bucket/prefix`.
    ///
    /// # Errors
    /// `Invalid` where it is written otherwise.
    pub fn of(url: &str, region: &str) -> Result<Self> {
        let wrong = || {
            let text = "A bucket is written s3://bucket or s3://bucket/prefix.";
            Error::new(Kind::Invalid, text)
        };
        let rest = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if bucket.len() < 3 || !bucket.bytes().all(legal) {
            return Err(wrong());
        }
        Path::parse(prefix).map_err(|_| wrong())?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            endpoint: None,
            region: region.to_owned(),
            keys: None,
            session: None,
            patience: Duration::from_secs(30),
            part: PART,
        })
    }
}

/// The bucket.
#[derive(Clone)]
pub struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Path,
    part: usize,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({})", self.prefix)
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writer {
    bucket: Bucket,
    path: Path,
    /// What is not sent yet.
    rest: BytesMut,
    upload: Option<Upload>,
}

#[derive(Debug)]
struct Upload {
    id: String,
    parts: Vec<PartId>,
}

/// A part of a file that is being read.
pub struct Reading(BoxStream<'static, object_store::Result<Bytes>>);

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading")
    }
}

/// Makes the store speak through the service's own HTTP client.
#[derive(Debug)]
struct Through(reqwest::Client);

impl HttpConnector for Through {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl Bucket {
    pub fn at(place: Place) -> Result<Self> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(place.bucket)
            .with_region(place.region)
            .with_http_connector(Through(net::store(place.patience)?))
            // One by one: not every S3-compatible store deletes in bulk.
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: place.patience / 100,
                    max_backoff: place.patience / 4,
                    base: 2.0,
                },
                max_retries: 6,
                retry_timeout: place.patience,
            });
        if let Some(endpoint) = place.endpoint {
            builder = builder.with_endpoint(of_store(&endpoint)?);
        }
        if let Some((id, secret)) = place.keys {
            builder = builder
                .with_access_key_id(id.0)
                .with_secret_access_key(secret.0);
        }
        if let Some(token) = place.session {
            builder = builder.with_token(token.0);
        }
        let store = builder.build().map_err(|cause| {
            let text = "The bucket for exports cannot be used as it is configured.";
            Error::new(Kind::Invalid, text).because(told(&cause))
        })?;
        Ok(Self {
            store: Arc::new(store),
            prefix: Path::parse(place.prefix).map_err(Error::internal)?,
            part: place.part,
        })
    }

    fn path(&self, folder: &str, name: &str) -> Path {
        self.prefix.clone().join(folder).join(name)
    }

    #[must_use]
    pub fn create(&self, folder: &str, name: &str) -> Writer {
        Writer {
            bucket: self.clone(),
            path: self.path(folder, name),
            rest: BytesMut::new(),
            upload: None,
        }
    }

    pub async fn length(&self, folder: &str, name: &str) -> Result<Option<u64>> {
        let found = there(self.store.head(&self.path(folder, name)).await)?;
        Ok(found.map(|found| found.size))
    }

    pub async fn open(
        &self,
        folder: &str,
        name: &str,
        start: u64,
        length: u64,
    ) -> Result<Option<Reading>> {
        let options = GetOptions {
            range: Some((start..start + length).into()),
            ..GetOptions::default()
        };
        let path = self.path(folder, name);
        let found = there(self.store.get_opts(&path, options).await)?;
        Ok(found.map(|found| Reading(found.into_stream())))
    }

    pub async fn remove(&self, folder: &str) -> Result<()> {
        let all = self.listing(Some(folder)).await?;
        for (name, _) in all.into_values().flatten() {
            self.remove_file(folder, &name).await?;
        }
        Ok(())
    }

    pub async fn remove_file(&self, folder: &str, name: &str) -> Result<()> {
        let path = self.path(folder, name);
        if let Some(of) = name.strip_suffix(UPLOAD) {
            self.give_up(&self.path(folder, of), &path).await?;
        }
        there(self.store.delete(&path).await).map(drop)
    }

    /// Has the store forget the parts of an upload that `told` names.
    async fn give_up(&self, path: &Path, told: &Path) -> Result<()> {
        let Some(found) = there(self.store.get(told).await)? else {
            return Ok(());
        };
        let id = found.bytes().await.map_err(away)?;
        let id = String::from_utf8(id.to_vec()).map_err(failed)?;
        there(self.store.abort_multipart(path, &id).await).map(drop)
    }

    pub async fn listing(&self, of: Option<&str>) -> Result<Listing> {
        let below = match of {
            Some(folder) => self.prefix.clone().join(folder),
            None => self.prefix.clone(),
        };
        let mut out = Listing::new();
        let mut all = self.store.list(Some(&below));
        while let Some(found) = all.next().await {
            let found = found.map_err(away)?;
            let Some(parts) = found.location.prefix_match(&self.prefix) else {
                continue;
            };
            let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
            // What lies elsewhere below the prefix is not the service's.
            if let [folder, name] = &*parts {
                let at = found.last_modified.timestamp_millis();
                let files = out.entry(folder.clone()).or_default();
                files.push((name.clone(), at));
            }
        }
        Ok(out)
    }

    pub async fn reach(&self) -> Result<()> {
        let below = self.prefix.clone().join("none");
        let mut all = self.store.list(Some(&below));
        all.next().await.transpose().map_err(away).map(drop)
    }
}

/// The URL of a store: what leaves for it are clinical data.
fn of_store(endpoint: &str) -> Result<String> {
    let wrong = |text: &str| Err(Error::new(Kind::Invalid, text));
    let Ok(url) = Url::parse(endpoint) else {
        return wrong("The endpoint of the store is a URL.");
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return wrong("The endpoint of the store has no user, password or query.");
    }
    match url.scheme() {
        "https" => Ok(endpoint.to_owned()),
        "http" if net::is_here(&url) => Ok(endpoint.to_owned()),
        _ => wrong("The endpoint of the store is https; http goes to this machine alone."),
    }
}

/// What went wrong, without what the store said: an answer to a signature repeats the key's id and what was signed.
fn told(error: &object_store::Error) -> String {
    use object_store::Error as E;
    let source = match error {
        E::NotFound { .. } => return "the store has no such object or bucket".to_owned(),
        E::PermissionDenied { .. } => return "the store refuses these keys".to_owned(),
        E::Unauthenticated { .. } => return "the store wants keys".to_owned(),
        E::Generic { source, .. } => source.to_string(),
        _ => return "the store answered in an unknown way".to_owned(),
    };
    // Up to the answer's text, or to the cause below.
    let (asked, reason) = source.split_once(" - ").unwrap_or((&source, ""));
    let most = if reason.contains("error response") {
        1
    } else {
        2
    };
    let reason: Vec<&str> = reason.split(':').take(most).collect();
    format!("{asked}: {}", reason.join(":"))
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err gives away")]
fn away(cause: object_store::Error) -> Error {
    failed(told(&cause))
}

/// What is gone already is no failure.
fn there<T>(done: object_store::Result<T>) -> Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(cause) => Err(away(cause)),
    }
}

impl Writer {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        while self.rest.len() > self.bucket.part {
            let part = self.rest.split_to(self.bucket.part).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<()> {
        let store = &self.bucket.store;
        let upload = if let Some(upload) = &mut self.upload {
            upload
        } else {
            let id = store.create_multipart(&self.path).await.map_err(away)?;
            let beside = self.told();
            let told = store.put(&beside, id.clone().into()).await;
            told.map_err(away)?;
            let parts = Vec::new();
            self.upload.insert(Upload { id, parts })
        };
        let n = upload.parts.len();
        let sent = store.put_part(&self.path, &upload.id, n, part.into()).await;
        upload.parts.push(sent.map_err(away)?);
        Ok(())
    }

    /// Where the name of the upload stands.
    fn told(&self) -> Path {
        Path::from(format!("{}{UPLOAD}", self.path))
    }

    pub async fn finish(mut self) -> Result<()> {
        let rest = std::mem::take(&mut self.rest).freeze();
        if self.upload.is_none() {
            let put = self.bucket.store.put(&self.path, rest.into()).await;
            return put.map_err(away).map(drop);
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let beside = self.told();
        let Some(Upload { id, parts }) = self.upload else {
            return Ok(());
        };
        let store = &self.bucket.store;
        let whole = store.complete_multipart(&self.path, &id, parts).await;
        whole.map_err(away)?;
        there(store.delete(&beside).await).map(drop)
    }
}

impl Reading {
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.next().await.transpose().map_err(away)
    }
}

#[cfg(test)]
mod tests;
