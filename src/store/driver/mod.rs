//! The two databases. What differs between them stands here and nowhere else:
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | placeholders | `?n`, rewritten from `$n` | `$n` |
//! | `TEXT` columns | compare by bytes | `COLLATE "C"`, to compare by bytes |
//! | tables | `STRICT`; `{keyed}` ones `WITHOUT ROWID` | heap with a primary key |
//! | reads by key | on the caller's thread | as all reads |
//! | writers | one thread, many writes per commit | a pool, statements pipelined |
//! | time | that of the machine, which is the service's | that of the server, which replicas share |
//! | isolation | serial | read committed; guards and `ON CONFLICT` decide races |
//! | appended rows | in a journal beside the database, and from there in the writer's next commit | a task that gathers them, commits without waiting for the disk |

mod postgres;
mod sqlite;
mod tls;

use crate::error::{Error, Kind, Result};

use super::Options;
use super::audit::Line;
use super::sql::{Conflict, Row, Sql, Step};

/// One of the two databases.
#[derive(Debug)]
pub(super) enum Driver {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Driver {
    /// Opens the database at `url` and brings its schema up to date; gives the steps that this took.
    pub async fn open(url: &str, options: &Options) -> Result<(Self, Vec<String>)> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let (driver, steps) = sqlite::Sqlite::open(path, options).await?;
            return Ok((Self::Sqlite(driver), steps));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let (driver, steps) = postgres::Postgres::open(url, options).await?;
            return Ok((Self::Postgres(driver), steps));
        }
        let text = "The database is given as sqlite:PATH or postgres://….";
        Err(Error::new(Kind::Invalid, text))
    }

    pub async fn read(&self, sql: Sql) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(driver) => driver.read(sql).await,
            Self::Postgres(driver) => driver.read(sql).await,
        }
    }

    /// As [`Driver::read`], for one row by its key.
    pub async fn read_row(&self, sql: Sql) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(driver) => driver.read_row(sql).await,
            Self::Postgres(driver) => driver.read(sql).await,
        }
    }

    pub async fn write(&self, steps: Vec<Step>) -> Result<std::result::Result<(), Conflict>> {
        match self {
            Self::Sqlite(driver) => driver.write(steps).await,
            Self::Postgres(driver) => driver.write(steps).await,
        }
    }

    /// Adds rows to the audit, those of several callers at once.
    pub async fn append(&self, lines: Vec<Line>) -> Result<()> {
        match self {
            Self::Sqlite(driver) => driver.append(lines).await,
            Self::Postgres(driver) => driver.append(lines).await,
        }
    }

    /// Waits until every row that was appended can be read.
    pub async fn flush(&self) -> Result<()> {
        match self {
            Self::Sqlite(driver) => driver.flush().await,
            // There an append is answered when it is committed.
            Self::Postgres(_) => Ok(()),
        }
    }

    /// The database's own time, milliseconds since 1970; `None` where it has none but the service's.
    pub async fn time(&self) -> Result<Option<i64>> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(driver) => driver.time().await.map(Some),
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(driver) => driver.close().await,
            Self::Postgres(driver) => driver.close(),
        }
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// The database is away, full or overloaded.
fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(
        Kind::Unavailable,
        "The store cannot serve this now; try again.",
    )
    .because(cause)
}
