//! Document C, the doses: what was given, by whom, and what was not.

use super::super::words::{plain, route, term};
use super::super::{Section, entry};
use super::{Dosed, amount};
use crate::kap::Id;
use crate::kap::base::Decimal;
use crate::kap::dosing::Dose;
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
        let (planned, level) = (self.dosing.planned_dose_mg, self.dosing.dose_level);
        let html = Html::new()
            .table(&head, rows)
            .fact("Total given", format!("{total} mg"))
            .fact(
                "Planned",
                format!("{planned} mg ({})", term("kap-dose-level", level.code())),
            )
            .maybe("Attention", self.excess());
        let html = match self.doses().next() {
            Some(_) => html,
            None => Html::new().maybe("Doses", self.words.none("none given")),
        };
        let doses = self.doses();
        let doses = doses.map(|d| entry("MedicationAdministration", &d.id, ""));
        // The drug's name is the prescription's.
        let drug = prescription.map(|p| entry("MedicationRequest", &p.id, ""));
        let entries = doses.chain(drug).collect();
        Section::new("29549-3", "Medications administered", html, entries)
    }

    fn dose_row(&self, dose: &Dose, drug: &str) -> [String; 8] {
        let name = |id: Option<&Id>| id.map(|id| self.words.name(id)).unwrap_or_default();
        let by = match dose.performer.as_ref() {
            Some(id) if id.as_str() == "patient" => "self-administered".into(),
            other => name(other),
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
            .chain(dose.site.as_deref().map(plain))
            .chain(
                dose.held_by
                    .as_ref()
                    .map(|id| format!("held by {}", self.words.name(id))),
            )
            .collect();
        [
            self.words.stamp(dose.at),
            drug.to_owned(),
            amount(dose),
            route(&dose.route),
            dose.kind.to_string(),
            by,
            name(dose.witness_id.as_ref()),
            notes.join(", "),
        ]
    }
}
