//! `kap-fhir audit`: keys, the head of the chain, its verification, the accounting of disclosures.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::database::{Database, bad};
use crate::app::App;
use crate::audit::chain::{Anchor, Batch};
use crate::audit::event::{Event, Kind as Act};
use crate::auth::seal::{SealCheck, SealingKey};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::instant;
use crate::interaction::audit::disclosures::{Disclosure, for_operator};
use crate::interaction::audit::{append, emergencies, seal, verify};
use crate::kap::Id;
use crate::kap::base::Day;

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Make a key to seal the audit with: FILE, and its public half beside it as FILE.pub.
    Keygen {
        /// A file that is not there yet; not on the disk of the database.
        file: PathBuf,
    },
    /// Print the head of the chain, to be kept somewhere else.
    Head {
        #[command(flatten)]
        database: Database,
    },
    /// Find what was edited, deleted, inserted, reordered or cut off: exit code 0 if nothing was, else 1.
    Verify {
        #[command(flatten)]
        database: Database,
        /// Key file or its `.pub`; give those of earlier keys too.
        #[arg(long = "audit-key", env = "KAP_AUDIT_KEY", required = true)]
        keys: Vec<PathBuf>,
        /// A head that was printed or logged earlier, `NUMBER:HASH`: without one, a chain that was cut off looks whole.
        #[arg(long)]
        head: Option<Anchor>,
    },
    /// List who broke the glass, why, and whose data it showed: a second person reviews each within a day.
    Emergencies {
        #[command(flatten)]
        database: Database,
        /// From this day on, `YYYY-MM-DD` (UTC); the last seven days where absent.
        #[arg(long)]
        since: Option<Day>,
    },
    /// List to whom data of a patient went, but for the organization that keeps the record.
    Disclosures {
        #[command(flatten)]
        database: Database,
        /// Id of the Patient.
        #[arg(long)]
        patient: String,
        /// From this day on, `YYYY-MM-DD` (UTC).
        #[arg(long)]
        since: Option<Day>,
    },
}

/// Does what was asked of the audit.
///
/// # Errors
/// Where the database cannot be used, and where the audit is not what was sealed.
pub async fn run(command: AuditCommand) -> Result<()> {
    match command {
        AuditCommand::Keygen { file } => {
            let key = SealingKey::generate()?;
            key.create(&file)?;
            println!("key {} is in {}", key.id(), file.display());
            Ok(())
        }
        AuditCommand::Head { database } => {
            let app = database.open().await?;
            let tip = app.store.audit_tip(&app.tenant).await?;
            println!("{}", seal::anchor(&tip));
            app.store.close().await;
            Ok(())
        }
        AuditCommand::Verify {
            database,
            keys,
            head,
        } => verified(&database.open().await?, &keys, head).await,
        AuditCommand::Emergencies { database, since } => {
            broken(&database.open().await?, since).await
        }
        AuditCommand::Disclosures {
            database,
            patient,
            since,
        } => {
            let patient = Id::new(patient.clone()).ok_or_else(|| bad("patient", &patient))?;
            told(&database.open().await?, &patient, since).await
        }
    }
}

async fn verified(app: &App, keys: &[PathBuf], head: Option<Anchor>) -> Result<()> {
    let checks: Vec<SealCheck> = keys
        .iter()
        .map(|path| SealCheck::read(path))
        .collect::<Result<_>>()?;
    let signed = |batch: &Batch| {
        let mut own = checks.iter().filter(|check| check.id() == &*batch.key);
        own.any(|check| check.holds(batch.head.bytes(), &batch.signature))
    };
    let report = verify::verify(&app.store, &app.tenant, signed, head).await?;
    app.store.close().await;
    for finding in &report.findings {
        println!("{finding}");
    }
    let (rows, batches, waiting) = (report.rows, report.batches, report.waiting);
    println!(
        "{rows} events in {batches} batches are as they were sealed, {waiting} wait to be sealed; head {}",
        seal::anchor(&report.tip)
    );
    if report.findings.is_empty() {
        return Ok(());
    }
    let text = format!("{} findings: the audit was changed.", report.findings.len());
    Err(Error::new(Kind::Conflict, text))
}

async fn broken(app: &App, since: Option<Day>) -> Result<()> {
    let week = app.clock.millis() - 7 * 86_400_000;
    let since = since.map_or(week, |day| {
        day.0.midnight().assume_utc().unix_timestamp() * 1000
    });
    println!("at\treview by\torganization\tclient\trole\ttoken\tanswers\tpatients\treason");
    let at = |millis: i64| {
        let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
        at.map(instant).unwrap_or_default()
    };
    for one in emergencies::for_operator(app, since).await? {
        let patients: Vec<String> = one.patients.into_iter().collect();
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            at(one.at),
            at(one.review_by),
            one.organization,
            one.client,
            one.role,
            one.token,
            one.answered,
            patients.join(","),
            one.reason
        );
    }
    app.store.close().await;
    Ok(())
}

async fn told(app: &App, patient: &Id, since: Option<Day>) -> Result<()> {
    println!("at\torganization\tname\tclient\tkind\twhat\tpurpose");
    let mut after = None;
    loop {
        let (items, last) = for_operator(app, patient, since, after.as_ref()).await?;
        items.iter().for_each(line);
        if last.is_none() {
            break;
        }
        after = last;
    }
    app.store.close().await;
    Ok(())
}

fn line(one: &Disclosure) {
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    println!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        one.at,
        one.organization_id,
        or(&one.organization_name),
        one.client_id,
        one.kind,
        or(&one.what),
        or(&one.purpose)
    );
}

/// The key that a service seals with.
///
/// # Errors
/// `Invalid` where none is given or it cannot be used.
pub fn key(path: Option<&Path>) -> Result<SealingKey> {
    let text = "Give --audit-key FILE, the key that seals the audit (`kap-fhir audit keygen FILE` makes one).";
    let path = path.ok_or_else(|| Error::new(Kind::Invalid, text))?;
    SealingKey::read(path)
}

/// Records the steps of the schema that the database took when it was opened.
///
/// # Errors
/// `Unavailable` where they cannot be recorded.
pub async fn migrated(app: &App) -> Result<()> {
    let steps = app.store.migrated().iter();
    let events = steps.map(|step| Event::new(Act::Migrate).detail(step.as_str()));
    append(app, events.collect()).await
}
