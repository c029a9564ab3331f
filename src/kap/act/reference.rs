//! What a command points to: people and records of this episode, and no others.

use super::command::Command;
use super::{Id, refuse};
use crate::error::{Issue, Result};
use crate::kap::Episode;
use crate::kap::dosing::{EmergencyPlan, Participant};

/// Collects what the pointed-to ids miss.
struct Pointers<'e> {
    episode: &'e Episode,
    issues: Vec<Issue>,
}

impl Pointers<'_> {
    /// Somebody of the episode, or one of its organizations.
    fn person<'i>(&mut self, at: &str, ids: impl IntoIterator<Item = &'i Id>) {
        for id in ids {
            if !self.episode.known(id) && !self.party(id) {
                let text = "This is no member of the care team, related person or `patient`.";
                self.miss(at, text);
            }
        }
    }

    fn people<'i>(&mut self, at: &str, ids: impl IntoIterator<Item = &'i Id>) {
        for (n, id) in ids.into_iter().enumerate() {
            self.person(&format!("{at}/{n}"), [id]);
        }
    }

    fn record<'i>(&mut self, at: &str, ids: impl IntoIterator<Item = &'i Id>) {
        for id in ids {
            if !self.episode.facts().iter().any(|f| f.key().1 == id) {
                self.miss(at, "There is no such record in this episode.");
            }
        }
    }

    fn records<'i>(&mut self, at: &str, ids: impl IntoIterator<Item = &'i Id>) {
        for (n, id) in ids.into_iter().enumerate() {
            self.record(&format!("{at}/{n}"), [id]);
        }
    }

    fn present(&mut self, participants: &[Participant], plan: Option<&EmergencyPlan>) {
        for (n, who) in participants.iter().enumerate() {
            self.person(&format!("/participants/{n}/id"), [&who.id]);
        }
        self.person(
            "/emergencyPlan/contactId",
            plan.and_then(|p| p.contact_id.as_ref()),
        );
    }

    fn party(&self, id: &Id) -> bool {
        let parties = &self.episode.organizations;
        *id == parties.practice.id
            || *id == parties.partner.id
            || parties.pharmacy.as_ref().is_some_and(|p| *id == p.id)
            || (self.episode.care_team.iter()).any(|m| *id == m.organization_id)
    }

    fn miss(&mut self, at: &str, text: &str) {
        self.issues.push(Issue {
            text: text.into(),
            at: Some(at.into()),
            ..Issue::default()
        });
    }
}

impl Episode {
    /// Refuses a command that points out of the episode.
    ///
    /// # Errors
    /// `Unprocessable`, with a pointer to each such id.
    pub(super) fn points_within(&self, command: &Command) -> Result<()> {
        let mut to = Pointers {
            episode: self,
            issues: vec![],
        };
        match command {
            Command::AddProblem(x) => to.person("/recordedBy", &x.recorded_by),
            Command::AddScreening(x) => to.person("/author", &x.author),
            Command::AddOutcome(x) => {
                to.record("/questionnaireResponseId", &x.questionnaire_response_id);
            }
            Command::SetPlan(x) => to.records("/goalIds", &x.goal_ids),
            Command::RecordReferralEvent { body, .. } => to.person("/by", &body.by),
            Command::DecideClearance(x) | Command::RenewClearance { body: x, .. } => {
                to.record("/evaluationSessionId", &x.evaluation_session_id);
                to.records("/basisIds", &x.basis_ids);
            }
            Command::AddPrescription(x) => {
                to.record("/reasonConditionId", &x.reason_condition_id);
                to.record("/clearanceId", &x.clearance_id);
            }
            Command::ReportAdverseEvent(x) => {
                to.record("/suspectAdministrationId", &x.suspect_administration_id);
            }
            Command::AddFollowUp(x) => to.record("/doneSessionId", &x.done_session_id),
            Command::CompleteFollowUp { body, .. } => to.record("/sessionId", &body.session_id),
            Command::AddCommunication(x) => {
                to.person("/from", [&x.from]);
                to.people("/to", &x.to);
            }
            other => to.session(other),
        }
        refuse(to.issues)
    }
}

impl Pointers<'_> {
    fn session(&mut self, command: &Command) {
        match command {
            Command::PlanSession(x) => self.present(&x.participants, x.emergency_plan.as_ref()),
            Command::AmendSession { body, .. } => {
                let participants = body.participants.as_deref().unwrap_or_default();
                self.present(participants, body.emergency_plan.as_ref());
            }
            Command::StartSession { body, .. } => self.present(&[], body.emergency_plan.as_ref()),
            Command::RecordVitals { body, .. } => self.person("/recordedBy", &body.recorded_by),
            Command::RecordDose { body, .. } => {
                self.person("/performer", &body.performer);
                self.person("/witnessId", &body.witness_id);
                self.person("/heldBy", &body.held_by);
            }
            Command::RecordChecklist { body, .. } => {
                self.person("/completedBy", &body.completed_by);
                let chaperone = body.chaperone.as_ref().map(|c| &c.related_person_id);
                self.person("/chaperone/relatedPersonId", chaperone);
                let escort = body.transport.as_ref().and_then(|t| t.escort_id.as_ref());
                self.person("/transport/escortId", escort);
            }
            Command::Discharge { body, .. } => {
                self.person("/assessorId", &body.assessor_id);
                self.person("/responsibleAdultPresent", &body.responsible_adult_present);
                let by = body.exception.as_ref().and_then(|e| e.by.as_ref());
                self.person("/exception/by", by);
            }
            _ => {}
        }
    }
}
