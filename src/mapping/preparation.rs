//! Preparation.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::preparation::{Intention, TreatmentPlan};
pub fn write_plan(_x: &TreatmentPlan, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_intention(_x: &Intention, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read_plan<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_intention<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
