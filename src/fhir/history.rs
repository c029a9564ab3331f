//! A Bundle of versions (<https://hl7.org/fhir/R4/bundle.html#history>): entries are stored bytes.

use std::fmt::Write as _;

use time::OffsetDateTime;

use super::bundle::quoted;
use super::resource::{Stored, instant};

/// The history that these rows are; deletions have an entry without a resource. `links` are relation and URL.
#[must_use]
pub fn history(base: &str, links: &[(&str, String)], rows: &[Stored]) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str(r#"{"resourceType":"Bundle","type":"history","link":["#);
    for (i, (relation, url)) in links.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { "," });
        let (relation, url) = (quoted(relation), quoted(url));
        let _ = write!(out, r#"{{"relation":{relation},"url":{url}}}"#);
    }
    out.push(']');
    for (i, row) in rows.iter().enumerate() {
        out.push_str(if i == 0 { r#","entry":["# } else { "," });
        entry(&mut out, base, row);
    }
    out.push_str(if rows.is_empty() { "}" } else { "]}" });
    out
}

fn entry(out: &mut String, base: &str, row: &Stored) {
    let _ = write!(out, r#"{{"fullUrl":"{base}/{}""#, row.key);
    if let Some(body) = &row.body {
        let _ = write!(out, r#","resource":{body}"#);
    }
    let (method, status) = match (&row.body, row.version) {
        (None, _) => ("DELETE", "204 No Content"),
        (Some(_), 1) => ("POST", "201 Created"),
        (Some(_), _) => ("PUT", "200 OK"),
    };
    let url = match row.version {
        1 => row.key.kind.to_string(),
        _ => row.key.to_string(),
    };
    let _ = write!(
        out,
        r#","request":{{"method":"{method}","url":"{url}"}},"response":{{"status":"{status}""#
    );
    // As with a read: by its version a part of a record would tell when the rest of it changed.
    if row.redacted.is_none() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000_000);
        let at = instant(at.unwrap_or(OffsetDateTime::UNIX_EPOCH));
        let version = row.version;
        let _ = write!(out, r#","etag":"W/\"{version}\"","lastModified":"{at}""#);
    }
    out.push_str("}}");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fhir::resource::{Key, Whole};
    use crate::kap::base::Id;

    fn row(version: i64, body: Option<&str>) -> Stored {
        let id = Id::new("a").expect("id");
        Stored {
            key: Key::new("Patient", id.clone()),
            version,
            at: 1_000,
            patient: None,
            episode: None,
            owner: id.clone(),
            author: id,
            labels: 0,
            lowered: 0,
            body: body.map(Into::into),
            redacted: None,
        }
    }

    #[test]
    fn each_version_says_how_it_came_to_be() {
        let body = r#"{"resourceType":"Patient","x": 1.10}"#;
        let part = Stored {
            redacted: Some(Whole("{}".into())),
            ..row(1, Some(body))
        };
        let rows = [row(3, None), row(2, Some(body)), part];
        let links = [("self", "http://h/fhir/_history".to_owned())];
        let text = history("http://h/fhir", &links, &rows);
        assert!(text.contains("\"x\": 1.10"), "{text}");
        let value: Value = serde_json::from_str(&text).expect("json");
        let at = "1970-01-01T00:00:01.000Z";
        assert_eq!(
            value["entry"][0],
            json!({ "fullUrl": "http://h/fhir/Patient/a", "request": { "method": "DELETE", "url": "Patient/a" },
                "response": { "status": "204 No Content", "etag": "W/\"3\"", "lastModified": at } })
        );
        assert_eq!(value["entry"][1]["request"]["method"], "PUT");
        assert_eq!(
            value["entry"][2]["request"],
            json!({ "method": "POST", "url": "Patient" })
        );
        assert_eq!(
            value["entry"][2]["response"],
            json!({ "status": "201 Created" })
        );
        let none: Value = serde_json::from_str(&history("b", &links, &[])).expect("json");
        assert!(none.get("entry").is_none());
    }
}
