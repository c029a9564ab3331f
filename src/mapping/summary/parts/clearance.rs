//! Lines of a clearance decision: what was decided, whether it still stands, within which limits.

use super::super::words::{Words, term};
use crate::kap::base::Decimal;
use crate::kap::clearance::{Clearance, VitalLimits, VitalParameters};
use crate::mapping::narrative::Html;

/// The decision that took the place of this one.
pub fn successor<'a>(words: &Words<'a>, clearance: &Clearance) -> Option<&'a Clearance> {
    let mut all = words.episode.clearances.iter();
    all.find(|c| c.supersedes.as_ref() == Some(&clearance.id))
}

/// That a decision does not stand any more: revoked, or superseded by another.
pub fn fallen(words: &Words<'_>, clearance: &Clearance) -> Option<String> {
    if let Some(at) = clearance.revoked_at {
        let why = clearance.revoked_reason.as_ref();
        let why = why.map(|why| format!(" ({why})"));
        return Some(format!(
            "REVOKED {}{}",
            words.stamp(at),
            why.unwrap_or_default()
        ));
    }
    let next = successor(words, clearance)?;
    Some(format!(
        "SUPERSEDED by the decision of {}",
        words.stamp(next.decided_at)
    ))
}

/// Adds a clearance: decision, validity, limits.
pub fn clearance(html: Html, words: &Words<'_>, clearance: &Clearance) -> Html {
    let decision = term("kap-clearance-decision", clearance.decision.code());
    let by = words.name(&clearance.decided_by);
    let until = clearance
        .valid_until
        .map(|day| format!("{} to {day}", clearance.effective_from));
    let listed = |list: Vec<String>| (!list.is_empty()).then(|| list.join(", "));
    let settings = clearance.settings_allowed.iter();
    let settings = settings.map(|s| term("kap-session-setting", s.code()));
    let routes = clearance.routes_allowed.iter().map(ToString::to_string);
    html.fact(
        "Clearance",
        format!("{decision}, {} by {by}", words.stamp(clearance.decided_at)),
    )
    .maybe("No longer in force", fallen(words, clearance))
    .maybe("Valid", until)
    .maybe("Review by", clearance.review_by.map(|day| day.to_string()))
    .maybe(
        "Highest dose per session",
        clearance
            .dose_ceiling_mg_per_session
            .map(|n| format!("{n} mg")),
    )
    .maybe("Settings", listed(settings.collect()))
    .maybe("Routes", listed(routes.collect()))
    .maybe(
        "Sessions in 7 days, at most",
        clearance.max_sessions_per7_days.map(|n| n.to_string()),
    )
    .maybe(
        "Days between sessions, at least",
        clearance.min_days_between_sessions.map(|n| n.to_string()),
    )
}

/// Adds the limits of vital signs.
pub fn limits(html: Html, limits: &VitalParameters) -> Html {
    let minutes = |n: Option<u32>| n.map(|n| format!("{n} min"));
    html.maybe(
        "Limits before dosing",
        limits.pre_dose.as_ref().and_then(bounds),
    )
    .maybe(
        "Limits at end",
        limits.end_of_session.as_ref().and_then(bounds),
    )
    .maybe("Lowest SpO2", limits.spo2_min.map(|n| format!("{n} %")))
    .maybe("Recheck after", minutes(limits.recheck_after_minutes))
    .maybe(
        "Rechecks, at most",
        limits.max_rechecks.map(|n| n.to_string()),
    )
    .maybe(
        "Age of the reading before dosing, at most",
        minutes(limits.max_age_minutes_pre_dose),
    )
}

fn bounds(limits: &VitalLimits) -> Option<String> {
    let bound = |name: &str, low: Option<Decimal>, high: Option<Decimal>, unit: &str| {
        let text = match (low, high) {
            (Some(a), Some(b)) => format!("{name} {a}–{b} {unit}"),
            (Some(a), None) => format!("{name} ≥ {a} {unit}"),
            (None, Some(b)) => format!("{name} ≤ {b} {unit}"),
            (None, None) => return None,
        };
        Some(text)
    };
    let l = limits;
    let all: Vec<String> = [
        bound("systolic", l.systolic_min, l.systolic_max, "mm[Hg]"),
        bound("diastolic", l.diastolic_min, l.diastolic_max, "mm[Hg]"),
        bound("heart rate", l.heart_rate_min, l.heart_rate_max, "/min"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!all.is_empty()).then(|| all.join(", "))
}
