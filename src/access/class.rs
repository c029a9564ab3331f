//! The class of data that a resource is (domain reference §5.3): what roles and consents speak of.
//!
//! | Class | Resources |
//! |---|---|
//! | D0 calendar | Appointment |
//! | D1 identity | Patient, RelatedPerson |
//! | D2 clearance | ClinicalImpression, the status observation that restates it, the letter |
//! | D3 general medicine | home medicines, vital signs outside any session, laboratory results |
//! | D3 allergies | AllergyIntolerance; a bit of its own, because a pharmacy gets these and nothing else of D3 |
//! | D4 diagnosis, scores | Condition, forms, surveys |
//! | D5 session | Encounter, Procedure, doses, observations and forms of a session |
//! | D6 safety | AdverseEvent, DetectedIssue, Flag, messages that are alerts |
//! | D7 dosing summary | that document |
//! | D8 progress | the other documents, Goal, CarePlan, integration forms |
//! | D11 substance use, D12 Part 2, D13 trauma | whatever carries such a label, but identity and directory |
//! | D14 reproduction | pregnancy forms and observations |
//! | D18 prescription | MedicationRequest that is an order, Medication, the count of lozenges |
//! | D18 shipment | MedicationDispense; a bit of its own, because a consent can name it alone |
//! | D19 consents | Consent and signed forms |
//! | D20 audit | AuditEvent |
//! | course | EpisodeOfCare, CareTeam, follow-ups: that and how the treatment goes on |
//! | referral | the ServiceRequest and Task of the evaluation, the packet |
//! | message | Communication, CommunicationRequest |
//! | directory | organizations, staff, products, forms, what clients subscribe to; nothing of a patient |
//!
//! A Provenance is of the class of what it tells of. D9 and D10 have no resource; D15 is a matter of labels; no
//! resource type is D16 or D17 yet.

use serde_json::Value;

use super::label::Labels;
use super::mask::mask;

/// A set of classes; the class of a resource is a set of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Classes(i64);

/// The bits, which are stored: never renumber one.
#[rustfmt::skip]
impl Classes {
    pub const NONE: Self = Self(0);
    pub const CALENDAR: Self = Self(1);
    pub const IDENTITY: Self = Self(1 << 1);
    pub const CLEARANCE: Self = Self(1 << 2);
    pub const GENERAL: Self = Self(1 << 3);
    pub const DIAGNOSIS: Self = Self(1 << 4);
    pub const SESSION: Self = Self(1 << 5);
    pub const SAFETY: Self = Self(1 << 6);
    pub const DOSING_SUMMARY: Self = Self(1 << 7);
    pub const PROGRESS: Self = Self(1 << 8);
    pub const SUBSTANCE: Self = Self(1 << 11);
    pub const PART2: Self = Self(1 << 12);
    pub const TRAUMA: Self = Self(1 << 13);
    pub const REPRODUCTION: Self = Self(1 << 14);
    pub const BILLING: Self = Self(1 << 16);
    pub const SELF_PAID: Self = Self(1 << 17);
    pub const PRESCRIPTION: Self = Self(1 << 18);
    pub const CONSENT: Self = Self(1 << 19);
    pub const AUDIT: Self = Self(1 << 20);
    pub const COURSE: Self = Self(1 << 21);
    pub const REFERRAL: Self = Self(1 << 22);
    pub const MESSAGE: Self = Self(1 << 23);
    pub const ALLERGY: Self = Self(1 << 24);
    pub const SHIPMENT: Self = Self(1 << 25);
    pub const DIRECTORY: Self = Self(1 << 26);
    /// A type that the table does not know.
    pub const OTHER: Self = Self(1 << 27);
    pub const ALL: Self = Self((1 << 28) - 1);
}

/// Each class with the name that people read.
#[rustfmt::skip]
pub const NAMES: &[(Classes, &str)] = &[
    (Classes::CALENDAR, "D0 calendar"), (Classes::IDENTITY, "D1 identity"), (Classes::CLEARANCE, "D2 clearance"),
    (Classes::GENERAL, "D3 general medicine"), (Classes::ALLERGY, "D3 allergies"),
    (Classes::DIAGNOSIS, "D4 diagnosis and scores"), (Classes::SESSION, "D5 session"), (Classes::SAFETY, "D6 safety"),
    (Classes::DOSING_SUMMARY, "D7 dosing summary"), (Classes::PROGRESS, "D8 progress"),
    (Classes::SUBSTANCE, "D11 substance use"), (Classes::PART2, "D12 Part 2"), (Classes::TRAUMA, "D13 trauma"),
    (Classes::REPRODUCTION, "D14 reproduction"), (Classes::BILLING, "D16 billing"), (Classes::SELF_PAID, "D17 self-paid"),
    (Classes::PRESCRIPTION, "D18 prescription"), (Classes::SHIPMENT, "D18 shipment"), (Classes::CONSENT, "D19 consents"),
    (Classes::AUDIT, "D20 audit"), (Classes::COURSE, "course"), (Classes::REFERRAL, "referral"),
    (Classes::MESSAGE, "messages"), (Classes::DIRECTORY, "directory"), (Classes::OTHER, "other"),
];

mask!(Classes);

/// The class of a resource of type `kind` with these labels.
#[must_use]
pub fn of(kind: &str, value: &Value, labels: Labels) -> Classes {
    let own = by_type(kind, value);
    let open = Classes::IDENTITY
        .or(Classes::DIRECTORY)
        .or(Classes::CONSENT);
    if own.meets(open) {
        own
    } else if labels.meets(Labels::PART2) {
        Classes::PART2
    } else if labels.meets(Labels::TRAUMA) {
        Classes::TRAUMA
    } else if labels.meets(Labels::SUBSTANCE) {
        Classes::SUBSTANCE
    } else {
        own
    }
}

fn by_type(kind: &str, value: &Value) -> Classes {
    match kind {
        "Appointment" => Classes::CALENDAR,
        "Patient" | "RelatedPerson" => Classes::IDENTITY,
        "ClinicalImpression" => Classes::CLEARANCE,
        "AllergyIntolerance" => Classes::ALLERGY,
        "Condition" => Classes::DIAGNOSIS,
        "Encounter" | "Procedure" | "MedicationAdministration" => Classes::SESSION,
        "AdverseEvent" | "DetectedIssue" | "Flag" => Classes::SAFETY,
        "Goal" | "CarePlan" => Classes::PROGRESS,
        "MedicationRequest" if value["intent"] == "plan" => Classes::GENERAL,
        "MedicationRequest" | "Medication" | "Basic" => Classes::PRESCRIPTION,
        "MedicationDispense" => Classes::SHIPMENT,
        "Consent" => Classes::CONSENT,
        "AuditEvent" => Classes::AUDIT,
        "ServiceRequest" if value["intent"] == "order" => Classes::REFERRAL,
        "Task" if has_profile(value, "kap-referral-task") => Classes::REFERRAL,
        "EpisodeOfCare" | "CareTeam" | "ServiceRequest" | "Task" => Classes::COURSE,
        "Communication" | "CommunicationRequest" => {
            let alert = codes(&value["category"]).any(|c| c == "alert");
            if alert {
                Classes::SAFETY
            } else {
                Classes::MESSAGE
            }
        }
        "Observation" => observation(value),
        "QuestionnaireResponse" => form(value),
        "Composition" | "DocumentReference" => document(value),
        "Endpoint" | "HealthcareService" | "Location" | "Organization" | "Practitioner"
        | "PractitionerRole" | "Questionnaire" | "Subscription" => Classes::DIRECTORY,
        _ => Classes::OTHER,
    }
}

/// Pregnancy status (LOINC), pregnant and not pregnant (SNOMED CT).
const PREGNANCY: [&str; 3] = ["82810-3", "77386006", "60001007"];

fn observation(value: &Value) -> Classes {
    let category = |wanted: &str| codes(&value["category"]).any(|c| c == wanted);
    let code = |wanted: &[&str]| codes(&value["code"]).any(|c| wanted.contains(&c));
    if code(&PREGNANCY) || codes(&value["valueCodeableConcept"]).any(|c| PREGNANCY.contains(&c)) {
        Classes::REPRODUCTION
    } else if code(&["clearance-status"]) {
        Classes::CLEARANCE
    } else if category("survey") {
        Classes::DIAGNOSIS
    } else if category("laboratory") || (category("vital-signs") && value["encounter"].is_null()) {
        Classes::GENERAL
    } else {
        Classes::SESSION
    }
}

fn form(value: &Value) -> Classes {
    let form = value["questionnaire"].as_str().unwrap_or_default();
    let form = form.split('|').next().unwrap_or_default();
    match form.rsplit('/').next().unwrap_or_default() {
        "kap-session-record" | "kap-pre-dose-checklist" | "kap-discharge-checklist" => {
            Classes::SESSION
        }
        "kap-integration-summary" => Classes::PROGRESS,
        "kap-pregnancy" => Classes::REPRODUCTION,
        _ => Classes::DIAGNOSIS,
    }
}

fn document(value: &Value) -> Classes {
    match codes(&value["type"]).next().unwrap_or_default() {
        "78472-8" => Classes::DOSING_SUMMARY,
        "34788-0" => Classes::CLEARANCE,
        "57143-0" => Classes::REFERRAL,
        "59284-0" => Classes::CONSENT,
        _ => Classes::PROGRESS,
    }
}

fn has_profile(value: &Value, name: &str) -> bool {
    let profiles = value["meta"]["profile"].as_array();
    let mut texts = profiles.into_iter().flatten().filter_map(Value::as_str);
    texts.any(|url| url.ends_with(&format!("/StructureDefinition/{name}")))
}

/// The codes of a concept or of a list of concepts.
fn codes(concept: &Value) -> impl Iterator<Item = &str> {
    let list = match concept {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    list.iter()
        .flat_map(|c| c["coding"].as_array().into_iter().flatten())
        .filter_map(|c| c["code"].as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_class_has_one_name_and_one_bit() {
        let all = NAMES.iter().fold(0, |sum: i64, (class, _)| {
            assert_eq!(class.bits().count_ones(), 1);
            assert_eq!(sum & class.bits(), 0);
            sum | class.bits()
        });
        assert_eq!(all & !Classes::ALL.bits(), 0);
    }

    #[test]
    fn a_topic_wins_over_the_type_but_not_over_identity() {
        let value = json!({});
        let of = |kind: &str, labels: Labels| super::of(kind, &value, labels);
        assert_eq!(of("Condition", Labels::PSY), Classes::DIAGNOSIS);
        assert_eq!(of("Condition", Labels::ETH), Classes::SUBSTANCE);
        assert_eq!(of("Condition", Labels::SDV), Classes::TRAUMA);
        let part2 = Labels::ETH.or(Labels::PART2);
        assert_eq!(of("Observation", part2), Classes::PART2);
        assert_eq!(of("Patient", Labels::SDV), Classes::IDENTITY);
        assert_eq!(of("Consent", part2), Classes::CONSENT);
        // Paid by the patient alone: the treatment is the same treatment.
        assert_eq!(of("Encounter", Labels::SELF_PAY), Classes::SESSION);
    }

    #[test]
    fn content_tells_what_the_type_leaves_open() {
        let of = |kind: &str, value: &Value| super::of(kind, value, Labels::NONE);
        let plan = json!({"intent": "plan"});
        let order = json!({"intent": "order"});
        assert_eq!(of("MedicationRequest", &plan), Classes::GENERAL);
        assert_eq!(of("MedicationRequest", &order), Classes::PRESCRIPTION);
        assert_eq!(of("ServiceRequest", &order), Classes::REFERRAL);
        assert_eq!(of("ServiceRequest", &plan), Classes::COURSE);
        let vital = json!({"category": [{"coding": [{"code": "vital-signs"}]}]});
        assert_eq!(of("Observation", &vital), Classes::GENERAL);
        let mut in_session = vital.clone();
        in_session["encounter"] = json!({"reference": "Encounter/1"});
        assert_eq!(of("Observation", &in_session), Classes::SESSION);
        let alert = json!({"category": [{"coding": [{"code": "alert"}]}]});
        assert_eq!(of("Communication", &alert), Classes::SAFETY);
        assert_eq!(of("Communication", &json!({})), Classes::MESSAGE);
        let typed = |code: &str| json!({"type": {"coding": [{"code": code}]}});
        assert_eq!(
            of("Composition", &typed("78472-8")),
            Classes::DOSING_SUMMARY
        );
        assert_eq!(
            of("DocumentReference", &typed("57143-0")),
            Classes::REFERRAL
        );
        assert_eq!(of("Unheard", &json!({})), Classes::OTHER);
    }
}
