//! The directory of organizations: written by the operator, read by everybody.

use super::commit::{Change, Changes, commit, lost};
use crate::access::Access;
use crate::access::Labels;
use crate::access::label::Labelling;
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::kap::Id;
use crate::kap::calendar::Calendar;
use crate::kap::people::{Organization, OrganizationType};
use crate::mapping;

/// Adds an organization or replaces its entry.
///
/// # Errors
/// `Invalid` where a practice has no known time zone.
pub async fn put_organization(app: &App, organization: &Organization) -> Result<()> {
    if let Some(zone) = &organization.timezone {
        Calendar::new(zone)?;
    } else if organization.kind == OrganizationType::Practice
        || organization.kind == OrganizationType::Clinic
    {
        return Err(Error::new(
            Kind::Invalid,
            "A practice needs its time zone, such as America/Los_Angeles.",
        ));
    }
    let access = Access::system(
        app.tenant.clone(),
        "the operator keeps the directory",
        app.clock.millis(),
    );
    let mut changes = Vec::new();
    for resource in mapping::register::organization(organization) {
        let over = app.store.view(&access).lookup(&resource.key).await?;
        changes.push(Change {
            resource,
            over,
            owner: organization.id.clone(),
            author: organization.id.clone(),
            class: None,
            episode: None,
            by_caller: None,
            labelling: Labelling::Built(Labels::NONE),
        });
    }
    commit(
        app,
        &access,
        "put organization",
        Changes {
            changes,
            ..Changes::default()
        },
    )
    .await?
    .map_err(lost)?;
    Ok(())
}

/// Whether the directory has this organization.
///
/// # Errors
/// Where the store fails.
pub async fn has(app: &App, id: &Id) -> Result<bool> {
    let access = Access::system(
        app.tenant.clone(),
        "the operator keeps the directory",
        app.clock.millis(),
    );
    Ok(app
        .store
        .view(&access)
        .lookup(&Key::new("Organization", id.clone()))
        .await?
        .is_some())
}
