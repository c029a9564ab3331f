//! Conditions of a clearance, and the reasons why a decision waits, as extensions.

use fhir_sdk::r4b::types::{Extension, ExtensionValue};

use super::build::{Parts, actor, concept, kap_parts, local};
use super::read::{Node, Read, Source};
use crate::kap::Episode;
use crate::kap::clearance::{ClearanceCondition, ConditionScope, DeferralReason};

pub fn condition(x: &ClearanceCondition, e: &Episode) -> Option<Extension> {
    let code = concept([local("kap-clearance-condition", &x.code)]);
    let parts = Parts::new()
        .text("id", Some(&x.id))
        .value("code", Some(ExtensionValue::CodeableConcept(code)))
        .text("text", Some(&x.text))
        .code("scope", Some(x.scope))
        .flag("mustSatisfy", Some(x.must_satisfy_before_dosing))
        .at("satisfiedAt", x.satisfied_at)
        .reference(
            "satisfiedBy",
            x.satisfied_by.as_ref().map(|id| actor(id, e)),
        );
    kap_parts("kap-clearance-condition", parts)
}

pub fn deferral(x: &DeferralReason, e: &Episode) -> Option<Extension> {
    let code = concept([local("kap-deferral-reason", &x.code)]);
    let parts = Parts::new()
        .value("code", Some(ExtensionValue::CodeableConcept(code)))
        .text("text", Some(&x.text))
        .reference("owner", x.owner.as_ref().map(|id| actor(id, e)));
    let parts = x
        .sensitivity
        .iter()
        .fold(parts, |p, s| p.code("sensitivity", Some(s)));
    kap_parts("kap-deferral-reason", parts)
}

pub fn read_condition<'v>(node: Node<'v>, source: &Source<'v>) -> Read<ClearanceCondition> {
    let code = part_code(node, "kap-clearance-condition")?;
    let text: Option<String> = node.part("text")?;
    let in_code = node
        .parts("code")
        .next()
        .and_then(|c| c.any_value()?.text("text"));
    let scope = node.part_code("scope", ConditionScope::from_code)?;
    let must_satisfy = node.part("mustSatisfy")?.or(node.part("blocking")?);
    let by = node.parts("satisfiedBy").next().and_then(Node::any_value);
    Ok(ClearanceCondition {
        id: node.need_part("id")?,
        text: text
            .or(in_code.map(str::to_owned))
            .unwrap_or_else(|| code.clone()),
        code,
        scope: scope.ok_or_else(|| node.missing("extension('scope')"))?,
        // A condition that does not say is one that must hold.
        must_satisfy_before_dosing: must_satisfy.unwrap_or(true),
        satisfied_at: node.part("satisfiedAt")?,
        satisfied_by: by.and_then(|r| source.actor(r)),
    })
}

pub fn read_deferral<'v>(node: Node<'v>, source: &Source<'v>) -> Read<DeferralReason> {
    let code = part_code(node, "kap-deferral-reason")?;
    let owner = node.parts("owner").next().and_then(Node::any_value);
    let text: Option<String> = node.part("text")?;
    Ok(DeferralReason {
        text: text.unwrap_or_else(|| code.clone()),
        code,
        owner: owner.and_then(|r| source.actor(r)),
        sensitivity: node.all_parts("sensitivity")?,
    })
}

/// The code of the part `code`, in the local system `system`.
fn part_code(node: Node<'_>, system: &str) -> Read<String> {
    let code = node.parts("code").next();
    let found = code.and_then(|c| c.local_code("valueCodeableConcept", system));
    found
        .map(str::to_owned)
        .ok_or_else(|| node.missing("extension('code').value.coding"))
}
