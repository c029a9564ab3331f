//! The course of the effects of a dose, and tolerable side effects.

use super::build::{
    Frame, coding, concept, date_time, derived, finish, hl7_concept, local, must, note,
    own_identifier, patient, reference, some, start, ucum,
};
use super::codes::{hl7, namespace, structure};
use super::dosing::session_in;
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::value::Minutes;
use crate::fhir::resource::Resource;
use crate::kap::base::{Day, Decimal, Id};
use crate::kap::dosing::{Effects, Severity, SideEffect};
use crate::kap::{Episode, Fact};
use fhir_sdk::r4b::codes::ObservationStatus;
use fhir_sdk::r4b::resources::{
    Observation, ObservationComponent, ObservationComponentValue, ObservationEffective,
    ObservationValue,
};
use fhir_sdk::r4b::types::{CodeableConcept, Range};

/// Suffix of the id, and code in `kap-observation`, of the three observations of the effects.
const COURSE: [(&str, &str); 3] = [
    ("onset", "onset-minutes"),
    ("peak", "peak-minutes"),
    ("resolution", "resolution-minutes"),
];

/// The observations `{session}-onset`, `-peak` and `-resolution`, in minutes after the first dose.
#[must_use]
pub fn write(session: &Id, effects: &Effects, e: &Episode) -> Vec<Resource> {
    let min = |n: Decimal| ucum(n, "min");
    let quantity = |n: Option<Decimal>| n.map(|n| ObservationValue::Quantity(min(n)));
    let peak = || {
        let mut range = must(Range::builder().build());
        range.low = effects.peak_from_minutes.map(min);
        range.high = effects.peak_to_minutes.map(min);
        ObservationValue::Range(range)
    };
    let peaked = effects.peak_from_minutes.or(effects.peak_to_minutes);
    let values = [
        quantity(effects.onset_minutes),
        peaked.map(|_| peak()),
        quantity(effects.resolved_minutes),
    ];
    let mut out = vec![];
    for ((suffix, code), value) in COURSE.into_iter().zip(values) {
        let Some(value) = value else { continue };
        let id = derived(session, suffix);
        let text = Html::new().p(course_text(code, effects));
        let mut built = observation(
            session,
            id.as_str(),
            &text,
            concept([local("kap-observation", code)]),
            e,
        );
        built.identifier = some([own_identifier("effects", session)]);
        built.value = Some(value);
        out.push(finish(Ok(built)));
    }
    out
}

fn course_text(code: &str, effects: &Effects) -> String {
    let (from, to) = match code {
        "onset-minutes" => (effects.onset_minutes, None),
        "peak-minutes" => (effects.peak_from_minutes, effects.peak_to_minutes),
        _ => (effects.resolved_minutes, None),
    };
    let said: Vec<String> = from.iter().chain(&to).map(ToString::to_string).collect();
    let what = super::terms::display("kap-observation", code).unwrap_or(code);
    format!("{what}: {} min", said.join(" to "))
}

/// An observation of a session, about its first dose, with a code and no value.
fn observation(
    session: &Id,
    id: &str,
    text: &Html,
    code: CodeableConcept,
    e: &Episode,
) -> Observation {
    let held = session_in(session, e);
    let doses = held.and_then(|s| s.dosing.as_ref()).map(|d| &d.doses);
    let first = doses.and_then(|d| d.iter().map(|d| d.at).min());
    let at = first.or(held.map(|s| s.start));
    let day = at.map(|at| Day(at.0.date()));
    let frame = Frame::clinical(id, &[structure("kap-observation")], day, text, e);
    let built = start!(Observation, frame)
        .status(ObservationStatus::Final)
        .category(some([hl7_concept("observation-category", "exam", "Exam")]))
        .code(code)
        .subject(patient(e))
        .encounter(reference("Encounter", session))
        .build();
    let mut built = must(built);
    built.effective = at.map(|at| ObservationEffective::DateTime(date_time(at)));
    built
}

/// Reads the course of the effects, or a side effect.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if node
        .each("identifier")
        .any(|i| i.text("system") == Some(&namespace("side-effect")))
    {
        return read_side_effect(node);
    }
    let code = node.local_code("code", "kap-observation");
    let Some((suffix, _)) = COURSE.iter().find(|(_, c)| Some(*c) == code) else {
        return Ok(vec![]);
    };
    let session = node.session()?;
    let id = node.id()?;
    let of = |suffix: &str| source.lookup("Observation", derived(&session, suffix).as_str());
    let own = derived(&session, suffix) == id;
    let parts: Vec<Node<'v>> = if own {
        COURSE.iter().filter_map(|(suffix, _)| of(suffix)).collect()
    } else {
        vec![node]
    };
    if parts.first().map(|p| p.id()).transpose()? != Some(id) {
        return Ok(vec![]);
    }
    let mut effects = Effects::default();
    let mut keys = vec![];
    for part in parts {
        take(&mut effects, part)?;
        keys.push(part.key()?);
    }
    Ok(vec![(Fact::Effects { session, effects }, keys)])
}

fn minutes(node: Node<'_>, name: &str) -> Read<Option<Decimal>> {
    Ok(node.opt::<Minutes>(name)?.map(|n| n.0))
}

fn take(effects: &mut Effects, node: Node<'_>) -> Read<()> {
    match node.local_code("code", "kap-observation") {
        Some("onset-minutes") => effects.onset_minutes = minutes(node, "valueQuantity")?,
        Some("resolution-minutes") => effects.resolved_minutes = minutes(node, "valueQuantity")?,
        Some("peak-minutes") => match node.get("valueRange") {
            Some(range) => {
                effects.peak_from_minutes = minutes(range, "low")?;
                effects.peak_to_minutes = minutes(range, "high")?;
            }
            None => effects.peak_from_minutes = minutes(node, "valueQuantity")?,
        },
        _ => {}
    }
    Ok(())
}

// --- side effects --------------------------------------------------------------------------------

/// An observation whose code is the effect and whose value is its severity.
#[must_use]
pub fn write_side_effect(session: &Id, effect: &SideEffect, e: &Episode) -> Vec<Resource> {
    let minute = |code: &str, n: Option<i64>| {
        n.map(|n| {
            let value = ObservationComponentValue::Quantity(ucum(Decimal::from(n), "min"));
            let code = concept([local("kap-observation", code)]);
            must(
                ObservationComponent::builder()
                    .code(code)
                    .value(value)
                    .build(),
            )
        })
    };
    let severity = effect.severity.code();
    let text = Html::new()
        .fact("Side effect", super::summary::words::said(&effect.code))
        .fact("Severity", severity)
        .maybe(
            "Onset (min after dose)",
            effect.onset_minute.map(|n| n.to_string()),
        )
        .maybe(
            "Resolved (min after dose)",
            effect.resolved_minute.map(|n| n.to_string()),
        )
        .maybe("Action", effect.action.as_ref());
    let code = concept([coding(&effect.code)]);
    let mut built = observation(session, effect.id.as_str(), &text, code, e);
    built.identifier = some([own_identifier("side-effect", &effect.id)]);
    built.value = Some(ObservationValue::CodeableConcept(graded(effect.severity)));
    built.component = some(
        minute("onset-minutes", effect.onset_minute)
            .into_iter()
            .chain(minute("resolution-minutes", effect.resolved_minute)),
    );
    built.note = some(effect.action.as_ref().map(note));
    vec![finish(Ok(built))]
}

/// A severity in HL7's code system.
#[must_use]
pub fn graded(severity: Severity) -> CodeableConcept {
    let display = match severity {
        Severity::Mild => "Mild",
        Severity::Moderate => "Moderate",
        Severity::Severe => "Severe",
    };
    hl7_concept("adverse-event-severity", severity.code(), display)
}

/// A severity that `name` states.
pub fn grade_of(node: Node<'_>, name: &str) -> Read<Severity> {
    let coding = node.coding_in(name, &hl7("adverse-event-severity"));
    let coding = coding.ok_or_else(|| node.missing(name))?;
    coding.code("code", Severity::from_code)
}

fn read_side_effect(node: Node<'_>) -> Facts {
    let minute = |code: &str| -> Read<Option<i64>> {
        let mut all = node.each("component");
        let found = all.find(|c| c.local_code("code", "kap-observation") == Some(code));
        let value: Option<Minutes> = found.map(|c| c.req("valueQuantity")).transpose()?;
        Ok(value.and_then(|n| n.0.0.to_string().parse().ok()))
    };
    let effect = SideEffect {
        id: node.id()?,
        code: node.need("code")?.need("coding")?.to()?,
        severity: grade_of(node, "valueCodeableConcept")?,
        onset_minute: minute("onset-minutes")?,
        resolved_minute: minute("resolution-minutes")?,
        action: node
            .get("note")
            .and_then(|n| n.text("text"))
            .map(str::to_owned),
    };
    let session = node.session()?;
    one(Fact::SideEffect { session, effect }, node)
}
