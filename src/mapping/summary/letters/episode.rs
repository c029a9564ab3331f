//! Document F: the whole course (LOINC 34133-9).

use std::collections::BTreeMap;

use super::super::parts::{self, doses, findings, measures};
use super::super::words::{Words, phase, plain, term};
use super::super::{Draft, Empty, Section, entry, plan};
use crate::kap::dosing::SessionType;
use crate::kap::measure::Outcome;
use crate::kap::people::MemberRole;
use crate::mapping::narrative::Html;

pub(in crate::mapping::summary) fn draft<'a>(words: &Words<'a>) -> Draft<'a> {
    let episode = words.episode;
    let mut team = episode.care_team.iter();
    let lead_therapist = team.find(|m| m.role == MemberRole::LeadTherapist);
    let practice = &episode.organizations.practice.id;
    Draft::new(
        ("34133-9", "Summary of episode note"),
        "KAP episode summary",
        lead(words),
        sections(words),
        lead_therapist.map_or(practice, |m| &m.id),
    )
}

fn sections(words: &Words<'_>) -> Vec<Section> {
    vec![
        outcome_statement(words),
        parts::problems(words),
        parts::medicines(words),
        doses::section(words, words.at),
        measures::scores(words),
        findings::complications(words),
        sessions(words),
        parts::goals(words),
        plan::of_episode(words),
    ]
}

/// First sentence: where the course stands, what was given, what came of it.
pub fn lead(words: &Words<'_>) -> String {
    let history = &words.episode.phase_history;
    let since = history.first().map(|p| words.day(p.from));
    let until = history
        .last()
        .filter(|_| words.episode.phase.is_terminal())
        .map(|p| format!(" to {}", words.day(p.from)));
    let parts = [
        Some(phase(words.episode.phase).to_lowercase()),
        Some(dosed(words)),
        trend(words),
        events(words),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!(
        "KAP episode {}{}: {}.",
        since.unwrap_or_else(|| "since an unknown day".into()),
        until.unwrap_or_default(),
        parts.join("; ")
    )
}

/// `8 dosing sessions, ketamine 100 to 300 mg per session`, and what stands out.
fn dosed(words: &Words<'_>) -> String {
    let held = words.held(SessionType::Dosing);
    let totals: Vec<_> = doses::sessions(words)
        .into_iter()
        .filter_map(|s| doses::total(words, s))
        .collect();
    let amounts = || totals.iter().map(|t| t.mg);
    let amount = match (amounts().min(), amounts().max()) {
        (Some(low), Some(high)) if low == high => format!(", ketamine {low} mg per session"),
        (Some(low), Some(high)) => format!(", ketamine {low} to {high} mg per session"),
        _ => String::new(),
    };
    let without = held.filter(|s| doses::total(words, s).is_none());
    let without = match without.count() {
        0 => String::new(),
        n => format!(", and {n} without a dose"),
    };
    let above = match totals.iter().filter(|t| t.above.is_some()).count() {
        0 => String::new(),
        n => format!("; {} ABOVE THE MAXIMUM dose", counted(n, "session")),
    };
    format!(
        "{}{amount}{without}{above}",
        counted(totals.len(), "dosing session")
    )
}

fn counted(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn events(words: &Words<'_>) -> Option<String> {
    let all = words.episode.adverse_events.iter();
    match all.filter(|e| e.entered_in_error != Some(true)).count() {
        0 => words.none("no adverse event"),
        n => Some(counted(n, "ADVERSE EVENT")),
    }
}

/// First and last score of each instrument that was taken more than once.
fn trend(words: &Words<'_>) -> Option<String> {
    let mut by: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in measures::outcomes(words) {
        by.entry(&outcome.instrument).or_default().push(outcome);
    }
    let said: Vec<String> = by
        .into_iter()
        .filter_map(|(name, scores)| match scores.as_slice() {
            [first, .., last] => Some(format!("{name} {} → {}", first.score, last.score)),
            _ => None,
        })
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn outcome_statement(words: &Words<'_>) -> Section {
    let last = words.episode.phase_history.last();
    let why = last.and_then(|p| p.reason.as_ref());
    let html = Html::new()
        .p(lead(words))
        .maybe("Reason", why.map(|why| plain(why)));
    let entries = vec![entry("EpisodeOfCare", &words.episode.episode_id, "")];
    Section::new("11383-7", "Outcome", html, entries)
}

fn sessions(words: &Words<'_>) -> Section {
    let counts = SessionType::ALL.iter().filter_map(|kind| {
        let count = words.held(*kind).count();
        (count > 0).then(|| [term("kap-session-type", kind.code()), count.to_string()])
    });
    let html = Html::new().table(&["Session", "Held"], counts);
    let entries = SessionType::ALL.iter().flat_map(|kind| words.held(*kind));
    let entries = entries.map(|s| entry("Encounter", &s.id, "")).collect();
    Section::new("47519-4", "Sessions", html, entries).or_none(
        words,
        "no session held",
        Empty::NilKnown,
    )
}
