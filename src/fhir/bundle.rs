//! Bundles as text: entries are stored bytes, never parsed and written again.

use std::fmt::Write as _;

use uuid::Uuid;

use super::resource::Stored;

/// Why an entry is in a searchset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Match,
    Include,
    Outcome,
}

impl Mode {
    const fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Include => "include",
            Self::Outcome => "outcome",
        }
    }
}

/// A searchset (<https://hl7.org/fhir/R4/bundle.html#searchset>) that is being written.
#[derive(Debug)]
pub struct Searchset {
    out: String,
    base: String,
    first: bool,
}

impl Searchset {
    /// Starts a searchset whose full URLs begin with `base`. `links` are relation and URL.
    #[must_use]
    pub fn new(base: &str, total: Option<i64>, links: &[(&str, String)]) -> Self {
        let mut out = String::with_capacity(4096);
        out.push_str(r#"{"resourceType":"Bundle","type":"searchset""#);
        if let Some(total) = total {
            let _ = write!(out, r#","total":{total}"#);
        }
        for (i, (relation, url)) in links.iter().enumerate() {
            out.push_str(if i == 0 { r#","link":["# } else { "," });
            let _ = write!(
                out,
                r#"{{"relation":{},"url":{}}}"#,
                quoted(relation),
                quoted(url)
            );
        }
        if !links.is_empty() {
            out.push(']');
        }
        Self {
            out,
            base: base.to_owned(),
            first: true,
        }
    }

    /// Adds a stored resource; a deleted one is passed over.
    pub fn push(&mut self, row: &Stored, mode: Mode) {
        if let Some(body) = &row.body {
            self.entry(&row.key.to_string(), body, mode);
        }
    }

    fn entry(&mut self, path: &str, body: &str, mode: Mode) {
        self.open();
        let _ = write!(
            self.out,
            r#"{{"fullUrl":"{}/{path}","resource":{body},"search":{{"mode":"{}"}}}}"#,
            self.base,
            mode.code()
        );
    }

    /// Adds an `OperationOutcome` about the search itself. It is stored nowhere, and every entry has a full URL
    /// (<https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl>): it is named by what it says.
    pub fn outcome(&mut self, outcome: &serde_json::Value) {
        self.open();
        let mode = Mode::Outcome.code();
        let text = outcome.to_string();
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes());
        let _ = write!(
            self.out,
            r#"{{"fullUrl":"urn:uuid:{name}","resource":{text},"search":{{"mode":"{mode}"}}}}"#
        );
    }

    /// The bundle's text.
    #[must_use]
    pub fn finish(mut self) -> String {
        if !self.first {
            self.out.push(']');
        }
        self.out.push('}');
        self.out
    }

    fn open(&mut self) {
        self.out
            .push_str(if self.first { r#","entry":["# } else { "," });
        self.first = false;
    }
}

/// `text` as a JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::resource::Key;
    use crate::kap::base::Id;

    #[test]
    fn a_searchset_is_json_and_keeps_the_bytes() {
        let id = Id::new("a").expect("id");
        let row = Stored {
            key: Key::new("Patient", id.clone()),
            version: 1,
            at: 0,
            patient: None,
            episode: None,
            owner: id.clone(),
            author: id,
            labels: 0,
            lowered: 0,
            body: Some(r#"{"resourceType":"Patient","id":"a","x": 1.10}"#.into()),
            redacted: None,
        };
        let mut set = Searchset::new(
            "http://h/fhir",
            Some(1),
            &[("self", "http://h/fhir/Patient?name=\"".into())],
        );
        set.push(&row, Mode::Match);
        for diagnostics in ["one", "another"] {
            set.outcome(&serde_json::json!({ "issue": [{ "diagnostics": diagnostics }] }));
        }
        let text = set.finish();
        assert!(text.contains("\"x\": 1.10"), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("json");
        assert_eq!(value["entry"][0]["fullUrl"], "http://h/fhir/Patient/a");
        assert_eq!(value["total"], 1);
        // Every entry has a full URL of its own.
        let named = |n: usize| value["entry"][n]["fullUrl"].as_str().unwrap_or_default();
        assert!(named(1).starts_with("urn:uuid:"), "{value}");
        assert_ne!(named(1), named(2));
        let empty: serde_json::Value =
            serde_json::from_str(&Searchset::new("b", None, &[]).finish()).expect("json");
        assert!(empty.get("entry").is_none());
    }
}
