//! What this service proves with to a partner's system who it is.

use std::sync::Arc;

use crate::error::Result;
use crate::store::Store;
use crate::store::filter::Builder;
use crate::store::sql::{Row, Step};

/// A key. The private half is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerKey {
    pub partner: Arc<str>,
    pub kid: Arc<str>,
    /// The public JWK.
    pub public: Arc<str>,
    /// The ring's key that sealed it.
    pub ring: Arc<str>,
    /// The private JWK, sealed.
    pub sealed: Arc<str>,
    pub created_at: i64,
    pub retires_at: i64,
}

/// The guard of [`add`].
pub const KNOWN: &str = "key of the partner";

/// Adds a key.
#[must_use]
pub fn add(tenant: &str, key: &PartnerKey) -> Step {
    const TEXT: &str = "INSERT INTO partner_key (tenant, partner, kid, public, ring, sealed, created_at, retires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let mut args = vec![tenant.into()];
    let texts = [&key.partner, &key.kid, &key.public, &key.ring, &key.sealed];
    args.extend(texts.map(|text| text.clone().into()));
    args.extend([key.created_at.into(), key.retires_at.into()]);
    Step::one(KNOWN, TEXT, args)
}

/// Publishes the keys of a partner until `at`, and no longer.
#[must_use]
pub fn retire(tenant: &str, partner: &str, at: i64) -> Step {
    const TEXT: &str = "UPDATE partner_key SET retires_at = $3 \
        WHERE tenant = $1 AND partner = $2 AND retires_at > $3";
    Step::any(TEXT, vec![tenant.into(), partner.into(), at.into()])
}

/// Seals a key anew, unless another program did so meanwhile.
#[must_use]
pub fn reseal(tenant: &str, key: &PartnerKey, (ring, sealed): &(String, String)) -> Step {
    const TEXT: &str = "UPDATE partner_key SET ring = $4, sealed = $5 \
        WHERE tenant = $1 AND partner = $2 AND kid = $3 AND ring = $6";
    let args = vec![
        tenant.into(),
        key.partner.clone().into(),
        key.kid.clone().into(),
        ring.as_str().into(),
        sealed.as_str().into(),
        key.ring.clone().into(),
    ];
    Step::any(TEXT, args)
}

impl Store {
    /// The keys that are published at `now`, for one partner or for all, the newest first.
    pub async fn partner_keys(
        &self,
        tenant: &str,
        partner: Option<&str>,
        now: i64,
    ) -> Result<Vec<PartnerKey>> {
        let mut b = Builder::default();
        b.push("SELECT partner, kid, public, ring, sealed, created_at, retires_at FROM partner_key WHERE tenant = ");
        b.bind(tenant).push(" AND retires_at > ").bind(now);
        if let Some(partner) = partner {
            b.push(" AND partner = ").bind(partner);
        }
        b.push(" ORDER BY retires_at DESC, created_at DESC, kid");
        Ok(self.read(b.sql()).await?.iter().map(key).collect())
    }
}

fn key(row: &Row) -> PartnerKey {
    PartnerKey {
        partner: row.text(0),
        kid: row.text(1),
        public: row.text(2),
        ring: row.text(3),
        sealed: row.text(4),
        created_at: row.int(5),
        retires_at: row.int(6),
    }
}
