//! Sections and lines that several documents share.

use super::words::{Words, pressure, problem, said, term};
use super::{Entry, Section, entry};
use crate::kap::base::Id;
use crate::kap::clearance::Clearance;
use crate::kap::consultation::{ProblemCategory, Screening, VerificationStatus};
use crate::kap::dosing::Vitals;
use crate::kap::measure::Outcome;
use crate::kap::preparation::{IntentionCategory, Sharing};
use crate::kap::safety::{AdverseEvent, DetectedIssue};
use crate::mapping::narrative::Html;

/// Adds a clearance: decision, validity, limits.
pub fn clearance(html: Html, words: &Words<'_>, clearance: &Clearance) -> Html {
    let decision = term("kap-clearance-decision", clearance.decision.code());
    let by = words.name(&clearance.decided_by);
    let until = clearance
        .valid_until
        .map(|day| format!("{} to {day}", clearance.effective_from));
    let codes = |list: Vec<&str>| (!list.is_empty()).then(|| list.join(", "));
    html.fact(
        "Clearance",
        format!("{decision}, {} by {by}", words.day(clearance.decided_at)),
    )
    .maybe("Valid", until)
    .maybe("Review by", clearance.review_by.map(|day| day.to_string()))
    .maybe("Revoked", clearance.revoked_at.map(|at| words.stamp(at)))
    .maybe(
        "Highest dose per session",
        clearance
            .dose_ceiling_mg_per_session
            .map(|n| format!("{n} mg")),
    )
    .maybe(
        "Settings",
        codes(
            clearance
                .settings_allowed
                .iter()
                .map(|s| s.code())
                .collect(),
        ),
    )
    .maybe(
        "Routes",
        codes(clearance.routes_allowed.iter().map(|r| r.code()).collect()),
    )
    .maybe(
        "Sessions in 7 days, at most",
        clearance.max_sessions_per7_days.map(|n| n.to_string()),
    )
    .maybe(
        "Days between sessions, at least",
        clearance.min_days_between_sessions.map(|n| n.to_string()),
    )
}

/// Adds an adverse event: what, how grave, what was done, how it ended.
pub fn event(html: Html, words: &Words<'_>, event: &AdverseEvent) -> Html {
    let what: Vec<String> = event.events.iter().map(said).collect();
    let alert = event.alert.as_ref();
    html.fact(
        "Adverse event",
        format!("{} at {}", what.join(", "), words.stamp(event.occurred_at)),
    )
    .maybe("Summary", event.summary.as_ref())
    .fact(
        "Graded",
        format!("{}, {}", event.severity, event.seriousness),
    )
    .maybe("Cause by ketamine", event.causality.map(|c| c.to_string()))
    .list(&event.interventions)
    .fact("Outcome", event.outcome.code())
    .maybe("Resolved", event.resolved_at.map(|at| words.stamp(at)))
    .maybe("Reported by", Some(words.name(&event.reported_by)))
    .maybe(
        "Alert acknowledged",
        alert
            .and_then(|a| a.acknowledged_at)
            .map(|at| words.stamp(at)),
    )
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

/// Problem list (11450-4).
pub fn problems(words: &Words<'_>) -> Section {
    let all = words.episode.problems.iter();
    let stand = || {
        all.clone()
            .filter(|p| p.verification_status != VerificationStatus::EnteredInError)
    };
    let rows = stand().map(|p| {
        let kind = match (p.kap_indication, p.category) {
            (true, _) => "KAP indication",
            (_, ProblemCategory::HealthConcern) => "health concern",
            _ => "problem",
        };
        let since = p.onset.clone().unwrap_or_default();
        [
            problem(p),
            kind.into(),
            p.clinical_status.to_string(),
            since,
        ]
    });
    let mut html = Html::new().table(&["Problem", "Kind", "Status", "Since"], rows);
    for p in stand().filter_map(|p| p.treatment_resistance.as_ref()) {
        html = html
            .fact(
                "Failed adequate trials",
                p.adequate_trials_failed.to_string(),
            )
            .list(&p.trials);
    }
    let entries = stand().map(|p| entry("Condition", &p.id, "")).collect();
    Section::new("11450-4", "Problems", html, entries).or_none(words, "none recorded")
}

/// Home medicines (10160-0).
pub fn medicines(words: &Words<'_>) -> Section {
    let rows = words.episode.medications.iter().map(|m| {
        let last = m
            .last_taken_at
            .map(|at| words.stamp(at))
            .unwrap_or_default();
        let rule = m.kap_instruction.clone().unwrap_or_default();
        let hold = m
            .hold_before_hours
            .map(|h| format!("hold {h} h"))
            .unwrap_or_default();
        [m.text.clone(), m.status.clone(), rule, hold, last]
    });
    let head = [
        "Medicine",
        "Status",
        "Around dosing",
        "Before dosing",
        "Last taken",
    ];
    let html = Html::new().table(&head, rows);
    let entries = words.episode.medications.iter();
    let entries = entries
        .map(|m| entry("MedicationRequest", &m.id, ""))
        .collect();
    Section::new("10160-0", "Home medicines", html, entries).or_none(words, "none reported")
}

/// Allergies (48765-2).
pub fn allergies(words: &Words<'_>) -> Section {
    let lines = words
        .episode
        .allergies
        .iter()
        .map(|a| match a.reaction.as_ref() {
            Some(reaction) => format!("{}: {reaction}", a.text),
            None => a.text.clone(),
        });
    let html = Html::new().list(lines);
    let entries = words.episode.allergies.iter();
    let entries = entries
        .map(|a| entry("AllergyIntolerance", &a.id, ""))
        .collect();
    Section::new("48765-2", "Allergies", html, entries).or_none(words, "not asked yet")
}

/// Instruments of substance use: their own section, their own label.
const SUBSTANCE: [&str; 2] = ["AUDIT-C", "DAST-10"];

fn score_rows<'a>(
    words: &'a Words<'_>,
    substance: Topic,
) -> impl Iterator<Item = (&'a Screening, [String; 4])> {
    let wanted = move |s: &&Screening| {
        (substance == Topic::Substance) == SUBSTANCE.contains(&s.instrument.as_str())
    };
    let all = words.episode.screenings.iter().filter(wanted);
    all.filter(|s| s.score.is_some() || s.risk_level.is_some())
        .map(|s| {
            let at =
                s.at.or(s.authored)
                    .map(|at| words.day(at))
                    .unwrap_or_default();
            let score = s.score.map(|n| n.to_string());
            let score = score.or_else(|| s.risk_level.as_ref().map(|r| format!("risk {r}")));
            let item9 = s.item9.map(|n| format!("item 9: {n}")).unwrap_or_default();
            (
                s,
                [s.instrument.clone(), at, score.unwrap_or_default(), item9],
            )
        })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    General,
    Substance,
}

/// Scores of screening and course (30954-2), without those of substance use.
pub fn scores(words: &Words<'_>) -> Section {
    // The total of a screening that is on record as a measurement stands there.
    let measured_too = |s: &Screening| {
        let mut all = words.episode.outcomes.iter();
        all.any(|o| o.questionnaire_response_id.as_ref() == Some(&s.id))
    };
    let screened = score_rows(words, Topic::General)
        .filter(|(s, _)| !measured_too(s))
        .map(|(_, row)| row);
    let measured = words.episode.outcomes.iter().map(|o| outcome_row(words, o));
    let html = Html::new().table(
        &["Instrument", "Date", "Score", "Remark"],
        screened.chain(measured),
    );
    let answers = score_rows(words, Topic::General);
    let answers = answers.map(|(s, _)| entry("QuestionnaireResponse", &s.id, ""));
    let outcomes = words
        .episode
        .outcomes
        .iter()
        .map(|o| entry("Observation", &o.id, ""));
    let entries = answers.chain(outcomes).collect();
    Section::new("30954-2", "Results", html, entries).or_none(words, "no score recorded")
}

fn outcome_row(words: &Words<'_>, o: &Outcome) -> [String; 4] {
    let score = match o.range.as_ref() {
        Some(range) => format!("{} ({}–{})", o.score, range.min, range.max),
        None => o.score.to_string(),
    };
    let item9 = o.item9.map(|n| format!("item 9: {n}"));
    let remark: Vec<String> = o.timing.clone().into_iter().chain(item9).collect();
    [
        o.instrument.clone(),
        words.day(o.at),
        score,
        remark.join(", "),
    ]
}

/// Substance use (29762-2): only where something was asked.
pub fn substance_use(words: &Words<'_>) -> Option<Section> {
    let rows: Vec<_> = score_rows(words, Topic::Substance).collect();
    if rows.is_empty() {
        return None;
    }
    let entries = rows
        .iter()
        .map(|(s, _)| entry("QuestionnaireResponse", &s.id, ""))
        .collect();
    let rows = rows.into_iter().map(|(_, row)| row);
    let html = Html::new().table(&["Instrument", "Date", "Score", "Remark"], rows);
    Some(Section::new("29762-2", "Substance use", html, entries))
}

/// Goals that the patient shares (61146-7).
pub fn goals(words: &Words<'_>) -> Section {
    let shared = || {
        let all = words.episode.intentions.iter();
        // An intention is the patient's own; only a measurable target belongs in a document.
        all.filter(|i| i.sharing != Sharing::PracticeOnly)
            .filter(|i| i.category == IntentionCategory::OutcomeTarget)
    };
    let html = Html::new().list(shared().map(|i| i.text.clone()));
    let entries = shared().map(|i| entry("Goal", &i.id, "")).collect();
    Section::new("61146-7", "Goals", html, entries).or_none(words, "no shared goal")
}

/// Latest vital signs before dosing began (8716-3).
pub fn vital_signs<'a>(words: &Words<'_>, readings: impl Iterator<Item = &'a Vitals>) -> Section {
    let readings: Vec<_> = readings.collect();
    let rows = readings.iter().map(|v| {
        let bp = pressure(v).unwrap_or_else(|| "–".into());
        [
            words.stamp(v.at),
            bp,
            super::words::number(v.heart_rate.as_ref()),
            v.source.to_string(),
        ]
    });
    let html = Html::new().table(&["Local time", "BP mm[Hg]", "HR /min", "Source"], rows);
    let entries = readings.into_iter().flat_map(reading).collect();
    Section::new("8716-3", "Vital signs", html, entries).or_none(words, "none recorded")
}

/// The care team (85847-2).
pub fn team(words: &Words<'_>) -> Section {
    let rows = words.episode.care_team.iter().map(|m| {
        let phone: Vec<String> = m.telecom.iter().map(|t| t.value.clone()).collect();
        [
            m.name.clone(),
            m.role.to_string(),
            words.name(&m.organization_id),
            phone.join(", "),
        ]
    });
    let html = Html::new().table(&["Name", "Role", "Organization", "Contact"], rows);
    let entries = words.episode.care_team.iter();
    let entries = entries.map(|m| entry("Practitioner", &m.id, "")).collect();
    Section::new("85847-2", "Care team", html, entries).or_none(words, "none recorded")
}

/// Earlier treatment (47519-4): failed trials of the indications.
pub fn earlier_treatment(words: &Words<'_>) -> Section {
    let mut html = Html::new();
    let mut entries = vec![];
    for p in words.indications() {
        let Some(resistance) = p.treatment_resistance.as_ref() else {
            continue;
        };
        let tried = super::words::yes_no(resistance.psychotherapy_tried);
        html = html
            .fact(
                &problem(p),
                format!(
                    "{} adequate trials failed",
                    resistance.adequate_trials_failed
                ),
            )
            .fact("Psychotherapy tried", tried)
            .list(&resistance.trials);
        entries.push(entry("Condition", &p.id, ""));
    }
    Section::new("47519-4", "Earlier treatment", html, entries).or_none(words, "none recorded")
}

pub const ISSUE_HEAD: [&str; 4] = ["Issue", "Severity", "State", "Decided"];

/// An issue under [`ISSUE_HEAD`].
pub fn issue_row(i: &DetectedIssue) -> [String; 4] {
    let done: Vec<String> = i
        .mitigations
        .iter()
        .map(|m| match m.rationale.as_ref() {
            Some(why) => format!("{}: {why}", said(&m.action)),
            None => said(&m.action),
        })
        .collect();
    let what = i
        .detail
        .clone()
        .unwrap_or_else(|| term("kap-rule", &i.rule_id));
    [
        what,
        i.severity.to_string(),
        i.status.to_string(),
        done.join("; "),
    ]
}

/// Open issues and what was decided about them (75310-3).
pub fn issues(words: &Words<'_>, ids: Option<&[Id]>) -> Section {
    let wanted = |id: &Id| ids.is_none_or(|ids| ids.contains(id));
    let all = || {
        words
            .episode
            .detected_issues
            .iter()
            .filter(|i| wanted(&i.id))
    };
    let rows = all().map(issue_row);
    let html = Html::new().table(&ISSUE_HEAD, rows);
    let entries = all().map(|i| entry("DetectedIssue", &i.id, "")).collect();
    Section::new("75310-3", "Health concerns", html, entries).or_none(words, "none")
}
