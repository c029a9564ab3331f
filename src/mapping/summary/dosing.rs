//! Document C: what happened in a dosing session (LOINC 78472-8), for a reader who was not there.

mod after_dose;
mod lead;
mod medications;
mod vital_signs;

use super::parts::doses;
use super::words::{Words, plain, problem, term};
use super::{Draft, Section, entry};
use crate::kap::base::Decimal;
use crate::kap::clearance::{Clearance, ClearanceCondition};
use crate::kap::dosing::{Dose, DoseStatus, Dosing, DosingOutcome, PresenceMode, Session};
use crate::kap::ledger;
use crate::mapping::narrative::Html;

/// The session, and the words for it.
struct Dosed<'a> {
    words: &'a Words<'a>,
    session: &'a Session,
    dosing: &'a Dosing,
}

/// The document; `None` where the session has no dosing part.
pub(super) fn draft<'a>(words: &Words<'a>, session: &'a Session) -> Option<Draft<'a>> {
    let number = session.dosing.as_ref()?.sequence;
    let draft = Draft::new(
        ("78472-8", "Mental Health Procedure Note"),
        format!("KAP dosing session {number}: encounter summary"),
        lead(words, session)?,
        sections(words, session),
        &session.lead_id,
    );
    Some(draft.of(Some(session)))
}

/// The document's first sentence: dose, pressure, discharge, events.
fn lead(words: &Words<'_>, session: &Session) -> Option<String> {
    let dosing = session.dosing.as_ref()?;
    let dosed = Dosed {
        words,
        session,
        dosing,
    };
    let mut parts = vec![dosed.doses_in_words()];
    parts.extend(dosed.excess());
    parts.extend(dosed.pressures_in_words());
    parts.extend(
        dosing
            .discharge
            .as_ref()
            .map(|d| dosed.discharge_in_words(d)),
    );
    parts.extend(dosed.events_in_words());
    Some(format!(
        "Session {}: {}.",
        dosing.sequence,
        parts.join("; ")
    ))
}

/// The sections, in the order of the domain reference §7.
fn sections(words: &Words<'_>, session: &Session) -> Vec<Section> {
    let Some(dosing) = session.dosing.as_ref() else {
        return vec![];
    };
    let dosed = Dosed {
        words,
        session,
        dosing,
    };
    let mut sections = vec![
        dosed.indications(),
        dosed.medications(),
        dosed.vital_signs(),
        dosed.procedure(),
    ];
    sections.extend(dosed.sedation());
    sections.push(dosed.complications());
    sections.push(dosed.disposition());
    sections.push(dosed.mental_status());
    sections.push(dosed.instructions());
    sections.push(super::plan::after_dose(words, session, dosing));
    sections
}

impl<'a> Dosed<'a> {
    fn given(&self) -> impl Iterator<Item = &'a Dose> {
        self.doses().filter(|d| ledger::given(d))
    }

    fn doses(&self) -> impl Iterator<Item = &'a Dose> {
        doses::standing(self.dosing).into_iter()
    }

    /// What to say where more was given than prescription and clearance allow.
    fn excess(&self) -> Option<String> {
        let total = doses::total(self.words, self.session)?;
        let (mg, max) = (total.mg, total.above?);
        Some(format!(
            "{mg} mg given, ABOVE THE MAXIMUM of {max} mg per session"
        ))
    }

    fn clearance(&self) -> Option<&'a Clearance> {
        let id = self.dosing.clearance_id.as_ref()?;
        self.words.episode.clearances.iter().find(|c| c.id == *id)
    }

    fn indications(&self) -> Section {
        let words = self.words;
        let mut html = Html::new();
        let mut entries = vec![];
        for indication in words.indications() {
            html = html.fact("Indication", problem(indication));
            entries.push(entry("Condition", &indication.id, ""));
        }
        if let Some(clearance) = self.clearance() {
            entries.push(entry("ClinicalImpression", &clearance.id, ""));
            html = super::parts::clearance(html, words, clearance);
            entries.push(entry(
                "QuestionnaireResponse",
                &self.session.id,
                "-checklist",
            ));
            let rows = clearance.conditions.iter().map(|c| self.condition(c));
            html = html.table(&["Condition", "Today"], rows);
        }
        Section::new("59768-2", "Procedure indications", html, entries)
    }

    fn condition(&self, condition: &ClearanceCondition) -> [String; 2] {
        let checked = self.dosing.pre_dose_checklist.as_ref();
        let held = checked.and_then(|c| {
            c.holds_followed
                .iter()
                .find(|h| h.condition_id == condition.id)
        });
        let chaperone = checked.and_then(|c| c.chaperone.as_ref());
        let state = match (held, condition.satisfied_at) {
            (Some(h), _) => {
                let note = h
                    .note
                    .as_ref()
                    .map(|n| format!(" – {n}"))
                    .unwrap_or_default();
                format!(
                    "{}{note}",
                    if h.followed {
                        "followed"
                    } else {
                        "NOT followed"
                    }
                )
            }
            (None, Some(at)) => format!("met {}", self.words.day(at)),
            (None, None) if condition.code == "adult-chaperone-present" => match chaperone {
                Some(c) => format!("met: {} present", self.words.name(&c.related_person_id)),
                None => "no chaperone recorded".into(),
            },
            (None, None) => "NOT documented".into(),
        };
        [condition.text.clone(), state]
    }

    fn procedure(&self) -> Section {
        let session = self.session;
        let minutes = session.end.map(|end| end.minutes_since(session.start));
        let presence = session.therapist_presence.as_ref();
        let presence = presence.map(|p| present(p.mode));
        let chaperone = self.dosing.pre_dose_checklist.as_ref();
        let chaperone = chaperone.and_then(|c| c.chaperone.as_ref());
        let effects = self.dosing.effects.as_ref();
        let minute = |n: Option<Decimal>| n.map(|n| format!("{n} min after the first dose"));
        let peak = effects.and_then(|e| match (e.peak_from_minutes, e.peak_to_minutes) {
            (Some(a), Some(b)) => Some(format!("{a} to {b} min after the first dose")),
            (a, b) => minute(a.or(b)),
        });
        let html = Html::new()
            .fact("Began", self.words.stamp(session.start))
            .maybe("Duration", minutes.map(|m| format!("{m} min")))
            .fact(
                "Setting",
                term("kap-session-setting", session.setting.code()),
            )
            .fact("Lead", self.words.name(&session.lead_id))
            .maybe("Therapist's presence", presence)
            .maybe(
                "Chaperone",
                chaperone.map(|c| self.words.name(&c.related_person_id)),
            )
            .maybe("Onset", minute(effects.and_then(|e| e.onset_minutes)))
            .maybe("Peak", peak)
            .maybe(
                "Resolution",
                minute(effects.and_then(|e| e.resolved_minutes)),
            )
            .maybe(
                "Session became",
                self.dosing.converted_to.as_deref().map(plain),
            )
            .maybe("Result", self.dosing.outcome.map(result));
        let mut entries = vec![
            entry("Encounter", &session.id, ""),
            entry("Procedure", &session.id, "-proc"),
        ];
        entries.extend(
            ["-onset", "-peak", "-resolution"].map(|s| entry("Observation", &session.id, s)),
        );
        entries.extend(chaperone.map(|c| entry("RelatedPerson", &c.related_person_id, "")));
        Section::new("29554-3", "Procedure description", html, entries)
    }
}

/// How the therapist was there.
const fn present(mode: PresenceMode) -> &'static str {
    match mode {
        PresenceMode::InRoom => "in the room",
        PresenceMode::Video => "by video",
        PresenceMode::Audio => "by audio",
        PresenceMode::ChaperoneOnly => "not present: chaperone only",
    }
}

const fn result(outcome: DosingOutcome) -> &'static str {
    match outcome {
        DosingOutcome::Completed => "completed",
        DosingOutcome::DoseHeld => "no dose given: held",
        DosingOutcome::CompletedWithAdverseEvent => "completed, with an adverse event",
        DosingOutcome::Aborted => "broken off",
    }
}

/// What was given of a dose, or why not.
pub(super) fn amount(dose: &Dose) -> String {
    match dose.status {
        DoseStatus::NotDone => format!("NOT GIVEN: {}", reason(dose)),
        DoseStatus::OnHold => format!("ON HOLD, not given: {}", reason(dose)),
        DoseStatus::Stopped => format!("{} mg, STOPPED: {}", dose.dose_mg, reason(dose)),
        DoseStatus::InProgress => format!("{} mg, not finished", dose.dose_mg),
        DoseStatus::Completed | DoseStatus::EnteredInError => format!("{} mg", dose.dose_mg),
    }
}

/// Why a dose was not given, or not in full.
fn reason(dose: &Dose) -> String {
    let Some(reason) = dose.status_reason.as_ref() else {
        return "no reason recorded".into();
    };
    let what = term("kap-dose-not-given-reason", &reason.code);
    match reason.text.as_ref() {
        Some(text) => format!("{what}: {text}"),
        None => what,
    }
}
