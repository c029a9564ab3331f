//! Provenances that clients send: who made the records that they name, and of what
//! (<https://hl7.org/fhir/R4/provenance.html>).
//!
//! A Provenance has no patient, episode, class or labels of its own: it has those of what it tells of. It is added and
//! never changed, and it changes no fact of an episode.

use super::at_hand::AtHand;
use super::commit::Change;
use super::write::Incoming;
use crate::access::label::Labelling;
use crate::access::{Access, Classes, Interaction, Labels, class};
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::reference::local;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::Id;
use crate::store::resource::Draft;

/// A Provenance that a client sent.
#[derive(Clone, Debug)]
pub struct Told {
    resource: Resource,
    /// The organization that sent it.
    writer: Id,
    /// Where it stood in the transaction.
    entry: Option<usize>,
    /// What it names of what was there before.
    rows: Vec<Stored>,
}

/// Whether what came in is a Provenance.
#[must_use]
pub fn is_one(one: &Incoming) -> bool {
    &*one.resource.key.kind == "Provenance"
}

/// The records of this service that a Provenance is of, in its order.
fn targets(resource: &Resource) -> impl Iterator<Item = Key> {
    let all = resource.value["target"].as_array().into_iter().flatten();
    all.filter_map(|target| local(target["reference"].as_str()?))
}

/// The first stored record that a Provenance is of: whose it is, hangs on that.
#[must_use]
pub fn about<'a>(one: &Incoming, at_hand: &'a AtHand) -> Option<&'a Stored> {
    if !is_one(one) {
        return None;
    }
    let mut rows = targets(&one.resource).filter_map(|key| at_hand.get(&key));
    rows.find(|row| row.patient.is_some() || row.episode.is_some())
}

/// The Provenances, and the rest.
///
/// # Errors
/// `Unprocessable` for one that replaces another.
pub fn apart(
    access: &Access,
    incoming: Vec<Incoming>,
    at_hand: &AtHand,
) -> Result<(Vec<Told>, Vec<Incoming>)> {
    let (told, rest): (Vec<Incoming>, Vec<Incoming>) = incoming.into_iter().partition(is_one);
    let writer = access.caller().map(|c| c.organization.clone());
    let writer = writer.ok_or_else(Error::not_found)?;
    let told = told.into_iter().map(|one| {
        if one.seen.is_some() {
            return Err(refused(
                "A Provenance is added and never changed: it tells of what was.",
                one.entry,
            ));
        }
        let rows = targets(&one.resource).filter_map(|key| at_hand.get(&key).cloned());
        Ok(Told {
            rows: rows.collect(),
            writer: writer.clone(),
            entry: one.entry,
            resource: one.resource,
        })
    });
    Ok((told.collect::<Result<_>>()?, rest))
}

fn refused(text: &str, entry: Option<usize>) -> Error {
    let at = match entry {
        Some(n) => format!("Bundle.entry[{n}].resource.target"),
        None => "Provenance.target".to_owned(),
    };
    let issue = Issue {
        text: text.into(),
        at: Some(at),
        ..Issue::default()
    };
    Error::with_issues(Kind::Unprocessable, vec![issue])
}

/// What matters of a record that a Provenance is of.
struct Of {
    patient: Option<Id>,
    episode: Option<Id>,
    owner: Id,
    labels: Labels,
    class: Classes,
}

impl Of {
    fn draft(draft: &Draft) -> Self {
        Self {
            patient: draft.patient.clone(),
            episode: draft.episode.clone(),
            owner: draft.owner.clone(),
            labels: draft.labels,
            class: draft.class,
        }
    }

    fn row(row: &Stored) -> Self {
        let labels = Labels::from_bits(row.labels);
        let value = row.value().unwrap_or_default();
        Self {
            patient: row.patient.clone(),
            episode: row.episode.clone(),
            owner: row.owner.clone(),
            labels,
            class: class::of(&row.key.kind, &value, labels),
        }
    }

    /// Its class says little of what else is told of the patient.
    fn is_open(&self) -> bool {
        self.class.meets(
            Classes::IDENTITY
                .or(Classes::DIRECTORY)
                .or(Classes::CONSENT),
        )
    }
}

impl Told {
    /// The change that stores it, and its patient; `written` is what is written in the same transaction.
    ///
    /// # Errors
    /// `Unprocessable` where it is of nothing that is stored here, or of several patients.
    pub fn placed(self, written: &[Draft]) -> Result<(Change, Option<Id>)> {
        let of = |key: Key| {
            let draft = written.iter().find(|draft| draft.key == key);
            let row = || self.rows.iter().find(|row| row.key == key);
            draft.map(Of::draft).or_else(|| row().map(Of::row))
        };
        let of: Vec<Of> = targets(&self.resource).filter_map(of).collect();
        let mut patients: Vec<&Id> = of.iter().filter_map(|of| of.patient.as_ref()).collect();
        patients.sort();
        patients.dedup();
        // Every target must be seen by who is to see this, so that its own class opens nothing.
        let first = of.iter().find(|of| !of.is_open()).or(of.first());
        let (Some(first), 0 | 1) = (first, patients.len()) else {
            let text = "A Provenance is of records of this service, all of them of one patient.";
            return Err(refused(text, self.entry));
        };
        let labels = of.iter().fold(Labels::NONE, |all, of| all.or(of.labels));
        let own = class::of("Provenance", &self.resource.value, labels);
        let class = if own == Classes::OTHER {
            first.class
        } else {
            own
        };
        let patient = patients.first().map(|id| (*id).clone());
        let change = Change {
            over: None,
            owner: first.owner.clone(),
            author: self.writer,
            class: Some(class),
            episode: of.iter().find_map(|of| of.episode.clone()),
            by_caller: Some(Interaction::Create),
            labelling: Labelling::SentOf(labels),
            resource: self.resource,
        };
        Ok((change, patient))
    }
}
