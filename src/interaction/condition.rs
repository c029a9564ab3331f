//! Conditional create: <https://hl7.org/fhir/R4/http.html#ccreate>.

use super::criteria::{parse, placeless};
use super::write::Incoming;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Stored;
use crate::fhir::search::{Handling, SearchQuery, Total, pairs};
use crate::store::sql::Step;

/// So often a write whose condition came true meanwhile is begun anew.
pub const TRIES: usize = 5;

/// The criteria of a conditional create, and the one resource that meets them
/// (<https://hl7.org/fhir/R4/http.html#ccreate>).
///
/// # Errors
/// `PreconditionFailed` where there are no criteria or several resources meet them.
pub async fn existing(
    app: &App,
    access: &Access,
    kind: &str,
    criteria: &str,
) -> Result<(SearchQuery, Option<Stored>)> {
    single(app, access, (kind, criteria), "create").await
}

/// As [`existing`], for a resource that is to be changed.
///
/// # Errors
/// As [`existing`].
pub async fn one(
    app: &App,
    access: &Access,
    kind: &str,
    criteria: &str,
) -> Result<(SearchQuery, Option<Stored>)> {
    single(app, access, (kind, criteria), "change").await
}

async fn single(
    app: &App,
    access: &Access,
    (kind, criteria): (&str, &str),
    what: &str,
) -> Result<(SearchQuery, Option<Stored>)> {
    let (query, mut matches) = matching(app, access, kind, criteria).await?;
    if query.asks_nothing() {
        let text = format!("A conditional {what} needs a criterion.");
        return Err(Error::new(Kind::PreconditionFailed, text));
    }
    if matches.len() > 1 {
        let text = format!("More than one resource meets the criteria of the conditional {what}.");
        return Err(Error::new(Kind::PreconditionFailed, text).issue_code("multiple-matches"));
    }
    Ok((query, matches.pop()))
}

/// The criteria as a search, and what of `kind` meets them: two resources at most, which is one too many.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` for criteria that cannot be read.
pub async fn matching(
    app: &App,
    access: &Access,
    kind: &str,
    criteria: &str,
) -> Result<(SearchQuery, Vec<Stored>)> {
    access.allow(Interaction::Search, kind)?;
    let parameters = pairs(criteria.trim_start_matches('?'))?;
    let read = parse(access, kind, &parameters, Handling::Strict);
    let (query, _) = read.map_err(placeless)?;
    let mut query = query.relative_to(&app.fhir_base());
    // How many to show, and what beside them, is no question here.
    query.page.count = 2;
    (query.page.cursor, query.page.total) = (None, Total::None);
    query.include.clear();
    let matches = app.store.view(access).search(&query).await?.matches;
    Ok((query, matches))
}

/// Whether something meets one of the criteria by now: the write, whatever it was refused for, is to be begun anew.
///
/// # Errors
/// Those of the store.
pub async fn any_met<'q>(
    app: &App,
    access: &Access,
    queries: impl IntoIterator<Item = &'q SearchQuery>,
) -> Result<bool> {
    for query in queries {
        if !app
            .store
            .view(access)
            .search(query)
            .await?
            .matches
            .is_empty()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The steps that let a write fail where one of its criteria is met by then. All writers take their locks in one order.
#[must_use]
pub fn steps(app: &App, access: &Access, incoming: &[Incoming]) -> Vec<Step> {
    let mut queries: Vec<&SearchQuery> =
        incoming.iter().filter_map(|i| i.unless.as_ref()).collect();
    queries.sort_by_key(|query| query.identity());
    let (view, at) = (app.store.view(access), app.clock.millis());
    queries
        .iter()
        .flat_map(|query| view.unless(query, at))
        .collect()
}
