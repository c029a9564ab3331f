//! The list of commands and where each goes.

use super::body::{
    AmendSession, CompleteEpisode, CompleteFollowUp, CompleteSession, Correct, Decide, Deliver,
    PlanDose, PlanSession, Receipt, ReferralEvent, SendReferral, Ship, StartSession, Step,
    StopPrescription, UpdateAdverseEvent,
};
use super::{Context, Episode};
use crate::error::{Error, Result};
use crate::kap::base::Id;
use crate::kap::consent::Consent;
use crate::kap::consultation::{Allergy, HomeMedicine, Problem, Screening};
use crate::kap::dosing::{Checklist, Discharge, Dose, Effects, Override, SideEffect, Vitals};
use crate::kap::fact::Fact;
use crate::kap::follow_up::{Communication, FollowUp};
use crate::kap::integration::Integration;
use crate::kap::measure::Outcome;
use crate::kap::medication::{Dispense, InventoryEntry, Prescription};
use crate::kap::people::{Member, RelatedPerson};
use crate::kap::preparation::{Intention, TreatmentPlan};
use crate::kap::safety::{AdverseEvent, Mitigation};

/// What a party asks for. Bodies that are records come without an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    AddMember(Member),
    AddRelatedPerson(RelatedPerson),
    AddProblem(Problem),
    AddAllergy(Allergy),
    AddMedicine(HomeMedicine),
    StopMedicine {
        medicine: Id,
        body: Step,
    },
    AddScreening(Screening),
    AddIntention(Intention),
    SetPlan(TreatmentPlan),
    SendReferral(SendReferral),
    RecordReferralEvent {
        referral: Id,
        body: ReferralEvent,
    },
    DecideClearance(Decide),
    RenewClearance {
        clearance: Id,
        body: Decide,
    },
    RevokeClearance {
        clearance: Id,
        body: Step,
    },
    SatisfyCondition {
        clearance: Id,
        condition: Id,
        body: Step,
    },
    AddConsent(Consent),
    RevokeConsent {
        consent: Id,
        body: Step,
    },
    AddPrescription(Prescription),
    StopPrescription {
        prescription: Id,
        body: StopPrescription,
    },
    AddDispense(Dispense),
    ShipDispense {
        dispense: Id,
        body: Ship,
    },
    DeliverDispense {
        dispense: Id,
        body: Deliver,
    },
    ConfirmReceipt {
        dispense: Id,
        body: Receipt,
    },
    /// Any reason but `counted`.
    AdjustInventory(InventoryEntry),
    /// The reason `counted` only.
    CountInventory(InventoryEntry),
    MitigateIssue {
        issue: Id,
        body: Mitigation,
    },
    PlanSession(PlanSession),
    AmendSession {
        session: Id,
        body: AmendSession,
    },
    StartSession {
        session: Id,
        body: StartSession,
    },
    CancelSession {
        session: Id,
        body: Step,
    },
    MissSession {
        session: Id,
        body: Step,
    },
    CompleteSession {
        session: Id,
        body: CompleteSession,
    },
    RecordChecklist {
        session: Id,
        body: Checklist,
    },
    RecordVitals {
        session: Id,
        body: Vitals,
    },
    RecordDose {
        session: Id,
        body: Dose,
    },
    RecordEffects {
        session: Id,
        body: Effects,
    },
    RecordSideEffect {
        session: Id,
        body: SideEffect,
    },
    PlanDose {
        session: Id,
        body: PlanDose,
    },
    OverrideInterval {
        session: Id,
        body: Override,
    },
    Discharge {
        session: Id,
        body: Discharge,
    },
    RecordIntegration {
        session: Id,
        body: Integration,
    },
    AddOutcome(Outcome),
    ReportAdverseEvent(AdverseEvent),
    UpdateAdverseEvent {
        event: Id,
        body: UpdateAdverseEvent,
    },
    AcknowledgeAdverseEvent {
        event: Id,
        body: Step,
    },
    AddFollowUp(FollowUp),
    CompleteFollowUp {
        follow_up: Id,
        body: CompleteFollowUp,
    },
    DeclineFollowUp {
        follow_up: Id,
        body: Step,
    },
    AddCommunication(Communication),
    /// A hold for safety.
    Hold(Step),
    /// Ends a hold for safety.
    Release(Step),
    StartConsultation(Step),
    StartPreparation(Step),
    /// An administrative hold.
    Pause(Step),
    /// Ends an administrative hold.
    Resume(Step),
    Maintain(Step),
    /// From maintenance to a new course of dosing.
    StartCourse(Step),
    Complete(CompleteEpisode),
    Discontinue(Step),
    Withdraw(Step),
    Correct(Correct),
}

/// Names a record that a client sent and makes it a fact.
macro_rules! fresh {
    ($ctx:ident, $body:ident, $name:literal, $kind:ident) => {{
        let mut body = $body;
        $ctx.name(&mut body.id, $name)?;
        Fact::$kind(body)
    }};
    ($ctx:ident, $session:ident, $body:ident, $name:literal, $kind:ident, $field:ident) => {{
        let mut $field = $body;
        $ctx.name(&mut $field.id, $name)?;
        Fact::$kind {
            session: $session,
            $field,
        }
    }};
}

impl Command {
    /// Whether the command is still taken after the end of the episode.
    pub(super) fn settles(&self) -> bool {
        matches!(
            self,
            Self::Correct(_)
                | Self::ReportAdverseEvent(_)
                | Self::UpdateAdverseEvent { .. }
                | Self::AcknowledgeAdverseEvent { .. }
                | Self::CompleteFollowUp { .. }
                | Self::DeclineFollowUp { .. }
                | Self::AddCommunication(_)
                | Self::AdjustInventory(_)
                | Self::CountInventory(_)
                | Self::RevokeConsent { .. }
                | Self::MitigateIssue { .. }
                | Self::AddOutcome(_)
                | Self::Discharge { .. }
                | Self::CompleteSession { .. }
                | Self::CancelSession { .. }
                | Self::MissSession { .. }
                | Self::RecordVitals { .. }
                | Self::RecordDose { .. }
                | Self::RecordEffects { .. }
                | Self::RecordSideEffect { .. }
        )
    }
}

impl Episode {
    /// Carries out commands that bring a record, and hands on the rest.
    pub(super) fn run(&mut self, command: Command, ctx: &Context) -> Result<Id> {
        use Command as C;
        let fact = match command {
            C::AddMember(x) => fresh!(ctx, x, "member", Member),
            C::AddRelatedPerson(x) => fresh!(ctx, x, "related-person", RelatedPerson),
            C::AddProblem(x) => fresh!(ctx, x, "problem", Problem),
            C::AddAllergy(x) => fresh!(ctx, x, "allergy", Allergy),
            C::AddMedicine(x) => fresh!(ctx, x, "medicine", HomeMedicine),
            C::AddScreening(x) => fresh!(ctx, x, "screening", Screening),
            C::AddIntention(x) => fresh!(ctx, x, "intention", Intention),
            C::AddConsent(x) => fresh!(ctx, x, "consent", Consent),
            C::AddPrescription(x) => fresh!(ctx, x, "prescription", Prescription),
            C::AddDispense(x) => fresh!(ctx, x, "dispense", Dispense),
            C::AdjustInventory(x) => {
                Self::no_count(&x)?;
                fresh!(ctx, x, "inventory", Inventory)
            }
            C::CountInventory(x) => {
                Self::a_count(&x)?;
                fresh!(ctx, x, "inventory", Inventory)
            }
            C::AddOutcome(x) => fresh!(ctx, x, "outcome", Outcome),
            C::ReportAdverseEvent(x) => fresh!(ctx, x, "adverse-event", AdverseEvent),
            C::AddFollowUp(x) => fresh!(ctx, x, "follow-up", FollowUp),
            C::AddCommunication(x) => fresh!(ctx, x, "communication", Communication),
            C::RecordChecklist { session, body } => Fact::Checklist {
                session,
                checklist: body,
            },
            C::RecordVitals { session, body } => {
                fresh!(ctx, session, body, "vitals", Vitals, vitals)
            }
            C::RecordDose { session, body } => fresh!(ctx, session, body, "dose", Dose, dose),
            C::RecordEffects { session, body } => Fact::Effects {
                session,
                effects: body,
            },
            C::RecordSideEffect { session, body } => {
                fresh!(ctx, session, body, "side-effect", SideEffect, effect)
            }
            C::RecordIntegration { session, body } => Fact::Integration {
                session,
                integration: body,
            },
            other => return self.step(other, ctx),
        };
        self.take(fact, ctx)
    }

    /// Carries out commands that move something that is there.
    fn step(&mut self, command: Command, ctx: &Context) -> Result<Id> {
        use Command as C;
        match command {
            C::StopMedicine { medicine, body } => self.stop_medicine(&medicine, &body, ctx),
            C::SetPlan(plan) => self.set_plan(plan, ctx),
            C::SendReferral(body) => self.send_referral(body, ctx),
            C::RecordReferralEvent { referral, body } => self.referral_event(&referral, body, ctx),
            C::DecideClearance(body) => self.decide(body, None, ctx),
            C::RenewClearance { clearance, body } => self.decide(body, Some(clearance), ctx),
            C::RevokeClearance { clearance, body } => self.revoke_clearance(&clearance, &body, ctx),
            C::SatisfyCondition {
                clearance,
                condition,
                body,
            } => self.satisfy(&clearance, &condition, &body, ctx),
            C::RevokeConsent { consent, body } => self.revoke_consent(&consent, body, ctx),
            C::StopPrescription { prescription, body } => {
                self.stop_prescription(&prescription, &body, ctx)
            }
            C::ShipDispense { dispense, body } => self.ship(&dispense, body, ctx),
            C::DeliverDispense { dispense, body } => self.deliver(&dispense, &body, ctx),
            C::ConfirmReceipt { dispense, body } => self.receipt(&dispense, &body, ctx),
            C::MitigateIssue { issue, body } => self.mitigate(&issue, body, ctx),
            C::UpdateAdverseEvent { event, body } => self.update_event(&event, body, ctx),
            C::AcknowledgeAdverseEvent { event, body } => self.acknowledge(&event, &body, ctx),
            C::CompleteFollowUp { follow_up, body } => {
                self.complete_follow_up(&follow_up, body, ctx)
            }
            C::DeclineFollowUp { follow_up, body } => self.decline_follow_up(&follow_up, body, ctx),
            other => self.meet_or_move(other, ctx),
        }
    }

    /// Carries out commands on sessions and on the episode's phase.
    fn meet_or_move(&mut self, command: Command, ctx: &Context) -> Result<Id> {
        use Command as C;
        match command {
            C::PlanSession(body) => self.plan_session(body, ctx),
            C::AmendSession { session, body } => self.amend_session(&session, body, ctx),
            C::StartSession { session, body } => self.start_session(&session, body, ctx),
            C::CancelSession { session, body } => self.cancel_session(&session, &body, ctx),
            C::MissSession { session, body } => self.miss_session(&session, &body, ctx),
            C::CompleteSession { session, body } => self.complete_session(&session, body, ctx),
            C::PlanDose { session, body } => self.plan_dose(&session, body, ctx),
            C::OverrideInterval { session, body } => self.override_interval(&session, body, ctx),
            C::Discharge { session, body } => self.discharge(&session, body, ctx),
            C::Hold(body) => self.hold(body, super::HoldKind::Safety, ctx),
            C::Pause(body) => self.hold(body, super::HoldKind::Administrative, ctx),
            C::Release(body) => self.release(body, ctx),
            C::Resume(body) => self.resume(body, ctx),
            C::StartConsultation(body) => self.start_consultation(body, ctx),
            C::StartPreparation(body) => self.start_preparation(body, ctx),
            C::Maintain(body) => self.maintain(body, ctx),
            C::StartCourse(body) => self.start_course(body, ctx),
            C::Complete(body) => self.complete(body, ctx),
            C::Discontinue(body) => self.discontinue(body, ctx),
            C::Withdraw(body) => self.withdraw(body, ctx),
            C::Correct(body) => self.correct(body, ctx),
            // The commands that bring a record were carried out by `run`.
            other => Err(Error::internal(format!("no rule carries out {other:?}"))),
        }
    }
}
