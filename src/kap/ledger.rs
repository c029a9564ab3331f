//! Units on hand: delivered, used, wasted. Computed from the records, never stored.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Episode;
use super::base::{Day, Decimal, Instant};
use super::dosing::{Dose, DoseStatus};
use super::medication::{Dispense, DispenseStatus, InventoryReason, PrescriptionStatus};

/// The units of one strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// Units delivered.
    pub delivered: Decimal,
    /// Units given in sessions.
    pub administered: Decimal,
    /// Units wasted, returned or lost.
    pub removed: Decimal,
    /// Units added (negative: taken away) by two-person adjustment.
    pub adjusted: Decimal,
}

impl Balance {
    /// Units on hand; negative where more was given than is known to have been delivered.
    #[must_use]
    pub fn remaining(&self) -> Decimal {
        Decimal(self.delivered.0 - self.administered.0 - self.removed.0 + self.adjusted.0)
    }
}

/// Units on hand by milligrams per unit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Ledger(pub BTreeMap<Decimal, Balance>);

/// How long the units last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Forecast {
    /// Sessions that the units on hand suffice for.
    pub sessions_left: u32,
    /// The day of the first session for which they do not suffice.
    pub refill_by: Option<Day>,
}

impl Ledger {
    /// The balance of units of `mg` milligrams.
    #[must_use]
    pub fn of(&self, mg: Decimal) -> Balance {
        self.0.get(&normal(mg)).copied().unwrap_or_default()
    }

    /// All units on hand.
    #[must_use]
    pub fn remaining(&self) -> Decimal {
        Decimal(self.0.values().map(|b| b.remaining().0).sum())
    }

    /// All milligrams on hand.
    #[must_use]
    pub fn mg_remaining(&self) -> Decimal {
        let mg = self.0.iter().map(|(mg, b)| mg.0 * b.remaining().0);
        Decimal(mg.sum())
    }

    /// Totals over all strengths.
    #[must_use]
    pub fn total(&self) -> Balance {
        let mut all = Balance::default();
        for b in self.0.values() {
            all.delivered.0 += b.delivered.0;
            all.administered.0 += b.administered.0;
            all.removed.0 += b.removed.0;
            all.adjusted.0 += b.adjusted.0;
        }
        all
    }

    fn at(&mut self, mg: Decimal) -> &mut Balance {
        self.0.entry(normal(mg)).or_default()
    }
}

/// 100 and 100.0 are one strength.
fn normal(mg: Decimal) -> Decimal {
    Decimal(mg.0.normalize())
}

/// Whether a dispense had arrived at `at`.
#[must_use]
pub fn delivered(dispense: &Dispense, at: Instant) -> bool {
    let arrived = dispense.shipment.as_ref().map(|s| s.delivered_at);
    match (dispense.status, arrived) {
        (DispenseStatus::Cancelled | DispenseStatus::EnteredInError, _) => false,
        (_, Some(Some(day))) => day <= at,
        (status, None) => status == DispenseStatus::Completed,
        _ => false,
    }
}

/// Whether a dose was given, wholly or in part.
#[must_use]
pub fn given(dose: &Dose) -> bool {
    let status = matches!(
        dose.status,
        DoseStatus::Completed | DoseStatus::InProgress | DoseStatus::Stopped
    );
    status && dose.dose_mg > Decimal::ZERO
}

impl Episode {
    /// The ledger as it stood at `at`.
    #[must_use]
    pub fn ledger(&self, at: Instant) -> Ledger {
        let mut ledger = Ledger::default();
        for d in self.dispenses.iter().filter(|d| delivered(d, at)) {
            ledger.at(d.mg_per_unit).delivered.0 += d.quantity.value.0;
        }
        for dose in self.doses().filter(|d| given(d) && d.at <= at) {
            let Some(units) = dose.units.filter(|u| *u > Decimal::ZERO) else {
                continue;
            };
            let mg = Decimal(dose.dose_mg.0 / units.0);
            ledger.at(mg).administered.0 += units.0;
        }
        for entry in self.inventory.iter().filter(|e| e.at <= at) {
            let balance = ledger.at(entry.mg_per_unit);
            match entry.reason {
                InventoryReason::Wasted | InventoryReason::Returned | InventoryReason::Lost => {
                    balance.removed.0 += entry.units.0;
                }
                InventoryReason::Adjusted => balance.adjusted.0 += entry.units.0,
                InventoryReason::Counted => {}
            }
        }
        ledger
    }

    /// Every dose of every session.
    pub fn doses(&self) -> impl Iterator<Item = &Dose> {
        let dosing = self.sessions.iter().filter_map(|s| s.dosing.as_ref());
        dosing.flat_map(|d| &d.doses)
    }

    /// How long the units on hand last; `None` without an active prescription of units.
    #[must_use]
    pub fn forecast(&self, at: Instant, next: Option<Day>) -> Option<Forecast> {
        let active = |status| status == PrescriptionStatus::Active;
        let rx = self.prescriptions.iter().rev().find(|p| active(p.status))?;
        let per = rx.units_per_session.filter(|n| *n > 0)?;
        let left = self.ledger(at).remaining().0 / rust_decimal::Decimal::from(per);
        let sessions_left = u32::try_from(left.trunc().max(rust_decimal::Decimal::ZERO)).ok()?;
        let plan = self.treatment_plan.as_ref();
        let every = plan.and_then(|p| p.dosing_cadence.as_ref())?.every_days;
        let refill_by = next.map(|d| d.plus_days(i64::from(sessions_left) * i64::from(every)));
        Some(Forecast {
            sessions_left,
            refill_by,
        })
    }
}
