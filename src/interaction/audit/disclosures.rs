//! The accounting of disclosures: what of a patient's data went to other organizations than the one that keeps the
//! record (45 CFR 164.528; domain reference: "report per patient").

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::note;
use crate::access::{Access, Interaction, Role};
use crate::app::App;
use crate::audit::event::{Kind, Row};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::resource::{Key, instant};
use crate::fhir::search::After;
use crate::interaction::paging::Pages;
use crate::interaction::practice::open::organization;
use crate::kap::Id;
use crate::kap::base::Day;
use crate::store::audit::query::Disclosed;

/// What of the report is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// From this day on (UTC).
    pub since: Option<Day>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// One disclosure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disclosure {
    pub at: String,
    /// Id of the AuditEvent that says more.
    pub audit_event_id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `read`, `search` or `document`.
    pub kind: &'static str,
    /// What was shown: `Type/id`; of a search, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// HL7 v3 ActReason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// A page of the report, oldest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub patient_id: String,
    pub items: Vec<Disclosure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The report for a therapist or the privacy officer of the practice that keeps the patient's record.
///
/// # Errors
/// `Forbidden` for other roles; `NotFound` where the patient is missing, hidden or another organization's; `Invalid` for a
/// limit or a cursor that is none, `Gone` for a cursor whose time is over.
pub async fn report(app: &App, access: &Access, patient: &Id, ask: &Ask) -> Result<Report> {
    access.allow(Interaction::Read, "Patient")?;
    let caller = access.caller().ok_or_else(Error::not_found)?;
    if !matches!(caller.role, Role::PracticeTherapist | Role::PrivacyOfficer) {
        let text = format!("The role {} may not read this report.", caller.role);
        return Err(Error::new(ErrorKind::Forbidden, text).code("not-permitted"));
    }
    let row = app.store.view(access);
    let row = row.read(&Key::new("Patient", patient.clone())).await?;
    if row.owner != caller.organization {
        return Err(Error::not_found());
    }
    let limit = ask.limit.unwrap_or(200);
    if !(1..=1000).contains(&limit) {
        return Err(Error::new(ErrorKind::Invalid, "The limit is 1 to 1000.").at("limit"));
    }
    let event = access
        .event(Kind::Read)
        .target("Patient", patient.as_str(), None);
    note(
        access,
        event.patient(Some(patient.as_str())).detail("disclosures"),
    );
    let disclosed = Disclosed {
        patient,
        owner: &row.owner,
        since: ask.since.map_or(0, midnight),
    };
    let pages = Pages::of(app, access, format!("disclosures {disclosed:?}"));
    let after = pages.after(ask.cursor.as_deref())?;
    let (items, last) = page(app, access, &disclosed, (limit, after.as_ref())).await?;
    Ok(Report {
        patient_id: patient.to_string(),
        items,
        next: pages.cursor(last.as_ref())?,
    })
}

/// A page of the report for the operator, who asks for all of it: what comes after `after`, and where it ended.
///
/// # Errors
/// `NotFound` where there is no such patient.
pub async fn for_operator(
    app: &App,
    patient: &Id,
    since: Option<Day>,
    after: Option<&After>,
) -> Result<(Vec<Disclosure>, Option<After>)> {
    let now = app.clock.millis();
    let access = Access::system(app.tenant.clone(), "disclosures for the operator", now);
    let key = Key::new("Patient", patient.clone());
    let row = app.store.view(&access).lookup(&key).await?;
    let row = row.ok_or_else(Error::not_found)?;
    let event = access
        .event(Kind::Read)
        .target("Patient", patient.as_str(), None);
    super::append(app, vec![event.patient(Some(patient.as_str()))]).await?;
    let disclosed = Disclosed {
        patient,
        owner: &row.owner,
        since: since.map_or(0, midnight),
    };
    page(app, &access, &disclosed, (1000, after)).await
}

async fn page(
    app: &App,
    access: &Access,
    disclosed: &Disclosed<'_>,
    (limit, after): (u32, Option<&After>),
) -> Result<(Vec<Disclosure>, Option<After>)> {
    let found = app
        .store
        .audit_disclosed(access.tenant(), disclosed, limit, after)
        .await?;
    let mut names = HashMap::new();
    let mut items = Vec::with_capacity(found.rows.len());
    for row in &found.rows {
        let id = row.event.who.organization.as_deref().unwrap_or_default();
        if !names.contains_key(id) {
            let known = match Id::new(id) {
                Some(id) => organization(app, access, &id).await?,
                None => None,
            };
            names.insert(id.to_owned(), known.map(|o| o.name));
        }
        items.push(told(row, names.get(id).cloned().flatten()));
    }
    Ok((items, found.next))
}

/// The beginning of a day in UTC, milliseconds since 1970.
fn midnight(day: Day) -> i64 {
    day.0.midnight().assume_utc().unix_timestamp() * 1000
}

fn told(row: &Row, organization_name: Option<String>) -> Disclosure {
    let event = &row.event;
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000_000);
    let target = event.target.as_ref();
    Disclosure {
        at: at.map(instant).unwrap_or_default(),
        audit_event_id: row.id.to_string(),
        organization_id: text(&event.who.organization).unwrap_or_default(),
        organization_name,
        client_id: text(&event.who.client).unwrap_or_default(),
        role: text(&event.who.role),
        kind: match event.kind {
            Kind::Search => "search",
            Kind::Disclose => "document",
            Kind::Notify => "notification",
            _ => "read",
        },
        what: target.and_then(|t| Some(format!("{}/{}", t.kind, t.id.as_deref()?))),
        purpose: text(&event.who.purpose),
    }
}
