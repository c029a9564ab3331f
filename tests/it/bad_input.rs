//! What is wrong is refused with the documented words, and leaves no trace.

use kap_fhir::access::Role;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::demo::script::{Party, script};
use kap_fhir::demo::token::Login;
use kap_fhir::interaction::directory::put_organization;
use kap_fhir::kap::{Episode, Id};
use serde_json::{Value, json};

use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::wire::Ask;

both!(
    bad_requests,
    bad_references,
    bad_transport,
    keys_and_versions
);

const SAMPLE: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");

/// A request that is refused: its name, the answer's status, code and pointer (empty where there is none).
struct Case(&'static str, Ask, u16, &'static str, &'static str);

/// A played episode with what the cases need of it.
struct World {
    app: TestApp,
    played: Played,
    /// Path of the episode.
    e: String,
}

impl World {
    async fn new(db: Db) -> Self {
        let (episode, _) = sample(SAMPLE);
        let app = TestApp::start(db, &episode).await;
        let played = app.play(&episode).await;
        let e = format!("/kap/v1/episodes/{}", played.episode);
        Self { app, played, e }
    }

    fn practice(&self) -> &Caller {
        self.app.as_party(Party::Practice)
    }

    /// The service's id for one of the sample's.
    fn id(&self, name: &str) -> &str {
        &self.played.names[name]
    }

    fn session(&self, rest: &str) -> String {
        format!("{}/sessions/{}/{rest}", self.e, self.id("ses-0009"))
    }

    /// Sends every case as `party`, then checks that nothing changed and the service is well.
    async fn refuses(&self, party: Party, cases: Vec<Case>) {
        let caller = self.app.as_party(party);
        let before = self.seen().await;
        let mut wrong = vec![];
        for Case(name, ask, status, code, pointer) in cases {
            let heard = ask.send(caller).await;
            let body = heard.json();
            let kind = heard.header("content-type");
            let points: Vec<&str> = body["issues"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|i| i["pointer"].as_str().unwrap_or_default())
                .collect();
            let whole = ["type", "title", "detail"]
                .iter()
                .all(|m| body[*m].as_str().is_some_and(|t| !t.is_empty()));
            let right = heard.status == status
                && kind == "application/problem+json"
                && body["code"] == code
                && body["status"] == status
                && points.contains(&pointer)
                && whole
                && !heard.header("x-request-id").is_empty();
            if !right {
                wrong.push(format!(
                    "{name}: wanted {status} {code} {pointer:?}, heard {} {kind} {}",
                    heard.status, heard.text
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(before, self.seen().await, "the episode is as it was");
        assert_eq!(
            Ask::get("/readyz").send_bare(&self.app.base).await.status,
            200
        );
    }

    async fn seen(&self) -> Value {
        let heard = Ask::get(&self.e).send(self.practice()).await;
        assert_eq!(heard.status, 200);
        heard.json()
    }
}

fn dose(at: &str, more: &str) -> String {
    format!(
        r#"{{"at":"{at}","kind":"booster","status":"completed","doseMg":100,"route":{{"system":"http://snomed.info/sct","code":"37839007"}}{more}}}"#
    )
}

const PAST: &str = "2026-07-18T10:20:00-07:00";

fn vitals(systolic: &Value) -> Value {
    json!({ "at": PAST, "timing": "peak", "source": "clinic-device", "systolic": systolic })
}

fn mmhg(value: &Value) -> Value {
    json!({ "value": value, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]" })
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table, one line a case")]
async fn bad_requests(db: Db) {
    let w = World::new(db).await;
    let (e, doses, vital) = (&w.e, w.session("doses"), w.session("vitals"));
    let lead = w.id("prac-ther-01").to_owned();
    let step = json!({ "by": lead });
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_dose = dose(PAST, &format!(r#","note":{deep}"#));
    let nul = dose(PAST, r#","note":"a\u0000b""#);
    let no_utf8 = [dose(PAST, r#","note":""#).as_bytes(), b"\xff\xfe\"}"].concat();
    let kpa =
        json!({ "value": 17, "unit": "kPa", "system": "http://unitsofmeasure.org", "code": "kPa" });
    let cases = vec![
        // Reading the body.
        Case("empty body", Ask::post(&doses, ""), 400, "invalid", ""),
        Case("no object", Ask::post(&doses, "[]"), 400, "invalid", ""),
        Case("not JSON", Ask::post(&doses, "at=now"), 400, "invalid", ""),
        Case(
            "two values",
            Ask::post(&doses, format!("{0}{0}", dose(PAST, ""))),
            400,
            "invalid",
            "",
        ),
        Case(
            "broken off",
            Ask::post(&doses, &dose(PAST, "")[..60]),
            400,
            "invalid",
            "",
        ),
        Case("no UTF-8", Ask::post(&doses, no_utf8), 400, "invalid", ""),
        Case("U+0000", Ask::post(&doses, nul), 400, "invalid", "/note"),
        Case(
            "too deep",
            Ask::post(&doses, deep_dose),
            400,
            "invalid",
            deep_pointer(),
        ),
        Case(
            "duplicate key",
            Ask::post(&doses, dose(PAST, r#","doseMg":1"#)),
            400,
            "invalid",
            "/doseMg",
        ),
        Case(
            "duplicate key within",
            Ask::post(&doses, dose(PAST, r#","x":{"a":1,"a":2}"#)),
            400,
            "invalid",
            "/x/a",
        ),
        Case(
            "unknown field",
            Ask::post(&doses, dose(PAST, r#","doseMG":1"#)),
            400,
            "invalid",
            "/doseMG",
        ),
        Case("missing field", Ask::post(&doses, "{}"), 400, "invalid", ""),
        Case(
            "no offset",
            Ask::post(&doses, dose("2026-07-18T10:20:00", "")),
            400,
            "invalid",
            "/at",
        ),
        Case(
            "no such day",
            Ask::post(&doses, dose("2026-02-30T10:20:00Z", "")),
            400,
            "invalid",
            "/at",
        ),
        Case(
            "unknown code",
            Ask::post(&doses, dose(PAST, "").replace("booster", "extra")),
            400,
            "invalid",
            "/kind",
        ),
        Case(
            "number as text",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":\"100\"")),
            400,
            "invalid",
            "/doseMg",
        ),
        Case(
            "huge number",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":1e400")),
            400,
            "invalid",
            "",
        ),
        Case(
            "large number",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":1e40")),
            400,
            "invalid",
            "/doseMg",
        ),
        Case(
            "not a number",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":NaN")),
            400,
            "invalid",
            "",
        ),
        Case(
            "own id",
            Ask::post(&doses, dose(PAST, r#","id":"mine""#)),
            400,
            "invalid",
            "/id",
        ),
        Case(
            "bad reference",
            Ask::post(&doses, dose(PAST, r#","witnessId":"..""#)),
            400,
            "invalid",
            "/witnessId",
        ),
        // Content.
        Case(
            "negative dose",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":-100")),
            422,
            "business-rule",
            "/doseMg",
        ),
        Case(
            "dose of nothing",
            Ask::post(&doses, dose(PAST, "").replace(":100", ":0")),
            422,
            "business-rule",
            "/doseMg",
        ),
        Case(
            "future dose",
            Ask::post(&doses, dose("2026-11-22T12:30:00Z", "")),
            422,
            "business-rule",
            "/at",
        ),
        Case(
            "far future",
            Ask::post(&doses, dose("9999-12-31T23:59:59Z", "")),
            422,
            "business-rule",
            "/at",
        ),
        Case(
            "unknown unit",
            Ask::json(&vital, &vitals(&kpa)),
            422,
            "business-rule",
            "/systolic/unit",
        ),
        Case(
            "negative pressure",
            Ask::json(&vital, &vitals(&mmhg(&json!(-5)))),
            422,
            "business-rule",
            "/systolic/value",
        ),
        Case(
            "value as text",
            Ask::json(&vital, &vitals(&mmhg(&json!("120")))),
            400,
            "invalid",
            "/systolic/value",
        ),
        Case(
            "a stranger",
            Ask::json(format!("{e}/commands/hold"), &json!({ "by": "nobody" })),
            422,
            "business-rule",
            "/by",
        ),
        // State.
        Case(
            "start over",
            Ask::json(w.session("start"), &step),
            409,
            "state-conflict",
            "",
        ),
        Case(
            "consult again",
            Ask::json(format!("{e}/commands/start-consultation"), &step),
            409,
            "state-conflict",
            "",
        ),
        Case(
            "release without hold",
            Ask::json(format!("{e}/commands/release"), &step),
            409,
            "state-conflict",
            "",
        ),
        Case(
            "resume without pause",
            Ask::json(format!("{e}/commands/resume"), &step),
            409,
            "state-conflict",
            "",
        ),
        Case(
            "dose beside dosing",
            Ask::post(
                format!("{e}/sessions/{}/doses", w.id("ses-0001")),
                dose(PAST, ""),
            ),
            409,
            "state-conflict",
            "",
        ),
    ];
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}

/// Where the parser stops: 64 levels, of which the body is the first.
fn deep_pointer() -> &'static str {
    const ZEROS: &str = "/note/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0";
    ZEROS
}

#[rustfmt::skip]
async fn bad_references(db: Db) {
    let w = World::new(db).await;
    let (e, doses) = (&w.e, w.session("doses"));
    let (other, theirs) = other_practice(&w.app).await;
    let step = json!({ "by": w.id("prac-ther-01") });
    let own = w.played.episode.as_str();
    let at = |path: &str| format!("/kap/v1/episodes/{path}");
    let mut cases = vec![
        Case("their episode", Ask::get(at(&other)), 404, "not-found", ""),
        Case(
            "their timeline",
            Ask::get(at(&format!("{other}/timeline"))),
            404,
            "not-found",
            "",
        ),
        Case(
            "their export",
            Ask::get(at(&format!("{other}/$export-episode"))),
            404,
            "not-found",
            "",
        ),
        Case(
            "their phase",
            Ask::json(at(&format!("{other}/commands/start-consultation")), &step),
            404,
            "not-found",
            "",
        ),
        Case(
            "no episode",
            Ask::json(at("nowhere/commands/start-consultation"), &step),
            404,
            "not-found",
            "",
        ),
        Case(
            "no record",
            Ask::get(format!("{e}/records/nothing")),
            404,
            "not-found",
            "",
        ),
        Case(
            "no session",
            Ask::post(format!("{e}/sessions/nothing/doses"), dose(PAST, "")),
            404,
            "not-found",
            "",
        ),
        Case(
            "no readiness",
            Ask::get(format!("{e}/sessions/nothing/readiness")),
            404,
            "not-found",
            "",
        ),
    ];
    for (name, id) in &theirs {
        let stranger = json!({ "by": id });
        cases.extend([
            Case(
                "their record",
                Ask::get(format!("{e}/records/{id}")),
                404,
                "not-found",
                "",
            ),
            Case(
                "their session",
                Ask::post(format!("{e}/sessions/{id}/doses"), dose(PAST, "")),
                404,
                "not-found",
                "",
            ),
            Case(
                "their witness",
                Ask::post(&doses, dose(PAST, &format!(r#","witnessId":"{id}""#))),
                422,
                "business-rule",
                "/witnessId",
            ),
            Case(
                "their receiver",
                Ask::json(format!("{e}/communications"), &message(&w.played, id)),
                422,
                "business-rule",
                "/to/0",
            ),
            Case(
                "their goal",
                Ask {
                    method: "PUT",
                    ..Ask::json(format!("{e}/plan"), &plan(id))
                },
                422,
                "business-rule",
                "/goalIds/0",
            ),
            Case(
                "their member",
                Ask::json(format!("{e}/commands/hold"), &stranger),
                422,
                "business-rule",
                "/by",
            ),
        ]);
        assert!(!name.is_empty());
    }
    for id in [
        ".",
        "..",
        "%2e",
        "%2e%2e",
        "%2E%2E",
        "%00",
        "a%2fb",
        "%20",
        "a_b",
        &"x".repeat(65),
    ] {
        cases.extend([
            Case("bad episode", Ask::get(at(id)), 404, "not-found", ""),
            Case(
                "bad record",
                Ask::get(format!("{e}/records/{id}")),
                404,
                "not-found",
                "",
            ),
            Case(
                "bad session",
                Ask::post(format!("{e}/sessions/{id}/doses"), dose(PAST, "")),
                404,
                "not-found",
                "",
            ),
        ]);
    }
    cases.extend([
        Case("no UTF-8", Ask::get(at("%ff")), 400, "invalid", ""),
        Case(
            "no path",
            Ask::get("/kap/v2/episodes"),
            404,
            "not-found",
            "",
        ),
        Case(
            "no path below",
            Ask::get(format!("{e}/nothing")),
            404,
            "not-found",
            "",
        ),
        Case(
            "trailing slash",
            Ask::get(format!("{e}/")),
            404,
            "not-found",
            "",
        ),
        Case(
            "other case",
            Ask::get(format!("/kap/v1/Episodes/{own}")),
            404,
            "not-found",
            "",
        ),
        Case("delete", Ask::new("DELETE", e), 405, "not-supported", ""),
        Case("get a command", Ask::get(&doses), 405, "not-supported", ""),
        Case(
            "put a command",
            Ask::new("PUT", &doses),
            405,
            "not-supported",
            "",
        ),
        Case(
            "a method of their own",
            Ask::new("BREW", e),
            405,
            "not-supported",
            "",
        ),
    ]);
    cases.extend(bad_queries(&w));
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}

fn message(played: &Played, to: &str) -> Value {
    json!({ "at": PAST, "from": played.names["prac-ther-01"], "to": [to], "topic": "care" })
}

fn plan(goal: &str) -> Value {
    json!({ "status": "active", "goalIds": [goal] })
}

#[rustfmt::skip]
fn bad_queries(w: &World) -> Vec<Case> {
    let e = &w.e;
    let list = |query: &str| Ask::get(format!("/kap/v1/episodes?{query}"));
    vec![
        Case("limit 0", list("limit=0"), 400, "invalid", "limit"),
        Case("limit 201", list("limit=201"), 400, "invalid", "limit"),
        Case("limit below", list("limit=-1"), 400, "invalid", ""),
        Case("limit in words", list("limit=ten"), 400, "invalid", ""),
        Case("limit twice", list("limit=1&limit=2"), 400, "invalid", ""),
        Case("no phase", list("phase=asleep"), 400, "invalid", ""),
        Case("no day", list("due=2026-13-01"), 400, "invalid", ""),
        Case("bad patient", list("patient=.."), 400, "invalid", ""),
        Case("bad cursor", list("cursor=abc"), 400, "invalid", ""),
        Case("unknown parameter", list("color=red"), 400, "invalid", ""),
        Case(
            "worklist limit",
            Ask::get("/kap/v1/worklist?limit=0"),
            400,
            "invalid",
            "limit",
        ),
        Case(
            "no type",
            Ask::get("/kap/v1/organizations?type=bakery"),
            400,
            "invalid",
            "",
        ),
        Case(
            "no view",
            Ask::get(format!("{e}?view=all")),
            400,
            "invalid",
            "",
        ),
        Case(
            "no document",
            Ask::get(format!("{e}/summary")),
            400,
            "invalid",
            "",
        ),
        Case(
            "document G",
            Ask::get(format!("{e}/summary?doc=G")),
            400,
            "invalid",
            "",
        ),
        Case(
            "session left out",
            Ask::get(format!("{e}/summary?doc=C")),
            400,
            "invalid",
            "session",
        ),
        Case(
            "no such session",
            Ask::get(format!("{e}/summary?doc=C&session=nothing")),
            404,
            "not-found",
            "",
        ),
        Case(
            "no moment",
            Ask::get(w.session("readiness?at=noon")),
            400,
            "invalid",
            "",
        ),
        Case(
            "no dosing session",
            Ask::get(format!("{e}/sessions/{}/readiness", w.id("ses-0001"))),
            409,
            "state-conflict",
            "",
        ),
    ]
}

/// Another practice with an episode of its own: the episode's id, and its records by name.
async fn other_practice(app: &TestApp) -> (String, Vec<(String, String)>) {
    let (mut episode, _) = sample(SAMPLE);
    let first = move_practice(&mut episode);
    put_organization(&app.app, &episode.organizations.practice)
        .await
        .expect("organization");
    let key = PrivateKey::generate().expect("key");
    let spec = ClientSpec {
        id: Some("other-practice".into()),
        name: "other-practice".into(),
        organization: episode.organizations.practice.id.clone(),
        role: Role::PracticeTherapist,
        scopes: "system/*.cruds".into(),
        purpose: Purpose::Treatment,
        keys: Keys::Set(key.public_set().to_string()),
    };
    app.app.auth.register(spec).await.expect("client");
    let login = Login {
        base: &app.base,
        client: "other-practice",
        scope: "system/*.cruds",
    };
    let like = app.as_party(Party::Practice);
    let token = login
        .token(&like.http, &key, &app.app.clock)
        .await
        .expect("token");
    let caller = Caller {
        token,
        ..like.clone()
    };
    let opened = Ask::json("/kap/v1/episodes", &first(&episode))
        .send(&caller)
        .await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let body = opened.json();
    let names = body["names"].as_object().expect("names");
    let names = names
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().expect("id").to_owned()));
    (
        body["episodeId"].as_str().expect("id").to_owned(),
        names.collect(),
    )
}

/// Gives the episode to another practice, its own clinicians with it.
fn move_practice(episode: &mut Episode) -> impl Fn(&Episode) -> Value + use<> {
    let new = Id::new("org-practice-02").expect("id");
    let old = std::mem::replace(&mut episode.organizations.practice.id, new.clone());
    for member in episode
        .care_team
        .iter_mut()
        .filter(|m| m.organization_id == old)
    {
        member.organization_id = new.clone();
    }
    |episode| script(episode)[0].body.clone()
}

#[rustfmt::skip]
async fn bad_transport(db: Db) {
    let w = World::new(db).await;
    let doses = w.session("doses");
    let good = dose(PAST, "");
    let ask = || Ask::post(&doses, good.clone());
    let huge = dose(
        PAST,
        &format!(r#","note":"{}""#, "x".repeat(10 * 1024 * 1024)),
    );
    let over = format!("{good}{}", " ".repeat(2 * 1024 * 1024));
    let mut cut = ask();
    cut.claims = Some(cut.body.len() + 10);
    let cases = vec![
        Case("10 MB", Ask::post(&doses, huge), 413, "too-long", ""),
        Case(
            "just over 2 MiB",
            Ask::post(&doses, over),
            413,
            "too-long",
            "",
        ),
        Case("cut off", cut, 400, "invalid", ""),
        Case(
            "no media type",
            ask().without("Content-Type"),
            415,
            "not-supported",
            "",
        ),
        Case(
            "text",
            ask().with("Content-Type", "text/plain"),
            415,
            "not-supported",
            "",
        ),
        Case(
            "FHIR",
            ask().with("Content-Type", "application/fhir+json"),
            415,
            "not-supported",
            "",
        ),
        Case(
            "a form",
            ask().with("Content-Type", "application/x-www-form-urlencoded"),
            415,
            "not-supported",
            "",
        ),
        Case(
            "two media types",
            ask().twice("Content-Type", "application/json"),
            400,
            "invalid",
            "",
        ),
        Case(
            "no key",
            ask().without("Idempotency-Key"),
            400,
            "idempotency-key-missing",
            "",
        ),
        Case(
            "empty key",
            ask().with("Idempotency-Key", "\"\""),
            400,
            "idempotency-key-missing",
            "",
        ),
        Case(
            "long key",
            ask().with("Idempotency-Key", &"k".repeat(256)),
            400,
            "idempotency-key-missing",
            "",
        ),
        Case(
            "two keys",
            ask().twice("Idempotency-Key", "b"),
            400,
            "invalid",
            "",
        ),
        Case("no ETag", ask().with("If-Match", "3"), 400, "invalid", ""),
        Case(
            "two ETags",
            ask().with("If-Match", "W/\"1\", W/\"2\""),
            400,
            "invalid",
            "",
        ),
        Case(
            "stale ETag",
            ask().with("If-Match", "W/\"1\""),
            412,
            "version-conflict",
            "",
        ),
        Case(
            "future ETag",
            ask().with("If-Match", "W/\"99999\""),
            412,
            "version-conflict",
            "",
        ),
    ];
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}

#[rustfmt::skip]
async fn keys_and_versions(db: Db) {
    let w = World::new(db).await;
    let doses = w.session("doses");
    let e = &w.e;
    let first = Ask::json(format!("{e}/sessions"), &planned(&w)).with("Idempotency-Key", "plan-1");
    let heard = first.send(w.practice()).await;
    assert_eq!(heard.status, 201, "{}", heard.text);
    let session = heard.json()["id"].as_str().expect("id").to_owned();
    let start = json!({ "by": w.id("prac-ther-01") });
    let cleared = json!({ "decision": "cleared", "decidedBy": w.id("prac-pres-01") });
    let cases = vec![
        Case(
            "other body",
            Ask {
                body: planned(&w).to_string().replace("200", "100").into(),
                ..first.clone()
            },
            422,
            "idempotency-key-reused",
            "",
        ),
        Case(
            "other path",
            Ask::post(&doses, dose(PAST, "")).with("Idempotency-Key", "plan-1"),
            422,
            "idempotency-key-reused",
            "",
        ),
        Case(
            "expired clearance",
            Ask::json(format!("{e}/sessions/{session}/start"), &start),
            409,
            "clearance-expired",
            "",
        ),
        Case(
            "a therapist clears",
            Ask::json(format!("{e}/clearances"), &cleared),
            403,
            "not-permitted",
            "",
        ),
    ];
    w.refuses(Party::Practice, cases).await;
    let partner = vec![
        Case(
            "a prescriber plans",
            Ask::json(format!("{e}/sessions"), &planned(&w)),
            403,
            "not-permitted",
            "",
        ),
        Case(
            "for a therapist",
            Ask::json(
                format!("{e}/clearances"),
                &json!({ "decision": "deferred", "decidedBy": w.id("prac-ther-01") }),
            ),
            403,
            "not-permitted",
            "/decidedBy",
        ),
        Case(
            "cleared for nothing",
            Ask::json(format!("{e}/clearances"), &cleared),
            422,
            "business-rule",
            "/validUntil",
        ),
    ];
    w.refuses(Party::Partner, partner).await;
    let pharmacy = vec![Case(
        "a pharmacy doses",
        Ask::post(&doses, dose(PAST, "")),
        403,
        "not-permitted",
        "",
    )];
    w.refuses(Party::Pharmacy, pharmacy).await;
    w.app.stop().await;
}

/// A dosing session of today.
fn planned(w: &World) -> Value {
    json!({
        "type": "dosing", "start": "2026-11-22T11:50:00Z", "setting": "in-person", "encounterClass": "AMB",
        "leadId": w.id("prac-ther-01"), "dosing": { "doseLevel": "moderate", "plannedDoseMg": 200 },
    })
}
