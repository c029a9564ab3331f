//! How things are said in a document: local times, names, amounts, results.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::kap::base::{Coding, Id, Instant, Quantity};
use crate::kap::consultation::{Problem, VerificationStatus};
use crate::kap::dosing::{Session, SessionStatus, SessionType, Vitals};
use crate::kap::safety::AdverseEvent;
use crate::kap::{Episode, Phase};

/// How much of the record the writer of a document sees: only who sees all may say "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Whole,
    Part,
}

/// An episode with the words to speak of it.
#[derive(Debug)]
pub struct Words<'a> {
    pub episode: &'a Episode,
    pub sight: Sight,
    zone: Option<TimeZone>,
}

impl<'a> Words<'a> {
    /// Words in the practice's local time; in the offset as written where its zone is unknown.
    #[must_use]
    pub fn new(episode: &'a Episode, sight: Sight) -> Self {
        let name = episode.organizations.practice.timezone.as_deref();
        let zone = name.and_then(|name| TimeZone::get(name).ok());
        Self {
            episode,
            sight,
            zone,
        }
    }

    /// `10:03 PDT`
    #[must_use]
    pub fn clock(&self, at: Instant) -> String {
        self.format(at, "%H:%M %Z")
    }

    /// `2026-07-18 10:03 PDT`
    #[must_use]
    pub fn stamp(&self, at: Instant) -> String {
        self.format(at, "%Y-%m-%d %H:%M %Z")
    }

    /// `2026-07-18`, in the practice's day.
    #[must_use]
    pub fn day(&self, at: Instant) -> String {
        self.format(at, "%Y-%m-%d")
    }

    fn format(&self, at: Instant, pattern: &str) -> String {
        let written = || TimeZone::fixed(offset(at));
        let zone = self.zone.clone().unwrap_or_else(written);
        match Timestamp::from_millisecond(at.millis()) {
            Ok(instant) => instant.to_zoned(zone).strftime(pattern).to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// The name of a person or organization of the episode; the id where there is none.
    #[must_use]
    pub fn name(&self, id: &Id) -> String {
        let episode = self.episode;
        if id.as_str() == "patient" || *id == episode.patient.id {
            return "the patient".into();
        }
        if id.as_str() == "system" {
            return "the rules engine".into();
        }
        let member = episode.care_team.iter().find(|m| m.id == *id);
        let related = episode.related_persons.iter().find(|p| p.id == *id);
        let organizations = &episode.organizations;
        let mut all = [&organizations.practice, &organizations.partner]
            .into_iter()
            .chain(&organizations.pharmacy);
        member
            .map(|m| m.name.clone())
            .or_else(|| related.map(|p| format!("{} {}", p.name.given.join(" "), p.name.family)))
            .or_else(|| all.find(|o| o.id == *id).map(|o| o.name.clone()))
            .unwrap_or_else(|| id.to_string())
    }

    /// `none` sentences: what is said where nothing is recorded, by one who sees all.
    #[must_use]
    pub fn none(&self, sentence: &str) -> Option<String> {
        (self.sight == Sight::Whole).then(|| sentence.to_owned())
    }

    /// The session with this id.
    #[must_use]
    pub fn session(&self, id: &Id) -> Option<&'a Session> {
        self.episode.sessions.iter().find(|s| s.id == *id)
    }

    /// The adverse events of a session that stand.
    pub fn events_of(&self, session: &Id) -> impl Iterator<Item = &'a AdverseEvent> {
        let id = session.clone();
        let all = self.episode.adverse_events.iter();
        all.filter(move |e| e.session_id.as_ref() == Some(&id) && e.entered_in_error != Some(true))
    }

    /// The problems that KAP treats.
    pub fn indications(&self) -> impl Iterator<Item = &'a Problem> {
        let stands = |p: &&Problem| p.verification_status != VerificationStatus::EnteredInError;
        self.episode
            .problems
            .iter()
            .filter(|p| p.kap_indication)
            .filter(stands)
    }

    /// The sessions of a kind that took place, oldest first.
    pub fn held(&self, kind: SessionType) -> impl Iterator<Item = &'a Session> {
        let all = self.episode.sessions.iter();
        all.filter(move |s| s.kind == kind && s.status == SessionStatus::Completed)
    }
}

fn offset(at: Instant) -> jiff::tz::Offset {
    jiff::tz::Offset::from_seconds(at.0.offset().whole_seconds()).unwrap_or(jiff::tz::Offset::UTC)
}

/// What a coding says: its display, else its code.
#[must_use]
pub fn said(coding: &Coding) -> String {
    coding
        .display
        .clone()
        .unwrap_or_else(|| coding.code.clone())
}

/// The published display of a local code, else the code.
#[must_use]
pub fn term(system: &str, code: &str) -> String {
    super::super::terms::display(system, code)
        .unwrap_or(code)
        .to_owned()
}

/// `122/79`, where both are there.
#[must_use]
pub fn pressure(vitals: &Vitals) -> Option<String> {
    let (systolic, diastolic) = (vitals.systolic.as_ref()?, vitals.diastolic.as_ref()?);
    Some(format!("{}/{}", systolic.value, diastolic.value))
}

/// The number of a quantity, or a dash.
#[must_use]
pub fn number(quantity: Option<&Quantity>) -> String {
    quantity.map_or_else(|| "–".into(), |q| q.value.to_string())
}

/// A route in one word: `sublingual` for `Sublingual route`.
#[must_use]
pub fn route(coding: &Coding) -> String {
    let text = said(coding);
    text.trim_end_matches(" route").to_lowercase()
}

/// `yes`, `no` or `not recorded`.
#[must_use]
pub fn yes_no(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not recorded",
    }
}

/// What a problem is called.
#[must_use]
pub fn problem(problem: &Problem) -> String {
    problem
        .codings
        .first()
        .map_or_else(|| "unnamed problem".into(), said)
}

/// A phase in words.
#[must_use]
pub fn phase(phase: Phase) -> String {
    term("kap-episode-phase", phase.code())
}
