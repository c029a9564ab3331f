//! The AuditEvent of each kind of event, word for word. `KAP_GOLDEN=write` writes them anew. `scripts/profiles` has them
//! judged as AuditEvents of R4; the profiles of IHE BALP, which those over the network claim, are no part of the project.

use std::path::{Path, PathBuf};

use kap_fhir::audit::balp::audit_event;
use kap_fhir::audit::{Event, Kind, NOTE_KEY, Outcome, PRIVATE_NOTE, Row, Who};
use serde_json::Value;

fn asked(kind: Kind) -> Event {
    Event {
        who: Who {
            client: Some("demo-partner".into()),
            organization: Some("org-partner-01".into()),
            role: Some("partner-prescriber".into()),
            token: Some("wJalrXUtnFEMIK7MDENGbg".into()),
            purpose: Some("TREAT".into()),
        },
        peer: Some("192.0.2.10".into()),
        request: Some("5c6d2f0e-8f0b-4c55-9a0a-0d5b0d5a9f11".into()),
        ..Event::new(kind)
    }
}

/// An event of each kind, with a name for its file.
fn events() -> Vec<(String, Event)> {
    let patient = Some("pat-0001");
    let encounter = |event: Event| {
        event
            .target("Encounter", "ses-0009", Some(3))
            .patient(patient)
    };
    let mut out: Vec<(String, Event)> = Kind::ALL
        .iter()
        .map(|kind| {
            let event = asked(*kind);
            let event = match kind {
                Kind::Create | Kind::Read | Kind::Vread | Kind::Update | Kind::Delete => {
                    encounter(event)
                }
                Kind::Search => event
                    .detail("GET /fhir/Encounter?patient=pat-0001")
                    .patient(patient),
                Kind::History => event
                    .target("Encounter", "ses-0009", None)
                    .patient(patient)
                    .detail("GET /fhir/Encounter/ses-0009/_history"),
                Kind::Disclose => event
                    .target("Composition", "comp-0001", Some(1))
                    .patient(patient)
                    .detail("$document"),
                Kind::Token => {
                    event.detail("grant_type=client_credentials&scope=system/Patient.rs")
                }
                Kind::Emergency => {
                    let mut event = event.target("token", "wJalrXUtnFEMIK7MDENGbg", None);
                    event.who.purpose = Some("BTG".into());
                    event.detail("unconscious in our emergency department")
                }
                Kind::Operation => event
                    .target("EpisodeOfCare", "ep-0001", None)
                    .detail("/kap/v1/episodes/{episode}/sessions")
                    .failed(Outcome::Minor, "409 gate-closed"),
                Kind::Transaction => event.failed(Outcome::Minor, "422 business-rule"),
                Kind::Revoke => event.target("token", "wJalrXUtnFEMIK7MDENGbg", None),
                Kind::NoteCreate | Kind::NoteRead => event
                    .target(PRIVATE_NOTE, "note-0001", Some(1))
                    .patient(patient),
                Kind::NoteUpdate => event
                    .target("EpisodeOfCare", "ep-0001", None)
                    .detail("private note note-0001")
                    .failed(Outcome::Minor, "412 version-conflict"),
                Kind::NoteList => event
                    .target("EpisodeOfCare", "ep-0001", None)
                    .patient(patient)
                    .detail("private notes"),
                Kind::NoteKeyAdd | Kind::NoteKeyRotate => {
                    Event::new(*kind).target(NOTE_KEY, "2026-11-22-0a1b2c3d", None)
                }
                Kind::NoteRewrap => Event::new(*kind)
                    .target(NOTE_KEY, "2026-11-22-0a1b2c3d", None)
                    .detail("finished: 12 data keys"),
                Kind::NoteHandOver => Event::new(*kind)
                    .target("client", "new-program", None)
                    .patient(patient)
                    .detail("from old-program"),
                Kind::LabelLower => Event::new(*kind)
                    .target("Condition", "prob-0001", Some(2))
                    .patient(patient)
                    .detail("labels lowered: SUD ETH; reason: misclassified; operator: ada.m"),
                Kind::ClientAdd | Kind::ClientDisable | Kind::ClientEnable | Kind::ClientKeys => {
                    Event::new(*kind).target("client", "demo-partner", None)
                }
                Kind::ClientOrigin => Event::new(*kind)
                    .target("client", "demo-partner", None)
                    .detail("https://ehr.example.org"),
                Kind::Partner => Event::new(*kind)
                    .target("partner", "clinic", None)
                    .detail("add"),
                Kind::Notify | Kind::Withhold => {
                    let event = encounter(event).detail("subscription sub-0001 event 7");
                    let mut event = Event {
                        peer: None,
                        request: None,
                        ..event
                    };
                    event.who.token = None;
                    match kind {
                        Kind::Notify => event,
                        _ => event.failed(Outcome::Serious, "not-visible"),
                    }
                }
                Kind::Batch => event,
                Kind::Start | Kind::Stop => Event::new(*kind),
                Kind::Migrate => Event::new(*kind).detail("4 audit"),
                Kind::SealFailed => Event::new(*kind)
                    .failed(Outcome::Major, "unsealed")
                    .detail("2 times, works again"),
            };
            (kind.to_string(), event)
        })
        .collect();
    let read = asked(Kind::Read);
    out.push((
        "read-of-directory".into(),
        read.clone().target("Organization", "org-1", Some(1)),
    ));
    out.push((
        "read-not-found".into(),
        read.clone()
            .target("Encounter", "none", None)
            .failed(Outcome::Minor, "404 not-found"),
    ));
    out.push((
        "read-refused".into(),
        read.target("Provenance", "prov-1", None)
            .failed(Outcome::Serious, "403 not-permitted"),
    ));
    let unknown = Event {
        who: Who::default(),
        ..asked(Kind::Token)
    };
    out.push((
        "token-refused".into(),
        unknown.failed(Outcome::Serious, "401 unknown-client"),
    ));
    let own = Event::new(Kind::Update).detail("the operator keeps the directory");
    out.push((
        "update-by-operator".into(),
        own.target("Organization", "org-1", Some(2)),
    ));
    out
}

fn told(event: Event) -> Value {
    let row = Row {
        id: "019b8c1e-7a00-7000-8000-0123456789ab".into(),
        at: 1_795_348_800_000,
        source: "0.1.0@AbCdEf12".into(),
        event,
    };
    audit_event(&row, "https://kap.example.org")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "says whether to write the golden files"
)]
fn each_kind_is_told_as_agreed() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/audit/fhir");
    let write = std::env::var("KAP_GOLDEN").is_ok_and(|v| v == "write");
    std::fs::create_dir_all(&folder).expect("folder");
    for (name, event) in events() {
        let file = folder.join(format!("AuditEvent-{name}.json"));
        let text = format!("{:#}\n", told(event));
        if write {
            std::fs::write(&file, text).expect("written");
            continue;
        }
        let agreed = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, agreed, "{name}");
    }
}
