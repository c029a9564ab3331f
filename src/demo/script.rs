//! The script of an episode: who says what to the service, in the order of time.

use std::collections::HashMap;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kap::base::{Id, Instant};
use crate::kap::clearance::Clearance;
use crate::kap::consent::ConsentStatus;
use crate::kap::dosing::{Session, SessionStatus, SessionType, Setting};
use crate::kap::follow_up::{FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::medication::{Dispense, PrescriptionStatus};
use crate::kap::people::{RelatedPerson, RelatedRole};
use crate::kap::preparation::Sharing;
use crate::kap::referral::{Referral, TaskEvent, TaskStatus};
use crate::kap::safety::{AdverseEvent, EventOutcome};
use crate::kap::{Episode, Phase, PhaseEntry};

/// The parties of an episode that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    Practice,
    Partner,
    Pharmacy,
    /// An outside provider; reads only.
    Ehr,
}

/// One request of the script.
#[derive(Clone, Debug)]
pub struct Step {
    pub at: Instant,
    /// Order among steps of one instant.
    order: u8,
    pub party: Party,
    pub method: Method,
    /// Path with `{episode}`, and `{}` for each of `ids`.
    pub path: &'static str,
    pub ids: Vec<String>,
    pub body: Value,
    /// The script's id of the record that this step makes.
    pub names: Option<String>,
    /// The script's issues: rule and id.
    pub issues: Vec<(String, String)>,
    /// The first step.
    pub opens: bool,
    /// Sent only while the episode is not in this phase.
    unless: Option<Phase>,
    /// Sent only when the service knows every id of the path.
    known_only: bool,
}

impl Step {
    /// Whether the step has become pointless.
    #[must_use]
    pub fn skip(&self, names: &HashMap<String, String>, phase: &str) -> bool {
        let unknown = self.known_only && self.ids.iter().any(|id| !names.contains_key(id));
        unknown || self.unless.is_some_and(|p| p.code() == phase)
    }
}

/// The steps that make `episode`.
#[must_use]
pub fn script(episode: &Episode) -> Vec<Step> {
    let mut script = Script {
        episode,
        steps: Vec::new(),
        issues: issues(episode),
    };
    script.open();
    script.history();
    script.agreements();
    for referral in &episode.referrals {
        script.referral(referral);
    }
    for clearance in &episode.clearances {
        script.clearance(clearance);
    }
    script.medication();
    for session in &episode.sessions {
        script.session(session);
    }
    for event in &episode.adverse_events {
        script.event(event);
    }
    script.rest();
    for (n, entry) in episode.phase_history.iter().enumerate().skip(1) {
        script.phase(episode.phase_history[n - 1].phase, entry);
    }
    script.steps.sort_by_key(|a| (a.at, a.order));
    script.steps
}

fn issues(episode: &Episode) -> Vec<(String, String)> {
    episode
        .detected_issues
        .iter()
        .map(|i| (i.rule_id.clone(), i.id.to_string()))
        .collect()
}

/// A record as a body: without id and without what the service computes.
fn bare(record: &impl Serialize, without: &[&str]) -> Value {
    let mut value = json!(record);
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, value| {
            name != "id" && !value.is_null() && !without.contains(&name.as_str())
        });
    }
    value
}

struct Script<'e> {
    episode: &'e Episode,
    steps: Vec<Step>,
    issues: Vec<(String, String)>,
}

impl Script<'_> {
    fn add(
        &mut self,
        at: Instant,
        order: u8,
        party: Party,
        path: &'static str,
        body: Value,
    ) -> &mut Step {
        let step = Step {
            at,
            order,
            party,
            method: Method::POST,
            path,
            ids: vec![],
            body,
            names: None,
            issues: self.issues.clone(),
            opens: false,
            unless: None,
            known_only: false,
        };
        self.steps.push(step);
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    fn start(&self) -> Instant {
        self.episode.phase_history[0].from
    }

    /// Whose client speaks for this person or organization.
    fn party(&self, id: &Id) -> Party {
        let e = self.episode;
        let member = e
            .care_team
            .iter()
            .find(|m| m.id == *id)
            .map(|m| &m.organization_id);
        let organization = member.unwrap_or(id);
        if *organization == e.organizations.partner.id {
            Party::Partner
        } else if e
            .organizations
            .pharmacy
            .as_ref()
            .is_some_and(|p| p.id == *organization)
        {
            Party::Pharmacy
        } else {
            Party::Practice
        }
    }

    fn contact(&self) -> Option<&Id> {
        let is = |p: &&RelatedPerson| p.kap_roles.contains(&RelatedRole::EmergencyContact);
        self.episode.related_persons.iter().find(is).map(|p| &p.id)
    }

    fn lead(&self) -> Id {
        let lead = |m: &&crate::kap::people::Member| {
            m.role == crate::kap::people::MemberRole::LeadTherapist
        };
        self.episode
            .care_team
            .iter()
            .find(lead)
            .map(|m| m.id.clone())
            .unwrap_or_default()
    }

    fn open(&mut self) {
        let e = self.episode;
        let first = &e.phase_history[0];
        let mut body = json!({
            "at": first.from,
            "by": first.by,
            "patient": e.patient,
            "businessIdentifiers": e.business_identifiers,
            "careTeam": e.care_team,
            "relatedPersons": e.related_persons,
            "synthetic": e.synthetic,
            "partnerId": e.organizations.partner.id,
        });
        if let Some(pharmacy) = &e.organizations.pharmacy {
            body["pharmacyId"] = json!(pharmacy.id);
        }
        if let Some(reason) = &first.reason {
            body["reason"] = json!(reason);
        }
        let step = self.add(first.from, 0, Party::Practice, "/kap/v1/episodes", body);
        step.opens = true;
    }

    fn history(&mut self) {
        let (e, at) = (self.episode, self.start());
        for x in &e.problems {
            let step = self.add(
                at,
                1,
                Party::Practice,
                "/kap/v1/episodes/{episode}/problems",
                bare(x, &[]),
            );
            step.names = Some(x.id.to_string());
        }
        for x in &e.allergies {
            let step = self.add(
                at,
                1,
                Party::Practice,
                "/kap/v1/episodes/{episode}/allergies",
                bare(x, &[]),
            );
            step.names = Some(x.id.to_string());
        }
        for x in &e.medications {
            let step = self.add(
                at,
                1,
                Party::Practice,
                "/kap/v1/episodes/{episode}/medications",
                bare(x, &[]),
            );
            step.names = Some(x.id.to_string());
        }
        for x in &e.screenings {
            let at = x.at.or(x.authored).unwrap_or(at);
            let step = self.add(
                at,
                20,
                Party::Practice,
                "/kap/v1/episodes/{episode}/screenings",
                bare(x, &[]),
            );
            step.names = Some(x.id.to_string());
        }
        for issue in &e.detected_issues {
            for mitigation in &issue.mitigations {
                let party = self.party(&mitigation.by);
                let path = "/kap/v1/episodes/{episode}/detected-issues/{}/mitigations";
                let step = self.add(mitigation.at, 25, party, path, json!(mitigation));
                step.ids = vec![issue.id.to_string()];
                step.known_only = true;
            }
        }
    }

    fn agreements(&mut self) {
        let late = self
            .episode
            .referrals
            .first()
            .map_or(self.start(), |r| r.requested_at);
        for x in &self.episode.consents {
            let at = x.signed_at.unwrap_or(late);
            let mut body = bare(x, &["revokedAt"]);
            if x.status == ConsentStatus::Revoked {
                body["status"] = json!(ConsentStatus::Active);
            }
            let step = self.add(
                at,
                10,
                Party::Practice,
                "/kap/v1/episodes/{episode}/consents",
                body,
            );
            step.names = Some(x.id.to_string());
            if let Some(revoked) = x.revoked_at {
                let body = json!({ "at": revoked, "by": "patient" });
                let path = "/kap/v1/episodes/{episode}/consents/{}/revoke";
                self.add(revoked, 10, Party::Practice, path, body).ids = vec![x.id.to_string()];
            }
        }
    }

    fn referral(&mut self, x: &Referral) {
        let mut body = bare(
            x,
            &[
                "taskId",
                "requestedAt",
                "performerOrgId",
                "status",
                "taskEvents",
            ],
        );
        body["at"] = json!(x.requested_at);
        for list in ["reasonConditionIds", "supportingInfoIds"] {
            if body.get(list).is_none() {
                body[list] = json!([]);
            }
        }
        let path = "/kap/v1/episodes/{episode}/referrals";
        self.add(x.requested_at, 30, Party::Practice, path, body)
            .names = Some(x.id.to_string());
        for event in x
            .task_events
            .iter()
            .skip(1)
            .filter(|e| e.status != TaskStatus::Completed)
        {
            self.referral_event(x, event);
        }
    }

    fn referral_event(&mut self, x: &Referral, event: &TaskEvent) {
        let ours = event.status == TaskStatus::Cancelled
            || event.business_status.as_deref() == Some("additional-information-sent");
        let party = if ours {
            Party::Practice
        } else {
            Party::Partner
        };
        let mut body = bare(event, &["note", "outputClearanceId"]);
        if let Some(note) = &event.note {
            body["reason"] = json!(note);
        }
        let path = "/kap/v1/episodes/{episode}/referrals/{}/events";
        self.add(event.at, 31, party, path, body).ids = vec![x.id.to_string()];
    }

    fn clearance(&mut self, x: &Clearance) {
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

    fn medication(&mut self) {
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

    fn session(&mut self, x: &Session) {
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

    fn event(&mut self, x: &AdverseEvent) {
        let id = || vec![x.id.to_string()];
        let party = self.party(&x.reported_by);
        let mut body = bare(x, &["alert", "resolvedAt", "enteredInError"]);
        let later = x.resolved_at.is_some_and(|at| at > x.recorded_at);
        if later {
            body["outcome"] = json!(EventOutcome::Ongoing);
        }
        let path = "/kap/v1/episodes/{episode}/adverse-events";
        self.add(x.recorded_at, 78, party, path, body).names = Some(x.id.to_string());
        if let Some((at, by)) = x
            .alert
            .as_ref()
            .and_then(|a| Some((a.acknowledged_at?, a.acknowledged_by.clone()?)))
        {
            let path = "/kap/v1/episodes/{episode}/adverse-events/{}/acknowledge";
            self.add(at, 79, self.party(&by), path, json!({ "at": at, "by": by }))
                .ids = id();
        }
        if let (true, Some(at)) = (later, x.resolved_at) {
            let body =
                json!({ "at": at, "by": x.reported_by, "outcome": x.outcome, "resolvedAt": at });
            let path = "/kap/v1/episodes/{episode}/adverse-events/{}/updates";
            self.add(at, 79, party, path, body).ids = id();
        }
    }

    fn rest(&mut self) {
        let e = self.episode;
        for x in &e.outcomes {
            let path = "/kap/v1/episodes/{episode}/outcomes";
            self.add(x.at, 21, Party::Practice, path, bare(x, &[]))
                .names = Some(x.id.to_string());
        }
        let prepared = |s: &&Session| s.kind == SessionType::Preparation;
        let preparation = e.sessions.iter().find(prepared).map(|s| s.start);
        let first_dose = e
            .sessions
            .iter()
            .find(|s| s.dosing.is_some())
            .map(|s| s.start.plus_minutes(-10));
        let at = preparation.or(first_dose).unwrap_or(self.start());
        for x in e
            .intentions
            .iter()
            .filter(|i| i.sharing != Sharing::PracticeOnly)
        {
            let path = "/kap/v1/episodes/{episode}/intentions";
            self.add(x.at.unwrap_or(at), 71, Party::Practice, path, bare(x, &[]))
                .names = Some(x.id.to_string());
        }
        if let Some(plan) = &e.treatment_plan {
            let mut body = bare(plan, &[]);
            let shared = |id: &&Id| {
                e.intentions
                    .iter()
                    .any(|i| i.id == **id && i.sharing != Sharing::PracticeOnly)
            };
            let goals: Vec<&Id> = plan.goal_ids.iter().filter(shared).collect();
            let known = goals
                .iter()
                .filter_map(|g| e.intentions.iter().find(|i| i.id == **g)?.at)
                .max();
            body["goalIds"] = json!(goals);
            let step = self.add(
                known.unwrap_or(at).max(at),
                72,
                Party::Practice,
                "/kap/v1/episodes/{episode}/plan",
                body,
            );
            step.method = Method::PUT;
            step.names = Some(plan.id.to_string());
        }
        for x in &e.follow_ups {
            // The others are owed by the rules.
            if x.kind == FollowUpKind::DischargeSession {
                self.parting(x);
            }
        }
        for x in &e.communications {
            let path = "/kap/v1/episodes/{episode}/communications";
            self.add(x.at, 95, self.party(&x.from), path, bare(x, &[]))
                .names = Some(x.id.to_string());
        }
    }

    /// A parting that is agreed ahead of its session, or declined.
    fn parting(&mut self, x: &FollowUp) {
        let e = self.episode;
        let held = e
            .sessions
            .iter()
            .find(|s| Some(&s.id) == x.done_session_id.as_ref());
        let end = e.phase_history.last().map_or(self.start(), |p| p.from);
        let at = held.map_or(end, |s| s.start).plus_minutes(-10);
        let mut body = bare(x, &["doneSessionId", "note"]);
        body["status"] = json!(FollowUpStatus::Open);
        let path = "/kap/v1/episodes/{episode}/follow-ups";
        self.add(at, 59, Party::Practice, path, body).names = Some(x.id.to_string());
        if x.status == FollowUpStatus::Declined {
            let body = json!({ "at": at, "by": "patient", "reason": x.note });
            let path = "/kap/v1/episodes/{episode}/follow-ups/{}/decline";
            self.add(at, 60, Party::Practice, path, body).ids = vec![x.id.to_string()];
        }
    }

    /// The moves that a person makes; the others follow from what happens.
    fn phase(&mut self, from: Phase, entry: &PhaseEntry) {
        let path = match entry.phase {
            Phase::DosingHold if entry.by.as_str() != "system" => {
                "/kap/v1/episodes/{episode}/commands/hold"
            }
            Phase::DosingActive | Phase::Maintenance if from == Phase::DosingHold => {
                "/kap/v1/episodes/{episode}/commands/release"
            }
            Phase::Maintenance => "/kap/v1/episodes/{episode}/commands/maintenance",
            Phase::Completed => "/kap/v1/episodes/{episode}/commands/complete",
            Phase::Discontinued => "/kap/v1/episodes/{episode}/commands/discontinue",
            Phase::Withdrawn => "/kap/v1/episodes/{episode}/commands/withdraw",
            _ => return,
        };
        let mut body = json!({ "at": entry.from, "by": entry.by });
        if let Some(reason) = &entry.reason {
            body["reason"] = json!(reason);
        }
        let party = self.party(&entry.by);
        let by = if entry.by.is_unset() {
            self.lead()
        } else {
            entry.by.clone()
        };
        body["by"] = json!(by);
        self.add(entry.from, 92, party, path, body).unless = Some(entry.phase);
    }
}
