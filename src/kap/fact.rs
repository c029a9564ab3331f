//! An episode as a set of facts, and back.
//!
//! A fact is one record with an id: the grain in which an episode is stored, compared and mapped.

use std::collections::HashMap;

use super::base::Id;
use super::dosing::{
    Checklist, Discharge, Dose, Effects, Session, SessionType, SideEffect, Vitals,
};
use super::integration::Integration;
use super::{
    Episode, Identifier, Instant, Phase, PhaseEntry, clearance, consent, consultation, follow_up,
    measure, medication, people, preparation, referral, safety,
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

    /// Rebuilds an episode. Order of the facts does not matter: records are put in the order of their times, then ids.
    /// `None` where header or patient is missing. A part of an unknown session is dropped.
    #[must_use]
    pub fn fold(facts: Vec<Fact>) -> Option<Self> {
        let mut fold = Fold::default();
        for fact in facts {
            fold.take(fact);
        }
        fold.finish()
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

#[derive(Default)]
struct Fold {
    header: Option<Header>,
    patient: Option<people::Patient>,
    care_team: Vec<people::Member>,
    related_persons: Vec<people::RelatedPerson>,
    problems: Vec<consultation::Problem>,
    allergies: Vec<consultation::Allergy>,
    medications: Vec<consultation::HomeMedicine>,
    consents: Vec<consent::Consent>,
    referrals: Vec<referral::Referral>,
    screenings: Vec<consultation::Screening>,
    issues: Vec<safety::DetectedIssue>,
    clearances: Vec<clearance::Clearance>,
    plan: Option<preparation::TreatmentPlan>,
    intentions: Vec<preparation::Intention>,
    prescriptions: Vec<medication::Prescription>,
    dispenses: Vec<medication::Dispense>,
    inventory: Vec<medication::InventoryEntry>,
    sessions: Vec<Session>,
    parts: Vec<Fact>,
    outcomes: Vec<measure::Outcome>,
    adverse_events: Vec<safety::AdverseEvent>,
    follow_ups: Vec<follow_up::FollowUp>,
    communications: Vec<follow_up::Communication>,
}

impl Fold {
    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Header(x) => self.header = Some(x),
            Fact::Patient(x) => self.patient = Some(x),
            Fact::Member(x) => self.care_team.push(x),
            Fact::RelatedPerson(x) => self.related_persons.push(x),
            Fact::Problem(x) => self.problems.push(x),
            Fact::Allergy(x) => self.allergies.push(x),
            Fact::HomeMedicine(x) => self.medications.push(x),
            Fact::Consent(x) => self.consents.push(x),
            Fact::Referral(x) => self.referrals.push(x),
            Fact::Screening(x) => self.screenings.push(x),
            Fact::Issue(x) => self.issues.push(x),
            Fact::Clearance(x) => self.clearances.push(x),
            Fact::Plan(x) => self.plan = Some(x),
            Fact::Intention(x) => self.intentions.push(x),
            Fact::Prescription(x) => self.prescriptions.push(x),
            Fact::Dispense(x) => self.dispenses.push(x),
            Fact::Inventory(x) => self.inventory.push(x),
            Fact::Session(x) => self.sessions.push(x),
            Fact::Outcome(x) => self.outcomes.push(x),
            Fact::AdverseEvent(x) => self.adverse_events.push(x),
            Fact::FollowUp(x) => self.follow_ups.push(x),
            Fact::Communication(x) => self.communications.push(x),
            part => self.parts.push(part),
        }
    }

    fn finish(mut self) -> Option<Episode> {
        let header = self.header.take()?;
        let patient = self.patient.take()?;
        self.place_parts();
        self.sort();
        Some(Episode {
            episode_id: header.id,
            business_identifiers: header.business_identifiers,
            version: 0,
            synthetic: header.synthetic,
            phase: header.phase,
            phase_history: header.phase_history,
            previous_episode_id: header.previous_episode_id,
            organizations: people::Organizations {
                practice: header.practice,
                partner: header.partner,
                pharmacy: header.pharmacy,
            },
            patient,
            care_team: self.care_team,
            related_persons: self.related_persons,
            problems: self.problems,
            allergies: self.allergies,
            medications: self.medications,
            consents: self.consents,
            referrals: self.referrals,
            screenings: self.screenings,
            detected_issues: self.issues,
            clearances: self.clearances,
            treatment_plan: self.plan,
            intentions: self.intentions,
            prescriptions: self.prescriptions,
            dispenses: self.dispenses,
            inventory: self.inventory,
            sessions: self.sessions,
            outcomes: self.outcomes,
            adverse_events: self.adverse_events,
            follow_ups: self.follow_ups,
            communications: self.communications,
        })
    }

    fn place_parts(&mut self) {
        let index: HashMap<Id, usize> = self
            .sessions
            .iter()
            .enumerate()
            .map(|(i, s)| (s.id.clone(), i))
            .collect();
        for part in std::mem::take(&mut self.parts) {
            let Some(session) = part_of(&part).and_then(|id| index.get(id)) else {
                continue;
            };
            place(&mut self.sessions[*session], part);
        }
    }

    fn sort(&mut self) {
        fn by<T>(items: &mut [T], key: impl Fn(&T) -> (Option<Instant>, &Id)) {
            items.sort_by(|a, b| key(a).cmp(&key(b)));
        }
        by(&mut self.care_team, |x| (None, &x.id));
        by(&mut self.related_persons, |x| (None, &x.id));
        by(&mut self.problems, |x| (None, &x.id));
        by(&mut self.allergies, |x| (None, &x.id));
        by(&mut self.medications, |x| (None, &x.id));
        by(&mut self.consents, |x| (x.signed_at, &x.id));
        by(&mut self.referrals, |x| (Some(x.requested_at), &x.id));
        by(&mut self.screenings, |x| (x.at.or(x.authored), &x.id));
        by(&mut self.issues, |x| (Some(x.identified_at), &x.id));
        by(&mut self.clearances, |x| (Some(x.decided_at), &x.id));
        by(&mut self.intentions, |x| (x.at, &x.id));
        by(&mut self.prescriptions, |x| (Some(x.authored_on), &x.id));
        by(&mut self.dispenses, |x| (x.prepared_at, &x.id));
        by(&mut self.inventory, |x| (Some(x.at), &x.id));
        by(&mut self.sessions, |x| (Some(x.start), &x.id));
        by(&mut self.outcomes, |x| (Some(x.at), &x.id));
        by(&mut self.adverse_events, |x| (Some(x.occurred_at), &x.id));
        self.follow_ups
            .sort_by(|a, b| (a.due_by, &a.id).cmp(&(b.due_by, &b.id)));
        by(&mut self.communications, |x| (Some(x.at), &x.id));
        for session in &mut self.sessions {
            by(&mut session.vitals, |x| (Some(x.at), &x.id));
            if let Some(dosing) = &mut session.dosing {
                by(&mut dosing.vitals, |x| (Some(x.at), &x.id));
                by(&mut dosing.doses, |x| (Some(x.at), &x.id));
                dosing
                    .side_effects
                    .sort_by(|a, b| (a.onset_minute, &a.id).cmp(&(b.onset_minute, &b.id)));
            }
        }
    }
}

/// The session that a part belongs to; `None` for a fact that is no part.
fn part_of(fact: &Fact) -> Option<&Id> {
    match fact {
        Fact::Vitals { session, .. }
        | Fact::Dose { session, .. }
        | Fact::Checklist { session, .. }
        | Fact::Effects { session, .. }
        | Fact::SideEffect { session, .. }
        | Fact::Discharge { session, .. }
        | Fact::Integration { session, .. } => Some(session),
        _ => None,
    }
}

fn place(session: &mut Session, part: Fact) {
    match (part, session.dosing.as_mut()) {
        (Fact::Integration { integration, .. }, _) => session.integration = Some(integration),
        (Fact::Vitals { vitals, .. }, Some(dosing)) if session.kind == SessionType::Dosing => {
            merge_vitals(&mut dosing.vitals, vitals);
        }
        (Fact::Vitals { vitals, .. }, _) => merge_vitals(&mut session.vitals, vitals),
        (Fact::Dose { dose, .. }, Some(dosing)) => dosing.doses.push(dose),
        (Fact::Checklist { checklist, .. }, Some(dosing)) => {
            dosing.pre_dose_checklist = Some(checklist);
        }
        (Fact::Effects { effects, .. }, Some(dosing)) => {
            merge_effects(dosing.effects.get_or_insert_default(), &effects);
        }
        (Fact::SideEffect { effect, .. }, Some(dosing)) => dosing.side_effects.push(effect),
        (Fact::Discharge { discharge, .. }, Some(dosing)) => dosing.discharge = Some(discharge),
        _ => {}
    }
}

/// One reading may be stored as several observations: those with one id are one reading.
fn merge_vitals(all: &mut Vec<Vitals>, new: Vitals) {
    let Some(old) = all.iter_mut().find(|v| v.id == new.id) else {
        return all.push(new);
    };
    old.systolic = old.systolic.take().or(new.systolic);
    old.diastolic = old.diastolic.take().or(new.diastolic);
    old.heart_rate = old.heart_rate.take().or(new.heart_rate);
    old.respiratory_rate = old.respiratory_rate.take().or(new.respiratory_rate);
    old.spo2 = old.spo2.take().or(new.spo2);
    old.temperature = old.temperature.take().or(new.temperature);
    old.moaas = old.moaas.or(new.moaas);
    old.device = old.device.take().or(new.device);
    old.minutes_since_first_dose = old
        .minutes_since_first_dose
        .or(new.minutes_since_first_dose);
    old.interpretation = old.interpretation.take().or(new.interpretation);
    old.recorded_by = old.recorded_by.take().or(new.recorded_by);
}

fn merge_effects(old: &mut Effects, new: &Effects) {
    old.onset_minutes = old.onset_minutes.or(new.onset_minutes);
    old.peak_from_minutes = old.peak_from_minutes.or(new.peak_from_minutes);
    old.peak_to_minutes = old.peak_to_minutes.or(new.peak_to_minutes);
    old.resolved_minutes = old.resolved_minutes.or(new.resolved_minutes);
}
