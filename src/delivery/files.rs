//! Files that the service makes and keeps for a while: below one folder, readable by the service's user alone.
//!
//! Replicas share the folder, or only the one that made a file can give it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use tokio::fs::{self, DirBuilder, File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::{Error, Kind, Result};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// The folder.
#[derive(Clone, Debug)]
pub struct Files(PathBuf);

/// A file that is being written.
#[derive(Debug)]
pub struct Writer(File);

/// A file that is being read.
#[derive(Debug)]
pub struct Reader {
    file: File,
    /// Bytes in all.
    pub length: u64,
}

/// Whether a name can be one of a file here: it comes from outside when a file is asked for.
fn plain(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (1..=120).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with('.')
}

fn failed(cause: std::io::Error) -> Error {
    let text = "The service's files cannot be used now; try again.";
    Error::new(Kind::Unavailable, text).because(cause)
}

impl Files {
    /// The files below `root`, which is made where it is missing.
    #[must_use]
    pub const fn below(root: PathBuf) -> Self {
        Self(root)
    }

    fn folder(&self, folder: &str) -> Result<PathBuf> {
        if plain(folder) {
            Ok(self.0.join(folder))
        } else {
            Err(Error::not_found())
        }
    }

    fn path(&self, folder: &str, name: &str) -> Result<PathBuf> {
        if plain(name) {
            Ok(self.folder(folder)?.join(name))
        } else {
            Err(Error::not_found())
        }
    }

    /// Begins a file; one of that name is replaced.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn create(&self, folder: &str, name: &str) -> Result<Writer> {
        let path = self.path(folder, name)?;
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(self.folder(folder)?).await.map_err(failed)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path).await.map(Writer).map_err(failed)
    }

    /// Opens a file; `None` where there is none.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn open(&self, folder: &str, name: &str) -> Result<Option<Reader>> {
        let file = match File::open(self.path(folder, name)?).await {
            Ok(file) => file,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(failed(cause)),
        };
        let length = file.metadata().await.map_err(failed)?.len();
        Ok(Some(Reader { file, length }))
    }

    /// Removes a folder with its files.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn remove(&self, folder: &str) -> Result<()> {
        gone(fs::remove_dir_all(self.folder(folder)?).await)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn remove_file(&self, folder: &str, name: &str) -> Result<()> {
        gone(fs::remove_file(self.path(folder, name)?).await)
    }

    /// Where they are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }
}

/// What is gone already need not be removed.
fn gone(removed: std::io::Result<()>) -> Result<()> {
    match removed {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(failed(cause)),
        _ => Ok(()),
    }
}

impl Writer {
    /// Adds to the file.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).await.map_err(failed)
    }

    /// Takes the file to the disk.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn finish(mut self) -> Result<()> {
        self.0.flush().await.map_err(failed)?;
        self.0.sync_all().await.map_err(failed)
    }
}

impl Reader {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let mut bytes = BytesMut::with_capacity(CHUNK);
        let read = self.file.read_buf(&mut bytes).await.map_err(failed)?;
        Ok((read > 0).then(|| bytes.freeze()))
    }

    /// All of it as text.
    ///
    /// # Errors
    /// `Unavailable` where the disk refuses or it is no text.
    pub async fn text(mut self) -> Result<String> {
        let mut text = String::new();
        self.file.read_to_string(&mut text).await.map_err(failed)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder() {
        let files = Files::below("/somewhere".into());
        for name in ["..", ".", "", "a/b", "../x", ".hidden", "a\0b", "ä"] {
            assert!(files.path("job", name).is_err(), "{name}");
            assert!(files.path(name, "file").is_err(), "{name}");
        }
        let path = files.path("job", "Patient-1.ndjson").expect("a path");
        assert_eq!(path, Path::new("/somewhere/job/Patient-1.ndjson"));
    }
}
