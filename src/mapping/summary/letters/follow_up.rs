//! Document E: a medical follow-up (LOINC 28627-8, of a minor 68646-9).

use super::super::parts::{self, doses, findings, measures};
use super::super::words::{Words, term};
use super::super::{Draft, Section, entry, plan};
use crate::kap::base::Day;
use crate::kap::dosing::Session;
use crate::mapping::label;
use crate::mapping::narrative::Html;

pub(in crate::mapping::summary) fn draft<'a>(words: &Words<'a>, session: &'a Session) -> Draft<'a> {
    let words = &words.up_to(session.start);
    let day = Day(session.start.0.date());
    let kind = if label::is_minor(words.episode.patient.birth_date, day) {
        ("68646-9", "Child and adolescent psychiatry Progress note")
    } else {
        ("28627-8", "Psychiatry Progress note")
    };
    Draft::new(
        kind,
        "KAP medical follow-up",
        lead(words, session),
        sections(words, session),
        &session.lead_id,
    )
    .of(Some(session))
}

/// First sentence: when, with whom, and which follow-up was due.
pub fn lead(words: &Words<'_>, session: &Session) -> String {
    let fulfils = words.episode.follow_ups.iter();
    let fulfils = fulfils.filter(|f| f.done_session_id.as_ref() == Some(&session.id));
    let kinds: Vec<String> = fulfils
        .map(|f| term("kap-followup-kind", f.kind.code()))
        .collect();
    let due = match kinds.as_slice() {
        [] => String::new(),
        kinds => format!("; it was due as: {}", kinds.join(", ")),
    };
    format!(
        "Medical follow-up on {} with {}{due}.",
        words.stamp(session.start),
        words.name(&session.lead_id)
    )
}

fn sections(words: &Words<'_>, session: &Session) -> Vec<Section> {
    let html = Html::new()
        .p(lead(words, session))
        .maybe("Summary", session.clinical_summary.as_ref());
    let entries = vec![entry("Encounter", &session.id, "")];
    let until = session.end.unwrap_or(session.start);
    vec![
        Section::new("29299-5", "Reason for visit", html, entries),
        parts::medicines(words),
        doses::section(words, until),
        measures::vital_signs(words, &session.vitals),
        measures::scores(words),
        findings::complications(words),
        findings::section(words),
        plan::of_episode(words),
    ]
}
