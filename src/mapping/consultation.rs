//! Problems, allergies and home medicines: Condition, AllergyIntolerance, MedicationRequest (intent `plan`).
//!
//! These are also read from foreign resources. What a foreign Condition leaves open is read on the side of
//! safety: without a status it is active and unconfirmed, so that no contraindication is lost.

use fhir_sdk::Date;
use fhir_sdk::r4b::codes::AllergyIntoleranceCriticality;
use fhir_sdk::r4b::resources::{
    AllergyIntolerance, AllergyIntoleranceReaction, Condition, ConditionOnset, MedicationRequest,
    MedicationRequestMedication, MedicationRequestReported,
};

use super::build::{
    Frame, Parts, actor, code, coding, coding_of, concept, day_time, episode_link, finish,
    hl7_concept, kap_parts, must, patient, some, start, with_text, words,
};
use super::codes::{SNOMED, hl7, structure, us_core};
use super::label::{Class, labels, of_code};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::base::Coding;
use crate::kap::consultation::{
    Allergy, ClinicalStatus, Criticality, DisclosureWish, HomeMedicine, Problem, ProblemCategory,
    TreatmentResistance, VerificationStatus,
};
use crate::kap::{Episode, Fact};

const US_CORE_CATEGORY: &str = "http://hl7.org/fhir/us/core/CodeSystem/condition-category";
/// SNOMED CT "No known allergy", as the US Core examples code it.
const NO_KNOWN_ALLERGY: &str = "716186003";
/// Classes of home medicines that say something of the mind.
const PSYCHIATRIC: &[&str] = &[
    "maoi",
    "benzodiazepine",
    "ssri",
    "stimulant",
    "mood-stabiliser",
    "antipsychotic",
    "antidepressant",
];

// --- problems ------------------------------------------------------------------------------------

/// The Condition (US Core).
pub fn write_problem(x: &Problem, e: &Episode) -> Vec<Resource> {
    let name = x
        .codings
        .iter()
        .find_map(|c| c.display.as_deref())
        .unwrap_or("Problem");
    let text = Html::new()
        .p(name)
        .fact(
            "Status",
            format!("{}, {}", x.clinical_status, x.verification_status),
        )
        .maybe("Onset", x.onset.as_deref());
    let told = x.codings.iter().map(of_code);
    let implied = told.fold(Labels::NONE, Labels::or);
    let security = labels(Class::Topic, &x.sensitivity, implied, None, e);
    let profile = match x.category {
        ProblemCategory::EncounterDiagnosis => us_core("us-core-condition-encounter-diagnosis"),
        _ => us_core("us-core-condition-problems-health-concerns"),
    };
    let resistance = x.treatment_resistance.as_ref().map(resistance);
    let frame = Frame::new(x.id.as_str(), &[profile], security, &text, e)
        .extend(resistance.and_then(|r| kap_parts("kap-treatment-resistance", r)))
        .extend(kap_parts("kap-problem", problem_parts(x)));
    let mut c = must(start!(Condition, frame).subject(patient(e)).build());
    let in_error = x.verification_status == VerificationStatus::EnteredInError;
    // R4 invariant con-5: no clinical status on a record that was made in error.
    let clinical = concept([coding_of(
        &hl7("condition-clinical"),
        x.clinical_status.code(),
        None,
    )]);
    c.clinical_status = (!in_error).then_some(clinical);
    let verification = coding_of(
        &hl7("condition-ver-status"),
        x.verification_status.code(),
        None,
    );
    c.verification_status = Some(concept([verification]));
    c.category = some([category(x.category)]);
    c.code = Some(concept(x.codings.iter().map(coding)));
    c.onset = x.onset.as_deref().map(onset);
    c.recorder = x.recorded_by.as_ref().map(|id| actor(id, e));
    vec![finish(Ok(c))]
}

fn category(x: ProblemCategory) -> fhir_sdk::r4b::types::CodeableConcept {
    let system = match x {
        ProblemCategory::HealthConcern => US_CORE_CATEGORY.to_owned(),
        _ => hl7("condition-category"),
    };
    concept([coding_of(&system, x.code(), None)])
}

fn resistance(x: &TreatmentResistance) -> Parts {
    Parts::new()
        .flag("treatmentResistant", Some(x.is_treatment_resistant))
        .count("adequateTrials", Some(x.adequate_trials_failed))
        .flag("psychotherapyTried", x.psychotherapy_tried)
        .texts("trial", &x.trials)
}

fn problem_parts(x: &Problem) -> Parts {
    let parts = Parts::new()
        .flag("indication", Some(x.kap_indication))
        .code("clinicalStatus", Some(x.clinical_status));
    let parts = x
        .sensitivity
        .iter()
        .fold(parts, |p, s| p.code("sensitivity", Some(s)));
    match &x.disclosure {
        Some(wish) => parts
            .flag("confidential", Some(true))
            .texts("confidentialFrom", &wish.requested_confidential_from)
            .text("confidentialBasis", wish.basis.as_ref()),
        None => parts,
    }
}

/// A date as it was written, or the words where they are no FHIR date.
fn onset(text: &str) -> ConditionOnset {
    match partial_date(text) {
        Some(date) => ConditionOnset::DateTime(fhir_sdk::DateTime::Date(date)),
        None => ConditionOnset::String(text.to_owned()),
    }
}

fn partial_date(text: &str) -> Option<Date> {
    let shape = text.bytes().enumerate().all(|(i, b)| match i {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    });
    let legal = shape && matches!(text.len(), 4 | 7 | 10) && !text.starts_with('0');
    legal.then(|| text.parse().ok()).flatten()
}

/// Reads a Condition.
pub fn read_problem<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let own = node.ext("kap-problem");
    let status = |name: &str| {
        node.get(name)
            .and_then(|c| c.codings().next()?.text("code"))
    };
    let clinical = own
        .map(|o| o.part_code("clinicalStatus", ClinicalStatus::from_code))
        .transpose()?;
    let native = status("clinicalStatus").and_then(ClinicalStatus::from_code);
    let mut categories = node.each("category").flat_map(Node::codings);
    let category = categories.find_map(|c| ProblemCategory::from_code(c.text("code")?));
    let verification = status("verificationStatus").and_then(VerificationStatus::from_code);
    let code = node.need("code")?;
    let codings: Vec<Coding> = code.all("coding")?;
    if codings.is_empty() {
        return Err(code.missing("coding"));
    }
    let problem = Problem {
        id: node.id()?,
        category: category.unwrap_or(ProblemCategory::HealthConcern),
        codings,
        clinical_status: native
            .or(clinical.flatten())
            .unwrap_or(ClinicalStatus::Active),
        verification_status: verification.unwrap_or(VerificationStatus::Unconfirmed),
        onset: node
            .text("onsetDateTime")
            .or_else(|| node.text("onsetString"))
            .map(str::to_owned),
        kap_indication: own.map(|o| o.part("indication")).transpose()?.flatten() == Some(true),
        sensitivity: own
            .map(|o| o.all_parts("sensitivity"))
            .transpose()?
            .unwrap_or_default(),
        treatment_resistance: node
            .ext("kap-treatment-resistance")
            .map(read_resistance)
            .transpose()?,
        disclosure: own.map(read_wish).transpose()?.flatten(),
        recorded_by: source.actor_at(node, "recorder"),
    };
    one(Fact::Problem(problem), node)
}

fn read_resistance(node: Node<'_>) -> Read<TreatmentResistance> {
    let stated: Option<bool> = node.part("treatmentResistant")?;
    Ok(TreatmentResistance {
        is_treatment_resistant: stated.unwrap_or(true),
        adequate_trials_failed: node.need_part("adequateTrials")?,
        psychotherapy_tried: node.part("psychotherapyTried")?,
        trials: node.all_parts("trial")?,
    })
}

fn read_wish(node: Node<'_>) -> Read<Option<DisclosureWish>> {
    if node.part::<bool>("confidential")? != Some(true) {
        return Ok(None);
    }
    Ok(Some(DisclosureWish {
        requested_confidential_from: node.all_parts("confidentialFrom")?,
        basis: node.part("confidentialBasis")?,
    }))
}

// --- allergies -----------------------------------------------------------------------------------

/// The AllergyIntolerance (US Core).
pub fn write_allergy(x: &Allergy, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .p(&x.text)
        .maybe("Reaction", x.reaction.as_deref());
    let security = labels(Class::General, &[], Labels::NONE, None, e);
    let profile = [us_core("us-core-allergyintolerance")];
    let parts = Parts::new().flag("noKnown", Some(x.no_known));
    let frame = Frame::new(x.id.as_str(), &profile, security, &text, e)
        .extend(kap_parts("kap-allergy", parts));
    let mut a = must(
        start!(AllergyIntolerance, frame)
            .patient(patient(e))
            .build(),
    );
    a.clinical_status = Some(hl7_concept(
        "allergyintolerance-clinical",
        "active",
        "Active",
    ));
    let verified = hl7_concept("allergyintolerance-verification", "confirmed", "Confirmed");
    a.verification_status = Some(verified);
    let none = || {
        coding_of(
            SNOMED,
            NO_KNOWN_ALLERGY,
            Some("No Known Allergy (situation)"),
        )
    };
    let code_ = x
        .coding
        .as_ref()
        .map(coding)
        .or_else(|| x.no_known.then(none));
    a.code = Some(with_text(concept(code_), x.text.clone()));
    a.criticality = x
        .criticality
        .map(|c| code(c.code(), AllergyIntoleranceCriticality::UnableToAssess));
    a.recorded_date = x.asserted_at.map(day_time);
    a.reaction = some(x.reaction.as_ref().map(|r| {
        must(
            AllergyIntoleranceReaction::builder()
                .manifestation(some([words(r.clone())]))
                .build(),
        )
    }));
    vec![finish(Ok(a))]
}

/// Reads an AllergyIntolerance.
pub fn read_allergy<'v>(node: Node<'v>, _: &Source<'v>) -> Facts {
    let code = node.need("code")?;
    let none = code
        .codings()
        .any(|c| c.text("code") == Some(NO_KNOWN_ALLERGY));
    let own = node
        .ext("kap-allergy")
        .map(|o| o.part::<bool>("noKnown"))
        .transpose()?
        .flatten();
    let mut codings = code
        .codings()
        .filter(|c| c.text("code") != Some(NO_KNOWN_ALLERGY));
    let coding: Option<Coding> = codings.next().map(Node::to).transpose()?;
    let words = code.text("text").map(str::to_owned);
    let display = || coding.as_ref().and_then(|c| c.display.clone());
    let text = words.or_else(display).ok_or_else(|| code.missing("text"))?;
    let reaction = node.get("reaction").and_then(|r| r.get("manifestation"));
    let named = |m: Node<'v>| {
        m.text("text")
            .or_else(|| m.codings().next()?.text("display"))
    };
    let allergy = Allergy {
        id: node.id()?,
        coding,
        text,
        no_known: own.unwrap_or(none),
        reaction: reaction.and_then(named).map(str::to_owned),
        criticality: node.text("criticality").and_then(Criticality::from_code),
        asserted_at: node
            .text("recordedDate")
            .and_then(|t| t.get(..10)?.parse().ok()),
    };
    one(Fact::Allergy(allergy), node)
}

// --- home medicines ------------------------------------------------------------------------------

/// The MedicationRequest (US Core medication list entry, reported).
pub fn write_medicine(x: &HomeMedicine, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .p(&x.text)
        .fact("Status", &x.status)
        .maybe("Around dosing", x.kap_instruction.as_deref());
    let telling = x.class.as_deref().is_some_and(|c| PSYCHIATRIC.contains(&c));
    let clinical = telling || x.kap_instruction.is_some() || x.hold_before_hours.is_some();
    let class = if clinical {
        Class::Clinical
    } else {
        Class::General
    };
    let profile = [
        structure("kap-home-medication"),
        us_core("us-core-medicationrequest"),
    ];
    let own = Parts::new()
        .code("class", x.class.as_ref())
        .text("instruction", x.kap_instruction.as_ref())
        .count("holdBeforeHours", x.hold_before_hours)
        .count("holdPreferredHours", x.hold_preferred_hours)
        .at("lastTakenAt", x.last_taken_at);
    let frame = Frame::new(
        x.id.as_str(),
        &profile,
        labels(class, &[], Labels::NONE, None, e),
        &text,
        e,
    )
    .extend([episode_link(e)])
    .extend(kap_parts("kap-home-medicine", own));
    let drug = with_text(concept(x.coding.as_ref().map(coding)), x.text.clone());
    let b = start!(MedicationRequest, frame)
        .status(x.status.clone())
        .intent("plan".to_owned())
        .reported(MedicationRequestReported::Boolean(true))
        .medication(MedicationRequestMedication::CodeableConcept(drug))
        .subject(patient(e));
    vec![finish(b.build())]
}

/// Reads any MedicationRequest that is not a prescription of the episode: something the patient takes.
pub fn read_medicine<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if node.has_profile("kap-ketamine-prescription") {
        return Ok(vec![]);
    }
    let by_reference = node
        .get("medicationReference")
        .and_then(|r| source.follow(r).or_else(|| node.contained(r))?.get("code"));
    let drug = node.get("medicationCodeableConcept").or(by_reference);
    let drug = drug.ok_or_else(|| node.missing("medication"))?;
    let coding: Option<Coding> = drug.codings().next().map(Node::to).transpose()?;
    let display = || coding.as_ref().and_then(|c| c.display.clone());
    let text = drug.text("text").map(str::to_owned).or_else(display);
    let text = text.ok_or_else(|| drug.missing("text"))?;
    let own = node.ext("kap-home-medicine");
    let hours = |name| own.map(|o| o.part::<u32>(name)).transpose();
    let words = |name| own.map(|o| o.part::<String>(name)).transpose();
    let medicine = HomeMedicine {
        id: node.id()?,
        coding,
        text,
        status: node.req("status")?,
        class: words("class")?.flatten(),
        kap_instruction: words("instruction")?.flatten(),
        hold_before_hours: hours("holdBeforeHours")?.flatten(),
        hold_preferred_hours: hours("holdPreferredHours")?.flatten(),
        last_taken_at: own.map(|o| o.part("lastTakenAt")).transpose()?.flatten(),
    };
    one(Fact::HomeMedicine(medicine), node)
}
