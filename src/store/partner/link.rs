//! What a record is in a partner's system.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Id;
use crate::store::Store;
use crate::store::filter::Builder;
use crate::store::sql::{Row, Step};

/// A record here and there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub key: Key,
    /// Its id there.
    pub there: Arc<str>,
    /// Its version there, as an ETag; empty where it is not known.
    pub version: Arc<str>,
    /// Digest of what was sent last; empty where nothing was.
    pub sent: Arc<str>,
    /// Digest of what was fetched last; empty where nothing was.
    pub received: Arc<str>,
}

/// Ids per statement.
const EACH: usize = 200;

/// Notes it, over what was noted before.
#[must_use]
pub fn put(tenant: &str, partner: &str, link: &Link) -> Step {
    const TEXT: &str = "INSERT INTO partner_link (tenant, partner, type, id, there, version, sent, received) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, partner, type, id) DO UPDATE SET \
        there = excluded.there, version = excluded.version, sent = excluded.sent, received = excluded.received";
    let args = vec![
        tenant.into(),
        partner.into(),
        link.key.kind.clone().into(),
        link.key.id.as_str().into(),
        link.there.clone().into(),
        link.version.clone().into(),
        link.sent.clone().into(),
        link.received.clone().into(),
    ];
    Step::any(TEXT, args)
}

impl Store {
    /// What is known of these records there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn links(
        &self,
        tenant: &str,
        partner: &str,
        keys: &[Key],
    ) -> Result<HashMap<Key, Link>> {
        let mut out = HashMap::new();
        for some in keys.chunks(EACH) {
            let mut b = select(tenant, partner);
            b.push(" AND id IN (");
            for (i, key) in some.iter().enumerate() {
                b.push(if i == 0 { "" } else { ", " }).bind(key.id.as_str());
            }
            b.push(")");
            for row in &self.read(b.sql()).await? {
                let link = link(row)?;
                if some.contains(&link.key) {
                    out.insert(link.key.clone(), link);
                }
            }
        }
        Ok(out)
    }

    /// The record that is this one there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn linked(
        &self,
        tenant: &str,
        partner: &str,
        kind: &str,
        there: &str,
    ) -> Result<Option<Link>> {
        let mut b = select(tenant, partner);
        b.push(" AND type = ").bind(kind);
        b.push(" AND there = ").bind(there);
        // Of two records here that are one there, the first is it.
        b.push(" ORDER BY id LIMIT 1");
        self.read(b.sql()).await?.first().map(link).transpose()
    }
}

fn select(tenant: &str, partner: &str) -> Builder {
    let mut b = Builder::default();
    b.push("SELECT type, id, there, version, sent, received FROM partner_link WHERE tenant = ");
    b.bind(tenant).push(" AND partner = ").bind(partner);
    b
}

fn link(row: &Row) -> Result<Link> {
    let id = Id::new(&*row.text(1)).ok_or_else(|| Error::internal("a link without an id"))?;
    Ok(Link {
        key: Key::new(&row.text(0), id),
        there: row.text(2),
        version: row.text(3),
        sent: row.text(4),
        received: row.text(5),
    })
}
