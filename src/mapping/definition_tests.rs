//! What is written is defined: each extension, profile, questionnaire and code of the project that the samples
//! bring onto the wire stands in `profiles/generated`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::checklist::{CHECKLIST, DISCHARGE};
use super::codes::{CANONICAL, system};
use super::form::{Field, Shape};
use super::integration;
use super::screening;
use super::session_record::RECORD;
use super::session_tests::{SAMPLES, sample, stored};
use super::summary::{Document, compose};
use super::terms;
use crate::fhir::parameter;
use crate::kap::Episode;
use crate::kap::rules::RULES;

/// The definitions by canonical URL.
fn definitions() -> BTreeMap<String, Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/generated");
    let files = std::fs::read_dir(folder).expect("the definitions are committed");
    let read = |path| std::fs::read_to_string(path).expect("a definition is text");
    files
        .map(|file| read(file.expect("a file").path()))
        .map(|text| serde_json::from_str(&text).expect("a definition is JSON"))
        .filter_map(|definition: Value| Some((definition["url"].as_str()?.to_owned(), definition)))
        .collect()
}

/// All resources of a sample, its documents included.
fn written(episode: &Episode) -> Vec<Value> {
    let at = episode.sessions[0].start;
    let documents = Document::all(episode)
        .filter_map(|document| compose(document, episode, at))
        .flatten()
        .map(|r| r.value);
    let records = stored(episode).into_iter().map(|(_, value)| value);
    records.chain(documents).collect()
}

/// Calls `see` with each object inside `value`.
fn objects(value: &Value, see: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            see(fields);
            fields.values().for_each(|child| objects(child, see));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, see)),
        _ => {}
    }
}

/// The project's own canonicals (without version) and codes that `resources` use.
fn used(resources: &[Value]) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let (mut urls, mut codes) = (BTreeSet::new(), BTreeSet::new());
    let mut name = |url: &Value| {
        let url = url.as_str().filter(|url| url.starts_with(CANONICAL));
        urls.extend(url.map(|url| url.split('|').next().unwrap_or(url).to_owned()));
    };
    for resource in resources {
        objects(resource, &mut |fields| {
            let named = ["url", "questionnaire"].into_iter();
            named.filter_map(|key| fields.get(key)).for_each(&mut name);
            let profiles = fields.get("profile").and_then(Value::as_array);
            profiles.into_iter().flatten().for_each(&mut name);
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            if let (Some(system), Some(code)) = (text("system"), text("code"))
                && system.starts_with(CANONICAL)
            {
                codes.insert((system.to_owned(), code.to_owned()));
            }
        });
    }
    (urls, codes)
}

#[test]
fn what_is_written_is_defined() {
    let known = definitions();
    let resources: Vec<Value> = (0..SAMPLES.len())
        .flat_map(|index| written(&sample(index)))
        .collect();
    let (urls, codes) = used(&resources);
    assert!(urls.len() > 60 && codes.len() > 60, "{urls:?} {codes:?}");
    let undefined: Vec<_> = urls
        .iter()
        .filter(|url| !known.contains_key(*url))
        .collect();
    assert_eq!(undefined, Vec::<&String>::new());
    for (system, code) in codes {
        let concepts = known[&system]["concept"].as_array();
        let mut concepts = concepts.into_iter().flatten();
        assert!(concepts.any(|c| c["code"] == *code), "{system} {code}");
    }
}

#[test]
fn the_table_of_extensions_lists_what_is_written_and_defined() {
    let table: BTreeSet<&str> = include_str!("codes.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .flat_map(|row| row.split('|').next().unwrap_or_default().split('`'))
        .filter(|name| name.starts_with("kap-"))
        .collect();
    let defined: BTreeSet<String> = definitions()
        .into_values()
        .filter(|d| d["resourceType"] == "StructureDefinition" && d["type"] == "Extension")
        .filter_map(|d| d["id"].as_str().map(str::to_owned))
        .collect();
    let defined: BTreeSet<&str> = defined.iter().map(String::as_str).collect();
    assert_eq!(table, defined);
}

#[test]
fn the_codes_that_the_service_has_words_for_are_those_of_the_code_systems() {
    let known = definitions();
    for (name, codes) in terms::table() {
        let invariants = RULES.iter().filter(|_| name == "kap-rule");
        let invariants = invariants.map(|rule| (rule.id, rule.text));
        let said: BTreeMap<&str, &str> = codes.iter().copied().chain(invariants).collect();
        let concepts = known[&system(name)]["concept"].as_array();
        let text = |concept: &'_ Value, key: &str| concept[key].as_str().map(str::to_owned);
        let defined: BTreeMap<String, String> = concepts
            .into_iter()
            .flatten()
            .filter_map(|c| Some((text(c, "code")?, text(c, "display")?)))
            .collect();
        let defined: BTreeMap<&str, &str> = defined
            .iter()
            .map(|(code, display)| (code.as_str(), display.as_str()))
            .collect();
        assert_eq!(said, defined, "{name}");
        for (code, display) in said {
            assert_eq!(terms::display(name, code), Some(display), "{name} {code}");
        }
    }
}

/// The items that `fields` stand for, as a Questionnaire lists them.
fn asked(fields: &[Field], parent: &str) -> Vec<Value> {
    let item = |field: &Field| {
        let link = [parent, field.name].join(if parent.is_empty() { "" } else { "." });
        let kind = match field.shape {
            Shape::Group(_) => "group",
            Shape::Boolean => "boolean",
            Shape::Integer => "integer",
            Shape::Decimal => "decimal",
            Shape::Date => "date",
            Shape::DateTime => "dateTime",
            Shape::String => "string",
            Shape::Coding => "choice",
        };
        let mut item = json!({"linkId": link, "text": field.text, "type": kind});
        if field.repeats {
            item["repeats"] = true.into();
        }
        if let Shape::Group(below) = field.shape {
            item["item"] = asked(below, &link).into();
        }
        item
    };
    fields.iter().map(item).collect()
}

#[test]
fn a_form_asks_what_its_questionnaire_asks_in_the_same_words_and_order() {
    let known = definitions();
    for form in [CHECKLIST, DISCHARGE, integration::FORM, RECORD] {
        let canonical = form.canonical();
        let (url, version) = canonical.split_once('|').expect("a versioned canonical");
        assert_eq!(known[url]["version"], version, "{url}");
        assert_eq!(
            known[url]["item"],
            Value::from(asked(form.fields, "")),
            "{url}"
        );
    }
}

#[test]
fn each_known_instrument_has_a_questionnaire() {
    let known = definitions();
    for (_, instrument) in screening::KNOWN {
        let canonical = screening::questionnaire(instrument);
        let (url, version) = canonical.split_once('|').expect("a versioned canonical");
        assert_eq!(known[url]["version"], version, "{url}");
    }
}

#[test]
fn each_defined_search_parameter_is_answered_and_episode_is_defined_wherever_it_is() {
    let known = definitions();
    let defined = known
        .values()
        .filter(|d| d["resourceType"] == "SearchParameter");
    let mut episode = BTreeSet::new();
    for definition in defined {
        let code = definition["code"].as_str().expect("a code");
        for base in definition["base"].as_array().into_iter().flatten() {
            let base = base.as_str().expect("a type");
            assert!(parameter::find(base, code).is_some(), "{base}?{code}");
            episode.extend((code == "episode").then_some(base));
        }
    }
    let answered: BTreeSet<&str> = parameter::kinds()
        .filter(|kind| parameter::find(kind, "episode").is_some())
        .collect();
    assert_eq!(episode, answered);
}
