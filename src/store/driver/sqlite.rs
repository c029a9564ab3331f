//! SQLite: one writer thread that commits many queued writes at once, and reader threads.

mod readers;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use self::readers::{Read, Readers, run_reader};
use self::session::{Session, rewrite};
use super::unavailable;
use crate::error::{Error, Result};
use crate::store::Options;
use crate::store::migrate::{self, Applied};
use crate::store::sql::{Conflict, Row, Sql, Step};

/// Writes in one commit at most.
const GROUP: usize = 256;
/// Writes that may wait; more callers wait for room.
const QUEUE: usize = 4096;

/// Page cache of all readers together, KiB. More is left to the system's file cache, which all of them share.
const READ_CACHE: usize = 32 * 1024;

/// The schema in the words of SQLite.
const WORDS: [(&str, &str); 3] = [
    ("{keyed}", "WITHOUT ROWID, STRICT"),
    ("{heap}", "STRICT"),
    (" BIGINT", " INTEGER"),
];

type Outcome = Result<std::result::Result<(), Conflict>>;
type Rows = Result<Vec<Row>>;

struct Write {
    steps: Vec<Step>,
    reply: oneshot::Sender<Outcome>,
}

#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    writer: Mutex<Option<mpsc::Sender<Write>>>,
    readers: Arc<Readers>,
    /// Connections for reads of one row, which take less time than the change to another thread and back.
    quick: Mutex<Vec<Session>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    pub async fn open(path: &str, options: &Options) -> Result<Self> {
        let path = PathBuf::from(path);
        let readers = options.readers.max(1);
        let opened = tokio::task::spawn_blocking(move || connect(&path, 2 * readers)).await;
        let (writer, mut read_only) = opened.map_err(Error::internal)??;
        let quick = Mutex::new(read_only.split_off(readers));
        let (sender, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Readers::default());
        let mut threads = vec![spawn("store-writer", move || run_writer(writer, queue))?];
        for connection in read_only {
            let shared = Arc::clone(&shared);
            threads.push(spawn("store-reader", move || {
                run_reader(connection, &shared);
            })?);
        }
        let (writer, threads) = (Mutex::new(Some(sender)), Mutex::new(threads));
        Ok(Self {
            writer,
            readers: shared,
            quick,
            threads,
        })
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
        let sender = lock(&self.writer)
            .clone()
            .ok_or_else(|| unavailable("the store is closed"))?;
        let sent = sender.send(Write { steps, reply }).await;
        sent.map_err(|_| unavailable("the store is closed"))?;
        answer
            .await
            .map_err(|_| unavailable("the store is closed"))?
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

fn connect(path: &Path, readers: usize) -> Result<(Session, Vec<Session>)> {
    let mut writer = Connection::open(path).map_err(unavailable)?;
    let pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;
        PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;
        PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=10000;
        PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=FAST;";
    writer.execute_batch(pragmas).map_err(unavailable)?;
    upgrade(&mut writer)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let cache = READ_CACHE / readers.max(1);
    let pragmas = format!(
        "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;
        PRAGMA cache_size=-{cache}; PRAGMA query_only=ON;"
    );
    let reader = || {
        let connection = Connection::open_with_flags(path, flags).map_err(unavailable)?;
        connection.execute_batch(&pragmas).map_err(unavailable)?;
        Ok(Session::new(connection))
    };
    let readers = (0..readers).map(|_| reader()).collect::<Result<_>>()?;
    Ok((Session::new(writer), readers))
}

fn upgrade(connection: &mut Connection) -> Result<()> {
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
    for step in migrate::pending(migrate::ALL, &applied)? {
        let text = step.statements(&WORDS);
        tx.execute_batch(&text).map_err(unavailable)?;
        let record = rewrite(migrate::RECORD);
        tx.execute(&record, (step.version, step.name, step.checksum()))
            .map_err(unavailable)?;
    }
    tx.commit().map_err(unavailable)
}

fn run_writer(mut session: Session, mut queue: mpsc::Receiver<Write>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        commit(&mut session, group);
    }
}

/// Runs a group in one transaction. Nobody hears of success before the commit is on disk.
fn commit(session: &mut Session, group: Vec<Write>) {
    let (steps, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.steps, w.reply)).unzip();
    let outcomes = run_group(session, &steps).unwrap_or_else(|cause| {
        if !session.is_idle()
            && let Err(cause) = session.command("ROLLBACK")
        {
            tracing::error!(%cause, "a failed group of writes could not be rolled back");
        }
        let cause = cause.cause.map_or_else(String::new, |c| c.to_string());
        steps
            .iter()
            .map(|_| Err(unavailable(cause.clone())))
            .collect()
    });
    for (reply, outcome) in replies.into_iter().zip(outcomes) {
        // A caller that went away does not need the answer.
        let _ = reply.send(outcome);
    }
}

fn run_group(session: &mut Session, group: &[Vec<Step>]) -> Result<Vec<Outcome>> {
    session.command("BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(group.len());
    for steps in group {
        outcomes.push(session.apply(steps));
        if session.is_idle() {
            // The database ended the transaction itself (such as on a full disk): nothing of the group is kept.
            return Err(unavailable("the database rolled the group of writes back"));
        }
    }
    session.command("COMMIT")?;
    Ok(outcomes)
}
