//! The writer thread and its queue: many writes in one commit, and the rows of the journal along with them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::Outcome;
use super::session::{Known, Session};
use super::spool::Spool;
use crate::error::{Error, Result};
use crate::store::audit::Line;
use crate::store::driver::unavailable;
use crate::store::sql::Step;

/// Writes in one commit at most.
const GROUP: usize = 256;

/// How long rows of the audit wait in the journal for a change that takes them along.
const WAIT: Duration = Duration::from_millis(50);

/// What waits for the writer thread.
pub(super) enum Job {
    Write {
        steps: Vec<Step>,
        reply: oneshot::Sender<Outcome>,
    },
    /// The rows that wait in the journal are to be in the database.
    Flush { reply: oneshot::Sender<Result<()>> },
}

/// Has the writer come by some time after rows began to wait, until the store is closed.
#[expect(
    clippy::disallowed_methods,
    reason = "ends with the writer's queue; whoever needs the rows flushes them and hears of it"
)]
pub(super) fn bring(begun: Arc<Notify>, writer: mpsc::WeakSender<Job>) {
    tokio::spawn(async move {
        loop {
            begun.notified().await;
            tokio::time::sleep(WAIT).await;
            let Some(writer) = writer.upgrade() else {
                return;
            };
            let (reply, answer) = oneshot::channel();
            let sent = writer.send(Job::Flush { reply }).await;
            drop(writer);
            if sent.is_err() {
                return;
            }
            if !matches!(answer.await, Ok(Ok(()))) {
                tracing::error!("the database does not take the rows of the audit");
            }
        }
    });
}

/// Writes until the queue is closed and empty.
pub(super) fn run_writer(mut session: Session, mut queue: mpsc::Receiver<Job>, spool: &Spool) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = Group::default();
        group.add(first);
        while group.size < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.add(next);
        }
        group.commit(&mut session, spool);
    }
    if !spool.is_empty() {
        Group::default().commit(&mut session, spool);
    }
}

/// What goes into one transaction: writes, and the rows that waited in the journal.
#[derive(Default)]
struct Group {
    size: usize,
    writes: Vec<Vec<Step>>,
    replies: Vec<oneshot::Sender<Outcome>>,
    flushed: Vec<oneshot::Sender<Result<()>>>,
}

impl Group {
    fn add(&mut self, job: Job) {
        self.size += 1;
        match job {
            Job::Write { steps, reply } => {
                self.writes.push(steps);
                self.replies.push(reply);
            }
            Job::Flush { reply } => self.flushed.push(reply),
        }
    }

    /// Runs the group. Nobody hears of success before the commit; where there is a write, not before it is on disk.
    fn commit(self, session: &mut Session, spool: &Spool) {
        let lines = spool.take();
        if self.writes.is_empty() && lines.is_empty() {
            self.flushed.into_iter().for_each(|reply| {
                let _ = reply.send(Ok(()));
            });
            return;
        }
        let (outcomes, refused) =
            run_group(session, &self.writes, &lines).unwrap_or_else(|cause| {
                if !session.is_idle()
                    && let Err(cause) = session.command("ROLLBACK")
                {
                    tracing::error!(%cause, "a failed group of writes could not be rolled back");
                }
                let cause = reason(cause);
                let failed = |_: &Vec<Step>| Err(unavailable(cause.clone()));
                (self.writes.iter().map(failed).collect(), Some(cause))
            });
        match &refused {
            None => spool.done(),
            Some(_) => spool.put_back(lines),
        }
        // A caller that went away does not need the answer.
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            let _ = reply.send(outcome);
        }
        for reply in self.flushed {
            let _ = reply.send(match &refused {
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
    // A row of the journal may be lost in a power cut until the next write comes, whose commit takes it along.
    session.wait_for_disk(!writes.is_empty())?;
    session.command("BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(writes.len());
    for steps in writes {
        outcomes.push(session.apply(steps));
        still_open(session)?;
    }
    if let Err(cause) = session.append(lines, Known::None) {
        // They stay in the journal. The writes are done without them.
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
