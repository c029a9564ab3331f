//! Clients, used assertions and tokens in the database. Times are milliseconds since 1970.

use std::sync::Arc;

use super::Store;
use super::sql::{Row, Sql, Step};
use crate::error::Result;

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientRow {
    pub(crate) id: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) organization: Arc<str>,
    pub(crate) role: Arc<str>,
    pub(crate) scopes: Arc<str>,
    pub(crate) purpose: Arc<str>,
    pub(crate) jwks: Option<Arc<str>>,
    pub(crate) jwks_url: Option<Arc<str>>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) disabled_at: Option<i64>,
    /// Whether its keys may be another client's too.
    pub(crate) shared_key: bool,
}

/// A token as it is kept: not the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenRow {
    pub(crate) tid: Arc<str>,
    pub(crate) secret_hash: Arc<str>,
    pub(crate) client: Arc<str>,
    pub(crate) organization: Arc<str>,
    pub(crate) role: Arc<str>,
    pub(crate) scopes: Arc<str>,
    pub(crate) purpose: Arc<str>,
    pub(crate) issued_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) revoked_at: Option<i64>,
}

impl Store {
    /// The client with this id.
    pub(crate) async fn client(&self, tenant: &str, id: &str) -> Result<Option<ClientRow>> {
        let text = "SELECT id, name, organization, role, scopes, purpose, jwks, jwks_url, \
                    created_at, updated_at, disabled_at, shared_key FROM client WHERE tenant = $1 AND id = $2";
        let rows = self
            .read(Sql::new(text, vec![tenant.into(), id.into()]))
            .await?;
        Ok(rows.first().map(client_row))
    }

    /// Every client, by id.
    pub(crate) async fn clients(&self, tenant: &str) -> Result<Vec<ClientRow>> {
        let text = "SELECT id, name, organization, role, scopes, purpose, jwks, jwks_url, \
                    created_at, updated_at, disabled_at, shared_key FROM client WHERE tenant = $1 ORDER BY id";
        let rows = self.read(Sql::new(text, vec![tenant.into()])).await?;
        Ok(rows.iter().map(client_row).collect())
    }

    /// Whose key this is.
    pub(crate) async fn key_owner(
        &self,
        tenant: &str,
        thumbprint: &str,
    ) -> Result<Option<Arc<str>>> {
        let text = "SELECT client FROM client_key WHERE tenant = $1 AND thumbprint = $2";
        let args = vec![tenant.into(), thumbprint.into()];
        let rows = self.read(Sql::new(text, args)).await?;
        Ok(rows.first().map(|row| row.text(0)))
    }

    /// The token with this loggable id.
    pub(crate) async fn token(&self, tenant: &str, tid: &str) -> Result<Option<TokenRow>> {
        let text = "SELECT tid, secret_hash, client, organization, role, scopes, purpose, \
                    issued_at, expires_at, revoked_at FROM access_token WHERE tenant = $1 AND tid = $2";
        let rows = self
            .read_row(Sql::new(text, vec![tenant.into(), tid.into()]))
            .await?;
        Ok(rows.first().map(token_row))
    }
}

fn client_row(row: &Row) -> ClientRow {
    ClientRow {
        id: row.text(0),
        name: row.text(1),
        organization: row.text(2),
        role: row.text(3),
        scopes: row.text(4),
        purpose: row.text(5),
        jwks: row.opt_text(6),
        jwks_url: row.opt_text(7),
        created_at: row.int(8),
        updated_at: row.int(9),
        disabled_at: row.opt_int(10),
        shared_key: row.int(11) != 0,
    }
}

fn token_row(row: &Row) -> TokenRow {
    TokenRow {
        tid: row.text(0),
        secret_hash: row.text(1),
        client: row.text(2),
        organization: row.text(3),
        role: row.text(4),
        scopes: row.text(5),
        purpose: row.text(6),
        issued_at: row.int(7),
        expires_at: row.int(8),
        revoked_at: row.opt_int(9),
    }
}

/// Adds a client; the guard `client id` says that the id is taken.
pub(crate) fn add_client(tenant: &str, row: &ClientRow) -> Step {
    let args = vec![
        tenant.into(),
        row.id.clone().into(),
        row.name.clone().into(),
        row.organization.clone().into(),
        row.role.clone().into(),
        row.scopes.clone().into(),
        row.purpose.clone().into(),
        row.jwks.clone().into(),
        row.jwks_url.clone().into(),
        row.created_at.into(),
        row.updated_at.into(),
        i64::from(row.shared_key).into(),
    ];
    let text = "INSERT INTO client (tenant, id, name, organization, role, scopes, purpose, jwks, jwks_url, \
                created_at, updated_at, shared_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                ON CONFLICT DO NOTHING";
    Step::one("client id", text, args)
}

/// Gives a client its keys anew; the guard `client` says that there is none with this id.
pub(crate) fn set_keys(
    tenant: &str,
    id: &str,
    (jwks, jwks_url): (Option<Arc<str>>, Option<Arc<str>>),
    now: i64,
) -> Vec<Step> {
    let set =
        "UPDATE client SET jwks = $3, jwks_url = $4, updated_at = $5 WHERE tenant = $1 AND id = $2";
    let args = vec![
        tenant.into(),
        id.into(),
        jwks.into(),
        jwks_url.into(),
        now.into(),
    ];
    let forget = "DELETE FROM client_key WHERE tenant = $1 AND client = $2";
    vec![
        Step::one("client", set, args),
        Step::any(forget, vec![tenant.into(), id.into()]),
    ]
}

/// Says whose key this is; the guard `client key` says that it is another's already.
pub(crate) fn add_key(tenant: &str, client: &str, thumbprint: &str) -> Step {
    let text = "INSERT INTO client_key (tenant, thumbprint, client) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Step::one(
        "client key",
        text,
        vec![tenant.into(), thumbprint.into(), client.into()],
    )
}

/// As [`add_key`], but good too where it is this client's already.
pub(crate) fn claim_key(tenant: &str, client: &str, thumbprint: &str) -> Step {
    let text = "INSERT INTO client_key (tenant, thumbprint, client) VALUES ($1, $2, $3) \
                ON CONFLICT (tenant, thumbprint) DO UPDATE SET client = excluded.client \
                WHERE client_key.client = excluded.client";
    let args = vec![tenant.into(), thumbprint.into(), client.into()];
    Step::one("client key", text, args)
}

/// Disables (`at` is given) or enables a client; the guard `client` says that there is none with this id.
pub(crate) fn set_disabled(tenant: &str, id: &str, at: Option<i64>, now: i64) -> Step {
    let text = "UPDATE client SET disabled_at = $3, updated_at = $4 WHERE tenant = $1 AND id = $2";
    Step::one(
        "client",
        text,
        vec![tenant.into(), id.into(), at.into(), now.into()],
    )
}

/// Revokes every token of a client.
pub(crate) fn revoke_tokens_of(tenant: &str, client: &str, now: i64) -> Step {
    let text = "UPDATE access_token SET revoked_at = $3 WHERE tenant = $1 AND client = $2 AND revoked_at IS NULL";
    Step::any(text, vec![tenant.into(), client.into(), now.into()])
}

/// Revokes one token, if it is this client's.
pub(crate) fn revoke_token(tenant: &str, client: &str, tid: &str, now: i64) -> Step {
    let text = "UPDATE access_token SET revoked_at = $4 \
                WHERE tenant = $1 AND client = $2 AND tid = $3 AND revoked_at IS NULL";
    Step::any(
        text,
        vec![tenant.into(), client.into(), tid.into(), now.into()],
    )
}

/// Marks an assertion as used; the guard `jti` says that it was used before.
pub(crate) fn use_jti(tenant: &str, client: &str, jti_hash: &str, expires_at: i64) -> Step {
    let text = "INSERT INTO client_jti (tenant, client, jti_hash, expires_at) VALUES ($1, $2, $3, $4) \
                ON CONFLICT DO NOTHING";
    Step::one(
        "jti",
        text,
        vec![
            tenant.into(),
            client.into(),
            jti_hash.into(),
            expires_at.into(),
        ],
    )
}

/// Adds a token; the guard `client` says that the client was disabled or changed its keys in the meantime
/// (`updated_at` is that of the client that was checked).
pub(crate) fn add_token(tenant: &str, token: &TokenRow, updated_at: i64) -> Step {
    let args = vec![
        tenant.into(),
        token.tid.clone().into(),
        token.secret_hash.clone().into(),
        token.client.clone().into(),
        token.organization.clone().into(),
        token.role.clone().into(),
        token.scopes.clone().into(),
        token.purpose.clone().into(),
        token.issued_at.into(),
        token.expires_at.into(),
        updated_at.into(),
    ];
    let text = "INSERT INTO access_token (tenant, tid, secret_hash, client, organization, role, scopes, purpose, \
                issued_at, expires_at) \
                SELECT tenant, CAST($2 AS TEXT), CAST($3 AS TEXT), id, CAST($5 AS TEXT), CAST($6 AS TEXT), \
                CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BIGINT), CAST($10 AS BIGINT) FROM client \
                WHERE tenant = $1 AND id = $4 AND updated_at = $11 AND disabled_at IS NULL";
    Step::one("client", text, args)
}

/// How long a used assertion and a dead token are remembered after their end, milliseconds.
const KEEP: i64 = 120_000;

/// Deletes up to a thousand used assertions and a thousand tokens that have ended. To be written at times by a worker.
pub(crate) fn purge(tenant: &str, now: i64) -> Vec<Step> {
    let jtis = "DELETE FROM client_jti WHERE tenant = $1 AND (client, jti_hash) IN \
                (SELECT client, jti_hash FROM client_jti WHERE tenant = $1 AND expires_at < $2 LIMIT 1000)";
    let tokens = "DELETE FROM access_token WHERE tenant = $1 AND tid IN \
                  (SELECT tid FROM access_token WHERE tenant = $1 AND expires_at < $2 LIMIT 1000)";
    let args = || vec![tenant.into(), (now - KEEP).into()];
    vec![Step::any(jtis, args()), Step::any(tokens, args())]
}
