//! `DocumentReference/$docref`, the documents of a patient: US Core 6.1.0
//! (<http://hl7.org/fhir/us/core/OperationDefinition/docref>).

use serde_json::{Value, json};

use super::audit;
use super::operation::{Asked, invalid};
use super::retelling::retell;
use super::search::tell_ignored;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::interval::Interval;
use crate::fhir::resource::Stored;
use crate::fhir::search::Handling;
use crate::kap::Id;

/// The parameters that the operation has.
pub const PARAMETERS: &[&str] = &["patient", "start", "end", "type", "on-demand", "profile"];
const KIND: &str = "DocumentReference";
/// Documents that are looked at for one answer; a patient has some dozens.
const MOST: u32 = 1000;

/// The searchset of the patient's DocumentReferences that the caller sees and that are of the care of that time, newest
/// first. Nothing is written on demand: what there is, is there.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` where a parameter is wrong or `patient` is missing; `TooLarge` where there are
/// more documents than one answer holds.
pub async fn docref(app: &App, access: &Access, asked: &Asked) -> Result<String> {
    access.allow(Interaction::Search, KIND)?;
    let base = app.fhir_base();
    let patient = asked.one("patient")?.ok_or_else(|| {
        let text = "The operation needs the parameter patient, an id of a Patient.";
        Error::new(Kind::Invalid, text).issue_code("required")
    })?;
    let id = patient.rsplit('/').next().and_then(Id::new);
    let id = id.ok_or_else(|| invalid("patient is the id of a Patient."))?;
    let (start, end) = (asked.date("start")?, asked.date("end")?);
    let mut criteria = vec![
        ("patient".to_owned(), format!("Patient/{id}")),
        ("_sort".to_owned(), "-date".to_owned()),
        ("_count".to_owned(), MOST.to_string()),
    ];
    for (name, parameter) in [("type", "type"), ("profile", "_profile")] {
        let all: Vec<&str> = asked.all(name).collect();
        if !all.is_empty() {
            criteria.push((parameter.to_owned(), all.join(",")));
        }
    }
    if start.is_none() && end.is_none() {
        criteria.push(("status".to_owned(), "current".to_owned()));
    }
    let (query, _) = super::criteria::parse(access, KIND, &criteria, Handling::Strict)?;
    let page = app.store.view(access).search(&query).await?;
    if page.next.is_some() {
        let text = format!("There are more than {MOST} documents: narrow the request by type.");
        return Err(Error::new(Kind::TooLarge, text).issue_code("too-costly"));
    }
    let mut rows = page.matches;
    rows.retain(|row| cares(row, start, end));
    audit::searched(access, rows.iter());
    let query = asked.print();
    let links = [("self", format!("{base}/{KIND}/$docref?{query}"))];
    let total = i64::try_from(rows.len()).ok();
    let mut set = Searchset::new(&base, total, &links);
    for row in &retell(app, access, rows).await? {
        set.push(row, Mode::Match);
    }
    if asked.one("on-demand")? == Some("true") {
        set.outcome(&not_on_demand());
    }
    tell_ignored(&mut set, &asked.ignored);
    Ok(set.finish())
}

/// Whether the document is of care in that time: by the period of the care, else by its own date. Asked of what the caller
/// sees of it.
fn cares(row: &Stored, start: Option<Interval>, end: Option<Interval>) -> bool {
    if start.is_none() && end.is_none() {
        return true;
    }
    let value = row.value().unwrap_or_default();
    let period = &value["context"]["period"];
    let of_care = Interval::period(period["start"].as_str(), period["end"].as_str());
    let written = || value["date"].as_str().and_then(|text| text.parse().ok());
    let Some(time) = of_care.or_else(written) else {
        return true;
    };
    start.is_none_or(|start| time.hi > start.lo) && end.is_none_or(|end| time.lo < end.hi)
}

fn not_on_demand() -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{
            "severity": "information",
            "code": "not-supported",
            "diagnostics": "Documents are written when what they speak of happens, none on demand: these are all there are.",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::resource::Key;

    #[test]
    fn the_time_of_the_care_counts_before_that_of_the_writing() {
        let row = |value: &Value| Stored {
            key: Key::new(KIND, Id::new("d").expect("id")),
            version: 1,
            at: 0,
            patient: None,
            episode: None,
            owner: Id::new("o").expect("id"),
            author: Id::new("o").expect("id"),
            labels: 0,
            lowered: 0,
            body: Some(value.to_string().into()),
            redacted: None,
        };
        let both = json!({ "date": "2026-05-01T10:00:00Z",
            "context": { "period": { "start": "2026-04-01", "end": "2026-04-02" } } });
        let open = json!({ "context": { "period": { "start": "2026-04-01" } } });
        let written = json!({ "date": "2026-05-01T10:00:00Z" });
        for (value, start, end, found) in [
            (&both, Some("2026-04-02"), None, true),
            (&both, Some("2026-04-03"), None, false),
            (&both, None, Some("2026-03"), false),
            (&both, Some("2026"), Some("2026"), true),
            (&open, Some("2027"), None, true),
            (&written, Some("2026-05-01"), Some("2026-05-01"), true),
            (&written, Some("2026-05-02"), None, false),
            (&json!({}), Some("2026"), None, true),
        ] {
            let date = |text: Option<&str>| text.and_then(|text| text.parse().ok());
            assert_eq!(
                cares(&row(value), date(start), date(end)),
                found,
                "{value} {start:?} {end:?}"
            );
        }
    }
}
