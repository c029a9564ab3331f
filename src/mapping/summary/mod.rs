//! Encounter-summary documents (domain reference §7): what a reader outside gets to read of an episode.
//!
//! The text of every section is made by functions over the episode, never copied: a document for a reader
//! who may see a part of the record is written again from that part (`bundle`).

mod after_dose;
mod bundle;
mod dosing;
mod letters;
mod parts;
mod plan;
pub(super) mod words;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use fhir_sdk::r4b::codes::{
    CompositionAttestationMode, CompositionStatus, DocumentReferenceStatus,
};
use fhir_sdk::r4b::resources::{
    Composition, CompositionAttester, CompositionEvent, CompositionSection, DocumentReference,
    DocumentReferenceContent, DocumentReferenceContext,
};
use fhir_sdk::r4b::types::{Attachment, CodeableConcept, Reference};

pub use bundle::document;

use super::build::{
    Frame, actor, coding_of, concept, date_time, derived, finish, hl7_concept, instant, must,
    own_identifier, patient, period, reference, some, start,
};
use super::codes::{LOINC, structure, us_core};
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
        composition(&id, &draft, episode, at),
        document_reference(&id, &draft, episode, at),
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

/// The text of the whole: first what matters, then every section under its title.
fn whole(lead: &str, sections: &[Section]) -> Html {
    let titles = sections.iter().map(|s| s.title.to_owned());
    Html::new().p(lead).list(titles)
}

fn note_type(draft: &Draft<'_>) -> CodeableConcept {
    concept([coding_of(LOINC, draft.loinc.0, Some(draft.loinc.1))])
}

fn clinical_note() -> CodeableConcept {
    let system = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category";
    concept([coding_of(system, "clinical-note", Some("Clinical Note"))])
}

/// A clinician as PractitionerRole, an organization as itself.
fn author(draft: &Draft<'_>, e: &Episode) -> Reference {
    actor(draft.author, e)
}

fn composition(id: &Id, draft: &Draft<'_>, e: &Episode, at: Instant) -> Resource {
    let text = whole(&draft.lead, &draft.sections);
    let day = draft
        .session
        .map(|s| Day(s.start.0.date()))
        .or(Some(Day(at.0.date())));
    let frame = Frame::clinical(id.as_str(), &[structure("kap-composition")], day, &text, e);
    let attester = CompositionAttester::builder()
        .mode(CompositionAttestationMode::Professional)
        .time(date_time(at))
        .party(author(draft, e));
    let event = draft.session.map(|s| {
        let built = CompositionEvent::builder()
            .period(period(Some(s.start), s.end))
            .detail(some([reference("Encounter", &s.id)]));
        must(built.build())
    });
    let built = start!(Composition, frame)
        .status(CompositionStatus::Final)
        .r#type(note_type(draft))
        .category(some([clinical_note()]))
        .subject(patient(e))
        .date(date_time(at))
        .author(some([author(draft, e)]))
        .title(draft.title.clone())
        .confidentiality("R".to_owned())
        .attester(some([must(attester.build())]))
        .custodian(reference("Organization", &e.organizations.practice.id))
        .event(some(event))
        .section(some(draft.sections.iter().map(section)))
        .build();
    let mut built = must(built);
    built.identifier = Some(own_identifier("document", id));
    built.encounter = draft.session.map(|s| reference("Encounter", &s.id));
    finish(Ok(built))
}

fn section(s: &Section) -> CompositionSection {
    let code = concept([coding_of(LOINC, s.code, loinc_display(s.code))]);
    let built = CompositionSection::builder()
        .title(s.title.to_owned())
        .code(code)
        .text(s.html.narrative())
        .entry(some(s.entries.iter().map(|(kind, id)| reference(kind, id))));
    let mut built = must(built.build());
    if s.html.says_nothing() && s.entries.is_empty() {
        built.text = None;
        let none = hl7_concept("list-empty-reason", "unavailable", "Unavailable");
        built.empty_reason = Some(none);
    }
    built
}

fn document_reference(id: &Id, draft: &Draft<'_>, e: &Episode, at: Instant) -> Resource {
    let own = derived(id, "ref");
    let text = Html::new().p(&draft.title).p(&draft.lead);
    let profiles = [
        structure("kap-document-reference"),
        us_core("us-core-documentreference"),
    ];
    let day = draft
        .session
        .map(|s| Day(s.start.0.date()))
        .or(Some(Day(at.0.date())));
    let frame = Frame::clinical(own.as_str(), &profiles, day, &text, e);
    let attachment = Attachment::builder()
        .content_type("application/fhir+json".to_owned())
        .url(format!("Composition/{id}/$document"))
        .title(draft.title.clone())
        .creation(date_time(at));
    let content = DocumentReferenceContent::builder().attachment(must(attachment.build()));
    let mut context = must(DocumentReferenceContext::builder().build());
    context.encounter = some(draft.session.map(|s| reference("Encounter", &s.id)));
    context.period = draft.session.map(|s| period(Some(s.start), s.end));
    context.related = some([reference("Composition", id)]);
    let built = start!(DocumentReference, frame)
        .status(DocumentReferenceStatus::Current)
        .doc_status(CompositionStatus::Final)
        .r#type(note_type(draft))
        .category(some([clinical_note()]))
        .subject(patient(e))
        .date(instant(at))
        .author(some([author(draft, e)]))
        .custodian(reference("Organization", &e.organizations.practice.id))
        .description(draft.title.clone())
        .content(some([must(content.build())]))
        .context(context)
        .build();
    let mut built = must(built);
    built.identifier = some([own_identifier("document", &own)]);
    finish(Ok(built))
}

/// LOINC's display of a section code (domain reference, appendix B).
fn loinc_display(code: &str) -> Option<&'static str> {
    Some(match code {
        "10154-3" => "Chief complaint Narrative - Reported",
        "10160-0" => "History of medication use Narrative",
        "10162-6" => "History of pregnancies Narrative",
        "10164-2" => "History of present illness Narrative",
        "10190-7" => "Mental status Narrative",
        "11383-7" => "Patient problem outcome",
        "11450-4" => "Problem list - Reported",
        "18776-5" => "Plan of treatment (narrative)",
        "29299-5" => "Reason for visit Narrative",
        "29549-3" => "Medication administered Narrative",
        "29554-3" => "Procedure Narrative",
        "29762-2" => "Social history Narrative",
        "30954-2" => "Relevant diagnostic tests/laboratory data Narrative",
        "42349-1" => "Reason for referral (narrative)",
        "46239-0" => "Chief complaint and reason for visit",
        "47519-4" => "History of Procedures Document",
        "48765-2" => "Allergies and adverse reactions Document",
        "51848-0" => "Evaluation note",
        "55109-3" => "Complications Document",
        "59768-2" => "Procedure indications [interpretation] Narrative",
        "59774-0" => "Procedure anesthesia Narrative",
        "59775-7" => "Procedure disposition Narrative",
        "61146-7" => "Goals Narrative",
        "61150-9" => "Subjective Narrative",
        "62387-6" => "Interventions Narrative",
        "69730-0" => "Instructions",
        "75310-3" => "Health concerns Document",
        "85847-2" => "Patient Care team information",
        "8716-3" => "Vital signs",
        _ => return None,
    })
}
