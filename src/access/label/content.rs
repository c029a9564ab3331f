//! Which codes tell a topic of their own: substance use, HIV, abuse.

use serde_json::Value;

use super::{ACT_CODE, Labels};

const SNOMED: &str = "http://snomed.info/sct";
const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const LOINC: &str = "http://loinc.org";

const SUBSTANCE: Labels = Labels::SUD.or(Labels::ETH);

/// Single codes.
#[rustfmt::skip]
const CODES: &[(&str, &str, Labels)] = &[
    (SNOMED, "26416006", SUBSTANCE),   // drug abuse
    (SNOMED, "66214007", SUBSTANCE),   // substance abuse
    (SNOMED, "191816009", SUBSTANCE),  // drug dependence
    (SNOMED, "37344009", SUBSTANCE),   // cannabis abuse
    (SNOMED, "15167005", SUBSTANCE),   // alcohol abuse
    (LOINC, "75626-2", SUBSTANCE),     // AUDIT-C total
    (LOINC, "82667-7", SUBSTANCE),     // DAST-10 total
    (ACT_CODE, "ABUSE", SUBSTANCE),    // commonly abused/misused alert
];

/// Categories of ICD-10-CM: a code belongs to one by its beginning.
#[rustfmt::skip]
const CATEGORIES: &[(&str, Labels)] = &[
    ("F10", SUBSTANCE.or(Labels::ETHUD)),     // alcohol related disorders
    ("F11", SUBSTANCE.or(Labels::OPIOIDUD)),  // opioid related disorders
    ("F12", SUBSTANCE), ("F13", SUBSTANCE), ("F14", SUBSTANCE), ("F15", SUBSTANCE),
    ("F16", SUBSTANCE), ("F18", SUBSTANCE), ("F19", SUBSTANCE), // F17 is nicotine dependence: no substance of that family
    ("B20", Labels::HIV), ("Z21", Labels::HIV),
    ("T74", Labels::SDV), ("T76", Labels::SDV), // abuse and maltreatment, confirmed and suspected
];

/// Instruments about substance use, as they are named and as their form is.
const INSTRUMENTS: &[(&str, &str)] = &[("AUDIT-C", "audit-c"), ("DAST-10", "dast-10")];
/// The rule that flags substance use.
const RULE: (&str, &str) = ("/CodeSystem/kap-rule", "KAP-RULE-SUD");

/// The topics that follow from a code.
#[must_use]
pub fn of_code(system: &str, code: &str) -> Labels {
    if system == ICD10 {
        let found = CATEGORIES.iter().find(|(start, _)| code.starts_with(start));
        return found.map_or(Labels::NONE, |(_, labels)| *labels);
    }
    if system.ends_with(RULE.0) && code == RULE.1 {
        return SUBSTANCE;
    }
    let found = CODES.iter().find(|(s, c, _)| *s == system && *c == code);
    found.map_or(Labels::NONE, |(_, _, labels)| *labels)
}

/// The topics that follow from an instrument's name.
#[must_use]
pub fn of_instrument(name: &str) -> Labels {
    let about = INSTRUMENTS.iter().any(|(known, _)| *known == name);
    if about { SUBSTANCE } else { Labels::NONE }
}

/// The topics of everything that a resource says, in whatever element.
pub(super) fn of_resource(value: &Value) -> Labels {
    let mut found = Labels::NONE;
    each(value, &mut |_, _, topics| found = found.or(topics));
    found
}

/// The topics of what a version says and the one before did not: of each code by itself, since another code of the same
/// topic is another statement.
#[must_use]
pub fn of_news(before: &Value, now: &Value) -> Labels {
    let mut known = Vec::new();
    each(before, &mut |system, code, _| known.push((system, code)));
    let mut news = Labels::NONE;
    each(now, &mut |system, code, topics| {
        if !known.contains(&(system, code)) {
            news = news.or(topics);
        }
    });
    news
}

/// Calls `told` with each code of a resource, and with its form (of no system), where that tells a topic.
fn each<'v>(value: &'v Value, told: &mut impl FnMut(&'v str, &'v str, Labels)) {
    for (name, member) in value.as_object().into_iter().flatten() {
        if name != "meta" {
            walk(member, told);
        }
    }
    let form = value["questionnaire"].as_str().unwrap_or_default();
    let form = form.split('|').next().unwrap_or_default();
    let about = |(_, slug): &(&str, &str)| form.rsplit('/').next() == Some(slug);
    if INSTRUMENTS.iter().any(about) {
        told("", form, SUBSTANCE);
    }
}

fn walk<'v>(value: &'v Value, told: &mut impl FnMut(&'v str, &'v str, Labels)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, told)),
        Value::Object(members) => {
            if let (Some(Value::String(system)), Some(Value::String(code))) =
                (members.get("system"), members.get("code"))
            {
                let topics = of_code(system, code);
                if !topics.is_empty() {
                    told(system, code, topics);
                }
            }
            members.values().for_each(|member| walk(member, told));
        }
        _ => {}
    }
}
