//! `Patient/{id}/$summary`: <https://hl7.org/fhir/uv/ips/OperationDefinition/summary>.

use super::audit;
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
/// Resources that are read at once, and in all.
const PAGE: u32 = 1000;
const MOST: usize = 20_000;

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
