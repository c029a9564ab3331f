//! Files below a folder of the disk, readable by the service's user alone.

use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::{Bytes, BytesMut};
use tokio::fs::{self, DirBuilder, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, Take};

use super::{Listing, failed};
use crate::error::Result;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// The folder.
#[derive(Clone, Debug)]
pub struct Disk(PathBuf);

/// A file that is being written.
#[derive(Debug)]
pub struct Writer(File);

/// A part of a file that is being read.
#[derive(Debug)]
pub struct Reading(Take<File>);

impl Disk {
    pub const fn below(root: PathBuf) -> Self {
        Self(root)
    }

    pub fn root(&self) -> &Path {
        &self.0
    }

    fn path(&self, folder: &str, name: &str) -> PathBuf {
        self.0.join(folder).join(name)
    }

    pub async fn create(&self, folder: &str, name: &str) -> Result<Writer> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        let made = builder.create(self.0.join(folder)).await;
        made.map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let opened = options.open(self.path(folder, name)).await;
        opened.map(Writer).map_err(failed)
    }

    pub async fn length(&self, folder: &str, name: &str) -> Result<Option<u64>> {
        let found = there(fs::metadata(self.path(folder, name)).await)?;
        Ok(found.map(|found| found.len()))
    }

    pub async fn open(
        &self,
        folder: &str,
        name: &str,
        start: u64,
        length: u64,
    ) -> Result<Option<Reading>> {
        let Some(mut file) = there(File::open(self.path(folder, name)).await)? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(start)).await.map_err(failed)?;
        Ok(Some(Reading(file.take(length))))
    }

    pub async fn remove(&self, folder: &str) -> Result<()> {
        there(fs::remove_dir_all(self.0.join(folder)).await).map(drop)
    }

    pub async fn remove_file(&self, folder: &str, name: &str) -> Result<()> {
        there(fs::remove_file(self.path(folder, name)).await).map(drop)
    }

    pub async fn listing(&self, of: Option<&str>) -> Result<Listing> {
        let folders = match of {
            Some(folder) => vec![folder.to_owned()],
            None => entries(&self.0)
                .await?
                .into_iter()
                .map(|entry| entry.0)
                .collect(),
        };
        let mut out = Listing::new();
        for folder in folders {
            let path = self.0.join(&folder);
            let found = there(fs::metadata(&path).await)?;
            if found.is_some_and(|found| found.is_dir()) {
                out.insert(folder, entries(&path).await?);
            }
        }
        Ok(out)
    }
}

/// What is in a folder, with the time of each; nothing where there is no folder.
async fn entries(folder: &Path) -> Result<Vec<(String, i64)>> {
    let mut out = Vec::new();
    let Some(mut all) = there(fs::read_dir(folder).await)? else {
        return Ok(out);
    };
    while let Some(entry) = all.next_entry().await.map_err(failed)? {
        // What another process removed meanwhile is not there.
        let Some(found) = there(entry.metadata().await)? else {
            continue;
        };
        let at = found.modified().map_err(failed)?.duration_since(UNIX_EPOCH);
        let at = at.map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
        out.extend(entry.file_name().into_string().ok().map(|name| (name, at)));
    }
    Ok(out)
}

/// What is gone already is no failure.
fn there<T>(done: std::io::Result<T>) -> Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(failed(cause)),
    }
}

impl Writer {
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).await.map_err(failed)
    }

    pub async fn finish(mut self) -> Result<()> {
        self.0.flush().await.map_err(failed)?;
        self.0.sync_all().await.map_err(failed)
    }
}

impl Reading {
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let mut bytes = BytesMut::with_capacity(CHUNK);
        let read = self.0.read_buf(&mut bytes).await.map_err(failed)?;
        Ok((read > 0).then(|| bytes.freeze()))
    }
}
