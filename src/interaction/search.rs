//! FHIR R4 search: <https://hl7.org/fhir/R4/search.html>.

use serde_json::json;

use super::audit;
use super::criteria::parse;
use super::paging::Pages;
use super::retelling::retell;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::Result;
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::search::Handling;

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
    let base = app.fhir_base();
    let mut query = query.relative_to(&base);
    let pages = Pages::of_search(app, access, &mut query)?;
    let page = app.store.view(access).search(&query).await?;
    audit::searched(access, page.matches.iter().chain(&page.included));
    let (matches, included) = (
        retell(app, access, page.matches).await?,
        retell(app, access, page.included).await?,
    );
    let url = format!("{base}/{kind}");
    let mut links = vec![("self", format!("{url}?{}", query.print()))];
    let next = pages.next(&query, page.next.as_ref())?;
    links.extend(next.map(|next| ("next", format!("{url}?{next}"))));
    let mut set = Searchset::new(&base, page.total, &links);
    for row in matches {
        set.push(&query.shape.told(row, true)?, Mode::Match);
    }
    for row in included {
        set.push(&query.shape.told(row, false)?, Mode::Include);
    }
    tell_ignored(&mut set, &ignored);
    Ok(set.finish())
}

/// Adds what was not understood and left out.
pub(super) fn tell_ignored(set: &mut Searchset, ignored: &[String]) {
    if ignored.is_empty() {
        return;
    }
    let names = ignored.join(", ");
    set.outcome(&json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": "warning",
            "code": "not-supported",
            "diagnostics": format!("Not supported and therefore ignored: {names}. The self link shows what was used."),
        }],
    }));
}
