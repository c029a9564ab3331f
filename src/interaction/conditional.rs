//! Conditional update, patch and delete: <https://hl7.org/fhir/R4/http.html#cond-update>. One resource is meant, by what
//! the caller sees: none and several are told apart, what is hidden is none.

use super::condition::one;
use super::delete::{TRIES, delete as delete_one, raced};
use super::patch::{Patch, patch as patch_one};
use super::write::{Created, Incoming, create, seen, unmoved, write};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::json::Members;
use crate::fhir::resource::{Resource, Stored};
use crate::kap::Id;

/// The next version of the one resource that meets `criteria`, or a new one where none does.
///
/// # Errors
/// As an update and a create; `PreconditionFailed` where several meet them or there are none; `Invalid` where the body names
/// another id.
pub async fn update(
    app: &App,
    access: &Access,
    (kind, criteria): (&str, &str),
    bytes: &[u8],
    if_match: Option<i64>,
) -> Result<Created> {
    access.allow(Interaction::Update, kind)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let (_, found) = one(app, access, kind, criteria).await?;
        let Some(old) = found else {
            if if_match.is_some() {
                let text = "If-Match names a version, and no resource meets the criteria.";
                return Err(Error::new(Kind::PreconditionFailed, text));
            }
            let fresh = || Id::new(app.clock.uuid().to_string()).unwrap_or_default();
            let resource = Resource::received(bytes, Some(kind), None, fresh)?;
            match create(app, access, resource, Some(criteria)).await? {
                // Another one came to be while this one was on its way in.
                Created::Known(_) if tries < TRIES => continue,
                Created::Known(_) => {
                    let text =
                        "Other requests store such resources all the time. Repeat the request.";
                    return Err(Error::new(Kind::Conflict, text).code("version-conflict"));
                }
                created @ Created::New(_) => return Ok(created),
            }
        };
        seen(&old, if_match)?;
        let incoming = Incoming {
            resource: replacement(app, &old, bytes)?,
            seen: Some(old.version),
            entry: None,
            unless: None,
        };
        match write(app, access, "fhir update", vec![incoming]).await {
            Ok(mut stored) => {
                let row = stored.pop();
                let row = row.ok_or_else(|| Error::internal("an update without its resource"))?;
                return Ok(Created::Known(row));
            }
            Err(error) if raced(&error) && if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// The body as the next version of `old`: it may leave the id out, which the criteria stand for.
///
/// # Errors
/// `Invalid` where it names another id; those of an update that moves the record.
pub fn replacement(app: &App, old: &Stored, bytes: &[u8]) -> Result<Resource> {
    let fresh = || old.key.id.clone();
    let resource = Resource::received(bytes, Some(&old.key.kind), None, fresh)?;
    same_id(std::str::from_utf8(bytes).map_err(Error::internal)?, old)?;
    let resource = resource.relative_to(&app.fhir_base())?;
    unmoved(old, &resource)?;
    Ok(resource)
}

/// Whether a body that is to replace `old` names no other id.
///
/// # Errors
/// `Invalid` where it does.
pub fn same_id(text: &str, old: &Stored) -> Result<()> {
    let members = Members::of(text).map_err(Error::internal)?;
    let said = members
        .get("id")
        .and_then(|raw| serde_json::from_str::<String>(raw).ok());
    if said.is_none_or(|said| said == old.key.id.as_str()) {
        return Ok(());
    }
    let text = "The id is not that of the resource that meets the criteria.";
    Err(Error::new(Kind::Invalid, text).issue_code("value").at("id"))
}

/// The next version of the one resource that meets `criteria`, patched.
///
/// # Errors
/// As a patch; `NotFound` where none meets them, `PreconditionFailed` where several do or there are none.
pub async fn patch(
    app: &App,
    access: &Access,
    (kind, criteria): (&str, &str),
    patch: Patch<'_>,
    if_match: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Update, kind)?;
    let (_, found) = one(app, access, kind, criteria).await?;
    let old = found.ok_or_else(Error::not_found)?;
    patch_one(app, access, &old.key, patch, if_match).await
}

/// Deletes the one resource that meets `criteria`.
///
/// # Errors
/// As a delete; `NotFound` where none meets them, `PreconditionFailed` where several do or there are none.
pub async fn delete(
    app: &App,
    access: &Access,
    (kind, criteria): (&str, &str),
    if_match: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Delete, kind)?;
    let (_, found) = one(app, access, kind, criteria).await?;
    let old = found.ok_or_else(Error::not_found)?;
    delete_one(app, access, &old.key, if_match).await
}
