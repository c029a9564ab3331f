//! Where a field of the practice's record stands in FHIR: for refusals on the FHIR API.

use super::codes::structure;
use crate::kap::Kind;

/// Record, field (the first step of its JSON pointer), element.
const PLACES: &[(Kind, &str, &str)] = &[
    (Kind::Consent, "signedAt", "dateTime"),
    (Kind::Consent, "signers", "performer"),
    (Kind::Clearance, "at", "date"),
    (Kind::Clearance, "by", "assessor"),
    (
        Kind::Clearance,
        "conditions",
        "extension('kap-clearance-condition')",
    ),
    (Kind::Clearance, "decidedAt", "date"),
    (Kind::Clearance, "decidedBy", "assessor"),
    (
        Kind::Clearance,
        "deferralReasons",
        "extension('kap-deferral-reason')",
    ),
    (
        Kind::Clearance,
        "doseCeilingMgPerSession",
        "extension('kap-clearance-dose-ceiling')",
    ),
    (Kind::Clearance, "rationaleSummary", "summary"),
    (
        Kind::Clearance,
        "reviewBy",
        "extension('kap-clearance-validity').value.end",
    ),
    (
        Kind::Clearance,
        "routesAllowed",
        "extension('kap-clearance-route')",
    ),
    (
        Kind::Clearance,
        "settingsAllowed",
        "extension('kap-clearance-setting')",
    ),
    (
        Kind::Clearance,
        "validUntil",
        "extension('kap-clearance-validity').value.end",
    ),
    (Kind::Prescription, "authoredOn", "authoredOn"),
    (Kind::Prescription, "by", "requester"),
    (Kind::Prescription, "clearanceId", "supportingInformation"),
    (
        Kind::Prescription,
        "maxMgPerSession",
        "extension('kap-max-dose-per-session')",
    ),
    (Kind::Prescription, "prescriberId", "requester"),
    (Kind::Prescription, "reason", "statusReason"),
    (
        Kind::Prescription,
        "recordOnly",
        "extension('kap-record-only')",
    ),
    (
        Kind::Prescription,
        "repeatsAllowed",
        "dispenseRequest.numberOfRepeatsAllowed",
    ),
    (Kind::Prescription, "status", "status"),
    (Kind::Prescription, "strength", "medication"),
    (
        Kind::Prescription,
        "validUntil",
        "dispenseRequest.validityPeriod.end",
    ),
    (Kind::Dispense, "prescriptionId", "authorizingPrescription"),
    (Kind::Dispense, "quantity", "quantity"),
    (Kind::Dispense, "shipment", "extension('kap-shipment')"),
    (Kind::Dispense, "status", "status"),
    (Kind::Referral, "at", "lastModified"),
    (Kind::Referral, "reason", "statusReason"),
    (Kind::Referral, "reasonConditionIds", "reasonReference"),
    (Kind::Referral, "requestedAt", "authoredOn"),
    (Kind::Referral, "requesterId", "requester"),
    (Kind::Referral, "supportingInfoIds", "supportingInfo"),
    (Kind::Session, "by", "participant"),
    (Kind::Session, "end", "period.end"),
    (Kind::Session, "leadId", "participant"),
    (Kind::Session, "start", "period.start"),
    (Kind::Dose, "at", "effective"),
    (Kind::Dose, "by", "performer"),
    (Kind::Dose, "doseMg", "dosage.dose"),
    (Kind::Dose, "route", "dosage.route"),
    (Kind::Issue, "by", "mitigation.author"),
    (Kind::Issue, "identifiedAt", "identified"),
    (Kind::AdverseEvent, "occurredAt", "date"),
    (Kind::AdverseEvent, "recordedAt", "recordedDate"),
    (Kind::AdverseEvent, "reportedBy", "recorder"),
    (Kind::AdverseEvent, "sessionId", "encounter"),
    (Kind::Vitals, "at", "effective"),
    (Kind::Outcome, "at", "effective"),
    (Kind::Communication, "at", "sent"),
    (Kind::Communication, "from", "sender"),
    (Kind::Communication, "to", "recipient"),
];

/// The FHIRPath, below a resource of type `resource`, of what the rules call `at`: a JSON pointer into a record of
/// `kind`, or a FHIRPath already. A field that is no element of its own is the resource as a whole.
#[must_use]
pub fn expression(resource: &str, kind: Kind, at: Option<&str>) -> String {
    let Some(pointer) = at.and_then(|at| at.strip_prefix('/')) else {
        return full(at.unwrap_or(resource));
    };
    let field = pointer.split('/').next().unwrap_or_default();
    let place = PLACES.iter().find(|(k, f, _)| *k == kind && *f == field);
    match place {
        Some((_, _, element)) => full(&format!("{resource}.{element}")),
        None => resource.to_owned(),
    }
}

/// `path` with the URLs of this project's extensions written out.
#[must_use]
pub fn full(path: &str) -> String {
    path.replace(
        "extension('kap-",
        &format!("extension('{}", structure("kap-")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_an_element() {
        let at = expression("ClinicalImpression", Kind::Clearance, Some("/validUntil"));
        assert_eq!(
            at,
            "ClinicalImpression.extension('https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-validity').value.end"
        );
        let at = expression(
            "MedicationRequest",
            Kind::Prescription,
            Some("/validUntil/0"),
        );
        assert_eq!(at, "MedicationRequest.dispenseRequest.validityPeriod.end");
        assert_eq!(expression("Task", Kind::Referral, None), "Task");
        assert_eq!(expression("Task", Kind::Referral, Some("/note")), "Task");
    }
}
