//! A small cast for the directed proofs: a patient who shares, one who does not, one who will withdraw, one who comes of
//! age, and one of another practice. Where no consent speaks, nothing is told.

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::bench::{Bench, Client, Service};
use super::cohort::{Age, Door, Plan, consent, permit};
use super::mould::{Filling, Mould};
use super::oracle::{Policy, Row, Signer};
use super::rows::all;
use super::seed::Made;
use crate::app::Db;
use crate::fhir_door::{Answer, call, get, post, text};

pub struct Scene {
    pub bench: Bench,
    pub service: Service,
    pub callers: Vec<(Client, Caller)>,
    pub mould: &'static Mould,
    /// Shares mind with partner and primary care.
    pub open: Made,
    /// Shares nothing.
    pub closed: Made,
    /// Shares as the first does, and has a consent to withdraw.
    pub leaving: Made,
    /// Turns eighteen at Christmas; a parent signed.
    pub young: Made,
    /// Another practice's.
    pub far: Made,
}

fn plan(tag: &str, age: Age, door: Door, sharing: bool) -> Plan {
    let mind = ["N", "PSY", "ADOL"];
    let to = |who: &'static str| permit(&[who], &mind);
    let mut sharing = if sharing {
        vec![consent(vec![
            to("partner-1"),
            to("external-1"),
            to("pharmacy-1"),
        ])]
    } else {
        vec![consent(vec![])]
    };
    if age.was_child() {
        sharing = sharing
            .into_iter()
            .map(|c| c.by(&[Signer::Guardian]))
            .collect();
    }
    Plan {
        tag: tag.to_owned(),
        age,
        related: true,
        consents: sharing,
        door,
        idle: None,
    }
}

static CAST: OnceCell<Mould> = OnceCell::const_new();

async fn cast() -> Mould {
    let first = vec![
        plan("open", Age::Adult, Door::Json, true),
        plan("closed", Age::Adult, Door::Fhir, false),
        plan("leaving", Age::Adult, Door::Json, true),
        plan("young", Age::AlmostAdult, Door::Fhir, true),
    ];
    let far = vec![plan("far", Age::Adult, Door::Json, false)];
    let fillings = vec![Filling::first("first", first), Filling::far("far", far)];
    Mould::of(fillings, 0, 6).await
}

impl Scene {
    pub async fn new(db: Db) -> Self {
        let mould = CAST.get_or_init(cast).await;
        let bench = mould.copy(db).await;
        let service = bench.serve(Policy::ConsentRequired).await;
        let callers = bench.log_in(&service).await;
        let [open, closed, leaving, young, far] = mould.made.clone().try_into().expect("the cast");
        Self {
            bench,
            service,
            callers,
            mould,
            open,
            closed,
            leaving,
            young,
            far,
        }
    }

    pub fn caller(&self, name: &str) -> &Caller {
        Bench::named(&self.callers, name)
    }

    /// The resources of that type that the practice has of a patient.
    pub async fn of(&self, kind: &str, made: &Made) -> Vec<Value> {
        let place = if kind == "Patient" { "_id" } else { "patient" };
        let path = format!("/fhir/{kind}?{place}={}&_count=250", made.patient);
        let mine = if made.patient == self.far.patient {
            "therapist-2"
        } else {
            "therapist"
        };
        all(self.caller(mine), &path).await.0
    }

    /// Resources that nobody but the practice sees, of many types: the second patient's, and another practice's.
    pub fn hidden(&self) -> Vec<Value> {
        let theirs = [&self.closed.patient, &self.far.patient];
        let own = |p: &Option<String>| p.as_ref().is_some_and(|p| theirs.contains(&p));
        let hidden = |row: &Row| {
            own(&row.patient) && row.author.starts_with("practice") && row.class != "D6"
        };
        let all = self.mould.rows.iter().zip(&self.mould.values);
        all.filter(|(row, _)| hidden(row))
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// The row of a resource, as it was when the cast was made.
    fn row(&self, value: &Value) -> &Row {
        let is = |r: &&Row| value["resourceType"] == r.kind && value["id"] == r.id;
        self.mould.rows.iter().find(is).expect("one of the cast's")
    }

    /// Whether the resource is of that patient.
    pub fn is_of(&self, value: &Value, made: &Made) -> bool {
        self.row(value).patient.as_ref() == Some(&made.patient)
    }

    /// The organization that wrote it.
    pub fn author(&self, value: &Value) -> &str {
        &self.row(value).author
    }

    /// As many of them as there are types, one of each.
    pub fn one_hidden_of_each(&self) -> Vec<Value> {
        let mut out: Vec<Value> = vec![];
        for value in self.hidden() {
            if !out
                .iter()
                .any(|v| v["resourceType"] == value["resourceType"])
            {
                out.push(value);
            }
        }
        assert!(out.len() >= 12, "{} types", out.len());
        out
    }

    /// The patient who is leaving takes the consent back.
    pub async fn withdraw(&self) {
        let path = format!("/kap/v1/episodes/{}", self.leaving.episode);
        let therapist = self.caller("therapist");
        let shown = get(therapist, &path).await.expect(200);
        let mut consents = shown["consents"].as_array().into_iter().flatten();
        let given = consents.rfind(|c| c["root"] == "deny");
        let given = text(&given.expect("the consent")["id"]);
        let path = format!("{path}/consents/{given}/revoke");
        let body = json!({ "by": self.leaving.patient });
        let sent = therapist.send(Method::POST, &path, Some((&body, "withdraw")));
        let done = sent.await.expect("answer");
        assert!(done.status < 300, "{}", done.body);
    }

    pub async fn stop(self) {
        self.service.stop(&self.bench.place).await;
        self.bench.store.close().await;
    }
}

/// The resource's own path.
pub fn path(value: &Value) -> String {
    format!(
        "/fhir/{}/{}",
        text(&value["resourceType"]),
        text(&value["id"])
    )
}

/// The same path with an id that nobody has, as long as the other.
pub fn nobody(value: &Value) -> String {
    let id: String = text(&value["id"])
        .chars()
        .map(|c| if c == '-' { '-' } else { '9' })
        .collect();
    format!("/fhir/{}/{id}", text(&value["resourceType"]))
}

/// Both answers are one: status, body and headers, but for what names the request.
#[track_caller]
pub fn same(hidden: &Answer, missing: &Answer) {
    let headers = |answer: &Answer| {
        let mut out: Vec<(String, String)> = vec![];
        for (name, value) in &answer.headers {
            if !["date", "x-request-id", "traceparent"].contains(&name.as_str()) {
                out.push((
                    name.to_string(),
                    value.to_str().unwrap_or_default().to_owned(),
                ));
            }
        }
        out.sort();
        out
    };
    assert_eq!(
        hidden.status, missing.status,
        "{} {}",
        hidden.text, missing.text
    );
    assert_eq!(hidden.text, missing.text);
    assert_eq!(headers(hidden), headers(missing));
}

/// A finding about a patient, with a number by which it can be asked for.
pub fn finding(patient: &str, number: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "identifier": [{ "system": "https://numbers.example.org", "value": number }],
        "subject": { "reference": format!("Patient/{patient}") }, "effectiveDateTime": "2026-05-03T10:00:00Z",
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "exam" }] }],
        "code": { "text": "a finding" } })
}

/// Stores it; gives what was stored.
pub async fn stored(caller: &Caller, value: &Value) -> Value {
    let kind = text(&value["resourceType"]);
    let answer = post(caller, &format!("/fhir/{kind}"), value).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

/// Asks with one more header.
pub async fn with(caller: &Caller, path: &str, header: (&str, &str)) -> Answer {
    call(caller, Method::GET, path, &[header], None).await
}

/// The ids that a search shows.
pub async fn found(caller: &Caller, path: &str) -> Vec<String> {
    let answer = get(caller, path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    ids(&answer)
}

/// The ids in a searchset, without the outcome that says what was passed over.
pub fn ids(answer: &Answer) -> Vec<String> {
    let set = answer.json();
    let entries = set["entry"].as_array().into_iter().flatten();
    entries
        .filter(|e| e["search"]["mode"] != "outcome")
        .map(|e| text(&e["resource"]["id"]).to_owned())
        .collect()
}
