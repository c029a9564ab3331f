//! An episode rebuilt from its facts.

use std::collections::HashMap;

use super::base::{Id, Instant};
use super::dosing::{Effects, Session, SessionType, Vitals};
use super::fact::{Fact, Header};
use super::{
    Episode, clearance, consent, consultation, follow_up, measure, medication, people, preparation,
    referral, safety,
};

impl Episode {
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
