//! One walk through a resource along the tables of the standard.

use serde_json::{Map, Value};

use super::contained::Contained;
use super::path::Path;
use super::rule::broken;
use super::{Depth, ENOUGH, Found, binding, target};
use crate::error::Issue;
use crate::fhir::definitions::{self, Element, Kind, Rule, Severity, Strength, Type};
use crate::fhir::fhirpath::{Context, Node};
use crate::fhir::primitive::fault;

/// The walk, and what it found.
#[derive(Debug)]
pub struct Walk {
    pub found: Vec<Found>,
    depth: Depth,
    contained: Contained,
    /// How many faults of form were found: a rule is not asked about what cannot be read.
    forms: usize,
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Place<'v> {
    context: Context<'v>,
    contained: bool,
}

impl Walk {
    pub fn new(depth: Depth) -> Self {
        Self {
            found: Vec::new(),
            depth,
            contained: Contained::default(),
            forms: 0,
        }
    }

    /// Walks through a resource that is part of no other.
    pub fn resource(&mut self, value: &Value) {
        let name = value["resourceType"].as_str().unwrap_or("Resource");
        let path = Path::Root(name);
        match (Node::resource(value), value.as_object()) {
            (Some(node), Some(members)) => {
                let place = Place {
                    context: Context::new(node, node),
                    contained: false,
                };
                if let Some(own) = node.own {
                    self.contained = Contained::of(members);
                    self.object(own, members, &path, place);
                    self.used(members, &path);
                    self.rules(&own.rules, node, &path, place);
                }
            }
            _ => self.form("structure", &path, "R4 has no such resource type."),
        }
    }

    fn say(&mut self, form: bool, code: &'static str, at: &Path<'_>, text: String) {
        self.forms += usize::from(form);
        if self.found.len() >= ENOUGH {
            return;
        }
        self.found.push(Found {
            severity: Severity::Error,
            form,
            issue: Issue {
                code: Some(code),
                text,
                at: Some(at.to_string()),
                ..Issue::default()
            },
        });
    }

    fn form(&mut self, code: &'static str, at: &Path<'_>, text: &str) {
        self.say(true, code, at, text.to_owned());
    }

    fn object(
        &mut self,
        own: &'static Type,
        members: &Map<String, Value>,
        at: &Path<'_>,
        place: Place<'_>,
    ) {
        if members.is_empty() {
            return self.form("structure", at, "An object is never empty.");
        }
        let mut seen = 0_u128;
        let mut choices: Vec<(usize, &str)> = Vec::new();
        for (name, value) in members {
            let path = at.member(name);
            let (plain, beside) = match name.strip_prefix('_') {
                Some(plain) => (plain, true),
                None => (name.as_str(), false),
            };
            let (Some((element, kind)), Some(n)) = (own.json(plain), own.place(plain)) else {
                if name != "resourceType" || !own.resource {
                    self.form("structure", &path, "There is no such element.");
                }
                continue;
            };
            seen |= 1 << n.min(127);
            if element.choice && !choices.contains(&(n, plain)) {
                if choices.iter().any(|(other, _)| *other == n) {
                    let text = "Only one of the types of this element may stand.";
                    self.form("structure", &path, text);
                }
                choices.push((n, plain));
            }
            let primitive = kind.of().is_none() && kind.name != "Resource";
            match (beside, primitive) {
                (true, false) => self.form("structure", &path, "There is no such element."),
                (true, true) => self.beside(element, value, members.get(plain), &path, place),
                (false, _) => self.element(element, kind, value, members, &path, place),
            }
        }
        for (n, element) in own.elements.iter().enumerate() {
            if element.min > 0
                && seen & (1 << n.min(127)) == 0
                && let Some(kind) = element.kinds.first()
            {
                self.form(
                    "required",
                    &at.member(&kind.json),
                    "This element is required.",
                );
            }
        }
    }

    fn says_something(&mut self, members: &Map<String, Value>, at: &Path<'_>) {
        if members.len() == 1 && members.contains_key("id") {
            let text = "An element has a value or elements, not an id alone (ele-1).";
            self.say(false, "invariant", at, text.to_owned());
        }
    }

    fn element(
        &mut self,
        element: &'static Element,
        kind: &'static Kind,
        value: &Value,
        members: &Map<String, Value>,
        at: &Path<'_>,
        place: Place<'_>,
    ) {
        let items = match (element.list, value) {
            (true, Value::Array(items)) => items,
            (true, _) => return self.form("structure", at, "This element is a list."),
            (false, Value::Array(_)) => {
                return self.form("structure", at, "This element is no list.");
            }
            (false, _) => return self.single(element, kind, value, at, place),
        };
        if items.is_empty() {
            return self.form("structure", at, "A list is never empty.");
        }
        for (i, item) in items.iter().enumerate() {
            // In a list of primitives null keeps the place of one that has extensions alone.
            let kept = || {
                members
                    .get(&element.beside)
                    .is_some_and(|beside| beside[i].is_object())
            };
            if !item.is_null() {
                self.single(element, kind, item, &at.at(i), place);
            } else if kind.of().is_some() || !kept() {
                let text =
                    "Null stands only in a list of primitives, for one that has extensions alone.";
                self.form("structure", &at.at(i), text);
            }
        }
    }

    /// What stands beside a primitive: its id and extensions.
    fn beside(
        &mut self,
        element: &'static Element,
        value: &Value,
        plain: Option<&Value>,
        at: &Path<'_>,
        place: Place<'_>,
    ) {
        let Some(own) = definitions::named("Element") else {
            return;
        };
        match (element.list, value) {
            (true, Value::Array(items)) => {
                let other = plain.and_then(Value::as_array).map(Vec::len);
                if items.iter().all(Value::is_null) || other.is_some_and(|n| n != items.len()) {
                    let text = "This list is as long as the one that it stands beside, and has something to say.";
                    self.form("structure", at, text);
                }
                for (i, item) in items.iter().enumerate() {
                    let alone = plain.is_none_or(|plain| plain[i].is_null());
                    match item {
                        Value::Null => {}
                        item => self.aside(own, item, alone, &at.at(i), place),
                    }
                }
            }
            (true, _) => self.form("structure", at, "This element is a list."),
            (false, value) => self.aside(own, value, plain.is_none(), at, place),
        }
    }

    fn aside(
        &mut self,
        own: &'static Type,
        value: &Value,
        alone: bool,
        at: &Path<'_>,
        place: Place<'_>,
    ) {
        match value {
            Value::Object(members) => {
                self.object(own, members, at, place);
                if alone {
                    self.says_something(members, at);
                }
            }
            _ => self.form(
                "structure",
                at,
                "Beside a primitive stands an object with id or extension.",
            ),
        }
    }

    fn single(
        &mut self,
        element: &'static Element,
        kind: &'static Kind,
        value: &Value,
        at: &Path<'_>,
        place: Place<'_>,
    ) {
        if kind.name == "Resource" {
            return self.inside(value, at, place);
        }
        let before = self.forms;
        let node = match (kind.of(), value) {
            (Some(own), Value::Object(members)) => {
                self.object(own, members, at, place);
                self.says_something(members, at);
                Node::of(value, own)
            }
            (Some(_), _) => {
                let text = format!("A {} is an object.", kind.name);
                return self.say(true, "structure", at, text);
            }
            (None, _) => {
                if let Some(text) = fault(kind.name, value) {
                    let rule = kind.name == "xhtml";
                    return self.say(!rule, if rule { "invariant" } else { "value" }, at, text);
                }
                Node {
                    value: Some(value),
                    beside: None,
                    kind: kind.name,
                    own: None,
                }
            }
        };
        if self.forms > before {
            return;
        }
        if let Some(bound) = &element.binding {
            self.bound(bound, kind, value, at);
        }
        if kind.name == "Reference" {
            self.reference(value, &kind.targets, at);
        }
        if let Some(own) = node.own {
            self.rules(&own.rules, node, at, place);
        }
        self.rules(&element.rules, node, at, place);
    }

    fn reference(&mut self, value: &Value, targets: &[&str], at: &Path<'_>) {
        if let Some(text) = target::fault(value, targets, &self.contained) {
            self.say(false, "value", at, text);
        }
        let inner = value["reference"]
            .as_str()
            .and_then(|text| text.strip_prefix('#'));
        if inner.is_some_and(|id| !id.is_empty() && !self.contained.has(id)) {
            let text = "The resource that this points at must be contained (ref-1).";
            self.rule("ref-1", at, text);
        }
    }

    /// Whether each contained resource is referred to, or refers to the one that contains it.
    fn used(&mut self, members: &Map<String, Value>, at: &Path<'_>) {
        let unused = self.contained.unused(members);
        if unused {
            let text =
                "A contained resource is referred to, or refers to what contains it (dom-3).";
            self.rule("dom-3", at, text);
        }
    }

    fn rule(&mut self, key: &str, at: &Path<'_>, text: &str) {
        self.say(false, "invariant", at, text.to_owned());
        if let Some(last) = self.found.last_mut() {
            last.issue.rule = Some(key.to_owned());
        }
    }

    fn bound(
        &mut self,
        bound: &'static definitions::Binding,
        kind: &Kind,
        value: &Value,
        at: &Path<'_>,
    ) {
        if bound.strength != Strength::Extensible {
            if let Some((below, text)) = binding::fault(bound, kind.name, value) {
                let path = format!("{at}{below}");
                self.say(false, "code-invalid", &Path::Root(&path), text);
            }
        } else if self.depth == Depth::Warnings
            && let Some(text) = binding::doubt(bound, kind.name, value)
        {
            self.say(false, "code-invalid", at, text);
            if let Some(last) = self.found.last_mut() {
                last.severity = Severity::Warning;
            }
        }
    }

    /// A resource within another.
    fn inside(&mut self, value: &Value, at: &Path<'_>, place: Place<'_>) {
        let (Some(name), Some(members)) = (value["resourceType"].as_str(), value.as_object())
        else {
            return self.form("required", at, "A contained resource names its type.");
        };
        let Some(node) = Node::resource(value) else {
            let text = format!(
                "R4 has no resource type of this name ({} letters).",
                name.len()
            );
            return self.say(true, "structure", at, text);
        };
        if place.contained || (members.contains_key("contained") && within(at)) {
            let text = "A contained resource contains none itself (dom-2).";
            return self.form("structure", at, text);
        }
        // An entry of a Bundle stands for itself.
        let contained = within(at);
        let root = place.context.root.filter(|_| contained).unwrap_or(node);
        let place = Place {
            context: Context::new(node, root),
            contained,
        };
        if let Some(own) = node.own {
            let before = self.forms;
            self.object(own, members, at, place);
            if self.forms == before {
                self.rules(&own.rules, node, at, place);
            }
        }
    }

    fn rules(&mut self, rules: &[&'static Rule], node: Node<'_>, at: &Path<'_>, place: Place<'_>) {
        for rule in rules {
            if self.found.len() >= ENOUGH {
                return;
            }
            if rule.severity == Severity::Warning && self.depth == Depth::Errors {
                continue;
            }
            let Some(text) = broken(rule, node, &place.context) else {
                continue;
            };
            self.found.push(Found {
                severity: rule.severity,
                form: false,
                issue: Issue {
                    code: Some("invariant"),
                    text,
                    at: Some(at.to_string()),
                    rule: Some(rule.key.to_owned()),
                    ..Issue::default()
                },
            });
        }
    }
}

/// Whether the way leads to an item of `contained`.
fn within(at: &Path<'_>) -> bool {
    matches!(at, Path::At(Path::Member(_, "contained"), _))
}
