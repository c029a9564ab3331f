//! The patient leaves: criteria, exceptions, and how long it took (KAP-INV-14).

use super::{Context, finding, said, unfit};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{Discharge, Disposition};
use crate::kap::ledger::given;

impl Episode {
    pub(super) fn discharge(&mut self, id: &Id, body: Discharge, ctx: &Context) -> Result<Id> {
        self.take_discharge(id, body, ctx)
    }

    /// The patient leaves (KAP-INV-14): the criteria are met, or somebody answers for the exception.
    pub(super) fn take_discharge(
        &mut self,
        id: &Id,
        mut d: Discharge,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.treating()?;
        ctx.past(d.assessed_at, "/assessedAt")?;
        self.dosing_mut(id)?;
        let session = self.session(id)?;
        let doses = session.dosing.iter().flat_map(|x| &x.doses);
        if doses.filter(|x| given(x)).any(|x| x.at > d.assessed_at) {
            let text = "The discharge lies before a dose.";
            return Err(unfit("KAP-INV-23", "/assessedAt", text));
        }
        if session.first_dose_at().is_some() && d.no_driving_until.is_none() {
            let text = "After a dose the day until which not to drive is required.";
            return Err(unfit("KAP-INV-14", "/noDrivingUntil", text));
        }
        let unmet = self.unmet(id, &d, ctx)?;
        d.criteria_met = Some(unmet.is_empty());
        if !unmet.is_empty() {
            self.excused(&d)
                .then_some(())
                .ok_or_else(|| Error::with_issues(Kind::Conflict, unmet).code("state-conflict"))?;
        }
        if d.suicidality_concern {
            self.raise(finding::concern(id, d.assessed_at), ctx);
        }
        self.dosing_mut(id)?.discharge = Some(d);
        Ok(id.clone())
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
        let scores = dosing.map_or(&[][..], |x| &x.vitals);
        let last = scores
            .iter()
            .filter(|v| v.at <= d.assessed_at && v.moaas.is_some());
        let last = last.max_by_key(|v| v.at).and_then(|v| v.moaas);
        let alert = last.is_none_or(|n| n >= ctx.policy.sedation.discharge_min);
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
                d.vitals_within_parameters,
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
