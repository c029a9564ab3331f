//! Prescription, shipment and the ledger of doses on hand.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Day, Decimal, Id, Instant, Quantity, codes};

codes! {
    /// Route of administration, by its short name.
    Route { Sublingual = "sublingual", Intramuscular = "intramuscular", Intravenous = "intravenous", Oral = "oral", Intranasal = "intranasal" }
}
codes! {
    /// FHIR R4 value set `medicationrequest-status`.
    PrescriptionStatus { Active = "active", OnHold = "on-hold", Cancelled = "cancelled", Completed = "completed", EnteredInError = "entered-in-error", Stopped = "stopped", Draft = "draft", Unknown = "unknown" }
}
codes! {
    /// Where the doses come from.
    Supply { Dispensed = "dispensed", ClinicStock = "clinic-stock" }
}

/// Amount of drug per unit, such as 100 mg per lozenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strength {
    pub numerator: Quantity,
    pub denominator: Quantity,
}

/// A record of the prescriber's order; the order itself is sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prescription {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub status: PrescriptionStatus,
    /// Always `order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    pub authored_on: Instant,
    pub prescriber_id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_condition_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearance_id: Option<Id>,
    /// Active ingredient, such as RxNorm 6130 (ketamine).
    pub drug: Coding,
    pub drug_text: String,
    pub compounded: bool,
    /// `II`, `III`, `IV` or `V`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controlled_substance_schedule: Option<String>,
    #[serde(default)]
    pub form: Option<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<Strength>,
    /// SNOMED CT route.
    pub route: Coding,
    pub dosage_text: String,
    #[serde(default)]
    pub units_per_session: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booster_units_allowed: Option<u32>,
    pub max_mg_per_session: Decimal,
    #[serde(default)]
    pub quantity: Option<Quantity>,
    #[serde(default)]
    pub sessions_supplied: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats_allowed: Option<u32>,
    pub valid_until: Day,
    #[serde(default)]
    pub pharmacy_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_rx_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdmp_checked_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epcs_transmitted: Option<bool>,
    /// Always `true`: this is a record, not an order channel.
    pub record_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply: Option<Supply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
}

codes! {
    /// FHIR R4 value set `medicationdispense-status` (the part that is used).
    DispenseStatus { Preparation = "preparation", InProgress = "in-progress", Completed = "completed", Cancelled = "cancelled", Stopped = "stopped", Declined = "declined", EnteredInError = "entered-in-error" }
}

/// How a dispense travels.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shipment {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature_required: Option<bool>,
    /// `patient-home` or `practice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// A supply that the pharmacy prepared and shipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dispense {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub prescription_id: Id,
    pub status: DispenseStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pharmacy_id: Option<Id>,
    pub quantity: Quantity,
    /// Milligrams of drug per unit (lozenge).
    pub mg_per_unit: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_supplied: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_use_date: Option<Day>,
    /// Patient or member who confirmed the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_confirmed_by: Option<Id>,
}

codes! {
    /// Why the number of units changed other than by delivery and dosing.
    InventoryReason { Wasted = "wasted", Returned = "returned", Lost = "lost", Adjusted = "adjusted", Counted = "counted" }
}

/// A change of the ledger, or a physical count, made by two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InventoryEntry {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub at: Instant,
    pub reason: InventoryReason,
    /// Units taken out (wasted, returned, lost), added or removed (adjusted, signed), or counted.
    pub units: Decimal,
    pub mg_per_unit: Decimal,
    /// First person.
    pub by: Id,
    /// Second person; required, and another one, for `adjusted`, `wasted` and `lost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
