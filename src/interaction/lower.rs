//! Labels that an operator takes off a record. It is the only way to lower them: clients and rules only ever add.

use super::commit::{Change, Changes, commit, lost};
use crate::access::label::{self, Labelling, Stays};
use crate::access::{Access, Labels};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::security::relabelled;
use crate::kap::base::codes;
use crate::store;
use crate::store::sql::Step;

codes! {
    /// Why labels are taken off. A word and no text, because a text could tell of the patient.
    Why {
        /// The record was never about that.
        Misclassified = "misclassified",
        /// What they rested on, such as a date of birth, was wrong.
        CorrectedFacts = "corrected-facts",
        /// The patient asked for it in writing.
        PatientRequest = "patient-request",
        /// Counsel or the privacy officer decided it.
        LegalReview = "legal-review",
    }
}

/// Who takes labels off: a name or an account of up to 64 letters, digits and ` . _ @ - '`.
#[derive(Clone, Debug)]
pub struct Operator(String);

impl Operator {
    /// The operator of this name; `None` where it is none.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let plain = |c: char| c.is_alphanumeric() || " ._@-'".contains(c);
        let good = name.trim() == name && (1..=64).contains(&name.chars().count());
        (good && name.chars().all(plain)).then(|| Self(name.to_owned()))
    }
}

/// Takes the labels with these codes of v3-ActCode or v3-Confidentiality off a record: a new version without them, which
/// later writes of its own content do not put on again. Gives that version. The audit's event is in the same transaction.
///
/// # Errors
/// `NotFound`; `Gone` for a deleted record; `Unprocessable` where a code is not known, is not on the record, is what a
/// law says, or follows from what stays; `Conflict` where another write came first.
pub async fn lower(
    app: &App,
    key: &Key,
    codes: &[String],
    why: Why,
    by: &Operator,
) -> Result<Stored> {
    let reason = "an operator takes labels off";
    let access = Access::system(app.tenant.clone(), reason, app.clock.millis());
    let row = app.store.view(&access).read(key).await?;
    if &*key.kind == "Provenance" {
        let text = "A Provenance keeps its labels, as the versions do that it tells of.";
        return Err(Error::new(Kind::Unprocessable, text));
    }
    let resource = row.resource().ok_or_else(Error::not_found)?;
    let (resource, off) = without(resource, Labels::from_bits(row.labels), codes)?;
    let by = &by.0;
    let detail = format!(
        "labels lowered: {}; reason: {why}; operator: {by}",
        codes.join(" ")
    );
    let set = Changes {
        gone: vec![],
        told: vec![],
        steps: episode_moves(app, &access, &row).await?,
        changes: vec![Change {
            resource,
            owner: row.owner.clone(),
            author: row.author.clone(),
            class: None,
            episode: row.episode.clone(),
            by_caller: None,
            labelling: Labelling::Lowered(off),
            over: Some(row),
        }],
        detail: Some(detail),
        about: None,
    };
    let stored = commit(app, &access, "lower labels", set)
        .await?
        .map_err(lost)?;
    stored.into_iter().next().ok_or_else(Error::not_found)
}

/// An episode's version moves with each of its records: what rests on it is read anew.
async fn episode_moves(app: &App, access: &Access, row: &Stored) -> Result<Vec<Step>> {
    let (Some(episode), Some(patient)) = (&row.episode, &row.patient) else {
        return Ok(vec![]);
    };
    let ground = app.store.view(access).ground(episode, patient, &[]).await?;
    let version = ground.ok_or_else(Error::not_found)?.version;
    let at = app.clock.millis();
    Ok(store::episode::touch(access.tenant(), episode, version, at))
}

/// What `codes` mean of the labels of a record, and the record without those that no consent can name: they have one bit
/// together, and are on a record only where it states them.
fn without(resource: Resource, labels: Labels, codes: &[String]) -> Result<(Resource, Labels)> {
    let mut off = Labels::NONE;
    let mut drop = Vec::new();
    for code in codes {
        let meant = Labels::meant(code).ok_or_else(|| {
            let code = code.escape_default();
            refused(&format!("`{code}` is no label that could be taken off."))
        })?;
        if label::is_law(code) {
            return Err(refused(
                "What a law says of a record, or a ban on its disclosure, is not taken off.",
            ));
        }
        if meant == Labels::UNKNOWN {
            let at = label::stated_at(&resource.value, code);
            if at.is_empty() {
                return Err(stays(Stays::Absent));
            }
            drop.extend(at);
        }
        off = off.or(meant);
    }
    let resource = relabelled(resource, &drop, &[])?;
    let closed = Labels::stated(&resource.value).meets(Labels::UNKNOWN);
    let open = off.meets(Labels::UNKNOWN) && !closed;
    let labels = if open {
        labels.without(Labels::UNKNOWN)
    } else {
        labels
    };
    label::lower(&resource.key.kind, &resource.value, labels, off).map_err(stays)?;
    Ok((resource, off))
}

fn refused(text: &str) -> Error {
    Error::new(Kind::Unprocessable, text)
}

fn stays(why: Stays) -> Error {
    refused(match why {
        Stays::Absent => "The record does not have all of these labels.",
        Stays::Follows => {
            "One of these labels follows from the record's type, from a law on it, or from a label that stays."
        }
    })
}
