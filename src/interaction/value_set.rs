//! The codes of the value sets that this service publishes, for `:in` and `:not-in`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::definitions;
use crate::fhir::search::Token;

static CODES: LazyLock<HashMap<String, Vec<Token>>> = LazyLock::new(|| {
    let systems = by_url("CodeSystem");
    let sets = by_url("ValueSet");
    let expanded = |(url, set): (&String, &Value)| Some((url.clone(), expand(set, &systems)?));
    sets.iter().filter_map(expanded).collect()
});

fn by_url(kind: &str) -> HashMap<String, Value> {
    let all = definitions::of_kind(kind).filter_map(|text| serde_json::from_str(text).ok());
    let all = all.filter_map(|value: Value| Some((value["url"].as_str()?.to_owned(), value)));
    all.collect()
}

/// The codes of the value set at `url`, with a version or without; `None` where there is no such set.
#[must_use]
pub fn codes(url: &str) -> Option<Vec<Token>> {
    let bare = url.split('|').next().unwrap_or_default();
    CODES.get(bare).cloned()
}

/// The codes that a set lists, or those of the systems that it takes whole; `None` where it is said in another way.
fn expand(set: &Value, systems: &HashMap<String, Value>) -> Option<Vec<Token>> {
    let compose = &set["compose"];
    if compose.get("exclude").is_some() {
        return None;
    }
    let mut out = Vec::new();
    for include in compose["include"].as_array()? {
        let system = include["system"].as_str()?;
        if include.get("filter").is_some() || include.get("valueSet").is_some() {
            return None;
        }
        let listed = include.get("concept");
        let concepts = listed.or_else(|| systems.get(system)?.get("concept"))?;
        add(system, concepts, &mut out);
    }
    Some(out)
}

fn add(system: &str, concepts: &Value, out: &mut Vec<Token>) {
    for concept in concepts.as_array().into_iter().flatten() {
        out.extend(concept["code"].as_str().map(|code| Token {
            system: Some(system.to_owned()),
            code: Some(code.to_owned()),
        }));
        add(system, &concept["concept"], out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_value_set_has_codes() {
        let sets = definitions::of_kind("ValueSet").count();
        assert!(sets > 40);
        let empty = CODES.iter().filter(|(_, codes)| codes.is_empty());
        assert_eq!((CODES.len(), empty.count()), (sets, 0));
        let url = "https://kap-interop.example.org/fhir/ValueSet/kap-indication|0.1.0";
        let codes = codes(url).expect("the value set");
        assert!(codes.iter().any(|t| t.code.as_deref() == Some("370143000")));
        assert_eq!(super::codes("http://hl7.org/fhir/ValueSet/none"), None);
    }
}
