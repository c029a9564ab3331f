//! Document C, the doses: what was given, by whom, and what was not.

use super::super::words::{route, term};
use super::super::{Section, entry};
use super::{Dosed, reason};
use crate::kap::Id;
use crate::kap::base::Decimal;
use crate::kap::dosing::{Dose, DoseStatus};
use crate::mapping::narrative::Html;

impl Dosed<'_> {
    pub(super) fn medications(&self) -> Section {
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
        let name = |id: Option<&Id>| id.map(|id| self.words.name(id)).unwrap_or_default();
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
}
