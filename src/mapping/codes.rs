//! Names on the wire: code systems, profiles, extensions.
//!
//! `profiles/generated` defines every one; a test holds these tables against it.
//!
//! # Extensions of the exchange
//!
//! | Extension | Context | Type | What |
//! |---|---|---|---|
//! | `kap-ae-associated-event` | AdverseEvent | CodeableConcept | A further event; R4 has room for one only |
//! | `kap-ae-expectedness` | AdverseEvent | code | Whether the event was to be expected |
//! | `kap-ae-intervention` | AdverseEvent | string/CodeableConcept | What was done about the event: a code or a sentence |
//! | `kap-clearance-condition` | ClinicalImpression | {id string, code CodeableConcept, text string, scope code, mustSatisfy boolean, satisfiedAt dateTime, satisfiedBy Reference} | Something that must hold before dosing |
//! | `kap-clearance-decision` | ClinicalImpression | CodeableConcept | What the prescriber decided |
//! | `kap-clearance-dose-ceiling` | ClinicalImpression | Quantity | Highest total of one session, in milligrams |
//! | `kap-clearance-max-frequency` | ClinicalImpression | {maxSessionsPer7Days positiveInt, minDaysBetweenSessions unsignedInt} | Cadence limits |
//! | `kap-clearance-route` | ClinicalImpression | CodeableConcept | A route by which ketamine may be given |
//! | `kap-clearance-setting` | ClinicalImpression | code | A setting in which dosing is allowed |
//! | `kap-clearance-validity` | ClinicalImpression, Observation | Period | First and last day on which the clearance counts; for a deferral the end is the day of review |
//! | `kap-clearance-vital-parameter` | ClinicalImpression | {timing code, code CodeableConcept, min Quantity, max Quantity, recheckAfter Duration, maxRechecks positiveInt, maxAge Duration} | A limit of this person for one vital sign at one moment of the session |
//! | `kap-compounded` | Medication | boolean | Whether the product is made by a compounding pharmacy |
//! | `kap-consent-kind` | Consent | Coding | Which agreement this is |
//! | `kap-consent-topic` | Consent | code | Something that was explained and agreed, such as off-label-use |
//! | `kap-controlled-substance-schedule` | Medication | Coding | Schedule of the substance |
//! | `kap-dose-kind` | MedicationAdministration | code | First dose of the session, or booster |
//! | `kap-dose-level` | MedicationAdministration | code | Intended depth. No amount of drug is ever derived from it |
//! | `kap-emergency-plan` | Encounter | {contact Reference, address string, addressRef string, hospital string, localEmergencyNumber string} | Whom and what to call during a remote session |
//! | `kap-episode-phase` | EpisodeOfCare | CodeableConcept | The exact phase of the episode; the status is only its coarse image |
//! | `kap-expectorated` | MedicationAdministration | boolean | Whether the rest of a lozenge was spat out |
//! | `kap-hold-minutes` | MedicationAdministration | Quantity | How long a lozenge was held in the mouth |
//! | `kap-legal-authority` | RelatedPerson | {basis code, verifiedAt dateTime, verifiedBy Reference, document Reference} | Why a guardian may consent for the patient |
//! | `kap-max-dose-per-session` | MedicationRequest | Quantity | Highest total of one session under this prescription, in milligrams |
//! | `kap-minutes-since-dose` | Observation | Quantity | Minutes after the first dose of the session; negative before it |
//! | `kap-patient-location` | Encounter | {state string, location Reference, confirmedAt dateTime, addressRef string, address Address} | Where the patient is during a remote session: licences and emergency help depend on it |
//! | `kap-pdmp-check` | MedicationRequest | {at dateTime, by Reference} | When and by whom the prescription drug monitoring programme was checked |
//! | `kap-presence-mode` | Encounter | code | How the therapist is present |
//! | `kap-record-only` | MedicationRequest | boolean | Always true: the resource records an order that was sent elsewhere; it is never the order itself |
//! | `kap-record-ref` | Reference | string | The practice's id of a record where the reference cannot carry it |
//! | `kap-record-status` | AdverseEvent | code | Retraction of a record whose R4 resource has no status |
//! | `kap-redacted` | Resource | {element string, reason code} | An element was left out. Sent only to those who may know that something exists |
//! | `kap-related-person-role` | RelatedPerson | code | What the person does in the episode |
//! | `kap-rule-version` | DetectedIssue | string | Version of the rule, or of the policy that holds it |
//! | `kap-session-setting` | Encounter | Coding | Where the session takes place |
//! | `kap-session-timing` | Observation | code/Coding | Position of a reading in the session or course |
//! | `kap-sessions-supplied` | MedicationRequest, MedicationDispense | positiveInt | How many dosing sessions the supply is for |
//!
//! # Extensions that keep the record whole
//! A part of the practice's record has no FHIR element, and reading must give back what was written.
//!
//! | Extension | Context | Type | Why |
//! |---|---|---|---|
//! | `kap-phase-history` | EpisodeOfCare | 0..* {phase code, at dateTime, by string, reason string} | `statusHistory` knows neither phase, author nor reason |
//! | `kap-partner-organization`, `kap-pharmacy-organization` | EpisodeOfCare | 0..1 Reference(Organization) | the other organizations of the episode |
//! | `kap-previous-episode` | EpisodeOfCare | 0..1 Reference(EpisodeOfCare) | R4 has no link between episodes |
//! | `kap-organization-kind` | Organization | 0..1 {kind code, timezone code} | what it is to KAP; "same day" is its local day |
//! | `kap-member` | CareTeam.participant | 0..1 {role code, sharing code} | roles outside of `kap-participant-role`; the sharing rule |
//! | `kap-patient-veteran` | Patient | 0..1 boolean | matters to trauma care |
//! | `kap-related-person-access` | RelatedPerson | 0..1 {isAdult boolean, level code, excludes string 0..*} | a chaperone's age, a guardian's view |
//! | `kap-treatment-resistance` | Condition | as above, and {treatmentResistant boolean, trial string 0..*} | the statement itself, and each trial |
//! | `kap-problem` | Condition | 0..1 {indication boolean, clinicalStatus code, sensitivity code 0..*, confidential boolean, confidentialFrom string 0..*, confidentialBasis string} | whether KAP treats it; the wish about who must not see it; the clinical status that con-5 forbids on an erroneous record |
//! | `kap-allergy` | AllergyIntolerance | 0..1 {noKnown boolean} | "no known" beside another code |
//! | `kap-home-medicine` | MedicationRequest | 0..1 {class code, instruction string, holdBeforeHours unsignedInt, holdPreferredHours unsignedInt, lastTakenAt dateTime} | screening class; the prescriber's word around dosing |
//! | `kap-screening` | QuestionnaireResponse | 0..1 {instrument string, panel Coding, scoreCode Coding, score decimal, min decimal, max decimal, at dateTime, authored dateTime, status string, timing string, reportedBy string, item9 unsignedInt, riskLevel string, formAssumed boolean} | a scored instrument is one record |
//! | `kap-projection-of` | Observation, Communication | 0..1 Reference | this resource restates that one; readers of the record skip it |
//! | `kap-referral` | ServiceRequest | 0..1 {setting code, route code, task string} | what is asked for |
//! | `kap-task-event` | Task | 0..* {at dateTime, status code, businessStatus code, note string, by string, clearance Reference(ClinicalImpression)} | a Task holds only its present state |
//! | `kap-consent` | Consent | 0..1 {status code, expires date, revokedAt dateTime, note string, ageAppropriateMaterials boolean} | revoked and expired are both `inactive` in R4 |
//! | `kap-signer-capacity` | Consent.performer | 0..1 string | guardian, assent |
//! | `kap-consent-rule` | Consent.provision.provision | 0..1 {dataClass code 0..*, note string} | data classes of a privacy rule (PCF leaves out `class`) |
//! | `kap-clearance-details` | ClinicalImpression | 0..1 {validUntil date, reviewBy date, basis string 0..*, rationaleRestricted boolean, document string, revokedAt dateTime, revokedReason string} | the other end of the validity, the order of the basis, the revocation |
//! | `kap-clearance-vitals` | ClinicalImpression | 0..1 {source code, requiredTiming code 0..*, recheckAfterMinutes, maxRechecks, maxAgeMinutesPreDose unsignedInt} | what holds for the measuring as a whole |
//! | `kap-deferral-reason` | ClinicalImpression | as above, and {sensitivity code 0..*} | a reason may be of another topic |
//! | `kap-prescription` | MedicationRequest | 0..1 {unitsPerSession unsignedInt, boosterUnitsAllowed unsignedInt, epcsTransmitted boolean, supply code} | counts and origin of the doses |
//! | `kap-dispense` | MedicationDispense | 0..1 {mgPerUnit decimal, lot string, beyondUseDate date} | the ledger counts units of an exact strength |
//! | `kap-shipment` | MedicationDispense | as above, and {destination code} | home or practice, without an address |
//! | `kap-inventory` | Basic | 1..1 {at dateTime, reason code, units decimal, mgPerUnit decimal, by Reference, witness Reference, note string} | R4 has no ledger entry |
//! | `kap-treatment-plan` | CarePlan | 0..1 {status string, minSessions, maxSessions, everyDays, integrationPerDosing, integrationTargetHours, preparationSessions unsignedInt, maintenance string, modality string 0..*, setting code, route code, doseStrategy string, goal string 0..*} | targets of the course |
//! | `kap-intention` | Goal | 0..1 {category code, sharing code, at dateTime, target boolean, comparator string, value decimal, measure Coding} | sharing; a target without a measure (gol-1) |
//! | `kap-vitals-source` | Observation | code 0..1 | who or what measured, exactly |
//! | `kap-dose-units` | MedicationAdministration | decimal 0..1 | units (lozenges) used, beside the milligrams |
//! | `kap-held-by` | MedicationAdministration | Reference 0..1 | prescriber who decided to hold the dose |
//! | `kap-planned-dosage` | MedicationAdministration | complex {route Coding, site string} 0..1 | a dose that was not given has no dosage |
//! | `kap-score` | Observation | complex {instrument string, min, max decimal, timing string, reportedBy code} 0..1 | what the score is of |
//! | `kap-issue` | DetectedIssue | complex {status code 0..1, sensitivity code 0..*} 0..1 | the practice's state where R4's status and mitigations would be read otherwise |
//! | `kap-mitigation-rationale` | DetectedIssue.mitigation | string 0..1 | why |
//! | `kap-ae` | AdverseEvent | complex {resolvedAt dateTime, medwatchReportable, followUpRequired boolean, causality code} 0..1 | R4 gaps |
//! | `kap-ae-alert` | AdverseEvent | complex {topic canonical, firstAttemptAt, deliveredAt, acknowledgedAt dateTime, acknowledgedBy Reference} 0..1 | when the alert went out and was seen |
//! | `kap-followup` | ServiceRequest | complex {status code, doneSession Reference} 0..1 | the practice's state of a follow-up |
//! | `kap-message` | Communication | complex {category code 0..1, label, redaction code 0..*} 0..1 | labels and redactions of the payload |

/// Base of every canonical URL of the project. Never changes; the service's own base URL is configuration.
pub const CANONICAL: &str = "https://kap-interop.example.org/fhir";

/// Version of the Questionnaires of the project.
const QUESTIONNAIRE_VERSION: &str = "1.0.0";

/// Versioned canonical URL of the local Questionnaire `name`.
#[must_use]
pub fn questionnaire(name: &str) -> String {
    format!("{CANONICAL}/Questionnaire/{name}|{QUESTIONNAIRE_VERSION}")
}

/// URL of the local extension or profile `name`.
#[must_use]
pub fn structure(name: &str) -> String {
    format!("{CANONICAL}/StructureDefinition/{name}")
}

/// URL of the local code system `name`.
#[must_use]
pub fn system(name: &str) -> String {
    format!("{CANONICAL}/CodeSystem/{name}")
}

/// URL of the identifier namespace `kind` (`episode`, `referral`, `session`, `rx`, `fill`, `ae`, …).
#[must_use]
pub fn namespace(kind: &str) -> String {
    format!("https://kap-interop.example.org/id/{kind}")
}

/// Whether `url` names the local structure `name`.
#[must_use]
pub fn is_structure(url: &str, name: &str) -> bool {
    is_under(url, "/StructureDefinition/", name)
}

/// Whether `url` names the local code system `name`.
#[must_use]
pub fn is_system(url: &str, name: &str) -> bool {
    is_under(url, "/CodeSystem/", name)
}

fn is_under(url: &str, folder: &str, name: &str) -> bool {
    let rest = url
        .strip_prefix(CANONICAL)
        .and_then(|r| r.strip_prefix(folder));
    rest == Some(name)
}

/// URL of the US Core 6.1.0 profile or extension `name`.
#[must_use]
pub fn us_core(name: &str) -> String {
    format!("http://hl7.org/fhir/us/core/StructureDefinition/{name}")
}

/// IHE Privacy Consent on FHIR, advanced consent.
pub const PCF_CONSENT: &str =
    "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentAdvanced";
/// Extension that ties a resource to its episode.
pub const WORKFLOW_EPISODE: &str = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare";

/// Code systems of others.
pub use crate::access::label::{ACT_CODE, ACT_REASON, CONFIDENTIALITY};

pub const SNOMED: &str = "http://snomed.info/sct";
pub const LOINC: &str = "http://loinc.org";
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub const NUCC: &str = "http://nucc.org/provider-taxonomy";
pub const UCUM: &str = "http://unitsofmeasure.org";
pub const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
pub const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub const ROUTE_V3: &str = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration";
pub const DRUG_FORM: &str = "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm";
pub const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
pub const SCHEDULE: &str = "http://terminology.hl7.org/CodeSystem/v2-0477";
pub const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// FHIR terminology system `name` under `http://terminology.hl7.org/CodeSystem/`.
#[must_use]
pub fn hl7(name: &str) -> String {
    format!("http://terminology.hl7.org/CodeSystem/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_urls_are_known_by_name() {
        assert!(is_structure(&structure("kap-shipment"), "kap-shipment"));
        assert!(!is_structure(&structure("kap-shipment"), "kap-ship"));
        assert!(is_system(&system("kap-service"), "kap-service"));
        assert!(!is_system("http://loinc.org", "kap-service"));
    }
}
