//! How things are said in a document: local times, names, amounts, results.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::kap::base::{Coding, Id, Instant, PersonName, Quantity};
use crate::kap::consultation::{Problem, VerificationStatus};
use crate::kap::dosing::{Session, SessionStatus, SessionType, Vitals, VitalsSource};
use crate::kap::people::Gender;
use crate::kap::safety::{AdverseEvent, DetectedIssue, IssueSeverity, IssueStatus};
use crate::kap::{Episode, Phase};

/// How much of the record the writer of a document sees: only who sees all may say "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Whole,
    Part,
}

/// An episode with the words to speak of it.
#[derive(Clone, Debug)]
pub struct Words<'a> {
    pub episode: &'a Episode,
    pub sight: Sight,
    /// When the document is written.
    pub at: Instant,
    /// The last day, in the practice's zone, of which it tells scores.
    until: String,
    zone: Option<TimeZone>,
}

impl<'a> Words<'a> {
    /// Words in the practice's local time; in the offset as written where its zone is unknown.
    #[must_use]
    pub fn new(episode: &'a Episode, sight: Sight, at: Instant) -> Self {
        let name = episode.organizations.practice.timezone.as_deref();
        let zone = name.and_then(|name| TimeZone::get(name).ok());
        let mut words = Self {
            episode,
            sight,
            at,
            until: String::new(),
            zone,
        };
        words.until = words.day(at);
        words
    }

    /// The same words for an account of what was known on the day of `at`: a document that is written again, for a
    /// correction or for another reader, tells no later scores.
    #[must_use]
    pub fn up_to(&self, at: Instant) -> Self {
        let day = self.day(at).min(self.until.clone());
        Self {
            until: day,
            ..self.clone()
        }
    }

    /// Whether something of this time is told.
    #[must_use]
    pub fn told(&self, at: Instant) -> bool {
        self.day(at) <= self.until
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

    /// The name of a person or organization of the episode; never a bare id.
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
        member
            .map(|m| m.name.clone())
            .or_else(|| related.map(|p| full(&p.name)))
            .or_else(|| self.organization(id))
            .unwrap_or_else(|| "someone not named here".into())
    }

    /// The name of an organization that the episode knows.
    #[must_use]
    pub fn organization(&self, id: &Id) -> Option<String> {
        let of = &self.episode.organizations;
        let mut all = [&of.practice, &of.partner].into_iter().chain(&of.pharmacy);
        all.find(|o| o.id == *id).map(|o| o.name.clone())
    }

    /// A related person with the numbers under which they can be reached; `None` where the episode has no such person.
    #[must_use]
    pub fn reachable(&self, id: &Id) -> Option<String> {
        let mut related = self.episode.related_persons.iter();
        let person = related.find(|p| p.id == *id)?;
        let numbers = person.telecom.iter().map(|t| t.value.clone());
        let parts: Vec<String> = [full(&person.name)].into_iter().chain(numbers).collect();
        Some(parts.join(", "))
    }

    /// `Alex Samplepatient, born 1984-03-02, female, MR 4711`: whose document it is.
    #[must_use]
    pub fn patient(&self) -> String {
        let p = &self.episode.patient;
        let name = full(&p.name);
        let born = format!("born {}", p.birth_date);
        let sex = match p.administrative_gender {
            Gender::Unknown => "gender unknown".into(),
            known => known.to_string(),
        };
        let number = p
            .identifiers
            .iter()
            .find(|i| i.kind.as_deref() == Some("MR"));
        let number = number.map(|i| format!("MR {}", i.value));
        let parts: Vec<String> = [name, born, sex].into_iter().chain(number).collect();
        parts.join(", ")
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

    /// The findings that stand.
    pub fn findings(&self) -> impl Iterator<Item = &'a DetectedIssue> {
        let all = self.episode.detected_issues.iter();
        all.filter(|i| i.status != IssueStatus::EnteredInError)
    }

    /// The findings of high severity about one of these records.
    pub fn grave(&self, about: impl Fn(&Id) -> bool) -> impl Iterator<Item = &'a DetectedIssue> {
        self.findings()
            .filter(|i| i.severity == IssueSeverity::High)
            .filter(move |i| i.implicated.iter().any(&about))
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

fn full(name: &PersonName) -> String {
    let given = name.given.iter().map(String::as_str);
    let parts: Vec<&str> = given.chain([name.family.as_str()]).collect();
    parts.join(" ")
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

/// A code without a published display, as words: `pre-session-2` as `pre session 2`.
#[must_use]
pub fn plain(code: &str) -> String {
    code.replace('-', " ")
}

/// The published display of a local code, else the code as words: what a practice may also write freely.
#[must_use]
pub fn term_or_words(system: &str, code: &str) -> String {
    super::super::terms::display(system, code).map_or_else(|| plain(code), str::to_owned)
}

/// Who or what measured.
#[must_use]
pub fn source(vitals: &Vitals) -> String {
    let who = match vitals.source {
        VitalsSource::HomeDevice => "patient's device at home",
        VitalsSource::ClinicDevice => "clinic's device",
        VitalsSource::Caregiver => "caregiver",
    };
    match vitals.device.as_ref() {
        Some(device) => format!("{who}: {device}"),
        None => who.into(),
    }
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
pub const fn yes_no(answer: Option<bool>) -> &'static str {
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
