//! Prescription: MedicationRequest and Medication. Also the routes of administration.

use fhir_sdk::r4b::resources::{
    Medication, MedicationIngredient, MedicationIngredientItem, MedicationRequest,
    MedicationRequestDispenseRequest, MedicationRequestMedication, MedicationRequestReported,
    MedicationRequestSubstitution, MedicationRequestSubstitutionAllowed,
};
use fhir_sdk::r4b::types::{
    CodeableConcept, Dosage, DosageDoseAndRate, DosageDoseAndRateDose, Extension, ExtensionValue,
    Ratio, Timing,
};

use super::build::{
    Frame, Parts, coding, coding_of, concept, date_time, derived, finish, hl7_concept, kap,
    kap_parts, must, own_identifier, patient, positive, quantity, reference, role, some, start,
    ucum, with_text, words,
};
use super::codes::{ROUTE_V3, SCHEDULE, SNOMED, namespace, structure, us_core};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source};
use super::value::Milligrams;
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::base::Coding;
use crate::kap::base::Decimal;
use crate::kap::dosing::{Session, SessionStatus, SessionType};
use crate::kap::medication::{Prescription, PrescriptionStatus, Route, Strength, Supply};
use crate::kap::{Day, Episode, Fact};

/// Route, SNOMED CT code and display, HL7 v3 code and display.
const ROUTES: &[(Route, &str, &str, &str, &str)] = &[
    (
        Route::Sublingual,
        "37839007",
        "Sublingual route",
        "SL",
        "Dissolve, sublingual",
    ),
    (
        Route::Intramuscular,
        "78421000",
        "Intramuscular route (qualifier value)",
        "IM",
        "Injection, intramuscular",
    ),
    (
        Route::Intravenous,
        "47625008",
        "Intravenous route (qualifier value)",
        "IVINJ",
        "Injection, intravenous",
    ),
    (
        Route::Oral,
        "26643006",
        "Oral route (qualifier value)",
        "PO",
        "Swallow, oral",
    ),
    (
        Route::Intranasal,
        "46713006",
        "Nasal route (qualifier value)",
        "NASAL",
        "Topical application, nasal",
    ),
];

/// A route as a concept: SNOMED CT and HL7 v3.
pub fn route_concept(route: Route) -> CodeableConcept {
    let row = ROUTES.iter().find(|r| r.0 == route);
    concept(
        row.into_iter()
            .flat_map(|(_, code, display, v3, v3_display)| {
                [
                    coding_of(SNOMED, code, Some(display)),
                    coding_of(ROUTE_V3, v3, Some(v3_display)),
                ]
            }),
    )
}

/// The practice's coding of a route, verbatim and first, with its HL7 v3 translation.
pub fn coded_route(route: &Coding) -> CodeableConcept {
    let row = ROUTES
        .iter()
        .find(|r| route.system == SNOMED && route.code == r.1);
    let v3 = row.map(|(_, _, _, v3, display)| coding_of(ROUTE_V3, v3, Some(display)));
    concept([coding(route)].into_iter().chain(v3))
}

/// Reads a route concept, by either of its codes.
pub fn read_route(node: Node<'_>) -> Read<Route> {
    let named = |c: Node<'_>| {
        let (system, code) = (c.text("system")?, c.text("code")?);
        let row = ROUTES
            .iter()
            .find(|r| (system == SNOMED && code == r.1) || (system == ROUTE_V3 && code == r.3));
        row.map(|r| r.0)
    };
    node.codings()
        .find_map(named)
        .ok_or_else(|| node.wrong("a route that KAP knows"))
}

/// MedicationRequest first, then the Medication.
pub fn write_prescription(x: &Prescription, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .p(&x.drug_text)
        .fact("Status", x.status.code())
        .fact("Dosage", &x.dosage_text)
        .fact("Most per session", format!("{} mg", x.max_mg_per_session))
        .fact("Valid until", x.valid_until.to_string());
    vec![request(x, &text, e), medication(x, &text, e)]
}

fn request(x: &Prescription, text: &Html, e: &Episode) -> Resource {
    let profiles = [
        structure("kap-ketamine-prescription"),
        us_core("us-core-medicationrequest"),
    ];
    let day = Some(Day(x.authored_on.0.date()));
    let frame =
        Frame::clinical(x.id.as_str(), &profiles, day, text, e).extend(request_extensions(x));
    let drug = reference("Medication", derived(&x.id, "med"));
    let b = start!(MedicationRequest, frame)
        .status(x.status.code().to_owned())
        .intent("order".to_owned())
        .reported(MedicationRequestReported::Boolean(false))
        .medication(MedicationRequestMedication::Reference(drug))
        .subject(patient(e));
    let mut mr = must(b.build());
    let number = x.external_rx_number.as_ref().map(|n| {
        let b = fhir_sdk::r4b::types::Identifier::builder().system(namespace("external-rx"));
        must(b.value(n.clone()).build())
    });
    mr.identifier = some([own_identifier("rx", &x.id)].into_iter().chain(number));
    mr.status_reason = x.status_reason.clone().map(words);
    mr.category = some([hl7_concept(
        "medicationrequest-category",
        "community",
        "Community",
    )]);
    mr.authored_on = Some(date_time(x.authored_on));
    mr.encounter = visit(x, e).map(|s| reference("Encounter", &s.id));
    mr.requester = Some(role(&x.prescriber_id));
    mr.reason_reference = some(
        x.reason_condition_id
            .iter()
            .map(|id| reference("Condition", id)),
    );
    let clearance = x
        .clearance_id
        .iter()
        .map(|id| reference("ClinicalImpression", id));
    mr.supporting_information = some(clearance);
    mr.dosage_instruction = some([dosage(x)]);
    mr.dispense_request = Some(dispense_request(x));
    let allowed = MedicationRequestSubstitutionAllowed::Boolean(false);
    mr.substitution = Some(must(
        MedicationRequestSubstitution::builder()
            .allowed(allowed)
            .build(),
    ));
    finish(Ok(mr))
}

/// The prescriber's own visit of the day on which it was ordered.
fn visit<'e>(x: &Prescription, e: &'e Episode) -> Option<&'e Session> {
    let day = Day(x.authored_on.0.date());
    let medical = |s: &&Session| {
        use SessionType::{MedicalEvaluation, MedicalFollowUp};
        matches!(s.kind, MedicalEvaluation | MedicalFollowUp) && s.lead_id == x.prescriber_id
    };
    let mut visits = e.sessions.iter().filter(medical);
    visits.find(|s| Day(s.start.0.date()) == day && s.status != SessionStatus::EnteredInError)
}

/// The words of the prescriber, and what of them is known as numbers.
fn dosage(x: &Prescription) -> Dosage {
    let each_session = Timing::builder().code(words("once in each dosing session"));
    let most = ucum(most_at_once(x), "mg");
    let mut dosage = must(
        Dosage::builder()
            .text(x.dosage_text.clone())
            .timing(must(each_session.build()))
            .route(coded_route(&x.route))
            .max_dose_per_administration(most)
            .build(),
    );
    let dose = mg_at_once(x).map(|mg| {
        let dose = DosageDoseAndRateDose::Quantity(ucum(mg, "mg"));
        must(DosageDoseAndRate::builder().dose(dose).build())
    });
    dosage.dose_and_rate = some(dose);
    dosage
}

/// The milligrams of the units of one session, without booster; `None` where they are not counted in units.
fn mg_at_once(x: &Prescription) -> Option<Decimal> {
    let strength = x.strength.as_ref()?;
    let (numerator, denominator) = (&strength.numerator, &strength.denominator);
    let mg = numerator.code.as_ref().unwrap_or(&numerator.unit) == "mg";
    let each = mg && denominator.value == Decimal::from(1);
    let units = x.units_per_session.filter(|_| each)?;
    Some(Decimal(
        numerator.value.0 * rust_decimal::Decimal::from(units),
    ))
}

/// The most that is taken at once, in mg: where a booster may follow, the session's maximum is more than that.
fn most_at_once(x: &Prescription) -> Decimal {
    let booster = x.booster_units_allowed.is_some_and(|n| n > 0);
    let at_once = mg_at_once(x).filter(|_| booster);
    at_once.map_or(x.max_mg_per_session, |mg| mg.min(x.max_mg_per_session))
}

fn dispense_request(x: &Prescription) -> MedicationRequestDispenseRequest {
    let mut out = must(MedicationRequestDispenseRequest::builder().build());
    // Days both: FHIRPath does not compare a time with a day.
    let from = Day(x.authored_on.0.date());
    out.validity_period = Some(super::build::day_period(Some(from), Some(x.valid_until)));
    out.number_of_repeats_allowed = x.repeats_allowed;
    out.quantity = x.quantity.as_ref().map(quantity);
    out.performer = x
        .pharmacy_id
        .as_ref()
        .map(|id| reference("Organization", id));
    out
}

fn request_extensions(x: &Prescription) -> Vec<Extension> {
    let most = ExtensionValue::Quantity(ucum(x.max_mg_per_session, "mg"));
    let mut out = vec![
        kap("kap-max-dose-per-session", most),
        kap("kap-record-only", ExtensionValue::Boolean(x.record_only)),
    ];
    out.extend(
        x.sessions_supplied
            .map(|n| kap("kap-sessions-supplied", positive(n))),
    );
    out.extend(kap_parts(
        "kap-pdmp-check",
        Parts::new().at("at", x.pdmp_checked_at),
    ));
    let own = Parts::new()
        .count("unitsPerSession", x.units_per_session)
        .count("boosterUnitsAllowed", x.booster_units_allowed)
        .flag("epcsTransmitted", x.epcs_transmitted)
        .code("supply", x.supply);
    out.extend(kap_parts("kap-prescription", own));
    out
}

fn medication(x: &Prescription, text: &Html, e: &Episode) -> Resource {
    let id = derived(&x.id, "med");
    let profiles = [
        structure("kap-ketamine-medication"),
        us_core("us-core-medication"),
    ];
    let schedule = x.controlled_substance_schedule.as_deref().map(|s| {
        let display = format!("Schedule {s}");
        kap(
            "kap-controlled-substance-schedule",
            ExtensionValue::Coding(coding_of(SCHEDULE, s, Some(&display))),
        )
    });
    let security = super::label::labels(super::label::Class::Clinical, &[], Labels::NONE, None, e);
    let frame = Frame::new(id.as_str(), &profiles, security, text, e)
        .extend(schedule)
        .extend([kap("kap-compounded", ExtensionValue::Boolean(x.compounded))]);
    let mut med = must(start!(Medication, frame).build());
    med.code = Some(with_text(concept([coding(&x.drug)]), x.drug_text.clone()));
    med.status = Some("active".to_owned());
    med.form = x.form.as_ref().map(|f| concept([coding(f)]));
    med.manufacturer = x
        .pharmacy_id
        .as_ref()
        .map(|id| reference("Organization", id));
    let item = MedicationIngredientItem::CodeableConcept(concept([coding(&x.drug)]));
    let mut ingredient = must(
        MedicationIngredient::builder()
            .item(item)
            .is_active(true)
            .build(),
    );
    ingredient.strength = x.strength.as_ref().map(|s| {
        let b = Ratio::builder().numerator(quantity(&s.numerator));
        must(b.denominator(quantity(&s.denominator)).build())
    });
    med.ingredient = some([ingredient]);
    finish(Ok(med))
}

/// Reads a MedicationRequest of the prescription profile, with its Medication.
pub fn read_prescription<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if !node.has_profile("kap-ketamine-prescription") {
        return Ok(vec![]);
    }
    let reference = node.need("medicationReference")?;
    let drug = source.follow(reference);
    let drug =
        drug.ok_or_else(|| reference.issue("not-found", "This Medication is not at hand."))?;
    let mut rx = read_order(node, drug, source)?;
    read_course(node, &mut rx)?;
    Ok(vec![(
        Fact::Prescription(rx),
        vec![node.key()?, drug.key()?],
    )])
}

/// What was ordered by whom; supply and course are left open.
fn read_order<'v>(node: Node<'v>, drug: Node<'v>, source: &Source<'v>) -> Read<Prescription> {
    let code = drug.need("code")?;
    let dosage = node.need("dosageInstruction")?;
    let validity = node.need("dispenseRequest")?.need("validityPeriod")?;
    let most = node
        .ext("kap-max-dose-per-session")
        .and_then(Node::any_value);
    let most = most.or_else(|| dosage.get("maxDosePerAdministration"));
    let most = most.ok_or_else(|| node.missing("extension('kap-max-dose-per-session')"))?;
    let schedule = drug
        .ext("kap-controlled-substance-schedule")
        .and_then(Node::any_value);
    let first = |n: Node<'v>| {
        n.codings()
            .next()
            .ok_or_else(|| n.missing("coding"))?
            .to::<Coding>()
    };
    let strength = drug.get("ingredient").and_then(|i| i.get("strength"));
    Ok(Prescription {
        id: node.id()?,
        status: node.code("status", PrescriptionStatus::from_code)?,
        intent: node.opt("intent")?,
        authored_on: node.req("authoredOn")?,
        prescriber_id: source.need_actor(node, "requester")?,
        reason_condition_id: node.ref_id("reasonReference"),
        clearance_id: node.ref_id("supportingInformation"),
        drug: first(code)?,
        drug_text: code.req("text")?,
        compounded: drug.ext_value("kap-compounded")?.unwrap_or(false),
        controlled_substance_schedule: schedule.and_then(|s| s.text("code")).map(str::to_owned),
        form: drug
            .get("form")
            .and_then(|f| f.codings().next())
            .map(Node::to)
            .transpose()?,
        strength: strength.map(read_strength).transpose()?,
        route: first(dosage.need("route")?)?,
        dosage_text: dosage.req("text")?,
        units_per_session: None,
        booster_units_allowed: None,
        max_mg_per_session: most.to::<Milligrams>()?.0,
        quantity: None,
        sessions_supplied: node.ext_value("kap-sessions-supplied")?,
        repeats_allowed: None,
        valid_until: validity.req("end")?,
        pharmacy_id: None,
        external_rx_number: None,
        pdmp_checked_at: None,
        epcs_transmitted: None,
        record_only: node.ext_value("kap-record-only")?.unwrap_or(true),
        supply: None,
        status_reason: node
            .get("statusReason")
            .and_then(|c| c.text("text"))
            .map(str::to_owned),
    })
}

/// How much, from where, and what was checked.
fn read_course(node: Node<'_>, rx: &mut Prescription) -> Read<()> {
    if let Some(request) = node.get("dispenseRequest") {
        rx.quantity = request.opt("quantity")?;
        rx.repeats_allowed = request.opt("numberOfRepeatsAllowed")?;
        rx.pharmacy_id = request.ref_id("performer");
    }
    if let Some(own) = node.ext("kap-prescription") {
        rx.units_per_session = own.part("unitsPerSession")?;
        rx.booster_units_allowed = own.part("boosterUnitsAllowed")?;
        rx.epcs_transmitted = own.part("epcsTransmitted")?;
        rx.supply = own.part_code("supply", Supply::from_code)?;
    }
    if let Some(check) = node.ext("kap-pdmp-check") {
        rx.pdmp_checked_at = check.part("at")?;
    }
    let mut numbers = node.each("identifier");
    let external = namespace("external-rx");
    let number = numbers.find(|i| i.text("system") == Some(&external));
    rx.external_rx_number = number.and_then(|i| i.text("value")).map(str::to_owned);
    Ok(())
}

fn read_strength(node: Node<'_>) -> Read<Strength> {
    Ok(Strength {
        numerator: node.req("numerator")?,
        denominator: node.req("denominator")?,
    })
}
