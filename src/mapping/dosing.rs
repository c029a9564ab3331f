//! Doses, the course of their effects, and tolerable side effects.

use fhir_sdk::r4b::codes::ObservationStatus;
use fhir_sdk::r4b::resources::{
    MedicationAdministration, MedicationAdministrationDosage, MedicationAdministrationEffective,
    MedicationAdministrationMedication, MedicationAdministrationPerformer, Observation,
    ObservationComponent, ObservationComponentValue, ObservationEffective, ObservationValue,
};
use fhir_sdk::r4b::types::{CodeableConcept, Extension, ExtensionValue, Range, Reference};

use super::build::{
    Frame, Parts, actor, coding, coding_of, concept, date_time, derived, finish, hl7_concept, kap,
    kap_parts, local, must, note, own_identifier, patient, record, reference, some, start, ucum,
    with_text, words,
};
use super::checklist::session_of;
use super::codes::{ROUTE_V3, RXNORM, SNOMED, hl7, namespace, structure};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::fhir::resource::Resource;
use crate::kap::base::{Coding, Day, Decimal, Id, Instant};
use crate::kap::dosing::{
    Dose, DoseKind, DoseStatus, Dosing, Effects, Reason, Session, Setting, Severity, SideEffect,
    Timing,
};
use crate::kap::{Episode, Fact};

const NOT_GIVEN: &str = "kap-dose-not-given-reason";
/// SNOMED CT sublingual route, which goes with HL7's own code.
const SUBLINGUAL: &str = "37839007";

fn session_in<'a>(id: &Id, e: &'a Episode) -> Option<&'a Session> {
    e.sessions.iter().find(|s| s.id == *id)
}

// --- a dose --------------------------------------------------------------------------------------

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

fn amount(dose: &Dose) -> String {
    let mut said = vec![format!("{} mg", dose.dose_mg)];
    said.extend(dose.units.map(|n| format!("{n} units")));
    said.extend(dose.hold_minutes.map(|n| format!("held {n} min")));
    said.extend(dose.expectorated.map(|e| {
        if e {
            "expectorated"
        } else {
            "swallowed or kept"
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
            Some(dose) => dose.req("value")?,
            None => Decimal::ZERO,
        },
        units: node.ext_value("kap-dose-units")?,
        route: stated_route(node, source)?,
        performer: by("performer"),
        witness_id: by("witness"),
        hold_minutes: node.ext_value("kap-hold-minutes")?,
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

// --- effects -------------------------------------------------------------------------------------

/// Suffix of the id, and code in `kap-observation`, of the three observations of the effects.
const COURSE: [(&str, &str); 3] = [
    ("onset", "onset-minutes"),
    ("peak", "peak-minutes"),
    ("resolution", "resolution-minutes"),
];

/// The observations `{session}-onset`, `-peak` and `-resolution`, in minutes after the first dose.
#[must_use]
pub fn write_effects(session: &Id, effects: &Effects, e: &Episode) -> Vec<Resource> {
    let min = |n: Decimal| ucum(n, "min");
    let quantity = |n: Option<Decimal>| n.map(|n| ObservationValue::Quantity(min(n)));
    let peak = || {
        let mut range = must(Range::builder().build());
        range.low = effects.peak_from_minutes.map(min);
        range.high = effects.peak_to_minutes.map(min);
        ObservationValue::Range(range)
    };
    let peaked = effects.peak_from_minutes.or(effects.peak_to_minutes);
    let values = [
        quantity(effects.onset_minutes),
        peaked.map(|_| peak()),
        quantity(effects.resolved_minutes),
    ];
    let mut out = vec![];
    for ((suffix, code), value) in COURSE.into_iter().zip(values) {
        let Some(value) = value else { continue };
        let id = derived(session, suffix);
        let text = Html::new().p(course_text(code, effects));
        let mut built = observation(
            session,
            id.as_str(),
            &text,
            concept([local("kap-observation", code)]),
            e,
        );
        built.identifier = some([own_identifier("effects", session)]);
        built.value = Some(value);
        out.push(finish(Ok(built)));
    }
    out
}

fn course_text(code: &str, effects: &Effects) -> String {
    let (from, to) = match code {
        "onset-minutes" => (effects.onset_minutes, None),
        "peak-minutes" => (effects.peak_from_minutes, effects.peak_to_minutes),
        _ => (effects.resolved_minutes, None),
    };
    let said: Vec<String> = from.iter().chain(&to).map(ToString::to_string).collect();
    let what = super::terms::display("kap-observation", code).unwrap_or(code);
    format!("{what}: {} min", said.join(" to "))
}

/// An observation of a session, about its first dose, with a code and no value.
fn observation(
    session: &Id,
    id: &str,
    text: &Html,
    code: CodeableConcept,
    e: &Episode,
) -> Observation {
    let held = session_in(session, e);
    let doses = held.and_then(|s| s.dosing.as_ref()).map(|d| &d.doses);
    let first = doses.and_then(|d| d.iter().map(|d| d.at).min());
    let at = first.or(held.map(|s| s.start));
    let day = at.map(|at| Day(at.0.date()));
    let frame = Frame::clinical(id, &[structure("kap-observation")], day, text, e);
    let built = start!(Observation, frame)
        .status(ObservationStatus::Final)
        .category(some([hl7_concept("observation-category", "exam", "Exam")]))
        .code(code)
        .subject(patient(e))
        .encounter(reference("Encounter", session))
        .build();
    let mut built = must(built);
    built.effective = at.map(|at| ObservationEffective::DateTime(date_time(at)));
    built
}

/// Reads the course of the effects, or a side effect.
pub fn read_effects<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if node
        .each("identifier")
        .any(|i| i.text("system") == Some(&namespace("side-effect")))
    {
        return read_side_effect(node);
    }
    let code = node.local_code("code", "kap-observation");
    let Some((suffix, _)) = COURSE.iter().find(|(_, c)| Some(*c) == code) else {
        return Ok(vec![]);
    };
    let session = session_of(node)?;
    let id = node.id()?;
    let of = |suffix: &str| source.lookup("Observation", derived(&session, suffix).as_str());
    let own = derived(&session, suffix) == id;
    let parts: Vec<Node<'v>> = if own {
        COURSE.iter().filter_map(|(suffix, _)| of(suffix)).collect()
    } else {
        vec![node]
    };
    if parts.first().map(|p| p.id()).transpose()? != Some(id) {
        return Ok(vec![]);
    }
    let mut effects = Effects::default();
    let mut keys = vec![];
    for part in parts {
        take(&mut effects, part)?;
        keys.push(part.key()?);
    }
    Ok(vec![(Fact::Effects { session, effects }, keys)])
}

fn take(effects: &mut Effects, node: Node<'_>) -> Read<()> {
    match node.local_code("code", "kap-observation") {
        Some("onset-minutes") => effects.onset_minutes = node.opt("valueQuantity")?,
        Some("resolution-minutes") => effects.resolved_minutes = node.opt("valueQuantity")?,
        Some("peak-minutes") => match node.get("valueRange") {
            Some(range) => {
                effects.peak_from_minutes = range.opt("low")?;
                effects.peak_to_minutes = range.opt("high")?;
            }
            None => effects.peak_from_minutes = node.opt("valueQuantity")?,
        },
        _ => {}
    }
    Ok(())
}

// --- side effects --------------------------------------------------------------------------------

/// An observation whose code is the effect and whose value is its severity.
#[must_use]
pub fn write_side_effect(session: &Id, effect: &SideEffect, e: &Episode) -> Vec<Resource> {
    let minute = |code: &str, n: Option<i64>| {
        n.map(|n| {
            let value = ObservationComponentValue::Quantity(ucum(Decimal::from(n), "min"));
            let code = concept([local("kap-observation", code)]);
            must(
                ObservationComponent::builder()
                    .code(code)
                    .value(value)
                    .build(),
            )
        })
    };
    let severity = effect.severity.code();
    let text = Html::new()
        .fact("Side effect", super::summary::words::said(&effect.code))
        .fact("Severity", severity)
        .maybe(
            "Onset (min after dose)",
            effect.onset_minute.map(|n| n.to_string()),
        )
        .maybe(
            "Resolved (min after dose)",
            effect.resolved_minute.map(|n| n.to_string()),
        )
        .maybe("Action", effect.action.as_ref());
    let code = concept([coding(&effect.code)]);
    let mut built = observation(session, effect.id.as_str(), &text, code, e);
    built.identifier = some([own_identifier("side-effect", &effect.id)]);
    built.value = Some(ObservationValue::CodeableConcept(graded(effect.severity)));
    built.component = some(
        minute("onset-minutes", effect.onset_minute)
            .into_iter()
            .chain(minute("resolution-minutes", effect.resolved_minute)),
    );
    built.note = some(effect.action.as_ref().map(note));
    vec![finish(Ok(built))]
}

/// A severity in HL7's code system.
#[must_use]
pub fn graded(severity: Severity) -> CodeableConcept {
    let display = match severity {
        Severity::Mild => "Mild",
        Severity::Moderate => "Moderate",
        Severity::Severe => "Severe",
    };
    hl7_concept("adverse-event-severity", severity.code(), display)
}

/// A severity that `name` states.
pub fn grade_of(node: Node<'_>, name: &str) -> Read<Severity> {
    let coding = node.coding_in(name, &hl7("adverse-event-severity"));
    let coding = coding.ok_or_else(|| node.missing(name))?;
    coding.code("code", Severity::from_code)
}

fn read_side_effect(node: Node<'_>) -> Facts {
    let minute = |code: &str| -> Read<Option<i64>> {
        let mut all = node.each("component");
        let found = all.find(|c| c.local_code("code", "kap-observation") == Some(code));
        let value: Option<Decimal> = found.map(|c| c.req("valueQuantity")).transpose()?;
        Ok(value.and_then(|n| n.0.to_string().parse().ok()))
    };
    let effect = SideEffect {
        id: node.id()?,
        code: node.need("code")?.need("coding")?.to()?,
        severity: grade_of(node, "valueCodeableConcept")?,
        onset_minute: minute("onset-minutes")?,
        resolved_minute: minute("resolution-minutes")?,
        action: node
            .get("note")
            .and_then(|n| n.text("text"))
            .map(str::to_owned),
    };
    let session = session_of(node)?;
    one(Fact::SideEffect { session, effect }, node)
}
