//! The work that goes on after its request was answered. Each replica has workers; who takes a job holds it by a lease that
//! is renewed while the work goes on. Where a worker dies, the lease ends, and another goes on from the last step that was
//! noted; whatever the first one might still write is refused by the fence.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::export::{self, KEPT};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::store::job::{self, FENCE, Job, Lease};
use crate::store::sql::Step;

/// How long a worker that is not heard of keeps its job, milliseconds.
pub const LEASE: i64 = 30_000;
/// How often it is heard of.
const BEAT: Duration = Duration::from_secs(10);
/// How often workers look for what others began.
const LOOK: Duration = Duration::from_secs(1);
/// So often a job is taken without getting on, then it has failed.
const ATTEMPTS: i64 = 5;
/// How much older than an export is kept what nobody knows of must be, milliseconds: clocks differ.
const SPARE: i64 = 60 * 60 * 1000;
/// How long a job rests after its first failure, milliseconds.
const REST: i64 = 2_000;

/// Tells the workers of this process that there is something to do.
#[derive(Debug, Default)]
pub struct Wake(Notify);

impl Wake {
    /// There is something to do.
    pub fn up(&self) {
        self.0.notify_one();
    }
}

/// The clock of leases: that of the database where it has one of its own, so that no worker takes another's job because the
/// clocks of their machines differ.
#[derive(Debug, Default)]
pub struct Leases {
    /// How far that clock is ahead of the service's own, milliseconds.
    ahead: AtomicI64,
}

impl Leases {
    /// The time by that clock, milliseconds since 1970.
    #[must_use]
    pub fn now(&self, app: &App) -> i64 {
        app.clock.millis() + self.ahead.load(Ordering::Relaxed)
    }

    fn starting(&self, app: &App) -> Lease {
        let from = self.now(app);
        Lease {
            from,
            until: from + LEASE,
        }
    }
}

/// Compares the service's clock with that of the database. To be done at times: clocks are set, and run apart.
///
/// # Errors
/// `Unavailable` where the database does not answer.
pub async fn set_clock(app: &App) -> Result<()> {
    let before = app.clock.millis();
    if let Some(time) = app.store.time().await? {
        // It was told somewhere on the way there and back.
        let between = before.midpoint(app.clock.millis());
        app.leases.ahead.store(time - between, Ordering::Relaxed);
    }
    Ok(())
}

/// What became of a job under a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// It cannot be done: a code that says why.
    Failed(&'static str),
    /// Another worker has it, or nobody wants it any more.
    Lost,
}

/// Works until the service stops.
pub async fn work(app: App, mut stopped: watch::Receiver<bool>) {
    if let Err(error) = set_clock(&app).await {
        tracing::warn!(%error, "the database's clock is not known yet");
    }
    while !*stopped.borrow() {
        match take(&app, &mut stopped).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "no job can be taken; it is tried again"),
        }
        tokio::select! {
            () = app.wake.0.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Takes a job and works on it; whether there was one.
async fn take(app: &App, stopped: &mut watch::Receiver<bool>) -> Result<bool> {
    let now = app.clock.millis();
    let lease = app.leases.starting(app);
    let claimed = app.store.claim(&app.tenant, kinds(app), now, lease);
    let Some(job) = claimed.await? else {
        return Ok(false);
    };
    tracing::info!(
        job = &*job.id,
        kind = &*job.kind,
        attempt = job.attempt,
        "job taken"
    );
    let tenant = &app.tenant;
    let step = match beside(app, &job, stopped).await {
        // The service stops: another replica, or the next start, goes on.
        None => job::give_back(tenant, &job, now),
        Some(Ok(Ended::Lost)) => return unwanted(app, &job).await.map(|()| true),
        Some(Ok(Ended::Done)) => job::end(tenant, &job, None, app.clock.millis()),
        Some(Ok(Ended::Failed(why))) => job::end(tenant, &job, Some(why), app.clock.millis()),
        Some(Err(error)) => after_failure(app, &job, &error),
    };
    write(app, vec![step]).await?;
    Ok(true)
}

/// Removes what a worker left of a job that was cancelled or forgotten while it was at work.
async fn unwanted(app: &App, job: &Job) -> Result<()> {
    let now = app.store.job(&app.tenant, &job.id).await?;
    let wanted = now.is_some_and(|job| *job.state != *"cancelled");
    match app.exports.files() {
        Some(files) if !wanted => files.remove(&job.id).await,
        _ => Ok(()),
    }
}

fn after_failure(app: &App, job: &Job, error: &Error) -> Step {
    let cause = error.cause.as_ref().map(ToString::to_string);
    let now = app.clock.millis();
    if job.attempt >= ATTEMPTS {
        tracing::error!(job = &*job.id, %error, cause, "the job is given up");
        let why = error.code.unwrap_or(error.kind.wire().1);
        return job::end(&app.tenant, job, Some(why), now);
    }
    tracing::warn!(job = &*job.id, %error, cause, "the job failed; it is tried again");
    let exponent = u32::try_from(job.attempt).unwrap_or(1).min(8);
    job::give_back(&app.tenant, job, now + REST * 2_i64.pow(exponent))
}

/// The work, with the lease renewed beside it; `None` where the service stops first.
async fn beside(
    app: &App,
    job: &Job,
    stopped: &mut watch::Receiver<bool>,
) -> Option<Result<Ended>> {
    let work = perform(app, job);
    tokio::pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => return Some(ended),
            () = tokio::time::sleep(BEAT) => {
                let until = app.leases.starting(app).until;
                match write(app, vec![job::beat(&app.tenant, job, until)]).await {
                    Ok(true) => {}
                    Ok(false) => return Some(Ok(Ended::Lost)),
                    Err(error) => return Some(Err(error)),
                }
            }
            _ = stopped.changed() => return None,
        }
    }
}

/// The kinds of jobs that this replica can do.
fn kinds(app: &App) -> &'static [&'static str] {
    match app.exports.files() {
        Some(_) => &[export::KIND],
        None => &[],
    }
}

async fn perform(app: &App, job: &Job) -> Result<Ended> {
    match &*job.kind {
        export::KIND => export::run::run(app, job).await,
        _ => Ok(Ended::Failed("not-supported")),
    }
}

/// Whether the steps were written: not where the worker has the job no more.
///
/// # Errors
/// Those of the store.
pub async fn write(app: &App, steps: Vec<Step>) -> Result<bool> {
    match app.store.write("job", steps).await? {
        Ok(()) => Ok(true),
        Err(conflict) if conflict.guard == FENCE => Ok(false),
        Err(conflict) => {
            let text = "A job's step met another write.";
            Err(Error::new(Kind::Internal, text).because(conflict.guard))
        }
    }
}

/// Removes files that no job can have any more, whatever became of it: older than any export is kept. It is asked of the files'
/// own age, because other services may keep theirs in the same place.
///
/// # Errors
/// Those of the disk or the store.
pub async fn remove_orphans(app: &App) -> Result<()> {
    let Some(files) = app.exports.files() else {
        return Ok(());
    };
    let removed = files
        .remove_older(app.clock.millis() - KEPT - SPARE)
        .await?;
    if removed > 0 {
        tracing::warn!(
            removed,
            "folders of exports that nobody knew of were removed"
        );
    }
    Ok(())
}

/// Forgets jobs whose time is over, with their files. For a worker to call at times.
///
/// # Errors
/// Those of the store and of the disk.
pub async fn forget_expired(app: &App) -> Result<()> {
    for id in app
        .store
        .expired_jobs(&app.tenant, app.clock.millis())
        .await?
    {
        if let Some(files) = app.exports.files() {
            files.remove(&id).await?;
        }
        write(app, job::forget(&app.tenant, &id)).await?;
    }
    Ok(())
}
