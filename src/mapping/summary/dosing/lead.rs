//! Document C, its first sentence: dose, pressure, discharge, events.

use super::super::words::{pressure, route, said};
use super::{Dosed, reason};
use crate::kap::dosing::{Discharge, Disposition, Dose, DoseStatus, PresenceMode, Timing};

impl Dosed<'_> {
    pub(super) fn doses_in_words(&self) -> String {
        let mut said: Vec<String> = vec![];
        for dose in self.given() {
            let at = self.words.clock(dose.at);
            said.push(match said.len() {
                0 => format!(
                    "ketamine {} mg {} at {at}",
                    dose.dose_mg,
                    route(&dose.route)
                ),
                _ => format!("plus {} {} mg at {at}", dose.kind, dose.dose_mg),
            });
        }
        let mut text = said.join(" ");
        if let Some(first) = self.given().next() {
            text.push_str(&self.performed(first));
        }
        for dose in self.doses().filter(|d| d.status == DoseStatus::NotDone) {
            if !text.is_empty() {
                text.push_str("; ");
            }
            let (at, why) = (self.words.clock(dose.at), reason(dose));
            text = format!("{text}{} dose NOT GIVEN at {at} ({why})", dose.kind);
        }
        if text.is_empty() {
            text.push_str("no dose recorded");
        }
        text
    }

    fn performed(&self, dose: &Dose) -> String {
        let by = match dose.performer.as_ref() {
            Some(id) if id.as_str() == "patient" => ", self-administered".into(),
            Some(id) => format!(", given by {}", self.words.name(id)),
            None => String::new(),
        };
        let how = self.session.therapist_presence.as_ref();
        let how = how.map(|p| match p.mode {
            PresenceMode::InRoom => " in the room",
            PresenceMode::Video => " by video",
            PresenceMode::Audio => " by audio",
            PresenceMode::ChaperoneOnly => " (chaperone only)",
        });
        match dose.witness_id.as_ref() {
            Some(id) => format!(
                "{by}, witnessed by {}{}",
                self.words.name(id),
                how.unwrap_or("")
            ),
            None => by,
        }
    }

    fn reading(&self, timings: &[Timing]) -> Option<String> {
        let mut found = self
            .dosing
            .vitals
            .iter()
            .filter(|v| timings.contains(&v.timing));
        found.rfind(|v| v.systolic.is_some()).and_then(pressure)
    }

    pub(super) fn pressures_in_words(&self) -> Option<String> {
        let before = self.reading(&[Timing::PreDose, Timing::PreDoseRecheck]);
        let end = self.reading(&[Timing::EndOfSession]);
        let before = before.map(|bp| format!("before {bp}"));
        let end = end.map(|bp| format!("at end {bp}"));
        let both: Vec<String> = before.into_iter().chain(end).collect();
        (!both.is_empty()).then(|| format!("BP {} mm[Hg]", both.join(", ")))
    }

    pub(super) fn discharge_in_words(&self, discharge: &Discharge) -> String {
        let at = self.words.clock(discharge.assessed_at);
        match (criteria_met(discharge), discharge.disposition) {
            (_, Disposition::AgainstAdvice) => format!("left AGAINST ADVICE {at}"),
            (true, _) => format!("discharge criteria met {at}"),
            (false, _) => format!("discharge criteria NOT met {at}"),
        }
    }

    pub(super) fn events_in_words(&self) -> Option<String> {
        let events: Vec<String> = self
            .words
            .events_of(&self.session.id)
            .map(|e| {
                let what: Vec<String> = e.events.iter().map(said).collect();
                format!(
                    "{} ({}, {}, {})",
                    what.join(", "),
                    e.severity,
                    e.seriousness,
                    e.outcome
                )
            })
            .collect();
        if events.is_empty() {
            return self.words.none("no adverse event");
        }
        Some(format!("ADVERSE EVENT: {}", events.join("; ")))
    }
}

/// Whether every criterion of discharge was met.
fn criteria_met(d: &Discharge) -> bool {
    d.criteria_met.unwrap_or(
        d.oriented_x4
            && d.gait_steady
            && d.nausea_controlled != Some(false)
            && d.dissociation_resolved
            && !d.suicidality_concern
            && d.vitals_within_parameters,
    )
}
