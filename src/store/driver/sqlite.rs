//! SQLite: one writer thread that commits many queued writes at once, and reader threads.

mod readers;
mod session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use self::readers::{Read, Readers, run_reader};
use self::session::{Session, rewrite};
use super::unavailable;
use crate::error::{Error, Result};
use crate::store::Options;
use crate::store::audit::Line;
use crate::store::migrate::{self, Applied};
use crate::store::sql::{Conflict, Row, Sql, Step};

/// Writes in one commit at most.
const GROUP: usize = 256;
/// Writes that may wait; more callers wait for room.
const QUEUE: usize = 4096;

/// How long rows of the audit gather while many come: a commit for each of them costs more than the read that it is about.
const GATHER: Duration = Duration::from_micros(250);

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

/// What waits for the writer thread.
enum Job {
    Write {
        steps: Vec<Step>,
        reply: oneshot::Sender<Outcome>,
    },
    /// Rows of the audit that are about no change.
    Append {
        lines: Vec<Line>,
        reply: oneshot::Sender<Result<()>>,
    },
}

#[derive(Debug)]
pub(in crate::store) struct Sqlite {
    writer: Mutex<Option<mpsc::Sender<Job>>>,
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
        let (writer, mut read_only, steps) = opened.map_err(Error::internal)??;
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
        let sqlite = Self {
            writer,
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

    pub async fn append(&self, lines: Vec<Line>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Append { lines, reply }).await?;
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

/// The connection that writes, those that read, and the steps of the schema that were taken.
fn connect(path: &Path, readers: usize) -> Result<(Session, Vec<Session>, Vec<String>)> {
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
    let readers = (0..readers).map(|_| reader()).collect::<Result<_>>()?;
    Ok((Session::new(writer), readers, steps))
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

fn run_writer(mut session: Session, mut queue: mpsc::Receiver<Job>) {
    let mut many = false;
    while let Some(first) = queue.blocking_recv() {
        let mut group = Group::default();
        group.add(first);
        // Whoever is alone waits for nobody.
        if many && group.writes.is_empty() {
            std::thread::sleep(GATHER);
        }
        while group.size < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.add(next);
        }
        many = group.size > 1;
        group.commit(&mut session);
    }
}

/// What goes into one transaction: writes, and the rows that are appended beside them.
#[derive(Default)]
struct Group {
    size: usize,
    writes: Vec<Vec<Step>>,
    replies: Vec<oneshot::Sender<Outcome>>,
    lines: Vec<Line>,
    appended: Vec<oneshot::Sender<Result<()>>>,
}

impl Group {
    fn add(&mut self, job: Job) {
        self.size += 1;
        match job {
            Job::Write { steps, reply } => {
                self.writes.push(steps);
                self.replies.push(reply);
            }
            Job::Append { lines, reply } => {
                self.lines.extend(lines);
                self.appended.push(reply);
            }
        }
    }

    /// Runs the group. Nobody hears of success before the commit; where there is a write, not before it is on disk.
    fn commit(self, session: &mut Session) {
        let (outcomes, appended) =
            run_group(session, &self.writes, &self.lines).unwrap_or_else(|cause| {
                if !session.is_idle()
                    && let Err(cause) = session.command("ROLLBACK")
                {
                    tracing::error!(%cause, "a failed group of writes could not be rolled back");
                }
                let cause = reason(cause);
                let failed = |_: &Vec<Step>| Err(unavailable(cause.clone()));
                (self.writes.iter().map(failed).collect(), Some(cause))
            });
        // A caller that went away does not need the answer.
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            let _ = reply.send(outcome);
        }
        for reply in self.appended {
            let _ = reply.send(match &appended {
                None => Ok(()),
                Some(cause) => Err(unavailable(cause.clone())),
            });
        }
    }
}

fn reason(error: Error) -> String {
    error.cause.map_or_else(String::new, |c| c.to_string())
}

/// What became of each write, and why the rows beside them were not added, if so.
fn run_group(
    session: &mut Session,
    writes: &[Vec<Step>],
    lines: &[Line],
) -> Result<(Vec<Outcome>, Option<String>)> {
    // An appended row may be lost in a power cut until the next write comes, whose commit takes it along.
    session.wait_for_disk(!writes.is_empty())?;
    session.command("BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(writes.len());
    for steps in writes {
        outcomes.push(session.apply(steps));
        still_open(session)?;
    }
    if let Err(cause) = session.append(lines) {
        // None of the rows stays: what nobody was answered is not told as done. The writes are done without them.
        if !session.is_idle() {
            session.command("ROLLBACK")?;
        }
        let outcomes = match writes {
            [] => vec![],
            writes => run_group(session, writes, &[])?.0,
        };
        return Ok((outcomes, Some(reason(cause))));
    }
    session.command("COMMIT")?;
    Ok((outcomes, None))
}

/// The database may end the transaction itself (such as on a full disk): nothing of the group is kept then.
fn still_open(session: &Session) -> Result<()> {
    if session.is_idle() {
        return Err(unavailable("the database rolled the group of writes back"));
    }
    Ok(())
}
