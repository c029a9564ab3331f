//! Vital signs: one reading is several Observations, tied by a shared identifier.

mod read;

use fhir_sdk::r4b::codes::ObservationStatus;
use fhir_sdk::r4b::resources::{
    Observation, ObservationComponent, ObservationComponentValue, ObservationEffective,
    ObservationValue,
};
use fhir_sdk::r4b::types::{CodeableConcept, Extension, ExtensionValue, Quantity, Reference};

pub use read::read;

use super::build::{
    Frame, actor, coding_of, concept, date_time, derived, finish, hl7_concept, kap, local, must,
    own_identifier, patient, quantity, reference, some, start, ucum,
};
use super::codes::{LOINC, UCUM, hl7, structure, us_core};
use super::narrative::Html;
use super::terms;
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{self, Day, Decimal, Id};
use crate::kap::dosing::{Vitals, VitalsSource};

/// One measured quantity of a reading.
struct Sign {
    suffix: &'static str,
    profile: &'static str,
    /// LOINC codes with their displays; the first is the one that is searched for.
    codes: &'static [(&'static str, &'static str)],
    /// UCUM
    unit: &'static str,
    get: fn(&Vitals) -> Option<&base::Quantity>,
    set: fn(&mut Vitals, base::Quantity),
}

const SIGNS: &[Sign] = &[
    Sign {
        suffix: "hr",
        profile: "us-core-heart-rate",
        codes: &[("8867-4", "Heart rate")],
        unit: "/min",
        get: |v| v.heart_rate.as_ref(),
        set: |v, q| v.heart_rate = Some(q),
    },
    Sign {
        suffix: "rr",
        profile: "us-core-respiratory-rate",
        codes: &[("9279-1", "Respiratory rate")],
        unit: "/min",
        get: |v| v.respiratory_rate.as_ref(),
        set: |v, q| v.respiratory_rate = Some(q),
    },
    Sign {
        suffix: "spo2",
        profile: "us-core-pulse-oximetry",
        codes: &[
            (
                "59408-5",
                "Oxygen saturation in Arterial blood by Pulse oximetry",
            ),
            ("2708-6", "Oxygen saturation in Arterial blood"),
        ],
        unit: "%",
        get: |v| v.spo2.as_ref(),
        set: |v, q| v.spo2 = Some(q),
    },
    Sign {
        suffix: "temp",
        profile: "us-core-body-temperature",
        codes: &[("8310-5", "Body temperature")],
        unit: "Cel",
        get: |v| v.temperature.as_ref(),
        set: |v, q| v.temperature = Some(q),
    },
];

const PRESSURE: &[(&str, &str)] = &[("85354-9", "Blood pressure panel with all children optional")];
const SYSTOLIC: (&str, &str) = ("8480-6", "Systolic blood pressure");
const DIASTOLIC: (&str, &str) = ("8462-4", "Diastolic blood pressure");
const SEDATION: &str = "moaas";
/// The suffixes in their order: the first that is there carries what belongs to the reading as a whole.
const ORDER: [&str; 6] = ["bp", "hr", "rr", "spo2", "temp", SEDATION];

/// A concept of LOINC codes.
#[must_use]
pub fn loinc(codes: &[(&str, &str)]) -> CodeableConcept {
    concept(
        codes
            .iter()
            .map(|(code, display)| coding_of(LOINC, code, Some(display))),
    )
}

/// The practice's quantity in the unit that the profile asks for where it names none.
#[must_use]
pub fn measured(q: &base::Quantity, unit: &str) -> Quantity {
    let mut out = quantity(q);
    out.system.get_or_insert_with(|| UCUM.to_owned());
    out.code.get_or_insert_with(|| unit.to_owned());
    out
}

/// An observation before its value is set.
struct Draft<'a> {
    session: &'a Id,
    vitals: &'a Vitals,
    e: &'a Episode,
}

/// The observations `{id}-bp`, `-hr`, `-rr`, `-spo2`, `-temp` and `-moaas` that the reading has.
/// A reading without any value is a blood pressure that is absent.
#[must_use]
pub fn write(session: &Id, vitals: &Vitals, e: &Episode) -> Vec<Resource> {
    let draft = Draft { session, vitals, e };
    let mut out = vec![];
    let signs: Vec<&Sign> = SIGNS.iter().filter(|s| (s.get)(vitals).is_some()).collect();
    let pressure = vitals.systolic.is_some() || vitals.diastolic.is_some();
    if pressure || (signs.is_empty() && vitals.moaas.is_none()) {
        let mut built = draft.observation("bp", "us-core-blood-pressure", loinc(PRESSURE));
        built.component = some([
            component(SYSTOLIC, vitals.systolic.as_ref()),
            component(DIASTOLIC, vitals.diastolic.as_ref()),
        ]);
        out.push(built);
    }
    for sign in signs {
        let mut built = draft.observation(sign.suffix, sign.profile, loinc(sign.codes));
        let value = (sign.get)(vitals).map(|q| measured(q, sign.unit));
        built.value = value.map(ObservationValue::Quantity);
        out.push(built);
    }
    if let Some(score) = vitals.moaas {
        let code = concept([local("kap-observation", SEDATION)]);
        let mut built = draft.observation(SEDATION, "", code);
        built.value = Some(ObservationValue::Integer(i32::from(score)));
        out.push(built);
    }
    if let (Some(first), Some(code)) = (out.first_mut(), vitals.interpretation.as_ref()) {
        let system = hl7("v3-ObservationInterpretation");
        first.interpretation = some([concept([coding_of(&system, code, interpreted(code))])]);
    }
    out.into_iter().map(|built| finish(Ok(built))).collect()
}

fn interpreted(code: &str) -> Option<&'static str> {
    Some(match code {
        "H" => "High",
        "HH" => "Critical high",
        "HX" => "above high threshold",
        "HM" => "Hold for Medical Review",
        _ => return None,
    })
}

fn component(code: (&str, &str), value: Option<&base::Quantity>) -> ObservationComponent {
    let mut out = must(ObservationComponent::builder().code(loinc(&[code])).build());
    out.value = value.map(|q| ObservationComponentValue::Quantity(measured(q, "mm[Hg]")));
    if out.value.is_none() {
        out.data_absent_reason = Some(hl7_concept("data-absent-reason", "unknown", "Unknown"));
    }
    out
}

impl Draft<'_> {
    fn observation(&self, suffix: &str, profile: &str, code: CodeableConcept) -> Observation {
        let Self { session, vitals, e } = *self;
        let day = Some(Day(vitals.at.0.date()));
        let id = derived(&vitals.id, suffix);
        let (profiles, category) = match profile {
            "" => (vec![structure("kap-observation")], ("exam", "Exam")),
            us => (
                vec![structure("kap-session-vital-sign"), us_core(us)],
                ("vital-signs", "Vital Signs"),
            ),
        };
        let mut frame = Frame::clinical(id.as_str(), &profiles, day, &self.text(suffix), e);
        frame.meta.security.push(Some(self.integrity()));
        let frame = frame.extend(self.extensions());
        let built = start!(Observation, frame)
            .identifier(some([own_identifier("vitals", &vitals.id)]))
            .status(ObservationStatus::Final)
            .category(some([hl7_concept(
                "observation-category",
                category.0,
                category.1,
            )]))
            .code(code)
            .subject(patient(e))
            .encounter(reference("Encounter", session))
            .effective(ObservationEffective::DateTime(date_time(vitals.at)))
            .performer(some(self.performer()))
            .build();
        let mut built = must(built);
        built.device = vitals.device.as_ref().map(|name| named(name));
        built
    }

    fn performer(&self) -> Option<Reference> {
        match (self.vitals.recorded_by.as_ref(), self.vitals.source) {
            (Some(id), _) => Some(actor(id, self.e)),
            (None, VitalsSource::HomeDevice) => Some(patient(self.e)),
            (None, _) => None,
        }
    }

    fn integrity(&self) -> fhir_sdk::r4b::types::Coding {
        let system = hl7("v3-ObservationValue");
        match self.vitals.source {
            VitalsSource::ClinicDevice => coding_of(&system, "CLINAST", Some("clinician asserted")),
            _ => coding_of(&system, "PATRPT", Some("patient reported")),
        }
    }

    fn extensions(&self) -> Vec<Extension> {
        let vitals = self.vitals;
        let timing = local("kap-session-timing", vitals.timing.code());
        let source = ExtensionValue::Code(vitals.source.code().to_owned());
        let minutes = vitals
            .minutes_since_first_dose
            .map(|n| ucum(Decimal::from(n), "min"));
        [
            kap("kap-session-timing", ExtensionValue::Coding(timing)),
            kap("kap-vitals-source", source),
        ]
        .into_iter()
        .chain(minutes.map(|q| kap("kap-minutes-since-dose", ExtensionValue::Quantity(q))))
        .collect()
    }

    fn text(&self, suffix: &str) -> Html {
        let v = self.vitals;
        let timing = terms::display("kap-session-timing", v.timing.code());
        let said = |q: Option<&base::Quantity>| q.map(|q| format!("{} {}", q.value, q.unit));
        let html = Html::new()
            .fact("Measured", v.at.to_string())
            .maybe("Timing", timing)
            .fact("Source", v.source.code());
        if suffix == "bp" {
            return html
                .fact(
                    "Systolic",
                    said(v.systolic.as_ref()).unwrap_or_else(|| "absent".into()),
                )
                .fact(
                    "Diastolic",
                    said(v.diastolic.as_ref()).unwrap_or_else(|| "absent".into()),
                )
                .maybe("Interpretation", v.interpretation.as_ref());
        }
        if suffix == SEDATION {
            return html.maybe("MOAA/S", v.moaas.map(|n| format!("{n} of 5")));
        }
        let sign = SIGNS.iter().find(|s| s.suffix == suffix);
        sign.into_iter()
            .fold(html, |html, s| html.maybe(s.codes[0].1, said((s.get)(v))))
    }
}

/// A reference of words alone.
#[must_use]
pub fn named(name: &str) -> Reference {
    must(Reference::builder().display(name.to_owned()).build())
}
