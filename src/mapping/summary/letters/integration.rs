//! Document D: what an integration session leaves for the record; nothing of the talk (LOINC 34904-3).

use super::super::parts::{self, doses, measures};
use super::super::words::{Words, term_or_words};
use super::super::{Draft, Empty, Section, entry, plan};
use crate::kap::dosing::Session;
use crate::kap::ledger;
use crate::mapping::narrative::Html;

pub(in crate::mapping::summary) fn draft<'a>(words: &Words<'a>, session: &'a Session) -> Draft<'a> {
    let words = &words.up_to(session.start);
    Draft::new(
        ("34904-3", "Mental health Progress note"),
        "KAP integration summary",
        lead(words, session),
        sections(words, session),
        &session.lead_id,
    )
    .of(Some(session))
}

/// First sentence: of which dosing session, when, with whom, how long after the dose.
pub fn lead(words: &Words<'_>, session: &Session) -> String {
    let dosed = session.integrates_session_id.as_ref();
    let dosed = dosed.and_then(|id| words.session(id));
    let dosing = dosed.and_then(|s| s.dosing.as_ref());
    let which = dosing.map(|d| format!(" of dosing session {}", d.sequence));
    let after = dosing.map(|d| {
        let first = doses::standing(d).into_iter().find(|d| ledger::given(d));
        match first.map(|d| session.start.minutes_since(d.at) / 60) {
            Some(hours) => format!(", {hours} h after the dose"),
            None => words
                .none(", in which no dose was given")
                .unwrap_or_default(),
        }
    });
    format!(
        "Integration{} on {} with {}{}.",
        which.unwrap_or_default(),
        words.stamp(session.start),
        words.name(&session.lead_id),
        after.unwrap_or_default()
    )
}

fn sections(words: &Words<'_>, session: &Session) -> Vec<Section> {
    vec![
        reason(words, session),
        subjective(words, session),
        assessment(words, session),
        parts::goals(words),
        interventions(words, session),
        plan::of_integration(words, session),
        measures::scores(words),
    ]
}

fn reason(words: &Words<'_>, session: &Session) -> Section {
    let html = Html::new()
        .p(lead(words, session))
        .maybe("Summary", session.clinical_summary.as_ref());
    let entries = vec![entry("Encounter", &session.id, "")];
    Section::new("29299-5", "Reason for visit", html, entries)
}

/// Only what patient and therapist agreed to share.
fn subjective(words: &Words<'_>, session: &Session) -> Section {
    let summary = session.integration.as_ref();
    let summary = summary.and_then(|i| i.summary.as_ref());
    let html = Html::new().maybe("Symptoms", summary.and_then(|s| s.symptoms.as_ref()));
    let entries = vec![entry("QuestionnaireResponse", &session.id, "-integration")];
    Section::new("61150-9", "Subjective", html, entries).or_none(
        words,
        "nothing agreed for sharing",
        Empty::Unavailable,
    )
}

fn assessment(words: &Words<'_>, session: &Session) -> Section {
    let summary = session.integration.as_ref();
    let summary = summary.and_then(|i| i.summary.as_ref());
    let html = Html::new()
        .maybe("Progress", summary.and_then(|s| s.progress.as_ref()))
        .maybe(
            "Function",
            summary.and_then(|s| s.functional_status.as_ref()),
        )
        .maybe("Suicidality, last answers", measures::suicidality(words));
    let mut entries = vec![entry("QuestionnaireResponse", &session.id, "-integration")];
    entries.extend(measures::scores_of(words).1);
    Section::new("51848-0", "Assessment", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}

fn interventions(words: &Words<'_>, session: &Session) -> Section {
    let practices = session.integration.iter().flat_map(|i| &i.practices);
    let practices = practices.map(|code| term_or_words("kap-integration-practice", code));
    let html = Html::new().list(practices);
    let entries = vec![entry("QuestionnaireResponse", &session.id, "-integration")];
    Section::new("62387-6", "Interventions", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}
