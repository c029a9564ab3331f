//! What an emergency leaves behind: who, why, whose data; for the officer, the second person, the patient and whoever
//! watches the service.

use std::path::Path;

use kap_fhir::demo::{log_in, set_up};
use kap_fhir::interaction::audit::emergencies::for_operator;
use kap_fhir::store::{Options, Store};

use super::*;
use crate::app::tempdir::Folder;
use crate::client::client;
use crate::idempotency::beginning;
use crate::program::{Program, free_address, keys, run};
use crate::telemetry::collector;

both!(
    the_reason_is_in_the_audit_and_nowhere_else,
    the_patient_and_the_second_person_are_told
);

async fn the_reason_is_in_the_audit_and_nowhere_else(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    app.app.auth.allow_emergencies();
    let rescuer = Rescuer::new(&app, "rescuer", Role::ExternalEhr).await;
    let broken = rescuer.in_emergency(&app).await;
    let patient = get(&broken, "/fhir/Patient").await.expect(200)["entry"][0]["resource"].clone();
    let patient = text(&patient["id"]).to_owned();

    let cell = async |sql: String| app.place().cell(&sql).await;
    let with_reason = "SELECT COUNT(*) FROM audit WHERE detail LIKE '%unconscious%'";
    assert_eq!(cell(with_reason.to_owned()).await, "1");
    let of_tokens = format!(
        "{with_reason} AND kind = 'emergency' AND purpose = 'BTG' AND target_type = 'token'"
    );
    assert_eq!(cell(of_tokens).await, "1");
    let reads =
        "SELECT COUNT(*) FROM audit WHERE client = 'rescuer' AND kind = 'search' AND purpose";
    assert_ne!(
        cell(format!("{reads} = 'BTG' AND patient IS NOT NULL")).await,
        "0"
    );
    assert_eq!(cell(format!("{reads} <> 'BTG'")).await, "0");

    let officer = |name, organization| {
        let role = Role::PrivacyOfficer;
        client(&app, name, organization, role, "system/*.rs")
    };
    let ours = officer("officer", "org-practice-01").await;
    let query = format!("/fhir/AuditEvent?patient={patient}&_count=1000");
    let events = get(&ours, &query).await.expect(200);
    let is_btg = |e: &&Value| e["resource"]["purposeOfEvent"][0]["coding"][0]["code"] == "BTG";
    let events = events["entry"].as_array().into_iter().flatten();
    let event = &events.clone().find(is_btg).expect("a read")["resource"];
    let token = text(&event["agent"][0]["policy"][0]).to_owned();
    assert_eq!(event["agent"][0]["who"]["identifier"]["value"], "rescuer");

    // Every officer of the network learns why, whose patients were looked at or not.
    let theirs = officer("other-officer", "org-other").await;
    for reader in [&ours, &theirs] {
        let query = "/fhir/AuditEvent?date=ge2026-11-22&subtype=http://dicom.nema.org/resources/ontology/DCM|110127";
        let set = get(reader, query).await.expect(200);
        let [one] = set["entry"].as_array().map_or(&[][..], Vec::as_slice) else {
            panic!("{set}")
        };
        let one = &one["resource"];
        assert_eq!(one["agent"][0]["policy"][0], *token);
        assert_eq!(one["entity"][0]["detail"][0]["valueString"], WHY);
        let id = text(&one["id"]);
        assert_eq!(
            get(reader, &format!("/fhir/AuditEvent/{id}")).await.status,
            200
        );
    }
    // The other practice's officer does not learn whose they were.
    let set = get(&theirs, &query).await.expect(200);
    assert_eq!(set["entry"], Value::Null, "{set}");
    app.stop().await;
}

async fn the_patient_and_the_second_person_are_told(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    app.app.auth.allow_emergencies();
    let rescuer = Rescuer::new(&app, "rescuer", Role::ExternalEhr).await;
    let broken = rescuer.in_emergency(&app).await;
    app.app.clock.advance(time::Duration::seconds(60));
    let set = get(&broken, "/fhir/Patient").await.expect(200);
    let patient = text(&set["entry"][0]["resource"]["id"]).to_owned();
    let set = get(&broken, "/fhir/Condition").await.expect(200);
    let condition = text(&set["entry"][0]["resource"]["id"]).to_owned();
    let path = format!("/fhir/Condition/{condition}");
    get(&broken, &path).await.expect(200);
    get(&broken, "/fhir/Condition/none").await.expect(404);
    let doctor = Rescuer::new(&app, "doctor", Role::PartnerPrescriber).await;
    doctor.in_emergency(&app).await;

    let report = format!("/kap/v1/patients/{patient}/disclosures?limit=1000");
    let report = get(app.as_party(Party::Practice), &report)
        .await
        .expect(200);
    let items = report["items"].as_array().into_iter().flatten();
    let broken_into: Vec<&Value> = items.filter(|one| one["purpose"] == "BTG").collect();
    assert_eq!(broken_into.len(), 3, "{broken_into:?}");
    for one in &broken_into {
        assert_eq!(one["organizationId"], "org-emergency-department");
        assert_eq!(one["clientId"], "rescuer");
    }
    let read = format!("Condition/{condition}");
    assert!(broken_into.iter().any(|one| one["what"] == *read));

    let listed = for_operator(&app.app, 0).await.expect("listed");
    let [first, second] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!((&*first.client, &*first.reason), ("rescuer", WHY));
    assert_eq!(first.review_by - first.at, 86_400_000);
    assert_eq!(first.answered, 3, "what was not found is no answer");
    assert_eq!(first.patients.iter().collect::<Vec<_>>(), [&patient]);
    assert!(broken.token.contains(&first.token));
    assert_eq!((&*second.client, second.answered), ("doctor", 0));
    assert!(second.patients.is_empty());
    let later = for_operator(&app.app, first.at + 1).await.expect("listed");
    assert_eq!(later, std::slice::from_ref(second));
    app.stop().await;
}

/// The program's log, spans and metrics do not depend on the database: one is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_names_the_client_and_no_patient() {
    let folder = Folder::new();
    let address = free_address();
    let base = format!("http://{address}");
    let url = format!("sqlite:{}", folder.path().join("kap.db").display());
    let store = Store::open(&url, Options::default()).await.expect("store");
    let app = assemble(store.into(), Clock::system(), "default", &base, None).expect("app");
    let accounts = set_up(&app, &beginning()).await.expect("parties");
    app.store.close().await;
    let rescuer = registered(folder.path(), &url);
    let (endpoint, sent) = collector().await;
    let private = keys(folder.path()).display().to_string();
    let words = [
        "--private-keys",
        &private,
        "--otlp-endpoint",
        &endpoint,
        "--log",
        "trace",
    ];
    let on = [&words[..], &["--emergency-access"]].concat();
    let service = Program::serve(&address, &url, folder.path(), &on).await;

    let callers = log_in(&base, &accounts, &Clock::system())
        .await
        .expect("tokens");
    let practice = &callers[&Party::Practice];
    let body = json!({"resourceType": "Patient", "name": [{"family": "ZZPHI7f3a"}]});
    let patient = crate::fhir_door::post(practice, "/fhir/Patient", &body)
        .await
        .expect(201);
    let patient = text(&patient["id"]).to_owned();
    let (status, body) = rescuer
        .ask_at(&base, &Clock::system(), Some(emergency(WHY)))
        .await;
    assert_eq!(status, 200, "{body}");
    let broken = caller(&base, &body);
    let read = get(&broken, &format!("/fhir/Patient/{patient}"))
        .await
        .expect(200);
    assert_eq!(read["name"][0]["family"], "ZZPHI7f3a");

    let log = service.stop();
    let warned: Vec<Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| {
            line["level"] == "WARN" && line.to_string().contains("emergency access")
        })
        .collect();
    let [on, token, request] = &warned[..] else {
        panic!("{warned:?}")
    };
    assert!(on.to_string().contains("is on"), "{on}");
    // `kat_<tid>_<secret>`: the secret may have underscores of its own.
    let (named, secret) = broken.token.split_at("kat_".len() + 22);
    let (tid, secret) = (&named["kat_".len()..], &secret[1..]);
    assert_eq!(secret.len(), 43);
    for alert in [token, request] {
        let alert = alert.to_string();
        assert!(alert.contains("rescuer") && alert.contains(tid), "{alert}");
    }
    assert!(!log.contains(secret), "the secret is in the log");
    let sent = sent.lock().expect("lock").clone();
    let has = |body: &[u8], what: &str| body.windows(what.len()).any(|w| w == what.as_bytes());
    let metric = "kap.access.emergencies";
    assert!(
        sent.iter()
            .any(|(path, body)| path == "/v1/metrics" && has(body, metric))
    );
    for word in ["unconscious", "ZZPHI7f3a", &patient] {
        assert!(!log.contains(word), "{word}: {log}");
        assert!(sent.iter().all(|(_, body)| !has(body, word)), "{word}");
    }
    told(&url, &patient);
}

/// A client that the operator added for emergencies; without the word for it none is added.
fn registered(folder: &Path, url: &str) -> Rescuer {
    let key = PrivateKey::generate().expect("key");
    let file = folder.join("rescuer.json");
    std::fs::write(&file, key.public_set().to_string()).expect("file");
    let file = file.display().to_string();
    let id = "org-emergency-department";
    let add = [
        "organization",
        "add",
        "--id",
        id,
        "--name",
        "Emergency department",
    ];
    let done = run(&[&add[..], &["--type", "external-provider"]].concat(), url);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let add = [
        "client",
        "add",
        "--id",
        "rescuer",
        "--name",
        "ED",
        "--organization",
        id,
    ];
    let more = [
        "--role",
        "external-ehr",
        "--scopes",
        "system/*.cruds",
        "--jwks",
        &file,
    ];
    let words = [&add[..], &more, &["--purposes", "TREAT,BTG"]].concat();
    let refused = run(&words, url);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("--emergency-access"),
        "{said}"
    );
    let done = run(&[&words[..], &["--emergency-access"]].concat(), url);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Rescuer { key, id: "rescuer" }
}

/// The list for the second person.
fn told(url: &str, patient: &str) {
    let listed = run(&["audit", "emergencies"], url);
    let said = String::from_utf8(listed.stdout).expect("text");
    let lines: Vec<Vec<&str>> = said
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    let [head, one] = &lines[..] else {
        panic!("{said}")
    };
    assert_eq!(head.len(), one.len());
    assert_eq!(
        one[2..5],
        ["org-emergency-department", "rescuer", "external-ehr"]
    );
    assert_eq!(one[6..], ["1", patient, WHY]);
}
