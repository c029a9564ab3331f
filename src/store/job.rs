//! Jobs: who works on which one, how far it is, what it has made. Times are milliseconds since 1970.

use std::sync::Arc;

use super::Store;
use super::filter::Builder;
use super::held::held;
use super::sql::{Conflict, Row, Sql, Step, Value};
use crate::error::Result;

/// The guard of [`add`]: there are as many open jobs as there may be.
pub const LIMIT: &str = "open jobs";
/// The guard of whatever a worker writes: it has the job no more.
pub const FENCE: &str = "lease of the job";

/// A job to be done.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// The client that asked for it.
    pub client: &'a str,
    /// What is to be done, as its kind writes it.
    pub payload: String,
    pub at: i64,
    /// When it is forgotten.
    pub expires_at: i64,
}

/// How many jobs of a kind may be open.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    pub of_client: i64,
    pub in_all: i64,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: Arc<str>,
    pub kind: Arc<str>,
    pub client: Arc<str>,
    pub payload: Arc<str>,
    /// How far it is, as its kind writes it; empty at first.
    pub progress: Arc<str>,
    /// `open`, `done`, `failed`, `cancelled`.
    pub state: Arc<str>,
    /// Of one that failed, a code.
    pub reason: Arc<str>,
    /// Claims since it last went on.
    pub attempt: i64,
    /// Which claim this is.
    pub fence: i64,
    pub created_at: i64,
    pub ended_at: Option<i64>,
    pub expires_at: i64,
}

/// A file that a job has finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: Arc<str>,
    /// The type of its resources.
    pub kind: Arc<str>,
    /// Its number among the job's files.
    pub n: i64,
    /// How many resources it has.
    pub resources: i64,
}

const COLUMNS: &str = "id, kind, client, payload, progress, state, reason, attempt, fence, created_at, ended_at, expires_at";

/// From when and until when a worker holds a job, by the clock that all workers share.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub from: i64,
    pub until: i64,
}

impl Store {
    /// Takes the job of one of these kinds that waits longest at `now` and that nobody works on, for the time of `lease`;
    /// `None` where there is none or another worker was first.
    pub(crate) async fn claim(
        &self,
        tenant: &str,
        kinds: &[&'static str],
        now: i64,
        lease: Lease,
    ) -> Result<Option<Job>> {
        const TAKE: &str = "UPDATE job SET lease_until = $5, fence = fence + 1, attempt = attempt + 1 \
            WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'open' AND lease_until <= $4";
        let mut b = Builder::default();
        b.push("SELECT id, fence FROM job WHERE state = 'open' AND tenant = ");
        b.bind(tenant).push(" AND run_at <= ").bind(now);
        b.push(" AND lease_until <= ").bind(lease.from);
        b.push(" AND kind IN (''");
        for kind in kinds {
            b.push(", ").bind(*kind);
        }
        b.push(") ORDER BY run_at, id LIMIT 1");
        let rows = self.read(b.sql()).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let id = row.text(0);
        let args = vec![
            tenant.into(),
            id.clone().into(),
            row.int(1).into(),
            lease.from.into(),
            lease.until.into(),
        ];
        match self
            .write("claim job", vec![Step::one(FENCE, TAKE, args)])
            .await?
        {
            Ok(()) => self.job(tenant, &id).await,
            Err(Conflict { .. }) => Ok(None),
        }
    }

    /// The job of this id.
    pub(crate) async fn job(&self, tenant: &str, id: &str) -> Result<Option<Job>> {
        let text = format!("SELECT {COLUMNS} FROM job WHERE tenant = $1 AND id = $2");
        let args = vec![tenant.into(), id.into()];
        let sql = Sql {
            text: text.into(),
            args,
        };
        Ok(self.read(sql).await?.first().map(job))
    }

    /// Some of the jobs whose time is over.
    pub(crate) async fn expired_jobs(&self, tenant: &str, now: i64) -> Result<Vec<Arc<str>>> {
        const TEXT: &str = "SELECT id FROM job WHERE tenant = $1 AND expires_at <= $2 LIMIT 100";
        let sql = Sql::new(TEXT, vec![tenant.into(), now.into()]);
        Ok(self
            .read(sql)
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect())
    }

    /// The files of a job, in their order.
    pub(crate) async fn job_files(&self, tenant: &str, id: &str) -> Result<Vec<File>> {
        const TEXT: &str = "SELECT name, type, n, resources FROM job_file \
            WHERE tenant = $1 AND job = $2 ORDER BY n, name";
        let sql = Sql::new(TEXT, vec![tenant.into(), id.into()]);
        let rows = self.read(sql).await?;
        let file = |row: &Row| File {
            name: row.text(0),
            kind: row.text(1),
            n: row.int(2),
            resources: row.int(3),
        };
        Ok(rows.iter().map(file).collect())
    }
}

fn job(row: &Row) -> Job {
    Job {
        id: row.text(0),
        kind: row.text(1),
        client: row.text(2),
        payload: row.text(3),
        progress: row.text(4),
        state: row.text(5),
        reason: row.text(6),
        attempt: row.int(7),
        fence: row.int(8),
        created_at: row.int(9),
        ended_at: row.opt_int(10),
        expires_at: row.int(11),
    }
}

/// Adds a job, guarded by [`LIMIT`]. Who adds one of the same kind at the same time waits.
pub(crate) fn add(tenant: &str, new: &New<'_>, most: Most) -> Vec<Step> {
    const ADD: &str = "INSERT INTO job (tenant, id, kind, client, payload, progress, state, reason, run_at, attempt, \
        lease_until, fence, created_at, ended_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, '', 'open', '', $6, 0, 0, 0, $6, NULL, $7)";
    let name = format!("jobs {tenant} {}", new.kind);
    let mut steps = held(tenant, &name, LIMIT, new.at, |b| {
        let open = "(SELECT COUNT(*) FROM job WHERE state = 'open' AND tenant = ";
        b.push(open)
            .bind(tenant)
            .push(" AND kind = ")
            .bind(new.kind);
        b.push(") < ").bind(most.in_all).push(" AND ");
        b.push(open)
            .bind(tenant)
            .push(" AND kind = ")
            .bind(new.kind);
        b.push(" AND client = ").bind(new.client).push(") < ");
        b.bind(most.of_client);
    });
    let args = vec![
        tenant.into(),
        new.id.into(),
        new.kind.into(),
        new.client.into(),
        new.payload.clone().into(),
        new.at.into(),
        new.expires_at.into(),
    ];
    steps.push(Step::one(LIMIT, ADD, args));
    steps
}

fn held_by(tenant: &str, job: &Job, rest: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut args: Vec<Value> = vec![tenant.into(), job.id.clone().into(), job.fence.into()];
    args.extend(rest);
    args
}

/// Keeps the job for its worker until `until`, guarded by [`FENCE`].
pub(crate) fn beat(tenant: &str, job: &Job, until: i64) -> Step {
    const TEXT: &str = "UPDATE job SET lease_until = $4 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'open'";
    Step::one(FENCE, TEXT, held_by(tenant, job, [until.into()]))
}

/// Notes how far the job is, guarded by [`FENCE`].
pub(crate) fn go_on(tenant: &str, job: &Job, progress: String) -> Step {
    const TEXT: &str = "UPDATE job SET progress = $4, attempt = 0 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'open'";
    Step::one(FENCE, TEXT, held_by(tenant, job, [progress.into()]))
}

/// Notes a file that the job has finished: to be written with its progress.
pub(crate) fn add_file(tenant: &str, job: &Job, file: &File) -> Step {
    const TEXT: &str = "INSERT INTO job_file (tenant, job, name, type, n, resources) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    let args = vec![
        tenant.into(),
        job.id.clone().into(),
        file.name.clone().into(),
        file.kind.clone().into(),
        file.n.into(),
        file.resources.into(),
    ];
    Step::any(TEXT, args)
}

/// Ends the job as `done` or, with a reason, as `failed`, guarded by [`FENCE`].
pub(crate) fn end(tenant: &str, job: &Job, failed: Option<&str>, at: i64) -> Step {
    const TEXT: &str = "UPDATE job SET state = $4, reason = $5, ended_at = $6 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'open'";
    let state = if failed.is_some() { "failed" } else { "done" };
    let rest = [state.into(), failed.unwrap_or_default().into(), at.into()];
    Step::one(FENCE, TEXT, held_by(tenant, job, rest))
}

/// Gives the job back, to be taken at `run_at`, guarded by [`FENCE`].
pub(crate) fn give_back(tenant: &str, job: &Job, run_at: i64) -> Step {
    const TEXT: &str = "UPDATE job SET run_at = $4, lease_until = 0 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND state = 'open'";
    Step::one(FENCE, TEXT, held_by(tenant, job, [run_at.into()]))
}

/// Ends a job by its client's wish: no worker can write to it any more.
pub(crate) fn cancel(tenant: &str, id: &str, at: i64) -> Step {
    const TEXT: &str = "UPDATE job SET state = 'cancelled', fence = fence + 1, ended_at = $3 \
        WHERE tenant = $1 AND id = $2 AND state <> 'cancelled'";
    Step::one(FENCE, TEXT, vec![tenant.into(), id.into(), at.into()])
}

/// Forgets a job.
pub(crate) fn forget(tenant: &str, id: &str) -> Vec<Step> {
    const TEXTS: [&str; 2] = [
        "DELETE FROM job WHERE tenant = $1 AND id = $2",
        "DELETE FROM job_file WHERE tenant = $1 AND job = $2",
    ];
    TEXTS
        .map(|text| Step::any(text, vec![tenant.into(), id.into()]))
        .into()
}

/// Forgets a file of a job.
pub(crate) fn forget_file(tenant: &str, id: &str, name: &str) -> Step {
    const TEXT: &str = "DELETE FROM job_file WHERE tenant = $1 AND job = $2 AND name = $3";
    Step::any(TEXT, vec![tenant.into(), id.into(), name.into()])
}
