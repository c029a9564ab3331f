use serde_json::json;

use super::super::client::Keys;
use super::*;
use crate::access::Scopes;

fn client(purposes: &[Purpose]) -> Client {
    Client {
        id: "c".into(),
        name: "c".into(),
        organization: Id::new("o").expect("id"),
        role: Role::ExternalEhr,
        scopes: Scopes::default(),
        purposes: purposes.to_vec(),
        keys: Keys::Url("https://ehr.example.org/jwks.json".into()),
        created_at: 0,
        disabled_at: None,
    }
}

const BOTH: [Purpose; 2] = [Purpose::Treatment, Purpose::Emergency];

fn emergency(code: &str, reason: &str) -> Value {
    json!({"hl7-b2b": {"version": "1", "purpose_of_use": [code]}, "kap-emergency": {"reason": reason}})
}

#[test]
fn who_asks_for_nothing_else_gets_the_first_purpose() {
    let client = client(&BOTH);
    let usual = Use {
        purpose: Purpose::Treatment,
        reason: None,
    };
    for extensions in [
        None,
        Some(json!({})),
        Some(json!("text")),
        Some(json!({"hl7-b2b": {"version": "1"}})),
        Some(json!({"hl7-b2b": {"purpose_of_use": ["TREAT"]}})),
        Some(json!({"kap-emergency": {"reason": "why is this here?"}})),
    ] {
        let got = asked(extensions.as_ref(), &client, true).expect("granted");
        assert_eq!(got, usual, "{extensions:?}");
    }
}

#[test]
fn an_emergency_needs_the_switch_the_registration_and_a_reason() {
    let why = "unconscious in our emergency department";
    for code in ["BTG", "urn:oid:2.16.840.1.113883.5.8#BTG"] {
        let got = asked(Some(&emergency(code, why)), &client(&BOTH), true).expect("granted");
        assert_eq!(got.purpose, Purpose::Emergency);
        assert_eq!(got.reason.as_deref(), Some(why));
    }
    let refused = |extensions: &Value, purposes: &[Purpose], open: bool| {
        let refused = asked(Some(extensions), &client(purposes), open).expect_err("refused");
        (refused.error, refused.error_description)
    };
    let (error, text) = refused(&emergency("BTG", why), &BOTH, false);
    assert_eq!(error, "invalid_scope");
    assert!(text.contains("--emergency-access"), "{text}");
    let (error, text) = refused(&emergency("BTG", why), &[Purpose::Treatment], true);
    assert_eq!(error, "invalid_scope");
    assert!(text.contains("Registered: TREAT."), "{text}");
    for reason in [
        "",
        "too short",
        "         ",
        "two lines\nof a reason",
        &"x".repeat(501),
    ] {
        let (error, text) = refused(&emergency("BTG", reason), &BOTH, true);
        assert_eq!(error, "invalid_request");
        assert!(text.contains("kap-emergency"), "{text}");
    }
    let without = json!({"hl7-b2b": {"purpose_of_use": ["BTG"]}});
    assert_eq!(refused(&without, &BOTH, true).0, "invalid_request");
    for list in [
        json!([]),
        json!(["TREAT", "BTG"]),
        json!("BTG"),
        json!([1]),
        json!(null),
    ] {
        let extensions = json!({"hl7-b2b": {"purpose_of_use": list}});
        assert_eq!(
            refused(&extensions, &BOTH, true).0,
            "invalid_request",
            "{extensions}"
        );
    }
    assert_eq!(
        refused(&emergency("HRESCH", why), &BOTH, true).0,
        "invalid_scope"
    );
}

#[test]
fn only_who_treats_is_registered_for_it_and_only_where_it_is_on() {
    let spec = |role: Role, purposes: &[Purpose]| ClientSpec {
        id: None,
        name: "c".into(),
        organization: Id::new("o").expect("id"),
        role,
        scopes: "system/*.rs".into(),
        purposes: purposes.to_vec(),
        keys: Keys::Set(String::new()),
    };
    for role in Role::ALL.iter().copied() {
        let treats = matches!(
            role,
            Role::ExternalEhr | Role::PartnerPrescriber | Role::PartnerNurse
        );
        assert_eq!(
            refused(&spec(role, &BOTH), true).is_none(),
            treats,
            "{role}"
        );
        assert!(refused(&spec(role, &BOTH), false).is_some(), "{role}");
        assert!(
            refused(&spec(role, &[Purpose::Operations]), false).is_none(),
            "{role}"
        );
    }
    for purposes in [
        &[][..],
        &[Purpose::Emergency],
        &[Purpose::Treatment, Purpose::Treatment],
    ] {
        assert!(
            refused(&spec(Role::ExternalEhr, purposes), true).is_some(),
            "{purposes:?}"
        );
    }
    assert_eq!(parse(&print(&BOTH)).as_deref(), Some(&BOTH[..]));
    assert_eq!(parse("TREAT").as_deref(), Some(&[Purpose::Treatment][..]));
    assert_eq!(parse("TREAT unheard"), None);
}
