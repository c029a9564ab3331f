//! The peer, as a client meets it.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::peer::{Does, Fault, Habits, Ids, Peer, Registration, Support, Time};
use crate::proxy::Proxy;

pub fn http() -> Client {
    Client::builder().build().expect("a client")
}

struct Said {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Said {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |v| v.to_str().expect("text"))
    }
}

async fn ask(
    peer: &Peer,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Said {
    let url = if path.starts_with("http") {
        path.to_owned()
    } else {
        format!("{}{path}", peer.base())
    };
    let mut request = http().request(Method::from_bytes(method.as_bytes()).expect("method"), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/fhir+json")
            .body(body.to_string());
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("text");
    Said {
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
    }
}

async fn get(peer: &Peer, path: &str) -> Said {
    ask(peer, "GET", path, &[], None).await
}

async fn post(peer: &Peer, path: &str, body: &Value) -> Said {
    ask(peer, "POST", path, &[], Some(body)).await
}

fn patient(value: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:mrn", "value": value }] })
}

fn entry(url: &str, method: &str, to: &str, resource: &Value) -> Value {
    json!({ "fullUrl": url, "resource": resource, "request": { "method": method, "url": to } })
}

fn bundle(kind: &str, entries: &[Value]) -> Value {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries })
}

const P: &str = "urn:uuid:0f9f5d0a-0000-4000-8000-000000000001";
const O: &str = "urn:uuid:0f9f5d0a-0000-4000-8000-000000000002";

fn course() -> Value {
    let mut first = entry(P, "POST", "Patient", &patient("a"));
    first["request"]["ifNoneExist"] = json!("identifier=urn:mrn|a");
    let observation = json!({
        "resourceType": "Observation", "subject": { "reference": P }, "performer": [{ "reference": "Organization?identifier=urn:npi|7" }],
        "focus": [{ "reference": "https://kap.example.org/fhir/Encounter/9" }],
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": P }],
        "text": { "status": "generated", "div": format!("<div><a href=\"{P}\">x</a></div>") },
    });
    let encounter = json!({ "resourceType": "Encounter", "subject": { "reference": "Patient/8" } });
    let mut other = entry(
        "https://kap.example.org/fhir/Patient/8",
        "POST",
        "Patient",
        &patient("b"),
    );
    other["resource"]["id"] = json!("8");
    bundle(
        "transaction",
        &[
            entry(O, "POST", "Observation", &observation),
            first,
            entry(
                "https://kap.example.org/fhir/Encounter/9",
                "POST",
                "Encounter",
                &encounter,
            ),
            other,
            json!({ "request": { "method": "GET", "url": "Patient?identifier=urn:mrn|b" } }),
        ],
    )
}

fn organization() -> Value {
    json!({ "resourceType": "Organization", "identifier": [{ "system": "urn:npi", "value": "7" }] })
}

mod bundles;
mod faults;
mod resources;
