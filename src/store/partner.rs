//! Systems of others with which episodes are kept in agreement. Times are milliseconds since 1970.

use std::sync::Arc;

use super::Store;
use super::sql::{Row, Sql, Step, Value};
use crate::error::Result;

pub mod key;
pub mod link;
pub mod review;
pub mod work;

/// A system of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// As the operator named it.
    pub id: Arc<str>,
    /// The client here as which what is sent is read, and what is fetched is written.
    pub client: Arc<str>,
    /// Base URL of its FHIR API, without a trailing slash.
    pub base: Arc<str>,
    /// The id of this service there.
    pub client_there: Arc<str>,
    /// Where tokens are asked for; empty where the server says it, for a place on its own host.
    pub token_url: Arc<str>,
    /// The scopes that are asked for there.
    pub scopes: Arc<str>,
    /// What is sent: words.
    pub sends: Arc<str>,
    /// What is fetched: words.
    pub receives: Arc<str>,
    /// Between two fetches, milliseconds.
    pub every: i64,
    pub disabled: bool,
    pub created_at: i64,
    /// The newest change of theirs that was looked at: an instant as they wrote it.
    pub since: Arc<str>,
    /// How fetching stands.
    pub standing: Standing,
}

/// How some work stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub due_at: i64,
    /// Attempts since the last one that succeeded.
    pub attempt: i64,
    /// When the first of those was; 0 where there is none.
    pub failing_since: i64,
    /// Why the last one failed: a code; empty where it did not.
    pub reason: Arc<str>,
    /// What was said of it, without a word of a record.
    pub said: Arc<str>,
    /// When it succeeded last; 0 where it never did.
    pub ok_at: i64,
    /// Which claim this is.
    pub fence: i64,
}

/// The guard of [`add`]: there is one of this id.
pub const KNOWN: &str = "id of the partner";
/// The guard of [`change`]: there is none of this id.
pub const UNKNOWN: &str = "partner";
/// The guard of whatever a worker writes: it has the work no more.
pub const LEASE: &str = "lease of the partner";

const COLUMNS: &str = "id, client, base, client_there, scopes, sends, receives, every, disabled, created_at, since, \
    due_at, attempt, failing_since, reason, said, ok_at, fence, token_url";

/// Adds one.
#[must_use]
pub fn add(tenant: &str, p: &Partner) -> Step {
    const TEXT: &str = "INSERT INTO partner (tenant, id, client, base, client_there, scopes, sends, receives, every, \
        disabled, created_at, since, due_at, attempt, failing_since, reason, said, ok_at, lease_until, fence, token_url) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, '', '', 0, 0, 0, $14) ON CONFLICT DO NOTHING";
    let mut args = vec![tenant.into()];
    args.extend([&p.id, &p.client, &p.base, &p.client_there, &p.scopes].map(|s| s.clone().into()));
    args.extend([&p.sends, &p.receives].map(|s| s.clone().into()));
    args.extend([p.every, i64::from(p.disabled), p.created_at].map(Value::from));
    args.extend([p.since.clone().into(), p.standing.due_at.into()]);
    args.push(p.token_url.clone().into());
    Step::one(KNOWN, TEXT, args)
}

/// Whether it is spoken with.
#[must_use]
pub fn change(tenant: &str, id: &str, disabled: bool) -> Step {
    const TEXT: &str = "UPDATE partner SET disabled = $3 WHERE tenant = $1 AND id = $2";
    let args = vec![tenant.into(), id.into(), i64::from(disabled).into()];
    Step::one(UNKNOWN, TEXT, args)
}

/// Where its tokens are asked for; empty where its server says it.
#[must_use]
pub fn tokens(tenant: &str, id: &str, url: &str) -> Step {
    const TEXT: &str = "UPDATE partner SET token_url = $3 WHERE tenant = $1 AND id = $2";
    Step::one(UNKNOWN, TEXT, vec![tenant.into(), id.into(), url.into()])
}

/// Takes the work of fetching from `p` until `until`, unless somebody has it.
#[must_use]
pub fn take(tenant: &str, p: &Partner, (from, until): (i64, i64)) -> Step {
    const TEXT: &str = "UPDATE partner SET lease_until = $5, fence = fence + 1 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND lease_until <= $4";
    let args = vec![
        tenant.into(),
        p.id.clone().into(),
        p.standing.fence.into(),
        from.into(),
        until.into(),
    ];
    Step::one(LEASE, TEXT, args)
}

/// Keeps the work of fetching until `until`.
#[must_use]
pub fn beat(tenant: &str, p: &Partner, until: i64) -> Step {
    const TEXT: &str =
        "UPDATE partner SET lease_until = $4 WHERE tenant = $1 AND id = $2 AND fence = $3";
    let args = vec![
        tenant.into(),
        p.id.clone().into(),
        p.standing.fence.into(),
        until.into(),
    ];
    Step::one(LEASE, TEXT, args)
}

/// Notes how fetching from `p` stands now, and lets go of it; `since` is not noted where everything is to be looked at
/// again meanwhile.
#[must_use]
pub fn settle(tenant: &str, p: &Partner, since: &str, to: &Standing) -> Step {
    const TEXT: &str = "UPDATE partner SET since = CASE WHEN since = $11 THEN CAST($4 AS TEXT) ELSE since END, due_at = $5, attempt = $6, failing_since = $7, reason = $8, \
        said = $9, ok_at = $10, lease_until = 0 WHERE tenant = $1 AND id = $2 AND fence = $3";
    let mut args = vec![
        tenant.into(),
        p.id.clone().into(),
        p.standing.fence.into(),
        since.into(),
    ];
    args.extend(columns(to));
    args.push(p.since.clone().into());
    Step::one(LEASE, TEXT, args)
}

/// Has everything of theirs looked at again, by whoever fetches after this. `mark` is a word that no other call has: what
/// was begun before is told by it.
#[must_use]
pub fn from_the_beginning(tenant: &str, id: &str, mark: &str) -> Step {
    const TEXT: &str = "UPDATE partner SET since = $3 WHERE tenant = $1 AND id = $2";
    Step::any(TEXT, vec![tenant.into(), id.into(), mark.into()])
}

/// Makes all work with a partner due at `now`.
#[must_use]
pub fn hurry(tenant: &str, id: &str, now: i64) -> Vec<Step> {
    const FETCH: &str = "UPDATE partner SET due_at = $3 WHERE tenant = $1 AND id = $2";
    const SEND: &str = "UPDATE partner_episode SET due_at = $3 WHERE tenant = $1 AND partner = $2";
    let args = || vec![tenant.into(), id.into(), now.into()];
    vec![Step::one(UNKNOWN, FETCH, args()), Step::any(SEND, args())]
}

fn columns(to: &Standing) -> [Value; 6] {
    [
        to.due_at.into(),
        to.attempt.into(),
        to.failing_since.into(),
        to.reason.clone().into(),
        to.said.clone().into(),
        to.ok_at.into(),
    ]
}

fn standing(row: &Row, at: usize) -> Standing {
    Standing {
        due_at: row.int(at),
        attempt: row.int(at + 1),
        failing_since: row.int(at + 2),
        reason: row.text(at + 3),
        said: row.text(at + 4),
        ok_at: row.int(at + 5),
        fence: row.int(at + 6),
    }
}

impl Store {
    /// Every partner, by id.
    pub async fn partners(&self, tenant: &str) -> Result<Vec<Partner>> {
        let text = format!("SELECT {COLUMNS} FROM partner WHERE tenant = $1 ORDER BY id");
        let sql = Sql {
            text: text.into(),
            args: vec![tenant.into()],
        };
        Ok(self.read(sql).await?.iter().map(partner).collect())
    }

    /// The partner of this id.
    pub async fn partner(&self, tenant: &str, id: &str) -> Result<Option<Partner>> {
        let text = format!("SELECT {COLUMNS} FROM partner WHERE tenant = $1 AND id = $2");
        let sql = Sql {
            text: text.into(),
            args: vec![tenant.into(), id.into()],
        };
        Ok(self.read(sql).await?.first().map(partner))
    }
}

fn partner(row: &Row) -> Partner {
    Partner {
        id: row.text(0),
        client: row.text(1),
        base: row.text(2),
        client_there: row.text(3),
        scopes: row.text(4),
        sends: row.text(5),
        receives: row.text(6),
        every: row.int(7),
        disabled: row.int(8) != 0,
        created_at: row.int(9),
        since: row.text(10),
        standing: standing(row, 11),
        token_url: row.text(18),
    }
}
