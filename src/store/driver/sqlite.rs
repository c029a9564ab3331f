//! SQLite: one writer thread that commits many queued writes at once, and reader threads.

mod readers;
mod session;
mod spool;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Notify, mpsc, oneshot};

use self::readers::{Read, Readers, run_reader};
use self::session::{Known, Session, rewrite};
use self::spool::{Added, Spool};
use self::writer::{Job, bring, run_writer};
use super::unavailable;
use crate::error::{Error, Result};
use crate::store::Options;
use crate::store::audit::Line;
use crate::store::migrate::{self, Applied};
use crate::store::sql::{Conflict, Row, Sql, Step};

/// Writes that may wait; more callers wait for room.
const QUEUE: usize = 4096;

/// Page cache of all readers together, KiB. More is left to the system's file cache, which all of them share.
const READ_CACHE: usize = 32 * 1024;

/// The schema in the words of SQLite.
const WORDS: [(&str, &str); 7] = [
    ("{keyed}", "WITHOUT ROWID, STRICT"),
    ("{heap}", "STRICT"),
    (" BIGINT", " INTEGER"),
    ("\n{sqlite\n", "\n"),
    ("\nsqlite}\n", "\n"),
    ("\n{postgres\n", "\n/*\n"),
    ("\npostgres}\n", "\n*/\n"),
];

type Outcome = Result<std::result::Result<(), Conflict>>;
type Rows = Result<Vec<Row>>;

#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    writer: Mutex<Option<mpsc::Sender<Job>>>,
    spool: Arc<Spool>,
    /// Rows have begun to wait in the journal.
    begun: Arc<Notify>,
    readers: Arc<Readers>,
    /// Connections for reads of one row, which take less time than the change to another thread and back.
    quick: Mutex<Vec<Session>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    pub async fn open(path: &str, options: &Options) -> Result<(Self, Vec<String>)> {
        let path = PathBuf::from(path);
        let readers = options.readers.max(1);
        let opened = tokio::task::spawn_blocking(move || connect(&path, 2 * readers)).await;
        let Opened {
            writer,
            mut read_only,
            spool,
            steps,
        } = opened.map_err(Error::internal)??;
        let quick = Mutex::new(read_only.split_off(readers));
        let (sender, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Readers::default());
        let journal = Arc::clone(&spool);
        let mut threads = vec![spawn("store-writer", move || {
            run_writer(writer, queue, &journal);
        })?];
        for connection in read_only {
            let shared = Arc::clone(&shared);
            threads.push(spawn("store-reader", move || {
                run_reader(connection, &shared);
            })?);
        }
        let begun = Arc::new(Notify::new());
        bring(Arc::clone(&begun), sender.downgrade());
        let (writer, threads) = (Mutex::new(Some(sender)), Mutex::new(threads));
        let sqlite = Self {
            writer,
            spool,
            begun,
            readers: shared,
            quick,
            threads,
        };
        Ok((sqlite, steps))
    }

    pub async fn read(&self, sql: Sql) -> Rows {
        let (reply, answer) = oneshot::channel();
        self.readers.push(Read { sql, reply })?;
        answer
            .await
            .map_err(|_| unavailable("the store is closed"))?
    }

    /// A read of one row by its key, done here and now while a connection is free.
    pub async fn read_row(&self, sql: Sql) -> Rows {
        let free = lock(&self.quick).pop();
        let Some(mut session) = free else {
            return self.read(sql).await;
        };
        let rows = session.query(&sql);
        lock(&self.quick).push(session);
        rows
    }

    pub async fn write(&self, steps: Vec<Step>) -> Outcome {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Write { steps, reply }).await?;
        answer
            .await
            .map_err(|_| unavailable("the store is closed"))?
    }

    /// Records rows of the audit. The database has them a moment later, or with [`Self::flush`].
    pub async fn append(&self, mut lines: Vec<Line>) -> Result<()> {
        let mut added = self.spool.add(&mut lines)?;
        if added == Added::Failing {
            self.flush().await?;
            added = self.spool.add(&mut lines)?;
        }
        match added {
            Added::First => self.begun.notify_one(),
            Added::More => {}
            Added::Failing => return Err(unavailable("the audit is not taken")),
        }
        Ok(())
    }

    /// Waits until the database has every row that was appended before.
    pub async fn flush(&self) -> Result<()> {
        // Rows that the writer has taken are no longer in the journal and not yet in the database.
        let (reply, answer) = oneshot::channel();
        self.send(Job::Flush { reply }).await?;
        answer
            .await
            .map_err(|_| unavailable("the store is closed"))?
    }

    async fn send(&self, job: Job) -> Result<()> {
        let closed = || unavailable("the store is closed");
        let sender = lock(&self.writer).clone().ok_or_else(closed)?;
        sender.send(job).await.map_err(|_| closed())
    }

    /// Finishes what is queued and ends the threads.
    pub async fn close(&self) {
        lock(&self.writer).take();
        lock(&self.quick).clear();
        self.readers.close();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let joined = tokio::task::spawn_blocking(move || {
            threads
                .into_iter()
                .map(JoinHandle::join)
                .filter(std::result::Result::is_err)
                .count()
        });
        if joined.await.is_ok_and(|failed| failed > 0) {
            tracing::error!("a store thread ended in a panic");
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.readers.close();
    }
}

/// No invariant spans a lock here, so a poisoned one is as good as new.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(Error::internal)
}

/// A database that was opened.
struct Opened {
    writer: Session,
    read_only: Vec<Session>,
    spool: Arc<Spool>,
    /// The steps of the schema that were taken.
    steps: Vec<String>,
}

fn connect(path: &Path, readers: usize) -> Result<Opened> {
    let mut writer = Connection::open(path).map_err(unavailable)?;
    let pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;
        PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;
        PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=10000;
        PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=FAST;";
    writer.execute_batch(pragmas).map_err(unavailable)?;
    stable_plans(&writer)?;
    let steps = upgrade(&mut writer)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let cache = READ_CACHE / readers.max(1);
    let pragmas = format!(
        "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;
        PRAGMA cache_size=-{cache}; PRAGMA query_only=ON;"
    );
    let reader = || {
        let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
        connection.execute_batch(&pragmas).map_err(unavailable)?;
        stable_plans(&connection)?;
        Ok(Session::new(connection))
    };
    let read_only = (0..readers).map(|_| reader()).collect::<Result<_>>()?;
    let mut writer = Session::new(writer);
    let (spool, mut left) = Spool::open(path)?;
    if !left.lines.is_empty() {
        writer.command("BEGIN IMMEDIATE")?;
        writer.append(&left.lines, Known::Left)?;
        writer.command("COMMIT")?;
    }
    spool.taken_in(&mut left)?;
    Ok(Opened {
        writer,
        read_only,
        spool: Arc::new(spool),
        steps,
    })
}

/// One plan for a statement, whatever is bound: without this SQLite looks at the values where a partial index might
/// serve, and prepares the statement anew for every other value, which was half of what a search cost.
fn stable_plans(connection: &Connection) -> Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
        .map_err(unavailable)
}

fn upgrade(connection: &mut Connection) -> Result<Vec<String>> {
    connection
        .execute_batch(migrate::TABLE)
        .map_err(unavailable)?;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate);
    let tx = tx.map_err(unavailable)?;
    let applied: Vec<Applied> = {
        let mut statement = tx.prepare(migrate::APPLIED).map_err(unavailable)?;
        let rows = statement.query_map([], |r| {
            Ok(Applied {
                version: r.get(0)?,
                checksum: r.get(1)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(unavailable)?
    };
    let pending = migrate::pending(migrate::ALL, &applied)?;
    for step in pending {
        let text = step.statements(&WORDS);
        tx.execute_batch(&text).map_err(unavailable)?;
        let record = rewrite(migrate::RECORD);
        tx.execute(&record, (step.version, step.name, step.checksum()))
            .map_err(unavailable)?;
    }
    tx.commit().map_err(unavailable)?;
    Ok(pending.iter().map(migrate::Migration::title).collect())
}
