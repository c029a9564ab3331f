//! The first thing that a practice says of a person (domain reference §2.3, first row).

use super::body::OpenEpisode;
use super::{Context, Side};
use crate::error::{Error, Kind, Result};
use crate::kap::base::Id;
use crate::kap::calendar::Calendar;
use crate::kap::people::{Organizations, Patient};
use crate::kap::{Episode, Phase, PhaseEntry};

impl Episode {
    /// Opens an episode, in phase `referred`.
    ///
    /// # Errors
    /// `Forbidden` for anyone but the practice; `Unprocessable` where the practice has no time zone, the patient has
    /// no identifier, or the episode was opened in the future.
    pub fn open(body: OpenEpisode, organizations: Organizations, ctx: &Context) -> Result<Self> {
        ctx.only(Side::Practice)?;
        let at = ctx.at(body.at)?;
        Calendar::new(organizations.practice.timezone.as_deref().unwrap_or(""))
            .map_err(|e| e.at("/organizations/practice/timezone"))?;
        let entry = PhaseEntry {
            phase: Phase::Referred,
            from: at,
            by: body.by.clone(),
            reason: body.reason,
        };
        let mut patient = body.patient;
        if patient.id.is_unset() {
            patient.id = (ctx.ids)("patient");
        }
        let mut episode = Self::blank((ctx.ids)("episode"), patient, organizations, entry);
        episode.business_identifiers = body.business_identifiers;
        episode.previous_episode_id = body.previous_episode_id;
        episode.synthetic = body.synthetic;
        for (n, mut member) in body.care_team.into_iter().enumerate() {
            if member.id.is_unset() {
                member.id = (ctx.ids)(&format!("member-{n}"));
            }
            episode.take_member(member, ctx)?;
        }
        for (n, mut person) in body.related_persons.into_iter().enumerate() {
            if person.id.is_unset() {
                person.id = (ctx.ids)(&format!("related-person-{n}"));
            }
            episode.take_related_person(person, ctx)?;
        }
        if episode.patient.identifiers.is_empty() {
            let text = "The patient needs at least one identifier.";
            return Err(Error::new(Kind::Unprocessable, text).at("/patient/identifiers"));
        }
        episode.known_at(&body.by, "/by")?;
        episode.screen(at, ctx);
        Ok(episode)
    }

    /// Flags other open episodes of the same patient at the same practice. The opening is not refused: which of them
    /// goes on is for people to say.
    pub fn flag_duplicates(&mut self, others: &[Id], ctx: &Context) {
        let at = self.phase_history.first().map_or(ctx.now, |e| e.from);
        for other in others {
            if *other != self.episode_id {
                self.raise(super::finding::duplicate(other, at), ctx);
            }
        }
    }

    fn blank(
        episode_id: Id,
        patient: Patient,
        organizations: Organizations,
        entry: PhaseEntry,
    ) -> Self {
        Self {
            episode_id,
            business_identifiers: vec![],
            version: 0,
            synthetic: false,
            phase: entry.phase,
            phase_history: vec![entry],
            previous_episode_id: None,
            organizations,
            patient,
            care_team: vec![],
            related_persons: vec![],
            problems: vec![],
            allergies: vec![],
            medications: vec![],
            consents: vec![],
            referrals: vec![],
            screenings: vec![],
            detected_issues: vec![],
            clearances: vec![],
            treatment_plan: None,
            intentions: vec![],
            prescriptions: vec![],
            dispenses: vec![],
            inventory: vec![],
            sessions: vec![],
            outcomes: vec![],
            adverse_events: vec![],
            follow_ups: vec![],
            communications: vec![],
        }
    }
}
