//! The patient leaves: criteria, exceptions, and how long it took (KAP-INV-14).
//!
//! The command is a gate. That the patient left is a fact: however it comes in, as a discharge or as the end of the
//! session, it is stored, and flagged where the gate would have refused.

use super::{Context, finding, said, unfit};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{Discharge, Disposition, SessionStatus, Timing, Vitals};

impl Episode {
    /// Lets the patient go: the criteria are met, or somebody answers for the exception.
    pub(super) fn discharge(&mut self, id: &Id, d: Discharge, ctx: &Context) -> Result<Id> {
        self.may_tell_discharge(id, &d, ctx)?;
        self.discharge_in_order(id, d.assessed_at, ctx)?;
        if self.session(id)?.first_dose_at().is_some() && d.no_driving_until.is_none() {
            let text = "After a dose the day until which not to drive is required.";
            return Err(unfit("KAP-INV-14", "/noDrivingUntil", text));
        }
        let unmet = self.unanswered(id, &d, ctx)?;
        if !unmet.is_empty() {
            return Err(Error::with_issues(Kind::Conflict, unmet).code("state-conflict"));
        }
        self.take_discharge(id, d, ctx)
    }

    /// A discharge as a record: that the patient left so is a fact, stored and flagged.
    pub(super) fn take_discharge(
        &mut self,
        id: &Id,
        mut d: Discharge,
        ctx: &Context,
    ) -> Result<Id> {
        self.may_tell_discharge(id, &d, ctx)?;
        d.criteria_met = Some(self.unmet(id, &d, ctx)?.is_empty());
        if d.suicidality_concern {
            self.raise(finding::concern(id, d.assessed_at), ctx);
        }
        self.dosing_mut(id)?.discharge = Some(d);
        self.look_at_order(id, ctx)?;
        self.look_at_leaving(id, ctx)?;
        Ok(id.clone())
    }

    fn may_tell_discharge(&mut self, id: &Id, d: &Discharge, ctx: &Context) -> Result<()> {
        ctx.treating()?;
        ctx.past(d.assessed_at, "/assessedAt")?;
        self.dosing_mut(id).map(drop)
    }

    /// What speaks against letting the patient of this session go, as it is on record: a dose and no discharge, or
    /// one with unmet criteria for which nobody answers.
    pub(super) fn against_leaving(&self, id: &Id, ctx: &Context) -> Result<Vec<Issue>> {
        let session = self.session(id)?;
        match session.dosing.as_ref().and_then(|d| d.discharge.as_ref()) {
            Some(discharge) => self.unanswered(id, discharge, ctx),
            None if session.first_dose_at().is_none() => Ok(vec![]),
            None => {
                let text = "A dose was given: record the discharge first.";
                let therapist = Some("therapist".into());
                Ok(vec![Issue {
                    resolve_by: therapist,
                    ..super::issue("KAP-INV-14", "", text)
                }])
            }
        }
    }

    /// Flags that the patient left though the gate would have refused it. A flag of this very request is withdrawn
    /// where the discharge came with it: in one transaction the end of a session may come before its parts.
    pub(super) fn look_at_leaving(&mut self, id: &Id, ctx: &Context) -> Result<()> {
        let session = self.session(id)?;
        let discharge = session.dosing.as_ref().and_then(|d| d.discharge.as_ref());
        let left = session.status == SessionStatus::Completed;
        let at = match (discharge, session.end) {
            (Some(d), _) => d.assessed_at,
            (None, Some(end)) if left => end,
            _ => return Ok(()),
        };
        let finding = finding::undischarged(id, at);
        if self.against_leaving(id, ctx)?.is_empty() {
            self.withdraw_own(&finding, ctx);
        } else {
            self.raise(finding, ctx);
        }
        Ok(())
    }

    /// Flags readings that were required while a dose worked and that were not taken (KAP-INV-10). Those before the
    /// dose are a gate of their own.
    pub(super) fn look_at_readings(&mut self, id: &Id, ctx: &Context) -> Result<()> {
        let session = self.session(id)?;
        let Some(dose) = session.first_dose_at() else {
            return Ok(());
        };
        let readings = session.dosing.as_ref().map_or(&[][..], |d| &d.vitals);
        let taken = |timing: &Timing| readings.iter().any(|v| v.timing == *timing);
        let mut required = self.limits(dose, ctx.policy).required;
        required.retain(|timing| *timing != Timing::PreDose && !taken(timing));
        let finding = finding::unmeasured(id, session.end.unwrap_or(dose));
        if session.status != SessionStatus::Completed || required.is_empty() {
            self.withdraw_own(&finding, ctx);
        } else {
            self.raise(finding, ctx);
        }
        Ok(())
    }

    /// Unmet criteria, unless the exception is answered for.
    fn unanswered(&self, id: &Id, d: &Discharge, ctx: &Context) -> Result<Vec<Issue>> {
        if self.excused(d) {
            return Ok(vec![]);
        }
        self.unmet(id, d, ctx)
    }

    /// Whether the patient left against advice with a reason, or a medical role answers for the exception.
    fn excused(&self, d: &Discharge) -> bool {
        let Some(exception) = &d.exception else {
            return false;
        };
        let medical = exception.by.as_ref().is_some_and(|by| self.is_medical(by));
        let left = d.disposition == Disposition::AgainstAdvice;
        said(Some(&exception.reason)) && (medical || left)
    }

    fn unmet(&self, id: &Id, d: &Discharge, ctx: &Context) -> Result<Vec<Issue>> {
        let session = self.session(id)?;
        let dosing = session.dosing.as_ref();
        let list = dosing.and_then(|x| x.pre_dose_checklist.as_ref());
        let transport = list.and_then(|c| c.transport.as_ref());
        let escort = transport.is_some_and(|t| t.arranged);
        let adult = d.responsible_adult_present.is_some() || escort;
        let readings = dosing.map_or(&[][..], |x| &x.vitals);
        let until = |v: &&Vitals| v.at <= d.assessed_at;
        let scores = readings.iter().filter(until).filter(|v| v.moaas.is_some());
        let last = scores.max_by_key(|v| v.at).and_then(|v| v.moaas);
        let alert = last.is_none_or(|n| n >= ctx.policy.sedation.discharge_min);
        let ends = readings.iter().filter(until);
        let ends = ends.filter(|v| matches!(v.timing, Timing::EndOfSession | Timing::PostSession));
        let limits = self.limits(d.assessed_at, ctx.policy);
        let last = ends.max_by_key(|v| v.at);
        let within = last.is_none_or(|v| limits.outside(v).is_empty());
        let criteria = [
            (d.oriented_x4, "/orientedX4", "The patient is not oriented."),
            (d.gait_steady, "/gaitSteady", "The gait is not steady."),
            (
                d.dissociation_resolved,
                "/dissociationResolved",
                "The dissociation has not resolved.",
            ),
            (
                !d.suicidality_concern,
                "/suicidalityConcern",
                "There is a concern of suicidality.",
            ),
            (
                d.vitals_within_parameters && within,
                "/vitalsWithinParameters",
                "The vital signs are outside the parameters.",
            ),
            (
                d.nausea_controlled != Some(false),
                "/nauseaControlled",
                "The nausea is not controlled.",
            ),
            (
                adult,
                "/responsibleAdultPresent",
                "No adult is there and no way home is arranged.",
            ),
            (
                alert,
                "/assessedAt",
                "The last sedation score is below the limit for discharge.",
            ),
        ];
        let unmet = criteria.into_iter().filter(|(met, ..)| !met);
        Ok(unmet
            .map(|(_, at, text)| Issue {
                resolve_by: Some("prescriber".into()),
                ..super::issue("KAP-INV-14", at, text)
            })
            .collect())
    }

    /// A session that was very short after its first dose is worth a second look.
    pub(super) fn look_at_length(
        &mut self,
        id: &Id,
        dose: Instant,
        at: Instant,
        ctx: &Context,
    ) -> Result<()> {
        let discharge = self
            .session(id)?
            .dosing
            .as_ref()
            .and_then(|d| d.discharge.as_ref());
        let left = discharge.map_or(at, |d| d.assessed_at);
        if left.minutes_since(dose) < i64::from(ctx.policy.short_session_minutes) {
            self.raise(finding::short(id, at), ctx);
        }
        Ok(())
    }
}
