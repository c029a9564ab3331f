//! A document on its way out: its Composition, and the DocumentReference by which it is found.

use fhir_sdk::r4b::codes::{
    CompositionAttestationMode, CompositionStatus, DocumentReferenceStatus,
    DocumentRelationshipType,
};
use fhir_sdk::r4b::resources::{
    Composition, CompositionAttester, CompositionEvent, CompositionRelatesTo,
    CompositionRelatesToTarget, CompositionSection, DocumentReference, DocumentReferenceContent,
    DocumentReferenceContext, DocumentReferenceRelatesTo,
};
use fhir_sdk::r4b::types::{Attachment, CodeableConcept, Reference};

use super::words::Words;
use super::{Draft, Empty, Section};
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant};
use crate::mapping::build::{
    Frame, actor, coding_of, concept, date_time, derived, episode_link, finish, hl7_concept,
    instant, must, own_identifier, patient, period, reference, some, start,
};
use crate::mapping::codes::{LOINC, structure, us_core};
use crate::mapping::label::{self, Class};
use crate::mapping::narrative::Html;

/// The text of the whole: first what matters, then whose it is, and by whom it was written when.
pub(super) fn whole(words: &Words<'_>, draft: &Draft<'_>) -> Html {
    let session = draft.session.map(|s| match s.end {
        Some(end) => format!("{} to {}", words.stamp(s.start), words.clock(end)),
        None => words.stamp(s.start),
    });
    let (written, author) = (words.stamp(words.at), words.name(draft.author));
    Html::new()
        .p(&draft.lead)
        .fact("Patient", words.patient())
        .maybe("Session", session)
        .fact("Practice", &words.episode.organizations.practice.name)
        .fact("Written", format!("{written}; author {author}"))
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

/// The day that a document is about.
fn day(draft: &Draft<'_>, at: Instant) -> Day {
    let began = draft.session.map(|s| s.start);
    Day(began.unwrap_or(at).0.date())
}

/// A frame with the labels of everything that the document speaks of.
fn frame(id: &Id, profiles: &[String], text: &Html, draft: &Draft<'_>, words: &Words<'_>) -> Frame {
    let e = words.episode;
    let topics: Vec<String> = draft.topics.iter().cloned().collect();
    let day = Some(day(draft, words.at));
    let security = label::labels(Class::Clinical, &topics, Labels::NONE, day, e);
    Frame::new(id.as_str(), profiles, security, text, e).extend([episode_link(e)])
}

/// What the document is an account of.
fn event(draft: &Draft<'_>) -> Option<CompositionEvent> {
    let s = draft.session?;
    let built = CompositionEvent::builder()
        .period(period(Some(s.start), s.end))
        .detail(some([reference("Encounter", &s.id)]));
    Some(must(built.build()))
}

/// The Composition.
pub(super) fn write(id: &Id, draft: &Draft<'_>, words: &Words<'_>) -> Resource {
    let (e, at) = (words.episode, words.at);
    let text = whole(words, draft);
    let profiles = [structure("kap-composition")];
    let frame = frame(id, &profiles, &text, draft, words);
    let attester = CompositionAttester::builder()
        .mode(CompositionAttestationMode::Professional)
        .time(date_time(draft.attested.unwrap_or(at)))
        .party(author(draft, e));
    let replaces = draft.replaces.as_ref().map(|id| {
        let target = CompositionRelatesToTarget::Reference(reference("Composition", id));
        let built = CompositionRelatesTo::builder().code(DocumentRelationshipType::Replaces);
        must(built.target(target).build())
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
        .relates_to(some(replaces))
        .event(some(event(draft)))
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
    if s.html.says_nothing() {
        built.text = None;
    }
    if s.entries.is_empty() {
        let (code, display) = match s.empty {
            Empty::NilKnown => ("nilknown", "Nil Known"),
            Empty::NotAsked => ("notasked", "Not Asked"),
            Empty::Unavailable => ("unavailable", "Unavailable"),
        };
        built.empty_reason = Some(hl7_concept("list-empty-reason", code, display));
    }
    built
}

/// The DocumentReference `{composition}-ref`, by which a document is found.
pub(super) fn document_reference(id: &Id, draft: &Draft<'_>, words: &Words<'_>) -> Resource {
    let (e, at) = (words.episode, words.at);
    let own = derived(id, "ref");
    let text = Html::new().p(&draft.title).p(&draft.lead);
    let profiles = [
        structure("kap-document-reference"),
        us_core("us-core-documentreference"),
    ];
    let frame = frame(&own, &profiles, &text, draft, words);
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
    let replaces = draft.replaces.as_ref().map(|id| {
        let target = reference("DocumentReference", derived(id, "ref"));
        let built = DocumentReferenceRelatesTo::builder().code(DocumentRelationshipType::Replaces);
        must(built.target(target).build())
    });
    let built = start!(DocumentReference, frame)
        .status(if draft.superseded {
            DocumentReferenceStatus::Superseded
        } else {
            DocumentReferenceStatus::Current
        })
        .relates_to(some(replaces))
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
pub(super) fn loinc_display(code: &str) -> Option<&'static str> {
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
