//! What the medical partner and the pharmacy say: clearance, prescription, supply.

use serde_json::json;

use super::{Party, Script, bare};
use crate::kap::clearance::Clearance;
use crate::kap::medication::{Dispense, PrescriptionStatus};

impl Script<'_> {
    pub(super) fn clearance(&mut self, x: &Clearance) {
        let computed = [
            "status",
            "decidedAt",
            "supersedes",
            "revokedAt",
            "revokedReason",
        ];
        let mut body = bare(x, &computed);
        body["at"] = json!(x.decided_at);
        for condition in body["conditions"].as_array_mut().into_iter().flatten() {
            if let Some(members) = condition.as_object_mut() {
                members.retain(|name, _| name != "satisfiedAt" && name != "satisfiedBy");
            }
        }
        let path = match &x.supersedes {
            Some(_) => "/kap/v1/episodes/{episode}/clearances/{}/renewals",
            None => "/kap/v1/episodes/{episode}/clearances",
        };
        let step = self.add(x.decided_at, 40, Party::Partner, path, body);
        step.names = Some(x.id.to_string());
        step.ids = x.supersedes.iter().map(ToString::to_string).collect();
        for condition in &x.conditions {
            if let (Some(at), Some(by)) = (condition.satisfied_at, &condition.satisfied_by) {
                let path = "/kap/v1/episodes/{episode}/clearances/{}/conditions/{}/satisfy";
                let body = json!({ "at": at, "by": by });
                self.add(at, 45, Party::Practice, path, body).ids =
                    vec![x.id.to_string(), condition.id.to_string()];
            }
        }
        if let Some(at) = x.revoked_at {
            let body = json!({ "at": at, "by": x.decided_by, "reason": x.revoked_reason });
            let path = "/kap/v1/episodes/{episode}/clearances/{}/revoke";
            self.add(at, 45, Party::Partner, path, body).ids = vec![x.id.to_string()];
        }
    }

    pub(super) fn medication(&mut self) {
        let e = self.episode;
        for (n, x) in e.prescriptions.iter().enumerate() {
            let mut body = bare(x, &["statusReason"]);
            body["status"] = json!(PrescriptionStatus::Active);
            let path = "/kap/v1/episodes/{episode}/prescriptions";
            self.add(x.authored_on, 50, Party::Partner, path, body)
                .names = Some(x.id.to_string());
            if x.status != PrescriptionStatus::Active {
                let next = e.prescriptions.get(n + 1).map(|p| p.authored_on);
                let end = e.phase_history.last().map(|p| p.from);
                let at = next.or(end).unwrap_or(x.authored_on).max(x.authored_on);
                let mut body = json!({ "at": at, "by": x.prescriber_id, "status": x.status });
                if let Some(reason) = &x.status_reason {
                    body["reason"] = json!(reason);
                }
                let path = "/kap/v1/episodes/{episode}/prescriptions/{}/stop";
                self.add(at, 49, Party::Partner, path, body).ids = vec![x.id.to_string()];
            }
        }
        for x in &e.dispenses {
            self.dispense(x);
        }
        for x in &e.inventory {
            let path = match x.reason {
                crate::kap::medication::InventoryReason::Counted => {
                    "/kap/v1/episodes/{episode}/inventory/counts"
                }
                _ => "/kap/v1/episodes/{episode}/inventory/adjustments",
            };
            self.add(x.at, 58, Party::Practice, path, bare(x, &[]))
                .names = Some(x.id.to_string());
        }
    }

    fn dispense(&mut self, x: &Dispense) {
        let ship = x.shipment.clone().unwrap_or_default();
        let Some(prepared) = x.prepared_at.or(ship.shipped_at) else {
            return;
        };
        let mut body = bare(x, &["shipment", "receivedConfirmedBy"]);
        body["status"] = json!("preparation");
        let id = x.id.to_string();
        let path = "/kap/v1/episodes/{episode}/dispenses";
        self.add(prepared, 55, Party::Pharmacy, path, body).names = Some(id.clone());
        if let Some(at) = ship.shipped_at {
            let mut body = bare(&ship, &["shippedAt", "deliveredAt"]);
            body["at"] = json!(at);
            self.add(
                at,
                56,
                Party::Pharmacy,
                "/kap/v1/episodes/{episode}/dispenses/{}/ship",
                body,
            )
            .ids = vec![id.clone()];
        }
        if let Some(at) = ship.delivered_at {
            let path = "/kap/v1/episodes/{episode}/dispenses/{}/deliver";
            self.add(at, 57, Party::Pharmacy, path, json!({ "at": at }))
                .ids = vec![id.clone()];
            if let Some(by) = &x.received_confirmed_by {
                let path = "/kap/v1/episodes/{episode}/dispenses/{}/receipt";
                self.add(at, 58, Party::Practice, path, json!({ "at": at, "by": by }))
                    .ids = vec![id];
            }
        }
    }
}
