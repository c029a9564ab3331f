//! FHIR R4 search: <https://hl7.org/fhir/R4/search.html>.

use serde_json::json;

use super::audit;
use super::criteria::parse;
use super::paging::Pages;
use super::questionnaires;
use super::retelling::retell;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::search::{Handling, SearchQuery};

/// The searchset for `parameters` on resources of type `kind`.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` where a parameter is wrong or, under strict handling, unknown; `Gone` for a
/// cursor whose time is over.
pub async fn search(
    app: &App,
    access: &Access,
    kind: &str,
    parameters: &[(String, String)],
    handling: Handling,
) -> Result<String> {
    if kind == audit::events::TYPE {
        return audit::events::search(app, access, parameters, handling).await;
    }
    access.allow(Interaction::Search, kind)?;
    let (query, ignored) = parse(access, kind, parameters, handling)?;
    if kind == questionnaires::TYPE {
        return questionnaires::search(app, access, query, &ignored);
    }
    let url = format!("{}/{kind}", app.fhir_base());
    answer(app, access, &url, vec![query], &ignored).await
}

/// The searchset for searches that are alike but for their types, at `url`.
///
/// # Errors
/// `Gone` for a cursor whose time is over; those of the store.
pub(super) async fn answer(
    app: &App,
    access: &Access,
    url: &str,
    queries: Vec<SearchQuery>,
    ignored: &[String],
) -> Result<String> {
    let base = app.fhir_base();
    let mut queries: Vec<_> = queries.into_iter().map(|q| q.relative_to(&base)).collect();
    let first = queries.first_mut();
    let first = first.ok_or_else(|| Error::internal("a search of no type"))?;
    let pages = Pages::of_search(app, access, first)?;
    let first = first.clone();
    for query in &mut queries {
        query.page.after.clone_from(&first.page.after);
    }
    let page = app.store.view(access).search_all(&queries).await?;
    audit::searched(access, page.matches.iter().chain(&page.included));
    let (matches, included) = (
        retell(app, access, page.matches).await?,
        retell(app, access, page.included).await?,
    );
    let mut links = vec![("self", format!("{url}?{}", first.print()))];
    let next = pages.next(&first, page.next.as_ref())?;
    links.extend(next.map(|next| ("next", format!("{url}?{next}"))));
    let mut set = Searchset::new(&base, page.total, &links);
    for row in matches {
        set.push(&first.shape.told(row, true)?, Mode::Match);
    }
    for row in included {
        set.push(&first.shape.told(row, false)?, Mode::Include);
    }
    for limit in &page.limits {
        warn(&mut set, "too-costly", limit.text());
    }
    tell_ignored(&mut set, ignored);
    Ok(set.finish())
}

/// Adds what was not understood and left out.
pub(super) fn tell_ignored(set: &mut Searchset, ignored: &[String]) {
    if ignored.is_empty() {
        return;
    }
    let names = ignored.join(", ");
    let text =
        format!("Not supported and therefore ignored: {names}. The self link shows what was used.");
    warn(set, "not-supported", &text);
}

fn warn(set: &mut Searchset, code: &str, text: &str) {
    set.outcome(&json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "warning", "code": code, "diagnostics": text }],
    }));
}
