//! Doses and effects.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::Id;
use crate::kap::dosing::{Dose, Effects, SideEffect};
pub fn write(_s: &Id, _x: &Dose, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_effects(_s: &Id, _x: &Effects, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_side_effect(_s: &Id, _x: &SideEffect, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_effects<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
