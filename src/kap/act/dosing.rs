//! What happens in a dosing session: facts, stored whatever they say, and flagged.

use super::body::PlanDose;
use super::finding::{self, Finding};
use super::{Context, conflict, put, refuse, said, unfit};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::base::{Decimal, Id, Instant};
use crate::kap::dosing::{
    Checklist, Dose, DoseStatus, DosingOutcome, Effects, Override, SessionStatus, SessionType,
    SideEffect, Timing, Vitals,
};
use crate::kap::ledger::given;
use crate::kap::medication::Route;
use crate::kap::readiness::BlockingReason;
use crate::kap::safety::IssueSeverity;
use crate::kap::worklist::Urgency;
use crate::kap::{Episode, Quantity};

impl Episode {
    pub(super) fn take_checklist(&mut self, id: &Id, list: Checklist, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(list.completed_at, "/completedAt")?;
        let counted = list.lozenges_on_hand;
        let at = list.completed_at;
        self.dosing_mut(id)?.pre_dose_checklist = Some(list);
        let stock = self.ledger(at).remaining();
        let known = !self.dispenses.is_empty();
        if known && counted.is_some_and(|n| n != stock) {
            self.raise(finding::discrepancy(id, at), ctx);
        }
        Ok(id.clone())
    }

    pub(super) fn take_vitals(&mut self, id: &Id, vitals: Vitals, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(vitals.at, "/at")?;
        refuse(unit_issues(&vitals))?;
        if vitals.moaas.is_some_and(|n| n > 5) {
            let text = "A MOAA/S score is 0 to 5.";
            return Err(Error::new(Kind::Unprocessable, text).at("/moaas"));
        }
        let judged = vitals.clone();
        let (vid, at) = (vitals.id.clone(), vitals.at);
        let session = self.session_mut(id)?;
        match &mut session.dosing {
            Some(dosing) if session.kind == SessionType::Dosing => {
                put(&mut dosing.vitals, vitals, |v| &v.id);
            }
            _ => put(&mut session.vitals, vitals, |v| &v.id),
        }
        if self.session(id)?.kind == SessionType::Dosing {
            self.judge_vitals(id, &judged, at, ctx)?;
        }
        self.look_at_order(id, ctx)?;
        self.look_at_readings(id, ctx)?;
        Ok(vid)
    }

    fn judge_vitals(&mut self, id: &Id, v: &Vitals, at: Instant, ctx: &Context) -> Result<()> {
        let sedated = v.moaas.is_some_and(|n| n < ctx.policy.sedation.alert_below);
        if sedated {
            let text = "A sedation score is below the alert limit.";
            let f = Finding::observed("KAP-RULE-SEDATION", id, at, IssueSeverity::High, text);
            self.raise(f, ctx);
        }
        let limits = self.limits(at, ctx.policy);
        if limits.outside(v).is_empty() {
            return Ok(());
        }
        if !matches!(v.timing, Timing::PreDose | Timing::PreDoseRecheck) {
            let text = "A reading is outside this person's parameters.";
            let f = Finding::observed("KAP-INV-14", id, at, IssueSeverity::Moderate, text);
            self.raise(f, ctx);
            return Ok(());
        }
        let readings = self
            .session(id)?
            .dosing
            .as_ref()
            .map_or(&[][..], |d| &d.vitals);
        let before = |x: &&Vitals| matches!(x.timing, Timing::PreDose | Timing::PreDoseRecheck);
        let out = readings
            .iter()
            .filter(before)
            .filter(|x| !limits.outside(x).is_empty());
        let times = u32::try_from(out.count()).unwrap_or(u32::MAX);
        let severity = match times {
            0 | 1 => IssueSeverity::Moderate,
            _ => IssueSeverity::High,
        };
        let text = "Pre-dose blood pressure or heart rate is outside this person's parameters.";
        self.raise(
            Finding::observed("KAP-RULE-BP-PREDOSE", id, at, severity, text),
            ctx,
        );
        if times > limits.max_rechecks {
            self.hold_automatically(at, "pre-dose vital signs out of range");
        }
        Ok(())
    }

    pub(super) fn take_dose(&mut self, id: &Id, dose: Dose, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(dose.at, "/at")?;
        refuse(dose_issues(&dose))?;
        let was = self.dosing_outcome(id)?;
        let (did, new) = (dose.id.clone(), dose.clone());
        put(&mut self.dosing_mut(id)?.doses, dose, |d| &d.id);
        if given(&new) {
            self.judge_dose(id, &new, ctx)?;
        }
        self.look_at_order(id, ctx)?;
        self.after_late_dose(id, was, ctx)?;
        let why = new.status_reason.as_ref().map(|r| r.code.as_str());
        if why == Some("acute-suicidality") {
            self.raise(finding::concern(&did, new.at), ctx);
        }
        Ok(did)
    }

    /// Flags what is wrong with a dose that was given: every gate that it went past, the amount, the units.
    fn judge_dose(&mut self, id: &Id, dose: &Dose, ctx: &Context) -> Result<()> {
        use SessionStatus as S;
        let at = dose.at;
        let status = self.session(id)?.status;
        let mut found = self.over_maximum(id, dose)?;
        let readiness = self.hindsight(id, at, ctx.policy)?;
        let breaches = readiness.blocking_reasons.iter();
        found.extend(breaches.filter_map(|reason| finding::breach(reason, &dose.id, at)));
        // A session that was started, or that is told as past, was warned of or held by its own means.
        if !matches!(status, S::InProgress | S::Completed) {
            found.push(finding::unstarted(&dose.id, at));
            let warnings = readiness.warnings.iter();
            found.extend(warnings.map(|warning| self.warned(warning, id, at, ctx)));
        }
        let rx = self.prescription_of(self.session(id)?);
        let routes = rx
            .and_then(|p| Route::of(&p.route))
            .zip(Route::of(&dose.route));
        if routes.is_some_and(|(prescribed, given)| prescribed != given) {
            found.push(finding::other_route(&dose.id, at));
        }
        let mg = dose.units.filter(|u| *u > Decimal::ZERO);
        let mg = mg.map(|u| Decimal(dose.dose_mg.0 / u.0));
        if mg.is_some_and(|mg| self.ledger(at).of(mg).remaining() < Decimal::ZERO) {
            found.push(finding::discrepancy(&dose.id, at));
        }
        for f in found {
            self.raise(f, ctx);
        }
        if status.is_ahead() {
            let session = self.session_mut(id)?;
            session.status = S::InProgress;
            let lead = session.lead_id.clone();
            self.began(SessionType::Dosing, at, &lead);
        }
        if self.active_clearance(at).is_none() {
            self.hold_automatically(at, "dose without an active clearance");
        }
        Ok(())
    }

    /// The finding for a warning of the readiness check under which dosing went on. It is grave to go on when the
    /// integration of the last dose has long been due (KAP-INV-17).
    pub(super) fn warned(
        &self,
        warning: &BlockingReason,
        session: &Id,
        at: Instant,
        ctx: &Context,
    ) -> Finding {
        let mut found = finding::warned(warning, session, at);
        let late = self.unintegrated(session, at, ctx.policy);
        if warning.rule == "KAP-INV-17" && late == Some(Urgency::Escalated) {
            found.severity = IssueSeverity::High;
        }
        found
    }

    /// A dose that is told after its session ended changes what the session came to, and what it calls for.
    fn after_late_dose(
        &mut self,
        id: &Id,
        was: Option<DosingOutcome>,
        ctx: &Context,
    ) -> Result<()> {
        let session = self.session(id)?;
        let (status, end) = (session.status, session.end.unwrap_or(ctx.now));
        if status != SessionStatus::Completed {
            return Ok(());
        }
        let is = self.dosing_outcome(id)?;
        let dosing = self.dosing_mut(id)?;
        // What somebody stated stays; what was computed is computed anew.
        if dosing.outcome == was {
            dosing.outcome = is;
        }
        self.look_at_leaving(id, ctx)?;
        self.look_at_readings(id, ctx)?;
        self.after_session(id, end, ctx)
    }

    /// Each dose from this one on with which the session's sum is above the maximum: they may come in any order.
    fn over_maximum(&self, id: &Id, dose: &Dose) -> Result<Vec<Finding>> {
        let session = self.session(id)?;
        let doses = session.dosing.iter().flat_map(|d| &d.doses);
        let doses: Vec<&Dose> = doses.filter(|d| given(d)).collect();
        let Some(max) = self.maximum(session, dose.at) else {
            return Ok(vec![]);
        };
        let until = |at| -> rust_decimal::Decimal {
            let all = doses.iter().filter(|d| d.at <= at);
            all.map(|d| d.dose_mg.0).sum()
        };
        let later = doses.iter().filter(|d| d.at >= dose.at);
        let over = later.filter(|d| until(d.at) > max.0);
        Ok(over.map(|d| finding::over_dose(&d.id, d.at)).collect())
    }

    pub(super) fn take_effects(&mut self, id: &Id, effects: Effects, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let negative = [
            effects.onset_minutes,
            effects.peak_from_minutes,
            effects.peak_to_minutes,
            effects.resolved_minutes,
        ];
        if negative.into_iter().flatten().any(|m| m < Decimal::ZERO) {
            return Err(unfit("KAP-INV-23", "", "Effects follow the first dose."));
        }
        self.dosing_mut(id)?.effects = Some(effects);
        Ok(id.clone())
    }

    pub(super) fn take_side_effect(&mut self, id: &Id, e: SideEffect, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if e.onset_minute
            .zip(e.resolved_minute)
            .is_some_and(|(on, off)| off < on)
        {
            let text = "The effect ends before it begins.";
            return Err(unfit("KAP-INV-23", "/resolvedMinute", text));
        }
        let eid = e.id.clone();
        put(&mut self.dosing_mut(id)?.side_effects, e, |x| &x.id);
        Ok(eid)
    }

    pub(super) fn plan_dose(&mut self, id: &Id, body: PlanDose, ctx: &Context) -> Result<Id> {
        ctx.only(super::Side::Practice)?;
        self.known_at(&body.by, "/by")?;
        ctx.at(body.at)?;
        if body.planned_dose_mg <= Decimal::ZERO {
            let text = "The planned dose is above 0 mg.";
            return Err(unfit("KAP-INV-07", "/plannedDoseMg", text));
        }
        if let Some(rx) = &body.prescription_id
            && !self.prescriptions.iter().any(|p| &p.id == rx)
        {
            let text = "There is no such prescription.";
            return Err(unfit("KAP-INV-06", "/prescriptionId", text));
        }
        let status = self.session(id)?.status;
        if !status.is_ahead() {
            let text = format!("The session is {status}; the dose is planned before it.");
            return Err(conflict("KAP-INV-01", text));
        }
        let dosing = self.dosing_mut(id)?;
        dosing.dose_level = body.dose_level;
        dosing.planned_dose_mg = body.planned_dose_mg;
        dosing.prescription_id = body.prescription_id.or(dosing.prescription_id.take());
        Ok(id.clone())
    }

    pub(super) fn override_interval(
        &mut self,
        id: &Id,
        body: Override,
        ctx: &Context,
    ) -> Result<Id> {
        self.session(id)?;
        self.prescriber_at(&body.by, "/by", ctx)?;
        ctx.past(body.at, "/at")?;
        if !said(Some(&body.reason)) {
            return Err(unfit("KAP-INV-08", "/reason", "A reason is required."));
        }
        self.dosing_mut(id)?.interval_override = Some(body);
        Ok(id.clone())
    }
}

/// Units that are not the one that the field has.
fn unit_issues(v: &Vitals) -> Vec<Issue> {
    let fields: [(&str, &Option<Quantity>, &str); 6] = [
        ("systolic", &v.systolic, "mm[Hg]"),
        ("diastolic", &v.diastolic, "mm[Hg]"),
        ("heartRate", &v.heart_rate, "/min"),
        ("respiratoryRate", &v.respiratory_rate, "/min"),
        ("spo2", &v.spo2, "%"),
        ("temperature", &v.temperature, "Cel"),
    ];
    let mut out = vec![];
    for (name, quantity, unit) in fields {
        let Some(q) = quantity else { continue };
        if super::medication::unit(q) != unit {
            let text = format!("The unit is {unit}.");
            out.push(super::issue("KAP-INV-10", &format!("/{name}/unit"), text));
        } else if q.value < Decimal::ZERO || (name == "spo2" && q.value > Decimal::from(100)) {
            let text = "No living person has this value.";
            out.push(super::issue("KAP-INV-10", &format!("/{name}/value"), text));
        }
    }
    out
}

fn dose_issues(dose: &Dose) -> Vec<Issue> {
    let mut out = vec![];
    let mut say = |at: &str, text: &str| out.push(super::issue("KAP-INV-07", at, text));
    let refused = matches!(dose.status, DoseStatus::NotDone | DoseStatus::Stopped);
    if refused && dose.status_reason.is_none() {
        say(
            "/statusReason",
            "A dose that was not given or was stopped says why.",
        );
    }
    if dose.dose_mg < Decimal::ZERO {
        say("/doseMg", "A dose is not negative.");
    }
    let empty = matches!(
        dose.status,
        DoseStatus::NotDone | DoseStatus::OnHold | DoseStatus::EnteredInError
    );
    if dose.dose_mg == Decimal::ZERO && !empty {
        say("/doseMg", "A dose that was given is above 0 mg.");
    }
    if dose.status == DoseStatus::NotDone && dose.dose_mg > Decimal::ZERO {
        say("/doseMg", "A dose that was not done is 0 mg.");
    }
    if dose.units.is_some_and(|u| u < Decimal::ZERO) {
        say("/units", "Units are not negative.");
    }
    out
}
