//! The work of subscriptions: who is told what next. Times are milliseconds since 1970.

use std::collections::HashSet;
use std::sync::Arc;

use super::Store;
use super::filter::Builder;
use super::outbox::{Happening, Why};
use super::sql::{Row, Sql, Value};
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::{Id, codes};

pub mod key;
mod step;

pub use step::{
    Attempt, COUNTER, LEASE, Settled, add, attempted, beat, change, forget, free_all, number,
    purge, reseal, restart, rests_until, settle, take, withhold,
};

codes! {
    /// The codes of `subscription-status` (<https://hl7.org/fhir/R4/valueset-subscription-status.html>).
    State { Requested = "requested", Active = "active", Error = "error", Off = "off" }
}

codes! {
    /// The codes of `backport-content-value-set`.
    Content { Empty = "empty", IdOnly = "id-only", FullResource = "full-resource" }
}

/// Never.
pub const NEVER: i64 = i64::MAX;

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub id: Id,
    pub client: Arc<str>,
    /// The client's organization.
    pub owner: Arc<str>,
    pub role: Arc<str>,
    /// The scopes of the token with which it was made.
    pub scopes: Arc<str>,
    pub purpose: Arc<str>,
    /// Code of its topic.
    pub topic: Arc<str>,
    pub state: State,
    /// Of one that is in error or off, a code that says why.
    pub reason: Arc<str>,
    /// Its filters, one a line: `Type?criteria`.
    pub filters: Arc<str>,
    pub endpoint: Arc<str>,
    /// Host and port of the endpoint.
    pub host: Arc<str>,
    /// Media type of what is sent.
    pub payload: Arc<str>,
    pub content: Content,
    /// Events of one notification at most.
    pub most: i64,
    pub timeout: i64,
    /// How long nothing may be sent; 0 where that may be for ever.
    pub heartbeat: i64,
    pub ends_at: i64,
    /// The ring's key that sealed `secret`.
    pub ring: Arc<str>,
    pub secret: Arc<str>,
    /// The number of the last event that has one.
    pub numbered: i64,
    /// The number of the last event that arrived.
    pub acked: i64,
    pub due_at: i64,
    /// Attempts since the last one that succeeded.
    pub attempt: i64,
    /// When the first of those was; 0 where there is none.
    pub failing_since: i64,
    /// When something arrived last; 0 where nothing did.
    pub told_at: i64,
    /// Whether events are counted: from the first handshake on, until it is off.
    pub begun: bool,
    /// The last number of the notification that is being sent; it is over where it arrived.
    pub tried: i64,
    /// Which claim this is.
    pub fence: i64,
    /// When its client or a worker changed its state last.
    pub changed_at: i64,
}

/// An event of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub n: i64,
    pub key: Key,
    pub version: i64,
    pub why: Why,
    pub at: i64,
}

const COLUMNS: &str = "id, client, owner, role, scopes, purpose, topic, state, reason, filters, endpoint, host, payload, \
    content, most, timeout, heartbeat, ends_at, ring, secret, numbered, acked, due_at, attempt, failing_since, told_at, \
    begun, tried, fence, changed_at";

impl Store {
    /// The subscription of this id.
    pub async fn subscription(&self, tenant: &str, id: &Id) -> Result<Option<Subscription>> {
        let text = format!("SELECT {COLUMNS} FROM subscription WHERE tenant = $1 AND id = $2");
        let args = vec![tenant.into(), id.as_str().into()];
        let rows = self.subscribed(text, args).await?;
        Ok(rows.into_iter().next())
    }

    /// Every subscription.
    pub async fn subscriptions(&self, tenant: &str) -> Result<Vec<Subscription>> {
        let text = format!("SELECT {COLUMNS} FROM subscription WHERE tenant = $1 ORDER BY id");
        self.subscribed(text, vec![tenant.into()]).await
    }

    /// Those of a client.
    pub async fn subscriptions_of(&self, tenant: &str, client: &str) -> Result<Vec<Subscription>> {
        let text = format!(
            "SELECT {COLUMNS} FROM subscription WHERE tenant = $1 AND client = $2 ORDER BY id"
        );
        self.subscribed(text, vec![tenant.into(), client.into()])
            .await
    }

    /// Those for which there is something to do at `now` and that nobody works on, those that wait longest first; but those
    /// of these hosts.
    pub async fn subscriptions_due(
        &self,
        tenant: &str,
        (now, lease_from): (i64, i64),
        but: &[Arc<str>],
        most: i64,
    ) -> Result<Vec<Subscription>> {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        b.push(" FROM subscription WHERE tenant = ").bind(tenant);
        b.push(" AND due_at <= ").bind(now);
        b.push(" AND lease_until <= ").bind(lease_from);
        b.push(" AND host NOT IN (''");
        for host in but {
            b.push(", ").bind(host.clone());
        }
        b.push(") ORDER BY due_at, id LIMIT ").bind(most);
        let rows = self.read(b.sql()).await?;
        rows.iter().map(subscription).collect()
    }

    async fn subscribed(&self, text: String, args: Vec<Value>) -> Result<Vec<Subscription>> {
        let sql = Sql {
            text: text.into(),
            args,
        };
        self.read(sql).await?.iter().map(subscription).collect()
    }

    /// The events of a subscription from number `from` on, in order.
    pub async fn events_of(
        &self,
        tenant: &str,
        id: &Id,
        (from, to): (i64, i64),
        most: i64,
    ) -> Result<Vec<Event>> {
        const TEXT: &str = "SELECT n, type, id, version, kind, at FROM subscription_event \
            WHERE tenant = $1 AND subscription = $2 AND n >= $3 AND n <= $4 ORDER BY n LIMIT $5";
        let args = vec![
            tenant.into(),
            id.as_str().into(),
            from.into(),
            to.into(),
            most.into(),
        ];
        self.read(Sql::new(TEXT, args))
            .await?
            .iter()
            .map(event)
            .collect()
    }

    /// The versions of these records of a type that a subscription was told of.
    pub async fn told(
        &self,
        tenant: &str,
        id: &Id,
        (kind, of): (&str, &[Key]),
    ) -> Result<HashSet<(Key, i64)>> {
        let mut out = HashSet::new();
        for keys in of.chunks(200) {
            // What is kept, and what is known of what was.
            for table in [
                "subscription_event WHERE withheld = 0 AND",
                "subscription_told WHERE",
            ] {
                let mut b = Builder::default();
                b.push("SELECT DISTINCT id, version FROM ").push(table);
                b.push(" tenant = ").bind(tenant);
                b.push(" AND subscription = ").bind(id.as_str());
                b.push(" AND type = ").bind(kind).push(" AND id IN (''");
                for key in keys {
                    b.push(", ").bind(key.id.as_str());
                }
                b.push(")");
                for row in &self.read(b.sql()).await? {
                    let id = Id::new(&*row.text(0)).ok_or_else(broken)?;
                    out.insert((Key::new(kind, id), row.int(1)));
                }
            }
        }
        Ok(out)
    }

    /// The number of the first event that is kept; `None` where none is.
    pub async fn first_event(&self, tenant: &str, id: &Id) -> Result<Option<i64>> {
        const TEXT: &str = "SELECT n FROM subscription_event \
            WHERE tenant = $1 AND subscription = $2 ORDER BY n LIMIT 1";
        let args = vec![tenant.into(), id.as_str().into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.first().map(|row| row.int(0)))
    }

    /// The latest attempts of a subscription, the last first.
    pub async fn attempts_of(&self, tenant: &str, id: &Id, most: i64) -> Result<Vec<Attempt>> {
        const TEXT: &str = "SELECT at, fence, kind, first, last, attempt, status, failure, millis \
            FROM subscription_attempt WHERE tenant = $1 AND subscription = $2 ORDER BY at DESC, fence DESC, first DESC LIMIT $3";
        let args = vec![tenant.into(), id.as_str().into(), most.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.iter().map(Attempt::of).collect())
    }
}

fn broken() -> Error {
    Error::internal("a row of a subscription cannot be read")
}

fn subscription(row: &Row) -> Result<Subscription> {
    Ok(Subscription {
        id: Id::new(&*row.text(0)).ok_or_else(broken)?,
        client: row.text(1),
        owner: row.text(2),
        role: row.text(3),
        scopes: row.text(4),
        purpose: row.text(5),
        topic: row.text(6),
        state: State::from_code(&row.text(7)).ok_or_else(broken)?,
        reason: row.text(8),
        filters: row.text(9),
        endpoint: row.text(10),
        host: row.text(11),
        payload: row.text(12),
        content: Content::from_code(&row.text(13)).ok_or_else(broken)?,
        most: row.int(14),
        timeout: row.int(15),
        heartbeat: row.int(16),
        ends_at: row.int(17),
        ring: row.text(18),
        secret: row.text(19),
        numbered: row.int(20),
        acked: row.int(21),
        due_at: row.int(22),
        attempt: row.int(23),
        failing_since: row.int(24),
        told_at: row.int(25),
        begun: row.int(26) != 0,
        tried: row.int(27),
        fence: row.int(28),
        changed_at: row.int(29),
    })
}

fn event(row: &Row) -> Result<Event> {
    Ok(Event {
        n: row.int(0),
        key: Key {
            kind: row.text(1),
            id: Id::new(&*row.text(2)).ok_or_else(broken)?,
        },
        version: row.int(3),
        why: Why::from_code(&row.text(4)).ok_or_else(broken)?,
        at: row.int(5),
    })
}

impl Event {
    /// The event of this number that tells of what happened.
    #[must_use]
    pub fn of(n: i64, what: &Happening) -> Self {
        Self {
            n,
            key: what.key.clone(),
            version: what.version,
            why: what.why,
            at: what.at,
        }
    }
}
