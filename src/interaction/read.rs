//! FHIR R4 read and vread: <https://hl7.org/fhir/R4/http.html#read>, <https://hl7.org/fhir/R4/http.html#vread>.

use super::audit::{events, shown};
use super::retelling::retell_one;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};

/// The current version of a resource.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where missing or hidden; `Gone` where deleted.
pub async fn read(app: &App, access: &Access, key: &Key) -> Result<Stored> {
    if &*key.kind == events::TYPE {
        return events::read(app, access, &key.id).await;
    }
    access.allow(Interaction::Read, &key.kind)?;
    let row = app.store.view(access).read(key).await?;
    shown(access, Kind::Read, &row);
    retell_one(app, access, row).await
}

/// One version of a resource.
///
/// # Errors
/// As [`read`].
pub async fn vread(app: &App, access: &Access, key: &Key, version: i64) -> Result<Stored> {
    access.allow(Interaction::Read, &key.kind)?;
    let row = app.store.view(access).vread(key, version).await?;
    shown(access, Kind::Vread, &row);
    retell_one(app, access, row).await
}
