//! Integration.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::Id;
use crate::kap::integration::Integration;
pub fn write(_s: &Id, _x: &Integration, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
