//! Extensions and codes that definitions of ours define, wherever they stand in a resource.

use serde_json::Value;

use super::judge::{Judge, contained};
use super::{Profiles, Spec};
use crate::fhir::definitions::{Severity, Type};
use crate::fhir::fhirpath::{Context, Item, Node};
use crate::fhir::validate::{Depth, Found, Path};

pub(super) fn words(profiles: &'static Profiles, node: Node<'_>, depth: Depth) -> Vec<Found> {
    let mut judge = Judge {
        profiles,
        id: "",
        depth,
        contained: contained(node),
        found: Vec::new(),
    };
    let path = Path::Root(node.kind);
    walk(&mut judge, node, "", &path, &Context::new(node, node));
    debug_assert!(
        judge
            .found
            .iter()
            .all(|one| one.severity == Severity::Error || depth == Depth::Warnings)
    );
    judge.found
}

fn walk<'v>(
    judge: &mut Judge<'static>,
    node: Node<'v>,
    element: &str,
    at: &Path<'_>,
    context: &Context<'v>,
) {
    if node.kind == "Coding" {
        coding(judge, node, at);
    }
    let Some(own) = node.own else {
        return aside(judge, node, element, at, context);
    };
    for part in &own.elements {
        let mut items = Vec::new();
        if !stands(node, part.name, part.choice) {
            continue;
        }
        node.named(part.name, &mut items);
        let path = at.member(part.name);
        for (n, item) in items.iter().enumerate() {
            let Item::Node(item) = item else {
                continue;
            };
            let place = path.at(n);
            let place = if part.list { &place } else { &path };
            if part.name.ends_with("xtension") {
                extension(judge, *item, own, element, place, context);
            }
            let below = format!("{}.{}", own.name, part.name);
            walk(judge, *item, &below, place, context);
        }
    }
}

/// Whether anything of that name stands there: most elements of most types do not.
fn stands(node: Node<'_>, name: &str, choice: bool) -> bool {
    let Some(members) = node.value.and_then(Value::as_object) else {
        return false;
    };
    members.keys().any(|member| {
        let plain = member.strip_prefix('_').unwrap_or(member);
        plain == name || (choice && plain.starts_with(name))
    })
}

/// Beside a primitive stand extensions as well.
fn aside<'v>(
    judge: &mut Judge<'static>,
    node: Node<'v>,
    element: &str,
    at: &Path<'_>,
    context: &Context<'v>,
) {
    if node.beside.is_none() {
        return;
    }
    let mut items = Vec::new();
    node.named("extension", &mut items);
    let path = at.member("extension");
    for (n, item) in items.iter().enumerate() {
        if let (Item::Node(item), Some(own)) = (item, crate::fhir::definitions::named("Element")) {
            extension(judge, *item, own, element, &path.at(n), context);
            walk(judge, *item, "Element.extension", &path.at(n), context);
        }
    }
}

fn coding(judge: &mut Judge<'static>, node: Node<'_>, at: &Path<'_>) {
    let text = |name: &str| node.value.and_then(|value| value.get(name)?.as_str());
    let (Some(system), Some(code)) = (text("system"), text("code")) else {
        return;
    };
    if let Some(set) = judge.profiles.systems.get(system)
        && !set.has(system, code)
    {
        let text = format!("The code system has no such code; it has {}.", set.hint());
        judge.say("code-invalid", &at.to_string(), text);
    }
}

fn extension<'v>(
    judge: &mut Judge<'static>,
    node: Node<'v>,
    holder: &'static Type,
    element: &str,
    at: &Path<'_>,
    context: &Context<'v>,
) {
    let Some(url) = node.value.and_then(|value| value.get("url")?.as_str()) else {
        return;
    };
    if !judge.profiles.owns(url) {
        return;
    }
    let profiles: &'static Profiles = judge.profiles;
    let Some(profile) = profiles
        .profile(url)
        .filter(|profile| profile.kind == "Extension")
    else {
        return judge.say(
            "extension",
            &at.to_string(),
            "There is no such extension.".into(),
        );
    };
    let fits = |wanted: &String| {
        *wanted == holder.name || *wanted == element || (wanted == "Resource" && holder.resource)
    };
    if !profile.contexts.iter().any(fits) {
        let text = format!(
            "The extension {} stands on {}, not here.",
            profile.id,
            profile.contexts.join(", ")
        );
        judge.say("extension", &at.to_string(), text);
    }
    let before = std::mem::replace(&mut judge.id, &profile.id);
    let root: &'static Spec = &profile.root;
    judge.element(root, node, at, context);
    judge.id = before;
}
