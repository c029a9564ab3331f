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
        Some(
            json!({"hl7-b2b": {"organization_id": "https://kap.example.org/fhir/Organization/o"}}),
        ),
        Some(json!({"hl7-b2b": {"organization_id": "o"}})),
        Some(json!({"hl7-b2b": {"purpose_of_use": ["TREAT"]}})),
        Some(json!({"kap-emergency": {"reason": "why is this here?"}})),
    ] {
        let got = asked(extensions.as_ref(), &client, Glass::Breakable).expect("granted");
        assert_eq!(got, usual, "{extensions:?}");
    }
}

#[test]
fn an_emergency_needs_the_switch_the_registration_and_a_reason() {
    let why = "unconscious in our emergency department";
    for code in ["BTG", "urn:oid:2.16.840.1.113883.5.8#BTG"] {
        let got = asked(
            Some(&emergency(code, why)),
            &client(&BOTH),
            Glass::Breakable,
        )
        .expect("granted");
        assert_eq!(got.purpose, Purpose::Emergency);
        assert_eq!(got.reason.as_deref(), Some(why));
    }
    let refused = |extensions: &Value, purposes: &[Purpose], glass: Glass| {
        let refused = asked(Some(extensions), &client(purposes), glass).expect_err("refused");
        (refused.error, refused.error_description)
    };
    let (error, text) = refused(&emergency("BTG", why), &BOTH, Glass::Fixed);
    assert_eq!(error, "invalid_scope");
    assert!(text.contains("--emergency-access"), "{text}");
    let (error, text) = refused(
        &emergency("BTG", why),
        &[Purpose::Treatment],
        Glass::Breakable,
    );
    assert_eq!(error, "invalid_scope");
    assert!(text.contains("Registered: TREAT."), "{text}");
    for reason in [
        "",
        "too short",
        "         ",
        "two lines\nof a reason",
        &"x".repeat(501),
    ] {
        let (error, text) = refused(&emergency("BTG", reason), &BOTH, Glass::Breakable);
        assert_eq!(error, "invalid_request");
        assert!(text.contains("kap-emergency"), "{text}");
    }
    let without = json!({"hl7-b2b": {"purpose_of_use": ["BTG"]}});
    assert_eq!(
        refused(&without, &BOTH, Glass::Breakable).0,
        "invalid_request"
    );
    for list in [
        json!([]),
        json!(["TREAT", "BTG"]),
        json!("BTG"),
        json!([1]),
        json!(null),
    ] {
        let extensions = json!({"hl7-b2b": {"purpose_of_use": list}});
        assert_eq!(
            refused(&extensions, &BOTH, Glass::Breakable).0,
            "invalid_request",
            "{extensions}"
        );
    }
    assert_eq!(
        refused(&emergency("HRESCH", why), &BOTH, Glass::Breakable).0,
        "invalid_scope"
    );
}

#[test]
fn who_speaks_for_another_organization_is_refused() {
    for other in [
        json!("https://kap.example.org/fhir/Organization/p"),
        json!(""),
        json!(7),
    ] {
        let extensions = json!({"hl7-b2b": {"organization_id": other}});
        let refused =
            asked(Some(&extensions), &client(&BOTH), Glass::Breakable).expect_err("refused");
        let (error, text) = (refused.error, refused.error_description);
        assert_eq!(error, "invalid_request");
        assert!(text.contains("organization_id"), "{text}");
    }
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
            refused(&spec(role, &BOTH), Glass::Breakable).is_none(),
            treats,
            "{role}"
        );
        assert!(
            refused(&spec(role, &BOTH), Glass::Fixed).is_some(),
            "{role}"
        );
        assert!(
            refused(&spec(role, &[Purpose::Operations]), Glass::Fixed).is_none(),
            "{role}"
        );
    }
    for purposes in [
        &[][..],
        &[Purpose::Emergency],
        &[Purpose::Treatment, Purpose::Treatment],
    ] {
        assert!(
            refused(&spec(Role::ExternalEhr, purposes), Glass::Breakable).is_some(),
            "{purposes:?}"
        );
    }
    assert_eq!(parse(&print(&BOTH)).as_deref(), Some(&BOTH[..]));
    assert_eq!(parse("TREAT").as_deref(), Some(&[Purpose::Treatment][..]));
    assert_eq!(parse("TREAT unheard"), None);
}
