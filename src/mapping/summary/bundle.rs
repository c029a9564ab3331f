//! The document Bundle (<https://hl7.org/fhir/R4/documents.html>): a Composition and what it speaks of.
//!
//! The reader sees some of the resources. References to the others are dropped, and the text of each
//! section is written again from what the reader sees; a section that would be left with nothing of what
//! it was about is left out, so that silence is never read as "none".

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::{from_fhir, read::Node};
use super::composition::{loinc_display, whole};
use super::words::{Sight, Words};
use super::{Document, Section};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::kap::{Episode, Fact, Instant};
use crate::mapping::codes::{ACT_REASON, CONFIDENTIALITY, LOINC};

/// The resources that the reader sees.
struct Visible<'a> {
    all: &'a [(Key, Value, Arc<str>)],
    by_key: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Visible<'a> {
    fn new(all: &'a [(Key, Value, Arc<str>)]) -> Self {
        let keys = all.iter().enumerate();
        let by_key = keys
            .map(|(i, (key, ..))| ((&*key.kind, key.id.as_str()), i))
            .collect();
        Self { all, by_key }
    }

    /// The position of what a literal Reference names.
    fn find(&self, reference: &Value) -> Option<usize> {
        let (kind, id) = Node::new(reference).target()?;
        self.by_key.get(&(kind, id)).copied()
    }

    fn episode(&self) -> Option<Episode> {
        let resources: Vec<(Key, Value)> = self
            .all
            .iter()
            .map(|(key, value, _)| (key.clone(), value.clone()))
            .collect();
        let facts: Vec<Fact> = from_fhir(&resources)
            .facts
            .into_iter()
            .map(|(f, _)| f)
            .collect();
        Episode::fold(facts)
    }
}

/// The document Bundle of `composition` for a reader who sees `resources` (key, parsed, exact text) and
/// nothing else. `base` is the service's own base URL, for `fullUrl`.
///
/// # Errors
/// `NotFound` where patient or episode is not among the resources; `Unprocessable` where `composition` is
/// no Composition with an id.
pub fn document(
    composition: &Value,
    resources: &[(Key, Value, Arc<str>)],
    base: &str,
    timestamp: Instant,
    identifier: &str,
) -> Result<String> {
    let refused = || {
        Error::new(
            Kind::Unprocessable,
            "A document is made of a Composition with an id.",
        )
    };
    let id = composition["id"].as_str().ok_or_else(refused)?;
    if composition["resourceType"] != "Composition" {
        return Err(refused());
    }
    let visible = Visible::new(resources);
    if visible.find(&composition["subject"]).is_none() {
        return Err(Error::not_found());
    }
    let written = rewrite(composition, id, &visible)?;
    let written = written.as_ref().unwrap_or(composition);
    let mut entries = vec![entry(base, "Composition", id, &written.to_string())?];
    let mut inside = vec![written];
    for index in referenced(written, &visible) {
        let (key, value, text) = &resources[index];
        entries.push(entry(base, &key.kind, key.id.as_str(), text)?);
        inside.push(value);
    }
    let bundle = json!({
        "resourceType": "Bundle",
        "meta": {"security": high_water(&inside)},
        "type": "document",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": identifier},
        "timestamp": timestamp.to_string(),
    });
    // The entries are spliced in as text: what is stored is not written again.
    let head = bundle.to_string();
    let head = head.trim_end_matches('}');
    Ok(format!("{head},\"entry\":[{}]}}", entries.join(",")))
}

/// The Composition for a reader who sees `resources` and nothing else; `None` where that is all that it speaks of.
///
/// # Errors
/// `NotFound` where the episode is not among the resources; `Unprocessable` where `composition` has no id.
pub fn retold(composition: &Value, resources: &[(Key, Value, Arc<str>)]) -> Result<Option<Value>> {
    let text = "A document is a Composition with an id.";
    let id = composition["id"].as_str();
    let id = id.ok_or_else(|| Error::new(Kind::Unprocessable, text))?;
    rewrite(composition, id, &Visible::new(resources))
}

/// Whether all that a Composition speaks of is of this service.
#[must_use]
pub fn names_only_own(composition: &Value) -> bool {
    all_references(composition).all(|r| Node::new(r).target().is_some())
}

/// The highest confidentiality inside, and the mark of made-up data; no sensitivity, which would tell the topics.
fn high_water(inside: &[&Value]) -> Vec<Value> {
    let labels = || {
        let of = |v: &&'_ Value| {
            v["meta"]["security"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        };
        inside.iter().flat_map(of)
    };
    let known = |label: &Value| {
        let rank = |code: &str| LEVELS.iter().position(|level| *level == code);
        let ours = label["system"] == CONFIDENTIALITY;
        ours.then(|| label["code"].as_str().and_then(rank))
            .flatten()
    };
    let highest = labels().max_by_key(|label| known(label));
    let test = labels().find(|label| label["system"] == ACT_REASON);
    let highest = highest.filter(|label| known(label).is_some());
    highest.into_iter().chain(test).collect()
}

/// Confidentiality, from low to high (HL7 v3-Confidentiality).
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

fn entry(base: &str, kind: &str, id: &str, text: &str) -> Result<String> {
    let url = Value::from(format!("{}/{kind}/{id}", base.trim_end_matches('/')));
    let resource: &RawValue = serde_json::from_str(text).map_err(Error::internal)?;
    Ok(format!(
        "{{\"fullUrl\":{url},\"resource\":{}}}",
        resource.get()
    ))
}

/// The Composition for this reader; `None` where it can stay as it is.
fn rewrite(composition: &Value, id: &str, visible: &Visible<'_>) -> Result<Option<Value>> {
    let complete = all_references(composition).all(|r| visible.find(r).is_some());
    let mut written = composition.clone();
    let Some(fields) = written.as_object_mut().filter(|_| !complete) else {
        return Ok(None);
    };
    for name in ["encounter", "custodian"] {
        let hidden = fields.get(name).is_some_and(|r| visible.find(r).is_none());
        if hidden {
            fields.remove(name);
        }
    }
    for event in list_mut(fields, "event") {
        if let Some(event) = event.as_object_mut() {
            keep(event, "detail", visible);
        }
    }
    fields.remove("text");
    fields.remove("contained");
    let episode = visible.episode().ok_or_else(Error::not_found)?;
    let sections = match Document::from_id(id, &episode) {
        Some(ours) => sections_again(&ours, &episode, composition, fields, visible)?,
        None => untouched(composition, visible),
    };
    fields.remove("section");
    if !sections.is_empty() {
        fields.insert("section".into(), Value::Array(sections));
    }
    Ok(Some(written))
}

/// Our own document, written again from what is visible.
fn sections_again(
    document: &Document,
    episode: &Episode,
    composition: &Value,
    fields: &mut Map<String, Value>,
    visible: &Visible<'_>,
) -> Result<Vec<Value>> {
    let date = composition["date"].as_str();
    let Some(at) = date.and_then(|date| date.parse().ok()) else {
        return Err(Error::internal("a composition of ours without date"));
    };
    let words = Words::new(episode, Sight::Part, at);
    let draft = document.draft(&words).ok_or_else(Error::not_found)?;
    let text = whole(&words, &draft).div();
    fields.insert("text".into(), json!({"status": "generated", "div": text}));
    let mut sections = vec![];
    for section in &draft.sections {
        let before = original(composition, section.code);
        let had = before.map(|s| refs(s).count()).unwrap_or_default();
        let kept: Vec<Value> = section
            .entries
            .iter()
            .map(|(kind, id)| json!({"reference": format!("{kind}/{id}")}))
            .filter(|r| visible.find(r).is_some())
            .collect();
        let left_with_nothing = kept.is_empty() && had > 0;
        if !left_with_nothing && !section.html.says_nothing() {
            sections.push(section_json(section, kept));
        }
    }
    Ok(sections)
}

fn section_json(section: &Section, entries: Vec<Value>) -> Value {
    let mut coding = json!({"system": LOINC, "code": section.code});
    if let Some(display) = loinc_display(section.code) {
        coding["display"] = display.into();
    }
    let mut out = json!({
        "title": section.title,
        "code": {"coding": [coding]},
        "text": {"status": "generated", "div": section.html.div()},
    });
    if !entries.is_empty() {
        out["entry"] = Value::Array(entries);
    }
    out
}

/// A document of others: only the sections of which everything is visible, as they are.
fn untouched(composition: &Value, visible: &Visible<'_>) -> Vec<Value> {
    let sections = composition["section"].as_array().into_iter().flatten();
    let whole = |s: &&Value| refs(s).all(|r| visible.find(r).is_some());
    sections.filter(whole).cloned().collect()
}

fn original<'v>(composition: &'v Value, code: &str) -> Option<&'v Value> {
    let mut sections = composition["section"].as_array().into_iter().flatten();
    sections.find(|s| s["code"]["coding"][0]["code"] == code)
}

/// The entries of a section and of those below it.
fn refs(section: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    let own = section["entry"].as_array().into_iter().flatten();
    let below = section["section"].as_array().into_iter().flatten();
    Box::new(own.chain(below.flat_map(refs)))
}

/// Everything that a Composition refers to and that a document must hold.
fn all_references(composition: &Value) -> impl Iterator<Item = &Value> {
    let list = |name: &str| composition[name].as_array().into_iter().flatten();
    let single = ["subject", "encounter", "custodian"].map(|name| &composition[name]);
    let parties = list("attester").map(|a| &a["party"]);
    let details = list("event").flat_map(|e| e["detail"].as_array().into_iter().flatten());
    let entries = list("section").flat_map(refs);
    single
        .into_iter()
        .chain(list("author"))
        .chain(parties)
        .chain(details)
        .chain(entries)
        .filter(|r| r["reference"].is_string())
}

/// The visible resources that the Composition names, in its order, each once; then, for each role among
/// them, its practitioner and organization, and for each dose its medication.
fn referenced(composition: &Value, visible: &Visible<'_>) -> Vec<usize> {
    let mut order: Vec<usize> = vec![];
    let mut seen = HashSet::new();
    for index in all_references(composition).filter_map(|r| visible.find(r)) {
        if seen.insert(index) {
            order.push(index);
        }
    }
    for index in order.clone() {
        let value = &visible.all[index].1;
        let next = ["practitioner", "organization", "medicationReference"].map(|name| &value[name]);
        for index in next.into_iter().filter_map(|r| visible.find(r)) {
            if seen.insert(index) {
                order.push(index);
            }
        }
    }
    order
}

fn list_mut<'v>(
    fields: &'v mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'v mut Value> {
    fields
        .get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// Keeps the visible references of a list; drops the list where none is left.
fn keep(fields: &mut Map<String, Value>, name: &str, visible: &Visible<'_>) {
    let Some(list) = fields.get_mut(name).and_then(Value::as_array_mut) else {
        return;
    };
    list.retain(|r| visible.find(r).is_some());
    if list.is_empty() {
        fields.remove(name);
    }
}
