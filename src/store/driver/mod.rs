//! The two databases. What differs between them stands here and nowhere else:
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | placeholders | `?n`, rewritten from `$n` | `$n` |
//! | `TEXT` columns | compare by bytes | `COLLATE "C"`, to compare by bytes |
//! | tables | `STRICT`; `{keyed}` ones `WITHOUT ROWID` | heap with a primary key |
//! | reads by key | on the caller's thread | as all reads |
//! | writers | one thread, many writes per commit | a pool, statements pipelined |
//! | isolation | serial | read committed; guards and `ON CONFLICT` decide races |

mod postgres;
mod sqlite;
mod tls;

use crate::error::{Error, Kind, Result};

use super::Options;
use super::sql::{Conflict, Row, Sql, Step};

/// One of the two databases.
#[derive(Debug)]
pub(super) enum Driver {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Driver {
    /// Opens the database at `url` and brings its schema up to date.
    pub async fn open(url: &str, options: &Options) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite::Sqlite::open(path, options).await.map(Self::Sqlite);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres::Postgres::open(url, options)
                .await
                .map(Self::Postgres);
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
