//! Shipment (MedicationDispense) and ledger entry (Basic).
//!
//! R4 has no ledger of doses on hand: SupplyDelivery knows neither waste nor a count. An entry is a Basic
//! with `kap-inventory`, the resource that R4 keeps for concepts without one.

use fhir_sdk::r4b::resources::{
    Basic, Medication, MedicationBatch, MedicationDispense, MedicationDispenseMedication,
    MedicationDispensePerformer,
};
use fhir_sdk::r4b::types::{Coding, Extension, Reference};

use super::build::{
    Frame, Parts, actor, coding, coding_of, concept, date_time, day_time, derived, finish, kap,
    kap_parts, must, own_identifier, patient, positive, quantity, reference, some, start,
    with_text, words,
};
use super::codes::{ACT_CODE, structure, us_core};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::medication::{Dispense, DispenseStatus, InventoryEntry, InventoryReason, Shipment};
use crate::kap::{Day, Episode, Fact, Id};

/// The MedicationDispense, and a Medication with lot and beyond-use date.
pub fn write_dispense(x: &Dispense, e: &Episode) -> Vec<Resource> {
    let delivered = x.shipment.as_ref().and_then(|s| s.delivered_at);
    let text = Html::new()
        .fact(
            "Supply",
            format!(
                "{} {} of {} mg",
                x.quantity.value, x.quantity.unit, x.mg_per_unit
            ),
        )
        .fact("Status", x.status.code())
        .maybe("Delivered", delivered.map(|t| t.to_string()));
    let frame = dispense_frame(x, &text, e);
    let batch = x.lot.is_some() || x.beyond_use_date.is_some();
    let drug = if batch {
        derived(&x.id, "med")
    } else {
        derived(&x.prescription_id, "med")
    };
    let b = start!(MedicationDispense, frame)
        .status(x.status.code().to_owned())
        .medication(MedicationDispenseMedication::Reference(reference(
            "Medication",
            &drug,
        )));
    let mut md = must(b.build());
    md.identifier = some([own_identifier("fill", &x.id)]);
    md.subject = Some(patient(e));
    md.context = Some(reference("EpisodeOfCare", &e.episode_id));
    md.performer = some(x.pharmacy_id.iter().map(|id| {
        must(
            MedicationDispensePerformer::builder()
                .actor(reference("Organization", id))
                .build(),
        )
    }));
    md.authorizing_prescription = some([reference("MedicationRequest", &x.prescription_id)]);
    md.r#type = Some(concept([fill(x, e)]));
    md.quantity = Some(quantity(&x.quantity));
    md.when_prepared = x.prepared_at.map(date_time);
    md.when_handed_over = delivered.map(date_time);
    md.receiver = some(x.received_confirmed_by.iter().map(|id| receiver(id, e)));
    let mut out = vec![finish(Ok(md))];
    if batch {
        out.push(batch_medication(x, drug.as_str(), &text, e));
    }
    out
}

/// The first supply on a prescription, or a later one.
fn fill(x: &Dispense, e: &Episode) -> Coding {
    let of_rx = |d: &&Dispense| d.prescription_id == x.prescription_id;
    let first = e.dispenses.iter().find(of_rx);
    let (code, display) = if first.is_none_or(|first| first.id == x.id) {
        ("FFC", "First Fill - Complete")
    } else {
        ("RFC", "Refill - Complete")
    };
    coding_of(ACT_CODE, code, Some(display))
}

/// Who received it: R4 allows the patient and practitioners, not their roles.
fn receiver(id: &Id, e: &Episode) -> Reference {
    if e.care_team.iter().any(|m| m.id == *id) {
        return reference("Practitioner", id);
    }
    actor(id, e)
}

fn dispense_frame(x: &Dispense, text: &Html, e: &Episode) -> Frame {
    let shipment = x.shipment.as_ref();
    let profiles = [
        structure("kap-medication-dispense"),
        us_core("us-core-medicationdispense"),
    ];
    let own = Parts::new()
        .decimal("mgPerUnit", Some(x.mg_per_unit))
        .text("lot", x.lot.as_ref())
        .day("beyondUseDate", x.beyond_use_date);
    Frame::clinical(
        x.id.as_str(),
        &profiles,
        x.prepared_at.map(|t| Day(t.0.date())),
        text,
        e,
    )
    .extend(
        x.sessions_supplied
            .map(|n| kap("kap-sessions-supplied", positive(n))),
    )
    .extend(shipment.and_then(ship))
    .extend(kap_parts("kap-dispense", own))
}

fn batch_medication(x: &Dispense, id: &str, text: &Html, e: &Episode) -> Resource {
    let profiles = [
        structure("kap-ketamine-medication"),
        us_core("us-core-medication"),
    ];
    let security = super::label::labels(super::label::Class::Clinical, &[], Labels::NONE, None, e);
    let mut med = must(start!(Medication, Frame::new(id, &profiles, security, text, e)).build());
    let rx = e.prescriptions.iter().find(|rx| rx.id == x.prescription_id);
    med.code = Some(match rx {
        Some(rx) => with_text(concept([coding(&rx.drug)]), rx.drug_text.clone()),
        None => words("As prescribed"),
    });
    med.status = Some("active".to_owned());
    let mut batch = must(MedicationBatch::builder().build());
    batch.lot_number.clone_from(&x.lot);
    batch.expiration_date = x.beyond_use_date.map(day_time);
    med.batch = Some(batch);
    finish(Ok(med))
}

fn ship(x: &Shipment) -> Option<Extension> {
    let parts = Parts::new()
        .text("carrier", x.carrier.as_ref())
        .text("trackingNumber", x.tracking_number.as_ref())
        .at("shippedAt", x.shipped_at)
        .at("deliveredAt", x.delivered_at)
        .flag("signatureRequired", x.signature_required)
        .code("destination", x.destination.as_ref());
    kap_parts("kap-shipment", parts)
}

/// Reads a MedicationDispense of the KAP profile.
pub fn read_dispense<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let own = node.ext("kap-dispense");
    if own.is_none() && !node.has_profile("kap-medication-dispense") {
        return Ok(vec![]);
    }
    let own = own.ok_or_else(|| node.missing("extension('kap-dispense')"))?;
    let performer = node.get("performer");
    let prescription = node.ref_id("authorizingPrescription");
    let dispense = Dispense {
        id: node.id()?,
        prescription_id: prescription.ok_or_else(|| node.missing("authorizingPrescription"))?,
        status: node.code("status", DispenseStatus::from_code)?,
        pharmacy_id: performer.and_then(|p| p.ref_id("actor")),
        quantity: node.req("quantity")?,
        mg_per_unit: own.need_part("mgPerUnit")?,
        sessions_supplied: node.ext_value("kap-sessions-supplied")?,
        prepared_at: node.opt("whenPrepared")?,
        shipment: node.ext("kap-shipment").map(read_shipment).transpose()?,
        lot: own.part("lot")?,
        beyond_use_date: own.part("beyondUseDate")?,
        received_confirmed_by: source.actor_at(node, "receiver"),
    };
    one(Fact::Dispense(dispense), node)
}

fn read_shipment(node: Node<'_>) -> Read<Shipment> {
    Ok(Shipment {
        carrier: node.part("carrier")?,
        tracking_number: node.part("trackingNumber")?,
        shipped_at: node.part("shippedAt")?,
        delivered_at: node.part("deliveredAt")?,
        signature_required: node.part("signatureRequired")?,
        destination: node.part("destination")?,
    })
}

/// The Basic of a ledger entry.
pub fn write_inventory(x: &InventoryEntry, e: &Episode) -> Vec<Resource> {
    let text = Html::new()
        .fact("Doses on hand", x.reason.code())
        .fact("Units", format!("{} of {} mg", x.units, x.mg_per_unit))
        .fact("At", x.at.to_string());
    let own = Parts::new()
        .at("at", Some(x.at))
        .code("reason", Some(x.reason))
        .decimal("units", Some(x.units))
        .decimal("mgPerUnit", Some(x.mg_per_unit))
        .reference("by", Some(actor(&x.by, e)))
        .reference("witness", x.witness_id.as_ref().map(|id| actor(id, e)))
        .text("note", x.note.as_ref());
    let day = Day(x.at.0.date());
    let frame = Frame::clinical(
        x.id.as_str(),
        &[structure("kap-inventory-entry")],
        Some(day),
        &text,
        e,
    )
    .extend(kap_parts("kap-inventory", own));
    let mut basic = must(
        start!(Basic, frame)
            .code(words("KAP inventory entry"))
            .build(),
    );
    basic.identifier = some([own_identifier("inventory", &x.id)]);
    basic.subject = Some(patient(e));
    basic.created = Some(super::build::date(day));
    basic.author = Some(actor(&x.by, e));
    vec![finish(Ok(basic))]
}

/// Reads a Basic that is a ledger entry.
pub fn read_inventory<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let Some(own) = node.ext("kap-inventory") else {
        let missing = node.missing("extension('kap-inventory')");
        return if node.has_profile("kap-inventory-entry") {
            Err(missing)
        } else {
            Ok(vec![])
        };
    };
    let actor = |name| {
        own.parts(name)
            .next()
            .and_then(Node::any_value)
            .and_then(|r| source.actor(r))
    };
    let reason = own.part_code("reason", InventoryReason::from_code)?;
    let entry = InventoryEntry {
        id: node.id()?,
        at: own.need_part("at")?,
        reason: reason.ok_or_else(|| own.missing("extension('reason')"))?,
        units: own.need_part("units")?,
        mg_per_unit: own.need_part("mgPerUnit")?,
        by: actor("by").ok_or_else(|| own.missing("extension('by')"))?,
        witness_id: actor("witness"),
        note: own.part("note")?,
    };
    one(Fact::Inventory(entry), node)
}
