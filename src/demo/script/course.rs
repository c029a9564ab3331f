//! What runs along with the sessions: adverse events, scores, goals, plan, follow-ups, phases.

use reqwest::Method;
use serde_json::json;

use super::{Party, Script, bare};
use crate::kap::base::Id;
use crate::kap::dosing::{Session, SessionType};
use crate::kap::follow_up::{FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::preparation::Sharing;
use crate::kap::safety::{AdverseEvent, EventOutcome};
use crate::kap::{Phase, PhaseEntry};

impl Script<'_> {
    pub(super) fn event(&mut self, x: &AdverseEvent) {
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

    pub(super) fn rest(&mut self) {
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
    pub(super) fn phase(&mut self, from: Phase, entry: &PhaseEntry) {
        let path = match entry.phase {
            Phase::DosingHold if entry.by.as_str() != "system" => {
                "/kap/v1/episodes/{episode}/commands/hold"
            }
            Phase::DosingActive | Phase::Maintenance if from == Phase::DosingHold => {
                "/kap/v1/episodes/{episode}/commands/release"
            }
            Phase::DosingActive if from == Phase::Maintenance => {
                "/kap/v1/episodes/{episode}/commands/new-course"
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
