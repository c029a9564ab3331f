//! PostgreSQL: a pool of connections; the statements of a write are sent in one go.

mod append;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Config, NoTls, Statement};

use self::append::Appender;
use super::{tls, unavailable};
use crate::error::{Error, Kind, Result};
use crate::store::Options;
use crate::store::audit::{self, Line};
use crate::store::migrate::{self, Applied};
use crate::store::sql::{Conflict, Expect, Row, Sql, Step, Value};

const ATTEMPTS: u32 = 5;
const SETTINGS: &str = "-c statement_timeout=5s -c lock_timeout=2s \
    -c idle_in_transaction_session_timeout=10s -c synchronous_commit=on";

/// The schema in the words of PostgreSQL.
const WORDS: [(&str, &str); 7] = [
    ("{keyed}", ""),
    ("{heap}", ""),
    (" TEXT", " TEXT COLLATE \"C\""),
    ("\n{sqlite\n", "\n/*\n"),
    ("\nsqlite}\n", "\n*/\n"),
    ("\n{postgres\n", "\n"),
    ("\npostgres}\n", "\n"),
];

type Outcome = Result<std::result::Result<(), Conflict>>;
/// As [`Outcome`], with what may be tried again told apart.
type Attempt = std::result::Result<std::result::Result<(), Conflict>, Failure>;

#[derive(Debug)]
pub(in crate::store) struct Postgres {
    pool: Pool,
    appender: Appender,
}

impl Postgres {
    pub async fn open(url: &str, options: &Options) -> Result<(Self, Vec<String>)> {
        // Certificates are always verified, so the stricter names mean `require`.
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let url = url.replace("sslmode=verify-ca", "sslmode=require");
        let mut config: Config = url.parse().map_err(|cause| {
            Error::new(Kind::Invalid, "The PostgreSQL URL cannot be read.").because(cause)
        })?;
        let given = config.get_options().unwrap_or_default();
        let schema = options.schema.as_deref();
        let schema = schema.map_or(String::new(), |s| format!(" -c search_path={s}"));
        config.options(format!("{SETTINGS} {given}{schema}"));
        config.connect_timeout(Duration::from_secs(3));
        let pool = pool(config, options)?;
        let postgres = Self {
            appender: Appender::start(pool.clone()),
            pool,
        };
        let steps = postgres.upgrade(options.schema.as_deref()).await?;
        Ok((postgres, steps))
    }

    async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(unavailable)
    }

    pub async fn read(&self, sql: Sql) -> Result<Vec<Row>> {
        let client = self.client().await?;
        let statement = client
            .prepare_cached(&sql.text)
            .await
            .map_err(|c| report(&c, &sql))?;
        let rows = client
            .query(&statement, &args(&sql))
            .await
            .map_err(|c| report(&c, &sql))?;
        rows.iter()
            .map(own)
            .collect::<std::result::Result<_, _>>()
            .map_err(|c| report(&c, &sql))
    }

    /// Runs the write; a deadlock or a serialization failure is tried again, as nothing of it was kept.
    pub async fn write(&self, steps: Vec<Step>) -> Outcome {
        let mut attempt = 1;
        loop {
            let mut lease = Lease(Some(self.client().await?));
            let outcome = lease.run(&steps).await;
            drop(lease);
            match outcome {
                Err(Failure::Retry(_)) if attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(u64::from(attempt * attempt) * 3))
                        .await;
                    attempt += 1;
                }
                Err(Failure::Retry(error) | Failure::Final(error)) => return Err(error),
                Ok(outcome) => return Ok(outcome),
            }
        }
    }

    /// Adds rows to the audit; they may be lost if the server loses power within the second.
    pub async fn append(&self, lines: Vec<Line>) -> Result<()> {
        self.appender.append(lines).await
    }

    /// The server's time, milliseconds since 1970.
    pub async fn time(&self) -> Result<i64> {
        const TEXT: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let rows = self.read(Sql::new(TEXT, Vec::new())).await?;
        let row = rows.first();
        row.map(|row| row.int(0))
            .ok_or_else(|| Error::internal("a server without time"))
    }

    pub fn close(&self) {
        self.pool.close();
    }

    /// Takes the steps that are missing. Programs that start at once wait for each other at the table's lock.
    async fn upgrade(&self, schema: Option<&str>) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        if let Some(schema) = schema {
            let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            create_raced(&client, &create).await?;
        }
        create_raced(&client, migrate::TABLE).await?;
        let tx = client.transaction().await.map_err(unavailable)?;
        let wait = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '10min';
            LOCK TABLE schema_version IN ACCESS EXCLUSIVE MODE";
        tx.batch_execute(wait).await.map_err(unavailable)?;
        let rows = tx.query(migrate::APPLIED, &[]).await.map_err(unavailable)?;
        let applied: Vec<_> = rows
            .iter()
            .map(|r| Applied {
                version: r.get(0),
                checksum: r.get(1),
            })
            .collect();
        let pending = migrate::pending(migrate::ALL, &applied)?;
        for step in pending {
            let text = step.statements(&WORDS);
            tx.batch_execute(&text).await.map_err(unavailable)?;
            let checksum = step.checksum();
            tx.execute(migrate::RECORD, &[&step.version, &step.name, &checksum])
                .await
                .map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(pending.iter().map(migrate::Migration::title).collect())
    }
}

fn pool(mut config: Config, options: &Options) -> Result<Pool> {
    let settings = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = match tls::connector(&mut config)? {
        Some(tls) => Manager::from_config(config, tls, settings),
        None => Manager::from_config(config, NoTls, settings),
    };
    let wait = Some(Duration::from_secs(3));
    let timeouts = Timeouts {
        wait,
        create: wait,
        recycle: wait,
    };
    Pool::builder(manager)
        .max_size(options.connections.max(1))
        .runtime(Runtime::Tokio1)
        .timeouts(timeouts)
        .build()
        .map_err(Error::internal)
}

/// `IF NOT EXISTS` does not cover two sessions that create at the same instant: the loser looks again.
async fn create_raced(client: &Object, text: &str) -> Result<()> {
    for _ in 0..ATTEMPTS {
        match client.batch_execute(text).await {
            Err(e)
                if matches!(
                    e.code(),
                    Some(
                        &SqlState::UNIQUE_VIOLATION
                            | &SqlState::DUPLICATE_TABLE
                            | &SqlState::DUPLICATE_OBJECT
                    )
                ) => {}
            other => return other.map_err(unavailable),
        }
    }
    Err(unavailable(
        "the schema is being created by too many programs",
    ))
}

enum Failure {
    /// Nothing was kept and the same again may succeed.
    Retry(Error),
    Final(Error),
}

/// A connection that is thrown away unless its transaction came to an end: a caller may go at any moment.
struct Lease(Option<Object>);

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

impl Lease {
    async fn run(&mut self, steps: &[Step]) -> Attempt {
        let Some(client) = &self.0 else {
            return Err(Failure::Final(Error::internal("a lease is used once")));
        };
        let outcome = transact(client, steps).await;
        let ended = match &outcome {
            Ok(Ok(())) => true,
            _ => client.batch_execute("ROLLBACK").await.is_ok(),
        };
        if ended {
            // Back to the pool.
            self.0.take();
        }
        outcome
    }
}

async fn transact(client: &Object, steps: &[Step]) -> Attempt {
    let mut statements: Vec<Statement> = Vec::with_capacity(steps.len());
    for Step { sql, .. } in steps {
        statements.push(
            client
                .prepare_cached(&sql.text)
                .await
                .map_err(|c| failure(&c, sql))?,
        );
    }
    let args: Vec<_> = steps.iter().map(|s| args(&s.sql)).collect();
    let begin = async { client.batch_execute("BEGIN").await.map(|()| 0) };
    let mut sent: Vec<Sent<'_>> = vec![Box::pin(begin)];
    for (statement, args) in statements.iter().zip(&args) {
        sent.push(Box::pin(client.execute(statement, args)));
    }
    let mut results = in_order(sent).await.into_iter();
    if let Some(Err(cause)) = results.next() {
        return Err(Failure::Final(unavailable(cause)));
    }
    for (step, result) in steps.iter().zip(results) {
        let changed = result.map_err(|cause| failure(&cause, &step.sql))?;
        match step.expect {
            Expect::One { guard } if changed != 1 => return Ok(Err(Conflict { guard })),
            _ => {}
        }
    }
    let commit = client.batch_execute("COMMIT").await;
    commit
        .map(Ok)
        .map_err(|cause| failure(&cause, &Sql::new("COMMIT", Vec::new())))
}

type Sent<'a> =
    Pin<Box<dyn Future<Output = std::result::Result<u64, tokio_postgres::Error>> + Send + 'a>>;

/// Sends all at once, in their order (a statement is sent when its future is first polled).
async fn in_order(mut sent: Vec<Sent<'_>>) -> Vec<std::result::Result<u64, tokio_postgres::Error>> {
    let mut done: Vec<_> = sent.iter().map(|_| None).collect();
    poll_fn(move |cx| {
        for (future, done) in sent
            .iter_mut()
            .zip(&mut done)
            .filter(|(_, done)| done.is_none())
        {
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                *done = Some(result);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
    })
    .await
}

fn failure(cause: &tokio_postgres::Error, sql: &Sql) -> Failure {
    match cause.code() {
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
            Failure::Retry(report(cause, sql))
        }
        _ => Failure::Final(report(cause, sql)),
    }
}

/// Syntax, type and integrity errors (classes 42, 22, 23) are our defect; anything else is the server's state, as is an
/// audit that cannot be written.
fn report(cause: &tokio_postgres::Error, sql: &Sql) -> Error {
    let class = cause
        .code()
        .map(|c| c.code().get(..2).unwrap_or_default().to_owned());
    let detail = cause
        .as_db_error()
        .map_or_else(|| cause.to_string(), |e| e.message().to_owned());
    let detail = format!("{detail} in: {}", sql.text);
    match class.as_deref() {
        Some("42" | "22" | "23") if !sql.text.starts_with(audit::INSERT) => Error::internal(detail),
        _ => unavailable(detail),
    }
}

fn args(sql: &Sql) -> Vec<&(dyn ToSql + Sync)> {
    sql.args.iter().map(|v| v as &(dyn ToSql + Sync)).collect()
}

fn own(row: &tokio_postgres::Row) -> std::result::Result<Row, tokio_postgres::Error> {
    let value = |(i, column): (usize, &tokio_postgres::Column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(i)?.into(),
            // Literals of the program's own text.
            Type::INT4 => row.try_get::<_, Option<i32>>(i)?.map(i64::from).into(),
            _ => row.try_get::<_, Option<&str>>(i)?.into(),
        })
    };
    row.columns()
        .iter()
        .enumerate()
        .map(value)
        .collect::<std::result::Result<_, _>>()
        .map(Row)
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) => n.to_sql(kind, out),
            Self::Text(text) => text.as_ref().to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        <i64 as ToSql>::accepts(kind) || <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}
