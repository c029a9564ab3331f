//! The store: SQL lives here only.
//!
//! A write is a list of guarded statements that the database runs as one transaction ([`sql::Step`]); the
//! functions of `resource`, `episode` and `idempotency` build such lists and do nothing else. A read of
//! clinical data goes through a [`View`], whose every statement carries the access predicate.

pub(crate) mod audit;
pub mod calendar;
pub mod classify;
pub mod consent;
#[cfg(debug_assertions)]
mod crash;
mod driver;
pub mod episode;
mod filter;
mod held;
pub mod idempotency;
pub(crate) mod identity;
mod index;
pub(crate) mod job;
mod migrate;
pub(crate) mod notes;
pub mod outbox;
pub mod partner;
pub mod reindex;
pub mod resource;
mod search;
mod since;
pub mod sql;
pub mod subscription;
pub mod view;

#[cfg(test)]
mod tests;

use std::sync::atomic::AtomicI64;

use crate::access::Access;
use crate::error::{Error, Kind, Result};
use driver::Driver;
use sql::{Conflict, Row, Sql, Step};

pub use search::{Being, CRITERIA_MET, Page, Portion, Whose};
pub use view::View;

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reader threads (SQLite).
    pub readers: usize,
    /// Connections in the pool (PostgreSQL).
    pub connections: usize,
    /// Schema to live in, made where it is missing (PostgreSQL): a plain lower-case name.
    pub schema: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 2,
            connections: 16,
            schema: None,
        }
    }
}

/// The database, whichever it is.
#[derive(Debug)]
pub struct Store {
    driver: Driver,
    migrated: Vec<String>,
    /// The version by which every record is indexed at least.
    reached: AtomicI64,
}

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`) and brings its schema up to date.
    ///
    /// # Errors
    /// `Invalid` for a URL that is neither; `Unavailable` where the database cannot be reached or its schema
    /// is newer than this program.
    pub async fn open(url: &str, options: Options) -> Result<Self> {
        let plain = |s: &str| {
            s.starts_with(|c: char| c.is_ascii_lowercase())
                && s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if options.schema.as_deref().is_some_and(|s| !plain(s)) {
            let text = "The name of a schema is made of a-z, 0-9 and _.";
            return Err(Error::new(Kind::Invalid, text));
        }
        let (driver, migrated) = Driver::open(url, &options).await?;
        let reached = AtomicI64::new(crate::fhir::index::VERSION);
        Ok(Self {
            driver,
            migrated,
            reached,
        })
    }

    /// The steps of the schema that were taken when the database was opened: number and name of each.
    #[must_use]
    pub fn migrated(&self) -> &[String] {
        &self.migrated
    }

    /// Runs a query. For data that is not clinical; clinical data is read through a [`View`].
    pub(crate) async fn read(&self, sql: Sql) -> Result<Vec<Row>> {
        self.driver.read(sql).await
    }

    /// As [`Store::read`], for a query that finds one row by its key: it may run on the caller's thread.
    pub(crate) async fn read_row(&self, sql: Sql) -> Result<Vec<Row>> {
        self.driver.read_row(sql).await
    }

    /// Runs the steps as one transaction: all of them, durably, or none. `name` is its span's label.
    /// The inner error is a guard that did not hold.
    pub(crate) async fn write(
        &self,
        name: &'static str,
        steps: Vec<Step>,
    ) -> Result<std::result::Result<(), Conflict>> {
        let span = tracing::debug_span!("store.write", name, statements = steps.len());
        #[cfg(debug_assertions)]
        crash::point("before", name);
        let done = tracing::Instrument::instrument(self.driver.write(steps), span).await;
        #[cfg(debug_assertions)]
        crash::point("after", name);
        done
    }

    /// The store as `access` may see it.
    #[must_use]
    pub fn view<'a>(&'a self, access: &'a Access) -> View<'a> {
        View::new(self, access)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Unavailable` where it does not.
    pub async fn ready(&self) -> Result<()> {
        self.read(Sql::new("SELECT version FROM schema_version", Vec::new()))
            .await
            .map(drop)
    }

    /// The time that all who use this database share, milliseconds since 1970; `None` where it is that of this machine.
    ///
    /// # Errors
    /// `Unavailable` where the database does not answer.
    pub async fn time(&self) -> Result<Option<i64>> {
        self.driver.time().await
    }

    /// Finishes what was begun and lets go of the database.
    pub async fn close(&self) {
        self.driver.close().await;
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.driver.kind()
    }
}
