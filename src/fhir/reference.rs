//! References in a resource: where they stand and what they name (<https://hl7.org/fhir/R4/references.html>).

use serde_json::Value;
use url::Url;

use super::definitions::element;
use super::resource::Key;
use crate::kap::base::Id;

/// A literal reference with the FHIRPath of its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Such as `Observation.subject`.
    pub at: String,
    /// The text of `reference`.
    pub text: String,
    /// What `type` says that it is, such as `Patient`.
    pub kind: Option<String>,
}

/// What a literal reference names, as this server reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource of this server.
    Here(Key),
    /// The resource with this id within the one that refers; the latter itself where it is empty.
    Contained(String),
    /// Something on another server.
    Elsewhere,
    /// An entry of a transaction.
    Urn,
    /// Nothing: the text is no reference.
    Nothing,
}

/// Every literal reference below `value`, in document order. References to contained resources (`#…`) are among them.
#[must_use]
pub fn references(kind: &str, value: &Value) -> Vec<Found> {
    let mut out = Vec::new();
    walk(value, &mut kind.to_owned(), &mut out);
    out
}

fn walk(value: &Value, at: &mut String, out: &mut Vec<Found>) {
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                step(at, &format!("[{i}]"), |at| walk(item, at, out));
            }
        }
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
            if let Some(said) = text("reference") {
                out.push(Found {
                    at: at.clone(),
                    text: said,
                    kind: text("type").map(|t| t.rsplit('/').next().unwrap_or_default().to_owned()),
                });
            }
            for (name, member) in members {
                step(at, &format!(".{}", element(name)), |at| {
                    walk(member, at, out);
                });
            }
        }
        _ => {}
    }
}

fn step(at: &mut String, more: &str, f: impl FnOnce(&mut String)) {
    let len = at.len();
    at.push_str(more);
    f(at);
    at.truncate(len);
}

/// What the reference `text` names; `base` is the URL of this server's FHIR API.
#[must_use]
pub fn target(text: &str, base: &str) -> Target {
    if let Some(id) = text.strip_prefix('#') {
        return Target::Contained(id.to_owned());
    }
    if text.starts_with("urn:") {
        return Target::Urn;
    }
    let own = relative(text, base);
    if let Some(key) = local(own.as_deref().unwrap_or(text)) {
        return Target::Here(key);
    }
    match Url::parse(text) {
        Ok(url) if own.is_none() && matches!(url.scheme(), "http" | "https") => Target::Elsewhere,
        _ => Target::Nothing,
    }
}

/// The resource that `Type/id` or `Type/id/_history/version` names.
#[must_use]
pub fn local(text: &str) -> Option<Key> {
    let mut parts = text.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let rest = (parts.next(), parts.next(), parts.next());
    let versioned = match rest {
        (None, ..) => true,
        (Some("_history"), Some(version), None) => Id::new(version).is_some(),
        _ => false,
    };
    let typed = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.chars().all(|c| c.is_ascii_alphabetic());
    (typed && versioned)
        .then(|| Id::new(id).map(|id| Key::new(kind, id)))
        .flatten()
}

/// What follows `base` in an absolute URL; `None` where the URL is none of this server, however it is written.
#[must_use]
pub fn relative(text: &str, base: &str) -> Option<String> {
    if !text.contains("://") {
        return None;
    }
    let (url, base) = (Url::parse(text).ok()?, Url::parse(base).ok()?);
    let server = |u: &Url| (u.host_str().map(str::to_owned), u.port_or_known_default());
    let below = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    if server(&url) != server(&base) || url.scheme() != base.scheme() {
        return None;
    }
    let below = below.strip_prefix('/').or(below.is_empty().then_some(""))?;
    let query = url.query().map_or(String::new(), |q| format!("?{q}"));
    let fragment = url.fragment().map_or(String::new(), |f| format!("#{f}"));
    Some(format!("{below}{query}{fragment}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_come_with_their_place() {
        let value = json!({"subject": {"reference": "Patient/1", "type": "http://hl7.org/fhir/StructureDefinition/Patient"},
            "performer": [{"reference": "#x"}, {"display": "y"}], "medicationReference": {"reference": "urn:uuid:1"},
            "extension": [{"valueReference": {"reference": "A/2"}}],
            "provision": {"data": [{"reference": {"reference": "B/3"}}]}});
        let found: Vec<_> = references("Observation", &value)
            .into_iter()
            .map(|f| format!("{} {} {}", f.at, f.text, f.kind.unwrap_or_default()))
            .collect();
        assert_eq!(
            found,
            [
                "Observation.subject Patient/1 Patient",
                "Observation.performer[0] #x ",
                "Observation.medication urn:uuid:1 ",
                "Observation.extension[0].value A/2 ",
                "Observation.provision.data[0].reference B/3 ",
            ]
        );
    }

    #[test]
    fn a_reference_names_one_thing() {
        let base = "https://h.example.org/fhir";
        let here = |kind: &str, id: &str| Target::Here(Key::new(kind, Id::new(id).expect("id")));
        for text in [
            "Patient/1",
            "Patient/1/_history/2",
            "https://h.example.org/fhir/Patient/1",
            "HTTPS://H.example.org:443/fhir/Patient/1",
            "https://h.example.org/fhir/x/../Patient/1/_history/2",
        ] {
            assert_eq!(target(text, base), here("Patient", "1"), "{text}");
        }
        assert_eq!(target("#a", base), Target::Contained("a".into()));
        assert_eq!(target("#", base), Target::Contained(String::new()));
        assert_eq!(target("urn:uuid:1", base), Target::Urn);
        for text in [
            "https://x.example.org/fhir/Patient/1",
            "https://h.example.org/fhirs/Patient/1",
            "https://h.example.org/other/Patient/1",
            "http://h.example.org/fhir/Patient/1",
            "https://h.example.org:8443/fhir/Patient/1",
        ] {
            assert_eq!(target(text, base), Target::Elsewhere, "{text}");
        }
        for text in [
            "",
            "Patient",
            "Patient/",
            "Patient/..",
            "Patient/a_b",
            "patient/1",
            "/Patient/1",
            "../Patient/1",
            "Patient?identifier=1",
            "Patient/1/x",
            "Patient/1/_history",
            "Patient/1/_history/",
            "Patient/1#x",
            "Patient/1/_history/1/2",
            "https://h.example.org/fhir/Patient%2F1",
            "https://h.example.org/fhir",
            "https://h.example.org/fhir/metadata",
            "https://h.example.org/fhir/Patient/1#x",
            "https://h.example.org/fhir/Patient?identifier=1",
            "javascript:alert(1)",
            "ftp://x.example.org/Patient/1",
            "https://",
        ] {
            assert_eq!(target(text, base), Target::Nothing, "{text}");
        }
    }
}
