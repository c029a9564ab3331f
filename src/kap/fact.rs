//! An episode as a set of facts, and back.
//!
//! A fact is one record with an id: the grain in which an episode is stored, compared and mapped.

use super::base::Id;
use super::dosing::{Checklist, Discharge, Dose, Effects, Session, SideEffect, Vitals};
use super::integration::Integration;
use super::{
    Episode, Identifier, Phase, PhaseEntry, clearance, consent, consultation, follow_up, measure,
    medication, people, preparation, referral, safety,
};

/// What belongs to the episode itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub id: Id,
    pub business_identifiers: Vec<Identifier>,
    pub synthetic: bool,
    pub phase: Phase,
    pub phase_history: Vec<PhaseEntry>,
    pub previous_episode_id: Option<Id>,
    pub practice: people::Organization,
    pub partner: people::Organization,
    pub pharmacy: Option<people::Organization>,
}

/// One record of an episode. Parts of a session carry the session's id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "facts live briefly, in vectors of at most some hundreds"
)]
pub enum Fact {
    Header(Header),
    Patient(people::Patient),
    Member(people::Member),
    RelatedPerson(people::RelatedPerson),
    Problem(consultation::Problem),
    Allergy(consultation::Allergy),
    HomeMedicine(consultation::HomeMedicine),
    Consent(consent::Consent),
    Referral(referral::Referral),
    Screening(consultation::Screening),
    Issue(safety::DetectedIssue),
    Clearance(clearance::Clearance),
    Plan(preparation::TreatmentPlan),
    Intention(preparation::Intention),
    Prescription(medication::Prescription),
    Dispense(medication::Dispense),
    Inventory(medication::InventoryEntry),
    /// The session without vitals, doses, checklist, effects, side effects, discharge and integration.
    Session(Session),
    Vitals {
        session: Id,
        vitals: Vitals,
    },
    Dose {
        session: Id,
        dose: Dose,
    },
    Checklist {
        session: Id,
        checklist: Checklist,
    },
    Effects {
        session: Id,
        effects: Effects,
    },
    SideEffect {
        session: Id,
        effect: SideEffect,
    },
    Discharge {
        session: Id,
        discharge: Discharge,
    },
    Integration {
        session: Id,
        integration: Integration,
    },
    Outcome(measure::Outcome),
    AdverseEvent(safety::AdverseEvent),
    FollowUp(follow_up::FollowUp),
    Communication(follow_up::Communication),
}

/// The kind of a fact; with the id it names the fact within an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Header,
    Patient,
    Member,
    RelatedPerson,
    Problem,
    Allergy,
    HomeMedicine,
    Consent,
    Referral,
    Screening,
    Issue,
    Clearance,
    Plan,
    Intention,
    Prescription,
    Dispense,
    Inventory,
    Session,
    Vitals,
    Dose,
    Checklist,
    Effects,
    SideEffect,
    Discharge,
    Integration,
    Outcome,
    AdverseEvent,
    FollowUp,
    Communication,
}

impl Fact {
    /// Kind and id. The single parts of a session (checklist, effects, discharge, integration) go by the session's id.
    #[must_use]
    pub fn key(&self) -> (Kind, &Id) {
        match self {
            Self::Header(x) => (Kind::Header, &x.id),
            Self::Patient(x) => (Kind::Patient, &x.id),
            Self::Member(x) => (Kind::Member, &x.id),
            Self::RelatedPerson(x) => (Kind::RelatedPerson, &x.id),
            Self::Problem(x) => (Kind::Problem, &x.id),
            Self::Allergy(x) => (Kind::Allergy, &x.id),
            Self::HomeMedicine(x) => (Kind::HomeMedicine, &x.id),
            Self::Consent(x) => (Kind::Consent, &x.id),
            Self::Referral(x) => (Kind::Referral, &x.id),
            Self::Screening(x) => (Kind::Screening, &x.id),
            Self::Issue(x) => (Kind::Issue, &x.id),
            Self::Clearance(x) => (Kind::Clearance, &x.id),
            Self::Plan(x) => (Kind::Plan, &x.id),
            Self::Intention(x) => (Kind::Intention, &x.id),
            Self::Prescription(x) => (Kind::Prescription, &x.id),
            Self::Dispense(x) => (Kind::Dispense, &x.id),
            Self::Inventory(x) => (Kind::Inventory, &x.id),
            Self::Session(x) => (Kind::Session, &x.id),
            Self::Vitals { vitals, .. } => (Kind::Vitals, &vitals.id),
            Self::Dose { dose, .. } => (Kind::Dose, &dose.id),
            Self::Checklist { session, .. } => (Kind::Checklist, session),
            Self::Effects { session, .. } => (Kind::Effects, session),
            Self::SideEffect { effect, .. } => (Kind::SideEffect, &effect.id),
            Self::Discharge { session, .. } => (Kind::Discharge, session),
            Self::Integration { session, .. } => (Kind::Integration, session),
            Self::Outcome(x) => (Kind::Outcome, &x.id),
            Self::AdverseEvent(x) => (Kind::AdverseEvent, &x.id),
            Self::FollowUp(x) => (Kind::FollowUp, &x.id),
            Self::Communication(x) => (Kind::Communication, &x.id),
        }
    }
}

impl Episode {
    /// The episode's facts, the header first.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let mut out = vec![
            Fact::Header(self.header()),
            Fact::Patient(self.patient.clone()),
        ];
        out.extend(self.care_team.iter().cloned().map(Fact::Member));
        out.extend(
            self.related_persons
                .iter()
                .cloned()
                .map(Fact::RelatedPerson),
        );
        out.extend(self.problems.iter().cloned().map(Fact::Problem));
        out.extend(self.allergies.iter().cloned().map(Fact::Allergy));
        out.extend(self.medications.iter().cloned().map(Fact::HomeMedicine));
        out.extend(self.consents.iter().cloned().map(Fact::Consent));
        out.extend(self.screenings.iter().cloned().map(Fact::Screening));
        out.extend(self.referrals.iter().cloned().map(Fact::Referral));
        out.extend(self.detected_issues.iter().cloned().map(Fact::Issue));
        out.extend(self.clearances.iter().cloned().map(Fact::Clearance));
        out.extend(self.treatment_plan.iter().cloned().map(Fact::Plan));
        out.extend(self.intentions.iter().cloned().map(Fact::Intention));
        out.extend(self.prescriptions.iter().cloned().map(Fact::Prescription));
        out.extend(self.dispenses.iter().cloned().map(Fact::Dispense));
        out.extend(self.inventory.iter().cloned().map(Fact::Inventory));
        for session in &self.sessions {
            session_facts(session, &mut out);
        }
        out.extend(self.outcomes.iter().cloned().map(Fact::Outcome));
        out.extend(self.adverse_events.iter().cloned().map(Fact::AdverseEvent));
        out.extend(self.follow_ups.iter().cloned().map(Fact::FollowUp));
        out.extend(self.communications.iter().cloned().map(Fact::Communication));
        out
    }

    /// What belongs to the episode itself.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            id: self.episode_id.clone(),
            business_identifiers: self.business_identifiers.clone(),
            synthetic: self.synthetic,
            phase: self.phase,
            phase_history: self.phase_history.clone(),
            previous_episode_id: self.previous_episode_id.clone(),
            practice: self.organizations.practice.clone(),
            partner: self.organizations.partner.clone(),
            pharmacy: self.organizations.pharmacy.clone(),
        }
    }
}

fn session_facts(session: &Session, out: &mut Vec<Fact>) {
    let id = || session.id.clone();
    let mut bare = session.clone();
    let vitals = std::mem::take(&mut bare.vitals);
    let integration = bare.integration.take();
    let mut parts = vec![];
    parts.extend(vitals.into_iter().map(|vitals| Fact::Vitals {
        session: id(),
        vitals,
    }));
    parts.extend(integration.map(|integration| Fact::Integration {
        session: id(),
        integration,
    }));
    if let Some(dosing) = bare.dosing.as_mut() {
        let vitals = std::mem::take(&mut dosing.vitals);
        parts.extend(vitals.into_iter().map(|vitals| Fact::Vitals {
            session: id(),
            vitals,
        }));
        let doses = std::mem::take(&mut dosing.doses);
        parts.extend(doses.into_iter().map(|dose| Fact::Dose {
            session: id(),
            dose,
        }));
        let effects = std::mem::take(&mut dosing.side_effects);
        parts.extend(effects.into_iter().map(|effect| Fact::SideEffect {
            session: id(),
            effect,
        }));
        parts.extend(
            dosing
                .pre_dose_checklist
                .take()
                .map(|checklist| Fact::Checklist {
                    session: id(),
                    checklist,
                }),
        );
        parts.extend(dosing.effects.take().map(|effects| Fact::Effects {
            session: id(),
            effects,
        }));
        parts.extend(dosing.discharge.take().map(|discharge| Fact::Discharge {
            session: id(),
            discharge,
        }));
    }
    out.push(Fact::Session(bare));
    out.append(&mut parts);
}
