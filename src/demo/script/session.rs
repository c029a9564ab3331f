//! A session: planned, started, what happened in it, ended.

use serde_json::json;

use super::{Party, Script, bare};
use crate::kap::base::Instant;
use crate::kap::dosing::{Session, SessionStatus, SessionType, Setting};
use crate::kap::{Phase, PhaseEntry};

impl Script<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "one request per line, in the order of the session"
    )]
    pub(super) fn session(&mut self, x: &Session) {
        let party = self.party(&x.lead_id);
        let id = x.id.to_string();
        let later = [
            "status",
            "end",
            "clinicalSummary",
            "topics",
            "vitals",
            "bodyWeight",
            "dosing",
            "integration",
        ];
        let mut body = bare(x, &later);
        if let Some(dosing) = &x.dosing {
            body["dosing"] = bare(
                &json!({
                    "doseLevel": dosing.dose_level,
                    "plannedDoseMg": dosing.planned_dose_mg,
                    "prescriptionId": dosing.prescription_id,
                }),
                &[],
            );
        }
        if let (None, Setting::RemoteHome, Some(contact)) =
            (&x.emergency_plan, x.setting, self.contact())
        {
            // A file may leave out what a remote session needs (KAP-INV-34): the emergency contact on file is whom to call.
            body["emergencyPlan"] = json!({ "contactId": contact, "addressRef": "patient.address", "localEmergencyNumber": "911" });
        }
        let planned = x.start.plus_minutes(-5);
        self.add(
            planned,
            60,
            party,
            "/kap/v1/episodes/{episode}/sessions",
            body,
        )
        .names = Some(id.clone());
        let step = |at: Instant| json!({ "at": at, "by": x.lead_id });
        match x.status {
            SessionStatus::Cancelled => {
                let path = "/kap/v1/episodes/{episode}/sessions/{}/cancel";
                let mut body = step(x.start);
                body["reason"] = json!("cancelled");
                self.add(x.start, 61, party, path, body).ids = vec![id];
                return;
            }
            SessionStatus::NoShow => {
                let path = "/kap/v1/episodes/{episode}/sessions/{}/no-show";
                self.add(x.start, 61, party, path, step(x.start)).ids = vec![id];
                return;
            }
            SessionStatus::Planned => return,
            _ => {}
        }
        self.begin(x, party);
        self.during(x, party);
        if let (Some(end), SessionStatus::Completed) = (x.end, x.status) {
            let mut body = step(end);
            for (name, value) in [
                ("clinicalSummary", json!(x.clinical_summary)),
                ("bodyWeight", json!(x.body_weight)),
            ] {
                if !value.is_null() {
                    body[name] = value;
                }
            }
            body["topics"] = json!(x.topics);
            if let Some(to) = x.dosing.as_ref().and_then(|d| d.converted_to.as_ref()) {
                body["convertedTo"] = json!(to);
            }
            let path = "/kap/v1/episodes/{episode}/sessions/{}/complete";
            self.add(end, 90, party, path, body).ids = vec![id];
        }
    }

    /// A dosing session is met, measured and checked before it is started; one whose dose was held is never started.
    fn begin(&mut self, x: &Session, party: Party) {
        let given =
            |d: &&crate::kap::dosing::Dose| d.status != crate::kap::dosing::DoseStatus::NotDone;
        let at = match &x.dosing {
            None => x.start,
            Some(dosing) => match dosing.doses.iter().find(given) {
                None => return,
                Some(dose) => dose.at.plus_minutes(-1),
            },
        };
        let first =
            |p: &PhaseEntry| p.phase == Phase::DosingActive && p.from >= x.start && p.from <= at;
        let at = match self.episode.phase_history.iter().find(|p| first(p)) {
            Some(entry) if x.kind == SessionType::Dosing => entry.from,
            _ => at,
        };
        let mut body = json!({ "at": at, "by": x.lead_id });
        if x.dosing.is_some() {
            body["began"] = json!(x.start);
        }
        let path = "/kap/v1/episodes/{episode}/sessions/{}/start";
        self.add(at, 70, party, path, body).ids = vec![x.id.to_string()];
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one request per line, in the order of the session"
    )]
    fn during(&mut self, x: &Session, party: Party) {
        let id = || vec![x.id.to_string()];
        let dosing = x.dosing.as_ref();
        for vitals in x
            .vitals
            .iter()
            .chain(dosing.into_iter().flat_map(|d| &d.vitals))
        {
            let path = "/kap/v1/episodes/{episode}/sessions/{}/vitals";
            let step = self.add(vitals.at, 65, party, path, bare(vitals, &[]));
            (step.ids, step.names) = (id(), Some(vitals.id.to_string()));
        }
        if let Some(integration) = &x.integration {
            let path = "/kap/v1/episodes/{episode}/sessions/{}/integration";
            self.add(
                x.end.unwrap_or(x.start),
                80,
                party,
                path,
                json!(integration),
            )
            .ids = id();
        }
        let Some(dosing) = dosing else { return };
        if let Some(checklist) = &dosing.pre_dose_checklist {
            let path = "/kap/v1/episodes/{episode}/sessions/{}/checklist";
            self.add(
                checklist.completed_at,
                64,
                party,
                path,
                bare(checklist, &[]),
            )
            .ids = id();
        }
        for dose in &dosing.doses {
            let path = "/kap/v1/episodes/{episode}/sessions/{}/doses";
            let step = self.add(dose.at, 75, party, path, bare(dose, &[]));
            (step.ids, step.names) = (id(), Some(dose.id.to_string()));
        }
        let zero = dosing.doses.first().map_or(x.start, |d| d.at);
        for effect in &dosing.side_effects {
            let at = zero.plus_minutes(effect.onset_minute.unwrap_or(0));
            let path = "/kap/v1/episodes/{episode}/sessions/{}/side-effects";
            let step = self.add(at, 76, party, path, bare(effect, &[]));
            (step.ids, step.names) = (id(), Some(effect.id.to_string()));
        }
        let end = dosing
            .discharge
            .as_ref()
            .map(|d| d.assessed_at)
            .or(x.end)
            .unwrap_or(zero);
        if let Some(effects) = &dosing.effects {
            self.add(
                end,
                77,
                party,
                "/kap/v1/episodes/{episode}/sessions/{}/effects",
                json!(effects),
            )
            .ids = id();
        }
        if let Some(discharge) = &dosing.discharge {
            let path = "/kap/v1/episodes/{episode}/sessions/{}/discharge";
            self.add(
                discharge.assessed_at,
                85,
                party,
                path,
                bare(discharge, &["criteriaMet"]),
            )
            .ids = id();
        }
    }
}
