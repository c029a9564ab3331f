//! Dose and outcome over time.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Episode;
use super::base::{Day, Decimal, Id, Instant};
use super::dosing::{DoseLevel, Session};
use super::ledger::given;
use super::policy::Policy;

/// The way of one instrument from its baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trend {
    pub baseline: Decimal,
    pub latest: Decimal,
    /// Per cent, one decimal; negative is better.
    pub change_pct: Option<Decimal>,
    /// `None` where the policy says nothing of this instrument.
    pub response: Option<bool>,
    pub remission: Option<bool>,
}

/// A score before and after a dosing session.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Around {
    pub before: Option<Decimal>,
    pub after: Option<Decimal>,
}

/// One dosing session in the trend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrendRow {
    pub session_id: Id,
    pub sequence: u32,
    pub date: Day,
    pub mg: Decimal,
    pub level: DoseLevel,
    /// By instrument.
    pub scores: BTreeMap<String, Around>,
}

/// A score at a time, from a screening or an outcome.
struct Score<'a> {
    /// The screening that it is the total of, else the outcome.
    id: &'a Id,
    instrument: &'a str,
    at: Instant,
    value: Decimal,
}

impl Episode {
    /// Every score, oldest first; the total of a screening that is also an outcome counts once.
    fn scores(&self) -> Vec<Score<'_>> {
        let counted = |id: &Id| {
            let mut all = self.outcomes.iter();
            all.any(|o| o.questionnaire_response_id.as_ref() == Some(id))
        };
        let screened = self.screenings.iter().filter(|s| !counted(&s.id));
        let screened = screened.filter_map(|s| {
            Some(Score {
                id: &s.id,
                instrument: &s.instrument,
                at: s.at.or(s.authored)?,
                value: s.score?,
            })
        });
        let outcomes = self.outcomes.iter().map(|o| Score {
            id: o.questionnaire_response_id.as_ref().unwrap_or(&o.id),
            instrument: &o.instrument,
            at: o.at,
            value: o.score,
        });
        let mut all: Vec<_> = screened.chain(outcomes).collect();
        all.sort_by_key(|s| s.at);
        all
    }

    /// Baseline to latest of each instrument that was taken at least twice.
    #[must_use]
    pub fn outcome_trend(&self, policy: &Policy) -> BTreeMap<String, Trend> {
        let mut by: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
        for s in self.scores() {
            by.entry(s.instrument.to_owned()).or_default().push(s.value);
        }
        let twice = by.into_iter().filter(|(_, scores)| scores.len() > 1);
        twice
            .filter_map(|(name, scores)| {
                let trend = trend(
                    *scores.first()?,
                    *scores.last()?,
                    policy.measures.get(&name),
                );
                Some((name, trend))
            })
            .collect()
    }

    /// Scores that lie above the baseline, the first of their instrument, by the policy's points or more.
    pub(in crate::kap) fn worsened(&self, policy: &Policy) -> Vec<Id> {
        let mut baselines: BTreeMap<&str, Decimal> = BTreeMap::new();
        let mut out = vec![];
        for s in self.scores() {
            let baseline = *baselines.entry(s.instrument).or_insert(s.value);
            let measure = policy.measures.get(s.instrument);
            let points = measure.and_then(|m| m.worsening_points);
            if points.is_some_and(|n| s.value.0 - baseline.0 >= n.0) {
                out.push(s.id.clone());
            }
        }
        out
    }

    /// Whether the course was measured at its end: after the last dose a score was taken, of an instrument of which
    /// there is one from before the first dose, or of any where there is none. Without a dose there is nothing to
    /// measure.
    pub(in crate::kap) fn has_final_measure(&self) -> bool {
        let doses = self.sessions.iter().filter_map(Session::first_dose_at);
        let doses: Vec<Instant> = doses.collect();
        let (Some(first), Some(last)) = (doses.iter().min(), doses.iter().max()) else {
            return true;
        };
        let scores = self.scores();
        let before = scores.iter().filter(|s| s.at <= *first);
        let baseline: Vec<&str> = before.map(|s| s.instrument).collect();
        let counts = |s: &Score| baseline.is_empty() || baseline.contains(&s.instrument);
        scores.iter().any(|s| s.at > *last && counts(s))
    }

    /// Dose, level and scores of each dosing session in which a dose was given.
    #[must_use]
    pub fn trends(&self) -> Vec<TrendRow> {
        let calendar = self.calendar();
        let scores = self.scores();
        let dosed = |s: &Session| s.first_dose_at();
        let mut sessions: Vec<_> = self
            .sessions
            .iter()
            .filter_map(|s| Some((dosed(s)?, s)))
            .collect();
        sessions.sort_by_key(|(at, _)| *at);
        let mut rows = vec![];
        for (n, (at, session)) in sessions.iter().enumerate() {
            let Some(dosing) = &session.dosing else {
                continue;
            };
            let until = sessions.get(n + 1).map(|(next, _)| *next);
            let mg = dosing
                .doses
                .iter()
                .filter(|d| given(d))
                .map(|d| d.dose_mg.0)
                .sum();
            rows.push(TrendRow {
                session_id: session.id.clone(),
                sequence: dosing.sequence,
                date: calendar.day(*at),
                mg: Decimal(mg),
                level: dosing.dose_level,
                scores: around(&scores, *at, until),
            });
        }
        rows
    }
}

/// The last score before a dose, and the last one between it and the next.
fn around(scores: &[Score], dose: Instant, next: Option<Instant>) -> BTreeMap<String, Around> {
    let mut out: BTreeMap<String, Around> = BTreeMap::new();
    for s in scores {
        let entry = out.entry(s.instrument.to_owned()).or_default();
        if s.at <= dose {
            entry.before = Some(s.value);
        } else if next.is_none_or(|next| s.at <= next) {
            entry.after = Some(s.value);
        }
    }
    out
}

fn trend(baseline: Decimal, latest: Decimal, measure: Option<&super::policy::Measure>) -> Trend {
    let hundred = rust_decimal::Decimal::ONE_HUNDRED;
    let change = (baseline != Decimal::ZERO)
        .then(|| Decimal(((latest.0 - baseline.0) / baseline.0 * hundred).round_dp(1)));
    Trend {
        baseline,
        latest,
        change_pct: change,
        response: measure
            .and_then(|m| m.response_pct)
            .zip(change)
            .map(|(fall, c)| c.0 <= -fall.0),
        remission: measure
            .and_then(|m| m.remission_below)
            .map(|limit| latest < limit),
    }
}
