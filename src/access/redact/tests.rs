use serde_json::json;

use super::super::role::every_kind;
use super::super::scope::Scopes;
use super::*;

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn access(role: Role, organization: &str) -> Access {
    let caller = Caller {
        client: "c".into(),
        organization: id(organization),
        role,
        scopes: Scopes::parse("system/*.cruds").expect("scopes"),
        purpose: "TREAT".into(),
        token: "t".into(),
    };
    Access::of("t".into(), caller, 0)
}

fn dropped(role: Role, kind: &str, labels: Labels, path: &str, text: &str) -> bool {
    let access = access(role, "reader");
    let Some(cuts) = cuts(&access, kind, &id("practice"), &id("practice"), labels) else {
        return false;
    };
    cuts.drops(&Element {
        path,
        text,
        beside: &|_| None,
        link: None,
    })
}

#[test]
fn every_line_is_of_a_role_that_reads_the_type() {
    for rule in TABLE {
        assert!(
            every_kind().any(|(kind, _)| kind == rule.kind),
            "{}",
            rule.kind
        );
        for role in rule.roles {
            let never = rule.kind == "RelatedPerson" && matches!(role, Pharmacy | ExternalEhr);
            assert_eq!(
                role.allows(Interaction::Read, rule.kind),
                !never,
                "{role} {}",
                rule.kind
            );
            assert!(
                policy::is_told(*role),
                "{role} reads what its organization keeps"
            );
        }
    }
}

#[test]
fn whoever_may_update_a_type_sees_all_of_it_that_is_its_own() {
    for rule in TABLE {
        for role in rule
            .roles
            .iter()
            .filter(|role| role.allows(Interaction::Update, rule.kind))
        {
            let access = access(*role, "writer");
            assert!(
                cuts(
                    &access,
                    rule.kind,
                    &id("practice"),
                    &id("writer"),
                    Labels::SDV
                )
                .is_none()
            );
        }
    }
}

#[test]
fn a_pharmacy_sees_what_it_ships_by() {
    let number =
        |kind: &str| json!({"type": {"coding": [{"code": kind}]}, "value": "1"}).to_string();
    for (path, text, hidden) in [
        ("name", "{}", false),
        ("birthDate", "\"1980-01-01\"", false),
        ("address", "{}", false),
        ("telecom", "{}", false),
        ("gender", "\"female\"", false),
        ("meta", "{}", false),
        ("contact", "{}", true),
        ("photo", "{}", true),
        ("extension", "{}", true),
        ("maritalStatus", "{}", true),
        ("text", "{}", true),
        ("name.family", "\"x\"", false),
        ("identifier", &number("MR"), false),
        ("identifier", &number("SS"), true),
        ("identifier", "{}", true),
    ] {
        assert_eq!(
            dropped(Pharmacy, "Patient", Labels::NONE, path, text),
            hidden,
            "{path} {text}"
        );
    }
    for path in [
        "reasonCode",
        "reasonReference",
        "supportingInformation",
        "note",
        "encounter",
    ] {
        assert!(
            dropped(Pharmacy, "MedicationRequest", Labels::NONE, path, "{}"),
            "{path}"
        );
    }
    assert!(!dropped(
        Pharmacy,
        "MedicationRequest",
        Labels::NONE,
        "dosageInstruction",
        "{}"
    ));
    assert!(!dropped(
        Pharmacy,
        "MedicationDispense",
        Labels::NONE,
        "note",
        "{}"
    ));
}

#[test]
fn an_address_is_hidden_where_its_being_known_is_a_danger() {
    for role in Role::ALL.iter().copied() {
        let told = policy::is_told(role);
        assert_eq!(
            dropped(role, "Patient", Labels::R.or(Labels::SDV), "address", "{}"),
            told,
            "{role}"
        );
        assert!(
            !dropped(role, "Patient", Labels::R, "address", "{}"),
            "{role}"
        );
    }
}

#[test]
fn words_are_told_from_codes() {
    let of = |path: &str, text: &str, url: Option<&str>, link: Option<&str>| {
        let url = url.map(|url| json!(url).to_string());
        let beside = |name: &str| url.as_deref().filter(|_| name == "url");
        words::is_free(
            "Observation",
            &Element {
                path,
                text,
                beside: &beside,
                link,
            },
        )
    };
    assert!(of("note", "{}", None, None));
    assert!(of("valueString", "\"x\"", None, None));
    assert!(of(
        "extension.valueString",
        "\"x\"",
        Some("urn:theirs"),
        None
    ));
    assert!(!of(
        "extension.extension.valueString",
        "\"PHQ-9\"",
        Some("instrument"),
        None
    ));
    assert!(of(
        "extension.extension.valueString",
        "\"very sad\"",
        Some("instrument"),
        None
    ));
    assert!(!of(
        "item.answer.valueString",
        "\"moderate\"",
        None,
        Some("dosing.doseLevel")
    ));
    assert!(of(
        "item.answer.valueString",
        "\"better\"",
        None,
        Some("summary.progress")
    ));
    assert!(!of("valueCodeableConcept.coding", "{}", None, None));
    assert!(!words::is_free(
        "Composition",
        &Element {
            path: "title",
            text: "\"t\"",
            beside: &|_| None,
            link: None
        }
    ));
}

#[test]
fn what_may_be_hidden_is_not_searched_by() {
    for (role, kind, path, hidden) in [
        (Pharmacy, "Patient", "extension.extension.valueCoding", true),
        (Pharmacy, "Patient", "generalPractitioner", true),
        (Pharmacy, "Patient", "identifier", true),
        (Pharmacy, "Patient", "name.family", false),
        (Pharmacy, "Patient", "meta.security", false),
        (Pharmacy, "MedicationRequest", "encounter", true),
        (ExternalEhr, "Patient", "address.city", true),
        (ExternalEhr, "Patient", "birthDate", false),
        (PartnerNurse, "Composition", "section.entry", true),
        (PartnerNurse, "Composition", "type", false),
        (Integrator, "DocumentReference", "description", true),
        (Integrator, "Goal", "description", false),
        (Integrator, "Observation", "code", false),
        (Role::PracticeTherapist, "Patient", "address", false),
    ] {
        assert_eq!(hides(role, kind, path), hidden, "{role} {kind}.{path}");
    }
}
