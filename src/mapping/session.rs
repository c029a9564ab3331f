//! Sessions: the Encounter, and what goes with it.
//!
//! `{id}-appt`, the Appointment; `{id}-proc`, the psychotherapy of a completed session; `{id}-weight`; and
//! `{id}-record`, a form with what has no FHIR element.

use fhir_sdk::r4b::codes::{EncounterStatus, EventStatus, ObservationStatus};
use fhir_sdk::r4b::resources::{
    Encounter, EncounterHospitalization, EncounterLocation, EncounterParticipant, Observation,
    ObservationEffective, ObservationValue, Procedure, ProcedurePerformed, ProcedurePerformer,
};
use fhir_sdk::r4b::types::{CodeableConcept, Extension, ExtensionValue, Reference};

use super::build::{
    Frame, Parts, actor, coding_of, concept, date_time, derived, finish, hl7_concept, kap,
    kap_parts, local, must, own_identifier, patient, period, reference, some, start,
};
use super::codes::{ACT_CODE, PARTICIPATION, SNOMED, structure, us_core};
use super::narrative::Html;
use super::terms;
use super::vitals::{loinc, measured};
use super::{appointment, session_record};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant, Quantity};
use crate::kap::dosing::{
    Disposition, EncounterClass, Session, SessionStatus, SessionType, Setting,
};

pub(super) const TYPE: &str = "kap-session-type";
pub(super) const ROLE: &str = "kap-participant-role";
const SETTING: &str = "kap-session-setting";

/// The resources of a session without its parts.
#[must_use]
pub fn write(x: &Session, e: &Episode) -> Vec<Resource> {
    [
        Some(encounter(x, e)),
        Some(appointment::write(x, e)),
        procedure(x, e),
        x.body_weight.as_ref().map(|kg| weight(x, kg, e)),
        session_record::write(x, e),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The day on which `x` began, where it was.
pub(super) fn began(x: &Session) -> Day {
    Day(x.start.0.date())
}

fn label(x: &Session) -> &'static str {
    terms::display(TYPE, x.kind.code()).unwrap_or(x.kind.code())
}

fn kind(x: &Session) -> CodeableConcept {
    let (code, display) = match x.kind {
        SessionType::Consultation => ("185387006", "New patient consultation (procedure)"),
        SessionType::MedicalEvaluation => ("225886003", "Medical assessment (procedure)"),
        SessionType::MedicalFollowUp => ("281036007", "Follow-up consultation (procedure)"),
        SessionType::DischargeFollowUp => ("390906007", "Follow-up encounter (procedure)"),
        SessionType::Dosing => ("371883000", "Outpatient procedure (procedure)"),
        SessionType::Preparation | SessionType::Integration | SessionType::IndividualTherapy => {
            ("308335008", "Patient encounter procedure")
        }
    };
    concept([
        local(TYPE, x.kind.code()),
        coding_of(SNOMED, code, Some(display)),
    ])
}

fn is_medical(x: &Session) -> bool {
    matches!(
        x.kind,
        SessionType::MedicalEvaluation | SessionType::MedicalFollowUp
    )
}

/// The kind of service that `x` is.
pub(super) fn service(x: &Session) -> CodeableConcept {
    let (code, display) = if is_medical(x) {
        ("394587001", "Psychiatry")
    } else {
        ("394913002", "Psychotherapy")
    };
    concept([coding_of(SNOMED, code, Some(display))])
}

fn encounter(x: &Session, e: &Episode) -> Resource {
    let own = match x.kind {
        SessionType::Dosing => "kap-dosing-encounter",
        _ => "kap-encounter",
    };
    let profiles = [structure(own), us_core("us-core-encounter")];
    let text = Html::new()
        .p(label(x))
        .fact("Status", x.status.code())
        .fact("From", x.start.to_string())
        .maybe("To", x.end.map(|at| at.to_string()))
        .maybe("Setting", terms::display(SETTING, x.setting.code()));
    let mut frame = Frame::clinical(x.id.as_str(), &profiles, Some(began(x)), &text, e);
    // EpisodeOfCare has an element of its own here.
    frame.extension = extensions(x, e);
    let class = match x.encounter_class {
        EncounterClass::Ambulatory => "ambulatory",
        EncounterClass::Virtual => "virtual",
        EncounterClass::HomeHealth => "home health",
    };
    let indications = e.problems.iter().filter(|p| p.kap_indication);
    let lead = e.care_team.iter().find(|m| m.id == x.lead_id);
    let provider = lead.map_or(&e.organizations.practice.id, |m| &m.organization_id);
    let built = start!(Encounter, frame)
        .identifier(some([own_identifier("session", &x.id)]))
        .status(status(x.status))
        .class(coding_of(ACT_CODE, x.encounter_class.code(), Some(class)))
        .r#type(some([kind(x)]))
        .service_type(service(x))
        .subject(patient(e))
        .episode_of_care(some([reference("EpisodeOfCare", &e.episode_id)]))
        .participant(some(participants(x, e)))
        .appointment(some([reference("Appointment", derived(&x.id, "appt"))]))
        .period(period(Some(x.start), x.end))
        .reason_reference(some(indications.map(|p| reference("Condition", &p.id))))
        .service_provider(reference("Organization", provider))
        .build();
    let mut built = must(built);
    built.location = some([place(x, provider, e)]);
    built.hospitalization = disposition(x, e).map(|d| {
        let d = hl7_concept("discharge-disposition", d.code(), disposed(d));
        must(
            EncounterHospitalization::builder()
                .discharge_disposition(d)
                .build(),
        )
    });
    finish(Ok(built))
}

/// Where it is held, in words: the practice keeps no Locations, and a patient's address is nobody else's business.
fn place(x: &Session, provider: &Id, e: &Episode) -> EncounterLocation {
    let organizations = &e.organizations;
    let mut all = [&organizations.practice, &organizations.partner].into_iter();
    let house = all.find(|o| o.id == *provider);
    let words = match x.setting {
        Setting::InPerson => house.map_or("In person", |o| &o.name),
        Setting::RemoteHome | Setting::HomeVisit => "The patient's home",
        Setting::Remote => "Where the patient is",
    };
    let place = must(Reference::builder().display(words.to_owned()).build());
    must(EncounterLocation::builder().location(place).build())
}

fn status(status: SessionStatus) -> EncounterStatus {
    match status {
        SessionStatus::Planned => EncounterStatus::Planned,
        SessionStatus::Arrived => EncounterStatus::Arrived,
        SessionStatus::InProgress => EncounterStatus::InProgress,
        SessionStatus::Completed => EncounterStatus::Finished,
        SessionStatus::Cancelled | SessionStatus::NoShow => EncounterStatus::Cancelled,
        SessionStatus::EnteredInError => EncounterStatus::EnteredInError,
    }
}

/// The disposition of the session's discharge, which is another record of the episode.
fn disposition(x: &Session, e: &Episode) -> Option<Disposition> {
    let whole = e.sessions.iter().find(|s| s.id == x.id).unwrap_or(x);
    Some(whole.dosing.as_ref()?.discharge.as_ref()?.disposition)
}

fn disposed(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Home => "Home",
        Disposition::AgainstAdvice => "Left against advice",
        Disposition::OtherFacility => "Other healthcare facility",
        Disposition::Psychiatric => "Psychiatric hospital",
        Disposition::Other => "Other",
    }
}

fn extensions(x: &Session, e: &Episode) -> Vec<Extension> {
    let setting = ExtensionValue::Coding(local(SETTING, x.setting.code()));
    let presence = x.therapist_presence.as_ref();
    let presence = presence.map(|p| ExtensionValue::Code(p.mode.code().into()));
    let location = x.patient_location.as_ref().and_then(|l| {
        let address = l.address.as_ref().map(super::contact::address);
        let parts = Parts::new()
            .text("state", l.state.as_ref())
            .at("confirmedAt", l.confirmed_at)
            .text("addressRef", l.address_ref.as_ref())
            .value("address", address.map(ExtensionValue::Address));
        kap_parts("kap-patient-location", parts)
    });
    let plan = x.emergency_plan.as_ref().and_then(|p| {
        let parts = Parts::new()
            .reference("contact", p.contact_id.as_ref().map(|id| actor(id, e)))
            .text("addressRef", p.address_ref.as_ref())
            .text("hospital", p.hospital.as_ref())
            .text("localEmergencyNumber", p.local_emergency_number.as_ref());
        kap_parts("kap-emergency-plan", parts)
    });
    [
        Some(kap("kap-session-setting", setting)),
        presence.map(|v| kap("kap-presence-mode", v)),
        location,
        plan,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The lead with the time of presence, then the others.
fn participants(x: &Session, e: &Episode) -> Vec<EncounterParticipant> {
    let built = |kind: CodeableConcept, id: &Id, from: Option<Instant>, to: Option<Instant>| {
        let b = EncounterParticipant::builder().r#type(some([kind]));
        let mut built = must(b.individual(actor(id, e)).build());
        built.period = (from.is_some() || to.is_some()).then(|| period(from, to));
        built
    };
    let presence = x.therapist_presence.as_ref();
    let primary = concept([coding_of(PARTICIPATION, "PPRF", Some("primary performer"))]);
    let from = presence.and_then(|p| p.from);
    let lead = built(primary, &x.lead_id, from, presence.and_then(|p| p.to));
    let others = x.participants.iter().map(|p| {
        let (code, display) = participation(&p.role);
        let kind = concept([
            coding_of(PARTICIPATION, code, Some(display)),
            local(ROLE, &p.role),
        ]);
        built(kind, &p.id, p.from, p.to)
    });
    [lead].into_iter().chain(others).collect()
}

fn participation(role: &str) -> (&'static str, &'static str) {
    match role {
        "chaperone" | "escort" | "guardian" | "support-person" | "emergency-contact" => {
            ("ESC", "escort")
        }
        "prescriber" => ("CON", "consultant"),
        "dosing-nurse" => ("ATND", "attender"),
        _ => ("SPRF", "secondary performer"),
    }
}

fn procedure(x: &Session, e: &Episode) -> Option<Resource> {
    use SessionType::{Dosing, IndividualTherapy, Integration, Preparation};
    let therapy = matches!(
        x.kind,
        Preparation | Dosing | Integration | IndividualTherapy
    );
    if !therapy || x.status != SessionStatus::Completed {
        return None;
    }
    let id = derived(&x.id, "proc");
    let text = Html::new()
        .p("Psychotherapy")
        .fact("From", x.start.to_string());
    let profiles = [structure("kap-procedure"), us_core("us-core-procedure")];
    let frame = Frame::clinical(id.as_str(), &profiles, Some(began(x)), &text, e);
    let psychotherapy = coding_of(SNOMED, "75516001", Some("Psychotherapy (regime/therapy)"));
    let performer = ProcedurePerformer::builder()
        .actor(actor(&x.lead_id, e))
        .build();
    let indications = e.problems.iter().filter(|p| p.kap_indication);
    let built = start!(Procedure, frame)
        .status(EventStatus::Completed)
        .code(concept([psychotherapy]))
        .subject(patient(e))
        .encounter(reference("Encounter", &x.id))
        .performed(ProcedurePerformed::Period(period(Some(x.start), x.end)))
        .performer(some([must(performer)]))
        .reason_reference(some(indications.map(|p| reference("Condition", &p.id))))
        .build();
    Some(finish(built))
}

fn weight(x: &Session, kg: &Quantity, e: &Episode) -> Resource {
    let id = derived(&x.id, "weight");
    let text = Html::new().fact("Body weight", format!("{} {}", kg.value, kg.unit));
    let profiles = [
        structure("kap-session-vital-sign"),
        us_core("us-core-body-weight"),
    ];
    let frame = Frame::clinical(id.as_str(), &profiles, Some(began(x)), &text, e);
    let built = start!(Observation, frame)
        .status(ObservationStatus::Final)
        .category(some([hl7_concept(
            "observation-category",
            "vital-signs",
            "Vital Signs",
        )]))
        .code(loinc(&[("29463-7", "Body weight")]))
        .subject(patient(e))
        .encounter(reference("Encounter", &x.id))
        .effective(ObservationEffective::DateTime(date_time(x.start)))
        .value(ObservationValue::Quantity(measured(kg, "kg")))
        .build();
    finish(built)
}
