//! Snapshots become trees of what they ask.

use std::collections::HashMap;

use serde_json::Value;

use super::{ANY, Allowed, Bound, By, Discriminator, Profile, Profiles, Spec};
use crate::fhir::definitions::codes::Set;
use crate::fhir::definitions::{self, Rule, Severity};
use crate::fhir::fhirpath::Expression;

const STANDARD: &str = "http://hl7.org/fhir/StructureDefinition/";

pub(super) fn all<'t>(texts: impl Iterator<Item = &'t str>) -> Profiles {
    let mut of: HashMap<String, Vec<Value>> = HashMap::new();
    for value in texts.filter_map(|text| serde_json::from_str::<Value>(text).ok()) {
        let kind = value["resourceType"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        of.entry(kind).or_default().push(value);
    }
    let of = |kind: &str| of.get(kind).map_or(&[][..], Vec::as_slice);
    let structures = of("StructureDefinition");
    let mut own = Profiles::default();
    if let Some(first) = structures.first() {
        let text = url(first);
        let end = text.find("StructureDefinition/").unwrap_or(text.len());
        text[..end].clone_into(&mut own.base);
    }
    for system in of("CodeSystem") {
        let codes = concepts(&system["concept"]).into_iter();
        let codes = codes.map(|code| (url(system).to_owned(), code.to_owned()));
        own.systems.insert(url(system).to_owned(), Set::new(codes));
    }
    for set in of("ValueSet") {
        own.sets
            .insert(url(set).to_owned(), expanded(set, &own.systems));
    }
    let kinds: HashMap<&str, &str> = structures
        .iter()
        .map(|one| (url(one), text(one, "type")))
        .collect();
    for one in structures {
        own.by_url.insert(url(one).to_owned(), profile(one, &kinds));
    }
    own
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn url(value: &Value) -> &str {
    text(value, "url")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

fn concepts(value: &Value) -> Vec<&str> {
    let mut out = Vec::new();
    for concept in list(value) {
        out.push(text(concept, "code"));
        out.extend(concepts(&concept["concept"]));
    }
    out
}

fn expanded(set: &Value, systems: &HashMap<String, Set>) -> Set {
    let mut codes = Vec::new();
    for include in list(&set["compose"]["include"]) {
        let system = text(include, "system");
        let named = concepts(&include["concept"]);
        codes.extend(
            named
                .iter()
                .map(|code| (system.to_owned(), (*code).to_owned())),
        );
        if let (true, Some(all)) = (named.is_empty(), systems.get(system)) {
            codes.extend(all.all().map(|(s, c)| (s.to_owned(), c.to_owned())));
        }
    }
    Set::new(codes)
}

fn profile(value: &Value, kinds: &HashMap<&str, &str>) -> Profile {
    let mut root = Spec::default();
    for element in list(&value["snapshot"]["element"]) {
        let id = text(element, "id");
        let mut way = id.split('.');
        way.next();
        let mut place = &mut root;
        for segment in way {
            place = below(place, segment);
        }
        fill(place, element, kinds);
    }
    let contexts = list(&value["context"]).iter();
    Profile {
        id: text(value, "id").to_owned(),
        kind: text(value, "type").to_owned(),
        contexts: contexts
            .map(|context| text(context, "expression").to_owned())
            .collect(),
        root,
    }
}

/// The child or slice that a segment of an element's id names, such as `coding:kap`.
fn below<'s>(place: &'s mut Spec, segment: &str) -> &'s mut Spec {
    let (name, slice) = match segment.split_once(':') {
        Some((name, slice)) => (name, Some(slice)),
        None => (segment, None),
    };
    let name = name.trim_end_matches("[x]");
    let child = at(
        &mut place.children,
        |spec| spec.name == name,
        || Spec {
            name: name.to_owned(),
            ..Spec::default()
        },
    );
    let Some(slice) = slice else {
        return child;
    };
    at(
        &mut child.slices,
        |spec| spec.slice.as_deref() == Some(slice),
        || Spec {
            name: name.to_owned(),
            slice: Some(slice.to_owned()),
            ..Spec::default()
        },
    )
}

fn at(all: &mut Vec<Spec>, is: impl Fn(&Spec) -> bool, fresh: impl Fn() -> Spec) -> &mut Spec {
    let index = all.iter().position(is).unwrap_or_else(|| {
        all.push(fresh());
        all.len() - 1
    });
    &mut all[index]
}

fn fill(spec: &mut Spec, element: &Value, kinds: &HashMap<&str, &str>) {
    let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    spec.min = number(&element["min"]).unwrap_or(0);
    spec.max = text(element, "max").parse().ok();
    let base = &element["base"];
    spec.counted = spec.slice.is_some()
        || number(&base["min"]) != Some(spec.min)
        || base["max"] != element["max"];
    spec.types = list(&element["type"])
        .iter()
        .map(|kind| allowed(kind, kinds))
        .collect();
    for (name, value) in element.as_object().into_iter().flatten() {
        if name.starts_with("fixed") {
            spec.fixed = Some(value.clone());
        } else if name.starts_with("pattern") {
            spec.pattern = Some(value.clone());
        } else if name.starts_with("minValue") {
            spec.least = value.as_f64();
        } else if name.starts_with("maxValue") {
            spec.most = value.as_f64();
        }
    }
    let binding = &element["binding"];
    let strength = text(binding, "strength");
    if let ("required" | "extensible", Some(url)) = (strength, binding["valueSet"].as_str()) {
        spec.binding = Some(Bound {
            required: strength == "required",
            name: last(url).to_owned(),
            url: url.to_owned(),
        });
    }
    let slicing = &element["slicing"];
    spec.closed = text(slicing, "rules") == "closed";
    spec.discriminators = list(&slicing["discriminator"])
        .iter()
        .map(discriminator)
        .collect();
    spec.rules = list(&element["constraint"])
        .iter()
        .filter_map(rule)
        .collect();
}

fn last(url: &str) -> &str {
    let url = url.split('|').next().unwrap_or(url);
    url.rsplit('/').next().unwrap_or(url)
}

fn allowed(kind: &Value, kinds: &HashMap<&str, &str>) -> Allowed {
    // What the snapshots of the standard call a string of FHIRPath may be any string of FHIR.
    let system = text(kind, "code").starts_with("http://hl7.org/fhirpath/System.");
    let code = if system { ANY } else { text(kind, "code") };
    let targets = list(&kind["targetProfile"])
        .iter()
        .filter_map(Value::as_str);
    let named = |url: &str| {
        let name = kinds.get(url).copied().unwrap_or_else(|| last(url));
        definitions::resource(name).map(|own| own.name)
    };
    let all: Vec<Option<&'static str>> = targets.map(named).collect();
    Allowed {
        code: code.to_owned(),
        // Where one of them is any resource, or a profile of another publisher, nothing is judged.
        targets: all.into_iter().collect::<Option<_>>().unwrap_or_default(),
        profile: list(&kind["profile"])
            .first()
            .and_then(Value::as_str)
            .map(str::to_owned),
    }
}

fn discriminator(value: &Value) -> Discriminator {
    let by = match text(value, "type") {
        "type" => By::Type,
        "exists" => By::Exists,
        _ => By::Value,
    };
    Discriminator {
        by,
        path: text(value, "path").to_owned(),
    }
}

/// A rule of the profile; those of the standard are asked elsewhere.
fn rule(value: &Value) -> Option<Rule> {
    let source = text(value, "source");
    if source.is_empty() || source.starts_with(STANDARD) {
        return None;
    }
    let leaked =
        |name: &str| -> &'static str { Box::leak(text(value, name).to_owned().into_boxed_str()) };
    Some(Rule {
        key: leaked("key"),
        severity: match text(value, "severity") {
            "warning" => Severity::Warning,
            _ => Severity::Error,
        },
        human: leaked("human"),
        // That all of ours can be read is tested.
        expression: Expression::new(text(value, "expression")).ok()?,
    })
}
