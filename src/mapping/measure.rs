//! Scores over time.

use fhir_sdk::r4b::codes::ObservationStatus;
use fhir_sdk::r4b::resources::{
    Observation, ObservationComponent, ObservationComponentValue, ObservationEffective,
    ObservationValue,
};

use super::build::{
    Frame, Parts, coding, concept, date_time, episode_link, finish, hl7_concept, kap_parts, must,
    own_identifier, patient, reference, some, start, ucum,
};
use super::codes::{LOINC, namespace, structure, us_core};
use super::label::{self, Class};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::vitals::loinc;
use crate::fhir::resource::Resource;
use crate::kap::base::{Coding, Day, Decimal};
use crate::kap::consultation::ScoreRange;
use crate::kap::measure::Outcome;
use crate::kap::{Episode, Fact};

const ITEM9: (&str, &str) = (
    "44260-8",
    "Thoughts that you would be better off dead, or of hurting yourself in some way in last 2 weeks [Reported.PHQ]",
);

/// Total scores that are read without being told the instrument.
const INSTRUMENTS: &[(&str, &str)] = &[
    ("44261-6", "PHQ-9"),
    ("89204-2", "PHQ-9-TEEN"),
    ("70274-6", "GAD-7"),
    ("101698-9", "PCL-5"),
    ("75626-2", "AUDIT-C"),
    ("82667-7", "DAST-10"),
];

/// A screening-assessment observation.
#[must_use]
pub fn write(x: &Outcome, e: &Episode) -> Vec<Resource> {
    let day = Some(Day(x.at.0.date()));
    let profiles = [
        structure("kap-observation"),
        us_core("us-core-observation-screening-assessment"),
    ];
    let text = Html::new()
        .fact(&x.instrument, x.score.to_string())
        .fact("At", x.at.to_string())
        .maybe("Timing", x.timing.as_ref())
        .maybe("Item 9", x.item9.map(|n| n.to_string()));
    let implied = label::of_instrument(&x.instrument);
    let security = label::labels(Class::Topic, &[], implied, day, e);
    let parts = Parts::new()
        .text("instrument", Some(&x.instrument))
        .decimal("min", x.range.as_ref().map(|r| r.min))
        .decimal("max", x.range.as_ref().map(|r| r.max))
        .text("timing", x.timing.as_ref())
        .code("reportedBy", x.reported_by.as_ref());
    let frame = Frame::new(x.id.as_str(), &profiles, security, &text, e)
        .extend([episode_link(e)])
        .extend(kap_parts("kap-score", parts));
    let built = start!(Observation, frame)
        .identifier(some([own_identifier("outcome", &x.id)]))
        .status(ObservationStatus::Final)
        .category(some([hl7_concept(
            "observation-category",
            "survey",
            "Survey",
        )]))
        .code(concept([coding(&x.score_coding)]))
        .subject(patient(e))
        .effective(ObservationEffective::DateTime(date_time(x.at)))
        .value(value(x.score))
        .build();
    let mut built = must(built);
    let by_patient = x.reported_by.as_deref() == Some("patient");
    built.performer = some(by_patient.then(|| patient(e)));
    let answers = x.questionnaire_response_id.as_ref();
    built.derived_from = some(answers.map(|id| reference("QuestionnaireResponse", id)));
    built.component = some(x.item9.map(item9));
    vec![finish(Ok(built))]
}

/// A whole score is an integer, any other a quantity.
fn value(score: Decimal) -> ObservationValue {
    match score.to_string().parse() {
        Ok(whole) => ObservationValue::Integer(whole),
        Err(_) => ObservationValue::Quantity(ucum(score, "{score}")),
    }
}

fn item9(answer: u8) -> ObservationComponent {
    let value = ObservationComponentValue::Integer(i32::from(answer));
    must(
        ObservationComponent::builder()
            .code(loinc(&[ITEM9]))
            .value(value)
            .build(),
    )
}

/// Reads our own scores, and foreign totals of the instruments that we know.
pub fn read<'v>(node: Node<'v>, _source: &Source<'v>) -> Facts {
    let own = namespace("outcome");
    let is_own = node
        .each("identifier")
        .any(|i| i.text("system") == Some(&own));
    let total = node.coding_in("code", LOINC).and_then(|c| c.text("code"));
    let known = INSTRUMENTS.iter().find(|(code, _)| Some(*code) == total);
    let stated = node.ext("kap-score");
    let instrument: Option<String> = match stated {
        Some(stated) => stated.part("instrument")?,
        None => known.map(|(_, name)| (*name).to_owned()),
    };
    let Some(instrument) = instrument.filter(|_| is_own || known.is_some()) else {
        return Ok(vec![]);
    };
    let part = |name: &str| {
        stated
            .map(|s| s.part(name))
            .transpose()
            .map(Option::flatten)
    };
    let bound = |name: &str| -> Read<Option<Decimal>> {
        Ok(stated.map(|s| s.part(name)).transpose()?.flatten())
    };
    let range = bound("min")?.zip(bound("max")?);
    let score_coding: Coding = node.need("code")?.need("coding")?.to()?;
    let outcome = Outcome {
        id: node.id()?,
        instrument,
        score_coding,
        at: node.req("effectiveDateTime")?,
        score: score(node)?,
        range: range.map(|(min, max)| ScoreRange { min, max }),
        timing: part("timing")?,
        reported_by: part("reportedBy")?,
        item9: answered(node)?,
        questionnaire_response_id: node.ref_id("derivedFrom"),
    };
    one(Fact::Outcome(outcome), node)
}

fn score(node: Node<'_>) -> Read<Decimal> {
    match node.get("valueInteger") {
        Some(whole) => whole.to(),
        None => node.need("valueQuantity")?.req("value"),
    }
}

fn answered(node: Node<'_>) -> Read<Option<u8>> {
    let mut all = node.each("component");
    let item =
        all.find(|c| c.coding_in("code", LOINC).and_then(|c| c.text("code")) == Some(ITEM9.0));
    item.map(|c| c.req("valueInteger")).transpose()
}
