//! What a subscriber is sent: a Bundle in the shape of the Subscriptions R5 Backport for R4
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html>), or a plain JSON event. Pure, and the same
//! bytes for the same events.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::asked::JSON;
use crate::fhir::resource::{Key, instant};
use crate::kap::base::codes;
use crate::mapping::topic;
use crate::store::subscription::{Content, Event, State, Subscription};

/// The profile of the first entry.
const STATUS: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4";
const NAMESPACE: Uuid = Uuid::from_u128(0x6b61_7073_7562_7363_7269_7074_696f_6e31);

codes! {
    /// Why a notification is sent (code system `subscription-notification-type`).
    NoticeKind {
        Handshake = "handshake", Heartbeat = "heartbeat", Events = "event-notification", QueryStatus = "query-status",
        QueryEvent = "query-event",
    }
}

/// An event as it is told now.
#[derive(Clone, Debug)]
pub struct Told {
    pub event: Event,
    pub focus: Focus,
}

/// What is told of the record that an event is about.
#[derive(Clone, Debug)]
pub enum Focus {
    /// Nothing: the subscriber may see it no more, or asked for nothing.
    Withheld,
    Named,
    /// The record itself.
    Whole(Arc<str>),
}

/// A notification.
#[derive(Clone, Debug)]
pub struct Notice<'a> {
    /// Base URL of the FHIR API.
    pub base: &'a str,
    pub of: &'a Subscription,
    pub state: State,
    pub kind: NoticeKind,
    pub told: &'a [Told],
    /// When it was made, milliseconds since 1970.
    pub at: i64,
}

fn moment(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    instant(at.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

impl Notice<'_> {
    /// The id that stays the same however often it is sent (`webhook-id`).
    #[must_use]
    pub fn id(&self) -> String {
        let s = &self.of.id;
        match (self.told.first(), self.told.last()) {
            (Some(first), Some(last)) => format!("kap_{s}_{}_{}", first.event.n, last.event.n),
            _ => format!("kap_{s}_{}_{}", self.kind, self.at),
        }
        // A dot separates the parts of what is signed.
        .replace('.', "_")
    }

    /// What is sent.
    #[must_use]
    pub fn body(&self) -> String {
        if &*self.of.payload == JSON {
            return self.plain().to_string();
        }
        self.bundle("history", None)
    }

    /// A plain event.
    #[must_use]
    pub fn plain(&self) -> Value {
        let Some(told) = self.told.first() else {
            return json!({ "type": self.kind.code(), "timestamp": moment(self.at),
                "data": { "subscription": self.of.id.as_str() } });
        };
        let event = &told.event;
        let mut data = json!({ "subscription": self.of.id.as_str(), "number": event.n, "reason": event.why.code() });
        match told.focus {
            Focus::Withheld => data["withheld"] = json!(self.of.content != Content::Empty),
            Focus::Named | Focus::Whole(_) => {
                data["resourceType"] = json!(&*event.key.kind);
                data["id"] = json!(event.key.id.as_str());
                data["version"] = json!(event.version.to_string());
                data["url"] = json!(self.url(&event.key));
            }
        }
        json!({ "type": &*self.of.topic, "timestamp": moment(event.at), "data": data })
    }

    fn url(&self, key: &Key) -> String {
        format!("{}/{key}", self.base)
    }

    /// The Bundle; `kind` is its type, `next` the query by which the events after these are asked for.
    #[must_use]
    pub fn bundle(&self, kind: &str, next: Option<&str>) -> String {
        let own = format!("{}/Subscription/{}", self.base, self.of.id);
        let mut out = String::with_capacity(2048);
        let id = Uuid::new_v5(&NAMESPACE, format!("bundle|{}", self.id()).as_bytes());
        let _ = write!(
            out,
            r#"{{"resourceType":"Bundle","id":"{id}","type":"{kind}","timestamp":"{}","#,
            moment(self.at)
        );
        if let Some(next) = next {
            let _ = write!(
                out,
                r#""link":[{{"relation":"next","url":"{own}/$events?{next}"}}],"#
            );
        }
        out.push_str(r#""entry":["#);
        let status = self.status();
        let full = status["id"].as_str().unwrap_or_default();
        let _ = write!(out, r#"{{"fullUrl":"urn:uuid:{full}","resource":{status}"#);
        // A searchset has no requests.
        if kind == "history" {
            let _ = write!(
                out,
                r#","request":{{"method":"GET","url":"{own}/$status"}},"response":{{"status":"200"}}"#
            );
        } else {
            out.push_str(r#","search":{"mode":"match"}"#);
        }
        out.push('}');
        for told in self.entries() {
            self.entry(&mut out, told);
        }
        out.push_str("]}");
        out
    }

    /// The events whose records have entries: each record once, its last event.
    fn entries(&self) -> impl Iterator<Item = &Told> {
        let told = self.told;
        let named = |t: &&Told| !matches!(t.focus, Focus::Withheld);
        let last = move |t: &&Told| {
            let later = told
                .iter()
                .rev()
                .find(|other| other.event.key == t.event.key);
            later.is_some_and(|later| later.event.n == t.event.n)
        };
        told.iter().filter(named).filter(last)
    }

    fn entry(&self, out: &mut String, told: &Told) {
        let url = self.url(&told.event.key);
        let _ = write!(out, r#",{{"fullUrl":"{url}""#);
        if let Focus::Whole(body) = &told.focus {
            let _ = write!(out, r#","resource":{body}"#);
        }
        let (method, target, status) = match told.event.version {
            1 => ("POST", told.event.key.kind.to_string(), "201"),
            _ => ("PUT", told.event.key.to_string(), "200"),
        };
        let _ = write!(
            out,
            r#","request":{{"method":"{method}","url":"{target}"}},"response":{{"status":"{status}"}}}}"#
        );
    }

    /// The Parameters that every notification begins with.
    #[must_use]
    pub fn status(&self) -> Value {
        let id = Uuid::new_v5(&NAMESPACE, format!("status|{}", self.id()).as_bytes());
        let own = format!("{}/Subscription/{}", self.base, self.of.id);
        let mut parameter =
            vec![json!({ "name": "subscription", "valueReference": { "reference": own } })];
        if self.of.content != Content::Empty
            && let Some(topic) = topic::named(&self.of.topic)
        {
            parameter.push(json!({ "name": "topic", "valueCanonical": topic.url() }));
        }
        parameter.push(json!({ "name": "status", "valueCode": self.state.code() }));
        parameter.push(json!({ "name": "type", "valueCode": self.kind.code() }));
        let count = self.of.numbered.to_string();
        parameter.push(json!({ "name": "events-since-subscription-start", "valueString": count }));
        parameter.extend(self.told.iter().map(|told| self.event(told)));
        if !self.of.reason.is_empty() {
            parameter
                .push(json!({ "name": "error", "valueCodeableConcept": error(&self.of.reason) }));
        }
        json!({ "resourceType": "Parameters", "id": id.to_string(), "meta": { "profile": [STATUS] }, "parameter": parameter })
    }

    fn event(&self, told: &Told) -> Value {
        let event = &told.event;
        let mut part = vec![
            json!({ "name": "event-number", "valueString": event.n.to_string() }),
            json!({ "name": "timestamp", "valueInstant": moment(event.at) }),
        ];
        if !matches!(told.focus, Focus::Withheld) {
            let reference = json!({ "reference": self.url(&event.key) });
            part.push(json!({ "name": "focus", "valueReference": reference }));
        }
        json!({ "name": "notification-event", "part": part })
    }
}

/// Why nothing arrives, as people and programs read it: code system `subscription-error`
/// (<http://terminology.hl7.org/CodeSystem/subscription-error>), where it has a code.
#[must_use]
pub fn error(reason: &str) -> Value {
    let mut concept = json!({ "text": sentence(reason) });
    if reason == "no-response" {
        let system = "http://terminology.hl7.org/CodeSystem/subscription-error";
        concept["coding"] = json!([{ "system": system, "code": "no-response" }]);
    }
    concept
}

/// The sentence of a reason.
#[must_use]
pub fn sentence(reason: &str) -> &'static str {
    match reason {
        "no-response" => "The endpoint gave no answer.",
        "refused" => "The endpoint refused the notifications.",
        "gone" => "The endpoint answered 410: it wants no more notifications.",
        "blocked" => "The endpoint's host leads to an address that this service does not call.",
        "not-registered" => "The endpoint is not registered for the client any more.",
        "client" => "The client is disabled, or acts for another organization or in another role.",
        "ended" => "The subscription's end has passed.",
        _ => "Notifications fail.",
    }
}

#[cfg(test)]
mod tests;
