//! The order of a session's times (KAP-INV-23): start, doses, end-of-session readings, discharge, end.
//!
//! A command that would put them out of order by more than the clock skew is refused. What has happened is stored
//! whatever its time, and flagged: low within the skew, moderate beyond it.

use super::finding::{self, Finding};
use super::{Context, unfit};
use crate::error::Result;
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{Session, SessionStatus, Timing, Vitals};
use crate::kap::ledger::given;
use crate::kap::safety::IssueSeverity;

/// A time that follows others by nature.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    /// The record that states it; the session for its discharge and end.
    subject: Id,
    at: Instant,
    /// The latest of the times that it follows.
    floor: Instant,
}

impl Session {
    /// Whether it has begun, so that its start is no plan any more.
    fn has_begun(&self) -> bool {
        matches!(
            self.status,
            SessionStatus::InProgress | SessionStatus::Completed
        )
    }

    fn last_dose_at(&self) -> Option<Instant> {
        let doses = self.dosing.iter().flat_map(|d| &d.doses);
        doses.filter(|d| given(d)).map(|d| d.at).max()
    }

    fn end_readings(&self) -> impl Iterator<Item = &Vitals> {
        let readings = self.dosing.iter().flat_map(|d| &d.vitals);
        readings.filter(|v| v.timing == Timing::EndOfSession)
    }

    /// The latest time that a discharge follows.
    fn before_discharge(&self) -> Instant {
        let readings = self.end_readings().map(|v| v.at).max();
        self.start.max_of([self.last_dose_at(), readings])
    }

    /// The latest time that the end follows.
    fn before_end(&self) -> Instant {
        let discharge = self.dosing.as_ref().and_then(|d| d.discharge.as_ref());
        let discharge = discharge.map(|d| d.assessed_at);
        self.before_discharge().max_of([discharge])
    }

    /// Every time of a session that has begun, with what it follows.
    fn marks(&self) -> Vec<Mark> {
        let mark = |subject: &Id, at, floor| Mark {
            subject: subject.clone(),
            at,
            floor,
        };
        let doses = self.dosing.iter().flat_map(|d| &d.doses);
        let mut out: Vec<Mark> = doses
            .filter(|d| given(d))
            .map(|d| mark(&d.id, d.at, self.start))
            .collect();
        let dosed = self.start.max_of([self.last_dose_at()]);
        out.extend(self.end_readings().map(|v| mark(&v.id, v.at, dosed)));
        let discharge = self.dosing.as_ref().and_then(|d| d.discharge.as_ref());
        out.extend(discharge.map(|d| mark(&self.id, d.assessed_at, self.before_discharge())));
        let ended = self.end.filter(|_| self.status == SessionStatus::Completed);
        out.extend(ended.map(|end| mark(&self.id, end, self.before_end())));
        out
    }
}

impl Instant {
    /// The latest of this and the others.
    fn max_of<const N: usize>(self, others: [Option<Self>; N]) -> Self {
        others.into_iter().flatten().fold(self, Self::max)
    }
}

impl Episode {
    /// Refuses a discharge that lies before what it follows.
    pub(super) fn discharge_in_order(&self, id: &Id, at: Instant, ctx: &Context) -> Result<()> {
        let floor = self.session(id)?.before_discharge();
        let text =
            "The discharge lies before a dose, a reading at the end or the start of its session.";
        within(at, floor, ctx)
            .then_some(())
            .ok_or_else(|| unfit("KAP-INV-23", "/assessedAt", text))
    }

    /// Refuses an end, in the field at `pointer`, that lies before what it follows.
    pub(super) fn end_in_order(
        &self,
        id: &Id,
        at: Instant,
        pointer: &str,
        ctx: &Context,
    ) -> Result<()> {
        let session = self.session(id)?;
        let text =
            "The session ends before its start, a dose, a reading at the end or the discharge.";
        let fits = within(at, session.before_end(), ctx);
        fits.then_some(())
            .ok_or_else(|| unfit("KAP-INV-23", pointer, text))
    }

    /// Flags the times of a session that has begun that are out of order.
    pub(super) fn look_at_order(&mut self, id: &Id, ctx: &Context) -> Result<()> {
        let session = self.session(id)?;
        if !session.has_begun() {
            return Ok(());
        }
        let late = session.marks().into_iter().filter(|m| m.at < m.floor);
        let found: Vec<Finding> = late
            .map(|m| {
                let severity = if within(m.at, m.floor, ctx) {
                    IssueSeverity::Low
                } else {
                    IssueSeverity::Moderate
                };
                finding::out_of_order(&m.subject, m.at, severity)
            })
            .collect();
        for f in found {
            self.raise(f, ctx);
        }
        Ok(())
    }
}

/// Whether `at` lies before `floor` by no more than the clock skew.
fn within(at: Instant, floor: Instant, ctx: &Context) -> bool {
    floor <= at.plus_minutes(ctx.policy.clock_skew_minutes.into())
}
