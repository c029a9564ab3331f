//! Document C: what happened in a dosing session (LOINC 78472-8), for a reader who was not there.

use super::words::{Words, number, pressure, problem, route, said, term};
use super::{Section, entry};
use crate::kap::base::Decimal;
use crate::kap::clearance::{Clearance, ClearanceCondition, VitalLimits};
use crate::kap::dosing::{
    Discharge, Disposition, Dose, DoseStatus, Dosing, PresenceMode, Session, Timing, Vitals,
};
use crate::mapping::narrative::Html;

/// The session, and the words for it.
pub(super) struct Dosed<'a> {
    pub(super) words: &'a Words<'a>,
    pub(super) session: &'a Session,
    pub(super) dosing: &'a Dosing,
}

/// The document's first sentence: dose, pressure, discharge, events.
pub fn lead(words: &Words<'_>, session: &Session) -> Option<String> {
    let dosing = session.dosing.as_ref()?;
    let dosed = Dosed {
        words,
        session,
        dosing,
    };
    let mut parts = vec![dosed.doses_in_words()];
    parts.extend(dosed.pressures_in_words());
    parts.extend(
        dosing
            .discharge
            .as_ref()
            .map(|d| dosed.discharge_in_words(d)),
    );
    parts.extend(dosed.events_in_words());
    Some(format!(
        "Session {}: {}.",
        dosing.sequence,
        parts.join("; ")
    ))
}

/// The sections, in the order of the domain reference §7.
pub fn sections(words: &Words<'_>, session: &Session) -> Vec<Section> {
    let Some(dosing) = session.dosing.as_ref() else {
        return vec![];
    };
    let dosed = Dosed {
        words,
        session,
        dosing,
    };
    let mut sections = vec![
        dosed.indications(),
        dosed.medications(),
        dosed.vital_signs(),
        dosed.procedure(),
    ];
    sections.extend(dosed.sedation());
    sections.push(dosed.complications());
    sections.push(dosed.disposition());
    sections.push(dosed.mental_status());
    sections.push(dosed.instructions());
    sections.push(super::plan::after_dose(words, session, dosing));
    sections
}

impl<'a> Dosed<'a> {
    fn given(&self) -> impl Iterator<Item = &'a Dose> {
        let given = |d: &&Dose| !matches!(d.status, DoseStatus::NotDone | DoseStatus::OnHold);
        self.doses().filter(given)
    }

    fn doses(&self) -> impl Iterator<Item = &'a Dose> {
        let all = self.dosing.doses.iter();
        all.filter(|d| d.status != DoseStatus::EnteredInError)
    }

    pub(super) fn clearance(&self) -> Option<&'a Clearance> {
        let id = self.dosing.clearance_id.as_ref()?;
        self.words.episode.clearances.iter().find(|c| c.id == *id)
    }

    fn doses_in_words(&self) -> String {
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

    fn pressures_in_words(&self) -> Option<String> {
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

    fn events_in_words(&self) -> Option<String> {
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

    fn indications(&self) -> Section {
        let words = self.words;
        let mut html = Html::new();
        let mut entries = vec![];
        for indication in words.indications() {
            html = html.fact("Indication", problem(indication));
            entries.push(entry("Condition", &indication.id, ""));
        }
        if let Some(clearance) = self.clearance() {
            entries.push(entry("ClinicalImpression", &clearance.id, ""));
            html = super::parts::clearance(html, words, clearance);
            let rows = clearance.conditions.iter().map(|c| self.condition(c));
            html = html.table(&["Condition", "Today"], rows);
        }
        Section::new("59768-2", "Procedure indications", html, entries)
    }

    fn condition(&self, condition: &ClearanceCondition) -> [String; 2] {
        let checked = self.dosing.pre_dose_checklist.as_ref();
        let held = checked.and_then(|c| {
            c.holds_followed
                .iter()
                .find(|h| h.condition_id == condition.id)
        });
        let chaperone = checked.and_then(|c| c.chaperone.as_ref());
        let state = match (held, condition.satisfied_at) {
            (Some(h), _) => {
                let note = h
                    .note
                    .as_ref()
                    .map(|n| format!(" – {n}"))
                    .unwrap_or_default();
                format!(
                    "{}{note}",
                    if h.followed {
                        "followed"
                    } else {
                        "NOT followed"
                    }
                )
            }
            (None, Some(at)) => format!("met {}", self.words.day(at)),
            (None, None) if condition.code == "adult-chaperone-present" => match chaperone {
                Some(c) => format!("met: {} present", self.words.name(&c.related_person_id)),
                None => "no chaperone recorded".into(),
            },
            (None, None) => "not documented".into(),
        };
        [condition.text.clone(), state]
    }

    fn medications(&self) -> Section {
        let id = self.dosing.prescription_id.as_ref();
        let mut prescriptions = self.words.episode.prescriptions.iter();
        let prescription = prescriptions.find(|p| Some(&p.id) == id);
        let drug = prescription.map_or("ketamine", |p| p.drug_text.as_str());
        let rows = self.doses().map(|dose| self.dose_row(dose, drug));
        let head = [
            "Local time",
            "Drug",
            "Dose",
            "Route",
            "Kind",
            "Given by",
            "Witness",
            "Notes",
        ];
        let total: Decimal = Decimal(self.given().map(|d| d.dose_mg.0).sum());
        let html = Html::new()
            .table(&head, rows)
            .fact("Total given", format!("{total} mg"))
            .fact(
                "Planned",
                format!(
                    "{} mg ({})",
                    self.dosing.planned_dose_mg,
                    term("kap-dose-level", self.dosing.dose_level.code())
                ),
            )
            .maybe("ABOVE THE MAXIMUM", self.excess(total));
        let html = match self.doses().next() {
            Some(_) => html,
            None => Html::new().maybe("Doses", self.words.none("none given")),
        };
        let entries = self
            .doses()
            .map(|d| entry("MedicationAdministration", &d.id, ""))
            .collect();
        Section::new("29549-3", "Medications administered", html, entries)
    }

    /// What to say where more was given than prescription and clearance allow.
    fn excess(&self, total: Decimal) -> Option<String> {
        let first = self.given().next()?;
        let max = self.words.episode.maximum(self.session, first.at)?;
        (total > max).then(|| format!("{total} mg given, at most {max} mg per session allowed"))
    }

    fn dose_row(&self, dose: &Dose, drug: &str) -> [String; 8] {
        let name =
            |id: Option<&crate::kap::Id>| id.map(|id| self.words.name(id)).unwrap_or_default();
        let by = match dose.performer.as_ref() {
            Some(id) if id.as_str() == "patient" => "self-administered".into(),
            other => name(other),
        };
        let amount = match dose.status {
            DoseStatus::NotDone | DoseStatus::OnHold => format!("NOT GIVEN: {}", reason(dose)),
            DoseStatus::Stopped => format!("{} mg, stopped: {}", dose.dose_mg, reason(dose)),
            _ => format!("{} mg", dose.dose_mg),
        };
        let units = dose.units.map(crate::mapping::dosing::units);
        let held = dose.hold_minutes.map(|m| format!("held {m} min"));
        let out = dose.expectorated.map(|e| {
            if e {
                "expectorated"
            } else {
                "not expectorated"
            }
        });
        let notes: Vec<String> = units
            .into_iter()
            .chain(held)
            .chain(out.map(str::to_owned))
            .chain(dose.site.clone())
            .chain(
                dose.held_by
                    .as_ref()
                    .map(|id| format!("held by {}", self.words.name(id))),
            )
            .collect();
        [
            self.words.clock(dose.at),
            drug.to_owned(),
            amount,
            route(&dose.route),
            dose.kind.to_string(),
            by,
            name(dose.witness_id.as_ref()),
            notes.join(", "),
        ]
    }

    fn vital_signs(&self) -> Section {
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
        let entries = self
            .dosing
            .vitals
            .iter()
            .flat_map(super::parts::reading)
            .collect();
        Section::new("8716-3", "Vital signs", html, entries)
    }

    fn procedure(&self) -> Section {
        let session = self.session;
        let minutes = session.end.map(|end| end.minutes_since(session.start));
        let presence = session
            .therapist_presence
            .as_ref()
            .map(|p| p.mode.to_string());
        let chaperone = self.dosing.pre_dose_checklist.as_ref();
        let chaperone = chaperone.and_then(|c| c.chaperone.as_ref());
        let effects = self.dosing.effects.as_ref();
        let minute = |n: Option<Decimal>| n.map(|n| format!("{n} min after the first dose"));
        let peak = effects.and_then(|e| match (e.peak_from_minutes, e.peak_to_minutes) {
            (Some(a), Some(b)) => Some(format!("{a} to {b} min after the first dose")),
            (a, b) => minute(a.or(b)),
        });
        let html = Html::new()
            .fact("Began", self.words.stamp(session.start))
            .maybe("Duration", minutes.map(|m| format!("{m} min")))
            .fact(
                "Setting",
                term("kap-session-setting", session.setting.code()),
            )
            .fact("Lead", self.words.name(&session.lead_id))
            .maybe("Therapist's presence", presence)
            .maybe(
                "Chaperone",
                chaperone.map(|c| self.words.name(&c.related_person_id)),
            )
            .maybe("Onset", minute(effects.and_then(|e| e.onset_minutes)))
            .maybe("Peak", peak)
            .maybe(
                "Resolution",
                minute(effects.and_then(|e| e.resolved_minutes)),
            )
            .maybe("Session became", self.dosing.converted_to.as_ref())
            .maybe("Result", self.dosing.outcome.map(|o| o.to_string()));
        let mut entries = vec![
            entry("Encounter", &session.id, ""),
            entry("Procedure", &session.id, "-proc"),
        ];
        entries.extend(
            ["-onset", "-peak", "-resolution"].map(|s| entry("Observation", &session.id, s)),
        );
        Section::new("29554-3", "Procedure description", html, entries)
    }

    fn sedation(&self) -> Option<Section> {
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

fn reason(dose: &Dose) -> String {
    let Some(reason) = dose.status_reason.as_ref() else {
        return "no reason recorded".into();
    };
    let what = term("kap-dose-not-given-reason", &reason.code);
    match reason.text.as_ref() {
        Some(text) => format!("{what}: {text}"),
        None => what,
    }
}

/// Whether every criterion of discharge was met.
pub(super) fn criteria_met(d: &Discharge) -> bool {
    d.criteria_met.unwrap_or(
        d.oriented_x4
            && d.gait_steady
            && d.nausea_controlled != Some(false)
            && d.dissociation_resolved
            && !d.suicidality_concern
            && d.vitals_within_parameters,
    )
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

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
