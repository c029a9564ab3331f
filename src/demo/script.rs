//! The script of an episode: who says what to the service, in the order of time.

mod course;
mod medical;
mod session;

use std::collections::HashMap;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kap::base::{Id, Instant};
use crate::kap::consent::ConsentStatus;
use crate::kap::people::{RelatedPerson, RelatedRole};
use crate::kap::referral::{Referral, TaskEvent, TaskStatus};
use crate::kap::{Episode, Phase};

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

/// The steps that make `episode`, and beside them the private notes of the practice, each in its time.
#[must_use]
pub fn with_notes(episode: &Episode, notes: Vec<Step>) -> Vec<Step> {
    let mut steps = script(episode);
    steps.extend(notes);
    steps.sort_by_key(|a| (a.at, a.order));
    steps
}

/// The step that stores a private note.
#[must_use]
pub fn note(at: Instant, body: Value) -> Step {
    Step {
        at,
        order: 91,
        party: Party::Practice,
        method: Method::POST,
        path: "/kap/v1/episodes/{episode}/private-notes",
        ids: vec![],
        body,
        // The ids of notes are nobody's business but the practice's.
        names: None,
        issues: vec![],
        opens: false,
        unless: None,
        known_only: false,
    }
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
}
