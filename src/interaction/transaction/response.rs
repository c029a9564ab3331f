//! The answer to a bundle: <https://hl7.org/fhir/R4/bundle.html#transaction-response>.

use std::fmt::Write as _;

use super::Shown;
use super::entry::Style;
use super::read::Told;
use crate::error::Error;
use crate::fhir::outcome::outcome;
use crate::fhir::resource::{Stored, instant};

/// What is told of one entry.
#[derive(Debug)]
pub struct Answer {
    status: &'static str,
    /// The entry's resource, with the comma after it.
    resource: String,
    /// The rest of the response.
    more: String,
    full_url: Option<String>,
}

impl Answer {
    /// A resource that was stored or found.
    #[must_use]
    pub fn stored(base: &str, row: &Stored, status: &'static str, shown: Shown) -> Self {
        let location = format!(
            r#","location":"{base}/{}/_history/{}""#,
            row.key, row.version
        );
        Self {
            status,
            resource: resource(row.body.as_deref().filter(|_| shown == Shown::Resources)),
            more: location + &stamp(row),
            full_url: Some(format!("{base}/{}", row.key)),
        }
    }

    /// A deletion.
    #[must_use]
    pub fn deleted(row: &Stored) -> Self {
        Self {
            status: "204 No Content",
            resource: String::new(),
            more: stamp(row),
            full_url: None,
        }
    }

    /// What was read; of a HEAD without the resource.
    #[must_use]
    pub fn told(base: &str, told: &Told, with_body: bool) -> Self {
        let body = |text: Option<&str>| resource(text.filter(|_| with_body));
        match told {
            Told::Row(row) => Self {
                status: "200 OK",
                resource: body(row.body.as_deref()),
                more: stamp(row),
                full_url: Some(format!("{base}/{}", row.key)),
            },
            Told::Unchanged(row) => Self {
                status: "304 Not Modified",
                resource: String::new(),
                more: stamp(row),
                full_url: None,
            },
            Told::Text(text) => Self {
                status: "200 OK",
                resource: body(Some(text)),
                more: String::new(),
                full_url: None,
            },
        }
    }

    /// A refusal.
    #[must_use]
    pub fn refused(error: &Error) -> Self {
        Self {
            status: phrase(error.status()),
            resource: String::new(),
            more: format!(r#","outcome":{}"#, outcome(error)),
            full_url: None,
        }
    }
}

fn resource(body: Option<&str>) -> String {
    body.map_or_else(String::new, |body| format!(r#""resource":{body},"#))
}

fn stamp(row: &Stored) -> String {
    if row.redacted.is_some() {
        return String::new();
    }
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000_000);
    let (version, modified) = (row.version, at.map(instant).unwrap_or_default());
    format!(r#","etag":"W/\"{version}\"","lastModified":"{modified}""#)
}

/// A status with its words.
fn phrase(status: u16) -> &'static str {
    match status {
        400 => "400 Bad Request",
        403 => "403 Forbidden",
        404 => "404 Not Found",
        409 => "409 Conflict",
        410 => "410 Gone",
        412 => "412 Precondition Failed",
        413 => "413 Content Too Large",
        422 => "422 Unprocessable Content",
        428 => "428 Precondition Required",
        501 => "501 Not Implemented",
        503 => "503 Service Unavailable",
        _ => "500 Internal Server Error",
    }
}

/// The bundle of these answers, in the order of the entries.
#[must_use]
pub fn response(style: Style, answers: &[Answer]) -> String {
    let name = match style {
        Style::Transaction => "transaction-response",
        Style::Batch => "batch-response",
    };
    let mut out = format!(r#"{{"resourceType":"Bundle","type":"{name}","entry":["#);
    for (i, answer) in answers.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let url = answer.full_url.as_ref();
        let url = url.map_or_else(String::new, |url| format!(r#""fullUrl":"{url}","#));
        let Answer {
            status,
            resource,
            more,
            ..
        } = answer;
        let _ = write!(
            out,
            r#"{comma}{{{url}{resource}"response":{{"status":"{status}"{more}}}}}"#
        );
    }
    out.push_str("]}");
    out
}
