//! What is due in an episode, the riskiest first.

use serde::Serialize;

use super::Episode;
use super::base::{Day, Id, Instant, codes};
use super::dosing::Session;
use super::follow_up::{FollowUp, FollowUpKind};
use super::policy::Policy;
use super::safety::{DetectedIssue, EventOutcome, IssueSeverity};

codes! {
    /// How much depends on it; the first is the most.
    Risk { Safety = "safety", Clinical = "clinical", Administrative = "administrative" }
}

codes! {
    /// How pressing it is by now. Later is more pressing.
    Urgency {
        /// Not yet to be thought of.
        Upcoming = "upcoming",
        /// To be done: due today; integration from the reminder on.
        Due = "due",
        /// Past its day; integration past its target.
        Overdue = "overdue",
        /// So late that it is told again: integration past its escalation, medical follow-ups that hold dosing.
        Escalated = "escalated",
    }
}

impl Urgency {
    /// How pressing something is so many days after it was due.
    const fn of(days_late: i64) -> Self {
        match days_late {
            ..0 => Self::Upcoming,
            0 => Self::Due,
            1.. => Self::Overdue,
        }
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub what: String,
    /// The record that it is about.
    pub id: Id,
    pub due_by: Day,
    /// 0 where it is not overdue.
    pub overdue_days: i64,
    pub urgency: Urgency,
    pub risk: Risk,
    /// `therapist`, `prescriber`, `pharmacy` or `patient`.
    pub who: &'static str,
}

struct List {
    at: Instant,
    day: Day,
    items: Vec<Item>,
}

impl List {
    fn add(
        &mut self,
        risk: Risk,
        due_by: Day,
        who: &'static str,
        id: &Id,
        what: impl Into<String>,
    ) {
        let late = self.day.days_since(due_by);
        self.items.push(Item {
            what: what.into(),
            id: id.clone(),
            due_by,
            overdue_days: late.max(0),
            urgency: Urgency::of(late),
            risk,
            who,
        });
    }

    /// Sets how pressing the last item is.
    fn press(&mut self, urgency: Urgency) {
        if let Some(item) = self.items.last_mut() {
            item.urgency = urgency;
        }
    }
}

/// Days before an end at which it comes on the list.
const AHEAD: i64 = 30;
/// Days before the 18th birthday at which consents are to be signed anew.
const AHEAD_OF_BIRTHDAY: i64 = 60;

impl Episode {
    /// What is due as of `at`: by risk, then by day.
    #[must_use]
    pub fn worklist(&self, at: Instant, policy: &Policy) -> Vec<Item> {
        let day = self.calendar().day(at);
        let mut list = List {
            at,
            day,
            items: vec![],
        };
        self.safety_due(at, &mut list);
        for f in self.follow_ups.iter().filter(|f| f.is_open()) {
            let risk = match f.kind {
                FollowUpKind::SafetyCheck => Risk::Safety,
                _ => Risk::Clinical,
            };
            list.add(risk, f.due_by, who(f.kind), &f.id, f.kind.code());
            list.press(self.urgency(f, at, policy));
        }
        if !self.phase.is_terminal() {
            self.ends_due(at, &mut list);
            self.integration_due(policy, &mut list);
        }
        list.items
            .sort_by(|a, b| (a.risk, a.due_by, &a.id).cmp(&(b.risk, b.due_by, &b.id)));
        list.items
    }

    fn safety_due(&self, at: Instant, list: &mut List) {
        let calendar = self.calendar();
        for i in self.detected_issues.iter().filter(|i| i.is_open()) {
            let due = calendar.day(i.identified_at);
            let risk = match i.severity {
                IssueSeverity::High => Risk::Safety,
                _ if self.awaits_review(i, at) => Risk::Safety,
                _ => Risk::Clinical,
            };
            list.add(
                risk,
                due,
                "prescriber",
                &i.id,
                format!("review {}", i.rule_id),
            );
        }
        let waits = |i: &&DetectedIssue| !i.is_open() && self.awaits_review(i, at);
        for i in self.detected_issues.iter().filter(waits) {
            let (what, today) = ("safety review before the next dose", list.day);
            list.add(Risk::Safety, today, "therapist", &i.id, what);
        }
        let open = |o| matches!(o, EventOutcome::Ongoing | EventOutcome::Recovering);
        for e in &self.adverse_events {
            let due = calendar.day(e.occurred_at);
            if open(e.outcome) {
                list.add(
                    Risk::Safety,
                    due,
                    "prescriber",
                    &e.id,
                    "adverse event is open",
                );
            }
            if e.alert.as_ref().is_none_or(|a| a.acknowledged_at.is_none()) {
                list.add(
                    Risk::Safety,
                    due,
                    "prescriber",
                    &e.id,
                    "adverse event is not acknowledged",
                );
            }
        }
    }

    fn ends_due(&self, at: Instant, list: &mut List) {
        let soon = list.day.plus_days(AHEAD);
        if let Some(c) = self.ruling(at).filter(|c| c.decision.clears())
            && let Some(end) = c.valid_until.filter(|end| *end <= soon)
        {
            list.add(
                Risk::Clinical,
                end,
                "prescriber",
                &c.id,
                "clearance ends: renew it",
            );
        }
        if let Some(rx) = self.active_prescription().filter(|p| p.valid_until <= soon) {
            list.add(
                Risk::Clinical,
                rx.valid_until,
                "prescriber",
                &rx.id,
                "prescription ends",
            );
        }
        for c in &self.consents {
            let active = c.status == super::consent::ConsentStatus::Active;
            if let Some(end) = c.expires.filter(|end| active && *end <= soon) {
                list.add(
                    Risk::Administrative,
                    end,
                    "therapist",
                    &c.id,
                    "consent ends: sign it anew",
                );
            }
        }
        let eighteen = super::calendar::birthday(self.patient.birth_date, 18);
        let ahead = list.day.plus_days(AHEAD_OF_BIRTHDAY);
        if list.day < eighteen && eighteen <= ahead {
            let what = "patient comes of age: sign consents anew";
            list.add(
                Risk::Administrative,
                eighteen,
                "therapist",
                &self.patient.id,
                what,
            );
        }
        let left = self.derived_forecast(at);
        if let Some(rx) = self.active_prescription()
            && left.is_some_and(|n| n < 1)
        {
            let what = "less than one session's units are left";
            list.add(Risk::Clinical, list.day, "prescriber", &rx.id, what);
        }
    }

    fn derived_forecast(&self, at: Instant) -> Option<u32> {
        let dispensed = !self.dispenses.is_empty();
        self.forecast(at, None)
            .filter(|_| dispensed)
            .map(|f| f.sessions_left)
    }

    /// Dosing sessions without integration for which no follow-up is on record.
    fn integration_due(&self, policy: &Policy, list: &mut List) {
        let calendar = self.calendar();
        let owed = |day: Day| {
            let mut all = self.follow_ups.iter();
            all.any(|f| f.anchor == day && f.kind == FollowUpKind::Integration72h)
        };
        for s in &self.sessions {
            let Some(dose) = s.first_dose_at().filter(|t| *t <= list.at) else {
                continue;
            };
            if !self.integrated(&s.id) && !owed(calendar.day(dose)) {
                let targets = &policy.integration;
                let due = calendar.day(targets.target(dose));
                list.add(Risk::Clinical, due, "therapist", &s.id, "integration-72h");
                list.press(targets.urgency(dose, list.at));
            }
        }
    }

    /// How pressing an open follow-up is at `at`. Integration counts from the dose, hour by hour (KAP-INV-17); a medical
    /// follow-up escalates when it is so late that it holds dosing (KAP-INV-15).
    pub(in crate::kap) fn urgency(&self, f: &FollowUp, at: Instant, policy: &Policy) -> Urgency {
        use FollowUpKind as K;
        let calendar = self.calendar();
        if f.kind == K::Integration72h {
            let doses = self.sessions.iter().filter_map(Session::first_dose_at);
            let of_that_day = doses.filter(|t| calendar.day(*t) == f.anchor).min();
            let dose = of_that_day.unwrap_or_else(|| calendar.start_of(f.anchor));
            return policy.integration.urgency(dose, at);
        }
        let hold = i64::from(policy.follow_up.overdue_hold_days);
        let medical = f.kind.is_medical();
        match calendar.day(at).days_since(f.due_by) {
            late if medical && late >= hold.max(1) => Urgency::Escalated,
            late => Urgency::of(late),
        }
    }
}

fn who(kind: FollowUpKind) -> &'static str {
    use FollowUpKind as K;
    match kind {
        K::Medical30Day | K::MedicalQuarterly | K::ClearanceReReview => "prescriber",
        K::Integration72h | K::DischargeSession | K::SafetyCheck => "therapist",
    }
}
