//! Which slice of a list an item belongs to (<https://hl7.org/fhir/R4/profiling.html#discriminator>).

use super::{By, Discriminator, Profiles, Spec, matches};
use crate::fhir::fhirpath::{Item, Node};
use crate::fhir::validate::binding_outside;

/// Whether the item belongs to the slice of an element that is sliced by `discriminators`.
pub(super) fn belongs(
    profiles: &Profiles,
    slice: &Spec,
    discriminators: &[Discriminator],
    item: Node<'_>,
) -> bool {
    !discriminators.is_empty()
        && discriminators
            .iter()
            .all(|by| meets(profiles, slice, by, item))
}

fn meets(profiles: &Profiles, slice: &Spec, by: &Discriminator, item: Node<'_>) -> bool {
    // The address of an extension says which it is; its slice names the definition.
    if by.path == "url"
        && let Some(url) = slice.types.iter().find_map(|kind| kind.profile.as_deref())
    {
        let found = item.value.and_then(|value| value.get("url")?.as_str());
        return found == Some(url);
    }
    let mut spec = Some(slice);
    let mut nodes = vec![item];
    for step in by.path.split('.').filter(|step| *step != "$this") {
        spec = spec.and_then(|spec| spec.children.iter().find(|child| child.name == step));
        let mut found = Vec::new();
        for node in &nodes {
            node.named(step, &mut found);
        }
        nodes = found
            .into_iter()
            .filter_map(|item| match item {
                Item::Node(node) => Some(node),
                _ => None,
            })
            .collect();
    }
    let Some(spec) = spec else {
        return false;
    };
    match by.by {
        By::Exists => nodes.is_empty() == (spec.max == Some(0)),
        By::Type => nodes
            .iter()
            .all(|node| spec.types.iter().any(|kind| kind.code == node.kind)),
        By::Value => nodes.iter().any(|node| states(profiles, spec, *node)),
    }
}

fn states(profiles: &Profiles, spec: &Spec, node: Node<'_>) -> bool {
    let Some(value) = node.value else {
        return false;
    };
    match (&spec.fixed, &spec.pattern, &spec.binding) {
        (Some(fixed), ..) => fixed == value,
        (None, Some(pattern), _) => matches::pattern(pattern, value),
        (None, None, Some(bound)) if bound.required => profiles
            .set(&bound.url)
            .is_some_and(|set| binding_outside(set, &bound.name, node.kind, value).is_none()),
        // What is told apart by the parts of it, such as a code within a pattern of its coding.
        _ => {
            let parts: Vec<&Spec> = spec
                .children
                .iter()
                .filter(|child| child.fixed.is_some() || child.pattern.is_some())
                .collect();
            !parts.is_empty()
                && parts.iter().all(|part| {
                    let mut found = Vec::new();
                    node.named(&part.name, &mut found);
                    found.iter().any(|item| match item {
                        Item::Node(node) => states(profiles, part, *node),
                        _ => false,
                    })
                })
        }
    }
}
