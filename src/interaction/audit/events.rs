//! AuditEvents, read and searched: to a privacy officer those of the own organization's patients and clients, to a
//! partner those of its own clients. FHIR R4 <https://hl7.org/fhir/R4/auditevent.html>, BALP ITI-81.

use std::sync::Arc;

use super::note;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::balp;
use crate::audit::event::{Kind, Row};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{Handling, Total};
use crate::fhir::shape::Summary;
use crate::interaction::criteria::parse;
use crate::interaction::paging::Pages;
use crate::interaction::search::tell_ignored;
use crate::kap::Id;

/// The type of what is shown here.
pub const TYPE: &str = "AuditEvent";

/// One AuditEvent.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where it is missing or not the caller's to see.
pub async fn read(app: &App, access: &Access, id: &Id) -> Result<Stored> {
    access.allow(Interaction::Read, TYPE)?;
    let row = app.store.audit_row(access, id).await?;
    let row = row.ok_or_else(Error::not_found)?;
    let event = access.event(Kind::Read).target(TYPE, id.as_str(), Some(1));
    note(access, event.patient(row.event.patient.as_deref()));
    stored(app, &row)
}

/// The searchset for `parameters`, newest first. Names a patient, a date or an id, so that nobody asks for everything.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` where a parameter is wrong or none of them is there; `Gone` for a cursor whose
/// time is over.
pub async fn search(
    app: &App,
    access: &Access,
    parameters: &[(String, String)],
    handling: Handling,
) -> Result<String> {
    access.allow(Interaction::Search, TYPE)?;
    let (query, ignored) = parse(access, TYPE, parameters, handling)?;
    let mut query = query.relative_to(&app.fhir_base());
    if query.shape.summary() == Some(Summary::Count) {
        let text = "AuditEvents are not counted.";
        return Err(Error::new(ErrorKind::Invalid, text).issue_code("value"));
    }
    // Events are neither counted nor accompanied.
    query.page.total = Total::None;
    query.include.clear();
    let bounds = ["patient", "date", "_id", "_lastUpdated", "entity"];
    if !query
        .filters
        .iter()
        .any(|filter| bounds.contains(&filter.parameter.name))
    {
        let text = "A search of AuditEvents names a patient, an entity, a date or an _id.";
        return Err(Error::new(ErrorKind::Invalid, text).issue_code("required"));
    }
    let pages = Pages::of_search(app, access, &mut query)?;
    let found = app.store.audit_search(access, &query).await?;
    noted(access, &found.rows);
    let base = app.fhir_base();
    let url = format!("{base}/{TYPE}");
    let mut links = vec![("self", format!("{url}?{}", query.print()))];
    let next = pages.next(&query, found.next.as_ref())?;
    links.extend(next.map(|next| ("next", format!("{url}?{next}"))));
    let mut set = Searchset::new(&base, None, &links);
    for row in &found.rows {
        set.push(&query.shape.told(stored(app, row)?, true)?, Mode::Match);
    }
    tell_ignored(&mut set, &ignored);
    Ok(set.finish())
}

/// Who looks into the audit is told by the audit: one event for each patient that the events are about.
fn noted(access: &Access, rows: &[Row]) {
    let ids = rows
        .iter()
        .filter_map(|row| Id::new(row.event.patient.as_deref()?));
    let ids: Vec<Id> = ids.collect();
    super::listed(access, ids.iter());
}

/// The row as a resource.
fn stored(app: &App, row: &Row) -> Result<Stored> {
    let id = Id::new(&*row.id).ok_or_else(|| Error::internal("an event without an id"))?;
    let owner = row.event.who.organization.as_deref().and_then(Id::new);
    let body: Arc<str> = balp::audit_event(row, &app.base).to_string().into();
    Ok(Stored {
        key: Key::new(TYPE, id),
        version: 1,
        at: row.at,
        patient: row.event.patient.as_deref().and_then(Id::new),
        episode: None,
        author: owner.clone().unwrap_or_default(),
        owner: owner.unwrap_or_default(),
        labels: 0,
        lowered: 0,
        body: Some(body),
        redacted: None,
    })
}
