//! A record of each class of data.

use kap_fhir::access::class::{self, NAMES};
use kap_fhir::access::{Classes, Labels};
use serde_json::{Value, json};

/// A record of a class.
pub struct Record {
    pub name: &'static str,
    pub kind: &'static str,
    pub class: Classes,
    pub labels: Labels,
}

/// One record of each class, with the labels that such a record has.
pub fn records() -> Vec<Record> {
    let typed = |code: &str| json!({"type": {"coding": [{"code": code}]}});
    let intent = |code: &str| json!({"intent": code});
    let pregnancy = json!({"code": {"coding": [{"code": "82810-3"}]}});
    let substance = Labels::SUD.or(Labels::ETH);
    let (psy, none) = (Labels::R.or(Labels::PSY), Labels::NONE);
    let r = |labels: Labels| Labels::R.or(labels);
    let all: Vec<(&str, &str, Value, Labels)> = vec![
        ("D0 calendar", "Appointment", json!({}), psy),
        ("D1 identity", "Patient", json!({}), none),
        ("D2 clearance", "ClinicalImpression", json!({}), psy),
        (
            "D3 general medicine",
            "MedicationRequest",
            intent("plan"),
            none,
        ),
        ("D3 allergies", "AllergyIntolerance", json!({}), none),
        ("D4 diagnosis and scores", "Condition", json!({}), psy),
        ("D5 session", "Encounter", json!({}), psy),
        ("D6 safety", "AdverseEvent", json!({}), psy),
        ("D7 dosing summary", "Composition", typed("78472-8"), psy),
        ("D8 progress", "Goal", json!({}), psy),
        ("D11 substance use", "Condition", json!({}), r(substance)),
        (
            "D12 Part 2",
            "Condition",
            json!({}),
            r(Labels::ETH.or(Labels::PART2)),
        ),
        ("D13 trauma", "Condition", json!({}), r(Labels::SDV)),
        ("D14 reproduction", "Observation", pregnancy, psy),
        (
            "D18 prescription",
            "MedicationRequest",
            intent("order"),
            psy,
        ),
        ("D18 shipment", "MedicationDispense", json!({}), psy),
        ("D19 consents", "Consent", json!({}), psy),
        ("D20 audit", "AuditEvent", json!({}), none),
        ("course", "EpisodeOfCare", json!({}), psy),
        ("referral", "ServiceRequest", intent("order"), psy),
        ("messages", "Communication", json!({}), psy),
        ("directory", "Practitioner", json!({}), none),
    ];
    let mut out: Vec<Record> = all
        .into_iter()
        .map(|(name, kind, value, labels)| {
            let class = class::of(kind, &value, labels);
            let named = NAMES.iter().find(|(c, _)| *c == class).map(|(_, n)| *n);
            assert_eq!(named, Some(name), "{kind}");
            Record {
                name,
                kind,
                class,
                labels,
            }
        })
        .collect();
    // These are told by a label: the class is that of the record.
    let marked = |name, labels| Record {
        name,
        kind: "Condition",
        class: Classes::DIAGNOSIS,
        labels,
    };
    out.insert(14, marked("D15 diagnosis of a minor", psy.or(Labels::ADOL)));
    let session = Classes::SESSION;
    out.insert(
        7,
        Record {
            name: "D5 session, self-paid",
            kind: "Encounter",
            class: session,
            labels: psy.or(Labels::SELF_PAY),
        },
    );
    out
}
