//! What a client may see and write while it sends no request: it is told something, or something is fetched for it. It is
//! judged as it is registered at that moment.

use std::sync::Arc;

use crate::access::{Access, Caller, Role, Scopes};
use crate::app::App;
use crate::error::{Error, Result};
use crate::kap::Id;

/// For whom something is done, and what the audit says of it.
#[derive(Debug)]
pub struct Behalf<'a> {
    pub client: &'a str,
    /// No more than these scopes of those that it is registered for; all where none are named.
    pub scopes: Option<&'a str>,
    /// The first that it is registered for where none is named.
    pub purpose: Option<&'a str>,
    /// What stands in the place of a token's id.
    pub token: String,
}

/// What may be seen and written now; `None` where the client is disabled or there is none.
///
/// # Errors
/// `Internal` where the client cannot be read; those of the store.
pub async fn access(app: &App, of: Behalf<'_>) -> Result<Option<Access>> {
    let Some(client) = app.store.client(&app.tenant, of.client).await? else {
        return Ok(None);
    };
    if client.disabled_at.is_some() {
        return Ok(None);
    }
    let broken = || Error::internal("a client on whose behalf something is done cannot be read");
    let parse = |scopes: &str| Scopes::parse(scopes).map_err(|_| broken());
    let registered = parse(&client.scopes)?;
    let scopes = match of.scopes {
        Some(scopes) => parse(scopes)?.granted(&registered),
        None => registered,
    };
    let first: Option<&str> = client.purpose.split(' ').next();
    let purpose: Arc<str> = of.purpose.or(first).unwrap_or_default().into();
    let caller = Caller {
        client: client.id.clone(),
        organization: Id::new(&*client.organization).ok_or_else(broken)?,
        role: Role::from_code(&client.role).ok_or_else(broken)?,
        scopes,
        purpose,
        token: of.token.into(),
    };
    let access = Access::of(app.tenant.clone(), caller, app.clock.millis());
    Ok(Some(access.under(app.disclosure)))
}
