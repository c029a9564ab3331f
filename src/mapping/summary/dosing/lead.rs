//! Document C, its first sentence: dose, pressure, discharge, events.

use super::super::parts::{findings, measures};
use super::super::words::{pressure, route, said};
use super::{Dosed, reason};
use crate::kap::dosing::{Discharge, Disposition, Dose, DoseStatus, PresenceMode, Timing};

impl Dosed<'_> {
    pub(super) fn doses_in_words(&self) -> String {
        let given: Vec<&Dose> = self.given().collect();
        let mut text = String::new();
        for (n, dose) in given.iter().enumerate() {
            let before = n.checked_sub(1).and_then(|n| given.get(n));
            text.push_str(&self.dose_in_words(dose, before.copied()));
            // Who gave and saw them is said once for doses that were given alike.
            let next = given.get(n + 1);
            if next.is_none_or(|next| !alike(dose, next)) {
                text.push_str(&self.performed(dose));
            }
        }
        let withheld = self.doses().filter_map(|d| {
            let what = match d.status {
                DoseStatus::NotDone => "NOT GIVEN",
                DoseStatus::OnHold => "ON HOLD, not given",
                _ => return None,
            };
            let (at, why) = (self.words.clock(d.at), reason(d));
            Some(format!("{} dose {what} at {at} ({why})", d.kind))
        });
        let said = (!text.is_empty()).then_some(text);
        let said: Vec<String> = said.into_iter().chain(withheld).collect();
        if said.is_empty() {
            return "no dose recorded".into();
        }
        said.join("; ")
    }

    /// `ketamine 200 mg sublingual at 10:03 PDT`, ` plus booster 100 mg at 10:22 PDT`.
    fn dose_in_words(&self, dose: &Dose, before: Option<&Dose>) -> String {
        let (mg, at) = (dose.dose_mg, self.words.clock(dose.at));
        let way = route(&dose.route);
        let text = match before {
            None => format!("ketamine {mg} mg {way} at {at}"),
            Some(before) if route(&before.route) == way => {
                format!(" plus {} {mg} mg at {at}", dose.kind)
            }
            Some(_) => format!(" plus {} {mg} mg {way} at {at}", dose.kind),
        };
        match dose.status {
            DoseStatus::Stopped => format!("{text} (STOPPED: {})", reason(dose)),
            DoseStatus::InProgress => format!("{text} (not finished)"),
            _ => text,
        }
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
            // How the therapist was there says nothing of another witness.
            Some(id) if *id == self.session.lead_id => {
                format!(
                    "{by}, witnessed by {}{}",
                    self.words.name(id),
                    how.unwrap_or_default()
                )
            }
            Some(id) => format!("{by}, witnessed by {}", self.words.name(id)),
            None => by,
        }
    }

    /// The last blood pressure of these timings.
    fn reading(&self, timings: &[Timing]) -> Option<String> {
        let found = measures::in_order(&self.dosing.vitals);
        let mut found = found.into_iter().filter(|v| timings.contains(&v.timing));
        found.rfind(|v| pressure(v).is_some()).and_then(pressure)
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
                    findings::ended(e.outcome)
                )
            })
            .collect();
        if events.is_empty() {
            return self.words.none("no adverse event");
        }
        Some(format!("ADVERSE EVENT: {}", events.join("; ")))
    }
}

/// Whether two doses were given in the same way, by and before the same people.
fn alike(a: &Dose, b: &Dose) -> bool {
    a.performer == b.performer && a.witness_id == b.witness_id
}

/// Whether every criterion of discharge was met: what was assessed counts, not what was said of it.
fn criteria_met(d: &Discharge) -> bool {
    d.oriented_x4
        && d.gait_steady
        && d.nausea_controlled != Some(false)
        && d.dissociation_resolved
        && !d.suicidality_concern
        && d.vitals_within_parameters
}
