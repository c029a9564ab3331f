//! What is due: created by the rules, done by sessions. And messages about it.

use super::body::{CompleteFollowUp, Step};
use super::{Context, conflict, put, said};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Day, Id, Instant};
use crate::kap::dosing::{SessionStatus, SessionType};
use crate::kap::follow_up::{Communication, FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::integration::Integration;
use crate::kap::measure::Outcome;

impl FollowUp {
    /// Whether it is still owed.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self.status,
            FollowUpStatus::Open | FollowUpStatus::Scheduled | FollowUpStatus::Overdue
        )
    }
}

/// Whether a follow-up is due only while dosing is planned (KAP-INV-15).
const fn bound(kind: FollowUpKind) -> bool {
    kind.is_medical() || matches!(kind, FollowUpKind::ClearanceReReview)
}

impl Episode {
    /// Notes that something is due; once for each kind and anchor.
    pub(super) fn owe(&mut self, kind: FollowUpKind, anchor: Day, due_by: Day, ctx: &Context) {
        let same = |f: &FollowUp| f.kind == kind && f.anchor == anchor;
        // What is due while dosing is planned is not called for after the end.
        let over = self.phase.is_terminal() && bound(kind);
        if over || self.follow_ups.iter().any(same) {
            return;
        }
        self.follow_ups.push(FollowUp {
            id: (ctx.ids)(&format!("follow-up.{kind}.{anchor}")),
            kind,
            anchor,
            due_by,
            status: FollowUpStatus::Open,
            done_session_id: None,
            note: None,
        });
    }

    /// What a completed session settles and what it calls for.
    pub(super) fn after_session(&mut self, id: &Id, at: Instant, ctx: &Context) -> Result<()> {
        let (kind, start, dosed) = {
            let s = self.session(id)?;
            (s.kind, s.start, s.first_dose_at())
        };
        let day = self.calendar().day(start);
        let intervals = &ctx.policy.follow_up;
        match kind {
            SessionType::MedicalEvaluation => {
                let due = day.plus_days(intervals.first_days.into());
                self.owe(FollowUpKind::Medical30Day, day, due, ctx);
                self.settle_by_later(day);
                self.ask_pregnancy(id, at, ctx);
            }
            SessionType::MedicalFollowUp => {
                self.settle(id, day, |f| f.kind.is_medical());
                let due = day.plus_days(intervals.target_days.into());
                self.owe(FollowUpKind::MedicalQuarterly, day, due, ctx);
                self.settle_by_later(day);
            }
            SessionType::Integration => {
                self.settle(id, day, |f| f.kind == FollowUpKind::Integration72h);
                self.look_at_delay(id, ctx)?;
            }
            SessionType::DischargeFollowUp => {
                // A parting that nobody had agreed ahead counts as well.
                let done = |f: &FollowUp| f.done_session_id.as_ref() == Some(id);
                if !self.parting_is_owed() && !self.follow_ups.iter().any(done) {
                    self.owe(FollowUpKind::DischargeSession, day, day, ctx);
                }
                self.settle(id, day, |f| f.kind == FollowUpKind::DischargeSession);
            }
            SessionType::Dosing => {
                if let Some(dose) = dosed {
                    let due = self.calendar().day(ctx.policy.integration.target(dose));
                    self.owe(
                        FollowUpKind::Integration72h,
                        self.calendar().day(dose),
                        due,
                        ctx,
                    );
                    self.look_at_length(id, dose, at, ctx)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Marks open follow-ups as done by a session: late ones as resolved late.
    fn settle(&mut self, session: &Id, day: Day, which: impl Fn(&FollowUp) -> bool) {
        let begun = |f: &&mut FollowUp| f.anchor <= day;
        let open = self
            .follow_ups
            .iter_mut()
            .filter(|f| f.is_open() && which(f));
        for follow_up in open.filter(begun) {
            follow_up.status = if follow_up.due_by < day {
                FollowUpStatus::OverdueResolved
            } else {
                FollowUpStatus::Done
            };
            follow_up.done_session_id = Some(session.clone());
        }
    }

    /// A medical meeting may come to be known after the one that followed it: what it called for was done by that.
    fn settle_by_later(&mut self, day: Day) {
        let held = self.sessions.iter().filter(|s| {
            s.kind == SessionType::MedicalFollowUp && s.status == SessionStatus::Completed
        });
        let days = held.map(|s| (self.calendar().day(s.start), s.id.clone()));
        let next = days.filter(|(later, _)| *later > day).min();
        if let Some((later, session)) = next {
            let owed = |f: &FollowUp| f.kind.is_medical() && f.anchor == day;
            self.settle(&session, later, owed);
        }
    }

    pub(super) fn take_follow_up(&mut self, follow_up: FollowUp, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if follow_up.due_by < follow_up.anchor {
            let text = "It is due before the day from which it counts.";
            return Err(Error::new(Kind::Unprocessable, text).at("/dueBy"));
        }
        let id = follow_up.id.clone();
        let known = self.follow_ups.iter().find(|f| f.id == id);
        let moves = |old: &FollowUp| {
            let is = |f: &FollowUp| (f.kind, f.anchor, f.due_by, f.status);
            is(old) != is(&follow_up)
        };
        if known.is_some_and(|old| old.kind.is_medical() && moves(old)) {
            ctx.only(super::Side::Partner)?;
        }
        put(&mut self.follow_ups, follow_up, |f| &f.id);
        Ok(id)
    }

    fn open_follow_up(&mut self, id: &Id) -> Result<&mut FollowUp> {
        let found = self.follow_ups.iter_mut().find(|f| &f.id == id);
        let follow_up = found.ok_or_else(Error::not_found)?;
        if follow_up.is_open() {
            return Ok(follow_up);
        }
        let text = format!("The follow-up is {} already.", follow_up.status);
        Err(conflict("KAP-INV-15", text))
    }

    pub(super) fn complete_follow_up(
        &mut self,
        id: &Id,
        body: CompleteFollowUp,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.treating()?;
        let day = self.calendar().day(ctx.at(body.at)?);
        if let Some(session) = &body.session_id {
            let held = self.session(session).map(|s| s.status);
            if !matches!(held, Ok(SessionStatus::Completed)) {
                let text = "There is no such completed session.";
                return Err(Error::new(Kind::Unprocessable, text).at("/sessionId"));
            }
        }
        let next = ctx.policy.follow_up.target_days;
        let follow_up = self.open_follow_up(id)?;
        if follow_up.kind.is_medical() {
            // Its result is the prescriber's to record (domain reference §2.1).
            ctx.only(super::Side::Partner)?;
        }
        follow_up.status = if follow_up.due_by < day {
            FollowUpStatus::OverdueResolved
        } else {
            FollowUpStatus::Done
        };
        follow_up.done_session_id = body.session_id;
        follow_up.note = body.note.or(follow_up.note.take());
        if follow_up.kind.is_medical() && !self.phase.is_terminal() {
            self.owe(
                FollowUpKind::MedicalQuarterly,
                day,
                day.plus_days(next.into()),
                ctx,
            );
        }
        Ok(id.clone())
    }

    pub(super) fn decline_follow_up(&mut self, id: &Id, body: Step, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        self.known_at(&body.by, "/by")?;
        ctx.at(body.at)?;
        if !said(body.reason.as_deref()) {
            let text = "A reason is required.";
            return Err(Error::new(Kind::Unprocessable, text).at("/reason"));
        }
        let follow_up = self.open_follow_up(id)?;
        follow_up.status = FollowUpStatus::Declined;
        follow_up.note = body.reason;
        Ok(id.clone())
    }

    pub(super) fn take_communication(&mut self, c: Communication, ctx: &Context) -> Result<Id> {
        ctx.past(c.at, "/at")?;
        if c.to.is_empty() {
            let text = "A message has at least one receiver.";
            return Err(Error::new(Kind::Unprocessable, text).at("/to"));
        }
        let id = c.id.clone();
        put(&mut self.communications, c, |c| &c.id);
        Ok(id)
    }

    pub(super) fn take_outcome(&mut self, outcome: Outcome, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(outcome.at, "/at")?;
        let range = outcome.range.as_ref();
        if range.is_some_and(|r| outcome.score < r.min || outcome.score > r.max) {
            let text = "The score lies outside its range.";
            return Err(Error::new(Kind::Unprocessable, text).at("/score"));
        }
        if outcome.item9.is_some_and(|n| n > 3) {
            return Err(super::unfit("KAP-INV-19", "/item9", "Item 9 is 0 to 3."));
        }
        let (id, at) = (outcome.id.clone(), outcome.at);
        put(&mut self.outcomes, outcome, |o| &o.id);
        self.screen(at, ctx);
        Ok(id)
    }

    pub(super) fn take_integration(
        &mut self,
        session: &Id,
        integration: Integration,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.only(super::Side::Practice)?;
        let target = self.session_mut(session)?;
        if target.kind != SessionType::Integration {
            let text = "This is not an integration session.";
            return Err(conflict("KAP-INV-01", text));
        }
        target.integration = Some(integration);
        Ok(session.clone())
    }
}

impl Episode {
    fn parting_is_owed(&self) -> bool {
        let parting = |f: &FollowUp| f.kind == FollowUpKind::DischargeSession && f.is_open();
        self.follow_ups.iter().any(parting)
    }

    /// Flags an integration that came after its target (KAP-INV-17).
    fn look_at_delay(&mut self, session: &Id, ctx: &Context) -> Result<()> {
        let late = self
            .integration_of(self.session(session)?, ctx.policy)
            .filter(|i| !i.within_target_window);
        if late.is_some() {
            let at = self.session(session)?.start;
            self.raise(super::finding::late_integration(session, at), ctx);
        }
        Ok(())
    }

    /// What is due only while dosing is planned ends with the episode (KAP-INV-15).
    pub(super) fn forgo(&mut self) {
        let open = self.follow_ups.iter_mut();
        for follow_up in open.filter(|f| f.is_open() && bound(f.kind)) {
            follow_up.status = FollowUpStatus::Cancelled;
            follow_up.note = Some("the episode ended".into());
        }
    }

    /// Flags an evaluation that closed without an answer about pregnancy (KAP-INV-29). Never inferred from gender.
    fn ask_pregnancy(&mut self, session: &Id, at: Instant, ctx: &Context) {
        if self.pregnancy_asked() {
            return;
        }
        let text = "The evaluation closed without an answer about pregnancy; unknown and declined are answers.";
        let low = crate::kap::safety::IssueSeverity::Low;
        let finding = super::Finding::observed("KAP-RULE-PREG", session, at, low, text);
        self.raise(finding, ctx);
    }
}
