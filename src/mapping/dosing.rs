//! Doses: given, held or stopped.

use fhir_sdk::r4b::resources::{
    MedicationAdministration, MedicationAdministrationDosage, MedicationAdministrationEffective,
    MedicationAdministrationMedication, MedicationAdministrationPerformer,
};
use fhir_sdk::r4b::types::{CodeableConcept, Extension, ExtensionValue, Reference};

use super::build::{
    Frame, Parts, actor, coding, coding_of, concept, date_time, derived, finish, hl7_concept, kap,
    kap_parts, local, must, own_identifier, patient, record, reference, some, start, ucum,
    with_text, words,
};
use super::codes::{ROUTE_V3, RXNORM, SNOMED, hl7, structure};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::value::{Milligrams, Minutes};
use crate::fhir::resource::Resource;
use crate::kap::base::{Coding, Day, Decimal, Id, Instant};
use crate::kap::dosing::{Dose, DoseKind, DoseStatus, Dosing, Reason, Session, Setting, Timing};
use crate::kap::{Episode, Fact};

const NOT_GIVEN: &str = "kap-dose-not-given-reason";
/// SNOMED CT sublingual route, which goes with HL7's own code.
const SUBLINGUAL: &str = "37839007";

pub(super) fn session_in<'a>(id: &Id, e: &'a Episode) -> Option<&'a Session> {
    e.sessions.iter().find(|s| s.id == *id)
}

/// The administration. A dose that was not given has no dosage: its route and site are in an extension.
#[must_use]
pub fn write(session: &Id, dose: &Dose, e: &Episode) -> Vec<Resource> {
    let held = session_in(session, e);
    let dosing = held.and_then(|s| s.dosing.as_ref());
    let day = Some(Day(dose.at.0.date()));
    let profiles = [structure("kap-ketamine-administration")];
    let frame = Frame::clinical(dose.id.as_str(), &profiles, day, &dose_text(dose), e)
        .extend(dose_extensions(dose, dosing, e));
    let rx = dosing.and_then(|d| d.prescription_id.as_ref());
    let medication = match rx {
        Some(rx) => {
            let to = reference("Medication", derived(rx, "med"));
            MedicationAdministrationMedication::Reference(to)
        }
        None => MedicationAdministrationMedication::CodeableConcept(ketamine()),
    };
    let place = match held.map(|s| s.setting) {
        Some(Setting::RemoteHome | Setting::HomeVisit) => ("community", "Community"),
        _ => ("outpatient", "Outpatient"),
    };
    let indications = e.problems.iter().filter(|p| p.kap_indication);
    let built = start!(MedicationAdministration, frame)
        .identifier(some([own_identifier("dose", &dose.id)]))
        .status(dose.status.code().to_owned())
        .category(hl7_concept("medication-admin-location", place.0, place.1))
        .medication(medication)
        .subject(patient(e))
        .context(reference("Encounter", session))
        .effective(MedicationAdministrationEffective::DateTime(date_time(
            dose.at,
        )))
        .performer(some(performers(dose, e)))
        .reason_reference(some(indications.map(|p| reference("Condition", &p.id))))
        .supporting_information(some(support(session, dose, dosing, e)))
        .build();
    let mut built = must(built);
    built.status_reason = some(dose.status_reason.as_ref().map(reason));
    built.request = rx.map(|rx| reference("MedicationRequest", rx));
    built.dosage = dosage(dose);
    vec![finish(Ok(built))]
}

fn ketamine() -> CodeableConcept {
    with_text(
        concept([coding_of(RXNORM, "6130", Some("ketamine"))]),
        "ketamine",
    )
}

fn reason(reason: &Reason) -> CodeableConcept {
    let code = concept([local(NOT_GIVEN, &reason.code)]);
    match reason.text.as_ref() {
        Some(text) => with_text(code, text),
        None => code,
    }
}

fn route(route: &Coding) -> CodeableConcept {
    let sublingual = route.system == SNOMED && route.code == SUBLINGUAL;
    let more = sublingual.then(|| coding_of(ROUTE_V3, "SL", None));
    concept([coding(route)].into_iter().chain(more))
}

fn was_given(dose: &Dose) -> bool {
    !matches!(dose.status, DoseStatus::NotDone) || dose.dose_mg != Decimal::ZERO
}

fn dosage(dose: &Dose) -> Option<MedicationAdministrationDosage> {
    if !was_given(dose) {
        return None;
    }
    let built = MedicationAdministrationDosage::builder()
        .text(amount(dose))
        .route(route(&dose.route))
        .dose(ucum(dose.dose_mg, "mg"));
    let mut built = must(built.build());
    built.site = dose.site.as_ref().map(words);
    Some(built)
}

/// A number of units in words.
pub(super) fn units(n: Decimal) -> String {
    if n == Decimal::from(1) {
        "1 unit".into()
    } else {
        format!("{n} units")
    }
}

fn amount(dose: &Dose) -> String {
    let mut said = vec![format!("{} mg", dose.dose_mg)];
    said.extend(dose.units.map(units));
    said.extend(dose.hold_minutes.map(|n| format!("held {n} min")));
    said.extend(dose.expectorated.map(|e| {
        if e {
            "expectorated"
        } else {
            "not expectorated"
        }
        .into()
    }));
    said.join(", ")
}

fn dose_extensions(dose: &Dose, dosing: Option<&Dosing>, e: &Episode) -> Vec<Extension> {
    let min = |n| ExtensionValue::Quantity(ucum(n, "min"));
    let level = dosing.map(|d| ExtensionValue::Code(d.dose_level.code().into()));
    let units = dose
        .units
        .map(|n| ExtensionValue::Decimal(super::build::exact(n)));
    let by = dose
        .held_by
        .as_ref()
        .map(|id| ExtensionValue::Reference(actor(id, e)));
    let planned = Parts::new()
        .coding("route", Some(&dose.route))
        .text("site", dose.site.as_ref());
    [
        Some(kap(
            "kap-dose-kind",
            ExtensionValue::Code(dose.kind.code().into()),
        )),
        level.map(|v| kap("kap-dose-level", v)),
        dose.hold_minutes.map(|n| kap("kap-hold-minutes", min(n))),
        dose.expectorated
            .map(|b| kap("kap-expectorated", ExtensionValue::Boolean(b))),
        units.map(|v| kap("kap-dose-units", v)),
        by.map(|v| kap("kap-held-by", v)),
        (!was_given(dose))
            .then(|| kap_parts("kap-planned-dosage", planned))
            .flatten(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn performers(dose: &Dose, e: &Episode) -> Vec<MedicationAdministrationPerformer> {
    let performer = |code: &str, display: &str, who: Reference| {
        let function = hl7_concept("med-admin-perform-function", code, display);
        let built = MedicationAdministrationPerformer::builder().function(function);
        must(built.actor(who).build())
    };
    let by = dose.performer.as_ref().map(|id| match id.as_str() {
        "patient" => patient(e),
        _ => actor(id, e),
    });
    let witness = dose.witness_id.as_ref().map(|id| actor(id, e));
    by.map(|who| performer("performer", "Performer", who))
        .into_iter()
        .chain(witness.map(|who| performer("witness", "Witness", who)))
        .collect()
}

/// Clearance, the supply at hand, the readings before the dose, the issues of the session.
fn support(session: &Id, dose: &Dose, dosing: Option<&Dosing>, e: &Episode) -> Vec<Reference> {
    let Some(dosing) = dosing else { return vec![] };
    let clearance = dosing.clearance_id.iter();
    let delivered = |d: &&crate::kap::medication::Dispense| {
        let at = d.shipment.as_ref().and_then(|s| s.delivered_at);
        Some(&d.prescription_id) == dosing.prescription_id.as_ref()
            && at.is_some_and(|at| at <= dose.at)
    };
    let supply = e.dispenses.iter().rfind(delivered);
    let before = |v: &&crate::kap::dosing::Vitals| {
        matches!(v.timing, Timing::PreDose | Timing::PreDoseRecheck) && v.at <= dose.at
    };
    let readings = dosing
        .vitals
        .iter()
        .filter(before)
        .filter(|v| v.systolic.is_some());
    let issues = e
        .detected_issues
        .iter()
        .filter(|i| i.implicated.contains(session));
    clearance
        .map(|id| reference("ClinicalImpression", id))
        .chain(supply.map(|d| reference("MedicationDispense", &d.id)))
        .chain(readings.map(|v| reference("Observation", derived(&v.id, "bp"))))
        .chain(issues.filter_map(|i| record(&i.id, e)))
        .collect()
}

fn dose_text(dose: &Dose) -> Html {
    let said = super::summary::words::said(&dose.route);
    let why = dose.status_reason.as_ref();
    let why = why.map(|r| r.text.clone().unwrap_or_else(|| r.code.clone()));
    let html = if was_given(dose) {
        Html::new().fact("Ketamine", amount(dose))
    } else {
        Html::new().p("Ketamine NOT GIVEN")
    };
    html.fact("At", dose.at.to_string())
        .fact("Kind", dose.kind.code())
        .fact("Status", dose.status.code())
        .maybe("Reason", why)
        .fact("Route", said)
}

/// Reads an administration in a session.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let Some(session) = node.ref_id("context") else {
        return Ok(vec![]);
    };
    let planned = node.ext("kap-planned-dosage");
    let dosage = node.get("dosage");
    let by = |function: &str| performer(node, source, function);
    let dose = Dose {
        id: node.id()?,
        at: when(node)?,
        kind: node
            .ext_code("kap-dose-kind", DoseKind::from_code)?
            .unwrap_or(DoseKind::Initial),
        status: node.code("status", DoseStatus::from_code)?,
        status_reason: node.get("statusReason").map(stated_reason),
        dose_mg: match dosage.and_then(|d| d.get("dose")) {
            Some(dose) => dose.to::<Milligrams>()?.0,
            None => Decimal::ZERO,
        },
        units: node.ext_value("kap-dose-units")?,
        route: stated_route(node, source)?,
        performer: by("performer"),
        witness_id: by("witness"),
        hold_minutes: node.ext_value::<Minutes>("kap-hold-minutes")?.map(|n| n.0),
        expectorated: node.ext_value("kap-expectorated")?,
        site: match (dosage.and_then(|d| d.get("site")), planned) {
            (Some(site), _) => Some(
                site.text("text")
                    .or_else(|| site.get("coding")?.text("display")),
            )
            .flatten()
            .map(str::to_owned),
            (None, Some(planned)) => planned.part("site")?,
            (None, None) => None,
        },
        held_by: node
            .ext("kap-held-by")
            .and_then(Node::any_value)
            .and_then(|who| source.actor(who)),
    };
    one(Fact::Dose { session, dose }, node)
}

fn when(node: Node<'_>) -> Read<Instant> {
    match node.get("effectivePeriod") {
        Some(period) => period.req("start"),
        None => node.req("effectiveDateTime"),
    }
}

fn stated_reason(concept: Node<'_>) -> Reason {
    let own = super::codes::system(NOT_GIVEN);
    let mut codings = concept.codings();
    let code = codings
        .find(|c| c.text("system") == Some(&own))
        .and_then(|c| c.text("code"));
    let foreign = || concept.codings().next().and_then(|c| c.text("display"));
    Reason {
        code: code.unwrap_or("other").to_owned(),
        text: match code {
            Some(_) => concept.text("text"),
            None => concept.text("text").or_else(foreign),
        }
        .map(str::to_owned),
    }
}

/// The route as stated, as planned, or as prescribed.
fn stated_route<'v>(node: Node<'v>, source: &Source<'v>) -> Read<Coding> {
    let first = |parent: Option<Node<'v>>| parent?.get("route")?.codings().next();
    let prescribed = || {
        let request = source.follow(node.get("request")?)?;
        first(request.get("dosageInstruction"))
    };
    if let Some(coding) = first(node.get("dosage")) {
        return coding.to();
    }
    if let Some(planned) = node.ext("kap-planned-dosage") {
        return planned.need_part("route");
    }
    let coding = prescribed().ok_or_else(|| node.missing("dosage.route"))?;
    coding.to()
}

/// Who had this function; the patient is `patient`.
fn performer<'v>(node: Node<'v>, source: &Source<'v>, function: &str) -> Option<Id> {
    let system = hl7("med-admin-perform-function");
    let of = |p: &Node<'v>| {
        let code = p
            .coding_in("function", &system)
            .and_then(|c| c.text("code"));
        code.unwrap_or("performer") == function
    };
    let actor = node.each("performer").find(of)?.get("actor")?;
    match actor.target() {
        Some(("Patient", _)) => Id::new("patient"),
        _ => source.actor(actor),
    }
}
