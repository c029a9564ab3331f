//! How the exchange with partners stands, for the practice and for the operator: without a word of a record.

use serde::Serialize;

use super::flows;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Result};
use crate::fhir::resource::{Key, moment};
use crate::interaction::audit::note;
use crate::kap::Id;
use crate::store::partner::review::{self, Review};
use crate::store::partner::work::Work;
use crate::store::partner::{Partner, Standing};

/// Rows of a list at most.
const COUNT: usize = 200;
/// Rows that are read at once.
const MOST: i64 = 200;

/// How the exchange with a partner stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub id: String,
    pub base: String,
    /// `ok`, `failing`, `disabled`.
    pub status: &'static str,
    pub sends: Vec<&'static str>,
    pub receives: Vec<&'static str>,
    pub every_seconds: i64,
    pub sending: Sending,
    pub fetching: Doing,
    /// Records that were fetched and do not fit.
    pub reviews: i64,
}

/// How sending stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sending {
    /// Episodes of which everything was sent, as they stand now.
    pub episodes: i64,
    /// Episodes that changed since, or are new, and are to be sent.
    pub waiting: i64,
    /// When the first of them changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// Episodes that cannot be sent.
    pub failing: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
}

/// How some work stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Doing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// Attempts since the last success.
    pub attempts: i64,
    /// A code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How sending an episode stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Episode {
    pub episode: String,
    /// Its version.
    pub version: i64,
    /// The version up to which everything was sent.
    pub sent: i64,
    #[serde(flatten)]
    pub doing: Doing,
}

/// A record of theirs that does not fit.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What it is there: `Type/id`.
    pub reference: String,
    pub patient: String,
    pub since: String,
    pub reason: String,
    /// Whether the partner was told.
    pub answered: bool,
}

fn doing(s: &Standing) -> Doing {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Doing {
        last_success_at: moment(s.ok_at),
        failing_since: moment(s.failing_since),
        next_at: moment(s.due_at),
        attempts: s.attempt,
        reason: text(&s.reason),
        detail: text(&s.said),
    }
}

/// How the exchange with each partner stands.
///
/// # Errors
/// Those of the store.
pub async fn states(app: &App) -> Result<Vec<State>> {
    let mut out = vec![];
    for partner in app.store.partners(&app.tenant).await? {
        out.push(state(app, &partner).await?);
    }
    Ok(out)
}

async fn state(app: &App, p: &Partner) -> Result<State> {
    let (store, tenant) = (&app.store, &app.tenant);
    let client = store.client(tenant, &p.client).await?;
    let organization = client.filter(|_| !p.sends.is_empty());
    let organization = organization.map_or_else(String::new, |row| row.organization.to_string());
    let at = (&*organization, app.clock.millis());
    let counted = store.episodes_counted(tenant, &p.id, at).await?;
    let reviews = store.reviews_counted(tenant, &p.id).await?;
    let fails = counted.failing > 0 || p.standing.failing_since > 0;
    Ok(State {
        id: p.id.to_string(),
        base: p.base.to_string(),
        status: match (p.disabled, fails) {
            (true, _) => "disabled",
            (_, true) => "failing",
            _ => "ok",
        },
        sends: flows(&p.sends).iter().map(|f| f.code()).collect(),
        receives: flows(&p.receives).iter().map(|f| f.code()).collect(),
        every_seconds: p.every / 1000,
        sending: Sending {
            episodes: counted.whole,
            waiting: counted.waiting,
            waiting_since: moment(counted.waiting_since),
            failing: counted.failing,
            failing_since: moment(counted.failing_since),
        },
        fetching: doing(&p.standing),
        reviews,
    })
}

/// The partner of this id.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn named(app: &App, id: &str) -> Result<Partner> {
    let found = app.store.partner(&app.tenant, id).await?;
    found.ok_or_else(Error::not_found)
}

/// How sending stands of the first 200 episodes; those that fail come first.
///
/// # Errors
/// `NotFound` where there is no such partner.
pub async fn episodes(app: &App, id: &str) -> Result<Vec<Episode>> {
    let partner = named(app, id).await?;
    episodes_from(app, &partner, 0).await
}

async fn episodes_from(app: &App, partner: &Partner, from: i64) -> Result<Vec<Episode>> {
    let (store, tenant) = (&app.store, &app.tenant);
    let all = store
        .episodes_sent(tenant, &partner.id, (from, MOST))
        .await?;
    let one = |work: &Work| Episode {
        episode: work.episode.to_string(),
        version: work.version,
        sent: work.sent,
        doing: doing(&work.standing),
    };
    Ok(all.iter().map(one).collect())
}

/// The first 200 records that wait for review, the oldest first.
///
/// # Errors
/// `NotFound` where there is no such partner.
pub async fn reviews(app: &App, id: &str) -> Result<Vec<Waiting>> {
    let partner = named(app, id).await?;
    reviews_from(app, &partner, 0).await
}

async fn reviews_from(app: &App, partner: &Partner, from: i64) -> Result<Vec<Waiting>> {
    let (store, tenant) = (&app.store, &app.tenant);
    let all = store.reviews(tenant, &partner.id, (from, MOST)).await?;
    let one = |review: &Review| Waiting {
        reference: format!("{}/{}", review.kind, review.there),
        patient: review.patient.to_string(),
        since: moment(review.at).unwrap_or_default(),
        reason: review.reason.to_string(),
        answered: review.answered,
    };
    Ok(all.iter().map(one).collect())
}

/// Somebody has seen to what waited: it waits no more.
///
/// # Errors
/// `NotFound` where nothing of this name waits.
pub async fn settle(app: &App, id: &str, of: (&str, &str)) -> Result<()> {
    let partner = named(app, id).await?;
    let step = review::settle(&app.tenant, &partner.id, of, app.clock.millis());
    let done = super::tell(app, &partner.id, "settle review", vec![step]).await?;
    done.map_err(|_| Error::not_found())
}

/// Whether the caller may ask how the exchange stands: people of a practice who see its referrals.
///
/// # Errors
/// `Forbidden` by role or scope.
pub fn may_ask(access: &Access) -> Result<()> {
    access.allow(Interaction::Search, "Task")?;
    let practice = access.caller().is_some_and(|c| c.role.is_of_practice());
    if practice {
        return Ok(());
    }
    let text = "The exchange with partners is the practice's to look at.";
    Err(Error::new(crate::error::Kind::Forbidden, text).code("not-permitted"))
}

/// As [`states`], for a caller.
///
/// # Errors
/// `Forbidden` by role or scope.
pub async fn asked(app: &App, access: &Access) -> Result<Vec<State>> {
    may_ask(access)?;
    told(access, "partners");
    states(app).await
}

/// As [`episodes`], for a caller: of those that it sees.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where there is no such partner.
pub async fn asked_episodes(app: &App, access: &Access, id: &str) -> Result<Vec<Episode>> {
    may_ask(access)?;
    let (partner, view) = (named(app, id).await?, app.store.view(access));
    let (mut out, mut from) = (vec![], 0);
    while let Some(to) = more(out.len(), from) {
        let all = episodes_from(app, &partner, from).await?;
        from = if all.is_empty() { i64::MAX } else { to };
        for one in all {
            let episode = Id::new(&*one.episode);
            if let Some(episode) = episode
                && view.takes_part(&episode).await?
            {
                out.push(one);
            }
        }
    }
    out.truncate(COUNT);
    told(access, "episodes of a partner");
    Ok(out)
}

/// As [`reviews`], for a caller: of those about patients whom it sees.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where there is no such partner.
pub async fn asked_reviews(app: &App, access: &Access, id: &str) -> Result<Vec<Waiting>> {
    may_ask(access)?;
    let (partner, view) = (named(app, id).await?, app.store.view(access));
    let (mut out, mut from) = (vec![], 0);
    while let Some(to) = more(out.len(), from) {
        let all = reviews_from(app, &partner, from).await?;
        from = if all.is_empty() { i64::MAX } else { to };
        for one in all {
            let patient = Id::new(&*one.patient).map(|id| Key::new("Patient", id));
            if let Some(patient) = patient
                && view.lookup(&patient).await?.is_some()
            {
                out.push(one);
            }
        }
    }
    out.truncate(COUNT);
    told(access, "reviews of a partner");
    Ok(out)
}

/// Where the rows begin that are read after those from `from` on, while there are fewer than are told and rows are left.
fn more(seen: usize, from: i64) -> Option<i64> {
    (seen < COUNT && from < i64::MAX).then(|| from + MOST)
}

fn told(access: &Access, what: &'static str) {
    note(access, access.event(Act::Operation).detail(what));
}
