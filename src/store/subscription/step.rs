//! What is written of subscriptions.

use std::sync::Arc;

use super::{Event, NEVER, State, Subscription};
use crate::kap::base::Id;
use crate::store::sql::{Expect, Row, Sql, Step, Value};

/// The guard of [`number`]: another sequencer was first.
pub const COUNTER: &str = "counter of the subscription";
/// The guard of whatever a worker writes: it has the subscription no more, or its client changed it.
pub const LEASE: &str = "lease of the subscription";

/// An attempt to tell something: no word of what was sent or answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub at: i64,
    pub fence: i64,
    /// `handshake`, `heartbeat` or `event-notification`.
    pub kind: Arc<str>,
    /// The numbers of the first and the last event; 0 where there is none.
    pub first: i64,
    pub last: i64,
    pub attempt: i64,
    /// HTTP status; 0 where there was no answer.
    pub status: i64,
    /// Empty where it arrived.
    pub failure: Arc<str>,
    pub millis: i64,
}

impl Attempt {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            at: row.int(0),
            fence: row.int(1),
            kind: row.text(2),
            first: row.int(3),
            last: row.int(4),
            attempt: row.int(5),
            status: row.int(6),
            failure: row.text(7),
            millis: row.int(8),
        }
    }
}

/// How a subscription stands after an attempt.
#[derive(Clone, Debug)]
pub struct Settled {
    pub acked: i64,
    /// Where nothing more is to be told.
    pub due_at: i64,
    /// Where there is more: when it is told.
    pub more_at: i64,
    pub attempt: i64,
    pub failing_since: i64,
    pub told_at: i64,
    /// 0 lets go of it.
    pub lease_until: i64,
}

fn of(tenant: &str, id: &Id, rest: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut args: Vec<Value> = vec![tenant.into(), id.as_str().into()];
    args.extend(rest);
    args
}

/// Adds a subscription.
#[must_use]
pub fn add(tenant: &str, s: &Subscription) -> Step {
    const TEXT: &str = "INSERT INTO subscription (tenant, id, client, owner, role, scopes, purpose, topic, state, reason, \
        filters, endpoint, host, payload, content, most, timeout, heartbeat, ends_at, ring, secret, numbered, acked, due_at, \
        attempt, failing_since, told_at, begun, tried, lease_until, fence, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
        $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, 0, 0, $22, 0, 0, 0, 0, 0, 0, 0, $23)";
    let mut rest: Vec<Value> = vec![
        s.client.clone().into(),
        s.owner.clone().into(),
        s.role.clone().into(),
        s.scopes.clone().into(),
        s.purpose.clone().into(),
    ];
    rest.extend(said(s));
    rest.extend([s.due_at.into(), s.changed_at.into()]);
    Step::one(COUNTER, TEXT, of(tenant, &s.id, rest))
}

/// What its client says of it.
fn said(s: &Subscription) -> Vec<Value> {
    vec![
        s.topic.clone().into(),
        s.state.code().into(),
        s.reason.clone().into(),
        s.filters.clone().into(),
        s.endpoint.clone().into(),
        s.host.clone().into(),
        s.payload.clone().into(),
        s.content.code().into(),
        s.most.into(),
        s.timeout.into(),
        s.heartbeat.into(),
        s.ends_at.into(),
        s.ring.clone().into(),
        s.secret.clone().into(),
    ]
}

/// Changes what its client says of it, and begins its work anew: whoever worked on it has it no more.
#[must_use]
pub fn change(tenant: &str, s: &Subscription) -> Step {
    const TEXT: &str = "UPDATE subscription SET topic = $3, state = $4, reason = $5, filters = $6, endpoint = $7, host = $8, \
        payload = $9, content = $10, most = $11, timeout = $12, heartbeat = $13, ends_at = $14, ring = $15, secret = $16, \
        due_at = $17, changed_at = $18, scopes = $19, purpose = $20, role = $21, attempt = 0, tried = 0, \
        begun = CASE WHEN CAST($4 AS TEXT) = 'off' THEN 0 ELSE begun END, failing_since = 0, lease_until = 0, fence = fence + 1 \
        WHERE tenant = $1 AND id = $2";
    let mut rest = said(s);
    rest.extend([
        s.due_at.into(),
        s.changed_at.into(),
        s.scopes.clone().into(),
        s.purpose.clone().into(),
        s.role.clone().into(),
    ]);
    Step::one(LEASE, TEXT, of(tenant, &s.id, rest))
}

/// Tells events from number `from` on (once more), after a handshake.
#[must_use]
pub fn restart(tenant: &str, s: &Subscription, from: i64, now: i64) -> Step {
    const TEXT: &str = "UPDATE subscription SET state = 'requested', reason = '', acked = $3, tried = 0, due_at = $4, attempt = 0, \
        failing_since = 0, lease_until = 0, fence = fence + 1, changed_at = $4 WHERE tenant = $1 AND id = $2 AND fence = $5";
    let rest = [(from - 1).into(), now.into(), s.fence.into()];
    Step::one(LEASE, TEXT, of(tenant, &s.id, rest))
}

/// Seals the headers anew, unless somebody changed them meanwhile.
#[must_use]
pub fn reseal(tenant: &str, s: &Subscription, (ring, secret): &(String, String)) -> Step {
    const TEXT: &str = "UPDATE subscription SET ring = $3, secret = $4 \
        WHERE tenant = $1 AND id = $2 AND ring = $5 AND secret = $6";
    let rest = [
        ring.as_str().into(),
        secret.as_str().into(),
        s.ring.clone().into(),
        s.secret.clone().into(),
    ];
    Step::any(TEXT, of(tenant, &s.id, rest))
}

/// Gives events their numbers, guarded by [`COUNTER`]: `events` follow the last number of `s`.
#[must_use]
pub fn number(tenant: &str, s: &Subscription, events: &[Event], now: i64) -> Vec<Step> {
    // Where attempts fail, the next one keeps its time.
    const COUNT: &str = "UPDATE subscription SET numbered = $4, \
        due_at = CASE WHEN state = 'active' AND attempt = 0 AND due_at > $5 THEN CAST($5 AS BIGINT) ELSE due_at END \
        WHERE tenant = $1 AND id = $2 AND numbered = $3 AND changed_at = $6 AND state <> 'off'";
    const EVENT: &str = "INSERT INTO subscription_event (tenant, subscription, n, type, id, version, kind, at, numbered_at, \
        withheld) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)";
    let Some(last) = events.last() else {
        return vec![];
    };
    let counted = [
        s.numbered.into(),
        last.n.into(),
        now.into(),
        s.changed_at.into(),
    ];
    let mut steps = vec![Step::one(COUNTER, COUNT, of(tenant, &s.id, counted))];
    for event in events {
        let rest: [Value; 7] = [
            event.n.into(),
            event.key.kind.clone().into(),
            event.key.id.as_str().into(),
            event.version.into(),
            event.why.code().into(),
            event.at.into(),
            now.into(),
        ];
        steps.push(Step::any(EVENT, of(tenant, &s.id, rest)));
    }
    steps
}

/// Takes a subscription until `until`, guarded by [`LEASE`]; its fence is one more then. `s.tried` is noted with it.
#[must_use]
pub fn take(tenant: &str, s: &Subscription, from: i64, until: i64) -> Step {
    const TEXT: &str = "UPDATE subscription SET lease_until = $5, tried = $6, fence = fence + 1 \
        WHERE tenant = $1 AND id = $2 AND fence = $3 AND lease_until <= $4";
    let rest = [s.fence.into(), from.into(), until.into(), s.tried.into()];
    Step::one(LEASE, TEXT, of(tenant, &s.id, rest))
}

/// Keeps a subscription until `until`, guarded by [`LEASE`].
#[must_use]
pub fn beat(tenant: &str, s: &Subscription, until: i64) -> Step {
    const TEXT: &str =
        "UPDATE subscription SET lease_until = $4 WHERE tenant = $1 AND id = $2 AND fence = $3";
    Step::one(
        LEASE,
        TEXT,
        of(tenant, &s.id, [s.fence.into(), until.into()]),
    )
}

/// Lets go of every subscription: for a process that has the database alone.
#[must_use]
pub fn free_all(tenant: &str) -> Step {
    const TEXT: &str =
        "UPDATE subscription SET lease_until = 0 WHERE tenant = $1 AND lease_until > 0";
    Step::any(TEXT, vec![tenant.into()])
}

/// Notes how it stands after an attempt, guarded by [`LEASE`].
#[must_use]
pub fn settle(tenant: &str, s: &Subscription, state: State, to: &Settled) -> Step {
    const TEXT: &str = "UPDATE subscription SET state = $4, reason = $5, acked = $6, \
        due_at = CASE WHEN numbered > $6 THEN CAST($8 AS BIGINT) ELSE CAST($7 AS BIGINT) END, attempt = $9, failing_since = $10, told_at = $11, \
        lease_until = $12, begun = CASE WHEN CAST($4 AS TEXT) = 'active' THEN 1 WHEN CAST($4 AS TEXT) = 'off' THEN 0 ELSE begun END \
        WHERE tenant = $1 AND id = $2 AND fence = $3";
    let rest = [
        s.fence.into(),
        state.code().into(),
        s.reason.clone().into(),
        to.acked.into(),
        to.due_at.into(),
        to.more_at.into(),
        to.attempt.into(),
        to.failing_since.into(),
        to.told_at.into(),
        to.lease_until.into(),
    ];
    Step::one(LEASE, TEXT, of(tenant, &s.id, rest))
}

/// Notes an attempt.
#[must_use]
pub fn attempted(tenant: &str, id: &Id, a: &Attempt) -> Step {
    const TEXT: &str = "INSERT INTO subscription_attempt (tenant, subscription, at, fence, kind, first, last, attempt, \
        status, failure, millis) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let rest = [
        a.at.into(),
        a.fence.into(),
        a.kind.clone().into(),
        a.first.into(),
        a.last.into(),
        a.attempt.into(),
        a.status.into(),
        a.failure.clone().into(),
        a.millis.into(),
    ];
    Step::any(TEXT, of(tenant, id, rest))
}

/// Notes that an event was told by its number alone: what it is about was not told.
#[must_use]
pub fn withhold(tenant: &str, id: &Id, n: i64) -> Step {
    const TEXT: &str = "UPDATE subscription_event SET withheld = 1 \
        WHERE tenant = $1 AND subscription = $2 AND n = $3";
    Step::any(TEXT, of(tenant, id, [n.into()]))
}

/// Forgets a subscription with all that is known of it.
#[must_use]
pub fn forget(tenant: &str, id: &Id) -> Vec<Step> {
    const TEXTS: [&str; 4] = [
        "DELETE FROM subscription WHERE tenant = $1 AND id = $2",
        "DELETE FROM subscription_told WHERE tenant = $1 AND subscription = $2",
        "DELETE FROM subscription_event WHERE tenant = $1 AND subscription = $2",
        "DELETE FROM subscription_attempt WHERE tenant = $1 AND subscription = $2",
    ];
    TEXTS.map(|text| Step::any(text, of(tenant, id, []))).into()
}

/// Forgets events that arrived and attempts, where both are older than `before`. Of what was told stays which record in
/// which version it was.
#[must_use]
pub fn purge(tenant: &str, before: i64) -> Vec<Step> {
    const OLD: &str = "FROM subscription_event WHERE tenant = $1 AND numbered_at < $2 AND n <= \
        (SELECT acked FROM subscription s WHERE s.tenant = subscription_event.tenant AND s.id = subscription_event.subscription)";
    const ATTEMPTS: &str = "DELETE FROM subscription_attempt WHERE tenant = $1 AND at < $2";
    let args = || vec![tenant.into(), before.into()];
    let told = format!(
        "INSERT INTO subscription_told (tenant, subscription, type, id, version) \
         SELECT tenant, subscription, type, id, MAX(version) {OLD} AND withheld = 0 \
         GROUP BY tenant, subscription, type, id \
         ON CONFLICT (tenant, subscription, type, id) DO UPDATE SET version = excluded.version"
    );
    let [told, events] = [told, format!("DELETE {OLD}")].map(|text| Sql {
        text: text.into(),
        args: args(),
    });
    let any = |sql| Step {
        sql,
        expect: Expect::Any,
    };
    vec![any(told), any(events), Step::any(ATTEMPTS, args())]
}

/// When a subscription that has told everything has something to do again.
#[must_use]
pub fn rests_until(s: &Subscription, told_at: i64) -> i64 {
    let beat = match s.heartbeat {
        0 => NEVER,
        every => told_at.saturating_add(every),
    };
    beat.min(s.ends_at)
}
