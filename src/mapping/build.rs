//! From the practice's values to fhir-sdk values, and from those to exact JSON text.
//!
//! A resource is made in three steps: a `Frame` (id, profiles, labels, narrative, extensions), the `start!`
//! macro that puts the frame into the builder, and `finish`, which writes the text.
//!
//! Every decimal must come through `exact` (as `quantity`, `ucum` and `decimal` do), and only `finish` may
//! write a resource: see `json`.

use std::str::FromStr;

use fhir_sdk::r4b::types::{
    Annotation, CodeableConcept, Coding as FhirCoding, Extension, Identifier as FhirIdentifier,
    Meta, Narrative, Period, Quantity as FhirQuantity, Reference,
};
use fhir_sdk::{BuilderError, Date, DateTime, Instant as FhirInstant};

use super::codes::{DRUG_FORM, UCUM, hl7, namespace, system};
pub use super::extension::{Parts, episode_link, extension, kap, kap_parts, positive};
pub use super::json::{exact, finish, plain};
use super::label::{self, Class};
use super::narrative::Html;
use super::terms;
use crate::access::Labels;
use crate::kap::Episode;
use crate::kap::base::{Coding, Day, Decimal, Id, Identifier, Instant, Quantity};

/// What every built resource has.
#[derive(Clone, Debug)]
pub struct Frame {
    pub id: String,
    pub meta: Meta,
    pub text: Narrative,
    pub extension: Vec<Extension>,
}

/// Starts the builder of resource type `$kind` with a `Frame`.
macro_rules! start {
    ($kind:ident, $frame:expr) => {{
        let frame: $crate::mapping::build::Frame = $frame;
        $kind::builder()
            .id(frame.id)
            .meta(frame.meta)
            .text(frame.text)
            .extension(frame.extension)
    }};
}
pub(super) use start;

impl Frame {
    /// A frame for a clinical resource (`R PSY`), tied to the episode by `workflow-episodeOfCare`.
    /// `profiles` are full URLs; a local profile comes from `codes::structure`.
    #[must_use]
    pub fn clinical(
        id: &str,
        profiles: &[String],
        day: Option<Day>,
        text: &Html,
        e: &Episode,
    ) -> Self {
        let security = label::labels(Class::Clinical, &[], Labels::NONE, day, e);
        Self::new(id, profiles, security, text, e).extend([episode_link(e)])
    }

    /// A frame with these labels and no extension.
    #[must_use]
    pub fn new(
        id: &str,
        profiles: &[String],
        security: Vec<FhirCoding>,
        text: &Html,
        e: &Episode,
    ) -> Self {
        let mut frame = Self::of_directory(id, profiles, security, text);
        if e.synthetic {
            frame.meta.tag = vec![Some(label::test_data())];
        }
        frame
    }

    /// A frame for a resource that belongs to no episode.
    #[must_use]
    pub fn of_directory(
        id: &str,
        profiles: &[String],
        security: Vec<FhirCoding>,
        text: &Html,
    ) -> Self {
        let mut meta = must(Meta::builder().build());
        meta.profile = profiles.iter().cloned().map(Some).collect();
        meta.security = some(security);
        Self {
            id: id.to_owned(),
            meta,
            text: text.narrative(),
            extension: vec![],
        }
    }

    /// The same frame with further labels (on top of the confidentiality that it has).
    #[must_use]
    pub fn labelled(mut self, security: Vec<FhirCoding>) -> Self {
        self.meta.security = some(security);
        self
    }

    /// The same frame with these extensions added.
    #[must_use]
    pub fn extend(mut self, extensions: impl IntoIterator<Item = Extension>) -> Self {
        self.extension.extend(extensions);
        self
    }
}

/// Takes a built element.
///
/// # Panics
/// Where a required element was not set: a defect of a mapping, which its tests show on first run.
#[must_use]
pub fn must<T>(built: Result<T, BuilderError>) -> T {
    built.expect("every required element is set")
}

/// A required-binding code of fhir-sdk; `fallback` where the practice's word is not in the list.
#[must_use]
pub fn code<T: FromStr>(text: &str, fallback: T) -> T {
    text.parse().unwrap_or(fallback)
}

/// fhir-sdk's list form.
#[must_use]
pub fn some<T>(items: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
    items.into_iter().map(Some).collect()
}

// --- codes ---------------------------------------------------------------------------------------

/// A coding from its parts.
#[must_use]
pub fn coding_of(system: &str, code: &str, display: Option<&str>) -> FhirCoding {
    let mut coding = must(
        FhirCoding::builder()
            .system(system.to_owned())
            .code(code.to_owned())
            .build(),
    );
    coding.display = display.map(str::to_owned);
    coding
}

/// The practice's coding, verbatim.
#[must_use]
pub fn coding(c: &Coding) -> FhirCoding {
    coding_of(&c.system, &c.code, c.display.as_deref())
}

/// A code of the local system `name` with its published display.
#[must_use]
pub fn local(name: &str, code: &str) -> FhirCoding {
    coding_of(&system(name), code, terms::display(name, code))
}

/// A concept of these codings.
#[must_use]
pub fn concept(codings: impl IntoIterator<Item = FhirCoding>) -> CodeableConcept {
    let mut concept = must(CodeableConcept::builder().build());
    concept.coding = some(codings);
    concept
}

/// A concept of words alone.
#[must_use]
pub fn words(text: impl Into<String>) -> CodeableConcept {
    must(CodeableConcept::builder().text(text.into()).build())
}

/// The same concept with words.
#[must_use]
pub fn with_text(mut concept: CodeableConcept, text: impl Into<String>) -> CodeableConcept {
    concept.text = Some(text.into());
    concept
}

/// A concept of one code of an HL7 terminology system (`http://terminology.hl7.org/CodeSystem/…`).
#[must_use]
pub fn hl7_concept(name: &str, code: &str, display: &str) -> CodeableConcept {
    concept([coding_of(&hl7(name), code, Some(display))])
}

// --- numbers and times ---------------------------------------------------------------------------

/// The practice's quantity. A unit without a code is its own UCUM code, except for counted dose forms.
#[must_use]
pub fn quantity(q: &Quantity) -> FhirQuantity {
    let mut out = must(
        FhirQuantity::builder()
            .value(exact(q.value))
            .unit(q.unit.clone())
            .build(),
    );
    out.system.clone_from(&q.system);
    out.code.clone_from(&q.code);
    if q.code.is_none() {
        let (system, code) = match q.unit.as_str() {
            LOZENGE => (DRUG_FORM, TROCHE),
            unit => (UCUM, unit),
        };
        out.system.get_or_insert_with(|| system.to_owned());
        out.code = Some(code.to_owned());
    }
    out
}

/// A unit that is counted, not measured: its code is a dose form (domain reference §3.1).
pub(super) const LOZENGE: &str = "lozenge";
pub(super) const TROCHE: &str = "ORTROCHE";

/// An amount in a UCUM unit.
#[must_use]
pub fn ucum(value: Decimal, unit: &str) -> FhirQuantity {
    let b = FhirQuantity::builder()
        .value(exact(value))
        .unit(unit.to_owned());
    must(b.system(UCUM.to_owned()).code(unit.to_owned()).build())
}

/// A dateTime with the offset in which it was written.
#[must_use]
pub fn date_time(at: Instant) -> DateTime {
    DateTime::DateTime(instant(at))
}

/// An instant.
#[must_use]
pub fn instant(at: Instant) -> FhirInstant {
    FhirInstant(at.0)
}

/// A date.
#[must_use]
pub fn date(day: Day) -> Date {
    Date::Date(day.0)
}

/// A dateTime that is a day.
#[must_use]
pub fn day_time(day: Day) -> DateTime {
    DateTime::Date(date(day))
}

/// A period of times.
#[must_use]
pub fn period(start: Option<Instant>, end: Option<Instant>) -> Period {
    let mut out = must(Period::builder().build());
    out.start = start.map(date_time);
    out.end = end.map(date_time);
    out
}

/// A period of days.
#[must_use]
pub fn day_period(start: Option<Day>, end: Option<Day>) -> Period {
    let mut out = must(Period::builder().build());
    out.start = start.map(day_time);
    out.end = end.map(day_time);
    out
}

/// A note without author.
#[must_use]
pub fn note(text: impl Into<String>) -> Annotation {
    must(Annotation::builder().text(text.into()).build())
}

// --- identifiers and references ------------------------------------------------------------------

/// The practice's identifier; a type is a code of HL7 table 0203.
#[must_use]
pub fn identifier(i: &Identifier) -> FhirIdentifier {
    let b = FhirIdentifier::builder()
        .system(i.system.clone())
        .value(i.value.clone());
    let mut out = must(b.build());
    let kind = i.kind.as_deref();
    out.r#type = kind.map(|k| concept([coding_of(super::codes::IDENTIFIER_TYPE, k, None)]));
    out
}

/// The identifier that the service gives each record: its id in the namespace `kind`.
#[must_use]
pub fn own_identifier(kind: &str, id: &Id) -> FhirIdentifier {
    must(
        FhirIdentifier::builder()
            .system(namespace(kind))
            .value(id.to_string())
            .build(),
    )
}

/// A literal relative reference.
#[must_use]
pub fn reference(kind: &str, id: impl std::fmt::Display) -> Reference {
    must(
        Reference::builder()
            .reference(format!("{kind}/{id}"))
            .build(),
    )
}

/// The patient of the episode.
#[must_use]
pub fn patient(e: &Episode) -> Reference {
    reference("Patient", &e.patient.id)
}

/// The id of a further resource of a record: `{id}-{suffix}`, or a digest of that where it is too long for
/// a FHIR id.
#[must_use]
pub fn derived(id: &Id, suffix: &str) -> Id {
    let text = format!("{id}-{suffix}");
    let digest = || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, text.as_bytes()).to_string();
    Id::new(text.as_str())
        .or_else(|| Id::new(digest()))
        .unwrap_or_default()
}

/// The PractitionerRole of a member. Where its id is a digest, the reference names the member as well.
#[must_use]
pub fn role(member: &Id) -> Reference {
    let id = derived(member, "role");
    let mut out = reference("PractitionerRole", &id);
    if !id.as_str().starts_with(member.as_str()) {
        out.identifier = Some(own_identifier("member", member));
    }
    out
}

/// Whoever goes by this id: `patient`, `system`, the patient, a related person, an organization, or else a
/// member (as PractitionerRole). `read::Source::actor` is the way back.
#[must_use]
pub fn actor(id: &Id, e: &Episode) -> Reference {
    let orgs = &e.organizations;
    let is_org = *id == orgs.practice.id
        || *id == orgs.partner.id
        || orgs.pharmacy.as_ref().is_some_and(|p| p.id == *id);
    if *id == e.patient.id {
        patient(e)
    } else if e.related_persons.iter().any(|p| p.id == *id) {
        reference("RelatedPerson", id)
    } else if is_org {
        reference("Organization", id)
    } else if matches!(id.as_str(), "patient" | "system" | "guardian") {
        must(Reference::builder().display(id.to_string()).build())
    } else {
        role(id)
    }
}

/// A reference to any record of the episode by its id; `None` where the episode has no such record.
#[must_use]
pub fn record(id: &Id, e: &Episode) -> Option<Reference> {
    kind_of(id, e).map(|kind| reference(kind, id))
}

/// As `record`; an id that the episode does not know is taken for a document.
#[must_use]
pub fn record_or_document(id: &Id, e: &Episode) -> Reference {
    record(id, e).unwrap_or_else(|| reference("DocumentReference", id))
}

/// The resource type of the primary resource of the record `id`.
#[must_use]
pub fn kind_of(id: &Id, e: &Episode) -> Option<&'static str> {
    fn has<T>(all: &[T], of: impl Fn(&T) -> &Id, id: &Id) -> bool {
        all.iter().any(|x| of(x) == id)
    }
    let dosing = || e.sessions.iter().filter_map(|s| s.dosing.as_ref());
    Some(match () {
        () if has(&e.problems, |x| &x.id, id) => "Condition",
        () if has(&e.screenings, |x| &x.id, id) => "QuestionnaireResponse",
        () if has(&e.detected_issues, |x| &x.id, id) => "DetectedIssue",
        () if has(&e.allergies, |x| &x.id, id) => "AllergyIntolerance",
        () if has(&e.medications, |x| &x.id, id) => "MedicationRequest",
        () if has(&e.prescriptions, |x| &x.id, id) => "MedicationRequest",
        () if has(&e.sessions, |x| &x.id, id) => "Encounter",
        () if has(&e.consents, |x| &x.id, id) => "Consent",
        () if has(&e.clearances, |x| &x.id, id) => "ClinicalImpression",
        () if has(&e.referrals, |x| &x.id, id) => "ServiceRequest",
        () if has(&e.dispenses, |x| &x.id, id) => "MedicationDispense",
        () if has(&e.outcomes, |x| &x.id, id) => "Observation",
        () if has(&e.adverse_events, |x| &x.id, id) => "AdverseEvent",
        () if has(&e.intentions, |x| &x.id, id) => "Goal",
        () if has(&e.communications, |x| &x.id, id) => "Communication",
        () if dosing().any(|d| has(&d.doses, |x| &x.id, id)) => "MedicationAdministration",
        () if *id == e.patient.id => "Patient",
        () => return None,
    })
}
