//! Who broke the glass, and what was done with it.

use super::query::{OUTGOING, list, select};
use super::row;
use crate::audit::record::{first_id, text};
use crate::audit::{Kind, Row};
use crate::error::Result;
use crate::store::Store;

/// How long after a token was given its requests may have come, milliseconds: twice its life.
const AFTER: i64 = 2 * 300_000;
/// Rows of a page.
const PAGE: usize = 200;

impl Store {
    /// A page of the emergencies since `since` (milliseconds since 1970) after the one with the id `after`, oldest first.
    pub(crate) async fn emergencies(
        &self,
        tenant: &str,
        since: i64,
        after: Option<&str>,
    ) -> Result<Vec<Row>> {
        self.settled().await?;
        let mut b = select();
        b.bind(tenant)
            .push(" AND a.kind = ")
            .bind(Kind::Emergency.code());
        b.push(" AND a.outcome = 0 AND a.id >= ")
            .bind(text(first_id(since)));
        if let Some(after) = after {
            b.push(" AND a.id > ").bind(after);
        }
        b.push(" ORDER BY a.id LIMIT ")
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
        self.read(b.sql()).await?.iter().map(row).collect()
    }

    /// What was shown to the token of an emergency, oldest first. Another instance's clock may be behind, so what
    /// is asked for begins earlier; the token is of this emergency alone.
    pub(crate) async fn used_in(&self, tenant: &str, emergency: &Row) -> Result<Vec<Row>> {
        self.settled().await?;
        let token = emergency.event.who.token.clone().unwrap_or_default();
        let id = |at: i64| text(first_id(at));
        let mut b = select();
        b.bind(tenant)
            .push(" AND a.id >= ")
            .bind(id(emergency.at - AFTER))
            .push(" AND a.id < ")
            .bind(id(emergency.at + AFTER));
        b.push(" AND a.token = ")
            .bind(token)
            .push(" AND a.kind IN ");
        list(&mut b, OUTGOING.iter().map(|kind| kind.code()));
        b.push(" AND a.outcome = 0 ORDER BY a.id");
        self.read(b.sql()).await?.iter().map(row).collect()
    }
}
