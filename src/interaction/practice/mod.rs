//! The practice's commands and views over HTTP-free types: what the JSON API does.

pub mod actor;
pub mod answer;
pub mod command;
pub mod documents;
pub mod grants;
pub mod head;
pub mod open;
pub mod party;
pub mod provenance;
pub mod query;

use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::fhir::json;

/// Reads a body of the JSON API, strictly.
///
/// # Errors
/// `Invalid` with a JSON pointer to what cannot be read: syntax, duplicate keys, unknown fields, wrong types.
pub fn read_body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    json::parse(bytes)?;
    let mut de = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut de).map_err(|e| {
        let at = pointer(e.path());
        let said = e.into_inner().to_string();
        let what = said.split(" at line ").next().unwrap_or_default();
        Error::new(Kind::Invalid, format!("{what}.")).at(at)
    })
}

/// The path of serde_path_to_error as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        out.push('/');
        out.push_str(&step);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kap::dosing::Dose;

    fn refused(body: &str) -> (String, Option<String>) {
        let issue = read_body::<Dose>(body.as_bytes())
            .expect_err(body)
            .issues
            .swap_remove(0);
        (issue.text, issue.at)
    }

    #[test]
    fn what_is_wrong_and_where() {
        let dose = |at: &str, more: &str| {
            format!(
                r#"{{"at":"{at}","kind":"initial","status":"completed","doseMg":100,"route":{{"system":"s","code":"c"}}{more}}}"#
            )
        };
        let ok = dose("2026-07-18T10:03:00-07:00", "");
        assert!(read_body::<Dose>(ok.as_bytes()).is_ok());
        let (text, at) = refused(&dose("2026-07-18T10:03:00", ""));
        assert!(text.contains("offset"), "{text}");
        assert_eq!(at.as_deref(), Some("/at"));
        let (text, at) = refused(&dose("2026-07-18T10:03:00Z", r#","doseMG":1"#));
        assert!(text.contains("unknown field `doseMG`"), "{text}");
        assert_eq!(at.as_deref(), Some("/doseMG"));
        let (_, at) = refused(&dose("2026-07-18T10:03:00Z", r#","kind":"booster""#));
        assert_eq!(at.as_deref(), Some("/kind"));
    }
}
