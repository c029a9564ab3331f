//! Encounter-summary documents (domain reference §7): what a reader outside gets to read of an episode.
//!
//! The text of every section is made by functions over the episode, never copied: a document for a reader
//! who may see a part of the record is written again from that part (`bundle`).

mod bundle;
mod composition;
mod dosing;
pub mod ips;
mod letters;
mod parts;
mod plan;
pub(super) mod words;

#[cfg(test)]
mod letter_tests;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

pub use bundle::{document, names_only_own, retold};

use super::build::derived;
use super::codes::ACT_CODE;
use super::narrative::Html;
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{Session, SessionStatus, SessionType};
use words::{Sight, Words};

/// A document about an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A: a referral, as a packet.
    Referral { referral: Id },
    /// B: a clearance decision, as a letter.
    Clearance { clearance: Id },
    /// C: a dosing session.
    Dosing { session: Id },
    /// D: an integration session.
    Integration { session: Id },
    /// E: a medical follow-up.
    FollowUp { session: Id },
    /// F: the whole course.
    Episode,
}

/// Type and id of a resource.
type Entry = (&'static str, Id);

fn entry(kind: &'static str, id: &Id, suffix: &str) -> Entry {
    match suffix.trim_start_matches('-') {
        "" => (kind, id.clone()),
        suffix => (kind, derived(id, suffix)),
    }
}

/// Why a section has no entries (FHIR R4 code system `list-empty-reason`).
#[derive(Clone, Copy, Debug)]
enum Empty {
    /// It was looked for: there is none.
    NilKnown,
    /// Nobody asked.
    NotAsked,
    /// Nothing is recorded.
    Unavailable,
}

/// One section of a document.
#[derive(Debug)]
struct Section {
    code: &'static str,
    title: &'static str,
    html: Html,
    entries: Vec<Entry>,
    empty: Empty,
}

impl Section {
    fn new(code: &'static str, title: &'static str, html: Html, entries: Vec<Entry>) -> Self {
        Self {
            code,
            title,
            html,
            entries,
            empty: Empty::Unavailable,
        }
    }

    /// The same section; where it says nothing, `none` in the words of one who sees all.
    fn or_none(mut self, words: &Words<'_>, none: &str, why: Empty) -> Self {
        self.empty = why;
        if self.html.says_nothing() {
            self.html = Html::new().maybe(self.title, words.none(none));
        }
        self
    }
}

/// A document as it is about to be written.
struct Draft<'a> {
    title: String,
    loinc: (&'static str, &'static str),
    lead: String,
    sections: Vec<Section>,
    /// The encounter that it is about.
    session: Option<&'a Session>,
    author: &'a Id,
    /// When the author vouched for it; the time of writing where that is it.
    attested: Option<Instant>,
    /// The document that it replaces.
    replaces: Option<Id>,
    /// Whether another document has replaced it.
    superseded: bool,
    /// The sensitivities of all that it speaks of.
    topics: BTreeSet<String>,
}

impl Document {
    /// The letter of domain reference §7, in lower case: a part of the document's id.
    #[must_use]
    pub const fn letter(&self) -> &'static str {
        match self {
            Self::Referral { .. } => "a",
            Self::Clearance { .. } => "b",
            Self::Dosing { .. } => "c",
            Self::Integration { .. } => "d",
            Self::FollowUp { .. } => "e",
            Self::Episode => "f",
        }
    }

    /// What the document is about.
    const fn about<'a>(&'a self, episode: &'a Episode) -> &'a Id {
        match self {
            Self::Referral { referral } => referral,
            Self::Clearance { clearance } => clearance,
            Self::Dosing { session }
            | Self::Integration { session }
            | Self::FollowUp { session } => session,
            Self::Episode => &episode.episode_id,
        }
    }

    /// Id of the Composition: `{what it is about}-doc-{letter}`.
    #[must_use]
    pub fn id(&self, episode: &Episode) -> Id {
        let about = self.about(episode);
        derived(about, &format!("doc-{}", self.letter()))
    }

    /// Every document that an episode may have.
    pub fn all(episode: &Episode) -> impl Iterator<Item = Self> {
        let referrals = episode.referrals.iter().map(|r| Self::Referral {
            referral: r.id.clone(),
        });
        let clearances = episode.clearances.iter().map(|c| Self::Clearance {
            clearance: c.id.clone(),
        });
        let sessions = episode.sessions.iter().flat_map(|s| {
            let session = || s.id.clone();
            [
                Self::Dosing { session: session() },
                Self::Integration { session: session() },
                Self::FollowUp { session: session() },
            ]
        });
        let first = referrals.chain(clearances);
        first.chain(sessions).chain([Self::Episode])
    }

    /// The newest referral's packet.
    #[must_use]
    pub fn latest_referral(episode: &Episode) -> Option<Self> {
        let latest = episode.referrals.iter().max_by_key(|r| r.requested_at)?;
        Some(Self::Referral {
            referral: latest.id.clone(),
        })
    }

    /// The newest decision's letter.
    #[must_use]
    pub fn latest_clearance(episode: &Episode) -> Option<Self> {
        let latest = episode.clearances.iter().max_by_key(|c| c.decided_at)?;
        Some(Self::Clearance {
            clearance: latest.id.clone(),
        })
    }

    /// The document that goes by the id of a Composition of `episode`, if it is one of ours.
    #[must_use]
    pub fn from_id(id: &str, episode: &Episode) -> Option<Self> {
        Self::all(episode).find(|document| document.id(episode).as_str() == id)
    }

    /// What the document says; `None` where the episode has nothing for it.
    fn draft<'a>(&self, words: &Words<'a>) -> Option<Draft<'a>> {
        let episode = words.episode;
        match self {
            Self::Referral { referral } => {
                let referral = episode.referrals.iter().find(|r| r.id == *referral)?;
                Some(letters::referral::draft(words, referral))
            }
            Self::Clearance { clearance } => {
                let clearance = episode.clearances.iter().find(|c| c.id == *clearance)?;
                Some(letters::clearance::draft(words, clearance))
            }
            Self::Episode => Some(letters::episode::draft(words)),
            Self::Dosing { session }
            | Self::Integration { session }
            | Self::FollowUp { session } => self.of_session(words, words.session(session)?),
        }
    }

    /// A document about a session: only about one of its kind, and never about an error.
    fn of_session<'a>(&self, words: &Words<'a>, s: &'a Session) -> Option<Draft<'a>> {
        if s.status == SessionStatus::EnteredInError {
            return None;
        }
        match (self, s.kind) {
            (Self::Dosing { .. }, SessionType::Dosing) => dosing::draft(words, s),
            (Self::Integration { .. }, SessionType::Integration) => {
                Some(letters::integration::draft(words, s))
            }
            (Self::FollowUp { .. }, SessionType::MedicalFollowUp) => {
                Some(letters::follow_up::draft(words, s))
            }
            _ => None,
        }
    }
}

impl<'a> Draft<'a> {
    /// A document of `author`, about no encounter, that replaces nothing.
    fn new(
        loinc: (&'static str, &'static str),
        title: impl Into<String>,
        lead: String,
        sections: Vec<Section>,
        author: &'a Id,
    ) -> Self {
        Self {
            title: title.into(),
            loinc,
            lead,
            sections,
            session: None,
            author,
            attested: None,
            replaces: None,
            superseded: false,
            topics: BTreeSet::new(),
        }
    }

    fn of(mut self, session: Option<&'a Session>) -> Self {
        self.session = session;
        self
    }
}

/// The Composition and the DocumentReference of a document, written at `at` by one who sees the whole
/// episode. `None` where the episode has nothing for it (no such session, no referral, no clearance).
#[must_use]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a document is named where it is asked for"
)]
pub fn compose(document: Document, episode: &Episode, at: Instant) -> Option<Vec<Resource>> {
    let words = Words::new(episode, Sight::Whole, at);
    let mut draft = document.draft(&words)?;
    let made = made(episode);
    for section in &mut draft.sections {
        section.entries.retain(|entry| made.contains_key(entry));
    }
    // A text that speaks of several topics is of all of them.
    let entries = draft.sections.iter().flat_map(|s| &s.entries);
    let topics = entries.filter_map(|entry| made.get(entry)).flatten();
    draft.topics = topics.cloned().collect();
    let id = document.id(episode);
    Some(vec![
        composition::write(&id, &draft, &words),
        composition::document_reference(&id, &draft, &words),
    ])
}

/// Type and id of every resource that states the episode, with its sensitivities.
fn made(episode: &Episode) -> HashMap<Entry, Vec<String>> {
    let all = super::all_to_fhir(&episode.facts(), episode);
    all.into_iter()
        .filter_map(|r| {
            let labels = r.value["meta"]["security"].as_array();
            let labels = labels.into_iter().flatten();
            let topics = labels.filter(|label| label["system"] == ACT_CODE);
            let topics = topics.filter_map(|label| label["code"].as_str().map(str::to_owned));
            Some(((kind_name(&r.key.kind)?, r.key.id), topics.collect()))
        })
        .collect()
}

/// The resource types that sections refer to.
fn kind_name(kind: &str) -> Option<&'static str> {
    const KINDS: &[&str] = &[
        "AdverseEvent",
        "AllergyIntolerance",
        "Appointment",
        "CarePlan",
        "ClinicalImpression",
        "Condition",
        "Consent",
        "DetectedIssue",
        "Encounter",
        "EpisodeOfCare",
        "Goal",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "Observation",
        "Practitioner",
        "Procedure",
        "QuestionnaireResponse",
        "RelatedPerson",
        "ServiceRequest",
    ];
    KINDS.iter().find(|known| **known == kind).copied()
}
