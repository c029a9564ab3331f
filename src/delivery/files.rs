//! Files that the service makes and keeps for a while, in folders of one level: below a folder of the disk, or in a bucket
//! of an S3-compatible store. Who asks for a file learns from neither where it lies.
//!
//! Replicas share the place, or only the one that made a file can give it.

mod bucket;
mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

pub use self::bucket::{Bucket, Place, Secret};
use crate::error::{Error, Kind, Result};

/// Where files are kept.
#[derive(Clone, Debug)]
pub enum Files {
    Disk(disk::Disk),
    Bucket(Bucket),
}

/// A file that is being written.
#[derive(Debug)]
pub enum Writer {
    Disk(disk::Writer),
    Bucket(bucket::Writer),
}

/// What is asked of a file (<https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Whole,
    /// From this byte to the end.
    From(u64),
    /// From the first byte to the second, both included.
    Between(u64, u64),
    /// So many bytes of its end.
    Last(u64),
}

impl Span {
    /// First byte and number of bytes in a file of `length` bytes; `None` where nothing of it is meant.
    #[must_use]
    pub fn within(self, length: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::Whole => return Some((0, length)),
            Self::From(start) => (start, length),
            Self::Between(start, last) => (start, length.min(last.saturating_add(1))),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        (start < end).then(|| (start, end - start))
    }
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    /// The first byte that is read.
    pub start: u64,
    /// Bytes that are read.
    pub length: u64,
    /// Bytes of the file.
    pub whole: u64,
}

#[derive(Debug)]
enum Source {
    /// What was asked for is not in the file.
    Nothing,
    Disk(disk::Reading),
    Bucket(bucket::Reading),
}

/// What is in a folder: names, and when each was written (milliseconds since 1970).
type Listing = BTreeMap<String, Vec<(String, i64)>>;

/// Whether a name can be one of a file here: it comes from outside when a file is asked for.
fn plain(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (1..=120).contains(&name.len()) && name.bytes().all(legal) && !name.starts_with('.')
}

fn named(folder: &str, name: &str) -> Result<()> {
    if plain(folder) && plain(name) {
        Ok(())
    } else {
        Err(Error::not_found())
    }
}

fn failed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text = "The service's files cannot be used now; try again.";
    Error::new(Kind::Unavailable, text).because(cause)
}

impl Files {
    /// The files below `root`, which is made where it is missing.
    #[must_use]
    pub const fn below(root: PathBuf) -> Self {
        Self::Disk(disk::Disk::below(root))
    }

    /// The files of a bucket.
    ///
    /// # Errors
    /// `Invalid` where the place cannot be one.
    pub fn of_bucket(place: Place) -> Result<Self> {
        Bucket::at(place).map(Self::Bucket)
    }

    /// Begins a file; one of that name is replaced when it is finished.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn create(&self, folder: &str, name: &str) -> Result<Writer> {
        named(folder, name)?;
        match self {
            Self::Disk(disk) => disk.create(folder, name).await.map(Writer::Disk),
            Self::Bucket(bucket) => Ok(Writer::Bucket(bucket.create(folder, name))),
        }
    }

    /// Opens a file to read what `span` says; `None` where there is none.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn open(&self, folder: &str, name: &str, span: Span) -> Result<Option<Reader>> {
        named(folder, name)?;
        let whole = match self {
            Self::Disk(disk) => disk.length(folder, name).await?,
            Self::Bucket(bucket) => bucket.length(folder, name).await?,
        };
        let Some(whole) = whole else { return Ok(None) };
        let (start, length) = span.within(whole).unwrap_or_default();
        let source = match self {
            _ if length == 0 => Some(Source::Nothing),
            Self::Disk(disk) => {
                let reading = disk.open(folder, name, start, length).await?;
                reading.map(Source::Disk)
            }
            Self::Bucket(bucket) => {
                let reading = bucket.open(folder, name, start, length).await?;
                reading.map(Source::Bucket)
            }
        };
        Ok(source.map(|source| Reader {
            source,
            start,
            length,
            whole,
        }))
    }

    /// Removes a folder with its files, and with what was begun there and never finished.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn remove(&self, folder: &str) -> Result<()> {
        if !plain(folder) {
            return Err(Error::not_found());
        }
        match self {
            Self::Disk(disk) => disk.remove(folder).await,
            Self::Bucket(bucket) => bucket.remove(folder).await,
        }
    }

    /// Removes a file.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn remove_file(&self, folder: &str, name: &str) -> Result<()> {
        named(folder, name)?;
        match self {
            Self::Disk(disk) => disk.remove_file(folder, name).await,
            Self::Bucket(bucket) => bucket.remove_file(folder, name).await,
        }
    }

    /// Removes what is in a folder but these: what workers that died, or were given up, left there.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn keep_only(&self, folder: &str, names: &[String]) -> Result<()> {
        let all = self.listing(Some(folder)).await?;
        for (name, _) in all.into_values().flatten() {
            if !names.contains(&name) {
                self.remove_file(folder, &name).await?;
            }
        }
        Ok(())
    }

    /// Removes the folders in which nothing was written since an instant (milliseconds since 1970); says how many.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn remove_older(&self, than: i64) -> Result<usize> {
        let mut removed = 0;
        for (folder, files) in self.listing(None).await? {
            let young = files.iter().any(|(_, at)| *at >= than);
            if !young && plain(&folder) {
                self.remove(&folder).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn listing(&self, folder: Option<&str>) -> Result<Listing> {
        match self {
            Self::Disk(disk) => disk.listing(folder).await,
            Self::Bucket(bucket) => bucket.listing(folder).await,
        }
    }

    /// Whether the place can be reached.
    ///
    /// # Errors
    /// `Unavailable`, with its cause, where it cannot.
    pub async fn reach(&self) -> Result<()> {
        match self {
            Self::Disk(_) => Ok(()),
            Self::Bucket(bucket) => bucket.reach().await,
        }
    }

    /// The folder where they are; `None` where it is none of this machine's.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        match self {
            Self::Disk(disk) => Some(disk.root()),
            Self::Bucket(_) => None,
        }
    }
}

impl Writer {
    /// Adds to the file.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Disk(writer) => writer.write(bytes).await,
            Self::Bucket(writer) => writer.write(bytes).await,
        }
    }

    /// Makes the file last: it is there from now on.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn finish(self) -> Result<()> {
        match self {
            Self::Disk(writer) => writer.finish().await,
            Self::Bucket(writer) => writer.finish().await,
        }
    }
}

impl Reader {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match &mut self.source {
            Source::Nothing => Ok(None),
            Source::Disk(reading) => reading.chunk().await,
            Source::Bucket(reading) => reading.chunk().await,
        }
    }

    /// All of it as text.
    ///
    /// # Errors
    /// `Unavailable` where disk or store refuses or it is no text.
    pub async fn text(mut self) -> Result<String> {
        let mut all = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        String::from_utf8(all).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_within_its_file_or_nowhere() {
        for (span, found) in [
            (Span::Whole, Some((0, 10))),
            (Span::From(0), Some((0, 10))),
            (Span::From(9), Some((9, 1))),
            (Span::From(10), None),
            (Span::Between(2, 4), Some((2, 3))),
            (Span::Between(2, u64::MAX), Some((2, 8))),
            (Span::Between(10, 12), None),
            (Span::Between(4, 3), None),
            (Span::Last(3), Some((7, 3))),
            (Span::Last(30), Some((0, 10))),
            (Span::Last(0), None),
        ] {
            assert_eq!(span.within(10), found, "{span:?}");
        }
        assert_eq!(Span::Whole.within(0), Some((0, 0)));
        assert_eq!(Span::From(0).within(0), None);
    }

    #[tokio::test]
    async fn no_name_leaves_the_folder() {
        let files = Files::below("/nowhere/of/all".into());
        for name in ["..", ".", "", "a/b", "../x", ".hidden", "a\0b", "ä"] {
            let not_there = |error: Error| error.kind == Kind::NotFound;
            let opened = files.open("job", name, Span::Whole).await;
            assert!(opened.is_err_and(not_there), "{name}");
            assert!(
                files.create(name, "file").await.is_err_and(not_there),
                "{name}"
            );
            assert!(files.remove(name).await.is_err_and(not_there), "{name}");
        }
    }
}
