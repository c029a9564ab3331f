//! Scores of instruments and readings of vital signs.

use super::super::words::{Words, number, plain, pressure, said, source, term};
use super::super::{Empty, Entry, Section, entry};
use crate::kap::base::Instant;
use crate::kap::consultation::{Answer, Screening, ScreeningItem};
use crate::kap::dosing::Vitals;
use crate::kap::measure::Outcome;
use crate::mapping::narrative::Html;

/// LOINC's answer "Yes".
const YES: &str = "LA33-6";
/// Instruments of substance use: their own section, their own label.
const SUBSTANCE: [&str; 2] = ["AUDIT-C", "DAST-10"];
const HEAD: [&str; 4] = ["Instrument", "Date", "Score", "Remark"];

/// When a screening was taken.
pub fn taken(s: &Screening) -> Option<Instant> {
    s.at.or(s.authored)
}

/// Screenings with a result of their own, oldest first.
fn scored<'a>(words: &Words<'a>, substance: bool) -> Vec<&'a Screening> {
    let all = words.episode.screenings.iter();
    let wanted = all
        .filter(|s| SUBSTANCE.contains(&s.instrument.as_str()) == substance)
        .filter(|s| taken(s).is_none_or(|at| words.told(at)));
    let mut found: Vec<_> = wanted
        .filter(|s| s.score.is_some() || s.risk_level.is_some())
        .collect();
    found.sort_by_key(|s| taken(s));
    found
}

fn screening_row(words: &Words<'_>, s: &Screening) -> [String; 4] {
    let at = taken(s).map(|at| words.day(at)).unwrap_or_default();
    let score = s.score.map(|n| match s.range.as_ref() {
        Some(range) => format!("{n} ({}–{})", range.min, range.max),
        None => n.to_string(),
    });
    let risk = s.risk_level.as_ref().map(|r| format!("risk {r}"));
    let result: Vec<String> = score.into_iter().chain(risk).collect();
    let item9 = s.item9.map(|n| format!("item 9: {n}"));
    let timing = s.timing.as_deref().map(plain);
    let yes = s.items.iter().filter(|i| affirmed(i)).map(question);
    let yes: Vec<String> = yes.map(|q| format!("yes to: {q}")).collect();
    let remark: Vec<String> = timing.into_iter().chain(item9).chain(yes).collect();
    [
        s.instrument.clone(),
        at,
        result.join(", "),
        remark.join(", "),
    ]
}

fn affirmed(item: &ScreeningItem) -> bool {
    match &item.answer {
        Answer::Boolean(yes) => *yes,
        Answer::Coding(c) => c.code == YES,
        Answer::Integer(_) | Answer::Text(_) => false,
    }
}

/// What an item asks.
pub fn question(item: &ScreeningItem) -> String {
    let text = item.text.clone();
    text.unwrap_or_else(|| plain(&item.link_id))
}

/// What was answered.
pub fn answer(item: &ScreeningItem) -> String {
    let answer = match &item.answer {
        Answer::Boolean(true) => "yes".into(),
        Answer::Boolean(false) => "no".into(),
        Answer::Coding(c) => said(c),
        Answer::Integer(n) => n.to_string(),
        Answer::Text(text) => text.clone(),
    };
    match item.detail.as_ref() {
        Some(detail) => format!("{answer}: {detail}"),
        None => answer,
    }
}

fn outcome_row(words: &Words<'_>, o: &Outcome) -> [String; 4] {
    let score = match o.range.as_ref() {
        Some(range) => format!("{} ({}–{})", o.score, range.min, range.max),
        None => o.score.to_string(),
    };
    let item9 = o.item9.map(|n| format!("item 9: {n}"));
    let timing = o.timing.as_deref().map(plain);
    let remark: Vec<String> = timing.into_iter().chain(item9).collect();
    [
        o.instrument.clone(),
        words.day(o.at),
        score,
        remark.join(", "),
    ]
}

/// The measurements, oldest first.
pub fn outcomes<'a>(words: &Words<'a>) -> Vec<&'a Outcome> {
    let all = words.episode.outcomes.iter();
    let mut told: Vec<_> = all.filter(|o| words.told(o.at)).collect();
    told.sort_by_key(|o| o.at);
    told
}

/// The table of scores of screening and course, without those of substance use, and what it rests on.
pub fn scores_of(words: &Words<'_>) -> (Html, Vec<Entry>) {
    // The total of a screening that is on record as a measurement stands there.
    let measured = |s: &Screening| {
        let mut all = words.episode.outcomes.iter();
        all.any(|o| o.questionnaire_response_id.as_ref() == Some(&s.id))
    };
    let screened = scored(words, false);
    let own = screened.iter().filter(|s| !measured(s));
    let own = own.map(|s| screening_row(words, s));
    let outcomes = outcomes(words);
    let rows = own.chain(outcomes.iter().map(|o| outcome_row(words, o)));
    let html = Html::new().table(&HEAD, rows);
    let answers = screened.iter();
    let answers = answers.map(|s| entry("QuestionnaireResponse", &s.id, ""));
    let values = outcomes.iter().map(|o| entry("Observation", &o.id, ""));
    let entries = answers.chain(values).collect();
    (html, entries)
}

/// Scores (30954-2).
pub fn scores(words: &Words<'_>) -> Section {
    let (html, entries) = scores_of(words);
    results(words, html, entries)
}

/// The section 30954-2.
pub fn results(words: &Words<'_>, html: Html, entries: Vec<Entry>) -> Section {
    Section::new("30954-2", "Results", html, entries).or_none(
        words,
        "no score recorded",
        Empty::Unavailable,
    )
}

/// The scores of substance use.
pub fn substance_scores(words: &Words<'_>, html: Html) -> (Html, Vec<Entry>) {
    let found = scored(words, true);
    let rows = found.iter().map(|s| screening_row(words, s));
    let html = html.table(&HEAD, rows);
    let entries = found.iter();
    let entries = entries.map(|s| entry("QuestionnaireResponse", &s.id, ""));
    (html, entries.collect())
}

/// What is known of suicidality: the last answers, with their day.
pub fn suicidality(words: &Words<'_>) -> Option<String> {
    let scores = outcomes(words);
    let item9 = scores.iter().rev().find_map(|o| {
        let said = o.item9?;
        Some(format!(
            "{} item 9: {said} ({})",
            o.instrument,
            words.day(o.at)
        ))
    });
    let screened = scored(words, false);
    let risk = screened.iter().rev().find_map(|s| {
        let level = s.risk_level.as_ref()?;
        let day = taken(s).map(|at| format!(" ({})", words.day(at)));
        Some(format!(
            "{} risk {level}{}",
            s.instrument,
            day.unwrap_or_default()
        ))
    });
    let known: Vec<String> = item9.into_iter().chain(risk).collect();
    (!known.is_empty()).then(|| known.join("; "))
}

/// Adds readings as a table, oldest first.
pub fn readings(html: Html, words: &Words<'_>, readings: &[&Vitals]) -> Html {
    let head = [
        "Local time",
        "Timing",
        "BP mm[Hg]",
        "HR /min",
        "SpO2 %",
        "RR /min",
        "Temp Cel",
        "Source",
    ];
    let rows = readings.iter().map(|v| {
        [
            words.stamp(v.at),
            term("kap-session-timing", v.timing.code()),
            judged(v),
            number(v.heart_rate.as_ref()),
            number(v.spo2.as_ref()),
            number(v.respiratory_rate.as_ref()),
            number(v.temperature.as_ref()),
            source(v),
        ]
    });
    html.table(&head, rows)
}

/// A blood pressure with what was said of it (HL7 v3 ObservationInterpretation).
fn judged(vitals: &Vitals) -> String {
    let bp = pressure(vitals).unwrap_or_else(|| "–".into());
    match vitals.interpretation.as_deref() {
        None | Some("N") => bp,
        Some("H") => format!("{bp} HIGH"),
        Some("HH") => format!("{bp} CRITICALLY HIGH"),
        Some("HX") => format!("{bp} ABOVE LIMIT"),
        Some("HM") => format!("{bp} HOLD FOR REVIEW"),
        Some(other) => format!("{bp} [{other}]"),
    }
}

/// The observations of a reading.
pub fn reading(vitals: &Vitals) -> Vec<Entry> {
    let there = [
        (
            "-bp",
            vitals.systolic.is_some() || vitals.diastolic.is_some(),
        ),
        ("-hr", vitals.heart_rate.is_some()),
        ("-rr", vitals.respiratory_rate.is_some()),
        ("-spo2", vitals.spo2.is_some()),
        ("-temp", vitals.temperature.is_some()),
    ];
    there
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(suffix, _)| entry("Observation", &vitals.id, suffix))
        .collect()
}

/// In the order in which they were taken.
pub fn in_order<'a>(readings: impl IntoIterator<Item = &'a Vitals>) -> Vec<&'a Vitals> {
    let mut all: Vec<_> = readings.into_iter().collect();
    all.sort_by_key(|v| v.at);
    all
}

/// The readings of a session (8716-3).
pub fn vital_signs<'a>(words: &Words<'_>, of: impl IntoIterator<Item = &'a Vitals>) -> Section {
    let all = in_order(of);
    let html = readings(Html::new(), words, &all);
    let entries = all.into_iter().flat_map(reading).collect();
    Section::new("8716-3", "Vital signs", html, entries).or_none(
        words,
        "none recorded",
        Empty::Unavailable,
    )
}
