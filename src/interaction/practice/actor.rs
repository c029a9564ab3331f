//! Who acts in an episode, and the ids that their new records get.

use uuid::Uuid;

use crate::access::{Access, Role};
use crate::error::{Error, Result};
use crate::kap::act::{Actor, Side};
use crate::kap::{Episode, Id};

/// Namespace of derived ids (UUID version 5 of the canonical base's URL).
const NAMESPACE: Uuid = Uuid::from_u128(0x6ba7_b811_9dad_11d1_80b4_00c0_4fd4_30c8);

/// The part that the caller's organization has in the episode.
///
/// # Errors
/// `NotFound` where it has none: to such a caller the episode does not exist.
pub fn of(access: &Access, episode: &Episode) -> Result<Actor> {
    let Some(caller) = access.caller() else {
        return Err(Error::not_found());
    };
    let organizations = &episode.organizations;
    let is = |id: &Id| *id == caller.organization;
    let side = if is(&organizations.practice.id) {
        Side::Practice
    } else if is(&organizations.partner.id) {
        Side::Partner
    } else if organizations.pharmacy.as_ref().is_some_and(|p| is(&p.id)) {
        Side::Pharmacy
    } else {
        Side::External
    };
    Ok(Actor {
        organization: caller.organization.clone(),
        side,
        prescriber: caller.role == Role::PartnerPrescriber,
        admin: caller.role.is_of_practice(),
    })
}

/// Makes ids: the same seed and name give the same id, so a repeated command writes the same records.
pub fn ids(tenant: &str, seed: &str) -> impl Fn(&str) -> Id + use<> {
    let seed = format!("kap-fhir|{tenant}|{seed}");
    move |name| {
        let uuid = Uuid::new_v5(&NAMESPACE, format!("{seed}|{name}").as_bytes());
        Id::new(uuid.to_string()).unwrap_or_default()
    }
}
