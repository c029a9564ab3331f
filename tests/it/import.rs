//! `kap-fhir import`: a practice moves in, from files of another system; again, it moves in no second time.

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample, tempdir::Folder};
use crate::both;
use crate::fhir_door::{FIRST, get, only, text};
use crate::program::run;

both!(a_practice_moves_in_once);

/// What a report says was refused.
fn told(report: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(report).expect("report");
    let lines = text.lines();
    lines
        .map(|l| serde_json::from_str(l).expect("json"))
        .collect()
}

fn lines(all: &[Value]) -> String {
    let lines: Vec<String> = all.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

async fn a_practice_moves_in_once(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let organization = episode.organizations.practice.id.to_string();
    let folder = Folder::new();
    // What refers to others stands before them, in a file of its own.
    let conditions = [
        json!({ "resourceType": "Condition", "id": "c1", "subject": { "reference": "https://old.example.org/r4/Patient/77" },
            "recorder": { "reference": "Practitioner/9/_history/4" }, "code": { "text": "back pain" },
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] } }),
        json!({ "resourceType": "Condition", "id": "c2", "subject": { "reference": "Patient/nobody" }, "code": { "text": "x" } }),
        json!({ "resourceType": "Condition", "id": "c3", "unheard": 1, "subject": { "reference": "Patient/77" } }),
        json!({ "resourceType": "EpisodeOfCare", "id": "e1", "status": "active", "patient": { "reference": "Patient/77" } }),
    ];
    let mut text_of = lines(&conditions);
    text_of.push_str("\nno json\n");
    std::fs::write(folder.path().join("a.ndjson"), text_of).expect("file");
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": [
        { "fullUrl": "urn:uuid:7d4a7bd5-3a0f-4a8e-8a3b-3f2ad1d7a111", "resource": { "resourceType": "AllergyIntolerance",
            "patient": { "reference": "Patient/77" }, "code": { "text": "dust" }, "clinicalStatus": { "coding": [
                { "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active" }] } } },
        { "resource": { "resourceType": "Patient", "id": "77", "name": [{ "family": "Moved" }], "birthDate": "1970-01-01",
            "identifier": [{ "system": "https://old.example.org/numbers", "value": "77" }],
            "generalPractitioner": [{ "reference": "Practitioner/9" }] } },
        { "resource": { "resourceType": "Practitioner", "id": "9", "name": [{ "family": "Old" }] } },
    ]});
    std::fs::write(folder.path().join("b.json"), bundle.to_string()).expect("file");
    let report = folder.path().join("report.txt");
    let (inside, report) = (
        folder.path().display().to_string(),
        report.display().to_string(),
    );
    let url = app.place().url();
    let import = |more: &[&str]| {
        let mut words = vec![
            "import",
            &*inside,
            "--organization",
            &*organization,
            "--source",
            "old",
            "--report",
            &*report,
        ];
        words.extend(more);
        let output = run(&words, &url);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        // What was refused is told to a script as well, apart from an import that did not take place.
        assert_eq!(output.status.code(), Some(3), "{told}{errors}");
        assert!(errors.contains("4 resources were refused"), "{errors}");
        told
    };
    let row = |told: &str, kind: &str| -> Vec<String> {
        let line = told.lines().find(|l| l.starts_with(kind));
        line.unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect()
    };
    let dry = import(&["--dry-run"]);
    // A reference that leads nowhere is told without storing anything.
    for (kind, expected) in [
        ("Patient", ["1", "0", "0"]),
        ("Practitioner", ["1", "0", "0"]),
        ("AllergyIntolerance", ["1", "0", "0"]),
        ("Condition", ["1", "0", "2"]),
        ("EpisodeOfCare", ["0", "0", "1"]),
    ] {
        assert_eq!(row(&dry, kind), expected, "{kind}: {dry}");
    }
    let refused = told(&report);
    let at = |kind: &str| {
        let all = refused.iter().filter(|r| r["type"] == kind);
        all.map(|r| text(&r["expression"]).to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        at("Condition").contains(&"Condition.subject".to_owned()),
        "{refused:?}"
    );
    assert_eq!(at("EpisodeOfCare"), ["EpisodeOfCare"]);
    let words = refused.iter().find(|r| r["type"] == "EpisodeOfCare");
    assert!(text(&words.expect("it")["text"]).contains("POST /kap/v1/episodes"));
    assert_eq!(
        get(practice, "/fhir/Patient?family=Moved&_total=accurate")
            .await
            .json()["total"],
        0
    );
    let summed = import(&[]);
    for (kind, expected) in [
        ("Patient", ["1", "0", "0"]),
        ("Practitioner", ["1", "0", "0"]),
        ("AllergyIntolerance", ["1", "0", "0"]),
        ("Condition", ["1", "0", "2"]),
        ("EpisodeOfCare", ["0", "0", "1"]),
        ("?", ["0", "0", "1"]),
    ] {
        assert_eq!(row(&summed, kind), expected, "{kind}: {summed}");
    }
    let refused = told(&report);
    assert!(
        refused
            .iter()
            .any(|r| r["place"] == 2 && r["expression"] == "Condition.subject"),
        "{refused:?}"
    );
    assert!(refused.iter().any(|r| r["place"] == 3), "{refused:?}");
    assert!(refused.iter().any(|r| r["type"] == "?"), "{refused:?}");
    // The references are those of here.
    let patient = only(practice, "/fhir/Patient?family=Moved").await;
    let doctor = only(practice, "/fhir/Practitioner?family=Old").await;
    let condition = only(
        practice,
        &format!("/fhir/Condition?patient={}", text(&patient["id"])),
    )
    .await;
    let named = |v: &Value| text(&v["reference"]).to_owned();
    let doctor = format!("Practitioner/{}", text(&doctor["id"]));
    assert_eq!(named(&condition["recorder"]), doctor);
    assert_eq!(named(&patient["generalPractitioner"][0]), doctor);
    // Once more: nothing is stored twice.
    let again = import(&[]);
    assert_eq!(row(&again, "Patient"), ["0", "1", "0"], "{again}");
    assert_eq!(row(&again, "Condition"), ["0", "1", "2"], "{again}");
    only(practice, "/fhir/Patient?family=Moved").await;
    // Where all is taken, all is well.
    let whole = folder.path().join("b.json").display().to_string();
    let words = [
        "import",
        &*whole,
        "--organization",
        &*organization,
        "--source",
        "old",
    ];
    let whole = run(&words, &url);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    // Another practice than there is, is none.
    let nobody = run(&["import", &inside, "--organization", "nobody"], &url);
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
    app.stop().await;
}
