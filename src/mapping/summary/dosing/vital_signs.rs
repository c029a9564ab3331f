//! Document C, the measurements: vital signs against their limits, and sedation.

use super::super::parts::{self, measures};
use super::super::words::term;
use super::super::{Section, entry};
use super::Dosed;
use crate::mapping::narrative::Html;

impl Dosed<'_> {
    pub(super) fn vital_signs(&self) -> Section {
        let mut section = measures::vital_signs(self.words, &self.dosing.vitals);
        let clearance = self.clearance();
        let limits = clearance.and_then(|c| c.vital_parameters.as_ref());
        if let (Some(clearance), Some(limits)) = (clearance, limits) {
            section.html = parts::limits(section.html, limits);
            section
                .entries
                .push(entry("ClinicalImpression", &clearance.id, ""));
        }
        section
    }

    pub(super) fn sedation(&self) -> Option<Section> {
        let scored = || {
            measures::in_order(&self.dosing.vitals)
                .into_iter()
                .filter_map(|v| Some((v, v.moaas?)))
        };
        scored().next()?;
        let rows = scored().map(|(v, score)| {
            let timing = term("kap-session-timing", v.timing.code());
            [self.words.stamp(v.at), timing, format!("{score} of 5")]
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
