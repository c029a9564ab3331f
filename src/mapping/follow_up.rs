//! Follow-ups.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::follow_up::{Communication, FollowUp};
pub fn write(_x: &FollowUp, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_communication(_x: &Communication, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_communication<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
