//! The numbers of an episode that nobody stores: counts, next days, what is left, what is open.

use std::collections::BTreeMap;

use serde::Serialize;

use super::base::{Day, Decimal, Id, Instant};
use super::dosing::{Session, SessionStatus, SessionType};
use super::follow_up::FollowUpKind;
use super::ledger::Forecast;
use super::medication::Supply;
use super::policy::Policy;
use super::preparation::SessionRange;
use super::safety::{DetectedIssue, IssueStatus};
use super::trends::Trend;
use super::worklist::Urgency;
use super::{Episode, Phase, calendar::birthday};

/// Lozenges: delivered, used, left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lozenges {
    pub dispensed_delivered: Decimal,
    pub administered: Decimal,
    pub wasted_or_returned: Decimal,
    pub adjusted: Decimal,
    pub remaining: Decimal,
    pub mg_remaining: Decimal,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
}

/// The computed view of an episode at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Derived {
    /// Sessions in which a dose was given.
    pub dosing_sessions_completed: u32,
    /// Sessions that ended without a dose.
    pub dosing_sessions_held: u32,
    pub dosing_sessions_planned: Option<SessionRange>,
    /// `None` where nothing is dispensed to the patient.
    pub lozenges: Option<Lozenges>,
    pub last_dosing_at: Option<Day>,
    /// By the clearance's interval.
    pub next_dosing_earliest: Option<Day>,
    /// The next day of the plan's cadence, not in the past.
    pub next_dosing_target: Option<Day>,
    pub clearance_valid_until: Option<Day>,
    pub next_medical_follow_up_due: Option<Day>,
    pub next_review_due: Option<Day>,
    pub prescription_valid_until: Option<Day>,
    /// Whether anything stands in the way of dosing, whatever the session.
    pub dosing_allowed: bool,
    /// Invariant and words.
    pub blocking_reasons: Vec<String>,
    /// Of a minor only.
    pub turns18_on: Option<Day>,
    /// Ids of open findings, and computed flags in words.
    pub open_flags: Vec<String>,
    /// Each integration session against the dose that it integrates.
    pub integrations: Vec<IntegrationTiming>,
    pub outcome_trend: BTreeMap<String, Trend>,
}

/// How long after the dose an integration session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationTiming {
    pub session_id: Id,
    pub integrates_session_id: Id,
    /// From the first dose of that session, to two decimals.
    pub hours_after_dose: Decimal,
    pub within_target_window: bool,
}

impl DetectedIssue {
    /// Whether nobody has dealt with it yet.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let alive = matches!(self.status, IssueStatus::Preliminary | IssueStatus::Final);
        alive && self.mitigations.is_empty()
    }
}

impl Episode {
    /// Everything that is computed, as of `at`.
    #[must_use]
    pub fn derived(&self, at: Instant, policy: &Policy) -> Derived {
        let day = self.calendar().day(at);
        let standing = self.standing(at, policy);
        let reason = |r: &super::readiness::BlockingReason| format!("{} {}", r.rule, r.text);
        let clearance = self.active_clearance(at);
        let last = self.last_dosing(at);
        let every = self.cadence();
        let eighteen = birthday(self.patient.birth_date, 18);
        Derived {
            dosing_sessions_completed: self.dosing_done(),
            dosing_sessions_held: self.dosing_held(),
            dosing_sessions_planned: self
                .treatment_plan
                .as_ref()
                .and_then(|p| p.planned_dosing_sessions.clone()),
            lozenges: self.lozenges(at, policy),
            last_dosing_at: last,
            next_dosing_earliest: last
                .zip(clearance)
                .filter(|_| !self.phase.is_terminal())
                .map(|(last, c)| last.plus_days(c.min_days_between_sessions.unwrap_or(1).into())),
            next_dosing_target: last.zip(every).map(|(last, n)| next_target(last, n, day)),
            clearance_valid_until: clearance.and_then(|c| c.valid_until),
            next_medical_follow_up_due: self.next_due(FollowUpKind::is_medical),
            next_review_due: self.next_due(|k| k == FollowUpKind::ClearanceReReview),
            prescription_valid_until: self.active_prescription().map(|p| p.valid_until),
            dosing_allowed: standing.can_dose_now,
            blocking_reasons: standing.blocking_reasons.iter().map(reason).collect(),
            turns18_on: (day < eighteen).then_some(eighteen),
            open_flags: self.open_flags(at, day, policy),
            integrations: self
                .sessions
                .iter()
                .filter(|s| s.status == SessionStatus::Completed)
                .filter_map(|s| self.integration_of(s, policy))
                .collect(),
            outcome_trend: self.outcome_trend(policy),
        }
    }

    /// The local day of the last dose given by `at`.
    #[must_use]
    pub fn last_dosing(&self, at: Instant) -> Option<Day> {
        let doses = self.sessions.iter().filter_map(Session::first_dose_at);
        let last = doses.filter(|t| *t <= at).max()?;
        Some(self.calendar().day(last))
    }

    /// When `session`, an integration session, began after the dose that it integrates.
    pub(in crate::kap) fn integration_of(
        &self,
        session: &Session,
        policy: &Policy,
    ) -> Option<IntegrationTiming> {
        let of = session.integrates_session_id.as_ref()?;
        let dosing = self.sessions.iter().find(|s| &s.id == of)?;
        let minutes = session.start.minutes_since(dosing.first_dose_at()?);
        let hours = rust_decimal::Decimal::from(minutes) / rust_decimal::Decimal::from(60);
        Some(IntegrationTiming {
            session_id: session.id.clone(),
            integrates_session_id: of.clone(),
            hours_after_dose: Decimal(hours.round_dp(2)),
            within_target_window: minutes <= 60 * i64::from(policy.integration.target_hours),
        })
    }

    /// Days between dosing sessions while a course runs; in maintenance and after the end there is no such beat.
    fn cadence(&self) -> Option<i64> {
        if self.phase == Phase::Maintenance || self.phase.is_terminal() {
            return None;
        }
        let plan = self.treatment_plan.as_ref()?;
        let every = i64::from(plan.dosing_cadence.as_ref()?.every_days);
        (every > 0).then_some(every)
    }

    fn dosing_held(&self) -> u32 {
        let held = |s: &&Session| {
            let dosing = s.kind == SessionType::Dosing && s.status == SessionStatus::Completed;
            dosing && s.first_dose_at().is_none()
        };
        u32::try_from(self.sessions.iter().filter(held).count()).unwrap_or(u32::MAX)
    }

    fn lozenges(&self, at: Instant, _policy: &Policy) -> Option<Lozenges> {
        let stock = |p: &super::medication::Prescription| p.supply == Some(Supply::ClinicStock);
        if self.dispenses.is_empty() || self.prescriptions.iter().all(stock) {
            return None;
        }
        let ledger = self.ledger(at);
        let total = ledger.total();
        let day = self.calendar().day(at);
        let next = self.last_dosing(at).zip(self.cadence());
        let next = next.map(|(last, n)| next_target(last, n, day));
        Some(Lozenges {
            dispensed_delivered: total.delivered,
            administered: total.administered,
            wasted_or_returned: total.removed,
            adjusted: total.adjusted,
            remaining: ledger.remaining(),
            mg_remaining: ledger.mg_remaining(),
            forecast: self.forecast(at, next),
        })
    }

    /// The first day on which something open is due.
    #[must_use]
    pub fn next_day_due(&self) -> Option<Day> {
        self.next_due(|_| true)
    }

    fn next_due(&self, kind: impl Fn(FollowUpKind) -> bool) -> Option<Day> {
        let open = self
            .follow_ups
            .iter()
            .filter(|f| f.is_open() && kind(f.kind));
        open.map(|f| f.due_by).min()
    }

    fn open_flags(&self, at: Instant, day: Day, policy: &Policy) -> Vec<String> {
        let open = self.detected_issues.iter().filter(|i| i.is_open());
        let mut out: Vec<String> = open.map(|i| i.id.to_string()).collect();
        if let Some((last, every)) = self.last_dosing(at).zip(self.cadence())
            && day.days_since(last) > every
        {
            out.push(format!(
                "KAP-RULE-CADENCE: >{every} days since last dosing session"
            ));
        }
        let words = |k| match k {
            FollowUpKind::Medical30Day => Some("KAP-RULE-FU30: 30-day follow-up overdue"),
            FollowUpKind::MedicalQuarterly => Some("KAP-RULE-FUQ: quarterly follow-up overdue"),
            FollowUpKind::Integration72h => Some("KAP-RULE-INTEGRATION: integration overdue"),
            _ => None,
        };
        let open = self.follow_ups.iter().filter(|f| f.is_open());
        let late = open.filter(|f| self.urgency(f, at, policy) >= Urgency::Overdue);
        out.extend(late.filter_map(|f| words(f.kind)).map(str::to_owned));
        out
    }
}

/// The first day of the cadence after `last` that is not before `day`.
fn next_target(last: Day, every: i64, day: Day) -> Day {
    let gone = day.days_since(last).max(1);
    last.plus_days((gone + every - 1) / every * every)
}
