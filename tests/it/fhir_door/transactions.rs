//! What a partner sends in one transaction: evaluation, decision, medication, prescription, Task; all of it or nothing,
//! once however often it is sent.

use super::*;
use crate::both;
use futures_util::future::join_all;

both!(
    a_partner_answers_in_one_transaction,
    twice_at_once_is_once,
    nothing_is_stored_where_one_entry_fails,
);

const NUMBERS: &str = "https://partner.example.org/answer";

/// A referral that the partner has accepted.
pub struct World {
    pub app: TestApp,
    episode: String,
    task: Value,
    lead: String,
}

impl World {
    async fn new(db: Db) -> Self {
        let app = TestApp::start(db, &referred()).await;
        let episode = app.play(&referred()).await.episode;
        Self::over(app, episode).await
    }

    /// The partner takes the referral of this episode.
    pub async fn over(app: TestApp, episode: String) -> Self {
        let partner = app.as_party(Party::Partner);
        let mut task = only(partner, "/fhir/Task?status=requested&focus:missing=false").await;
        for (status, business, at) in [
            ("accepted", "referral-accepted", "2026-06-03T12:40:00-07:00"),
            (
                "in-progress",
                "evaluation-in-progress",
                "2026-06-10T12:00:00-07:00",
            ),
        ] {
            step(&mut task, status, business, at);
            task = put(partner, &task).await.expect(200);
        }
        let role = "/fhir/PractitionerRole?organization=Organization/org-partner-01";
        let lead = text(&only(partner, role).await["id"]).to_owned();
        Self {
            app,
            episode,
            task,
            lead,
        }
    }

    pub fn partner(&self) -> &Caller {
        self.app.as_party(Party::Partner)
    }

    pub async fn record(&self) -> Value {
        let path = format!("/kap/v1/episodes/{}", self.episode);
        get(self.app.as_party(Party::Practice), &path)
            .await
            .expect(200)
    }

    /// The whole answer; `n` numbers it in the partner's own system.
    pub fn answer(&self, n: u32) -> Value {
        let subject = json!({ "reference": self.task["for"]["reference"] });
        let lead = json!({ "reference": format!("PractitionerRole/{}", self.lead) });
        let mg = |n: u32| json!({ "value": n, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" });
        let kap = |name: &str, value: Value| {
            let mut extension = value;
            extension["url"] = json!(format!("{STRUCTURE}/{name}"));
            extension
        };
        let link = json!({ "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": { "reference": format!("EpisodeOfCare/{}", self.episode) } });
        let route = json!({ "coding": [{ "system": "http://snomed.info/sct", "code": "37839007", "display": "Sublingual route" }] });
        let ketamine = json!({ "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130", "display": "ketamine" }], "text": "ketamine 100 mg sublingual lozenge" });
        let urn = |m: u32| format!("urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7b{m:02}");
        let encounter = json!({ "resourceType": "Encounter", "status": "finished",
            "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR" },
            "type": [{ "coding": [{ "system": format!("{CODES}/kap-session-type"), "code": "medical-evaluation" }] }],
            "subject": subject, "episodeOfCare": [{ "reference": format!("EpisodeOfCare/{}", self.episode) }],
            "participant": [{ "individual": lead }],
            "period": { "start": "2026-06-10T12:00:00-07:00", "end": "2026-06-10T12:45:00-07:00" } });
        let decision = json!({ "resourceType": "ClinicalImpression", "status": "completed",
            "meta": { "profile": [format!("{STRUCTURE}/kap-clearance")] },
            "extension": [
                kap("kap-clearance-decision", json!({ "valueCodeableConcept": { "coding": [{ "system": format!("{CODES}/kap-clearance-decision"), "code": "cleared" }] } })),
                kap("kap-clearance-validity", json!({ "valuePeriod": { "start": "2026-06-10", "end": "2026-12-10" } })),
                kap("kap-clearance-setting", json!({ "valueCode": "in-person" })),
                kap("kap-clearance-route", json!({ "valueCodeableConcept": route })),
                kap("kap-clearance-dose-ceiling", json!({ "valueQuantity": mg(300) })),
            ],
            "subject": subject, "encounter": { "reference": urn(1) },
            "date": "2026-06-10T13:05:00-07:00", "assessor": lead });
        let medication = json!({ "resourceType": "Medication", "status": "active",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-medication")] },
            "extension": [kap("kap-compounded", json!({ "valueBoolean": true })),
                kap("kap-controlled-substance-schedule", json!({ "valueCoding": { "system": "http://terminology.hl7.org/CodeSystem/v2-0477", "code": "III" } }))],
            "code": ketamine, "form": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm", "code": "ORTROCHE" }] },
            "ingredient": [{ "itemCodeableConcept": { "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130" }] },
                "strength": { "numerator": mg(100), "denominator": { "value": 1, "unit": "lozenge" } } }] });
        let prescription = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-prescription")] },
            "extension": [link, kap("kap-max-dose-per-session", json!({ "valueQuantity": mg(200) })),
                kap("kap-record-only", json!({ "valueBoolean": true })),
                kap("kap-sessions-supplied", json!({ "valuePositiveInt": 2 })),
                kap("kap-pdmp-check", json!({ "extension": [{ "url": "at", "valueDateTime": "2026-06-10T12:58:00-07:00" }] }))],
            "medicationReference": { "reference": urn(3) }, "subject": subject,
            "authoredOn": "2026-06-10T13:20:00-07:00", "requester": lead,
            "supportingInformation": [{ "reference": urn(2) }],
            "dosageInstruction": [{ "text": "During supervised sessions only.", "route": route, "maxDosePerAdministration": mg(200) }],
            "dispenseRequest": { "validityPeriod": { "start": "2026-06-10", "end": "2026-12-10" }, "numberOfRepeatsAllowed": 0,
                "quantity": { "value": 4, "unit": "lozenge" }, "performer": { "reference": "Organization/org-pharmacy-01" } } });
        let mut task = self.task.clone();
        step(
            &mut task,
            "completed",
            "decision-issued",
            "2026-06-10T13:25:00-07:00",
        );
        task["output"] =
            json!([{ "type": { "text": "decision" }, "valueReference": { "reference": urn(2) } }]);
        // In no helpful order: the prescription comes before what it rests on.
        let mut entries = vec![];
        for (m, mut resource) in [
            (4, prescription),
            (3, medication),
            (2, decision),
            (1, encounter),
        ] {
            let kind = text(&resource["resourceType"]).to_owned();
            let number = format!("{n}-{m}");
            resource["identifier"] = json!([{ "system": NUMBERS, "value": number }]);
            entries.push(json!({ "fullUrl": urn(m), "resource": resource,
                "request": { "method": "POST", "url": kind, "ifNoneExist": format!("identifier={NUMBERS}|{number}") } }));
        }
        entries.push(json!({ "resource": task, "request": { "method": "PUT", "url": format!("Task/{}", text(&self.task["id"])) } }));
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
    }
}

fn step(task: &mut Value, status: &str, business: &str, at: &str) {
    task["status"] = json!(status);
    task["businessStatus"] = json!({ "coding": [{ "system": format!("{CODES}/kap-task-business-status"), "code": business }] });
    task["lastModified"] = json!(at);
}

fn statuses(answer: &Value) -> Vec<&str> {
    let entries = answer["entry"].as_array().into_iter().flatten();
    entries.map(|e| text(&e["response"]["status"])).collect()
}

fn counts(record: &Value) -> [usize; 4] {
    ["sessions", "clearances", "prescriptions", "dispenses"]
        .map(|name| record[name].as_array().map_or(0, Vec::len))
}

async fn a_partner_answers_in_one_transaction(db: Db) {
    let w = World::new(db).await;
    let before = counts(&w.record().await);
    let bundle = w.answer(1);
    let answer = post(w.partner(), "/fhir", &bundle).await.expect(200);
    let created = "201 Created";
    assert_eq!(
        statuses(&answer),
        [created, created, created, created, "200 OK"]
    );
    let record = w.record().await;
    assert_eq!(record["phase"], "cleared", "{record}");
    assert_eq!(
        counts(&record),
        [before[0] + 1, before[1] + 1, before[2] + 1, before[3]]
    );
    assert_eq!(
        record["prescriptions"][0]["clearanceId"],
        record["clearances"][0]["id"]
    );
    assert_eq!(
        record["clearances"][0]["evaluationSessionId"],
        record["sessions"]
            .as_array()
            .and_then(|s| s.last())
            .expect("a session")["id"]
    );
    let task = get(w.partner(), &format!("/fhir/Task/{}", text(&w.task["id"])))
        .await
        .expect(200);
    assert_eq!(task["status"], "completed");
    let decision = format!(
        "ClinicalImpression/{}",
        text(&record["clearances"][0]["id"])
    );
    assert_eq!(task["output"][0]["valueReference"]["reference"], decision);

    // Sent again, with the Task as it is by now: nothing is done twice.
    let mut again = bundle;
    again["entry"][4]["resource"] = task;
    let repeated = post(w.partner(), "/fhir", &again).await.expect(200);
    assert_eq!(statuses(&repeated)[..4], ["200 OK"; 4]);
    for n in 0..4 {
        assert_eq!(
            repeated["entry"][n]["response"]["location"],
            answer["entry"][n]["response"]["location"]
        );
    }
    assert_eq!(counts(&w.record().await), counts(&record));
    w.app.stop().await;
}

async fn twice_at_once_is_once(db: Db) {
    let w = World::new(db).await;
    let bundle = w.answer(1);
    let before = counts(&w.record().await);
    let answers = join_all((0..3).map(|_| post(w.partner(), "/fhir", &bundle))).await;
    let won = answers
        .iter()
        .filter(|a| a.status == 200 && a.text.contains("201 Created"))
        .count();
    assert_eq!(
        won,
        1,
        "{:?}",
        answers.iter().map(|a| &a.text).collect::<Vec<_>>()
    );
    for answer in &answers {
        // Who came second finds everything there; the Task is of another version than it has seen, or is answered.
        assert!(
            matches!(answer.status, 200 | 409 | 412),
            "{} {}",
            answer.status,
            answer.text
        );
    }
    let record = w.record().await;
    assert_eq!(
        counts(&record),
        [before[0] + 1, before[1] + 1, before[2] + 1, before[3]],
        "{record}"
    );

    // Records outside an episode, and of types that no rule reads, are created once as well.
    let practice = w.app.as_party(Party::Practice);
    let subject = json!({ "reference": w.task["for"]["reference"] });
    let number = json!([{ "system": NUMBERS, "value": "9" }]);
    for (caller, resource) in [
        (
            practice,
            json!({ "resourceType": "Practitioner", "name": [{ "family": "Elm" }], "identifier": number }),
        ),
        (
            w.partner(),
            json!({ "resourceType": "DocumentReference", "status": "current", "identifier": number, "subject": subject,
            "content": [{ "attachment": { "contentType": "text/plain", "data": "aGVsbG8=" } }] }),
        ),
        (
            w.partner(),
            json!({ "resourceType": "Medication", "status": "active", "identifier": number, "code": { "text": "x" } }),
        ),
    ] {
        let kind = text(&resource["resourceType"]).to_owned();
        let path = format!("/fhir/{kind}");
        let criteria = format!("identifier={NUMBERS}|9");
        let unless = [("If-None-Exist", criteria.as_str())];
        let body = || Some(resource.to_string());
        let sent = (0..6).map(|_| call(caller, Method::POST, &path, &unless, body()));
        let mut statuses = vec![];
        for answer in join_all(sent).await {
            assert!(
                answer.status < 300,
                "{kind}: {} {}",
                answer.status,
                answer.text
            );
            statuses.push(answer.status);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 201], "{kind}");
        only(caller, &format!("{path}?{criteria}")).await;
    }
    w.app.stop().await;
}

async fn nothing_is_stored_where_one_entry_fails(db: Db) {
    let w = World::new(db).await;
    let before = w.record().await;
    let good = w.answer(1);
    let with = |n: usize, change: &dyn Fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle["entry"][n]);
        bundle
    };
    let cases: [(Value, u16, &str); 13] = [
        (
            with(2, &|e| {
                e["resource"]["date"] = json!("2036-06-10T13:05:00-07:00");
            }),
            422,
            "Bundle.entry[2].resource.date",
        ),
        (
            with(2, &|e| {
                e["resource"]["assessor"]["reference"] = json!("Practitioner/nobody");
            }),
            422,
            "Bundle.entry[2].resource.assessor",
        ),
        (
            with(2, &|e| e["resource"]["colour"] = json!("red")),
            400,
            "Bundle.entry[2].resource.colour",
        ),
        (
            with(2, &|e| {
                e["resource"]["subject"]["reference"] =
                    json!("urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7b77");
            }),
            422,
            "Bundle.entry[2].resource.subject",
        ),
        (
            with(2, &|e| e["resource"]["resourceType"] = json!("Observation")),
            400,
            "Bundle.entry[2].resource.resourceType",
        ),
        (
            with(2, &|e| e["request"]["method"] = json!("DELETE")),
            400,
            "Bundle.entry[2].request.url",
        ),
        (
            with(2, &|e| e["request"]["method"] = json!("BREW")),
            400,
            "Bundle.entry[2].request.method",
        ),
        (
            with(2, &|e| e["request"]["url"] = json!("Account")),
            422,
            "Bundle.entry[2].request.url",
        ),
        (
            with(2, &|e| e["request"]["ifNoneExist"] = json!("colour=red")),
            400,
            "Bundle.entry[2].request.ifNoneExist",
        ),
        (
            with(2, &|e| {
                e["fullUrl"] = json!("urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7b01");
            }),
            400,
            "Bundle.entry[3].fullUrl",
        ),
        (
            with(2, &|e| {
                drop(e.as_object_mut().map(|e| e.remove("resource")));
            }),
            400,
            "Bundle.entry[2].resource",
        ),
        (
            with(4, &|e| e["request"]["ifMatch"] = json!("W/\"77\"")),
            412,
            "Bundle.entry[4].request.ifMatch",
        ),
        (
            with(4, &|e| {
                e["request"]["url"] = json!("Task/nobody");
                e["resource"]["id"] = json!("nobody");
            }),
            404,
            "Bundle.entry[4]",
        ),
    ];
    for (bundle, status, at) in cases {
        let answer = post(w.partner(), "/fhir", &bundle).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (status, at),
            "{}",
            answer.text
        );
    }
    // The practice may not send a decision, in company neither.
    let answer = post(w.app.as_party(Party::Practice), "/fhir", &good).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert_eq!(w.record().await, before);
    let found = get(
        w.partner(),
        &format!("/fhir/Medication?identifier={NUMBERS}|1-3"),
    )
    .await
    .expect(200);
    assert!(found.get("entry").is_none(), "{found}");
    post(w.partner(), "/fhir", &good).await.expect(200);
    w.app.stop().await;
}
