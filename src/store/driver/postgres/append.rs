//! Appends rows of the audit: whatever came in while the last ones were being written goes in together.

use deadpool_postgres::{Object, Pool};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Statement;

use super::{Sent, args, in_order, report, unavailable};
use crate::error::{Error, Result};
use crate::store::audit::{self, Line};
use crate::store::sql::Step;

/// Rows in one commit, about.
const GROUP: usize = 256;
/// Appends that may wait; more callers wait for room.
const QUEUE: usize = 4096;
/// A commit need not wait for the disk: the next one that does takes it along.
const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off";

/// Rows, and whom to tell how it went.
type Append = (Vec<Line>, oneshot::Sender<Result<()>>);

/// Where rows are handed in.
#[derive(Clone, Debug)]
pub(super) struct Appender(mpsc::Sender<Append>);

impl Appender {
    /// Starts the task that writes; it ends when the last handle is gone.
    #[expect(
        clippy::disallowed_methods,
        reason = "lives as long as its handles; every append awaits its answer"
    )]
    pub fn start(pool: Pool) -> Self {
        let (sender, queue) = mpsc::channel(QUEUE);
        tokio::spawn(run(pool, queue));
        Self(sender)
    }

    pub async fn append(&self, lines: Vec<Line>) -> Result<()> {
        let closed = || unavailable("the store is closed");
        let (reply, answer) = oneshot::channel();
        let sent = self.0.send((lines, reply)).await;
        sent.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

async fn run(pool: Pool, mut queue: mpsc::Receiver<Append>) {
    while let Some((mut lines, reply)) = queue.recv().await {
        let mut replies = vec![reply];
        while lines.len() < GROUP
            && let Ok((more, reply)) = queue.try_recv()
        {
            lines.extend(more);
            replies.push(reply);
        }
        let failed = add(&pool, lines).await.err();
        let failed = failed.map(|error| error.cause.map_or_else(String::new, |c| c.to_string()));
        for reply in replies {
            // A caller that went away does not need the answer.
            let _ = reply.send(match &failed {
                None => Ok(()),
                Some(cause) => Err(unavailable(cause.clone())),
            });
        }
    }
}

async fn add(pool: &Pool, lines: Vec<Line>) -> Result<()> {
    let client = pool.get().await.map_err(unavailable)?;
    let outcome = transact(&client, &audit::insert(lines)).await;
    if outcome.is_err() && client.batch_execute("ROLLBACK").await.is_err() {
        // Its transaction is still open, or it is broken: not for others.
        drop(Object::take(client));
    }
    outcome
}

/// Sends everything in one go: there is no guard that could stop the commit.
async fn transact(client: &Object, steps: &[Step]) -> Result<()> {
    let mut statements: Vec<Statement> = Vec::with_capacity(steps.len());
    for Step { sql, .. } in steps {
        let prepared = client.prepare_cached(&sql.text).await;
        statements.push(prepared.map_err(|cause| report(&cause, sql))?);
    }
    let args: Vec<_> = steps.iter().map(|step| args(&step.sql)).collect();
    let simple = |text| async move { client.batch_execute(text).await.map(|()| 0) };
    let mut sent: Vec<Sent<'_>> = vec![Box::pin(simple(BEGIN))];
    for (statement, args) in statements.iter().zip(&args) {
        sent.push(Box::pin(client.execute(statement, args)));
    }
    // After a failed statement this ends the transaction and keeps nothing.
    sent.push(Box::pin(simple("COMMIT")));
    let mut results = in_order(sent).await.into_iter();
    if let Some(Err(cause)) = results.next() {
        return Err(unavailable(cause));
    }
    for (step, result) in steps.iter().zip(results.by_ref()) {
        result.map_err(|cause| report(&cause, &step.sql))?;
    }
    match results.next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(cause)) => Err(unavailable(cause)),
        None => Err(Error::internal("a commit without an answer")),
    }
}
