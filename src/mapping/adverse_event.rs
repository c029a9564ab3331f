//! Adverse events.

use super::build::{
    Frame, Parts, actor, coding, concept, date_time, finish, hl7_concept, kap, kap_parts, must,
    own_identifier, patient, reference, some, start, with_text,
};
use super::codes::{hl7, structure};
use super::effects::{grade_of, graded};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source};
use super::summary::words::said;
use crate::fhir::resource::{Key, Resource};
use crate::kap::base::{Coding, Day, Id};
use crate::kap::safety::{Actuality, AdverseEvent, Alert, Causality, EventOutcome, Seriousness};
use crate::kap::{Episode, Fact};
use fhir_sdk::r4b::codes::AdverseEventActuality;
use fhir_sdk::r4b::resources::{
    AdverseEvent as FhirEvent, AdverseEventSuspectEntity, AdverseEventSuspectEntityCausality,
};
use fhir_sdk::r4b::types::{Extension, ExtensionValue};

/// The event. What R4 has no element for is in extensions: further codes, interventions, alert times,
/// retraction. Where somebody acknowledged it there is also the message that says so.
#[must_use]
pub fn write(x: &AdverseEvent, e: &Episode) -> Vec<Resource> {
    let day = Some(Day(x.occurred_at.0.date()));
    let profiles = [structure("kap-adverse-event")];
    let frame = Frame::clinical(x.id.as_str(), &profiles, day, &event_text(x), e)
        .extend(event_extensions(x, e));
    let built = start!(FhirEvent, frame)
        .identifier(own_identifier("ae", &x.id))
        .actuality(match x.actuality {
            Actuality::Actual => AdverseEventActuality::Actual,
            Actuality::Potential => AdverseEventActuality::Potential,
        })
        .subject(patient(e))
        .date(date_time(x.occurred_at))
        .recorded_date(date_time(x.recorded_at))
        .seriousness(hl7_concept(
            "adverse-event-seriousness",
            serious(x),
            serious(x),
        ))
        .severity(graded(x.severity))
        .outcome(hl7_concept(
            "adverse-event-outcome",
            x.outcome.code(),
            ended(x.outcome),
        ))
        .recorder(actor(&x.reported_by, e))
        .build();
    let mut built = must(built);
    built.event = x.events.first().map(|c| concept([coding(c)]));
    built.event = match (built.event.take(), x.summary.as_ref()) {
        (Some(event), Some(text)) => Some(with_text(event, text)),
        (None, Some(text)) => Some(super::build::words(text)),
        (event, None) => event,
    };
    built.encounter = x.session_id.as_ref().map(|id| reference("Encounter", id));
    built.detected = x.detected_at.map(date_time);
    built.suspect_entity = some(
        x.suspect_administration_id
            .as_ref()
            .map(|id| suspect(id, x)),
    );
    let heard = super::alert::acknowledgement(x, e);
    [finish(Ok(built))].into_iter().chain(heard).collect()
}

fn serious(x: &AdverseEvent) -> &'static str {
    match x.seriousness {
        Seriousness::NonSerious => "Non-serious",
        Seriousness::Serious => "Serious",
    }
}

fn ended(outcome: EventOutcome) -> &'static str {
    match outcome {
        EventOutcome::Resolved => "Resolved",
        EventOutcome::Recovering => "Recovering",
        EventOutcome::Ongoing => "Ongoing",
        EventOutcome::ResolvedWithSequelae => "Resolved with Sequelae",
        EventOutcome::Fatal => "Fatal",
        EventOutcome::Unknown => "Unknown",
    }
}

/// R4's spelling and display of a causality.
fn caused(causality: Causality) -> (&'static str, &'static str) {
    match causality {
        Causality::Certain => ("Certain", "Certain"),
        Causality::ProbablyLikely => ("Probably-Likely", "Probably/Likely"),
        Causality::Possible => ("Possible", "Possible"),
        Causality::Unlikely => ("Unlikely", "Unlikely"),
        Causality::Conditional => ("Conditional-Classified", "Conditional/Classified"),
        Causality::Unassessable => ("Unassessable-Unclassifiable", "Unassessable/Unclassifiable"),
    }
}

fn suspect(id: &Id, x: &AdverseEvent) -> AdverseEventSuspectEntity {
    let assessed = |c: Causality| {
        let (code, display) = caused(c);
        let assessment = hl7_concept("adverse-event-causality-assess", code, display);
        must(
            AdverseEventSuspectEntityCausality::builder()
                .assessment(assessment)
                .build(),
        )
    };
    let built = AdverseEventSuspectEntity::builder()
        .instance(reference("MedicationAdministration", id))
        .causality(some(x.causality.map(assessed)));
    must(built.build())
}

fn event_extensions(x: &AdverseEvent, e: &Episode) -> Vec<Extension> {
    let others = x.events.iter().skip(1).map(|c| {
        kap(
            "kap-ae-associated-event",
            ExtensionValue::CodeableConcept(concept([coding(c)])),
        )
    });
    let done = x.interventions.iter();
    let done = done.map(|text| kap("kap-ae-intervention", ExtensionValue::String(text.clone())));
    let expected = x.expectedness.clone().map(ExtensionValue::Code);
    let record = x.entered_in_error.map(|wrong| {
        let code = if wrong { "entered-in-error" } else { "active" };
        kap("kap-record-status", ExtensionValue::Code(code.into()))
    });
    // A cause without a suspect has no place in R4.
    let cause = x
        .causality
        .filter(|_| x.suspect_administration_id.is_none());
    let parts = Parts::new()
        .at("resolvedAt", x.resolved_at)
        .flag("medwatchReportable", x.medwatch_reportable)
        .flag("followUpRequired", x.follow_up_required)
        .code("causality", cause);
    others
        .chain(done)
        .chain(expected.map(|v| kap("kap-ae-expectedness", v)))
        .chain(record)
        .chain(kap_parts("kap-ae", parts))
        .chain(x.alert.as_ref().and_then(|a| alert(a, e)))
        .collect()
}

fn alert(a: &Alert, e: &Episode) -> Option<Extension> {
    let topic = ExtensionValue::Canonical(a.topic.clone());
    let parts = Parts::new()
        .value("topic", Some(topic))
        .at("firstAttemptAt", a.first_attempt_at)
        .at("deliveredAt", a.delivered_at)
        .at("acknowledgedAt", a.acknowledged_at)
        .reference(
            "acknowledgedBy",
            a.acknowledged_by.as_ref().map(|id| actor(id, e)),
        );
    kap_parts("kap-ae-alert", parts)
}

fn event_text(x: &AdverseEvent) -> Html {
    let what: Vec<String> = x.events.iter().map(said).collect();
    let wrong = x.entered_in_error == Some(true);
    let html = if wrong {
        Html::new().p("ENTERED IN ERROR")
    } else {
        Html::new()
    };
    html.fact("Adverse event", what.join(", "))
        .maybe("Summary", x.summary.as_ref())
        .fact("Occurred", x.occurred_at.to_string())
        .fact("Graded", format!("{}, {}", x.severity, x.seriousness))
        .list(&x.interventions)
        .fact("Outcome", ended(x.outcome))
}

/// Reads an event.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let more = node.ext("kap-ae");
    let at = |name: &str| more.map(|m| m.part(name)).transpose().map(Option::flatten);
    let coded = |name: &str, system: &str| {
        let coding = node.coding_in(name, &hl7(system));
        coding.ok_or_else(|| node.missing(name))
    };
    let suspect = node.get("suspectEntity");
    let serious = coded("seriousness", "adverse-event-seriousness")?;
    let event = AdverseEvent {
        id: node.id()?,
        session_id: node.ref_id("encounter"),
        occurred_at: node.req("date")?,
        detected_at: node.opt("detected")?,
        recorded_at: match node.opt("recordedDate")? {
            Some(at) => at,
            None => node.req("date")?,
        },
        actuality: node.code("actuality", Actuality::from_code)?,
        summary: node
            .get("event")
            .and_then(|c| c.text("text"))
            .map(str::to_owned),
        events: events(node)?,
        seriousness: match serious.text("code") {
            Some("Non-serious") => Seriousness::NonSerious,
            Some("Serious") => Seriousness::Serious,
            _ => return Err(serious.wrong("Non-serious or Serious")),
        },
        severity: grade_of(node, "severity")?,
        expectedness: node.ext_value("kap-ae-expectedness")?,
        causality: causality(node)?,
        suspect_administration_id: suspect.and_then(|s| s.ref_id("instance")),
        interventions: node
            .exts("kap-ae-intervention")
            .filter_map(Node::any_value)
            .filter_map(|v| v.str().or_else(|| v.text("text")))
            .map(str::to_owned)
            .collect(),
        outcome: coded("outcome", "adverse-event-outcome")?
            .code("code", EventOutcome::from_code)?,
        resolved_at: at("resolvedAt")?,
        reported_by: source.need_actor(node, "recorder")?,
        alert: node
            .ext("kap-ae-alert")
            .map(|a| read_alert(a, source))
            .transpose()?,
        medwatch_reportable: more
            .map(|m| m.part("medwatchReportable"))
            .transpose()?
            .flatten(),
        follow_up_required: more
            .map(|m| m.part("followUpRequired"))
            .transpose()?
            .flatten(),
        entered_in_error: node
            .ext_value::<String>("kap-record-status")?
            .map(|status| status == "entered-in-error"),
    };
    let keys = with_acknowledgement(node, &event.id, source)?;
    Ok(vec![(Fact::AdverseEvent(event), keys)])
}

/// The event and the message that restates who acknowledged it.
fn with_acknowledgement(node: Node<'_>, id: &Id, source: &Source<'_>) -> Read<Vec<Key>> {
    let heard = source.lookup("Communication", super::alert::message_id(id).as_str());
    let heard = heard.map(Node::key).transpose()?;
    Ok([node.key()?].into_iter().chain(heard).collect())
}

fn events(node: Node<'_>) -> Read<Vec<Coding>> {
    let first = node.get("event").and_then(|c| c.codings().next());
    let others = node
        .exts("kap-ae-associated-event")
        .filter_map(Node::any_value);
    let others = others.filter_map(|concept| concept.codings().next());
    first.into_iter().chain(others).map(Node::to).collect()
}

fn causality(node: Node<'_>) -> Read<Option<Causality>> {
    let more = node.ext("kap-ae");
    let assessed = node.get("suspectEntity").and_then(|s| s.get("causality"));
    let system = hl7("adverse-event-causality-assess");
    let code = assessed.and_then(|c| c.coding_in("assessment", &system)?.text("code"));
    let known = |code: &str| {
        Causality::ALL
            .iter()
            .copied()
            .find(|c| caused(*c).0 == code)
    };
    match code.and_then(known) {
        Some(found) => Ok(Some(found)),
        None => Ok(more
            .map(|m| m.part_code("causality", Causality::from_code))
            .transpose()?
            .flatten()),
    }
}

fn read_alert<'v>(a: Node<'v>, source: &Source<'v>) -> Read<Alert> {
    let by = a.parts("acknowledgedBy").next().and_then(Node::any_value);
    Ok(Alert {
        topic: a.need_part("topic")?,
        first_attempt_at: a.part("firstAttemptAt")?,
        delivered_at: a.part("deliveredAt")?,
        acknowledged_at: a.part("acknowledgedAt")?,
        acknowledged_by: by.and_then(|who| source.actor(who)),
    })
}
