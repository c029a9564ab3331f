//! Names on the wire: code systems, profiles, extensions.
//!
//! # Extensions beyond the domain reference
//! The reference's appendix A lists the extensions of the exchange. These are added because a part of the
//! practice's record has no FHIR element, and reading must give back what was written.
//!
//! | Extension | Context | Type | Why |
//! |---|---|---|---|
//! | `kap-phase-history` | EpisodeOfCare | complex {phase code, at dateTime, by string, reason string} 0..* | `statusHistory` knows neither phase, author nor reason |
//! | `kap-partner-organization` | EpisodeOfCare | Reference(Organization) 0..1 | the medical partner of the episode |
//! | `kap-pharmacy-organization` | EpisodeOfCare | Reference(Organization) 0..1 | the pharmacy of the episode |
//! | `kap-previous-episode` | EpisodeOfCare | Reference(EpisodeOfCare) 0..1 | R4 has no link between episodes |
//! | `kap-organization-kind` | Organization | complex {kind code, timezone code} 0..1 | what the organization is to KAP; "same day" is its local day |
//! | `kap-member` | PractitionerRole | complex {role code, sharing code} 0..1 | roles without a code in `kap-participant-role`; sharing rule |
//! | `kap-projection-of` | Observation | Reference 0..1 | marks a resource that restates another one: readers of the record skip it |
//! | `kap-related-person` | RelatedPerson | complex {isAdult boolean, proxyLevel code, proxyExclude string 0..*} 0..1 | chaperone's age; guardian's view |
//! | `kap-patient-veteran` | Patient | boolean 0..1 | service history matters to trauma care |
//! | `kap-problem` | Condition | complex {indication boolean, sensitivity code 0..*, confidentialFrom string 0..*, confidentialBasis string} 0..1 | whether KAP treats it; the patient's wish about who must not see it |
//! | `kap-home-medicine` | MedicationRequest | complex {class code, instruction string, holdBeforeHours, holdPreferredHours unsignedInt, lastTakenAt dateTime} 0..1 | screening class and the prescriber's word around dosing |
//! | `kap-screening` | QuestionnaireResponse | complex {instrument string, at dateTime, timing code, reportedBy code, score, rangeMin, rangeMax decimal, scoreCode, panelCode Coding, item9 unsignedInt, riskLevel code} 0..1 | a scored instrument as one record |
//! | `kap-referral` | ServiceRequest | complex {setting code, route code, task id} 0..1 | what is asked for |
//! | `kap-task-event` | Task | complex {at, status, businessStatus, note, by, clearance} 0..* | Task holds only its present state |
//! | `kap-record-ref` | any | string 0..* on Reference | the practice's id of a record where the reference cannot carry it |
//! | `kap-consent` | Consent | complex {kind, status, signer*, document, expires, revokedAt, note, ageAppropriate …} 0..1 | the practice's state of an agreement (revoked and expired are both `inactive` in R4) |
//! | `kap-consent-rule` | Consent.provision | complex {dataClass code 0..*, note string} 0..1 | narrower data classes of a privacy rule |
//! | `kap-clearance` | ClinicalImpression | complex {vitalSource, requiredTiming*, document, revokedAt, …} 0..1 | parts of a clearance that appendix A leaves out |
//! | `kap-prescription` | MedicationRequest | complex {unitsPerSession, boosterUnits, epcsTransmitted, supply …} 0..1 | course facts of a prescription |
//! | `kap-dispense` | MedicationDispense | complex {mgPerUnit, lot, beyondUseDate, destination, confirmedBy} 0..1 | facts of a fill |
//! | `kap-inventory` | Basic | complex {at, reason, units, mgPerUnit, by, witness, note} 1..1 | R4 has no ledger entry |
//! | `kap-treatment-plan` | CarePlan | complex {minSessions, maxSessions, everyDays …} 0..1 | course targets |
//! | `kap-intention` | Goal | complex {category code, sharing code, at dateTime, comparator code, value decimal} 0..1 | sharing and the exact target |
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
pub const SNOMED: &str = "http://snomed.info/sct";
pub const LOINC: &str = "http://loinc.org";
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub const NUCC: &str = "http://nucc.org/provider-taxonomy";
pub const UCUM: &str = "http://unitsofmeasure.org";
pub const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
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
