//! From the practice's values to fhir-sdk values, and from those to exact JSON text.
//!
//! A resource is made in three steps: a `Frame` (id, profiles, labels, narrative, extensions), the `start!`
//! macro that puts the frame into the builder, and `finish`, which writes the text.
//!
//! fhir-sdk holds decimals as `f64`. So that `0.50` is written as `0.50`, `exact` packs digits and scale of
//! a decimal into a float far outside of any clinical range, and the writer unpacks it. Every decimal must
//! come through `exact` (as `quantity`, `ucum` and `decimal` do), and only `finish` may write a resource.

use std::io;
use std::num::NonZeroU32;
use std::str::FromStr;

use fhir_sdk::r4b::types::{
    Annotation, CodeableConcept, Coding as FhirCoding, Extension, ExtensionValue,
    Identifier as FhirIdentifier, Meta, Narrative, Period, Quantity as FhirQuantity, Reference,
};
use fhir_sdk::{BuilderError, Date, DateTime, Instant as FhirInstant};
use serde::Serialize;
use serde_json::Value;

use super::codes::{
    CANONICAL, DRUG_FORM, UCUM, WORKFLOW_EPISODE, hl7, namespace, structure, system,
};
use super::label::{self, Class};
use super::narrative::Html;
use super::terms;
use crate::fhir::resource::{Key, Resource};
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
        let security = label::labels(Class::Clinical, &[], &[], day, e);
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
        let mut meta = must(Meta::builder().build());
        meta.profile = profiles.iter().cloned().map(Some).collect();
        meta.security = some(security);
        if e.synthetic {
            meta.tag = vec![Some(label::test_data())];
        }
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

/// Writes a built resource: exact text, parsed value, key.
///
/// # Panics
/// Where the resource has no id or no JSON form: a defect of a mapping.
#[must_use]
pub fn finish<T: Serialize>(built: Result<T, BuilderError>) -> Resource {
    let text = to_json(&must(built)).expect("a built resource has a JSON form");
    let value: Value = serde_json::from_str(&text).expect("what was written is JSON");
    let part = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = Id::new(part("id")).expect("a built resource has a legal id");
    Resource {
        key: Key::new(part("resourceType"), id),
        json: text.into(),
        value,
    }
}

/// The JSON text of an fhir-sdk value, with exact decimals.
fn to_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut out = Vec::with_capacity(2048);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Exact))?;
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// Writes floats as the decimals that `exact` packed; others as short as they are.
struct Exact;

impl serde_json::ser::Formatter for Exact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, n: f64) -> io::Result<()> {
        match unpack(n) {
            Some(decimal) => write!(out, "{decimal}"),
            None => write!(out, "{n}"),
        }
    }
}

/// A primitive value as its text, with exact decimals; a string without its quotes.
#[must_use]
pub fn plain<T: Serialize>(value: &T) -> String {
    let text = to_json(value).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let inner = value.as_object().and_then(|fields| fields.values().next());
    match inner.unwrap_or(&value) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Exponents from here on mark a packed decimal; their low five bits are its scale (at most 28).
const MARK: u64 = 0x7E0;
const MANTISSA_BITS: u32 = 52;

/// A decimal on its way through fhir-sdk. Exact to 15 digits, beyond them the nearest float.
#[must_use]
pub fn exact(n: Decimal) -> f64 {
    let digits = n.0.mantissa().unsigned_abs();
    match u64::try_from(digits) {
        Ok(digits) if digits >> MANTISSA_BITS == 0 => {
            let sign = u64::from(n.0.is_sign_negative()) << 63;
            let exponent = (MARK | u64::from(n.0.scale())) << MANTISSA_BITS;
            f64::from_bits(sign | exponent | digits)
        }
        _ => n.0.to_string().parse().unwrap_or_default(),
    }
}

fn unpack(n: f64) -> Option<rust_decimal::Decimal> {
    let bits = n.to_bits();
    let exponent = (bits >> MANTISSA_BITS) & 0x7FF;
    let scale = u32::try_from(exponent & 0x1F).ok()?;
    if exponent & MARK != MARK || scale > 28 {
        return None;
    }
    let digits = i64::try_from(bits & ((1 << MANTISSA_BITS) - 1)).ok()?;
    let signed = if n.is_sign_negative() {
        -digits
    } else {
        digits
    };
    rust_decimal::Decimal::try_new(signed, scale).ok()
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

// --- extensions ----------------------------------------------------------------------------------

/// A simple extension with a full URL, or the part of a complex one.
#[must_use]
pub fn extension(url: impl Into<String>, value: ExtensionValue) -> Extension {
    must(Extension::builder().url(url.into()).value(value).build())
}

/// The local extension `name` with a value.
#[must_use]
pub fn kap(name: &str, value: ExtensionValue) -> Extension {
    extension(structure(name), value)
}

/// The local complex extension `name`; `None` where it has no part.
#[must_use]
pub fn kap_parts(name: &str, parts: impl Into<Parts>) -> Option<Extension> {
    let Parts(parts) = parts.into();
    let ext = || Extension::builder().url(structure(name));
    (!parts.is_empty()).then(|| must(ext().extension(parts).build()))
}

/// `workflow-episodeOfCare`.
#[must_use]
pub fn episode_link(e: &Episode) -> Extension {
    let value = ExtensionValue::Reference(reference("EpisodeOfCare", &e.episode_id));
    extension(WORKFLOW_EPISODE, value)
}

/// The parts of a complex extension. Absent values leave no part.
#[derive(Clone, Debug, Default)]
pub struct Parts(Vec<Extension>);

impl Parts {
    /// No part yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of any type.
    #[must_use]
    pub fn value(mut self, name: &str, value: Option<ExtensionValue>) -> Self {
        self.0.extend(value.map(|v| extension(name, v)));
        self
    }

    /// A `code` part.
    #[must_use]
    pub fn code<T: ToString>(self, name: &str, code: Option<T>) -> Self {
        self.value(name, code.map(|c| ExtensionValue::Code(c.to_string())))
    }

    /// A `string` part.
    #[must_use]
    pub fn text<T: ToString>(self, name: &str, text: Option<T>) -> Self {
        self.value(name, text.map(|t| ExtensionValue::String(t.to_string())))
    }

    /// `string` parts of one name.
    #[must_use]
    pub fn texts<T: ToString>(self, name: &str, all: impl IntoIterator<Item = T>) -> Self {
        all.into_iter()
            .fold(self, |parts, t| parts.text(name, Some(t)))
    }

    /// A `boolean` part.
    #[must_use]
    pub fn flag(self, name: &str, value: Option<bool>) -> Self {
        self.value(name, value.map(ExtensionValue::Boolean))
    }

    /// An `unsignedInt` part.
    #[must_use]
    pub fn count(self, name: &str, n: Option<u32>) -> Self {
        self.value(name, n.map(ExtensionValue::UnsignedInt))
    }

    /// A `decimal` part.
    #[must_use]
    pub fn decimal(self, name: &str, n: Option<Decimal>) -> Self {
        self.value(name, n.map(|n| ExtensionValue::Decimal(exact(n))))
    }

    /// A `dateTime` part.
    #[must_use]
    pub fn at(self, name: &str, at: Option<Instant>) -> Self {
        self.value(name, at.map(|t| ExtensionValue::DateTime(date_time(t))))
    }

    /// A `date` part.
    #[must_use]
    pub fn day(self, name: &str, day: Option<Day>) -> Self {
        self.value(name, day.map(|d| ExtensionValue::Date(date(d))))
    }

    /// A `Coding` part.
    #[must_use]
    pub fn coding(self, name: &str, c: Option<&Coding>) -> Self {
        self.value(name, c.map(|c| ExtensionValue::Coding(coding(c))))
    }

    /// A `Reference` part.
    #[must_use]
    pub fn reference(self, name: &str, to: Option<Reference>) -> Self {
        self.value(name, to.map(ExtensionValue::Reference))
    }

    /// A part that has parts itself; left out where it has none.
    #[must_use]
    pub fn parts(mut self, name: &str, Parts(parts): Parts) -> Self {
        if !parts.is_empty() {
            let b = Extension::builder().url(name.to_owned()).extension(parts);
            self.0.push(must(b.build()));
        }
        self
    }
}

/// A `positiveInt` value. Zero is written as `unsignedInt`: wrong by the profile, and seen, never dropped.
#[must_use]
pub fn positive(n: u32) -> ExtensionValue {
    NonZeroU32::new(n).map_or(ExtensionValue::UnsignedInt(n), ExtensionValue::PositiveInt)
}

/// The canonical of the local questionnaire of an instrument, such as `…/Questionnaire/phq-9`.
#[must_use]
pub fn questionnaire(instrument: &str) -> String {
    format!(
        "{CANONICAL}/Questionnaire/{}",
        instrument.to_ascii_lowercase()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_decimal_keeps_its_digits(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=28) {
            let n = Decimal(rust_decimal::Decimal::new(mantissa, scale));
            prop_assert_eq!(to_json(&exact(n)).ok(), Some(n.to_string()));
        }

        #[test]
        fn a_plain_float_is_never_taken_for_a_decimal(n in -1.0e200_f64..1.0e200) {
            prop_assert_eq!(unpack(n), None);
        }
    }

    #[test]
    fn doses_are_written_as_they_were_said() {
        for text in ["0.50", "100", "1.10", "-3", "0", "12.5"] {
            let n: Decimal = text.parse().unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(
                to_json(&ucum(n, "mg")).ok().as_deref(),
                Some(&*format!(
                    r#"{{"value":{text},"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}"#
                ))
            );
        }
    }
}
