//! The International Patient Summary (IPS 2.0, <https://hl7.org/fhir/uv/ips/>): one document about a patient for whoever must
//! treat without knowing the patient. Made of what its reader sees, so that a section without entries never says "none".

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::bundle;
use super::composition::loinc_display;
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::{Id, Instant};
use crate::mapping::codes::LOINC;
use crate::mapping::narrative::Html;

/// The profile of the document's Composition.
pub const PROFILE: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips";
/// The types that the document is made of.
pub const KINDS: [&str; 11] = [
    "AllergyIntolerance",
    "CarePlan",
    "Condition",
    "Medication",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
];
/// Entries of a section, the newest first.
const MOST: usize = 100;

/// A resource that the reader sees: key, parsed, exact text.
type Shown = (Key, Value, Arc<str>);

/// A section: its code, its title, whether the guide requires it, and which resources are in it.
struct Part {
    code: &'static str,
    title: &'static str,
    required: bool,
    has: fn(&str, &Value) -> bool,
}

#[rustfmt::skip]
const PARTS: &[Part] = &[
    Part { code: "11450-4", title: "Problems", required: true,
        has: |kind, v| kind == "Condition" && stands(v) && is_current(v) },
    Part { code: "48765-2", title: "Allergies and intolerances", required: true,
        has: |kind, v| kind == "AllergyIntolerance" && stands(v) },
    Part { code: "10160-0", title: "Medicines", required: true,
        has: |kind, v| kind == "MedicationRequest" && has_status(v, &["active", "on-hold", "unknown"]) && v["doNotPerform"] != true },
    Part { code: "30954-2", title: "Results", required: false,
        has: |kind, v| kind == "Observation" && is_final(v) && of_category(v, &["laboratory", "survey"]) },
    Part { code: "8716-3", title: "Vital signs", required: false,
        has: |kind, v| kind == "Observation" && is_final(v) && of_category(v, &["vital-signs"]) },
    Part { code: "47519-4", title: "Procedures", required: false,
        has: |kind, v| kind == "Procedure" && has_status(v, &["completed", "in-progress"]) },
    Part { code: "18776-5", title: "Plan of care", required: false,
        has: |kind, v| kind == "CarePlan" && has_status(v, &["active", "on-hold"]) },
];

fn has_status(value: &Value, any: &[&str]) -> bool {
    value["status"].as_str().is_some_and(|s| any.contains(&s))
}

fn code_of(concept: &Value) -> Option<&str> {
    concept["coding"][0]["code"].as_str()
}

/// Neither refuted nor entered in error.
fn stands(value: &Value) -> bool {
    let doubt = code_of(&value["verificationStatus"]).unwrap_or_default();
    !matches!(doubt, "refuted" | "entered-in-error")
}

fn is_current(value: &Value) -> bool {
    let status = code_of(&value["clinicalStatus"]).unwrap_or("active");
    matches!(status, "active" | "recurrence" | "relapse")
}

fn is_final(value: &Value) -> bool {
    has_status(value, &["final", "amended", "corrected", "preliminary"])
}

fn of_category(value: &Value, any: &[&str]) -> bool {
    let all = value["category"].as_array().into_iter().flatten();
    let mut codes = all.filter_map(code_of);
    codes.any(|code| any.contains(&code))
}

/// The summary as a document Bundle for a reader who sees `resources` and nothing else. `author` keeps the record; `id` is
/// of the Composition, which is kept nowhere.
///
/// # Errors
/// `NotFound` where the patient is not among the resources.
pub fn summary(
    (patient, author): (&Id, &Id),
    resources: &[Shown],
    base: &str,
    at: Instant,
    id: &str,
) -> Result<String> {
    let is = |key: &Key, kind: &str, id: &Id| &*key.kind == kind && key.id == *id;
    let own = resources
        .iter()
        .find(|(key, ..)| is(key, "Patient", patient));
    let (_, who, _) = own.ok_or_else(Error::not_found)?;
    let mut taken = HashSet::new();
    let sections: Vec<Value> = PARTS
        .iter()
        .filter_map(|part| section(part, resources, &mut taken))
        .collect();
    let keeps = resources
        .iter()
        .any(|(key, ..)| is(key, "Organization", author));
    let author = if keeps {
        json!({ "reference": format!("Organization/{author}") })
    } else {
        json!({ "display": "The practice that keeps the record" })
    };
    let name = person(who);
    let text = Html::new()
        .p(format!("Patient summary of {name}"))
        .fact("Written", at.to_string());
    let composition = json!({
        "resourceType": "Composition",
        "id": id,
        "meta": { "profile": [PROFILE] },
        "text": { "status": "generated", "div": text.div() },
        "status": "final",
        "type": { "coding": [{ "system": LOINC, "code": "60591-5", "display": "Patient summary Document" }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "date": at.to_string(),
        "author": [author],
        "title": "Patient summary",
        "confidentiality": "R",
        "section": sections,
    });
    let identifier = format!("urn:uuid:{id}");
    bundle::document(&composition, resources, base, at, &identifier)
}

/// A section; `None` where it has nothing and need not be there.
fn section<'r>(part: &Part, all: &'r [Shown], taken: &mut HashSet<&'r Key>) -> Option<Value> {
    let mut found: Vec<&Shown> = all
        .iter()
        .filter(|(key, value, _)| (part.has)(&key.kind, value))
        .filter(|(key, ..)| !taken.contains(key))
        .collect();
    if found.is_empty() && !part.required {
        return None;
    }
    found.sort_by_key(|(key, value, _)| (std::cmp::Reverse(day(value).unwrap_or_default()), key));
    found.truncate(MOST);
    taken.extend(found.iter().map(|(key, ..)| key));
    let mut coding = json!({ "system": LOINC, "code": part.code });
    if let Some(display) = loinc_display(part.code) {
        coding["display"] = display.into();
    }
    let rows = found.iter().map(|(_, value, _)| row(value, all));
    let mut html = Html::new().table(&["What", "State", "When"], rows);
    if found.is_empty() {
        html = html.p("No information about this is available to the reader of this document.");
    }
    let mut out = json!({
        "title": part.title,
        "code": { "coding": [coding] },
        "text": { "status": "generated", "div": html.div() },
    });
    if found.is_empty() {
        out["emptyReason"] = json!({ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason",
            "code": "unavailable",
            "display": "Unavailable",
        }]});
    } else {
        let entries = found
            .iter()
            .map(|(key, ..)| json!({ "reference": key.to_string() }));
        out["entry"] = entries.collect();
    }
    Some(out)
}

/// The words of a concept.
fn words(concept: &Value) -> Option<String> {
    let text = concept["text"].as_str();
    let coding = &concept["coding"][0];
    let text = text.or_else(|| coding["display"].as_str());
    text.or_else(|| coding["code"].as_str()).map(str::to_owned)
}

/// What a resource is about, with its value where it has one; its state; its day.
fn row(value: &Value, all: &[Shown]) -> [String; 3] {
    let medicine = || {
        words(&value["medicationCodeableConcept"]).or_else(|| {
            let named = value["medicationReference"]["reference"].as_str()?;
            let medication = all.iter().find(|(key, ..)| key.to_string() == named);
            words(&medication?.1["code"])
        })
    };
    let what = words(&value["code"])
        .or_else(medicine)
        .or_else(|| value["title"].as_str().map(str::to_owned))
        .unwrap_or_else(|| "not told".to_owned());
    let what = match measure(value) {
        Some(measure) => format!("{what}: {measure}"),
        None => what,
    };
    let state = [&value["clinicalStatus"], &value["verificationStatus"]];
    let mut states: Vec<String> = state.into_iter().filter_map(words).collect();
    states.extend(value["status"].as_str().map(str::to_owned));
    states.extend(
        value["criticality"]
            .as_str()
            .map(|c| format!("criticality {c}")),
    );
    let day = day(value).unwrap_or_default();
    [what, states.join(", "), day]
}

fn measure(value: &Value) -> Option<String> {
    let quantity = |q: &Value| {
        let number = q["value"].as_number()?;
        let unit = q["unit"].as_str().or_else(|| q["code"].as_str());
        Some(
            format!("{number} {}", unit.unwrap_or_default())
                .trim_end()
                .to_owned(),
        )
    };
    let own = quantity(&value["valueQuantity"])
        .or_else(|| words(&value["valueCodeableConcept"]))
        .or_else(|| value["valueInteger"].as_i64().map(|n| n.to_string()));
    let parts = value["component"].as_array().into_iter().flatten();
    let parts = parts.filter_map(|part| {
        let measured = quantity(&part["valueQuantity"])?;
        Some(format!(
            "{} {measured}",
            words(&part["code"]).unwrap_or_default()
        ))
    });
    let all: Vec<String> = own.into_iter().chain(parts).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The day that a resource tells of itself.
fn day(value: &Value) -> Option<String> {
    let names = [
        "effectiveDateTime",
        "onsetDateTime",
        "performedDateTime",
        "authoredOn",
        "recordedDate",
        "created",
    ];
    let plain = names.iter().find_map(|name| value[*name].as_str());
    let periods = ["effectivePeriod", "performedPeriod", "period"];
    let text = plain.or_else(|| {
        periods
            .iter()
            .find_map(|name| value[*name]["start"].as_str())
    });
    text.map(|text| text.chars().take(10).collect())
}

fn person(patient: &Value) -> String {
    let name = &patient["name"][0];
    if let Some(text) = name["text"].as_str() {
        return text.to_owned();
    }
    let given = name["given"].as_array().into_iter().flatten();
    let mut all: Vec<&str> = given.filter_map(Value::as_str).collect();
    all.extend(name["family"].as_str());
    if all.is_empty() {
        "a patient".to_owned()
    } else {
        all.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value) -> Shown {
        let id = Id::new(value["id"].as_str().expect("id")).expect("id");
        let kind = value["resourceType"].as_str().expect("type");
        (Key::new(kind, id), value.clone(), value.to_string().into())
    }

    fn made(all: &[Value]) -> Value {
        let all: Vec<Shown> = all.iter().map(shown).collect();
        let id = |text: &str| Id::new(text).expect("id");
        let at = "2026-11-22T12:00:00Z".parse().expect("instant");
        let text = summary((&id("p"), &id("o")), &all, "https://h/fhir", at, "c").expect("made");
        serde_json::from_str(&text).expect("json")
    }

    fn patient() -> Value {
        json!({ "resourceType": "Patient", "id": "p", "name": [{ "family": "Ash", "given": ["Kim"] }] })
    }

    #[test]
    fn what_is_not_seen_is_not_said_to_be_none() {
        let bundle = made(&[patient()]);
        assert_eq!(bundle["type"], "document");
        let sections = bundle["entry"][0]["resource"]["section"]
            .as_array()
            .expect("sections");
        let codes: Vec<_> = sections
            .iter()
            .filter_map(|s| code_of(&s["code"]))
            .collect();
        assert_eq!(codes, ["11450-4", "48765-2", "10160-0"]);
        for section in sections {
            assert_eq!(code_of(&section["emptyReason"]), Some("unavailable"));
            assert!(
                section["text"]["div"]
                    .as_str()
                    .is_some_and(|d| d.contains("available"))
            );
        }
    }

    #[test]
    fn only_what_holds_is_in_it() {
        let status = |code: &str| json!({ "coding": [{ "code": code }] });
        let problem = |id: &str, clinical: &str, verified: &str| {
            json!({ "resourceType": "Condition", "id": id, "clinicalStatus": status(clinical),
                "verificationStatus": status(verified), "code": { "text": id } })
        };
        let bundle = made(&[
            patient(),
            problem("holds", "active", "confirmed"),
            problem("is-over", "resolved", "confirmed"),
            problem("was-wrong", "active", "entered-in-error"),
            json!({ "resourceType": "MedicationRequest", "id": "m", "status": "active", "medicationReference": { "reference": "Medication/k" } }),
            json!({ "resourceType": "MedicationRequest", "id": "n", "status": "stopped", "medicationCodeableConcept": { "text": "x" } }),
            json!({ "resourceType": "Medication", "id": "k", "code": { "text": "ketamine lozenge" } }),
            json!({ "resourceType": "Organization", "id": "o", "name": "Harbor" }),
        ]);
        let composition = &bundle["entry"][0]["resource"];
        let entries = |n: usize| composition["section"][n]["entry"].clone();
        assert_eq!(entries(0), json!([{ "reference": "Condition/holds" }]));
        assert_eq!(entries(2), json!([{ "reference": "MedicationRequest/m" }]));
        let text = composition["section"][2]["text"]["div"]
            .as_str()
            .expect("text");
        assert!(text.contains("ketamine lozenge"), "{text}");
        assert_eq!(composition["author"][0]["reference"], "Organization/o");
        let inside = bundle["entry"].as_array().expect("entries");
        let urls: Vec<_> = inside
            .iter()
            .filter_map(|e| e["fullUrl"].as_str())
            .collect();
        assert!(urls.contains(&"https://h/fhir/Medication/k"), "{urls:?}");
        assert!(!urls.contains(&"https://h/fhir/Condition/is-over"));
    }
}
