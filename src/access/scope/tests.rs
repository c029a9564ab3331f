use proptest::prelude::*;

use super::*;

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).expect(text)
}

#[test]
fn reads_and_prints_both_versions() {
    for text in [
        "system/Patient.rs",
        "system/*.cruds",
        "system/Patient.read",
        "system/Patient.write",
        "system/*.*",
        "system/Observation.rs?category=vital-signs",
        "system/Observation.rs?category=http://loinc.org|x&status=final",
        "system/$introspect",
        "system/Patient.r system/Encounter.cud",
    ] {
        assert_eq!(scopes(text).to_string(), text);
    }
}

#[test]
fn refuses_what_it_does_not_know() {
    for (text, why) in [
        ("patient/Patient.rs", "'system/' scope"),
        ("openid", "'system/' scope"),
        ("system/Patient", "no letters"),
        ("system/Patient.", "'cruds' in that order"),
        ("system/Patient.dus", "'cruds' in that order"),
        ("system/Patient.rr", "'cruds' in that order"),
        ("system/Patient.READ", "'cruds' in that order"),
        ("system/patient.rs", "resource type"),
        ("system/.rs", "resource type"),
        ("system/Pat*.rs", "resource type"),
        ("system/Patient.read?status=x", "only v2"),
        ("system/Patient.rs?name=x", "only be narrowed by"),
        ("system/Patient.rs?code:in=x", "only be narrowed by"),
        ("system/Patient.rs?code=", "exactly one value"),
        ("system/Patient.rs?code=a,b", "exactly one value"),
        ("system/Patient.rs?code=a&code=b", "twice"),
        ("system/Patient.rs?", "without a value"),
        ("system/$export", "no letters"),
        (
            "system/Patient.rs\tsystem/Encounter.rs",
            "separated by spaces",
        ),
        ("system/Patient.r\u{e9}", "printable ASCII"),
    ] {
        let error = Scopes::parse(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn limits_are_exact() {
    let hundred = |n: usize| {
        let names = (0..n).map(|i| format!("system/A{}.r", "a".repeat(i / 2) + ["b", "c"][i % 2]));
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(scopes(&hundred(100)).0.len(), 100);
    assert!(Scopes::parse(&hundred(101)).is_err());
    let padded = |n: usize| {
        format!(
            "system/Patient.r{}",
            " ".repeat(n - "system/Patient.r".len())
        )
    };
    assert!(Scopes::parse(&padded(4096)).is_ok());
    assert!(Scopes::parse(&padded(4097)).is_err());
}

#[test]
fn a_request_is_cut_to_what_is_registered() {
    for (asked, registered, granted) in [
        ("system/Patient.rs", "system/Patient.r", "system/Patient.r"),
        ("system/Patient.rs", "system/*.cruds", "system/Patient.rs"),
        (
            "system/*.rs",
            "system/Patient.r system/Encounter.cruds",
            "system/Patient.r system/Encounter.rs",
        ),
        ("system/*.rs", "system/*.s", "system/*.s"),
        (
            "system/Patient.read",
            "system/Patient.cruds",
            "system/Patient.read",
        ),
        (
            "system/*.read",
            "system/Patient.rs system/Goal.r",
            "system/Patient.read system/Goal.r",
        ),
        (
            "system/Patient.*",
            "system/Patient.rs",
            "system/Patient.read",
        ),
        ("system/Patient.*", "system/Patient.*", "system/Patient.*"),
        (
            "system/Patient.write",
            "system/Patient.cu",
            "system/Patient.cu",
        ),
        ("system/Patient.rs", "system/Patient.c", ""),
        ("system/Patient.rs", "system/Goal.rs", ""),
        ("system/Observation.rs?code=x", "system/Observation.rs", ""),
        (
            "system/$introspect system/Goal.r",
            "system/$introspect",
            "system/$introspect",
        ),
        ("system/$introspect", "system/*.cruds", ""),
    ] {
        assert_eq!(
            scopes(asked).granted(&scopes(registered)).to_string(),
            granted,
            "{asked}"
        );
    }
}

#[test]
fn unknown_scopes_are_passed_over_in_a_request_only() {
    let asked =
        Scopes::requested("openid system/Patient.dus system/Patient.r").expect("within limits");
    assert_eq!(asked.to_string(), "system/Patient.r");
}

#[test]
fn read_does_not_search_and_write_does_not_read() {
    let read = scopes("system/Patient.r");
    assert!(read.allow(Interaction::Read, "Patient"));
    assert!(!read.allow(Interaction::Search, "Patient"));
    assert!(!read.allow(Interaction::Read, "Goal"));
    let write = scopes("system/*.write");
    assert!(write.allow(Interaction::Delete, "Goal"));
    assert!(!write.allow(Interaction::Read, "Goal"));
    assert!(!scopes("system/Goal.rs?code=x").allow(Interaction::Read, "Goal"));
    assert!(!scopes("system/$introspect").allow(Interaction::Read, "$introspect"));
    assert!(!Scopes::default().allow(Interaction::Read, "Patient"));
}

const KINDS: [&str; 4] = ["Patient", "Goal", "Encounter", "Task"];

fn any_scopes() -> impl Strategy<Value = String> {
    let suffix = prop_oneof![
        (1u8..32).prop_map(|bits| Letters(bits).to_string()),
        Just("read".to_owned()),
        Just("write".to_owned()),
        Just("*".to_owned()),
    ];
    let kind = prop_oneof![prop::sample::select(&KINDS[..]), Just("*")];
    let one = (kind, suffix).prop_map(|(kind, suffix)| format!("system/{kind}.{suffix}"));
    prop::collection::vec(one, 0..6).prop_map(|all| all.join(" "))
}

fn every() -> impl Iterator<Item = (Interaction, &'static str)> {
    KINDS
        .into_iter()
        .flat_map(|kind| Interaction::ALL.into_iter().map(move |i| (i, kind)))
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,80}") {
        let _ = Scopes::parse(&text);
        let _ = Scopes::requested(&format!("system/{text}"));
    }

    #[test]
    fn printing_loses_nothing(text in any_scopes()) {
        let read = scopes(&text);
        prop_assert_eq!(scopes(&read.to_string()).to_string(), read.to_string());
        for (i, kind) in every() {
            prop_assert_eq!(read.allow(i, kind), scopes(&read.to_string()).allow(i, kind));
        }
    }

    #[test]
    fn a_grant_allows_exactly_what_both_allow(asked in any_scopes(), registered in any_scopes()) {
        let (asked, registered) = (scopes(&asked), scopes(&registered));
        let granted = asked.granted(&registered);
        for (i, kind) in every() {
            let both = asked.allow(i, kind) && registered.allow(i, kind);
            prop_assert_eq!(granted.allow(i, kind), both, "{} {}", i, kind);
        }
    }

    #[test]
    fn letters_are_an_ordered_part_of_cruds(text in "[crudsx]{0,6}") {
        let mut order = text.chars().map(|c| "cruds".find(c));
        let mut last = None;
        let ordered = order.all(|at| at.is_some() && std::mem::replace(&mut last, at) < at);
        prop_assert_eq!(Letters::parse(&text).is_some(), ordered && !text.is_empty());
    }
}
