//! The roles of clients and what each may do: the ceiling above every scope.

use super::scope::Interaction;
use crate::kap::base::codes;

codes! {
    /// What a client is to the practice.
    Role {
        PracticeTherapist = "practice-therapist", PracticeAdmin = "practice-admin", PartnerPrescriber = "partner-prescriber",
        PartnerNurse = "partner-nurse", Pharmacy = "pharmacy", ExternalEhr = "external-ehr", Integrator = "integrator",
        PrivacyOfficer = "privacy-officer",
    }
}

impl Role {
    /// Whether the role may ever do `interaction` on resources of type `kind`.
    #[must_use]
    pub fn allows(self, _interaction: Interaction, _kind: &str) -> bool {
        false
    }
}
