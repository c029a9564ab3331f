//! `kap-fhir organization`: the directory.

use clap::Subcommand;

use super::database::{Database, bad};
use crate::error::Result;
use crate::interaction::directory;
use crate::kap::Id;
use crate::kap::people::{Organization, OrganizationType};

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub enum OrganizationCommand {
    /// Add an organization, or replace its entry.
    Add {
        #[command(flatten)]
        database: Database,
        /// Id, such as `harbor-practice`.
        #[arg(long)]
        id: String,
        #[arg(long)]
        name: String,
        /// `psychotherapy-practice`, `clinic`, `remote-prescribing-partner`, `compounding-pharmacy`, `external-provider`.
        #[arg(long = "type")]
        kind: String,
        /// National Provider Identifier.
        #[arg(long)]
        npi: Option<String>,
        /// IANA time zone; a practice needs one.
        #[arg(long)]
        timezone: Option<String>,
        /// Base URL of the organization's own FHIR server.
        #[arg(long)]
        endpoint: Option<String>,
    },
}

/// Does what was asked of the directory.
///
/// # Errors
/// Where a word is wrong or the database cannot be used.
pub async fn run(command: OrganizationCommand) -> Result<()> {
    let OrganizationCommand::Add {
        database,
        id,
        name,
        kind,
        npi,
        timezone,
        endpoint,
    } = command;
    let kind = OrganizationType::from_code(&kind).ok_or_else(|| bad("type", &kind))?;
    let id = Id::new(id.clone()).ok_or_else(|| bad("id", &id))?;
    let organization = Organization {
        id,
        name,
        npi,
        kind,
        endpoint,
        timezone,
        taxonomy: None,
    };
    let app = database.open().await?;
    directory::put_organization(&app, &organization).await?;
    println!("organization {} is in the directory", organization.id);
    app.store.close().await;
    Ok(())
}
