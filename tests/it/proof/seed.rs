//! Making the cohort through the API: by the practice's JSON, as FHIR, and by the partner.

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::cohort::{Age, Door, Plan, START, bootstrap, day};
use super::kit::kit;
use super::oracle::{Consent, Rule, Signer};
use crate::fhir_door::supply::supply;
use crate::fhir_door::{CODES, STRUCTURE, post, text};

/// Who writes while the cohort is made.
pub struct Hands<'c> {
    pub therapist: &'c Caller,
    pub prescriber: &'c Caller,
    /// The practice's organization.
    pub practice: &'static str,
    /// What makes keys and identifiers its own.
    pub prefix: &'static str,
    /// What those records say that carry a topic of their own: 0 or 1.
    pub variant: usize,
    /// How many patients are made at once; one, where every run shall give the same ids.
    pub at_once: usize,
}

/// A patient that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub plan: Plan,
    pub patient: String,
    pub episode: String,
    pub guardian: String,
    pub lead: String,
    pub prescriber: String,
}

/// Makes all of them, a few at a time; the first alone, because the clinicians of all come with it.
pub async fn seed(hands: &Hands<'_>, plans: Vec<Plan>) -> Vec<Made> {
    let mut plans = plans.into_iter().enumerate();
    let mut out = vec![];
    if let Some((n, plan)) = plans.next() {
        out.push(make(hands, n, plan).await);
    }
    let rest = iter(plans.map(|(n, plan)| make(hands, n, plan)));
    out.extend(rest.buffered(hands.at_once).collect::<Vec<_>>().await);
    out
}

pub fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("an instant")
}

async fn send(caller: &Caller, path: &str, body: Value, key: &str) -> Value {
    let sent = caller.send(Method::POST, path, Some((&body, key)));
    let reply = sent.await.expect("answer");
    assert!(
        reply.status < 300,
        "{path}: {} {}\n{body}",
        reply.status,
        reply.body
    );
    reply.body
}

async fn make(hands: &Hands<'_>, n: usize, plan: Plan) -> Made {
    let key = |what: &str| format!("{}-{n}-{what}", hands.prefix);
    let body = opening(hands, n, &plan);
    let opened = send(hands.therapist, "/kap/v1/episodes", body, &key("open")).await;
    let name = |local: &str| text(&opened["names"][local]).to_owned();
    let made = Made {
        patient: name("pat"),
        episode: text(&opened["episodeId"]).to_owned(),
        guardian: name("guardian"),
        lead: name("lead"),
        prescriber: name("presc"),
        plan,
    };
    let base = format!("/kap/v1/episodes/{}", made.episode);
    let bundle = first_bundle(&made, hands.variant);
    let stored = post(hands.therapist, "/fhir", &bundle).await;
    assert_eq!(stored.status, 200, "{}: {}", made.plan.tag, stored.text);
    let places = stored.json();
    let id = |n: usize| {
        let location = text(&places["entry"][n]["response"]["location"]).to_owned();
        let after = location
            .split("/fhir/")
            .last()
            .unwrap_or_default()
            .to_owned();
        after.split('/').nth(1).unwrap_or_default().to_owned()
    };
    if made.plan.related {
        let body = json!({ "at": instant(day(5)), "by": name("lead") });
        let path = format!("{base}/commands/start-consultation");
        send(hands.therapist, &path, body, &key("consult")).await;
        let body = json!({ "at": instant(day(10)), "requesterId": name("lead"),
            "service": { "system": format!("{CODES}/kap-service"), "code": "medical-evaluation" },
            "reasonConditionIds": [id(0)], "supportingInfoIds": [id(0)] });
        send(
            hands.therapist,
            &format!("{base}/referrals"),
            body,
            &key("refer"),
        )
        .await;
        prescribe(hands, n, &made).await;
    }
    for (k, consent) in made.plan.consents.iter().enumerate() {
        let id = store(hands, &made, consent, &key(&format!("consent-{k}"))).await;
        if let Some(at) = consent.withdrawn {
            let path = format!("{base}/consents/{id}/revoke");
            let body = json!({ "at": rfc3339(at), "by": made.patient });
            send(hands.therapist, &path, body, &key(&format!("withdraw-{k}"))).await;
        }
    }
    if let Some((status, kind)) = made.plan.idle {
        let mut body = as_json(&made, &bootstrap(Age::Adult));
        body["period"] = json!({});
        (body["status"], body["kind"]) = (json!(status), json!(kind));
        if kind != "privacy-disclosure" {
            body["exceptions"] = json!([]);
        }
        let path = format!("{base}/consents");
        send(hands.therapist, &path, body, &key("idle")).await;
    }
    made
}

fn opening(hands: &Hands<'_>, n: usize, plan: &Plan) -> Value {
    let member = |id: &str, role: &str, of: &str, npi: &str| json!({ "id": id, "name": format!("Example {id}, MD"), "role": role, "organizationId": of, "npi": npi });
    let mut team = vec![
        member("lead", "lead-therapist", "practice-1", "9000000114"),
        member("presc", "prescriber", "partner-1", "9000000122"),
    ];
    let prefix = hands.prefix;
    team[0]["organizationId"] = json!(hands.practice);
    if plan.related {
        team.push(member("pcp", "primary-care", "external-1", "9000000130"));
    }
    json!({
        "at": instant(START), "by": "lead", "reason": "self-referral", "synthetic": true,
        "patient": { "id": "pat", "identifiers": [{ "type": "MR", "system": "https://practice.example.org/mrn", "value": format!("{prefix}-{n}") }],
            "name": { "family": format!("Family{n}"), "given": ["Alex"] }, "birthDate": plan.age.birth(),
            "administrativeGender": "other",
            "address": { "line": ["1 Sample Way"], "city": "Exampleville", "state": "OR", "postalCode": "97000", "country": "US" } },
        "businessIdentifiers": [{ "system": "https://kap-interop.example.org/id/episode", "value": format!("{prefix}-E{n}") }],
        "careTeam": team,
        "relatedPersons": [{ "id": "guardian", "name": { "family": format!("Family{n}"), "given": ["Lee"] },
            "relationship": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH" }],
            "kapRoles": ["guardian"], "isAdult": true,
            "legalAuthority": { "basis": "parent-of-minor", "verifiedAt": instant(START), "verifiedBy": "lead" } }],
        "partnerId": "partner-1", "pharmacyId": "pharmacy-1",
    })
}

fn first_bundle(made: &Made, variant: usize) -> Value {
    let mut resources = kit(&made.patient, &made.lead, variant);
    let age = made.plan.age;
    resources.push(as_fhir(made, &bootstrap(age), "privacy-disclosure"));
    if age.was_child() {
        let guardian = bootstrap(age).by(&[Signer::Guardian]);
        let minor = bootstrap(age).by(&[Signer::Assent]);
        resources.push(as_fhir(made, &guardian, "guardian-consent-evaluation"));
        resources.push(as_fhir(made, &minor, "minor-assent-evaluation"));
    }
    bundle(resources)
}

/// A transaction that creates these.
pub fn bundle(resources: Vec<Value>) -> Value {
    let entries = resources.into_iter().map(|resource| {
        json!({ "request": { "method": "POST", "url": resource["resourceType"] }, "resource": resource })
    });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries.collect::<Vec<_>>() })
}

async fn prescribe(hands: &Hands<'_>, n: usize, made: &Made) {
    let subject = json!({ "reference": format!("Patient/{}", made.patient) });
    let role = format!("{}-role", made.prescriber);
    let whole = supply(&subject, &made.episode, &role).to_string();
    let whole = whole.replace("org-pharmacy-01", "pharmacy-1");
    let mut whole: Value = serde_json::from_str(&whole).expect("JSON");
    for (k, entry) in whole["entry"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .enumerate()
    {
        entry["resource"]["identifier"][0]["value"] = json!(format!("{}-{n}-{k}", hands.prefix));
        if let Some(request) = entry["request"].as_object_mut() {
            request.remove("ifNoneExist");
        }
    }
    let own = json!({ "resourceType": "Observation", "status": "final",
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey" }] }],
        "code": { "text": "the partner's own finding" }, "subject": subject, "effectiveDateTime": "2026-06-10T10:00:00Z" });
    let list = whole["entry"].as_array_mut().expect("entries");
    list.push(json!({ "resource": own, "request": { "method": "POST", "url": "Observation" } }));
    let stored = post(hands.prescriber, "/fhir", &whole).await;
    assert_eq!(stored.status, 200, "{}: {}", made.plan.tag, stored.text);
}

/// Stores the consent by the plan's door; gives its id.
async fn store(hands: &Hands<'_>, made: &Made, consent: &Consent, key: &str) -> String {
    let kind = if consent.part2 {
        "part2-sud-consent"
    } else {
        "privacy-disclosure"
    };
    if made.plan.door == Door::Fhir {
        let body = as_fhir(made, consent, kind);
        let stored = post(hands.therapist, "/fhir/Consent", &body).await;
        assert_eq!(stored.status, 201, "{}: {}", made.plan.tag, stored.text);
        return text(&stored.json()["id"]).to_owned();
    }
    let mut body = as_json(made, consent);
    body["kind"] = json!(kind);
    let path = format!("/kap/v1/episodes/{}/consents", made.episode);
    let done = send(hands.therapist, &path, body, key).await;
    text(&done["id"]).to_owned()
}

fn rfc3339(millis: i64) -> String {
    instant(OffsetDateTime::from_unix_timestamp(millis / 1000).expect("an instant"))
}

/// The bounds of the consent as days. A day of Los Angeles begins at seven or eight, UTC.
fn period(consent: &Consent) -> Value {
    let mut out = json!({});
    let day = |millis: i64, hours: i64| {
        let at = OffsetDateTime::from_unix_timestamp(millis / 1000 - hours * 3600);
        json!(at.expect("an instant").date().to_string())
    };
    if consent.from > i64::MIN {
        out["start"] = day(consent.from, 7);
    }
    if consent.until < i64::MAX {
        out["end"] = day(consent.until - 1000, 8);
    }
    out
}

fn as_json(made: &Made, consent: &Consent) -> Value {
    let signer = |s: &Signer| match s {
        Signer::Patient => json!({ "type": "patient", "id": made.patient }),
        Signer::Assent => json!({ "type": "patient", "id": made.patient, "capacity": "assent" }),
        Signer::Guardian => {
            json!({ "type": "related-person", "id": made.guardian, "capacity": "guardian" })
        }
    };
    let rule = |r: &Rule| {
        json!({ "type": if r.permit { "permit" } else { "deny" }, "recipients": r.recipients,
        "purposes": r.purposes, "securityLabels": r.labels, "dataClasses": r.classes })
    };
    let mut body = json!({ "kind": "privacy-disclosure", "status": "active", "signedAt": rfc3339(consent.signed),
        "signers": consent.signers.iter().map(signer).collect::<Vec<_>>(),
        "exceptions": consent.rules.iter().map(rule).collect::<Vec<_>>(), "period": period(consent) });
    if let Some(permits) = consent.root_permits {
        body["root"] = json!(if permits { "permit" } else { "deny" });
    }
    body
}

/// The consent as an outside system would write it.
pub fn as_fhir(made: &Made, consent: &Consent, kind: &str) -> Value {
    let coded = |system: &str, code: &str| json!({ "system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code });
    let privacy = kind == "privacy-disclosure" || kind == "part2-sud-consent";
    let performer = |s: &Signer| {
        let capacity = |code: &str| json!([{ "url": format!("{STRUCTURE}/kap-signer-capacity"), "valueString": code }]);
        match s {
            Signer::Patient => json!({ "reference": format!("Patient/{}", made.patient) }),
            Signer::Assent => {
                json!({ "reference": format!("Patient/{}", made.patient), "extension": capacity("assent") })
            }
            Signer::Guardian => {
                json!({ "reference": format!("RelatedPerson/{}", made.guardian), "extension": capacity("guardian") })
            }
        }
    };
    let rule = |r: &Rule| {
        let level = ["U", "L", "M", "N", "R", "V"];
        let label = |l: &&str| {
            coded(
                if level.contains(l) {
                    "v3-Confidentiality"
                } else {
                    "v3-ActCode"
                },
                l,
            )
        };
        let actor = |o: &&str| json!({ "role": { "coding": [coded("v3-ParticipationType", "IRCP")] }, "reference": { "reference": format!("Organization/{o}") } });
        let class = |c: &&str| json!({ "url": "dataClass", "valueCode": c });
        let mut out = json!({ "type": if r.permit { "permit" } else { "deny" } });
        let purpose = |p: &&str| coded("v3-ActReason", p);
        for (name, list) in [
            ("actor", r.recipients.iter().map(actor).collect::<Vec<_>>()),
            ("purpose", r.purposes.iter().map(purpose).collect()),
            ("securityLabel", r.labels.iter().map(label).collect()),
        ] {
            if !list.is_empty() {
                out[name] = json!(list);
            }
        }
        if !r.classes.is_empty() {
            let parts: Vec<Value> = r.classes.iter().map(class).collect();
            out["extension"] =
                json!([{ "url": format!("{STRUCTURE}/kap-consent-rule"), "extension": parts }]);
        }
        out
    };
    let scope = if privacy {
        "patient-privacy"
    } else {
        "treatment"
    };
    let mut body = json!({ "resourceType": "Consent", "status": "active",
        "extension": [{ "url": format!("{STRUCTURE}/kap-consent-kind"), "valueCoding": { "system": format!("{CODES}/kap-consent-kind"), "code": kind } }],
        "scope": { "coding": [coded("consentscope", scope)] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "64292-6" }] }],
        "patient": { "reference": format!("Patient/{}", made.patient) }, "dateTime": rfc3339(consent.signed),
        "performer": consent.signers.iter().map(performer).collect::<Vec<_>>(), "policyRule": { "text": "by law" } });
    if privacy {
        let mut root = json!({});
        if let Some(permits) = consent.root_permits {
            root["type"] = json!(if permits { "permit" } else { "deny" });
        }
        let period = period(consent);
        if period != json!({}) {
            root["period"] = period;
        }
        if !consent.rules.is_empty() {
            root["provision"] = json!(consent.rules.iter().map(rule).collect::<Vec<_>>());
        }
        body["provision"] = root;
    }
    body
}
