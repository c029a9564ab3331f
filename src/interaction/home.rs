//! Of which episode a resource that came as FHIR becomes part.

use std::collections::HashMap;

use super::at_hand::AtHand;
use super::provenance;
use super::write::Incoming;
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::reference::local;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::{Id, Kind, Phase};
use crate::mapping::marks::needs_episode;
use crate::store::view::EpisodeFilter;

/// Types of which every record may stand outside any episode: the directory, and what belongs to the patient as a whole.
const FREE: &[&str] = &[
    "AllergyIntolerance",
    "Condition",
    "Endpoint",
    "Group",
    "Medication",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];

/// Whether the resource may be stored outside any episode: the directory may, and whatever is of a patient and says
/// nothing that an episode's rules would have to judge.
fn stands_alone(resource: &Resource, patient: Option<&Id>) -> bool {
    let kind = &*resource.key.kind;
    free(kind) || (patient.is_some() && !needs_episode(kind, &resource.value))
}

/// Whether every record of this type may stand outside any episode.
#[must_use]
pub fn free(kind: &str) -> bool {
    FREE.contains(&kind)
}

/// The record that the incoming resources become part of.
#[derive(Clone, Debug)]
pub struct Home {
    pub episode: Id,
    pub patient: Option<Id>,
}

/// The one episode that these resources hang off, if any.
///
/// # Errors
/// `Unprocessable` where they hang off several, or off none and may not stand alone.
pub async fn home(
    app: &App,
    access: &Access,
    incoming: &[Incoming],
    at_hand: &AtHand,
) -> Result<Option<Home>> {
    let mut found: Option<Home> = None;
    let mut open: HashMap<Id, Option<Id>> = HashMap::new();
    let mut homeless = None;
    for one in incoming.iter().filter(|one| !provenance::is_one(one)) {
        let (patient, said) = index::compartment(&one.resource.key.kind, &one.resource.value);
        let mut home = said
            .map(|episode| of_episode(episode, at_hand))
            .or_else(|| implied(&one.resource, at_hand));
        // What stood outside any episode stays there, whatever has begun meanwhile.
        let stays = at_hand.contains_key(&one.resource.key) && !free(&one.resource.key.kind);
        let about = patient.clone().filter(|_| !stays);
        if let (None, Some(patient)) = (&home, about) {
            if !open.contains_key(&patient) {
                let episode = open_episode(app, access, &patient).await?;
                open.insert(patient.clone(), episode);
            }
            let episode = open.get(&patient).cloned().flatten();
            home = episode.map(|episode| Home {
                episode,
                patient: Some(patient),
            });
        }
        match (&found, home) {
            (_, None) if stands_alone(&one.resource, patient.as_ref()) => {}
            (_, None) => homeless = Some(one),
            (None, home) => found = home,
            (Some(known), Some(other)) if known.episode == other.episode => {}
            _ => {
                let text = "A transaction changes one episode at a time.";
                return Err(one.refused(Error::new(ErrorKind::Unprocessable, text), Kind::Header));
            }
        }
    }
    match (found, homeless) {
        (None, Some(one)) => Err(one.refused(without_episode(&one.resource), Kind::Header)),
        (found, _) => Ok(found),
    }
}

/// The episode that a resource names, and its patient where the caller sees the episode.
fn of_episode(episode: Id, at_hand: &AtHand) -> Home {
    let header = at_hand.get(&Key::new("EpisodeOfCare", episode.clone()));
    Home {
        episode,
        patient: header.and_then(|row| row.patient.clone()),
    }
}

/// What is wrong with a record that is of no episode and should be.
#[must_use]
pub fn without_episode(resource: &Resource) -> Error {
    let kind = &resource.key.kind;
    let text = "This record says neither by itself nor by its patient of which episode it is.";
    let at = "extension('http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value";
    Error::new(ErrorKind::Unprocessable, text)
        .issue_code("required")
        .at(format!("{kind}.{at}"))
}

/// The episode of the version that is replaced, or of the encounter in which the record was made.
#[must_use]
pub fn implied(resource: &Resource, at_hand: &AtHand) -> Option<Home> {
    let of = |row: &Stored| {
        Some(Home {
            episode: row.episode.clone()?,
            patient: row.patient.clone(),
        })
    };
    if let Some(old) = at_hand.get(&resource.key) {
        return of(old);
    }
    ["encounter", "context"].iter().find_map(|name| {
        let text = resource.value[*name]["reference"].as_str()?;
        of(at_hand.get(&local(text)?)?)
    })
}

/// The patient's episode that has not ended, if the caller sees one.
async fn open_episode(app: &App, access: &Access, patient: &Id) -> Result<Option<Id>> {
    let filter = EpisodeFilter {
        patient: Some(patient.clone()),
        ..EpisodeFilter::default()
    };
    let found = app.store.view(access).episodes(&filter, 50, None).await?;
    let open = |phase: &str| Phase::from_code(phase).is_some_and(|p| !p.is_terminal());
    Ok(found
        .heads
        .into_iter()
        .find(|head| open(&head.phase))
        .map(|head| head.episode))
}
