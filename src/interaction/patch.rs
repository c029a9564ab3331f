//! FHIR R4 patch: <https://hl7.org/fhir/R4/http.html#patch>. The patched resource goes the whole way of an update.

use super::delete::{TRIES, raced};
use super::write::{Incoming, seen, unmoved, write};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::patch;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::Id;

/// A patch as it was sent.
#[derive(Clone, Copy, Debug)]
pub enum Patch<'b> {
    /// JSON Patch (RFC 6902).
    Json(&'b [u8]),
    /// FHIRPath Patch: a Parameters resource.
    FhirPath(&'b [u8]),
}

/// Stores the next version of a resource: the present one, patched.
///
/// # Errors
/// As an update; `Invalid` for a patch that cannot be read; `Unprocessable` where it does not fit, or where the caller sees
/// a part of the record alone.
pub async fn patch(
    app: &App,
    access: &Access,
    key: &Key,
    patch: Patch<'_>,
    if_match: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Update, &key.kind)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let old = app.store.view(access).read(key).await?;
        seen(&old, if_match)?;
        let incoming = Incoming {
            resource: patched(&app.fhir_base(), &old, patch)?,
            seen: Some(old.version),
            entry: None,
            unless: None,
        };
        match write(app, access, "fhir patch", vec![incoming]).await {
            Ok(mut stored) => {
                let row = stored.pop();
                return row.ok_or_else(|| Error::internal("a patch without its resource"));
            }
            // Whoever names no version patches whichever is the present one.
            Err(error) if raced(&error) && if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// The text of a record that is to be changed in part.
///
/// # Errors
/// `Unprocessable` where the caller sees a part of it; `NotFound` where it was deleted.
pub fn whole(old: &Stored) -> Result<&str> {
    if old.redacted.is_some() {
        let text = "You see a part of this record: a patch could change or tell the rest of it.";
        return Err(Error::new(ErrorKind::Unprocessable, text).at(old.key.kind.to_string()));
    }
    old.body.as_deref().ok_or_else(Error::not_found)
}

/// What a stored resource becomes.
///
/// # Errors
/// As [`patch()`].
pub fn patched(base: &str, old: &Stored, patch: Patch<'_>) -> Result<Resource> {
    let key = &old.key;
    // Asked first: by a test or a copy what is hidden could be told.
    let body = whole(old)?;
    let text = match patch {
        Patch::Json(bytes) => patch::json::apply(body, bytes)?,
        Patch::FhirPath(bytes) => patch::fhirpath::apply(body, &key.kind, bytes)?,
    };
    let resource = Resource::received(text.as_bytes(), Some(&key.kind), Some(&key.id), Id::default);
    // The patch was read: what it leads to is no resource.
    let resource = resource.map_err(|mut error| {
        if error.kind == ErrorKind::Invalid {
            error.kind = ErrorKind::Unprocessable;
        }
        error
    })?;
    let resource = resource.relative_to(base)?;
    unmoved(old, &resource)?;
    Ok(resource)
}
