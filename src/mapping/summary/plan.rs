//! The plan (LOINC 18776-5) of each document.

use super::words::{Words, plain, term};
use super::{Empty, Entry, Section, entry, parts};
use crate::kap::base::Decimal;
use crate::kap::clearance::{Clearance, ConditionScope};
use crate::kap::dosing::{Dosing, Session, SessionStatus, SessionType};
use crate::kap::follow_up::{FollowUp, FollowUpStatus};
use crate::kap::ledger;
use crate::mapping::narrative::Html;

const PLAN: (&str, &str) = ("18776-5", "Plan");

/// After a dose: integration, the earliest next dose, what is left, what is due.
pub fn after_dose(words: &Words<'_>, session: &Session, dosing: &Dosing) -> Section {
    let mut entries = vec![];
    let mut html = Html::new();
    let next = |kind: SessionType| {
        let all = words.episode.sessions.iter();
        all.filter(|s| s.kind == kind && s.start > session.start)
            .filter(|s| s.status != SessionStatus::EnteredInError)
            .min_by_key(|s| s.start)
    };
    for (label, kind) in [
        ("Integration", SessionType::Integration),
        ("Next dosing session", SessionType::Dosing),
    ] {
        let Some(next) = next(kind) else { continue };
        html = html.fact(
            label,
            format!("{} ({})", words.stamp(next.start), next.status),
        );
        entries.push(session_entry(next));
    }
    html = html
        .maybe("Next dose not before", earliest(words, session, dosing))
        .maybe("Units", remaining(dosing));
    due(words, html, entries)
}

fn session_entry(session: &Session) -> Entry {
    match session.status {
        SessionStatus::Planned => entry("Appointment", &session.id, "-appt"),
        _ => entry("Encounter", &session.id, ""),
    }
}

fn clearance_of<'a>(words: &Words<'a>, dosing: &Dosing) -> Option<&'a Clearance> {
    let id = dosing.clearance_id.as_ref()?;
    words.episode.clearances.iter().find(|c| c.id == *id)
}

fn earliest(words: &Words<'_>, session: &Session, dosing: &Dosing) -> Option<String> {
    let days = clearance_of(words, dosing)?.min_days_between_sessions?;
    dosing.doses.iter().find(|d| ledger::given(d))?;
    let start: crate::kap::Day = words.day(session.start).parse().ok()?;
    Some(format!(
        "{} ({days} days between sessions)",
        start.plus_days(i64::from(days))
    ))
}

/// Counted before the session, used in it, left after it.
fn remaining(dosing: &Dosing) -> Option<String> {
    let counted = dosing.pre_dose_checklist.as_ref()?.lozenges_on_hand?;
    let given = dosing.doses.iter().filter(|d| ledger::given(d));
    let used = Decimal(given.filter_map(|d| d.units).map(|u| u.0).sum());
    let left = Decimal(counted.0 - used.0);
    Some(format!(
        "{counted} on hand before, {used} used, {left} remaining"
    ))
}

/// Adds the follow-ups that are open, and makes the section.
fn due(words: &Words<'_>, html: Html, mut entries: Vec<Entry>) -> Section {
    let open = |f: &&FollowUp| {
        use FollowUpStatus::{Open, Overdue, Scheduled};
        matches!(f.status, Open | Scheduled | Overdue)
    };
    let all = || words.episode.follow_ups.iter().filter(open);
    let rows = all().map(|f| {
        let what = term("kap-followup-kind", f.kind.code());
        [what, f.due_by.to_string(), f.status.to_string()]
    });
    let html = html.table(&["Follow-up", "Due by", "State"], rows);
    entries.extend(all().map(|f| entry("ServiceRequest", &f.id, "")));
    Section::new(PLAN.0, PLAN.1, html, entries).or_none(
        words,
        "nothing planned",
        Empty::Unavailable,
    )
}

/// What is due in the episode; once it has ended, what is left of the drug instead of what was planned.
pub fn of_episode(words: &Words<'_>) -> Section {
    let episode = words.episode;
    if episode.phase.is_terminal() {
        let dispenses = episode.dispenses.iter();
        let entries = dispenses.map(|d| entry("MedicationDispense", &d.id, ""));
        let entries: Vec<Entry> = entries.collect();
        let html = Html::new().maybe("Units on hand", on_hand(words));
        return due(words, html, entries);
    }
    let plan = episode.treatment_plan.as_ref();
    let range = plan.and_then(|p| p.planned_dosing_sessions.as_ref());
    let cadence = plan.and_then(|p| p.dosing_cadence.as_ref());
    let html = Html::new()
        .maybe(
            "Dosing sessions planned",
            range.map(|r| format!("{} to {}", r.min, r.max)),
        )
        .maybe(
            "Days between sessions",
            cadence.map(|c| c.every_days.to_string()),
        )
        .maybe("Maintenance", plan.and_then(|p| p.maintenance.as_ref()));
    let entries = plan
        .into_iter()
        .map(|p| entry("CarePlan", &p.id, ""))
        .collect();
    due(words, html, entries)
}

/// What remains of what was delivered, by one who sees every delivery.
fn on_hand(words: &Words<'_>) -> Option<String> {
    if words.episode.dispenses.is_empty() {
        return None;
    }
    let ledger = words.episode.ledger(words.at);
    let left = ledger
        .0
        .iter()
        .map(|(mg, balance)| (mg, balance.remaining()));
    let left: Vec<String> = left
        .filter(|(_, n)| *n != Decimal::ZERO)
        .map(|(mg, n)| format!("{n} of ketamine {mg} mg"))
        .collect();
    if left.is_empty() {
        return words.none("none");
    }
    words.none(&left.join(", "))
}

/// What an integration session agreed.
pub fn of_integration(words: &Words<'_>, session: &Session) -> Section {
    let integration = session.integration.as_ref();
    let updates = integration
        .and_then(|i| i.summary.as_ref())
        .and_then(|s| s.plan_updates.as_ref());
    let rows = integration.into_iter().flat_map(|i| &i.actions).map(|a| {
        let due = a.due.map(|day| day.to_string()).unwrap_or_default();
        [a.text.clone(), due, a.status.to_string()]
    });
    let html = Html::new()
        .maybe("Plan", updates)
        .table(&["Action", "Due", "State"], rows);
    let entries = vec![entry("QuestionnaireResponse", &session.id, "-integration")];
    due(words, html, entries)
}

/// The conditions, limits and follow-up of a clearance.
pub fn of_clearance(words: &Words<'_>, clearance: &Clearance) -> Section {
    let rows = clearance.conditions.iter().map(|c| {
        let met = match (c.satisfied_at, c.scope) {
            (Some(at), _) => words.day(at),
            (None, ConditionScope::EachSession) => "checked in each session".into(),
            (None, ConditionScope::Once) => "not yet".into(),
        };
        let before = if c.must_satisfy_before_dosing {
            "yes"
        } else {
            "no"
        };
        [c.text.clone(), plain(c.scope.code()), before.into(), met]
    });
    let reasons = clearance.deferral_reasons.iter().map(|r| {
        let owner = r
            .owner
            .as_ref()
            .map(|id| format!(" (to resolve: {})", words.name(id)));
        format!("{}{}", r.text, owner.unwrap_or_default())
    });
    let html = parts::clearance(Html::new(), words, clearance);
    let html = match clearance.vital_parameters.as_ref() {
        Some(limits) => parts::limits(html, limits),
        None => html,
    };
    let html = html
        .table(&["Condition", "How often", "Before dosing", "Met"], rows)
        .list(reasons);
    due(
        words,
        html,
        vec![entry("ClinicalImpression", &clearance.id, "")],
    )
}
