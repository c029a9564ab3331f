//! What a client asks for with a Subscription: read from the resource, everything that is wrong told at once.
//!
//! R4 Subscription (<https://hl7.org/fhir/R4/subscription.html>) in the shape of the Subscriptions R5 Backport
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html>).

use serde_json::Value;

use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::interval::Interval;
use crate::mapping::topic::{self, Topic};
use crate::store::subscription::{Content, NEVER};

/// What the extensions of the guide begin with.
const BACKPORT: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
/// What is sent: a Bundle of FHIR, or one JSON event a call.
pub const FHIR: &str = "application/fhir+json";
pub const JSON: &str = "application/json";
/// How a header is shown.
pub const MASK: &str = "***";
/// Events of one notification, where the client says nothing, and at most.
const MOST: (i64, i64) = (20, 100);
/// Seconds that a call may take, where the client says nothing, and at most.
const TIMEOUT: (i64, i64) = (20, 30);
/// Seconds between heartbeats, at least and at most.
const HEARTBEAT: (i64, i64) = (60, 86_400);
/// Headers at most, and bytes of one.
const HEADERS: (usize, usize) = (10, 4096);
/// Filters at most.
const FILTERS: usize = 20;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub topic: &'static str,
    /// Each as `Type?criteria`.
    pub filters: Vec<String>,
    pub endpoint: String,
    pub payload: &'static str,
    pub content: Content,
    pub most: i64,
    /// Milliseconds.
    pub timeout: i64,
    /// Milliseconds; 0 for none.
    pub heartbeat: i64,
    /// Milliseconds since 1970.
    pub ends_at: i64,
    /// Name and value; a value of [`MASK`] is that of before.
    pub headers: Vec<(String, String)>,
    /// Whether nothing is to be sent.
    pub off: Off,
}

/// The status that a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// `requested` or `active`: to be told.
    No,
    /// `off`: to be told nothing.
    Yes,
}

/// Reads what is asked for.
///
/// # Errors
/// `Unprocessable` with an issue for each thing that this service does not do.
pub fn read(value: &Value, now: i64) -> Result<Asked> {
    let mut reader = Reader {
        value,
        issues: vec![],
    };
    let topic = reader.topic();
    let filters = topic.map(|topic| reader.filters(topic));
    reader.channel_type();
    let (payload, content) = reader.payload(topic);
    let [most, timeout, heartbeat] = reader.numbers();
    let asked = Asked {
        topic: topic.map_or("", |topic| topic.code),
        filters: filters.unwrap_or_default(),
        endpoint: reader.endpoint(),
        payload,
        content,
        // One JSON event is one message of its own.
        most: if payload == JSON { 1 } else { most },
        timeout: timeout * 1000,
        heartbeat: heartbeat * 1000,
        ends_at: reader.end(now),
        headers: reader.headers(),
        off: if value["status"] == "off" {
            Off::Yes
        } else {
            Off::No
        },
    };
    if reader.issues.is_empty() {
        Ok(asked)
    } else {
        Err(Error::with_issues(Kind::Unprocessable, reader.issues))
    }
}

struct Reader<'v> {
    value: &'v Value,
    issues: Vec<Issue>,
}

impl Reader<'_> {
    fn say(&mut self, code: &'static str, at: &str, text: impl Into<String>) {
        self.issues.push(Issue {
            code: Some(code),
            text: text.into(),
            at: Some(format!("Subscription.{at}")),
            ..Issue::default()
        });
    }

    fn topic(&mut self) -> Option<&'static Topic> {
        let criteria = self.value["criteria"].as_str().unwrap_or_default();
        let topic = topic::at(criteria);
        if topic.is_none() {
            let text = "The criteria of a subscription is the canonical URL of a topic of this service; its CapabilityStatement lists them.";
            self.say("not-supported", "criteria", text);
        }
        topic
    }

    fn filters(&mut self, topic: &'static Topic) -> Vec<String> {
        let mut out = vec![];
        for (n, one) in list(&self.value["_criteria"]["extension"])
            .iter()
            .enumerate()
        {
            let at = format!("criteria.extension[{n}]");
            let url = one["url"].as_str().unwrap_or_default();
            if url != format!("{BACKPORT}filter-criteria") {
                let text = "The criteria takes one kind of extension: backport-filter-criteria.";
                self.say("not-supported", &format!("{at}.url"), text);
                continue;
            }
            let text = one["valueString"].as_str().unwrap_or_default();
            match filter(topic, text) {
                Ok(()) => out.push(text.to_owned()),
                Err(why) => self.say("not-supported", &format!("{at}.value"), why),
            }
        }
        if out.len() > FILTERS {
            let text = format!("A subscription has at most {FILTERS} filters.");
            self.say("too-costly", "criteria", text);
        }
        out
    }

    fn channel_type(&mut self) {
        if self.value["channel"]["type"] != "rest-hook" {
            let text = "This service has one channel: rest-hook.";
            self.say("not-supported", "channel.type", text);
        }
    }

    fn endpoint(&mut self) -> String {
        let endpoint = self.value["channel"]["endpoint"].as_str();
        if endpoint.is_none() {
            let text = "A rest-hook needs the endpoint that is called.";
            self.say("required", "channel.endpoint", text);
        }
        endpoint.unwrap_or_default().to_owned()
    }

    fn payload(&mut self, topic: Option<&Topic>) -> (&'static str, Content) {
        let channel = &self.value["channel"];
        let payload = match channel["payload"].as_str() {
            None | Some(FHIR) => FHIR,
            Some(JSON) => JSON,
            Some(_) => {
                let text =
                    "The payload is application/fhir+json, or application/json for plain events.";
                self.say("not-supported", "channel.payload", text);
                FHIR
            }
        };
        let mut content = Content::IdOnly;
        for (n, one) in list(&channel["_payload"]["extension"]).iter().enumerate() {
            let url = one["url"].as_str().unwrap_or_default();
            let asked = one["valueCode"].as_str().and_then(Content::from_code);
            let asked = asked.filter(|_| url == format!("{BACKPORT}payload-content"));
            if let Some(asked) = asked {
                content = asked;
            } else {
                let text = "The payload takes the extension backport-payload-content: empty, id-only or full-resource.";
                let at = format!("channel.payload.extension[{n}]");
                self.say("not-supported", &at, text);
            }
        }
        if payload == JSON && content == Content::FullResource {
            let text = "Plain JSON events name records and hold none: full-resource is for application/fhir+json.";
            self.say("not-supported", "channel.payload", text);
        }
        if topic.is_some_and(|topic| topic.alert) && content == Content::FullResource {
            let text = "An alert names a record and holds none: fetch it by its id.";
            self.say("not-supported", "channel.payload", text);
        }
        (payload, content)
    }

    /// Events of a notification, seconds of a call, seconds between heartbeats.
    fn numbers(&mut self) -> [i64; 3] {
        let mut out = [MOST.0, TIMEOUT.0, 0];
        let all = list(&self.value["channel"]["extension"]);
        for (n, one) in all.iter().enumerate() {
            let at = format!("channel.extension[{n}]");
            let url = one["url"].as_str().unwrap_or_default();
            let (slot, member, low, high) = match url.strip_prefix(BACKPORT) {
                Some("max-count") => (0, "valuePositiveInt", 1, MOST.1),
                Some("timeout") => (1, "valueUnsignedInt", 1, TIMEOUT.1),
                Some("heartbeat-period") => (2, "valueUnsignedInt", HEARTBEAT.0, HEARTBEAT.1),
                _ => {
                    let text = "A channel takes the extensions backport-max-count, backport-timeout and backport-heartbeat-period.";
                    self.say("not-supported", &format!("{at}.url"), text);
                    continue;
                }
            };
            let number = one[member].as_i64();
            if let Some(number) = number.filter(|n| (low..=high).contains(n)) {
                out[slot] = number;
            } else {
                let text = format!("This is {member} from {low} to {high}.");
                self.say("value", &format!("{at}.value"), text);
            }
        }
        out
    }

    fn end(&mut self, now: i64) -> i64 {
        let Some(end) = self.value["end"].as_str() else {
            return NEVER;
        };
        let end = end.parse::<Interval>().map_or(NEVER, |at| at.lo);
        if end <= now {
            self.say(
                "value",
                "end",
                "The end of a subscription is in the future.",
            );
        }
        end
    }

    fn headers(&mut self) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = vec![];
        let all = list(&self.value["channel"]["header"]);
        if all.len() > HEADERS.0 {
            let text = format!("A channel has at most {} headers.", HEADERS.0);
            self.say("too-costly", "channel.header", text);
        }
        for (n, one) in all.iter().enumerate() {
            match header(one.as_str().unwrap_or_default()) {
                Ok(pair) => out.push(pair),
                Err(why) => self.say("value", &format!("channel.header[{n}]"), why),
            }
        }
        out
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether a filter is one of the topic's: `Type?parameter=value&…`.
fn filter(topic: &Topic, text: &str) -> std::result::Result<(), String> {
    if text.chars().any(char::is_control) {
        return Err("A filter is one line of plain text.".into());
    }
    let Some((kind, query)) = text.split_once('?') else {
        return Err(
            "A filter is written Type?parameter=value, such as Task?owner=Organization/1.".into(),
        );
    };
    let Some(own) = topic.filters(kind) else {
        let kinds: Vec<&str> = topic.of.iter().map(|(kind, _)| *kind).collect();
        return Err(format!("This topic speaks of {}.", kinds.join(" and ")));
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let names: Vec<String> = pairs.map(|(name, _)| name.into_owned()).collect();
    if !names.is_empty() && names.iter().all(|name| own.contains(&name.as_str())) {
        return Ok(());
    }
    Err(format!(
        "{kind} is filtered by {} here, without modifiers.",
        own.join(", ")
    ))
}

/// Headers that are the service's own, or would change what a call is.
const TAKEN: &[&str] = &[
    "connection",
    "cookie",
    "date",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const TAKEN_FAMILIES: &[&str] = &["content-", "proxy-", "sec-", "signature", "webhook-"];

/// `Name: value` as RFC 9110 §5 has it.
fn header(text: &str) -> std::result::Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once(':')
        .ok_or("A header is written Name: value.")?;
    let (name, value) = (name.trim_end(), value.trim());
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err("The name of a header is a token: letters, digits, hyphens.");
    }
    let lower = name.to_ascii_lowercase();
    if TAKEN.contains(&&*lower) || TAKEN_FAMILIES.iter().any(|f| lower.starts_with(f)) {
        return Err("This header is the service's own to send.");
    }
    if text.len() > HEADERS.1 || !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err("The value of a header is visible ASCII, at most 4 KiB.");
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests;
