//! `kap-fhir label`: security labels, as the operator corrects them.

use clap::Subcommand;

use super::database::{Database, bad};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::interaction::lower::{Operator, Why, lower};
use crate::kap::Id;

/// What can be done with labels.
#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    /// Take labels off a record. It gets a new version, and the audit an event with the codes, the reason and
    /// the operator.
    Lower {
        #[command(flatten)]
        database: Database,
        /// Type of the record, such as `Condition`.
        #[arg(long = "type")]
        kind: String,
        #[arg(long)]
        id: String,
        /// Code of v3-ActCode or v3-Confidentiality that is taken off, such as `ETH`; as often as needed.
        #[arg(long = "code", required = true)]
        codes: Vec<String>,
        /// `misclassified`, `corrected-facts`, `patient-request` or `legal-review`.
        #[arg(long)]
        reason: String,
        /// Who does it, as the audit is to name him: a name or an account.
        #[arg(long)]
        operator: String,
    },
}

/// Does what was asked of the labels.
///
/// # Errors
/// Where a word is wrong, the labels stay, or the database cannot be used.
pub async fn run(command: LabelCommand) -> Result<()> {
    let LabelCommand::Lower {
        database,
        kind,
        id,
        codes,
        reason,
        operator,
    } = command;
    let why = Why::from_code(&reason).ok_or_else(|| bad("reason", &reason))?;
    let id = Id::new(id.clone()).ok_or_else(|| bad("id", &id))?;
    let operator = Operator::new(&operator).ok_or_else(|| {
        let text = "The operator is named by up to 64 letters, digits, blanks and . _ @ - '.";
        Error::new(Kind::Invalid, text)
    })?;
    let app = database.open().await?;
    let done = lower(&app, &Key::new(&kind, id), &codes, why, &operator).await;
    app.store.close().await;
    let row = done?;
    println!(
        "{} is of version {} now, without {}",
        row.key,
        row.version,
        codes.join(", ")
    );
    Ok(())
}
