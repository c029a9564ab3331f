//! Which episodes are to be sent to a partner: those of a version that was not sent yet.

use std::sync::Arc;

use super::{LEASE, Partner, Standing, columns, standing};
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Id;
use crate::store::Store;
use crate::store::filter::Builder;
use crate::store::sql::{Row, Sql, Step};

/// An episode that is sent to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    pub episode: Id,
    /// Its version.
    pub version: i64,
    /// The version up to which everything was sent; 0 where nothing was.
    pub sent: i64,
    /// Whether something may have been sent of which nobody knows: a try failed, or whoever tried is gone.
    pub in_doubt: bool,
    pub standing: Standing,
}

/// How many episodes stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Sent whole, in their present version.
    pub whole: i64,
    pub failing: i64,
    /// Since when the first of them fails; 0 where none does.
    pub failing_since: i64,
    /// To be sent, and not failing: what changed since, or is new.
    pub waiting: i64,
    /// When the first of them changed; 0 where none waits.
    pub waiting_since: i64,
}

impl Store {
    /// The episodes in which `organization` takes part that changed since `horizon`, of a version that was not sent yet, and
    /// that are due at `now` or changed since it was found that nothing of them may be told, held by nobody at `lease_from`:
    /// at most `most`, those that changed first, after all others those that failed: what is wrong with them keeps no other
    /// waiting.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episodes_to_send(
        &self,
        tenant: &str,
        (partner, organization): (&Partner, &str),
        horizon: i64,
        (now, lease_from): (i64, i64),
        most: i64,
    ) -> Result<Vec<Work>> {
        let mut b = Builder::default();
        b.push("SELECT h.episode, COALESCE(w.sent, 0), COALESCE(w.due_at, 0), COALESCE(w.attempt, 0), ");
        b.push("COALESCE(w.failing_since, 0), COALESCE(w.reason, ''), COALESCE(w.said, ''), COALESCE(w.ok_at, 0), ");
        b.push("COALESCE(w.fence, 0), h.version, COALESCE(w.lease_until, 0) FROM episode_head h LEFT JOIN partner_episode w ON w.tenant = h.tenant ");
        b.push("AND w.partner = ").bind(partner.id.clone());
        b.push(" AND w.episode = h.episode WHERE h.tenant = ")
            .bind(tenant);
        b.push(" AND (h.updated_at >= ").bind(horizon);
        b.push(" OR w.failing_since > 0 OR w.sent = 0)");
        b.push(" AND COALESCE(w.sent, 0) < h.version AND (COALESCE(w.due_at, 0) <= ")
            .bind(now);
        b.push(" OR (w.failing_since = 0 AND h.updated_at >= w.ok_at))");
        b.push(" AND COALESCE(w.lease_until, 0) <= ")
            .bind(lease_from);
        b.push(" AND EXISTS (SELECT 1 FROM episode_party p WHERE p.tenant = h.tenant AND p.episode = h.episode AND p.org = ");
        b.bind(organization).push(
            ") ORDER BY CASE WHEN w.failing_since > 0 THEN 1 ELSE 0 END, h.updated_at, h.episode LIMIT ",
        );
        b.bind(most);
        self.read(b.sql()).await?.iter().map(work).collect()
    }

    /// How sending stands of the episodes that were sent, or were to be, those that fail first: `most` from the one at place
    /// `from`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episodes_sent(
        &self,
        tenant: &str,
        partner: &str,
        (from, most): (i64, i64),
    ) -> Result<Vec<Work>> {
        const TEXT: &str = "SELECT w.episode, w.sent, w.due_at, w.attempt, w.failing_since, w.reason, w.said, w.ok_at, w.fence, \
            h.version, w.lease_until FROM partner_episode w \
            JOIN episode_head h ON h.tenant = w.tenant AND h.episode = w.episode WHERE w.tenant = $1 AND w.partner = $2 \
            ORDER BY CASE WHEN w.failing_since > 0 THEN 0 ELSE 1 END, w.ok_at DESC, w.episode LIMIT $3 OFFSET $4";
        let args = vec![tenant.into(), partner.into(), most.into(), from.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        rows.iter().map(work).collect()
    }

    /// How sending to a partner stands at `now`; `organization` is the one as which the episodes are read for it, and nothing
    /// waits where there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episodes_counted(
        &self,
        tenant: &str,
        partner: &str,
        (organization, now): (&str, i64),
    ) -> Result<Counted> {
        const SENT: &str = "SELECT COALESCE(SUM(CASE WHEN w.failing_since = 0 AND w.sent >= h.version THEN 1 ELSE 0 END), 0), \
            COALESCE(SUM(CASE WHEN w.failing_since > 0 THEN 1 ELSE 0 END), 0), \
            COALESCE(MIN(CASE WHEN w.failing_since > 0 THEN w.failing_since END), 0) FROM partner_episode w \
            JOIN episode_head h ON h.tenant = w.tenant AND h.episode = w.episode WHERE w.tenant = $1 AND w.partner = $2";
        // Those that `episodes_to_send` finds, whoever holds them.
        const WAITING: &str = "SELECT COUNT(*), COALESCE(MIN(h.updated_at), 0) FROM episode_head h \
            LEFT JOIN partner_episode w ON w.tenant = h.tenant AND w.partner = $2 AND w.episode = h.episode \
            WHERE h.tenant = $1 AND COALESCE(w.sent, 0) < h.version \
            AND (COALESCE(w.due_at, 0) <= $4 OR h.updated_at >= w.ok_at) \
            AND COALESCE(w.failing_since, 0) = 0 AND EXISTS (SELECT 1 FROM episode_party p \
            WHERE p.tenant = h.tenant AND p.episode = h.episode AND p.org = $3)";
        let args = vec![tenant.into(), partner.into()];
        let sent = self.read(Sql::new(SENT, args)).await?;
        let args = vec![
            tenant.into(),
            partner.into(),
            organization.into(),
            now.into(),
        ];
        let waiting = self.read(Sql::new(WAITING, args)).await?;
        let mut out = Counted::default();
        if let Some(row) = sent.first() {
            (out.whole, out.failing, out.failing_since) = (row.int(0), row.int(1), row.int(2));
        }
        if let Some(row) = waiting.first() {
            (out.waiting, out.waiting_since) = (row.int(0), row.int(1));
        }
        Ok(out)
    }
}

fn work(row: &Row) -> Result<Work> {
    let episode = Id::new(&*row.text(0));
    let standing = standing(row, 2);
    Ok(Work {
        episode: episode.ok_or_else(|| Error::internal("an episode without an id"))?,
        version: row.int(9),
        sent: row.int(1),
        in_doubt: standing.attempt > 0 || row.int(10) > 0,
        standing,
    })
}

/// Takes an episode until `until`, unless somebody has it.
#[must_use]
pub fn take(tenant: &str, partner: &Arc<str>, work: &Work, (from, until): (i64, i64)) -> Step {
    const TEXT: &str = "INSERT INTO partner_episode (tenant, partner, episode, sent, due_at, attempt, failing_since, \
        reason, said, ok_at, lease_until, fence) VALUES ($1, $2, $3, 0, 0, 0, 0, '', '', 0, $6, 1) \
        ON CONFLICT (tenant, partner, episode) DO UPDATE SET lease_until = $6, fence = partner_episode.fence + 1 \
        WHERE partner_episode.fence = $4 AND partner_episode.lease_until <= $5";
    let args = vec![
        tenant.into(),
        partner.clone().into(),
        work.episode.as_str().into(),
        work.standing.fence.into(),
        from.into(),
        until.into(),
    ];
    Step::one(LEASE, TEXT, args)
}

/// Keeps an episode until `until`.
#[must_use]
pub fn beat(tenant: &str, partner: &Arc<str>, work: &Work, until: i64) -> Step {
    const TEXT: &str = "UPDATE partner_episode SET lease_until = $5 \
        WHERE tenant = $1 AND partner = $2 AND episode = $3 AND fence = $4";
    let mut args = place(tenant, partner, work);
    args.push(until.into());
    Step::one(LEASE, TEXT, args)
}

/// Notes how sending an episode stands now, and lets go of it.
#[must_use]
pub fn settle(tenant: &str, partner: &Arc<str>, work: &Work, sent: i64, to: &Standing) -> Step {
    const TEXT: &str = "UPDATE partner_episode SET sent = $5, due_at = $6, attempt = $7, failing_since = $8, \
        reason = $9, said = $10, ok_at = $11, lease_until = 0 \
        WHERE tenant = $1 AND partner = $2 AND episode = $3 AND fence = $4";
    let mut args = place(tenant, partner, work);
    args.push(sent.into());
    args.extend(columns(to));
    Step::one(LEASE, TEXT, args)
}

/// Has the episodes of the patient of this record compared whole again, by every partner. Who is at one loses it, and the lease
/// stays to its end: what was being sent is in doubt.
#[must_use]
pub fn anew(tenant: &str, of: &Key) -> Step {
    const TEXT: &str = "UPDATE partner_episode SET sent = 0, fence = fence + 1, \
        due_at = CASE WHEN failing_since > 0 THEN due_at ELSE 0 END WHERE tenant = $1 AND episode IN \
        (SELECT h.episode FROM episode_head h JOIN resource r ON r.tenant = h.tenant AND r.patient = h.patient \
        WHERE r.tenant = $1 AND r.type = $2 AND r.id = $3)";
    let args = vec![tenant.into(), of.kind.clone().into(), of.id.as_str().into()];
    Step::any(TEXT, args)
}

fn place(tenant: &str, partner: &Arc<str>, work: &Work) -> Vec<crate::store::sql::Value> {
    vec![
        tenant.into(),
        partner.clone().into(),
        work.episode.as_str().into(),
        work.standing.fence.into(),
    ]
}
