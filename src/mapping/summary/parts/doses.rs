//! The doses of the whole course, as a table.

use super::super::words::{Words, route, term};
use super::super::{Empty, Section, entry};
use crate::kap::base::{Decimal, Instant};
use crate::kap::dosing::{Dose, DoseStatus, Dosing, Session, SessionStatus};
use crate::kap::ledger;
use crate::mapping::narrative::Html;
use crate::mapping::summary::dosing::amount;

/// What was given in a session, and the most that was allowed where it was more.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    pub mg: Decimal,
    /// The maximum of prescription and clearance, where it was exceeded.
    pub above: Option<Decimal>,
}

/// The doses that stand, in the order in which they were given.
pub fn standing(dosing: &Dosing) -> Vec<&Dose> {
    let all = dosing.doses.iter();
    let mut doses: Vec<_> = all
        .filter(|d| d.status != DoseStatus::EnteredInError)
        .collect();
    doses.sort_by_key(|d| d.at);
    doses
}

/// What a session's doses come to; `None` where nothing was given.
pub fn total(words: &Words<'_>, session: &Session) -> Option<Total> {
    let doses = standing(session.dosing.as_ref()?);
    let given: Vec<_> = doses.into_iter().filter(|d| ledger::given(d)).collect();
    let mg = Decimal(given.iter().map(|d| d.dose_mg.0).sum());
    let max = words.episode.maximum(session, given.first()?.at);
    Some(Total {
        mg,
        above: max.filter(|max| mg > *max),
    })
}

/// The dosing sessions, in the order of their times.
pub fn sessions<'a>(words: &Words<'a>) -> Vec<&'a Session> {
    let all = words.episode.sessions.iter();
    let stands = |s: &&Session| s.dosing.is_some() && s.status != SessionStatus::EnteredInError;
    let mut dosing: Vec<_> = all.filter(stands).collect();
    dosing.sort_by_key(|s| s.start);
    dosing
}

/// The doses up to `until` (29549-3).
pub fn section(words: &Words<'_>, until: Instant) -> Section {
    let (mut rows, mut entries) = (vec![], vec![]);
    for session in sessions(words) {
        let Some(dosing) = session.dosing.as_ref() else {
            continue;
        };
        let doses: Vec<_> = standing(dosing);
        let doses: Vec<_> = doses.into_iter().filter(|d| d.at <= until).collect();
        let total = total(words, session);
        let last = doses.len().saturating_sub(1);
        for (n, dose) in doses.into_iter().enumerate() {
            let in_all = total.filter(|_| n == last).map(|t| match t.above {
                Some(max) => format!("{} mg, ABOVE THE MAXIMUM of {max} mg", t.mg),
                None => format!("{} mg", t.mg),
            });
            rows.push([
                dosing.sequence.to_string(),
                words.stamp(dose.at),
                dose.kind.to_string(),
                amount(dose),
                route(&dose.route),
                term("kap-dose-level", dosing.dose_level.code()),
                in_all.unwrap_or_default(),
            ]);
            entries.push(entry("MedicationAdministration", &dose.id, ""));
        }
    }
    let head = [
        "Session",
        "Local time",
        "Kind",
        "Ketamine",
        "Route",
        "Level",
        "Session's total",
    ];
    let html = Html::new().table(&head, rows);
    Section::new("29549-3", "Medications administered", html, entries).or_none(
        words,
        "no dose given",
        Empty::NilKnown,
    )
}
