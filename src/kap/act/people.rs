//! The episode's own record, its people and its plan.

use super::{Context, Side, conflict, not_permitted, put};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::Id;
use crate::kap::fact::Header;
use crate::kap::people::{Member, Patient, RelatedPerson};
use crate::kap::preparation::TreatmentPlan;

impl Episode {
    /// A change of the header that came as a record. The phase moves by rules: of its history, steps can be added that are
    /// commands as well, by practice and partner; everything else is the practice's.
    pub(super) fn take_header(&mut self, header: Header, ctx: &Context) -> Result<Id> {
        let own = header.business_identifiers == self.business_identifiers
            && header.practice == self.organizations.practice
            && header.partner == self.organizations.partner
            && header.pharmacy == self.organizations.pharmacy;
        if !own || header.phase_history == self.phase_history {
            ctx.only(Side::Practice)?;
        }
        self.take_steps(&header, ctx)?;
        let same = header.practice.id == self.organizations.practice.id
            && header.partner.id == self.organizations.partner.id;
        if !same {
            let text =
                "Practice and partner of an episode stay; a change of either is a new episode.";
            return Err(conflict("KAP-INV-01", text));
        }
        self.business_identifiers = header.business_identifiers;
        self.organizations.practice = header.practice;
        self.organizations.partner = header.partner;
        self.organizations.pharmacy = header.pharmacy;
        Ok(self.episode_id.clone())
    }

    pub(super) fn take_patient(&mut self, patient: Patient, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        if patient.id != self.patient.id {
            let text = "An episode keeps its patient.";
            return Err(conflict("KAP-INV-01", text));
        }
        self.patient = patient;
        self.screen(ctx.now, ctx);
        Ok(self.patient.id.clone())
    }

    pub(super) fn take_member(&mut self, member: Member, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let before = self.care_team.iter().find(|m| m.id == member.id);
        let own = |m: &Member| m.organization_id == ctx.actor.organization;
        let own = before.is_none_or(own) && own(&member);
        if ctx.actor.side == Side::Partner && !own {
            return Err(not_permitted(
                "A partner adds and changes its own clinicians only.",
            ));
        }
        let id = member.id.clone();
        put(&mut self.care_team, member, |x| &x.id);
        Ok(id)
    }

    pub(super) fn take_related_person(&mut self, p: RelatedPerson, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        let id = p.id.clone();
        put(&mut self.related_persons, p, |x| &x.id);
        Ok(id)
    }

    pub(super) fn set_plan(&mut self, mut plan: TreatmentPlan, ctx: &Context) -> Result<Id> {
        ctx.name(&mut plan.id, "plan")?;
        if let Some(old) = &self.treatment_plan {
            plan.id = old.id.clone();
        }
        self.take_plan(plan, ctx)
    }

    pub(super) fn take_plan(&mut self, plan: TreatmentPlan, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        let range = plan.planned_dosing_sessions.as_ref();
        if range.is_some_and(|r| r.min > r.max) {
            let text = "The plan's fewest sessions are more than its most.";
            return Err(Error::new(Kind::Unprocessable, text).at("/plannedDosingSessions/min"));
        }
        let id = plan.id.clone();
        self.treatment_plan = Some(plan);
        Ok(id)
    }
}
