//! Breaking the glass: only where it is on, only with a reason, only what an emergency needs, and never unnoticed.

use kap_fhir::access::Role;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::jose::extended_assertion;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::kap::Id;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{get, put, text};

mod trace;
mod writes;

both!(
    the_glass_does_not_break_unless_the_operator_says_so,
    who_has_not_the_key_learns_nothing_of_emergencies,
    an_emergency_reads_what_it_needs,
    what_the_patient_denied_stays_closed
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");
const WHY: &str = "found unconscious, ketamine tablets beside";

/// A client that may break the glass.
struct Rescuer {
    key: PrivateKey,
    id: &'static str,
}

fn spec(key: &PrivateKey, id: &str, role: Role) -> ClientSpec {
    ClientSpec {
        id: Some(id.to_owned()),
        name: id.to_owned(),
        organization: Id::new("org-emergency-department").expect("id"),
        role,
        scopes: "system/*.cruds".to_owned(),
        purposes: vec![Purpose::Treatment, Purpose::Emergency],
        keys: Keys::Set(key.public_set().to_string()),
    }
}

impl Rescuer {
    async fn new(app: &TestApp, id: &'static str, role: Role) -> Self {
        let key = PrivateKey::generate().expect("key");
        let added = app.app.auth.register(spec(&key, id, role)).await;
        added.expect("client");
        Self { key, id }
    }

    /// The token endpoint refuses it an emergency, and says this of why.
    async fn is_refused(&self, app: &TestApp, why: &str) {
        let (status, body) = self.ask(app, Some(emergency(WHY))).await;
        let error = (status, &body["error"]);
        assert_eq!(error, (400, &json!("invalid_scope")), "{body}");
        assert!(text(&body["error_description"]).contains(why), "{body}");
    }

    /// What the token endpoint says to these extensions.
    async fn ask(&self, app: &TestApp, extensions: Option<Value>) -> (u16, Value) {
        self.ask_at(&app.base, &app.app.clock, extensions).await
    }

    async fn ask_at(&self, base: &str, clock: &Clock, extensions: Option<Value>) -> (u16, Value) {
        let url = format!("{base}/auth/token");
        let assertion = extended_assertion(&self.key, (self.id, &url), clock, 120, extensions);
        let assertion = assertion.expect("assertion");
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", "system/*.cruds"),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let http = kap_fhir::demo::http().expect("http");
        let answer = http.post(&url).form(&form).send().await.expect("answer");
        (answer.status().as_u16(), answer.json().await.expect("json"))
    }

    async fn in_emergency(&self, app: &TestApp) -> Caller {
        let (status, body) = self.ask(app, Some(emergency(WHY))).await;
        assert_eq!((status, &body["expires_in"]), (200, &json!(300)), "{body}");
        caller(&app.base, &body)
    }
}

fn caller(base: &str, body: &Value) -> Caller {
    Caller {
        http: kap_fhir::demo::http().expect("http"),
        base: base.to_owned(),
        token: text(&body["access_token"]).to_owned(),
    }
}

fn emergency(why: &str) -> Value {
    json!({"hl7-b2b": {"version": "1", "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#BTG"]}, "kap-emergency": {"reason": why}})
}

async fn count(who: &Caller, kind: &str) -> i64 {
    let set = get(who, &format!("/fhir/{kind}?_total=accurate&_count=0"))
        .await
        .expect(200);
    set["total"].as_i64().expect("a total")
}

async fn the_glass_does_not_break_unless_the_operator_says_so(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let key = PrivateKey::generate().expect("key");
    let refused = app
        .app
        .auth
        .register(spec(&key, "rescuer", Role::ExternalEhr))
        .await;
    let refused = refused.expect_err("off");
    assert!(
        refused.issues[0].text.contains("--emergency-access"),
        "{refused:?}"
    );
    let plain = ClientSpec {
        purposes: vec![Purpose::Treatment],
        ..spec(&key, "rescuer", Role::ExternalEhr)
    };
    app.app.auth.register(plain).await.expect("client");
    let rescuer = Rescuer { key, id: "rescuer" };
    rescuer.is_refused(&app, "--emergency-access").await;

    app.app.auth.allow_emergencies();
    rescuer.is_refused(&app, "Registered: TREAT.").await;
    let pharmacy = PrivateKey::generate().expect("key");
    let refused = app
        .app
        .auth
        .register(spec(&pharmacy, "shop", Role::Pharmacy))
        .await;
    assert!(refused.is_err());

    let rescuer = Rescuer::new(&app, "rescuer-2", Role::ExternalEhr).await;
    let (status, body) = rescuer.ask(&app, Some(emergency("quick"))).await;
    assert_eq!(
        (status, &body["error"]),
        (400, &json!("invalid_request")),
        "{body}"
    );
    let broken = rescuer.in_emergency(&app).await;
    // A service that does not allow it does not believe such a token either.
    let other = assemble(
        app.app.store.clone(),
        app.app.clock.clone(),
        "default",
        &app.base,
        None,
    );
    let header = format!("Bearer {}", broken.token);
    let other = other.expect("app");
    assert!(other.auth.authenticate(Some(&header)).await.is_err());
    assert_eq!(get(&broken, "/fhir/Patient").await.status, 200);
    app.app.clock.advance(time::Duration::seconds(299));
    assert_eq!(get(&broken, "/fhir/Patient").await.status, 200);
    app.app.clock.advance(time::Duration::seconds(1));
    assert_eq!(get(&broken, "/fhir/Patient").await.status, 401);
    app.stop().await;
}

async fn who_has_not_the_key_learns_nothing_of_emergencies(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let plain = async |id: &'static str| {
        let key = PrivateKey::generate().expect("key");
        let spec = ClientSpec {
            purposes: vec![Purpose::Treatment],
            ..spec(&key, id, Role::ExternalEhr)
        };
        app.app.auth.register(spec).await.expect("client");
    };
    plain("plain").await;
    let mut said = vec![];
    for open in [false, true] {
        if open {
            app.app.auth.allow_emergencies();
            Rescuer::new(&app, "rescuer", Role::ExternalEhr).await;
        }
        for id in ["plain", "rescuer", "nobody"] {
            let key = PrivateKey::generate().expect("key");
            let thief = Rescuer { key, id };
            for extensions in [None, Some(emergency(WHY)), Some(emergency("quick"))] {
                said.push(thief.ask(&app, extensions).await);
            }
        }
    }
    assert_eq!(said[0].0, 401);
    assert_eq!(said[0].1["error"], "invalid_client");
    for one in &said {
        assert_eq!(one, &said[0]);
    }
    app.stop().await;
}

async fn an_emergency_reads_what_it_needs(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    app.app.auth.allow_emergencies();
    let rescuer = Rescuer::new(&app, "rescuer", Role::ExternalEhr).await;
    let (status, body) = rescuer.ask(&app, None).await;
    assert_eq!(status, 200);
    let usual = caller(&app.base, &body);
    assert_eq!(count(&usual, "Patient").await, 0);

    let broken = rescuer.in_emergency(&app).await;
    for kind in [
        "Patient",
        "AllergyIntolerance",
        "Condition",
        "Observation",
        "Encounter",
        "MedicationRequest",
        "MedicationAdministration",
        "ClinicalImpression",
    ] {
        let whole = count(app.as_party(Party::Practice), kind).await;
        let seen = count(&broken, kind).await;
        assert!(seen > 0 && seen <= whole, "{kind}: {seen} of {whole}");
    }
    // Of documents the letter of the clearance; neither goals nor the course of therapy.
    for kind in ["Composition", "DocumentReference"] {
        let set = get(&broken, &format!("/fhir/{kind}")).await.expect(200);
        for entry in set["entry"].as_array().into_iter().flatten() {
            let code = &entry["resource"]["type"]["coding"][0]["code"];
            assert_eq!(code, "34788-0", "{kind}");
        }
        assert!(count(&broken, kind).await < count(app.as_party(Party::Practice), kind).await);
    }
    let letter = get(&broken, "/fhir/Composition").await.expect(200);
    let letter = text(&letter["entry"][0]["resource"]["id"]).to_owned();
    let path = format!("/fhir/Composition/{letter}/$document");
    let document = get(&broken, &path).await.expect(200);
    let parts = document["entry"].as_array().expect("entries");
    for part in parts {
        let kind = text(&part["resource"]["resourceType"]);
        assert!(
            !["EpisodeOfCare", "CarePlan", "Goal"].contains(&kind),
            "{kind}"
        );
    }
    for kind in ["EpisodeOfCare", "Goal", "CarePlan"] {
        assert_eq!(count(&broken, kind).await, 0, "{kind}");
    }
    let episode = format!("/kap/v1/episodes/{}", played.episode);
    for path in [
        "",
        "/timeline",
        "/summary?doc=B",
        "/trends",
        "/$export-episode",
        "/private-notes",
    ] {
        let status = get(&broken, &format!("{episode}{path}")).await.status;
        assert_eq!(status, 404, "{path}");
    }
    app.stop().await;
}

async fn what_the_patient_denied_stays_closed(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    app.app.auth.allow_emergencies();
    let practice = app.as_party(Party::Practice);
    let broken = Rescuer::new(&app, "rescuer", Role::ExternalEhr)
        .await
        .in_emergency(&app)
        .await;

    // A Part 2 record is not for breaking the glass.
    let before = count(&broken, "Condition").await;
    let mut condition =
        get(practice, "/fhir/Condition").await.expect(200)["entry"][0]["resource"].clone();
    let label =
        json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"});
    condition["meta"]["security"]
        .as_array_mut()
        .expect("labels")
        .push(label);
    put(practice, &condition).await.expect(200);
    assert_eq!(count(&broken, "Condition").await, before - 1);

    // Taken back is not denied: an emergency does not rest on consent.
    let shown = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let consents = shown["consents"].as_array().into_iter().flatten();
    let privacy = consents
        .into_iter()
        .find(|c| c["kind"] == "privacy-disclosure")
        .expect("a consent");
    let path = format!("/kap/v1/episodes/{}/consents", played.episode);
    let revoke = format!("{path}/{}/revoke", text(&privacy["id"]));
    let body = json!({"by": "patient"});
    let done = practice
        .send(Method::POST, &revoke, Some((&body, "revoke")))
        .await
        .expect("answer");
    assert!(done.status < 300, "{}", done.body);
    let observations = count(&broken, "Observation").await;
    assert!(observations > 0);

    // What is denied is denied.
    let patient = text(&shown["patient"]["id"]);
    let consent = json!({"kind": "privacy-disclosure", "status": "active", "signedAt": "2026-11-20T10:00:00-08:00",
        "signers": [{"type": "patient", "id": patient}], "documentId": "doc-deny", "policyUri": "https://example.org/policy",
        "root": "deny", "exceptions": [{"type": "deny", "securityLabels": ["PSY"]}]});
    let done = practice
        .send(Method::POST, &path, Some((&consent, "deny")))
        .await
        .expect("answer");
    assert!(done.status < 300, "{}", done.body);
    assert_eq!(count(&broken, "Patient").await, 1);
    assert!(count(&broken, "Observation").await < observations);
    assert_eq!(count(&broken, "Encounter").await, 0);
    app.stop().await;
}
