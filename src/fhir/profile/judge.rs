//! A resource against a profile.

use serde_json::Value;

use super::{ANY, Profile, Profiles, Spec, matches, slice};
use crate::error::Issue;
use crate::fhir::definitions::Severity;
use crate::fhir::fhirpath::{Context, Item, Node};
use crate::fhir::validate::{
    Contained, Depth, ENOUGH, Found, Path, binding_outside, broken, target_fault,
};

pub(super) struct Judge<'j> {
    pub profiles: &'j Profiles,
    pub id: &'j str,
    pub depth: Depth,
    pub contained: Contained,
    pub found: Vec<Found>,
}

/// What the resource contains.
pub(super) fn contained(node: Node<'_>) -> Contained {
    let members = node.value.and_then(Value::as_object);
    members.map(Contained::of).unwrap_or_default()
}

/// What the profile finds.
pub(super) fn profile(
    profiles: &'static Profiles,
    profile: &'static Profile,
    node: Node<'_>,
    depth: Depth,
) -> Vec<Found> {
    let mut judge = Judge {
        profiles,
        id: &profile.id,
        depth,
        contained: contained(node),
        found: Vec::new(),
    };
    let path = Path::Root(node.kind);
    if profile.kind != node.kind {
        let text = format!(
            "The profile {} is of {}, not of this type.",
            profile.id, profile.kind
        );
        judge.say("value", &path.member("meta").to_string(), text);
        return judge.found;
    }
    judge.element(&profile.root, node, &path, &Context::new(node, node));
    judge.found
}

impl Judge<'_> {
    pub(super) fn say(&mut self, code: &'static str, at: &str, text: String) {
        self.add(code, at, text, Severity::Error, None);
    }

    fn add(
        &mut self,
        code: &'static str,
        at: &str,
        text: String,
        severity: Severity,
        rule: Option<String>,
    ) {
        if severity == Severity::Warning && self.depth == Depth::Errors {
            return;
        }
        let found = Found {
            severity,
            form: false,
            issue: Issue {
                code: Some(code),
                text,
                at: Some(at.to_owned()),
                rule,
                ..Issue::default()
            },
        };
        // A slice repeats what is said of all.
        if self.found.len() < ENOUGH && !self.found.contains(&found) {
            self.found.push(found);
        }
    }

    /// An element against what is said of it and below it.
    pub(super) fn element<'v>(
        &mut self,
        spec: &'static Spec,
        node: Node<'v>,
        at: &Path<'_>,
        context: &Context<'v>,
    ) {
        self.value(spec, node, at);
        for rule in &spec.rules {
            if rule.severity == Severity::Warning && self.depth == Depth::Errors {
                continue;
            }
            if let Some(text) = broken(rule, node, context) {
                let key = Some(rule.key.to_owned());
                self.add("invariant", &at.to_string(), text, rule.severity, key);
            }
        }
        for child in &spec.children {
            self.children(child, node, at, context);
        }
    }

    fn children<'v>(
        &mut self,
        spec: &'static Spec,
        node: Node<'v>,
        at: &Path<'_>,
        context: &Context<'v>,
    ) {
        let asked =
            spec.counted || spec.asks() || !spec.children.is_empty() || !spec.slices.is_empty();
        if !asked {
            return;
        }
        let mut items = Vec::new();
        node.named(&spec.name, &mut items);
        let path = at.member(&spec.name);
        self.count(spec, items.len(), &path);
        let list = node
            .own
            .and_then(|own| own.path(&spec.name))
            .is_some_and(|element| element.list);
        let mut counts = vec![0; spec.slices.len()];
        for (n, item) in items.iter().enumerate() {
            let Item::Node(item) = item else {
                continue;
            };
            let place = path.at(n);
            let place = if list { &place } else { &path };
            let context = inner(*item, context, &spec.name);
            self.element(spec, *item, place, &context);
            let mut taken = false;
            for (k, one) in spec.slices.iter().enumerate() {
                if slice::belongs(self.profiles, one, &spec.discriminators, *item) {
                    counts[k] += 1;
                    taken = true;
                    self.element(one, *item, place, &context);
                }
            }
            if spec.closed && !taken {
                let text = format!(
                    "The profile {} allows no other than its slices here.",
                    self.id
                );
                self.say("structure", &place.to_string(), text);
            }
        }
        for (one, count) in spec.slices.iter().zip(counts) {
            // Of extensions the one that is meant is a place of its own.
            match one.types.first().and_then(|kind| kind.profile.as_deref()) {
                Some(url) if spec.name == "extension" => {
                    self.count(one, count, &Path::Extension(at, url));
                }
                _ => self.count(one, count, &path),
            }
        }
    }

    fn count(&mut self, spec: &Spec, count: usize, at: &Path<'_>) {
        if !spec.counted {
            return;
        }
        let what = match &spec.slice {
            Some(slice) => format!("{} ({slice})", spec.name),
            None => spec.name.clone(),
        };
        if count < spec.min {
            let text = format!("{what} is required by the profile {}.", self.id);
            self.say("required", &at.to_string(), text);
        }
        if let Some(max) = spec.max.filter(|max| count > *max) {
            let text = match max {
                0 => format!("{what} does not stand under the profile {}.", self.id),
                _ => format!(
                    "{what} stands at most {max} times under the profile {}.",
                    self.id
                ),
            };
            self.say("structure", &at.to_string(), text);
        }
    }

    fn value(&mut self, spec: &'static Spec, node: Node<'_>, at: &Path<'_>) {
        let id = self.id;
        let kinds = &spec.types;
        if !kinds.is_empty()
            && !kinds.iter().any(|kind| kind.code == node.kind)
            && is_data(spec, node)
        {
            let names: Vec<&str> = kinds.iter().map(|kind| &*kind.code).collect();
            let text = format!("The profile {id} allows {} here.", names.join(", "));
            return self.say("structure", &at.to_string(), text);
        }
        let Some(value) = node.value else {
            return;
        };
        if node.kind == "Reference"
            && let Some(kind) = kinds.iter().find(|kind| kind.code == "Reference")
            && let Some(text) = target_fault(value, &kind.targets, &self.contained)
        {
            self.say("value", &at.to_string(), format!("{text} (profile {id})"));
        }
        let fixed = spec.fixed.as_ref().is_none_or(|fixed| fixed == value);
        let pattern = spec
            .pattern
            .as_ref()
            .is_none_or(|wanted| matches::pattern(wanted, value));
        if let (false, Some(wanted)) = (
            fixed && pattern,
            spec.fixed.as_ref().or(spec.pattern.as_ref()),
        ) {
            let text = format!("The profile {id} asks for {} here.", matches::said(wanted));
            self.say("value", &at.to_string(), text);
        }
        self.bounds(spec, value, at);
        if let Some(bound) = &spec.binding
            && let Some(set) = self.profiles.set(&bound.url)
            && let Some((below, text)) = binding_outside(set, &bound.name, node.kind, value)
        {
            let severity = if bound.required {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.add(
                "code-invalid",
                &format!("{at}{below}"),
                text,
                severity,
                None,
            );
        }
    }

    fn bounds(&mut self, spec: &Spec, value: &Value, at: &Path<'_>) {
        let id = self.id;
        let number = value.as_f64();
        let low = number
            .zip(spec.least)
            .is_some_and(|(found, least)| found < least);
        let high = number
            .zip(spec.most)
            .is_some_and(|(found, most)| found > most);
        if low || high {
            let text = format!("The profile {id} sets a bound here that this number is beyond.");
            self.say("value", &at.to_string(), text);
        }
    }
}

impl Spec {
    /// Whether anything is asked of what stands there.
    fn asks(&self) -> bool {
        let stated = self.fixed.is_some() || self.pattern.is_some() || self.binding.is_some();
        let bound = self.least.is_some() || self.most.is_some();
        stated || bound || !self.rules.is_empty() || !self.types.is_empty()
    }
}

/// Whether the types of the element are those of a value: a group of elements, or a resource, is of no other.
fn is_data(spec: &Spec, node: Node<'_>) -> bool {
    let plain = |code: &str| {
        matches!(
            code,
            "BackboneElement" | "Element" | "Resource" | "xhtml" | ANY
        )
    };
    !node.kind.contains('.') && !spec.types.iter().any(|kind| plain(&kind.code))
}

/// What an expression may ask for below a contained resource.
fn inner<'v>(item: Node<'v>, context: &Context<'v>, name: &str) -> Context<'v> {
    if name != "contained" {
        return *context;
    }
    Context {
        resource: Some(item),
        ..*context
    }
}
