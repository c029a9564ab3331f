//! The answer to a transaction: <https://hl7.org/fhir/R4/bundle.html#transaction-response>.

use std::fmt::Write as _;

use super::{Fate, Shown};
use crate::fhir::resource::{Stored, instant};

/// The `transaction-response`, in the order of the entries.
pub(super) fn response(base: &str, fates: &[Fate], stored: &[Stored], shown: Shown) -> String {
    let mut out =
        String::from(r#"{"resourceType":"Bundle","type":"transaction-response","entry":["#);
    for (i, fate) in fates.iter().enumerate() {
        let (row, status) = match fate {
            Fate::Exists(row) => (Some(row), "200 OK"),
            Fate::Write(key, over, _) => {
                let row = stored.iter().find(|row| row.key == *key);
                (
                    row,
                    if over.is_some() {
                        "200 OK"
                    } else {
                        "201 Created"
                    },
                )
            }
        };
        let Some(row) = row else { continue };
        let comma = if i == 0 { "" } else { "," };
        let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000_000);
        let modified = at.map(instant).unwrap_or_default();
        let resource = match (&row.body, shown) {
            (Some(body), Shown::Resources) => format!(r#""resource":{body},"#),
            _ => String::new(),
        };
        let version = row.version;
        let stamp = match row.redacted {
            None => format!(r#","etag":"W/\"{version}\"","lastModified":"{modified}""#),
            Some(_) => String::new(),
        };
        let _ = write!(
            out,
            r#"{comma}{{"fullUrl":"{base}/{key}",{resource}"response":{{"status":"{status}","location":"{base}/{key}/_history/{version}"{stamp}}}}}"#,
            key = row.key,
        );
    }
    out.push_str("]}");
    out
}
