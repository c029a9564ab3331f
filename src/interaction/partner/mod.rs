//! A partner's system with which episodes are kept in agreement: what is sent there and what is fetched there.
//!
//! The exchange acts as a client of the partner that is registered here: what is sent is what that client may see, under the
//! consents of the moment, and what is fetched is written as that client, under the rules of everybody. The calls
//! themselves are made in `delivery::partner`.

pub mod keys;
pub mod packet;
pub mod query;
pub mod receive;

use crate::access::Access;
use crate::app::App;
use crate::audit::event::{Event as Act, Kind as Done};
use crate::error::{Error, Kind, Result};
use crate::interaction::behalf::{self, Behalf};
use crate::mapping::exchange::{Flow, fetched};
use crate::store::audit;
use crate::store::partner::{self as rows, Partner, Standing};
use crate::store::sql::Step;

/// The shortest pause between two fetches, seconds.
pub const SOONEST: i64 = 5;

/// A partner's system as the operator describes it.
#[derive(Clone, Debug)]
pub struct New {
    pub id: String,
    /// The client here as which it is exchanged.
    pub client: String,
    /// Base URL of its FHIR API.
    pub base: String,
    /// The id of this service there; empty where nobody logs in.
    pub client_there: String,
    /// Where tokens are asked for; empty where its server says it, for a place on its own host.
    pub token_url: String,
    pub scopes: String,
    pub sends: Vec<Flow>,
    pub receives: Vec<Flow>,
    /// Seconds between two fetches.
    pub every: i64,
}

/// Adds a partner's system, with a key to log in with.
///
/// # Errors
/// `Invalid` with what is wrong with `new`; `Unavailable` where the service has no key to seal the new one with.
pub async fn add(app: &App, new: New) -> Result<Partner> {
    let bad = |text: &str| Error::new(Kind::Invalid, text);
    let named = !new.id.is_empty() && new.id.len() <= 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !named || !new.id.chars().all(plain) {
        return Err(bad(
            "The id is of 1 to 64 letters, digits, '-', '_' and '.'.",
        ));
    }
    let base = new.base.trim_end_matches('/');
    let url = app.sends.judge(base).map_err(bad)?;
    if url.query().is_some() {
        return Err(bad("The base URL has no query."));
    }
    if !new.token_url.is_empty() {
        app.sends.judge(&new.token_url).map_err(bad)?;
    }
    let client = app.store.client(&app.tenant, &new.client).await?;
    let client = client.ok_or_else(|| bad("There is no client of this id here."))?;
    if client.disabled_at.is_some() {
        return Err(bad("The client is disabled."));
    }
    if new.sends.is_empty() && new.receives.is_empty() {
        return Err(bad("Say what is sent there, or what is fetched there."));
    }
    if let Some(flow) = new.receives.iter().find(|f| fetched(**f).is_empty()) {
        return Err(bad(&format!("{flow} is sent, never fetched.")));
    }
    if !(SOONEST..=86_400).contains(&new.every) {
        return Err(bad("It is fetched every 5 to 86,400 seconds."));
    }
    let words = |flows: &[Flow]| flows.iter().map(|f| f.code()).collect::<Vec<_>>().join(" ");
    let now = app.clock.millis();
    let partner = Partner {
        id: new.id.as_str().into(),
        client: client.id.clone(),
        base: base.into(),
        client_there: new.client_there.as_str().into(),
        token_url: new.token_url.as_str().into(),
        scopes: new.scopes.as_str().into(),
        sends: words(&new.sends).into(),
        receives: words(&new.receives).into(),
        every: new.every * 1000,
        disabled: false,
        created_at: now,
        since: "".into(),
        standing: Standing {
            due_at: now,
            ..Standing::default()
        },
    };
    let mut steps = vec![rows::add(&app.tenant, &partner)];
    steps.extend(keys::first(app, &partner.id)?);
    match tell(app, &partner.id, "add", steps).await? {
        Ok(()) => Ok(partner),
        Err(_) => Err(bad("There is a partner of this id already.")),
    }
}

/// Lets a partner's system be spoken with, or not.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn set_disabled(app: &App, id: &str, disabled: bool) -> Result<()> {
    let what = if disabled { "disable" } else { "enable" };
    let step = rows::change(&app.tenant, id, disabled);
    let done = tell(app, id, what, vec![step]).await?;
    done.map_err(|_| Error::not_found())
}

/// Says where a partner's server gives tokens; empty where it says so itself, for a place on its own host.
///
/// # Errors
/// `Invalid` where that may not be called; `NotFound` where there is no such partner.
pub async fn set_token_url(app: &App, id: &str, url: &str) -> Result<()> {
    if !url.is_empty() {
        let bad = |text: &str| Error::new(Kind::Invalid, text);
        app.sends.judge(url).map_err(bad)?;
    }
    let step = rows::tokens(&app.tenant, id, url);
    let done = tell(app, id, "token-url", vec![step]).await?;
    done.map_err(|_| Error::not_found())
}

/// Makes everything that is to be sent and fetched due at once.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn hurry(app: &App, id: &str) -> Result<()> {
    let steps = rows::hurry(&app.tenant, id, app.clock.millis());
    let done = tell(app, id, "hurry", steps).await?;
    done.map_err(|_| Error::not_found())
}

async fn tell(
    app: &App,
    id: &str,
    what: &'static str,
    mut steps: Vec<Step>,
) -> Result<std::result::Result<(), crate::store::sql::Conflict>> {
    let event = Act::new(Done::Partner).target("partner", id, None);
    let rows = vec![app.recorder.row(event.detail(what))];
    steps.extend(audit::steps(&app.tenant, rows));
    app.store.write("partner", steps).await
}

/// The flows that these words name.
#[must_use]
pub fn flows(words: &str) -> Vec<Flow> {
    words
        .split_whitespace()
        .filter_map(Flow::from_code)
        .collect()
}

/// What the partner may see and write now: what its client may. `None` where that is disabled.
///
/// # Errors
/// Those of the store.
pub async fn access(app: &App, partner: &Partner) -> Result<Option<Access>> {
    let of = Behalf {
        client: &partner.client,
        scopes: None,
        purpose: None,
        token: format!("partner {}", partner.id),
    };
    behalf::access(app, of).await
}
