//! Document C, what followed the dose: complications, discharge, instructions.

use super::super::parts::{self, findings};
use super::super::words::{said, yes_no};
use super::super::{Empty, Entry, Section, entry};
use super::Dosed;
use crate::kap::Id;
use crate::kap::dosing::Disposition;
use crate::mapping::narrative::Html;

impl Dosed<'_> {
    pub(super) fn complications(&self) -> Section {
        let words = self.words;
        let mut html = Html::new();
        let mut entries = vec![];
        for event in words.events_of(&self.session.id) {
            html = findings::event(html, words, event);
            entries.push(entry("AdverseEvent", &event.id, ""));
        }
        let minute = |n: Option<i64>| n.map_or_else(|| "–".into(), |n| n.to_string());
        let rows = self.dosing.side_effects.iter().map(|e| {
            let action = e.action.clone().unwrap_or_default();
            let severity = e.severity.to_string();
            [
                said(&e.code),
                severity,
                minute(e.onset_minute),
                minute(e.resolved_minute),
                action,
            ]
        });
        let head = [
            "Side effect",
            "Severity",
            "Onset (min)",
            "Resolved (min)",
            "Action",
        ];
        html = html.table(&head, rows);
        entries.extend(
            self.dosing
                .side_effects
                .iter()
                .map(|e| entry("Observation", &e.id, "")),
        );
        // Findings of high severity about this session, a dose or a reading of it.
        let about = |id: &Id| {
            *id == self.session.id
                || self.dosing.doses.iter().any(|dose| dose.id == *id)
                || self.dosing.vitals.iter().any(|reading| reading.id == *id)
        };
        html = findings::table(html, words, words.grave(about));
        entries.extend(
            words
                .grave(about)
                .map(|i| entry("DetectedIssue", &i.id, "")),
        );
        Section::new("55109-3", "Complications", html, entries).or_none(
            words,
            "none: no adverse event, no side effect",
            Empty::NilKnown,
        )
    }

    pub(super) fn disposition(&self) -> Section {
        let mut entries = vec![
            entry("Encounter", &self.session.id, ""),
            entry("QuestionnaireResponse", &self.session.id, "-discharge"),
        ];
        let title = "Procedure disposition";
        let Some(d) = self.dosing.discharge.as_ref() else {
            let html = Html::new().maybe("Discharge", self.words.none("not assessed yet"));
            return Section::new("59775-7", title, html, entries);
        };
        let rows = [
            (
                "Oriented to person, place, time and situation",
                Some(d.oriented_x4),
            ),
            ("Gait steady", Some(d.gait_steady)),
            ("Nausea controlled", d.nausea_controlled),
            ("Dissociation resolved", Some(d.dissociation_resolved)),
            ("Free of suicidality concern", Some(!d.suicidality_concern)),
            (
                "Vital signs within limits",
                Some(d.vitals_within_parameters),
            ),
            ("Hydrated, snack taken", d.hydrated_and_snack),
        ];
        let rows = rows.map(|(what, answer)| [what.to_owned(), met(answer).to_owned()]);
        let adult = d.responsible_adult_present.as_ref();
        entries.extend(adult.map(|id| entry("RelatedPerson", id, "")));
        let html = Html::new()
            .p(capital(&self.discharge_in_words(d)))
            .table(&["Criterion", "Met"], rows)
            .maybe(
                "Assessed by",
                d.assessor_id.as_ref().map(|id| self.words.name(id)),
            )
            .maybe("Responsible adult", adult.map(|id| self.words.name(id)))
            .maybe(
                "No driving until",
                d.no_driving_until.map(|day| day.to_string()),
            )
            .fact("Went to", goes(d.disposition))
            .maybe(
                "Exception",
                d.exception.as_ref().map(|e| {
                    let by =
                        e.by.as_ref()
                            .map(|id| format!(" ({})", self.words.name(id)));
                    format!("{}{}", e.reason, by.unwrap_or_default())
                }),
            );
        Section::new("59775-7", title, html, entries)
    }

    pub(super) fn mental_status(&self) -> Section {
        let entries = vec![entry(
            "QuestionnaireResponse",
            &self.session.id,
            "-discharge",
        )];
        let discharge = self.dosing.discharge.as_ref();
        let html = match discharge {
            Some(d) => Html::new()
                .fact("Assessed", self.words.stamp(d.assessed_at))
                .fact("Oriented ×4", yes_no(Some(d.oriented_x4)))
                .fact(
                    "Dissociation resolved",
                    yes_no(Some(d.dissociation_resolved)),
                )
                .fact(
                    "Suicidality concern",
                    if d.suicidality_concern { "YES" } else { "no" },
                ),
            None => Html::new().maybe("Mental status", self.words.none("not assessed yet")),
        };
        Section::new("10190-7", "Mental status", html, entries)
    }

    pub(super) fn instructions(&self) -> Section {
        let words = self.words;
        let until = self
            .dosing
            .discharge
            .as_ref()
            .and_then(|d| d.no_driving_until);
        let plan = self.session.emergency_plan.as_ref();
        let contact = plan.and_then(|p| p.contact_id.as_ref());
        let (rules, said_of) = self.medicine_rules();
        let html = Html::new()
            .maybe("Driving", until.map(|day| format!("none until {day}")))
            .maybe(
                "Emergency contact",
                contact.and_then(|id| words.reachable(id)),
            )
            .maybe("Hospital", plan.and_then(|p| p.hospital.as_ref()))
            .maybe(
                "Emergency number",
                plan.and_then(|p| p.local_emergency_number.as_ref()),
            )
            .list(rules);
        let plan = words.episode.treatment_plan.iter();
        let plan = plan.map(|p| entry("CarePlan", &p.id, ""));
        let contact = contact.map(|id| entry("RelatedPerson", id, ""));
        let entries = plan.chain(contact).chain(said_of).collect();
        Section::new("69730-0", "Instructions", html, entries).or_none(
            words,
            "none recorded",
            Empty::Unavailable,
        )
    }

    /// What to do with medicines before the next session: the clearance's conditions, else what is said of each.
    fn medicine_rules(&self) -> (Vec<String>, Vec<Entry>) {
        let next = |rule: String| format!("Before the next session: {rule}");
        let conditions = self.clearance().into_iter().flat_map(|c| &c.conditions);
        let rules: Vec<String> = conditions
            .filter(|c| c.code == "hold-medication")
            .map(|c| next(c.text.clone()))
            .collect();
        if !rules.is_empty() {
            return (rules, vec![]);
        }
        let all = self.words.episode.medications.iter();
        let told = all.filter(|m| m.status == "active");
        told.filter(|m| m.kap_instruction.is_some() || m.hold_before_hours.is_some())
            .map(|m| {
                let rule = next(format!("{}: {}", m.text, parts::around_dosing(m)));
                (rule, entry("MedicationRequest", &m.id, ""))
            })
            .unzip()
    }
}

/// Whether a criterion was met; what was not is not to be overlooked.
const fn met(answer: Option<bool>) -> &'static str {
    match answer {
        Some(false) => "NO",
        other => yes_no(other),
    }
}

fn goes(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Home => "home",
        Disposition::AgainstAdvice => "left against advice",
        Disposition::OtherFacility => "another healthcare facility",
        Disposition::Psychiatric => "psychiatric hospital",
        Disposition::Other => "other",
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
