//! What the parties do: commands, which may be refused, and facts, which are not.
//!
//! A command that only brings a record becomes a [`Fact`] with a fresh id; both doors then meet in `take`, so that a
//! record that came in as FHIR obeys the same rules.

pub mod body;
mod clearance;
mod command;
mod consent;
mod consultation;
mod discharge;
mod dosing;
mod finding;
mod follow_up;
mod lifecycle;
mod medication;
mod open;
mod order;
mod people;
mod reference;
mod referral;
mod review;
mod safety;
mod session;
mod session_end;
mod session_record;
#[cfg(test)]
mod tests;
mod told;

use super::base::{Id, Instant};
use super::dosing::SessionStatus;
use super::fact::Fact;
use super::policy::Policy;
use super::{Episode, Phase};
use crate::error::{Error, Issue, Kind, Result};

pub use body::*;
pub use command::Command;
pub(super) use finding::Finding;
pub(super) use review::KetamineAllergy;

/// Whose side an actor is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Practice,
    Partner,
    Pharmacy,
    External,
}

/// Who acts.
#[derive(Clone, Debug)]
pub struct Actor {
    pub organization: Id,
    pub side: Side,
    /// The client acts for prescribers of the partner.
    pub prescriber: bool,
    /// The client may correct the record (entered in error).
    pub admin: bool,
}

/// Everything that a rule needs beside the episode.
#[expect(
    missing_debug_implementations,
    reason = "holds the function that gives ids"
)]
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub now: Instant,
    pub policy: &'a Policy,
    pub actor: &'a Actor,
    /// A fresh id for a named new record; the same name gives the same id within one request.
    pub ids: &'a dyn Fn(&str) -> Id,
}

impl Context<'_> {
    /// The instant at which an act is judged: its own, or now.
    ///
    /// # Errors
    /// `Unprocessable` (KAP-INV-23) where it lies in the future by more than the clock skew.
    pub fn at(&self, at: Option<Instant>) -> Result<Instant> {
        let at = at.unwrap_or(self.now);
        self.past(at, "/at").map(|()| at)
    }

    /// Refuses a time in the future.
    pub(super) fn past(&self, at: Instant, pointer: &str) -> Result<()> {
        let skew = i64::from(self.policy.clock_skew_minutes);
        if at <= self.now.plus_minutes(skew) {
            return Ok(());
        }
        Err(unfit("KAP-INV-23", pointer, "The time is in the future."))
    }

    /// Gives a record that a client sent its id.
    pub(super) fn name(&self, id: &mut Id, name: &str) -> Result<()> {
        if !id.is_unset() {
            return Err(Error::new(Kind::Invalid, "Ids are assigned by the service.").at("/id"));
        }
        *id = (self.ids)(name);
        Ok(())
    }

    /// Refuses all but `side`.
    pub(super) fn only(&self, side: Side) -> Result<()> {
        if self.actor.side == side {
            return Ok(());
        }
        Err(not_permitted(match side {
            Side::Practice => "Only the practice does this.",
            Side::Partner => "Only the medical partner does this.",
            Side::Pharmacy => "Only the pharmacy does this.",
            Side::External => "Only an outside provider does this.",
        }))
    }

    /// Refuses all but practice and partner.
    pub(super) fn treating(&self) -> Result<()> {
        if matches!(self.actor.side, Side::Practice | Side::Partner) {
            return Ok(());
        }
        Err(not_permitted(
            "Only the practice or the medical partner does this.",
        ))
    }
}

/// A state that does not allow the command: 409.
pub(super) fn conflict(rule: &str, text: impl Into<String>) -> Error {
    ruled(Kind::Conflict, rule, text).code("state-conflict")
}

/// Content that breaks a rule, in the field at `pointer`: 422.
pub(super) fn unfit(rule: &str, pointer: &str, text: impl Into<String>) -> Error {
    ruled(Kind::Unprocessable, rule, text).at(pointer)
}

/// A record of the other side: 403.
pub(super) fn not_permitted(text: impl Into<String>) -> Error {
    ruled(Kind::Forbidden, "KAP-INV-21", text).code("not-permitted")
}

/// The error of `kind` that names its rule.
pub(super) fn ruled(kind: Kind, rule: &str, text: impl Into<String>) -> Error {
    let issue = Issue {
        text: text.into(),
        rule: Some(rule.to_owned()),
        ..Issue::default()
    };
    Error::with_issues(kind, vec![issue])
}

/// An issue of a list that is refused as one.
pub(super) fn issue(rule: &str, pointer: &str, text: impl Into<String>) -> Issue {
    Issue {
        text: text.into(),
        at: Some(pointer.to_owned()),
        rule: Some(rule.to_owned()),
        ..Issue::default()
    }
}

/// Refuses where there is anything to say.
pub(super) fn refuse(issues: Vec<Issue>) -> Result<()> {
    if issues.is_empty() {
        return Ok(());
    }
    Err(Error::with_issues(Kind::Unprocessable, issues))
}

/// Puts `item` in the place of the record with its id, or at the end.
pub(super) fn put<T>(all: &mut Vec<T>, item: T, id: impl Fn(&T) -> &Id) {
    match all.iter_mut().find(|x| id(x) == id(&item)) {
        Some(old) => *old = item,
        None => all.push(item),
    }
}

/// Text that is there and says something.
pub(super) fn said(text: Option<&str>) -> bool {
    text.is_some_and(|t| !t.trim().is_empty())
}

impl Episode {
    /// Carries out a command: all of it, or nothing. Gives the id of the record created or changed.
    ///
    /// # Errors
    /// What the rules say; the episode is then unchanged.
    pub fn apply(&mut self, command: Command, ctx: &Context) -> Result<Id> {
        let mut next = self.clone();
        next.open_to(&command, ctx)?;
        next.points_within(&command)?;
        let id = next.run(command, ctx)?;
        *self = next;
        Ok(id)
    }

    /// Takes in a record that came with its id: the same rules as for the command that would have brought it.
    ///
    /// # Errors
    /// What the rules say; the episode is then unchanged.
    pub fn accept(&mut self, fact: Fact, ctx: &Context) -> Result<()> {
        let mut next = self.clone();
        next.open_to_fact(&fact)?;
        next.take(fact, ctx)?;
        *self = next;
        Ok(())
    }

    /// Routes a record to its rules.
    pub(super) fn take(&mut self, fact: Fact, ctx: &Context) -> Result<Id> {
        let id = fact.key().1.clone();
        match fact {
            Fact::Header(x) => self.take_header(x, ctx),
            Fact::Patient(x) => self.take_patient(x, ctx),
            Fact::Member(x) => self.take_member(x, ctx),
            Fact::RelatedPerson(x) => self.take_related_person(x, ctx),
            Fact::Problem(x) => self.take_problem(x, ctx),
            Fact::Allergy(x) => self.take_allergy(x, ctx),
            Fact::HomeMedicine(x) => self.take_medicine(x, ctx),
            Fact::Consent(x) => self.take_consent(x, ctx),
            Fact::Referral(x) => self.take_referral(x, ctx),
            Fact::Screening(x) => self.take_screening(x, ctx),
            Fact::Issue(x) => self.take_issue(x, ctx),
            Fact::Clearance(x) => self.take_clearance(x, ctx),
            Fact::Plan(x) => self.take_plan(x, ctx),
            Fact::Intention(x) => self.take_intention(x, ctx),
            Fact::Prescription(x) => self.take_prescription(x, ctx),
            Fact::Dispense(x) => self.take_dispense(x, ctx),
            Fact::Inventory(x) => self.take_inventory(x, ctx),
            Fact::Session(x) => self.take_session(&x, ctx),
            Fact::Vitals { session, vitals } => self.take_vitals(&session, vitals, ctx),
            Fact::Dose { session, dose } => self.take_dose(&session, dose, ctx),
            Fact::Checklist { session, checklist } => self.take_checklist(&session, checklist, ctx),
            Fact::Effects { session, effects } => self.take_effects(&session, effects, ctx),
            Fact::SideEffect { session, effect } => self.take_side_effect(&session, effect, ctx),
            Fact::Discharge { session, discharge } => self.take_discharge(&session, discharge, ctx),
            Fact::Integration {
                session,
                integration,
            } => self.take_integration(&session, integration, ctx),
            Fact::Outcome(x) => self.take_outcome(x, ctx),
            Fact::AdverseEvent(x) => self.take_adverse_event(x, ctx),
            Fact::FollowUp(x) => self.take_follow_up(x, ctx),
            Fact::Communication(x) => self.take_communication(x, ctx),
        }?;
        Ok(id)
    }

    /// After the end only corrections, late facts and what settles the episode (KAP-INV-25).
    fn open_to(&self, command: &Command, _ctx: &Context) -> Result<()> {
        if self.phase.is_terminal() && !command.settles() {
            return Err(ended());
        }
        Ok(())
    }

    fn open_to_fact(&self, fact: &Fact) -> Result<()> {
        let settles = match fact {
            Fact::AdverseEvent(_)
            | Fact::FollowUp(_)
            | Fact::Communication(_)
            | Fact::Inventory(_)
            | Fact::Outcome(_)
            | Fact::Issue(_)
            | Fact::Vitals { .. }
            | Fact::Dose { .. }
            | Fact::Effects { .. }
            | Fact::SideEffect { .. }
            | Fact::Discharge { .. } => true,
            // A session under way, or on the calendar, ends after the episode did.
            Fact::Session(new) => self.sessions.iter().any(|old| {
                let ends =
                    !matches!(new.status, SessionStatus::InProgress) && !new.status.is_ahead();
                old.id == new.id && old.status != new.status && ends
            }),
            Fact::Consent(c) => self.consents.iter().any(|old| old.id == c.id),
            _ => false,
        };
        if self.phase.is_terminal() && !settles {
            return Err(ended());
        }
        Ok(())
    }

    /// Whether `who` is somebody of this episode.
    pub(super) fn known(&self, who: &Id) -> bool {
        matches!(who.as_str(), "patient" | "guardian" | "system")
            || self.care_team.iter().any(|m| &m.id == who)
            || self.related_persons.iter().any(|p| &p.id == who)
            || &self.patient.id == who
    }

    /// Refuses a stranger in the field at `pointer`.
    pub(super) fn known_at(&self, who: &Id, pointer: &str) -> Result<()> {
        if self.known(who) {
            return Ok(());
        }
        let text = "This is no member of the care team, related person or `patient`.";
        Err(Error::new(Kind::Unprocessable, text).at(pointer))
    }

    /// Refuses all but a prescriber of the partner who acts through the partner's own client (KAP-INV-21).
    pub(super) fn prescriber_at(&self, who: &Id, pointer: &str, ctx: &Context) -> Result<()> {
        let partner = &self.organizations.partner.id;
        let actor = ctx.actor;
        if !(actor.side == Side::Partner && actor.prescriber && &actor.organization == partner) {
            return Err(not_permitted(
                "Only a prescriber of the medical partner does this.",
            ));
        }
        if self.is_prescriber(who) {
            return Ok(());
        }
        let text = "This is no prescriber of the medical partner on the care team.";
        Err(not_permitted(text).at(pointer))
    }

    /// Whether `who` prescribes for the partner.
    pub(super) fn is_prescriber(&self, who: &Id) -> bool {
        let partner = &self.organizations.partner.id;
        let prescribes = |m: &super::people::Member| {
            m.role == super::people::MemberRole::Prescriber && &m.organization_id == partner
        };
        self.care_team.iter().any(|m| &m.id == who && prescribes(m))
    }
}

fn ended() -> Error {
    conflict(
        "KAP-INV-25",
        "The episode has ended; only corrections and late facts are taken.",
    )
}

impl Phase {
    /// Whether the episode has ended.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::NotCleared
                | Self::Completed
                | Self::Discontinued
                | Self::Withdrawn
                | Self::EnteredInError
        )
    }
}
