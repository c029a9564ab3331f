//! Searches at random.

use reqwest::Method;

use super::super::dice::Dice;
use super::ask::{Ask, Known};

const KINDS: &[&str] = &[
    "Patient",
    "Condition",
    "Observation",
    "EpisodeOfCare",
    "CareTeam",
    "Goal",
    "Communication",
    "DocumentReference",
    "Flag",
    "DetectedIssue",
    "MedicationRequest",
    "MedicationDispense",
    "Medication",
    "AllergyIntolerance",
    "Provenance",
    "Composition",
    "Task",
    "ServiceRequest",
    "Consent",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "QuestionnaireResponse",
    "Encounter",
    "Appointment",
];

fn parameter(dice: &mut Dice, known: &Known, kind: &str) -> String {
    let (of, id) = known.key(dice);
    let pick = |dice: &mut Dice, all: &[&str]| (*dice.one(all)).to_owned();
    match dice.below(21) {
        0..=2 => format!("patient={}", known.patient(dice)),
        3 => format!("subject=Patient/{}", known.patient(dice)),
        4 => format!("_id={id}"),
        5 => format!(
            "code={}",
            pick(
                dice,
                &[
                    "F33.2", "F43.10", "F43.12", "F10.20", "B20", "10197-2", "8302-2", "44261-6"
                ]
            )
        ),
        6 => format!(
            "_security={}",
            pick(
                dice,
                &[
                    "SDV",
                    "PSY",
                    "HIV",
                    "R",
                    "V",
                    "ETH",
                    "http://terminology.hl7.org/CodeSystem/v3-ActCode%7CMST"
                ]
            )
        ),
        7 => format!(
            "_sort={}",
            pick(
                dice,
                &[
                    "_id",
                    "-_id",
                    "_lastUpdated",
                    "-_lastUpdated",
                    "date",
                    "-date",
                    "code"
                ]
            )
        ),
        8 => format!("_count={}", pick(dice, &["0", "1", "2", "5", "100"])),
        9 => format!("_total={}", pick(dice, &["accurate", "estimate", "none"])),
        10 => format!(
            "_include={kind}:{}",
            pick(
                dice,
                &[
                    "patient",
                    "subject",
                    "encounter",
                    "medication",
                    "target",
                    "organization"
                ]
            )
        ),
        11 => format!(
            "_revinclude={}:{}",
            pick(dice, KINDS),
            pick(dice, &["patient", "target", "subject", "episode"])
        ),
        12 => format!(
            "_lastUpdated={}2026-11-22",
            pick(dice, &["ge", "lt", "eq", ""])
        ),
        13 => format!(
            "status={}",
            pick(dice, &["active", "final", "completed", "requested"])
        ),
        14 => format!(
            "category={}",
            pick(
                dice,
                &[
                    "survey",
                    "alert",
                    "problem-list-item",
                    "exam",
                    "vital-signs"
                ]
            )
        ),
        15 => format!("target={of}/{id}"),
        16 => pick(
            dice,
            &[
                "_summary=count",
                "_elements=id",
                "colour=red",
                "code:missing=true",
                "_filter=x",
                "_has:Observation:patient:code=x",
                "subject:Patient.name=x",
                "_text=trauma",
                "identifier=https://numbers.example.org%7Cone",
            ],
        ),
        17 => pick(
            dice,
            &[
                "patient.birthdate=ge1980",
                "subject:Patient.name=Family",
                "patient.identifier=https://practice.example.org/mrn%7Cfirst-1",
                "encounter.status=finished",
                "encounter.patient.gender=female",
                "medication.code=6130",
                "target:Condition.code=B20",
                "target:Patient.name=Family",
                "patient.general-practitioner.name=x",
                "patient._has:Condition:patient:_security=SDV",
                "patient.address-city=x",
                "organization.name=partner",
            ],
        ),
        18 => pick(
            dice,
            &[
                "_has:Condition:patient:code=F43.10",
                "_has:Condition:subject:_security=SDV",
                "_has:Observation:subject:_security=HIV",
                "_has:Observation:encounter:status=final",
                "_has:Flag:patient:status=active",
                "_has:Provenance:target:_lastUpdated=ge2020",
                "_has:Consent:patient:status=active",
                "_has:Task:patient:owner:Organization.name=partner",
                "_has:AuditEvent:patient:action=R",
            ],
        ),
        19 => pick(
            dice,
            &[
                "_include=*",
                "_revinclude=*",
                "_include=Patient:*",
                "_revinclude=Provenance:*",
                "_revinclude=Condition:patient",
                "_include:iterate=Encounter:patient",
                "_include:iterate=*",
                "_revinclude:iterate=Provenance:target",
                "_summary=true",
                "_elements=id,name,code",
            ],
        ),
        _ => format!(
            "date={}2026-05-03",
            pick(dice, &["ge", "lt", "sa", "eb", ""])
        ),
    }
}

/// A search with up to three parameters, by GET or by POST.
pub fn search(dice: &mut Dice, known: &Known) -> Ask {
    let kind = *dice.one(KINDS);
    let n = dice.below(4);
    let parameters: Vec<String> = (0..n).map(|_| parameter(dice, known, kind)).collect();
    let query = parameters.join("&");
    let mut ask = match dice.below(12) {
        8 => {
            let (of, id) = known.key(dice);
            let all = *dice.one(&["*", kind]);
            Ask::get(format!("/fhir/{of}/{id}/{all}?{query}"))
        }
        9 => {
            let all = *dice.one(&["*", kind]);
            Ask::get(format!(
                "/fhir/Patient/{}/{all}?{query}",
                known.patient(dice)
            ))
        }
        10 => Ask::get(format!("/fhir?_type={kind},{}&{query}", *dice.one(KINDS))),
        11 => Ask::get(format!("/fhir?{query}&_count=20")),
        0 => Ask {
            method: Method::POST,
            body: Some((query, "application/x-www-form-urlencoded")),
            ..Ask::get(format!("/fhir/{kind}/_search"))
        },
        _ => Ask::get(format!("/fhir/{kind}?{query}")),
    };
    if dice.below(10) == 0 {
        ask = ask.header("Prefer", "handling=strict".to_owned());
    }
    ask
}
