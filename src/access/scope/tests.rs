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
        "system/*.rs?_security=http://terminology.hl7.org/CodeSystem/v3-ActCode|",
        "system/Condition.r?code=|x",
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
        ("system/Observation.read?status=x", "only v2"),
        ("system/Patient.rs?category=x", "does not have"),
        ("system/Binary.rs?code=x", "does not have"),
        ("system/AuditEvent.rs?_tag=x", "does not have"),
        ("system/Patient.rs?name=x", "only be narrowed by"),
        ("system/Patient.rs?code:in=x", "only be narrowed by"),
        ("system/Condition.rs?code=%7Cx", "written as it is"),
        ("system/Condition.rs?code=|", "exactly one value"),
        ("system/Condition.rs?code=a|b|c", "neither code"),
        ("system/Condition.rs?code=", "exactly one value"),
        ("system/Condition.rs?code=a,b", "exactly one value"),
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
        (
            "system/Observation.rs?code=x",
            "system/Observation.rs",
            "system/Observation.rs?code=x",
        ),
        (
            "system/Observation.rs?code=x",
            "system/*.r",
            "system/Observation.r?code=x",
        ),
        (
            "system/*.read",
            "system/Observation.rs?code=x",
            "system/Observation.rs?code=x",
        ),
        (
            "system/Observation.rs?code=x",
            "system/Observation.rs?status=final",
            "system/Observation.rs?code=x&status=final",
        ),
        (
            "system/Observation.rs?code=x",
            "system/Observation.rs?code=s|x",
            "system/Observation.rs?code=s|x",
        ),
        (
            "system/Observation.rs?code=s|x",
            "system/Observation.rs?code=s|",
            "system/Observation.rs?code=s|x",
        ),
        (
            "system/Observation.rs?code=x",
            "system/Observation.rs?code=y",
            "system/Observation.rs?code=x&code=y",
        ),
        (
            "system/Observation.rs",
            "system/Observation.rs?code=x system/Observation.r?code=y",
            "system/Observation.rs?code=x system/Observation.r?code=y",
        ),
        ("system/Patient.rs", "system/*.rs?category=x", ""),
        ("system/AuditEvent.rs", "system/*.rs?_tag=x", ""),
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
    assert!(!scopes("system/$introspect").allow(Interaction::Read, "$introspect"));
    assert!(!Scopes::default().allow(Interaction::Read, "Patient"));
}

#[test]
fn a_narrowed_scope_narrows_until_another_opens_the_whole_type() {
    let narrowed = |text: &str, i: Interaction, kind: &str| {
        let scopes = scopes(text);
        let found = scopes.narrowed(i, kind);
        found.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (read, search) = (Interaction::Read, Interaction::Search);
    let two = "system/Observation.rs?code=x system/Observation.r?status=final";
    assert_eq!(
        narrowed(two, read, "Observation").expect("narrowed"),
        ["code=x", "status=final"]
    );
    assert_eq!(
        narrowed(two, search, "Observation").expect("narrowed"),
        ["code=x"]
    );
    assert_eq!(narrowed(two, read, "Patient"), None);
    // What is looked at in order to change it is narrowed as the change is.
    let update = "system/Observation.u?code=x";
    assert_eq!(
        narrowed(update, read, "Observation").expect("narrowed"),
        ["code=x"]
    );
    for whole in ["system/Observation.r", "system/*.cruds"] {
        let all = format!("system/Observation.rs?code=x {whole}");
        assert_eq!(narrowed(&all, read, "Observation"), None, "{all}");
        assert!(scopes(&all).allow_all(read, "Observation"));
    }
    let wild = scopes("system/*.rs?category=x");
    assert!(wild.allow(read, "Observation") && !wild.allow_all(read, "Observation"));
    assert!(!wild.allow(read, "Patient") && !wild.allow(read, "AuditEvent"));
    assert!(!scopes("system/*.rs?_tag=x").allow(read, "AuditEvent"));
}

const KINDS: [&str; 4] = ["Patient", "Observation", "Encounter", "Task"];

/// What records are found by.
const TOKENS: [&[Token<'_>]; 4] = [
    &[],
    &[Token {
        param: "code",
        system: "s",
        code: "x",
    }],
    &[
        Token {
            param: "code",
            system: "",
            code: "x",
        },
        Token {
            param: "status",
            system: "",
            code: "final",
        },
    ],
    &[
        Token {
            param: "status",
            system: "",
            code: "draft",
        },
        Token {
            param: "_tag",
            system: "s",
            code: "y",
        },
    ],
];

/// Whether a record that is found by `tokens` is one that the scopes speak of.
fn speak_of(scopes: &Scopes, i: Interaction, kind: &str, tokens: &[Token<'_>]) -> bool {
    let narrowed = scopes.narrowed(i, kind);
    scopes.allow(i, kind) && narrowed.is_none_or(|any| any.iter().any(|n| n.met(kind, tokens)))
}

fn any_scopes() -> impl Strategy<Value = String> {
    let suffix = prop_oneof![
        (1u8..32).prop_map(|bits| Letters(bits).to_string()),
        Just("read".to_owned()),
        Just("write".to_owned()),
        Just("*".to_owned()),
    ];
    let kind = prop_oneof![prop::sample::select(&KINDS[..]), Just("*")];
    let one = (kind, suffix).prop_map(|(kind, suffix)| format!("system/{kind}.{suffix}"));
    let kind = prop::sample::select(vec!["Observation", "Task", "*"]);
    let by = ["code=x", "code=s|x", "code=s|", "status=final", "_tag=y"];
    let by = prop::sample::subsequence(by.to_vec(), 1..3);
    let by = by.prop_filter("each once", |all| {
        all.iter().filter(|one| one.starts_with("code")).count() < 2
    });
    let narrowed = (kind, 1u8..32, by).prop_map(|(kind, letters, by)| {
        format!("system/{kind}.{}?{}", Letters(letters), by.join("&"))
    });
    prop::collection::vec(prop_oneof![one, narrowed], 0..6).prop_map(|all| all.join(" "))
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
            let again = scopes(&read.to_string());
            prop_assert_eq!(read.allow(i, kind), again.allow(i, kind));
            prop_assert_eq!(read.narrowed(i, kind), again.narrowed(i, kind));
        }
    }

    #[test]
    fn a_grant_allows_exactly_what_both_allow(asked in any_scopes(), registered in any_scopes()) {
        let (asked, registered) = (scopes(&asked), scopes(&registered));
        let granted = asked.granted(&registered);
        for (i, kind) in every() {
            let both = asked.allow_all(i, kind) && registered.allow_all(i, kind);
            prop_assert_eq!(granted.allow_all(i, kind), both, "{} {}", i, kind);
            for tokens in TOKENS {
                let [asked, registered, granted] =
                    [&asked, &registered, &granted].map(|s| speak_of(s, i, kind, tokens));
                prop_assert_eq!(granted, asked && registered, "{} {} {:?}", i, kind, tokens);
            }
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
