//! Consultation.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::consultation::{Allergy, HomeMedicine, Problem, Screening};
pub fn write_problem(_x: &Problem, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_allergy(_x: &Allergy, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_medicine(_x: &HomeMedicine, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_screening(_x: &Screening, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read_problem<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_allergy<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_medicine<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_screening<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
