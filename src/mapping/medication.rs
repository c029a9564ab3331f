//! Medication.
use super::read::{Facts, Node, Source};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::medication::{Dispense, InventoryEntry, Prescription};
pub fn write_prescription(_x: &Prescription, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_dispense(_x: &Dispense, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn write_inventory(_x: &InventoryEntry, _e: &Episode) -> Vec<Resource> {
    vec![]
}
pub fn read_prescription<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_dispense<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
pub fn read_inventory<'v>(_node: Node<'v>, _source: &Source<'v>) -> Facts {
    Ok(vec![])
}
