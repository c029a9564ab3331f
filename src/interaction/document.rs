//! `Composition/{id}/$document`: <https://hl7.org/fhir/R4/composition-operation-document.html>.

use super::audit;
use super::operation::Asked;
use super::retelling::{Sight, retell_one, whole};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Instant;
use crate::mapping::summary;

/// The parameters that the operation has.
pub const PARAMETERS: &[&str] = &["id", "persist", "graph"];

/// Whether the document can be had as it is asked for.
///
/// # Errors
/// `Invalid` where it is to be kept, or to follow another graph than the standard's.
pub fn supported(asked: &Asked) -> Result<()> {
    let text = if asked.one("graph")?.is_some() {
        "A document follows the Composition's own references: the parameter graph is not supported."
    } else if asked.one("persist")?.is_some_and(|keep| keep != "false") {
        "A document is written for its reader and not kept: the parameter persist can be false alone."
    } else {
        return Ok(());
    };
    Err(Error::new(Kind::Invalid, text).issue_code("not-supported"))
}

/// The document bundle of a composition, made of what the caller may see and of nothing else.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where the composition is missing or hidden.
pub async fn document(app: &App, access: &Access, key: &Key) -> Result<String> {
    access.allow(Interaction::Read, &key.kind)?;
    let row = app.store.view(access).read(key).await?;
    audit::document(access, &row, "$document");
    let resources = Sight::default().of(app, access, &row, &whole(&row)).await?;
    let row = retell_one(app, access, row).await?;
    let value = row.value().ok_or_else(Error::not_found)?;
    let now = Instant(app.clock.now());
    let identifier = format!("urn:uuid:{}", app.clock.uuid());
    summary::document(&value, &resources, &app.fhir_base(), now, &identifier)
}
