//! Prescriptions, dispenses and inventory.

use super::Gen;
use crate::kap::medication::{
    Dispense, DispenseStatus, InventoryEntry, InventoryReason, Prescription, PrescriptionStatus,
    Shipment, Strength, Supply,
};

impl Gen {
    pub fn prescription(&mut self) -> Prescription {
        Prescription {
            id: self.id(),
            status: self.one_of(PrescriptionStatus::ALL),
            intent: Some("order".into()),
            authored_on: self.instant(),
            prescriber_id: self.id(),
            reason_condition_id: self.maybe(Self::id),
            clearance_id: self.maybe(Self::id),
            drug: self.coding(),
            drug_text: self.text(),
            compounded: self.flip(),
            controlled_substance_schedule: self.maybe(|g| g.one_of(&["II", "III"]).to_owned()),
            form: self.maybe(Self::coding),
            strength: self.maybe(|g| Strength {
                numerator: g.quantity(),
                denominator: g.quantity(),
            }),
            route: self.coding(),
            dosage_text: self.text(),
            units_per_session: self.maybe(Self::small),
            booster_units_allowed: self.maybe(Self::small),
            max_mg_per_session: self.decimal(),
            quantity: self.maybe(Self::quantity),
            sessions_supplied: self.maybe(Self::small),
            repeats_allowed: self.maybe(Self::small),
            valid_until: self.day(),
            pharmacy_id: self.maybe(Self::id),
            external_rx_number: self.maybe(Self::text),
            pdmp_checked_at: self.maybe(Self::instant),
            epcs_transmitted: self.maybe(Self::flip),
            record_only: true,
            supply: self.maybe(|g| g.one_of(Supply::ALL)),
            status_reason: self.maybe(Self::text),
        }
    }

    pub fn dispense(&mut self) -> Dispense {
        Dispense {
            id: self.id(),
            prescription_id: self.id(),
            status: self.one_of(DispenseStatus::ALL),
            pharmacy_id: self.maybe(Self::id),
            quantity: self.quantity(),
            mg_per_unit: self.decimal(),
            sessions_supplied: self.maybe(Self::positive),
            prepared_at: self.maybe(Self::instant),
            shipment: self.maybe(|g| Shipment {
                carrier: Some(g.text()),
                tracking_number: g.maybe(Self::text),
                shipped_at: g.maybe(Self::instant),
                delivered_at: g.maybe(Self::instant),
                signature_required: g.maybe(Self::flip),
                destination: g.maybe(Self::word),
            }),
            lot: self.maybe(Self::text),
            beyond_use_date: self.maybe(Self::day),
            received_confirmed_by: self.maybe(Self::id),
        }
    }

    pub fn inventory(&mut self) -> InventoryEntry {
        InventoryEntry {
            id: self.id(),
            at: self.instant(),
            reason: self.one_of(InventoryReason::ALL),
            units: self.decimal(),
            mg_per_unit: self.decimal(),
            by: self.id(),
            witness_id: self.maybe(Self::id),
            note: self.maybe(Self::text),
        }
    }
}
