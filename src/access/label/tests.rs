//! The labeller: what follows from type, content, age, what was sent and what was there before.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod lowered;

fn coding(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn with(value: Value, security: &[Value]) -> Value {
    let mut value = value;
    value["meta"] = json!({"security": security});
    value
}

fn labelled(
    kind: &str,
    value: &Value,
    subject: Subject,
    previous: Labels,
) -> Result<Labelled, NoForm> {
    let labels = previous;
    let past = Past {
        labels,
        ..Past::default()
    };
    label(kind, value, subject, past, Labelling::Sent)
}

fn of(kind: &str, value: &Value) -> Labels {
    let found = labelled(kind, value, Subject::Adult, Labels::NONE);
    found.expect("no note").labels
}

const PSYCHIATRIC: Labels = Labels::R.or(Labels::PSY);
const SUBSTANCE: Labels = Labels::R.or(Labels::SUD).or(Labels::ETH);

#[test]
fn every_clinical_type_is_restricted_and_psychiatric_and_the_rest_is_normal() {
    for kind in [
        "EpisodeOfCare",
        "Encounter",
        "Appointment",
        "Communication",
        "Condition",
        "Observation",
        "MedicationAdministration",
        "Composition",
        "SomethingNew",
    ] {
        assert_eq!(of(kind, &json!({})), PSYCHIATRIC, "{kind}");
    }
    for kind in [
        "Patient",
        "Organization",
        "Practitioner",
        "AllergyIntolerance",
        "Medication",
    ] {
        assert_eq!(of(kind, &json!({})), Labels::NONE, "{kind}");
    }
    let order = json!({"intent": "order"});
    let plan = json!({"intent": "plan"});
    assert_eq!(of("MedicationRequest", &order), PSYCHIATRIC);
    assert_eq!(of("MedicationRequest", &plan), Labels::NONE);
}

#[test]
fn content_tells_substance_use_hiv_and_abuse_wherever_it_stands() {
    let icd = "http://hl7.org/fhir/sid/icd-10-cm";
    let snomed = "http://snomed.info/sct";
    for (system, code, wanted) in [
        (snomed, "66214007", SUBSTANCE),
        (icd, "F10.20", SUBSTANCE.or(Labels::ETHUD)),
        (icd, "F11.23", SUBSTANCE.or(Labels::OPIOIDUD)),
        (icd, "F17.210", PSYCHIATRIC),
        (icd, "B20", Labels::R.or(Labels::HIV)),
        (icd, "T74.21XA", Labels::R.or(Labels::SDV)),
        (icd, "F33.2", PSYCHIATRIC),
        ("urn:other", "66214007", PSYCHIATRIC),
    ] {
        let coded = json!({"code": {"coding": [coding(system, code)]}});
        assert_eq!(of("Condition", &coded), wanted, "{code}");
    }
    let within = json!({"evidence": [{"code": [{"coding": [coding(snomed, "66214007")]}]}]});
    assert_eq!(of("Condition", &within), SUBSTANCE);
    // A session stays a session: it is of both.
    let session = json!({"reasonCode": [{"coding": [coding(snomed, "66214007")]}]});
    assert_eq!(of("Encounter", &session), SUBSTANCE.or(Labels::PSY));
    let form = json!({"questionnaire": "https://x.example.org/Questionnaire/dast-10|1.0.0"});
    assert_eq!(of("QuestionnaireResponse", &form), SUBSTANCE);
}

#[test]
fn what_was_sent_is_kept_and_completed() {
    let sent = |security: &[Value]| with(json!({"id": "a"}), security);
    let sdv = sent(&[coding(ACT_CODE, "SDV")]);
    assert_eq!(of("Condition", &sdv), Labels::R.or(Labels::SDV));
    assert_eq!(of("Encounter", &sdv), PSYCHIATRIC.or(Labels::SDV));
    assert_eq!(of("Patient", &sdv), Labels::R.or(Labels::SDV));
    let part2 = sent(&[coding(ACT_CODE, "42CFRPart2")]);
    let wanted = Labels::R.or(Labels::ETH).or(Labels::PART2);
    assert_eq!(of("Observation", &part2), wanted);
    let very = sent(&[coding(CONFIDENTIALITY, "V")]);
    assert_eq!(of("Encounter", &very), PSYCHIATRIC.or(Labels::V));
    let foreign = sent(&[coding("urn:own", "SDV")]);
    assert_eq!(of("Encounter", &foreign), PSYCHIATRIC);
    let closed = sent(&[coding(ACT_CODE, "TBOO")]);
    assert!(of("Encounter", &closed).meets(Labels::UNKNOWN));
    let odd = sent(&[coding("http://hl7.org/fhir/v3/ActCode", "SDV")]);
    assert!(of("Encounter", &odd).meets(Labels::UNKNOWN));
}

#[test]
fn a_minors_event_is_an_adolescents() {
    let label = |kind: &str| {
        let found = labelled(kind, &json!({}), Subject::Minor, Labels::NONE);
        found.expect("no note").labels
    };
    assert_eq!(label("Encounter"), PSYCHIATRIC.or(Labels::ADOL));
    assert_eq!(label("Patient"), Labels::NONE);
    assert_eq!(label("AllergyIntolerance"), Labels::NONE);
}

#[test]
fn a_note_is_never_labelled() {
    let note = with(json!({}), &[coding(ACT_CODE, "PSYTHPN")]);
    let found = labelled("Communication", &note, Subject::Adult, Labels::NONE);
    assert_eq!(found, Err(NoForm));
}

#[test]
fn the_change_names_what_goes_and_what_comes() {
    let sent = with(
        json!({}),
        &[
            coding(CONFIDENTIALITY, "N"),
            coding("urn:own", "x"),
            coding(ACT_CODE, "PSY"),
        ],
    );
    let found = labelled("Encounter", &sent, Subject::Adult, Labels::SDV).expect("no note");
    assert_eq!(found.drop, [0]);
    let added: Vec<&str> = found.add.iter().map(|c| c.code.as_str()).collect();
    assert_eq!(added, ["R", "SDV"]);
    let complete = with(
        json!({}),
        &[coding(CONFIDENTIALITY, "R"), coding(ACT_CODE, "PSY")],
    );
    let found = labelled("Encounter", &complete, Subject::Adult, Labels::NONE).expect("no note");
    assert!(found.drop.is_empty() && found.add.is_empty());
    // Exactly one confidentiality.
    let twice = with(
        json!({}),
        &[coding(CONFIDENTIALITY, "R"), coding(CONFIDENTIALITY, "R")],
    );
    let found = labelled("Patient", &twice, Subject::Adult, Labels::NONE).expect("no note");
    assert_eq!(found.drop, [1]);
}

#[test]
fn labels_that_cannot_be_enforced_are_refused_with_their_place() {
    let at = |security: &[Value]| -> Vec<String> {
        let value = with(json!({}), security);
        let issues = refused("Condition", &value).into_iter();
        issues.filter_map(|issue| issue.at).collect()
    };
    for bad in [
        coding(ACT_CODE, "NOSUCHCODE"),
        coding(CONFIDENTIALITY, "PSY"),
        coding(ACT_CODE, "PSYTHPN"),
        coding("urn:own", "PSYTHPN"),
        coding("http://hl7.org/fhir/v3/ActCode", "PSY"),
        coding(
            "http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw",
            "42CFRPart2",
        ),
    ] {
        assert_eq!(
            at(&[coding(ACT_CODE, "PSY"), bad.clone()]),
            ["Condition.meta.security[1]"],
            "{bad}"
        );
    }
    let known = [
        coding(CONFIDENTIALITY, "R"),
        coding(ACT_CODE, "PERSISTLABEL"),
        coding(ACT_REASON, "HTEST"),
        coding(OBSERVATION_VALUE, "PATRPT"),
        coding("urn:own", "x"),
        json!({"display": "words"}),
    ];
    assert!(at(&known).is_empty());
}

#[test]
fn a_part_of_a_record_says_so() {
    let part = |list: &str, code: &str| {
        let mut value = json!({"meta": {}});
        value["meta"][list] = json!([coding(OBSERVATION_VALUE, code)]);
        partial(&value).is_some()
    };
    assert!(part("tag", "SUBSETTED") && part("security", "REDACTED") && part("tag", "MASKED"));
    assert!(!part("tag", "PATRPT") && partial(&json!({})).is_none());
}

#[test]
fn every_bit_has_its_own_code_and_none_is_used_twice() {
    let mut seen = Labels::NONE;
    for code in table::CODES.iter().filter(|c| c.system == ACT_CODE) {
        if code.bits.is_empty() || code.bits == Labels::UNKNOWN {
            continue;
        }
        assert_eq!(code.bits.bits().count_ones(), 1, "{}", code.code);
        assert!(!seen.meets(code.bits), "{}", code.code);
        seen = seen.or(code.bits);
        assert_eq!(Labels::of(code.code), Some(code.bits));
    }
    assert!(seen.without(Labels::UNKNOWN) == seen);
}

#[test]
fn a_minor_turns_adult_on_the_birthday() {
    let day = |text: &str| text.parse().expect("a day");
    let birth = day("2010-01-20");
    assert!(is_minor(birth, day("2028-01-19")));
    assert!(!is_minor(birth, day("2028-01-20")));
    let leap = day("2008-02-29");
    assert!(is_minor(leap, day("2026-02-28")));
    assert!(!is_minor(leap, day("2026-03-01")));
}

proptest! {
    /// Nothing lowers a label: not the sender, not a later version; and labelling twice changes nothing.
    #[test]
    fn labels_only_grow(
        kind in proptest::sample::select(vec!["Patient", "Condition", "Encounter", "Observation"]),
        codes in proptest::collection::vec(
            proptest::sample::select(vec!["PSY", "SUD", "SDV", "HIV", "42CFRPart2", "NOAUTH", "ADOL"]), 0..4),
        level in proptest::option::of(proptest::sample::select(vec!["N", "R", "V", "L"])),
        previous in 0i64..(1 << 14),
        minor in any::<bool>(),
    ) {
        let mut security: Vec<Value> = codes.iter().map(|c| coding(ACT_CODE, c)).collect();
        security.extend(level.map(|l| coding(CONFIDENTIALITY, l)));
        let value = with(json!({}), &security);
        let previous = Labels::from_bits(previous).without(Labels::NOTE);
        let subject = if minor { Subject::Minor } else { Subject::Adult };
        let found = labelled(kind, &value, subject, previous).expect("no note");
        prop_assert!(previous.within(found.labels));
        prop_assert!(Labels::stated(&value).within(found.labels));

        let mut after: Vec<Value> = security
            .into_iter()
            .enumerate()
            .filter(|(n, _)| !found.drop.contains(n))
            .map(|(_, c)| c)
            .collect();
        after.extend(found.add.iter().map(|c| json!(c)));
        let levels = after.iter().filter(|c| c["system"] == CONFIDENTIALITY).count();
        prop_assert_eq!(levels, 1);
        let again = with(json!({}), &after);
        let twice = labelled(kind, &again, subject, Labels::NONE).expect("no note");
        prop_assert_eq!(twice.labels, found.labels);
        prop_assert!(twice.drop.is_empty() && twice.add.is_empty());
    }
}
