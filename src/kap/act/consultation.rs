//! Problems, allergies, home medicines, screening answers, intentions: facts of the consultation, each screened.

use super::body::Step;
use super::{Context, Side, put, refuse, unfit};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::Id;
use crate::kap::consultation::{Allergy, HomeMedicine, Problem, Screening};
use crate::kap::preparation::{Intention, Sharing};

fn invalid(pointer: &str, text: &str) -> Error {
    Error::new(Kind::Unprocessable, text).at(pointer)
}

impl Episode {
    pub(super) fn take_problem(&mut self, problem: Problem, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if problem.codings.is_empty() {
            return Err(invalid("/codings", "A problem needs at least one coding."));
        }
        let id = problem.id.clone();
        put(&mut self.problems, problem, |x| &x.id);
        self.screen(ctx.now, ctx);
        Ok(id)
    }

    pub(super) fn take_allergy(&mut self, allergy: Allergy, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let id = allergy.id.clone();
        put(&mut self.allergies, allergy, |x| &x.id);
        self.screen(ctx.now, ctx);
        Ok(id)
    }

    pub(super) fn take_medicine(&mut self, medicine: HomeMedicine, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if let Some(at) = medicine.last_taken_at {
            ctx.past(at, "/lastTakenAt")?;
        }
        let id = medicine.id.clone();
        put(&mut self.medications, medicine, |x| &x.id);
        self.screen(ctx.now, ctx);
        Ok(id)
    }

    pub(super) fn stop_medicine(&mut self, id: &Id, body: &Step, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        let found = self.medications.iter_mut().find(|m| &m.id == id);
        let medicine = found.ok_or_else(Error::not_found)?;
        "stopped".clone_into(&mut medicine.status);
        Ok(id.clone())
    }

    pub(super) fn take_screening(&mut self, screening: Screening, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let Some(at) = screening.at.or(screening.authored) else {
            return Err(invalid("/at", "One of `at` and `authored` is required."));
        };
        ctx.past(at, "/at")?;
        let mut issues = vec![];
        if screening.score.is_none() && screening.items.is_empty() {
            let text = "A screening has answers, a score, or both.";
            issues.push(super::issue("KAP-INV-18", "/items", text));
        }
        let range = screening.range.as_ref().zip(screening.score);
        if range.is_some_and(|(r, score)| score < r.min || score > r.max) {
            let text = "The score lies outside its range.";
            issues.push(super::issue("KAP-INV-18", "/score", text));
        }
        if screening.item9.is_some_and(|n| n > 3) {
            issues.push(super::issue("KAP-INV-19", "/item9", "Item 9 is 0 to 3."));
        }
        refuse(issues)?;
        let id = screening.id.clone();
        put(&mut self.screenings, screening, |x| &x.id);
        self.screen(at, ctx);
        Ok(id)
    }

    pub(super) fn take_intention(&mut self, intention: Intention, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        if intention.sharing == Sharing::PracticeOnly {
            let text = "Practice-only intentions have no place in this record: store them as private notes of the kind \
                        `intention`, or share them with `care-team` or `all`.";
            return Err(unfit("KAP-INV-27", "/sharing", text));
        }
        self.known_at(&intention.expressed_by, "/expressedBy")?;
        let id = intention.id.clone();
        put(&mut self.intentions, intention, |x| &x.id);
        Ok(id)
    }
}
