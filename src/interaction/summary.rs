//! `Patient/{id}/$summary`: <https://hl7.org/fhir/uv/ips/OperationDefinition/summary>.

use super::audit;
use super::condition::matching;
use super::operation::Asked;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Instant;
use crate::mapping::summary::ips;
use crate::store::view::{Everything, Record};

/// The parameters that the operation has.
pub const PARAMETERS: &[&str] = &["profile", "graph"];
/// Those that it has where no patient is in the path.
pub const PARAMETERS_OF_TYPE: &[&str] = &["identifier", "profile", "graph"];
/// Resources that are read at once, and in all.
const PAGE: u32 = 1000;
const MOST: usize = 20_000;

/// The one patient whom the caller sees under the identifier that is asked for.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` where there is no identifier, or it cannot be read; `NotFound` where no patient
/// has it; `PreconditionFailed` where several have.
pub async fn patient(app: &App, access: &Access, asked: &Asked) -> Result<Key> {
    access.allow(Interaction::Read, "Patient")?;
    let identifier = asked.one("identifier")?.ok_or_else(|| {
        let text = "The operation needs the identifier of a patient, as system|value.";
        Error::new(Kind::Invalid, text).issue_code("required")
    })?;
    let criteria = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("identifier", identifier)
        .finish();
    let (_, mut found) = matching(app, access, "Patient", &criteria).await?;
    if found.len() > 1 {
        let text = "More than one patient has this identifier: say its system too, or read by id.";
        return Err(Error::new(Kind::PreconditionFailed, text).issue_code("multiple-matches"));
    }
    let row = found.pop().ok_or_else(Error::not_found)?;
    Ok(row.key)
}

/// The International Patient Summary of what the caller sees of the patient. Audited as a disclosure where another
/// organization keeps the record.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where the patient is missing or hidden; `Invalid` where another document is asked
/// for; `TooLarge` where the record is larger than a summary can be made of.
pub async fn summary(app: &App, access: &Access, key: &Key, asked: &Asked) -> Result<String> {
    access.allow(Interaction::Read, &key.kind)?;
    let other = asked
        .one("profile")?
        .is_some_and(|profile| profile.split('|').next() != Some(ips::PROFILE));
    if other || asked.one("graph")?.is_some() {
        let text = format!(
            "The summary is of the profile {}, without a graph.",
            ips::PROFILE
        );
        return Err(Error::new(Kind::Invalid, text).issue_code("not-supported"));
    }
    let view = app.store.view(access);
    let row = view.read(key).await?;
    audit::document(access, &row, "$summary");
    let whole = Everything {
        record: Record::Patient(key.id.clone()),
        kinds: Some(ips::KINDS.to_vec()),
        since: None,
        start: None,
        end: None,
        hidden: super::criteria::hidden(access),
    };
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let part = view.everything(&whole, PAGE, after.as_ref()).await?;
        let rows = part.rows.into_iter();
        seen.extend(rows.filter_map(|row| Some((row.key.clone(), row.value()?, row.body?))));
        after = part.next;
        if after.is_none() {
            break;
        }
        if seen.len() > MOST {
            let text = "The record is too large for a summary: ask for $everything, page by page.";
            return Err(Error::new(Kind::TooLarge, text).issue_code("too-costly"));
        }
    }
    // The keeper is named even where no record of the patient does.
    let keeper = Key::new("Organization", row.owner.clone());
    if !seen.iter().any(|(key, ..)| *key == keeper)
        && access.allow(Interaction::Read, "Organization").is_ok()
        && let Some(found) = view.lookup(&keeper).await?
        && let (Some(value), Some(body)) = (found.value(), found.body)
    {
        seen.push((keeper, value, body));
    }
    let now = Instant(app.clock.now());
    let id = app.clock.uuid().to_string();
    ips::summary((&key.id, &row.owner), &seen, &app.fhir_base(), now, &id)
}
