//! Prescription, shipment and the ledger.

use super::body::{Deliver, Receipt, Ship, StopPrescription};
use super::{Context, Side, conflict, not_permitted, put, refuse, said, unfit};
use crate::error::{Error, Kind, Result};
use crate::kap::base::{Decimal, Id};
use crate::kap::calendar::months_after;
use crate::kap::medication::{
    Dispense, DispenseStatus, InventoryEntry, InventoryReason, Prescription, PrescriptionStatus,
};
use crate::kap::{Episode, Quantity};

fn pharmacy(ctx: &Context) -> Result<()> {
    if matches!(ctx.actor.side, Side::Partner | Side::Pharmacy) {
        return Ok(());
    }
    Err(not_permitted(
        "Supplies are the medical partner's and the pharmacy's.",
    ))
}

impl Episode {
    /// A prescription as a record: a new one, or a known one that ends.
    pub(super) fn take_prescription(&mut self, rx: Prescription, ctx: &Context) -> Result<Id> {
        let id = rx.id.clone();
        if let Some(old) = self.prescriptions.iter().find(|p| p.id == id) {
            let mut same = rx.clone();
            same.status = old.status;
            same.status_reason.clone_from(&old.status_reason);
            if &same != old {
                let text =
                    "A prescription is not changed once recorded: stop it and record a new one.";
                return Err(conflict("KAP-INV-21", text));
            }
            let body = StopPrescription {
                at: None,
                by: rx.prescriber_id.clone(),
                status: Some(rx.status),
                reason: rx.status_reason.clone(),
            };
            return if rx.status == old.status {
                Ok(id)
            } else {
                self.stop_prescription(&id, &body, ctx)
            };
        }
        self.prescriber_at(&rx.prescriber_id, "/prescriberId", ctx)?;
        self.check_prescription(&rx, ctx)?;
        self.flag_prescription(&rx, ctx);
        self.prescriptions.push(rx);
        Ok(id)
    }

    fn check_prescription(&self, rx: &Prescription, ctx: &Context) -> Result<()> {
        ctx.past(rx.authored_on, "/authoredOn")?;
        let mut issues = vec![];
        let limits = &ctx.policy.supply;
        let day = self.calendar().day(rx.authored_on);
        if rx.controlled_substance_schedule.as_deref() == Some("III") {
            if rx.valid_until > months_after(day, limits.schedule_three_months) {
                let text = "A schedule III prescription is valid for at most six months.";
                issues.push(super::issue("KAP-INV-16", "/validUntil", text));
            }
            if rx.repeats_allowed.unwrap_or(0) > limits.schedule_three_refills {
                let text = "A schedule III prescription has at most five refills.";
                issues.push(super::issue("KAP-INV-16", "/repeatsAllowed", text));
            }
        }
        if rx.valid_until < day {
            let text = "The prescription ends before it begins.";
            issues.push(super::issue("KAP-INV-06", "/validUntil", text));
        }
        if !rx.record_only {
            let text = "This service records orders and sends none: recordOnly is true.";
            issues.push(super::issue("KAP-INV-16", "/recordOnly", text));
        }
        if rx.max_mg_per_session <= Decimal::ZERO {
            let text = "The maximum per session is above 0 mg.";
            issues.push(super::issue("KAP-INV-07", "/maxMgPerSession", text));
        }
        if let Some(strength) = &rx.strength
            && unit(&strength.numerator) != "mg"
        {
            let text = "The strength is in mg.";
            issues.push(super::issue("KAP-INV-06", "/strength/numerator/unit", text));
        }
        if let Some(id) = &rx.clearance_id
            && !self.clearances.iter().any(|c| &c.id == id)
        {
            let text = "There is no such clearance.";
            issues.push(super::issue("KAP-INV-02", "/clearanceId", text));
        }
        refuse(issues)
    }

    /// What of a new prescription deserves a second look.
    fn flag_prescription(&mut self, rx: &Prescription, ctx: &Context) {
        let limits = &ctx.policy.supply;
        let first = self.prescriptions.is_empty();
        let most = if first {
            limits.first_fill_sessions
        } else {
            limits.later_fill_sessions
        };
        if rx.sessions_supplied.is_some_and(|n| n > most) {
            self.raise(super::finding::large_supply(&rx.id, rx.authored_on), ctx);
        }
        if rx.pdmp_checked_at.is_none() && rx.controlled_substance_schedule.is_some() {
            self.raise(super::finding::pdmp_missing(&rx.id, rx.authored_on), ctx);
        }
    }

    pub(super) fn stop_prescription(
        &mut self,
        id: &Id,
        body: &StopPrescription,
        ctx: &Context,
    ) -> Result<Id> {
        use PrescriptionStatus as S;
        if !self.prescriptions.iter().any(|p| &p.id == id) {
            return Err(Error::not_found());
        }
        self.prescriber_at(&body.by, "/by", ctx)?;
        ctx.at(body.at)?;
        let status = body.status.unwrap_or(S::Stopped);
        if !matches!(
            status,
            S::Stopped | S::Completed | S::Cancelled | S::OnHold | S::EnteredInError
        ) {
            let text = "A prescription ends as stopped, completed, cancelled or entered-in-error, or waits on-hold.";
            return Err(Error::new(Kind::Unprocessable, text).at("/status"));
        }
        if status != S::Completed && !said(body.reason.as_deref()) {
            let text = "A reason is required.";
            return Err(Error::new(Kind::Unprocessable, text).at("/reason"));
        }
        for rx in self.prescriptions.iter_mut().filter(|p| &p.id == id) {
            if !matches!(rx.status, S::Active | S::OnHold | S::Draft) {
                let text = format!("The prescription is {} already.", rx.status);
                return Err(conflict("KAP-INV-06", text));
            }
            rx.status = status;
            rx.status_reason.clone_from(&body.reason);
        }
        Ok(id.clone())
    }

    /// A supply as a record: a new one, or news of a known one.
    pub(super) fn take_dispense(&mut self, dispense: Dispense, ctx: &Context) -> Result<Id> {
        let id = dispense.id.clone();
        let known = self.dispenses.iter().find(|d| d.id == id).cloned();
        let receipt_only = known.as_ref().is_some_and(|old| {
            let mut same = dispense.clone();
            same.received_confirmed_by
                .clone_from(&old.received_confirmed_by);
            &same == old
        });
        if receipt_only {
            ctx.treating()?;
        } else {
            pharmacy(ctx)?;
        }
        self.check_dispense(&dispense, ctx)?;
        if known.is_none() {
            self.flag_dispense(&dispense, ctx);
        }
        put(&mut self.dispenses, dispense, |d| &d.id);
        Ok(id)
    }

    /// Flags a fill for more sessions than the policy has it (KAP-INV-16): the first fill is small.
    fn flag_dispense(&mut self, dispense: &Dispense, ctx: &Context) {
        let limits = &ctx.policy.supply;
        let most = if self.dispenses.is_empty() {
            limits.first_fill_sessions
        } else {
            limits.later_fill_sessions
        };
        if dispense.sessions_supplied.is_some_and(|n| n > most) {
            self.raise(super::finding::large_supply(&dispense.id, ctx.now), ctx);
        }
    }

    fn check_dispense(&self, dispense: &Dispense, ctx: &Context) -> Result<()> {
        let mut issues = vec![];
        let rx = self
            .prescriptions
            .iter()
            .find(|p| p.id == dispense.prescription_id);
        match rx.map(|p| p.status) {
            None => {
                let text = "There is no such prescription.";
                issues.push(super::issue("KAP-INV-06", "/prescriptionId", text));
            }
            Some(PrescriptionStatus::Cancelled | PrescriptionStatus::EnteredInError) => {
                let text = "The prescription is cancelled.";
                issues.push(super::issue("KAP-INV-06", "/prescriptionId", text));
            }
            Some(_) => {}
        }
        if dispense.quantity.value <= Decimal::ZERO {
            let text = "The quantity is above 0.";
            issues.push(super::issue("KAP-INV-09", "/quantity/value", text));
        }
        if !matches!(unit(&dispense.quantity), "lozenge" | "{lozenge}") {
            let text = "The unit is {lozenge}.";
            issues.push(super::issue("KAP-INV-09", "/quantity/unit", text));
        }
        if dispense.mg_per_unit <= Decimal::ZERO {
            let text = "The milligrams per unit are above 0.";
            issues.push(super::issue("KAP-INV-09", "/mgPerUnit", text));
        }
        if let Some(shipment) = &dispense.shipment {
            let times = [
                (shipment.shipped_at, "/shipment/shippedAt"),
                (shipment.delivered_at, "/shipment/deliveredAt"),
            ];
            for (at, pointer) in times {
                at.map_or(Ok(()), |at| ctx.past(at, pointer))?;
            }
            if shipment
                .shipped_at
                .zip(shipment.delivered_at)
                .is_some_and(|(s, d)| d < s)
            {
                let text = "Delivered before it was shipped.";
                issues.push(super::issue("KAP-INV-23", "/shipment/deliveredAt", text));
            }
        }
        refuse(issues)
    }

    fn dispense_mut(&mut self, id: &Id) -> Result<&mut Dispense> {
        let found = self.dispenses.iter_mut().find(|d| &d.id == id);
        let dispense = found.ok_or_else(Error::not_found)?;
        if matches!(
            dispense.status,
            DispenseStatus::Cancelled | DispenseStatus::EnteredInError | DispenseStatus::Declined
        ) {
            let text = format!("The dispense is {}.", dispense.status);
            return Err(conflict("KAP-INV-09", text));
        }
        Ok(dispense)
    }

    pub(super) fn ship(&mut self, id: &Id, body: Ship, ctx: &Context) -> Result<Id> {
        pharmacy(ctx)?;
        let at = ctx.at(body.at)?;
        let dispense = self.dispense_mut(id)?;
        let shipment = dispense.shipment.get_or_insert_default();
        if shipment.shipped_at.is_some() {
            return Err(conflict("KAP-INV-09", "The dispense was shipped already."));
        }
        shipment.shipped_at = Some(at);
        shipment.carrier = body.carrier;
        shipment.tracking_number = body.tracking_number;
        shipment.signature_required = body.signature_required;
        shipment.destination = body.destination;
        dispense.status = DispenseStatus::InProgress;
        Ok(id.clone())
    }

    pub(super) fn deliver(&mut self, id: &Id, body: &Deliver, ctx: &Context) -> Result<Id> {
        pharmacy(ctx)?;
        let at = ctx.at(body.at)?;
        let dispense = self.dispense_mut(id)?;
        let shipment = dispense.shipment.get_or_insert_default();
        if shipment.delivered_at.is_some() {
            return Err(conflict(
                "KAP-INV-09",
                "The dispense was delivered already.",
            ));
        }
        if shipment.shipped_at.is_none_or(|s| at < s) {
            return Err(unfit(
                "KAP-INV-23",
                "/at",
                "It is not shipped at that time.",
            ));
        }
        shipment.delivered_at = Some(at);
        dispense.status = DispenseStatus::Completed;
        Ok(id.clone())
    }

    pub(super) fn receipt(&mut self, id: &Id, body: &Receipt, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        let dispense = self.dispense_mut(id)?;
        dispense.received_confirmed_by = Some(body.by.clone());
        Ok(id.clone())
    }

    pub(super) fn no_count(entry: &InventoryEntry) -> Result<()> {
        if entry.reason != InventoryReason::Counted {
            return Ok(());
        }
        let text = "A count goes to the counts.";
        Err(Error::new(Kind::Unprocessable, text).at("/reason"))
    }

    pub(super) fn a_count(entry: &InventoryEntry) -> Result<()> {
        if entry.reason == InventoryReason::Counted {
            return Ok(());
        }
        let text = "A count has the reason `counted`.";
        Err(Error::new(Kind::Unprocessable, text).at("/reason"))
    }

    /// A change of the ledger, or a count of it (KAP-INV-09).
    pub(super) fn take_inventory(&mut self, entry: InventoryEntry, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(entry.at, "/at")?;
        self.known_at(&entry.by, "/by")?;
        let mut issues = vec![];
        let two = matches!(
            entry.reason,
            InventoryReason::Adjusted | InventoryReason::Wasted | InventoryReason::Lost
        );
        let second = entry.witness_id.as_ref();
        if two && second.is_none_or(|w| w == &entry.by || !self.known(w)) {
            let text = "A second person is required, known here and not the first.";
            issues.push(super::issue("KAP-INV-09", "/witnessId", text));
        }
        let signed = entry.reason == InventoryReason::Adjusted;
        if !signed && entry.units < Decimal::ZERO {
            let text = "Units are counted without a sign.";
            issues.push(super::issue("KAP-INV-09", "/units", text));
        }
        if entry.mg_per_unit <= Decimal::ZERO {
            let text = "The milligrams per unit are above 0.";
            issues.push(super::issue("KAP-INV-09", "/mgPerUnit", text));
        }
        if signed && !said(entry.note.as_deref()) {
            let text = "An adjustment says why.";
            issues.push(super::issue("KAP-INV-09", "/note", text));
        }
        refuse(issues)?;
        self.book(entry, ctx)
    }

    fn book(&mut self, entry: InventoryEntry, ctx: &Context) -> Result<Id> {
        let (id, at, mg) = (entry.id.clone(), entry.at, entry.mg_per_unit);
        let before = self.ledger(ctx.now.max(at)).of(mg).remaining();
        let at_the_time = self.ledger(at).of(mg).remaining();
        let (counted, units) = (entry.reason == InventoryReason::Counted, entry.units);
        put(&mut self.inventory, entry, |e| &e.id);
        let after = self.ledger(ctx.now.max(at)).of(mg).remaining();
        if !counted && after < Decimal::ZERO && after < before {
            let text = format!("Only {before} units of this strength are on hand.");
            let error = super::ruled(Kind::Conflict, "KAP-INV-09", text);
            return Err(error.at("/units").code("inventory-insufficient"));
        }
        if counted && units != at_the_time {
            self.raise(super::finding::discrepancy(&id, at), ctx);
        }
        Ok(id)
    }
}

/// The unit of a quantity: its code, or its word where it has none.
pub(super) fn unit(quantity: &Quantity) -> &str {
    quantity.code.as_deref().unwrap_or(&quantity.unit)
}
