//! Document C, the measurements: vital signs against their limits, and sedation.

use super::super::words::{number, pressure, term};
use super::super::{Section, entry, parts};
use super::Dosed;
use crate::kap::base::Decimal;
use crate::kap::clearance::VitalLimits;
use crate::kap::dosing::Vitals;
use crate::mapping::narrative::Html;

impl Dosed<'_> {
    pub(super) fn vital_signs(&self) -> Section {
        let head = [
            "Local time",
            "Timing",
            "BP mm[Hg]",
            "HR /min",
            "SpO2 %",
            "RR /min",
            "Source",
        ];
        let rows = self.dosing.vitals.iter().map(|v| {
            let device = v.device.clone().unwrap_or_else(|| v.source.to_string());
            [
                self.words.clock(v.at),
                term("kap-session-timing", v.timing.code()),
                flagged(v),
                number(v.heart_rate.as_ref()),
                number(v.spo2.as_ref()),
                number(v.respiratory_rate.as_ref()),
                device,
            ]
        });
        let mut html = Html::new().table(&head, rows);
        let limits = self.clearance().and_then(|c| c.vital_parameters.as_ref());
        if let Some(limits) = limits {
            html = html
                .maybe(
                    "Limits before dosing",
                    limits.pre_dose.as_ref().and_then(limit),
                )
                .maybe(
                    "Limits at end",
                    limits.end_of_session.as_ref().and_then(limit),
                )
                .maybe("Lowest SpO2", limits.spo2_min.map(|n| format!("{n} %")))
                .maybe(
                    "Recheck after",
                    limits.recheck_after_minutes.map(|n| format!("{n} min")),
                );
        }
        if self.dosing.vitals.is_empty() {
            html = html.maybe("Vital signs", self.words.none("none recorded"));
        }
        let entries = self.dosing.vitals.iter().flat_map(parts::reading).collect();
        Section::new("8716-3", "Vital signs", html, entries)
    }

    pub(super) fn sedation(&self) -> Option<Section> {
        let scored = || {
            self.dosing
                .vitals
                .iter()
                .filter_map(|v| Some((v, v.moaas?)))
        };
        scored().next()?;
        let rows = scored().map(|(v, score)| {
            let timing = term("kap-session-timing", v.timing.code());
            [self.words.clock(v.at), timing, format!("{score} of 5")]
        });
        let html = Html::new().table(&["Local time", "Timing", "MOAA/S (5 = alert)"], rows);
        let entries = scored()
            .map(|(v, _)| entry("Observation", &v.id, "-moaas"))
            .collect();
        Some(Section::new(
            "59774-0",
            "Anesthesia (sedation)",
            html,
            entries,
        ))
    }
}

fn flagged(vitals: &Vitals) -> String {
    let bp = pressure(vitals).unwrap_or_else(|| "–".into());
    match vitals.interpretation.as_ref() {
        Some(code) => format!("{bp} [{code}]"),
        None => bp,
    }
}

fn limit(limits: &VitalLimits) -> Option<String> {
    let bound = |name: &str, low: Option<Decimal>, high: Option<Decimal>| match (low, high) {
        (Some(a), Some(b)) => Some(format!("{name} {a}–{b}")),
        (Some(a), None) => Some(format!("{name} ≥ {a}")),
        (None, Some(b)) => Some(format!("{name} ≤ {b}")),
        (None, None) => None,
    };
    let all: Vec<String> = [
        bound("systolic", limits.systolic_min, limits.systolic_max),
        bound("diastolic", limits.diastolic_min, limits.diastolic_max),
        bound("heart rate", limits.heart_rate_min, limits.heart_rate_max),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!all.is_empty()).then(|| all.join(", "))
}
