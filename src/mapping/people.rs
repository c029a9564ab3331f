//! People.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::people::{Member, Patient, RelatedPerson};
pub fn write_patient(_x: &Patient, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_member(_x: &Member, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_related(_x: &RelatedPerson, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read_patient<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_member<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_related<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
