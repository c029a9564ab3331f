//! Encounter-summary documents (domain reference §7): what a reader outside gets to read of an episode.
//!
//! The text of every section is made by functions over the episode, never copied: a document for a reader
//! who may see a part of the record is written again from that part (`bundle`).

mod bundle;
mod composition;
mod dosing;
mod letters;
mod parts;
mod plan;
pub(super) mod words;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

pub use bundle::document;

use super::build::derived;
use super::label;
use super::narrative::Html;
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant};
use crate::kap::dosing::{Session, SessionStatus, SessionType};
use crate::kap::people::MemberRole;
use words::{Sight, Words};

/// A document about an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A: the latest referral, as a packet.
    Referral,
    /// B: the latest clearance, as a letter.
    Clearance,
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

/// One section of a document.
#[derive(Debug)]
struct Section {
    code: &'static str,
    title: &'static str,
    html: Html,
    entries: Vec<Entry>,
}

impl Section {
    fn new(code: &'static str, title: &'static str, html: Html, entries: Vec<Entry>) -> Self {
        Self {
            code,
            title,
            html,
            entries,
        }
    }

    /// The same section; where it says nothing, `none` in the words of one who sees all.
    fn or_none(mut self, words: &Words<'_>, none: &str) -> Self {
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
}

impl Document {
    /// The letter of domain reference §7, in lower case: a part of the document's id.
    #[must_use]
    pub const fn letter(&self) -> &'static str {
        match self {
            Self::Referral => "a",
            Self::Clearance => "b",
            Self::Dosing { .. } => "c",
            Self::Integration { .. } => "d",
            Self::FollowUp { .. } => "e",
            Self::Episode => "f",
        }
    }

    /// The session that the document is about.
    #[must_use]
    pub const fn session(&self) -> Option<&Id> {
        match self {
            Self::Dosing { session }
            | Self::Integration { session }
            | Self::FollowUp { session } => Some(session),
            Self::Referral | Self::Clearance | Self::Episode => None,
        }
    }

    /// Id of the Composition: `{session or episode}-doc-{letter}`.
    #[must_use]
    pub fn id(&self, episode: &Episode) -> Id {
        let about = self.session().unwrap_or(&episode.episode_id);
        derived(about, &format!("doc-{}", self.letter()))
    }

    /// The document that goes by the id of a Composition of `episode`, if it is one of ours.
    #[must_use]
    pub fn from_id(id: &str, episode: &Episode) -> Option<Self> {
        let of_sessions = episode.sessions.iter().flat_map(|s| {
            let session = || s.id.clone();
            [
                Self::Dosing { session: session() },
                Self::Integration { session: session() },
                Self::FollowUp { session: session() },
            ]
        });
        let mut all = [Self::Referral, Self::Clearance, Self::Episode]
            .into_iter()
            .chain(of_sessions);
        all.find(|document| document.id(episode).as_str() == id)
    }

    /// What the document says; `None` where the episode has nothing for it.
    fn draft<'a>(&self, words: &Words<'a>) -> Option<Draft<'a>> {
        match self.session() {
            Some(id) => self.of_session(words, words.session(id)?),
            None => self.of_episode(words),
        }
    }

    /// A document about a session: only about one of its kind, and never about an error.
    fn of_session<'a>(&self, words: &Words<'a>, s: &'a Session) -> Option<Draft<'a>> {
        if s.status == SessionStatus::EnteredInError {
            return None;
        }
        let draft = |loinc, title: String, lead, sections| Draft {
            title,
            loinc,
            lead,
            sections,
            session: Some(s),
            author: &s.lead_id,
        };
        Some(match (self, s.kind) {
            (Self::Dosing { .. }, SessionType::Dosing) => draft(
                ("78472-8", "Mental Health Procedure Note"),
                format!(
                    "KAP dosing session {}: encounter summary",
                    s.dosing.as_ref()?.sequence
                ),
                dosing::lead(words, s)?,
                dosing::sections(words, s),
            ),
            (Self::Integration { .. }, SessionType::Integration) => draft(
                ("34904-3", "Mental health Progress note"),
                "KAP integration summary".into(),
                letters::integration_lead(words, s),
                letters::integration(words, s),
            ),
            (
                Self::FollowUp { .. },
                SessionType::MedicalFollowUp | SessionType::DischargeFollowUp,
            ) => draft(
                progress_note(words, s),
                "KAP medical follow-up".into(),
                letters::follow_up_lead(words, s),
                letters::follow_up(words, s),
            ),
            _ => return None,
        })
    }

    fn of_episode<'a>(&self, words: &Words<'a>) -> Option<Draft<'a>> {
        let episode = words.episode;
        let mut team = episode.care_team.iter();
        let lead = team.find(|m| m.role == MemberRole::LeadTherapist);
        let practice = lead.map_or(&episode.organizations.practice.id, |m| &m.id);
        let draft = |loinc, title: &str, lead, sections, author| Draft {
            title: title.to_owned(),
            loinc,
            lead,
            sections,
            session: None,
            author,
        };
        Some(match self {
            Self::Referral => {
                let referral = episode.referrals.last()?;
                draft(
                    ("57143-0", "Mental health Referral note"),
                    "KAP referral packet",
                    letters::referral_lead(words, referral),
                    letters::referral(words, referral),
                    &referral.requester_id,
                )
            }
            Self::Clearance => {
                let clearance = episode.clearances.last()?;
                draft(
                    ("34788-0", "Psychiatry Consult note"),
                    "KAP medical clearance",
                    letters::clearance_lead(words, clearance),
                    letters::clearance(words, clearance),
                    &clearance.decided_by,
                )
            }
            _ => draft(
                ("34133-9", "Summary of episode note"),
                "KAP episode summary",
                letters::episode_lead(words),
                letters::episode(words),
                practice,
            ),
        })
    }
}

fn progress_note(words: &Words<'_>, s: &Session) -> (&'static str, &'static str) {
    let day = Day(s.start.0.date());
    if label::is_minor(words.episode.patient.birth_date, day) {
        ("68646-9", "Child and adolescent psychiatry Progress note")
    } else {
        ("28627-8", "Psychiatry Progress note")
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
    let words = Words::new(episode, Sight::Whole);
    let mut draft = document.draft(&words)?;
    let made = keys(episode);
    for section in &mut draft.sections {
        section.entries.retain(|entry| made.contains(entry));
    }
    let id = document.id(episode);
    Some(vec![
        composition::write(&id, &draft, episode, at),
        composition::document_reference(&id, &draft, episode, at),
    ])
}

/// Type and id of every resource that states the episode.
fn keys(episode: &Episode) -> HashSet<(&'static str, Id)> {
    let made = super::all_to_fhir(&episode.facts(), episode);
    made.into_iter()
        .filter_map(|r| Some((kind_name(&r.key.kind)?, r.key.id)))
        .collect()
}

/// The resource types that sections refer to.
fn kind_name(kind: &str) -> Option<&'static str> {
    const KINDS: [&str; 17] = [
        "AdverseEvent",
        "AllergyIntolerance",
        "Appointment",
        "CarePlan",
        "ClinicalImpression",
        "Condition",
        "DetectedIssue",
        "Encounter",
        "EpisodeOfCare",
        "Goal",
        "MedicationAdministration",
        "MedicationRequest",
        "Observation",
        "Practitioner",
        "Procedure",
        "QuestionnaireResponse",
        "ServiceRequest",
    ];
    KINDS.into_iter().find(|known| *known == kind)
}
