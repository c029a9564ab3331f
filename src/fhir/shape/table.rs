//! What the definitions say of elements as far as a subset needs it.

use crate::fhir::definitions::{named, resource};

/// An element of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    /// Its name; of a choice element without its type.
    pub name: &'static str,
    pub summary: bool,
    /// Whether it always stays: it is required, or it modifies what others mean.
    pub must: bool,
    /// The group of elements that it holds, where that is one of its resource's own and not a type that many use.
    pub group: Option<&'static str>,
}

/// Whether resources of type `kind` have an element of this name.
pub(super) fn has(kind: &str, name: &str) -> bool {
    resource(kind).is_some_and(|own| own.path(name).is_some())
}

/// The element that stands in JSON as `name` in a type or group of elements; a choice element has its type in its JSON name.
pub(super) fn find(own: &str, name: &str) -> Option<Element> {
    let (element, kind) = named(own)?.json(name)?;
    Some(Element {
        name: element.name,
        summary: element.summary,
        must: element.min > 0 || element.modifier,
        group: Some(kind.name).filter(|name| name.contains('.')),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::parameter;

    #[test]
    fn elements_are_found_by_their_json_names() {
        let found = |own, name| find(own, name).map(|element| element.name);
        assert_eq!(found("Observation", "valueQuantity"), Some("value"));
        assert_eq!(found("Observation", "status"), Some("status"));
        assert_eq!(found("Observation", "colour"), None);
        assert_eq!(found("Consent.provision", "type"), Some("type"));
        let like = find("Consent.provision", "provision").expect("an element");
        assert_eq!(like.group, Some("Consent.provision"));
        assert_eq!(find("Patient", "name").and_then(|name| name.group), None);
        assert!(has("Observation", "value") && has("Patient", "name"));
        assert!(!has("Observation", "value.code") && !has("Nothing", "id"));
    }

    #[test]
    fn summaries_keep_what_must_stay() {
        let of = |own, name| find(own, name).expect("an element");
        assert!(of("Patient", "name").summary && !of("Patient", "photo").summary);
        assert!(of("Observation", "code").must && of("Patient", "deceasedBoolean").must);
        assert!(!of("Observation", "note").must);
        assert_eq!(of("Patient", "contact").group, Some("Patient.contact"));
    }

    #[test]
    fn every_type_is_there_with_what_every_resource_has() {
        for kind in parameter::kinds().chain(["StructureDefinition", "ValueSet"]) {
            for name in ["id", "meta", "implicitRules", "text", "modifierExtension"] {
                assert!(has(kind, name), "{kind}.{name}");
            }
            let rules = find(kind, "implicitRules").expect("an element");
            assert!(rules.summary && rules.must, "{kind}");
        }
    }
}
