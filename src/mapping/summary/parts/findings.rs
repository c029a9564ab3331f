//! Adverse events and findings, and what was done about them.

use super::super::words::{Words, plain, said, term};
use super::super::{Empty, Section, entry};
use crate::kap::base::Id;
use crate::kap::safety::{AdverseEvent, DetectedIssue, EventOutcome, IssueStatus};
use crate::mapping::narrative::Html;

/// How an event ended.
pub fn ended(outcome: EventOutcome) -> &'static str {
    match outcome {
        EventOutcome::ResolvedWithSequelae => "resolved with sequelae",
        other => other.code(),
    }
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
    .maybe(
        "Caused by ketamine",
        event.causality.map(|c| plain(c.code())),
    )
    .list(&event.interventions)
    .fact("Outcome", ended(event.outcome))
    .maybe("Resolved", event.resolved_at.map(|at| words.stamp(at)))
    .maybe("Reported by", Some(words.name(&event.reported_by)))
    .maybe(
        "Alert acknowledged",
        alert
            .and_then(|a| a.acknowledged_at)
            .map(|at| words.stamp(at)),
    )
}

const HEAD: [&str; 5] = ["Finding", "Severity", "Found", "State", "Decided"];

/// Adds findings as a table.
pub fn table<'a>(
    html: Html,
    words: &Words<'_>,
    findings: impl Iterator<Item = &'a DetectedIssue>,
) -> Html {
    html.table(&HEAD, findings.map(|i| row(words, i)))
}

fn row(words: &Words<'_>, i: &DetectedIssue) -> [String; 5] {
    let decided = i.mitigations.iter().map(|m| {
        let why = m.rationale.as_ref().map(|why| format!(": {why}"));
        let (who, at) = (words.name(&m.by), words.stamp(m.at));
        format!(
            "{}{} ({who}, {at})",
            said(&m.action),
            why.unwrap_or_default()
        )
    });
    let decided: Vec<String> = decided.collect();
    let state = match i.status {
        IssueStatus::Preliminary => "OPEN, for clinician review",
        IssueStatus::Final => "closed without action",
        IssueStatus::Mitigated => "decided",
        IssueStatus::EnteredInError => "entered in error",
    };
    let what = i.detail.clone();
    [
        what.unwrap_or_else(|| term("kap-rule", &i.rule_id)),
        i.severity.to_string(),
        words.day(i.identified_at),
        state.into(),
        decided.join("; "),
    ]
}

/// The findings and what was decided about them (75310-3).
pub fn section(words: &Words<'_>) -> Section {
    let html = table(Html::new(), words, words.findings());
    let entries = words.findings();
    let entries = entries.map(|i| entry("DetectedIssue", &i.id, "")).collect();
    Section::new("75310-3", "Health concerns", html, entries).or_none(
        words,
        "none found",
        Empty::NilKnown,
    )
}

/// The adverse events of the course, and the findings of high severity about its doses (55109-3).
pub fn complications(words: &Words<'_>) -> Section {
    let events = || {
        let all = words.episode.adverse_events.iter();
        all.filter(|e| e.entered_in_error != Some(true))
    };
    let about_dosing = |id: &Id| {
        let dosing = words.episode.sessions.iter().filter(|s| s.dosing.is_some());
        let mut doses = words.episode.doses();
        doses.any(|d| d.id == *id) || dosing.into_iter().any(|s| s.id == *id)
    };
    let grave = || words.grave(about_dosing);
    let html = events().fold(Html::new(), |html, e| event(html, words, e));
    let html = match events().next() {
        Some(_) => html,
        None => html.maybe("Adverse events", words.none("none")),
    };
    let html = table(html, words, grave());
    let entries = events().map(|e| entry("AdverseEvent", &e.id, ""));
    let found = grave().map(|i| entry("DetectedIssue", &i.id, ""));
    let entries = entries.chain(found).collect();
    Section::new("55109-3", "Complications", html, entries).or_none(words, "none", Empty::NilKnown)
}
