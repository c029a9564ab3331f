//! Rules of the standard and of profiles, asked of an element.

use crate::fhir::definitions::Rule;
use crate::fhir::fhirpath::{Context, Node};

/// What to say where the rule does not hold. What cannot be known breaks no rule.
#[must_use]
pub fn broken<'a>(rule: &'a Rule, node: Node<'a>, context: &Context<'a>) -> Option<String> {
    let said = match rule.expression.holds(node, context) {
        Ok(Some(true) | None) => return None,
        Ok(Some(false)) => String::new(),
        Err(fault) => format!(" {}", fault.0),
    };
    let end = if rule.human.ends_with('.') { "" } else { "." };
    Some(format!("{}{end} ({}){said}", rule.human, rule.key))
}
