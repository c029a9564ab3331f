//! The gates that depend on the session: its terms, conditions, dose, interval, vital signs, people and place.

use super::{EITHER_SUPPLIER, Gate, PRESCRIBER, THERAPIST};
use crate::kap::base::{Day, Decimal, Id};
use crate::kap::clearance::{Clearance, ConditionScope};
use crate::kap::dosing::{
    Checklist, Dosing, EncounterClass, Session, SessionStatus, SessionType, Setting, Timing, Vitals,
};
use crate::kap::limits::Limits;
use crate::kap::medication::{Route, Supply};
use crate::kap::rules::Class;
use crate::kap::worklist::Urgency;

impl Gate<'_> {
    /// Setting and route are those of clearance and prescription (02, 06, 30).
    pub(super) fn terms(&mut self, session: &Session) {
        let rx = self.episode.prescription_of(session);
        let route = rx.and_then(|p| Route::of(&p.route));
        if let Some(clearance) = self.episode.active_clearance(self.at) {
            if !clearance.settings_allowed.contains(&session.setting) {
                let text = format!(
                    "the clearance does not allow the setting {}",
                    session.setting
                );
                self.block("KAP-INV-02", "clearance-missing", text, PRESCRIBER);
            }
            let home = clearance.settings_allowed.contains(&Setting::RemoteHome);
            if session.encounter_class == EncounterClass::Virtual && !home {
                let text =
                    "the clearance does not allow remote-home, which a virtual session needs";
                self.block("KAP-INV-02", "clearance-missing", text, PRESCRIBER);
            }
            match route {
                Some(route) if !clearance.routes_allowed.contains(&route) => {
                    let text = format!("the clearance does not allow the route {route}");
                    self.block("KAP-INV-02", "clearance-missing", text, PRESCRIBER);
                }
                None if rx.is_some() => {
                    let text = "the prescription's route is not one that a clearance can allow";
                    self.block("KAP-INV-06", "prescription-missing", text, PRESCRIBER);
                }
                _ => {}
            }
        }
        let esketamine =
            rx.is_some_and(|p| p.drug.code == "2119365" && p.drug.system.contains("rxnorm"));
        if esketamine && session.is_remote() {
            let text = "esketamine is never given in a remote session";
            self.block("KAP-INV-30", "not-permitted", text, PRESCRIBER);
        }
    }

    /// Conditions of the clearance, and medication holds (03, 28).
    pub(super) fn conditions(&mut self, dosing: &Dosing) {
        let Some(clearance) = self.episode.active_clearance(self.at) else {
            return;
        };
        let list = dosing.pre_dose_checklist.as_ref();
        for condition in clearance
            .conditions
            .iter()
            .filter(|c| c.must_satisfy_before_dosing)
        {
            let met = match condition.scope {
                ConditionScope::Once => condition.satisfied_at.is_some_and(|t| t <= self.at),
                ConditionScope::EachSession => followed(list, &condition.id, &condition.code),
            };
            if !met {
                let text = format!("condition {} ({}) is not met", condition.id, condition.code);
                self.block("KAP-INV-03", "state-conflict", text, THERAPIST);
            }
        }
        let holds = self
            .episode
            .medications
            .iter()
            .any(|m| m.hold_before_hours.is_some() && m.status == "active");
        let conditional = clearance
            .conditions
            .iter()
            .any(|c| c.code == "hold-medication");
        let reviewed = list.is_some_and(|l| l.medications_reviewed == Some(true));
        if holds && !conditional && !reviewed {
            self.warn(
                "KAP-INV-28",
                "medication holds are not acknowledged for this session",
                THERAPIST,
            );
        }
    }

    /// Planned dose, and units on hand for it (07, 06).
    pub(super) fn dose(&mut self, session: &Session, dosing: &Dosing) {
        if let Some(max) = self.episode.maximum(session, self.at)
            && dosing.planned_dose_mg > max
        {
            let text = format!(
                "planned dose {} mg is above the maximum of {max} mg",
                dosing.planned_dose_mg
            );
            self.block("KAP-INV-07", "dose-exceeds-maximum", text, PRESCRIBER);
        }
        let Some(rx) = self.episode.prescription_of(session) else {
            return;
        };
        if rx.supply == Some(Supply::ClinicStock) {
            return;
        }
        let Some(strength) = &rx.strength else {
            let text = "prescription has no strength, so units cannot be counted";
            return self.say(
                Class::Hold,
                "KAP-INV-06",
                "inventory-insufficient",
                text,
                PRESCRIBER,
            );
        };
        let mg = strength.numerator.value;
        let planned = if mg > Decimal::ZERO {
            dosing.planned_dose_mg.0 / mg.0
        } else {
            rust_decimal::Decimal::MAX
        };
        let on_hand = self.episode.ledger(self.at).of(mg).remaining();
        if on_hand.0 < planned {
            let text = format!("{on_hand} units on hand, {} needed", planned.normalize());
            self.say(
                Class::Hold,
                "KAP-INV-06",
                "inventory-insufficient",
                text,
                EITHER_SUPPLIER,
            );
        }
    }

    /// Days since the last dosing session, and their number in seven days (08).
    pub(super) fn interval(&mut self, session: &Session, dosing: &Dosing) {
        if dosing.interval_override.is_some() {
            return;
        }
        let clearance = self.episode.active_clearance(self.at);
        let calendar = self.episode.calendar();
        let before = |s: &&Session| s.id != session.id;
        let days: Vec<Day> = self
            .episode
            .sessions
            .iter()
            .filter(before)
            .filter_map(Session::first_dose_at)
            .filter(|t| *t <= self.at)
            .map(|t| calendar.day(t))
            .collect();
        let least = clearance.and_then(|c: &Clearance| c.min_days_between_sessions);
        if let (Some(last), Some(least)) = (days.iter().max(), least) {
            let since = self.day.days_since(*last);
            if since < i64::from(least) {
                let text = format!("{since} days since the last dosing session, {least} required");
                self.block("KAP-INV-08", "interval-too-short", text, PRESCRIBER);
            }
        }
        let cap = self.policy.cadence.max_per7_days;
        let most = clearance
            .and_then(|c| c.max_sessions_per7_days)
            .map_or(cap, |n| n.min(cap));
        let week = days.iter().filter(|d| self.day.days_since(**d) < 7).count();
        if u32::try_from(week).unwrap_or(u32::MAX) >= most {
            let text = format!("{week} dosing sessions in seven days, at most {most}");
            self.block("KAP-INV-08", "interval-too-short", text, PRESCRIBER);
        }
    }

    /// Pre-dose vital signs: there, recent, within limits (10, 11).
    pub(super) fn vitals(&mut self, dosing: &Dosing) {
        let limits = self.episode.limits(self.at, self.policy);
        let oldest = self.at.plus_minutes(-i64::from(limits.max_age));
        let now = self.at;
        let before = |v: &&Vitals| {
            matches!(v.timing, Timing::PreDose | Timing::PreDoseRecheck) && v.at <= now
        };
        let last = dosing.vitals.iter().filter(before).max_by_key(|v| v.at);
        let Some(last) = last.filter(|v| v.at >= oldest) else {
            let text = format!(
                "no pre-dose vital signs of the last {} minutes",
                limits.max_age
            );
            return self.block("KAP-INV-10", "vitals-missing", text, THERAPIST);
        };
        if last.systolic.is_none() || last.diastolic.is_none() || last.heart_rate.is_none() {
            let text = "pre-dose blood pressure or heart rate missing";
            self.block("KAP-INV-10", "vitals-missing", text, THERAPIST);
        }
        if last.spo2.is_none() && limits.spo2_expected {
            self.warn(
                "KAP-INV-10",
                "pre-dose oxygen saturation missing",
                THERAPIST,
            );
        }
        let count = dosing.vitals.iter().filter(before).count();
        self.range(&limits, last, count);
    }

    fn range(&mut self, limits: &Limits, last: &Vitals, readings: usize) {
        let outside = limits.outside(last);
        if outside.is_empty() {
            return;
        }
        let spent = u32::try_from(readings).unwrap_or(u32::MAX) > limits.max_rechecks;
        let (then, who) = if spent {
            (
                "do not give the dose and tell the prescriber".to_owned(),
                PRESCRIBER,
            )
        } else {
            (
                format!("recheck after {} minutes", limits.recheck_after),
                THERAPIST,
            )
        };
        let text = format!(
            "{} outside this person's parameters: {then}",
            outside.join(", ")
        );
        self.say(Class::Hold, "KAP-INV-11", "hold-active", text, who);
    }

    /// What is worth a look and blocks nothing (01, 17, 18).
    pub(super) fn looks(&mut self, session: &Session) {
        let done = |kind| {
            let mut all = self.episode.sessions.iter();
            all.any(|s| s.kind == kind && s.status == SessionStatus::Completed)
        };
        let dosed =
            |s: &&Session| s.id != session.id && s.first_dose_at().is_some_and(|t| t <= self.at);
        let last = self
            .episode
            .sessions
            .iter()
            .filter(dosed)
            .max_by_key(|s| s.first_dose_at());
        if last.is_none() && !done(SessionType::Preparation) {
            self.warn(
                "KAP-INV-01",
                "no completed preparation session on file",
                THERAPIST,
            );
        }
        let late = self.episode.unintegrated(&session.id, self.at, self.policy);
        if let Some(urgency) = late {
            let text = match urgency {
                Urgency::Escalated => "no integration session since the last dosing, long overdue",
                Urgency::Overdue => "no integration session since the last dosing, overdue",
                _ => "no integration session since the last dosing",
            };
            self.warn("KAP-INV-17", text, THERAPIST);
        }
        if last.is_none() && !self.episode.has_baseline(self.at) {
            self.warn(
                "KAP-INV-18",
                "no baseline measure before the first dose",
                THERAPIST,
            );
        }
    }
}

/// Whether the day's checklist says that a condition was followed. A chaperone's presence is its own check.
fn followed(list: Option<&Checklist>, id: &Id, code: &str) -> bool {
    let Some(list) = list else {
        return false;
    };
    let ticked = list.holds_followed.iter().find(|h| &h.condition_id == id);
    let chaperoned = code == "adult-chaperone-present" && list.chaperone.is_some();
    ticked.map_or(chaperoned, |h| h.followed)
}
