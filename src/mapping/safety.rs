//! Safety.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::safety::{AdverseEvent, DetectedIssue};
pub fn write_issue(_x: &DetectedIssue, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_event(_x: &AdverseEvent, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read_issue<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_event<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
