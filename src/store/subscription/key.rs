//! What notifications are signed with, and where clients may be called.

use std::sync::Arc;

use crate::error::Result;
use crate::store::Store;
use crate::store::filter::Builder;
use crate::store::sql::{Row, Sql, Step};

/// A key that signs notifications to a client. The private half is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    pub client: Arc<str>,
    pub kid: Arc<str>,
    /// In base64url.
    pub public: Arc<str>,
    /// The ring's key that sealed it.
    pub ring: Arc<str>,
    pub sealed: Arc<str>,
    pub created_at: i64,
    pub retires_at: i64,
}

/// The guard of [`add`].
pub const KNOWN: &str = "signing key";

/// Adds a key.
#[must_use]
pub fn add(tenant: &str, key: &SigningKey) -> Step {
    const TEXT: &str = "INSERT INTO signing_key (tenant, client, kid, public, ring, sealed, created_at, retires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let args = vec![
        tenant.into(),
        key.client.clone().into(),
        key.kid.clone().into(),
        key.public.clone().into(),
        key.ring.clone().into(),
        key.sealed.clone().into(),
        key.created_at.into(),
        key.retires_at.into(),
    ];
    Step::one(KNOWN, TEXT, args)
}

/// Lets the keys of a client sign until `at`, and no longer.
#[must_use]
pub fn retire(tenant: &str, client: &str, at: i64) -> Step {
    const TEXT: &str = "UPDATE signing_key SET retires_at = $3 \
        WHERE tenant = $1 AND client = $2 AND retires_at > $3";
    Step::any(TEXT, vec![tenant.into(), client.into(), at.into()])
}

/// Seals a key anew, unless another program did so meanwhile.
#[must_use]
pub fn reseal(tenant: &str, key: &SigningKey, (ring, sealed): &(String, String)) -> Step {
    const TEXT: &str = "UPDATE signing_key SET ring = $4, sealed = $5 \
        WHERE tenant = $1 AND client = $2 AND kid = $3 AND ring = $6";
    let args = vec![
        tenant.into(),
        key.client.clone().into(),
        key.kid.clone().into(),
        ring.as_str().into(),
        sealed.as_str().into(),
        key.ring.clone().into(),
    ];
    Step::any(TEXT, args)
}

/// Says that a client may be called at this origin, and whether whole records may be sent there.
#[must_use]
pub fn allow(tenant: &str, client: &str, origin: &str, full: i64) -> Step {
    const TEXT: &str = "INSERT INTO client_origin (tenant, client, origin, full_resource) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (tenant, client, origin) DO UPDATE SET full_resource = excluded.full_resource";
    let args = vec![tenant.into(), client.into(), origin.into(), full.into()];
    Step::any(TEXT, args)
}

/// The guard of [`disallow`]: there is no such origin.
pub const ORIGIN: &str = "origin of the client";

/// Takes an origin back.
#[must_use]
pub fn disallow(tenant: &str, client: &str, origin: &str) -> Step {
    const TEXT: &str =
        "DELETE FROM client_origin WHERE tenant = $1 AND client = $2 AND origin = $3";
    Step::one(
        ORIGIN,
        TEXT,
        vec![tenant.into(), client.into(), origin.into()],
    )
}

impl Store {
    /// The keys that sign at `now`, of one client or of all, the newest first.
    pub async fn signing_keys(
        &self,
        tenant: &str,
        client: Option<&str>,
        now: i64,
    ) -> Result<Vec<SigningKey>> {
        let mut b = Builder::default();
        b.push("SELECT client, kid, public, ring, sealed, created_at, retires_at FROM signing_key WHERE tenant = ");
        b.bind(tenant).push(" AND retires_at > ").bind(now);
        if let Some(client) = client {
            b.push(" AND client = ").bind(client);
        }
        b.push(" ORDER BY retires_at DESC, created_at DESC, kid");
        Ok(self.read(b.sql()).await?.iter().map(signing).collect())
    }

    /// Whether whole records may be sent to this origin; `None` where the client is not to be called there.
    pub async fn origin(&self, tenant: &str, client: &str, origin: &str) -> Result<Option<bool>> {
        const TEXT: &str = "SELECT full_resource FROM client_origin WHERE tenant = $1 AND client = $2 AND origin = $3";
        let args = vec![tenant.into(), client.into(), origin.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.first().map(|row| row.int(0) != 0))
    }

    /// The origins of a client, and whether whole records may be sent there.
    pub async fn origins(&self, tenant: &str, client: &str) -> Result<Vec<(Arc<str>, bool)>> {
        const TEXT: &str = "SELECT origin, full_resource FROM client_origin WHERE tenant = $1 AND client = $2 ORDER BY origin";
        let rows = self
            .read(Sql::new(TEXT, vec![tenant.into(), client.into()]))
            .await?;
        Ok(rows
            .iter()
            .map(|row| (row.text(0), row.int(1) != 0))
            .collect())
    }
}

fn signing(row: &Row) -> SigningKey {
    SigningKey {
        client: row.text(0),
        kid: row.text(1),
        public: row.text(2),
        ring: row.text(3),
        sealed: row.text(4),
        created_at: row.int(5),
        retires_at: row.int(6),
    }
}
