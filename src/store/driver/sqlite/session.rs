//! A connection with its prepared statements.

use std::collections::HashMap;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

use super::{Outcome, Rows};
use crate::error::{Error, Result};
use crate::store::audit::{self, Line};
use crate::store::driver::unavailable;
use crate::store::sql::{Conflict, Expect, Row, Sql, Step, Value};

/// Prepared statements kept per connection.
const STATEMENTS: usize = 256;

/// Whether the database may have some of the rows that are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    None,
    /// They are what a program left behind, and nobody knows how far it came.
    Left,
}

/// A connection and the rewritten texts of its statements.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    texts: HashMap<String, String>,
    /// Whether a commit waits until it is on disk.
    waits: bool,
}

impl Session {
    pub fn new(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Self {
            connection,
            texts: HashMap::new(),
            waits: true,
        }
    }

    /// Whether no transaction is open.
    pub fn is_idle(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Says whether the next commits wait until they are on disk. To be called while no transaction is open.
    pub fn wait_for_disk(&mut self, waits: bool) -> Result<()> {
        if waits != self.waits {
            let level = if waits { "FULL" } else { "NORMAL" };
            // Not prepared: this pragma works when it is compiled.
            let set = format!("PRAGMA synchronous={level}");
            self.connection.execute_batch(&set).map_err(unavailable)?;
            self.waits = waits;
        }
        Ok(())
    }

    fn statement(&mut self, text: &str) -> rusqlite::Result<rusqlite::CachedStatement<'_>> {
        if !self.texts.contains_key(text) {
            if self.texts.len() >= 4 * STATEMENTS {
                self.texts.clear();
            }
            self.texts.insert(text.to_owned(), rewrite(text));
        }
        self.connection.prepare_cached(&self.texts[text])
    }

    pub fn query(&mut self, sql: &Sql) -> Rows {
        self.rows(sql).map_err(|cause| report(&cause, &sql.text))
    }

    fn rows(&mut self, sql: &Sql) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.statement(&sql.text)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(&sql.args))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|i| row.get_ref(i).map(own));
            out.push(Row(values.collect::<rusqlite::Result<_>>()?));
        }
        Ok(out)
    }

    /// Runs one write inside the open transaction; leaves no trace of it unless it is `Ok(Ok(()))`.
    pub fn apply(&mut self, steps: &[Step]) -> Outcome {
        self.command("SAVEPOINT own")?;
        let outcome = self.steps(steps);
        if !matches!(outcome, Ok(Ok(()))) && !self.is_idle() {
            self.command("ROLLBACK TO own")?;
        }
        if !self.is_idle() {
            self.command("RELEASE own")?;
        }
        outcome
    }

    fn steps(&mut self, steps: &[Step]) -> Outcome {
        for step in steps {
            let changed = self
                .statement(&step.sql.text)
                .and_then(|mut s| s.execute(rusqlite::params_from_iter(&step.sql.args)))
                .map_err(|cause| report(&cause, &step.sql.text))?;
            match step.expect {
                Expect::One { guard } if changed != 1 => return Ok(Err(Conflict { guard })),
                _ => {}
            }
        }
        Ok(Ok(()))
    }

    /// Adds rows of the audit inside the open transaction, which must be rolled back where one cannot be added.
    pub fn append(&mut self, lines: &[Line], known: Known) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let text = match known {
            Known::None => audit::one(),
            Known::Left => audit::one_more(),
        };
        let mut add = || {
            let mut statement = self.statement(text)?;
            let mut lines = lines.iter();
            lines.try_for_each(|line| {
                statement
                    .execute(rusqlite::params_from_iter(line))
                    .map(drop)
            })
        };
        add().map_err(|cause| report(&cause, text))
    }

    pub fn command(&mut self, text: &'static str) -> Result<()> {
        let done = self
            .connection
            .prepare_cached(text)
            .and_then(|mut s| s.execute([]));
        done.map(drop).map_err(unavailable)
    }
}

/// A broken statement is our defect; anything else is the machine's state, as is an audit that cannot be written.
fn report(cause: &rusqlite::Error, text: &str) -> Error {
    let defect = match cause {
        rusqlite::Error::SqliteFailure(e, _) => {
            matches!(
                e.code,
                ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::Unknown
            )
        }
        _ => true,
    };
    let cause = format!("{cause} in: {text}");
    if defect && !text.starts_with(audit::INSERT) {
        Error::internal(cause)
    } else {
        unavailable(cause)
    }
}

/// `$n` becomes `?n`; SQLite would number `$n` by first use.
pub(super) fn rewrite(text: &str) -> String {
    text.replace('$', "?")
}

fn own(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into()),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
