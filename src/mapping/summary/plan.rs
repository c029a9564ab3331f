//! The plan (LOINC 18776-5) of each document.

use super::words::{Words, term};
use super::{Entry, Section, entry};
use crate::kap::base::Decimal;
use crate::kap::clearance::Clearance;
use crate::kap::dosing::{DoseStatus, Dosing, Session, SessionStatus, SessionType};
use crate::kap::follow_up::{FollowUp, FollowUpStatus};
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
    let given = |s: &DoseStatus| !matches!(s, DoseStatus::NotDone | DoseStatus::OnHold);
    dosing.doses.iter().find(|d| given(&d.status))?;
    let start: crate::kap::Day = words.day(session.start).parse().ok()?;
    Some(format!(
        "{} ({days} days between sessions)",
        start.plus_days(i64::from(days))
    ))
}

/// Counted before the session, used in it, left after it.
fn remaining(dosing: &Dosing) -> Option<String> {
    let counted = dosing.pre_dose_checklist.as_ref()?.lozenges_on_hand?;
    let used: Decimal = Decimal(
        dosing
            .doses
            .iter()
            .filter_map(|d| d.units)
            .map(|u| u.0)
            .sum(),
    );
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
    Section::new(PLAN.0, PLAN.1, html, entries).or_none(words, "nothing planned")
}

/// What is due in the episode.
pub fn of_episode(words: &Words<'_>) -> Section {
    let plan = words.episode.treatment_plan.as_ref();
    let range = plan.and_then(|p| p.planned_dosing_sessions.as_ref());
    let html = Html::new()
        .maybe(
            "Dosing sessions",
            range.map(|r| format!("{} to {}", r.min, r.max)),
        )
        .maybe(
            "Days between",
            plan.and_then(|p| p.dosing_cadence.as_ref())
                .map(|c| c.every_days.to_string()),
        )
        .maybe("Maintenance", plan.and_then(|p| p.maintenance.as_ref()));
    let entries = plan
        .into_iter()
        .map(|p| entry("CarePlan", &p.id, ""))
        .collect();
    due(words, html, entries)
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
        let met = c.satisfied_at.map(|at| words.day(at)).unwrap_or_default();
        let before = if c.must_satisfy_before_dosing {
            "yes"
        } else {
            "no"
        };
        [c.text.clone(), c.scope.to_string(), before.into(), met]
    });
    let reasons = clearance.deferral_reasons.iter().map(|r| {
        let owner = r
            .owner
            .as_ref()
            .map(|id| format!(" (to resolve: {})", words.name(id)));
        format!("{}{}", r.text, owner.unwrap_or_default())
    });
    let html = super::parts::clearance(Html::new(), words, clearance)
        .table(&["Condition", "How often", "Before dosing", "Met"], rows)
        .list(reasons);
    due(
        words,
        html,
        vec![entry("ClinicalImpression", &clearance.id, "")],
    )
}
