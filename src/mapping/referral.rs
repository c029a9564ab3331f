//! Referral.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::referral::Referral;
pub fn write(_x: &Referral, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
