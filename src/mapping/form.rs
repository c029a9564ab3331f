//! Forms.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::Id;
use crate::kap::dosing::{Checklist, Discharge};
pub fn write_checklist(_s: &Id, _x: &Checklist, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_discharge(_s: &Id, _x: &Discharge, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
