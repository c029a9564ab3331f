//! Detected issues and adverse events.

use fhir_sdk::r4b::codes::{AdverseEventActuality, DetectedIssueSeverity, ObservationStatus};
use fhir_sdk::r4b::resources::{
    AdverseEvent as FhirEvent, AdverseEventSuspectEntity, AdverseEventSuspectEntityCausality,
    DetectedIssue as FhirIssue, DetectedIssueIdentified, DetectedIssueMitigation,
};
use fhir_sdk::r4b::types::{Extension, ExtensionValue, Reference};

use super::build::{
    Frame, Parts, actor, code, coding, concept, date_time, episode_link, finish, hl7_concept, kap,
    kap_parts, local, must, own_identifier, patient, record, reference, some, start, with_text,
};
use super::codes::{hl7, is_system, namespace, structure};
use super::dosing::{grade_of, graded};
use super::label::{self, Class};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::summary::words::said;
use crate::fhir::resource::Resource;
use crate::kap::base::{Coding, Day, Id};
use crate::kap::safety::{
    Actuality, AdverseEvent, Alert, Causality, DetectedIssue, EventOutcome, IssueSeverity,
    IssueStatus, Mitigation, Seriousness,
};
use crate::kap::{Episode, Fact};

// --- references to any record --------------------------------------------------------------------

/// A reference to a record: literal where the episode has it, else by its id as an identifier.
#[must_use]
pub fn any_record(id: &Id, e: &Episode) -> Reference {
    let logical = || Reference::builder().identifier(own_identifier("record", id));
    record(id, e).unwrap_or_else(|| must(logical().build()))
}

/// The id of the record that a reference names, either way.
#[must_use]
pub fn record_of(reference: Node<'_>) -> Option<Id> {
    if let Some((_, id)) = reference.target() {
        return Id::new(id);
    }
    let identifier = reference.get("identifier")?;
    let own = identifier.text("system") == Some(&namespace("record"));
    Id::new(identifier.text("value").filter(|_| own)?)
}

// --- detected issues -----------------------------------------------------------------------------

/// Rules and codes that speak of substance use: their own label family.
fn substance(x: &DetectedIssue) -> bool {
    x.rule_id == "KAP-RULE-SUD" || x.code.code == "ABUSE"
}

/// The issue. R4 has no `mitigated`: that is `final` with a mitigation.
#[must_use]
pub fn write_issue(x: &DetectedIssue, e: &Episode) -> Vec<Resource> {
    let day = Some(Day(x.identified_at.0.date()));
    let (class, implied): (Class, &[&'static str]) = if substance(x) {
        (Class::Topic, &["SUD", "ETH"])
    } else {
        (Class::Clinical, &[])
    };
    let security = label::labels(class, &x.sensitivity, implied, day, e);
    let profiles = [structure("kap-detected-issue")];
    let frame = Frame::new(x.id.as_str(), &profiles, security, &issue_text(x), e)
        .extend([episode_link(e)])
        .extend(issue_extensions(x));
    let built = start!(FhirIssue, frame)
        .identifier(some([own_identifier("issue", &x.id)]))
        .status(wire_status(x.status))
        .code(concept([coding(&x.code), local("kap-rule", &x.rule_id)]))
        .severity(code(x.severity.code(), DetectedIssueSeverity::Moderate))
        .patient(patient(e))
        .identified(DetectedIssueIdentified::DateTime(date_time(
            x.identified_at,
        )))
        .implicated(some(x.implicated.iter().map(|id| any_record(id, e))))
        .mitigation(some(x.mitigations.iter().map(|m| mitigation(m, e))))
        .build();
    let mut built = must(built);
    built.author = x.author.as_ref().map(|id| actor(id, e));
    built.detail.clone_from(&x.detail);
    vec![finish(Ok(built))]
}

fn wire_status(status: IssueStatus) -> ObservationStatus {
    match status {
        IssueStatus::Preliminary => ObservationStatus::Preliminary,
        IssueStatus::Final | IssueStatus::Mitigated => ObservationStatus::Final,
        IssueStatus::EnteredInError => ObservationStatus::EnteredInError,
    }
}

/// What status and mitigations say together.
fn told_status(wire: &str, mitigated: usize) -> Option<IssueStatus> {
    match wire {
        "registered" | "preliminary" => Some(IssueStatus::Preliminary),
        "entered-in-error" | "cancelled" => Some(IssueStatus::EnteredInError),
        "final" | "amended" | "corrected" if mitigated > 0 => Some(IssueStatus::Mitigated),
        "final" | "amended" | "corrected" => Some(IssueStatus::Final),
        _ => None,
    }
}

fn issue_extensions(x: &DetectedIssue) -> Vec<Extension> {
    let wire = wire_status(x.status).to_string();
    // Only where the wire alone would be read otherwise.
    let exact = (told_status(&wire, x.mitigations.len()) != Some(x.status)).then_some(x.status);
    let parts = Parts::new().code("status", exact);
    let parts = x
        .sensitivity
        .iter()
        .fold(parts, |p, s| p.code("sensitivity", Some(s)));
    let version = x.rule_version.clone().map(ExtensionValue::String);
    kap_parts("kap-issue", parts)
        .into_iter()
        .chain(version.map(|v| kap("kap-rule-version", v)))
        .collect()
}

fn mitigation(m: &Mitigation, e: &Episode) -> DetectedIssueMitigation {
    let why = m.rationale.clone().map(ExtensionValue::String);
    let built = DetectedIssueMitigation::builder()
        .action(concept([coding(&m.action)]))
        .date(date_time(m.at))
        .author(actor(&m.by, e))
        .extension(
            why.map(|v| kap("kap-mitigation-rationale", v))
                .into_iter()
                .collect(),
        );
    must(built.build())
}

fn issue_text(x: &DetectedIssue) -> Html {
    let done = x.mitigations.iter().map(|m| {
        let why = m
            .rationale
            .as_ref()
            .map(|r| format!(" – {r}"))
            .unwrap_or_default();
        format!("{} at {}{why}", said(&m.action), m.at)
    });
    Html::new()
        .p(x.detail.clone().unwrap_or_else(|| said(&x.code)))
        .fact("Rule", &x.rule_id)
        .fact("Severity", x.severity.code())
        .fact("State", x.status.code())
        .fact("Identified", x.identified_at.to_string())
        .list(done)
}

/// Reads an issue.
pub fn read_issue<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let mut mitigations = vec![];
    for m in node.each("mitigation") {
        mitigations.push(read_mitigation(m, source)?);
    }
    let told = || told_status(node.text("status")?, mitigations.len());
    let exact = node.ext("kap-issue");
    let exact = exact
        .map(|x| x.part_code("status", IssueStatus::from_code))
        .transpose()?;
    let status = exact
        .flatten()
        .or_else(told)
        .ok_or_else(|| node.missing("status"))?;
    let coding = node.need("code")?;
    let own = |c: &Node<'v>| c.text("system").is_some_and(|s| is_system(s, "kap-rule"));
    let foreign = coding.codings().find(|c| !own(c));
    let code: Coding = foreign.or(coding.codings().next()).unwrap_or(coding).to()?;
    let rule = node.local_code("code", "kap-rule").map(str::to_owned);
    let sensitivity = node
        .ext("kap-issue")
        .map(|x| x.all_parts("sensitivity"))
        .transpose()?;
    let issue = DetectedIssue {
        id: node.id()?,
        rule_id: rule.unwrap_or_else(|| code.code.clone()),
        code,
        severity: node.code("severity", IssueSeverity::from_code)?,
        status,
        identified_at: match node.get("identifiedPeriod") {
            Some(period) => period.req("start")?,
            None => node.req("identifiedDateTime")?,
        },
        author: source.actor_at(node, "author"),
        implicated: node.each("implicated").filter_map(record_of).collect(),
        detail: node.opt("detail")?,
        sensitivity: sensitivity.unwrap_or_default(),
        mitigations,
        rule_version: node.ext_value("kap-rule-version")?,
    };
    one(Fact::Issue(issue), node)
}

fn read_mitigation<'v>(m: Node<'v>, source: &Source<'v>) -> Read<Mitigation> {
    Ok(Mitigation {
        action: m.need("action")?.need("coding")?.to()?,
        at: m.req("date")?,
        by: source.need_actor(m, "author")?,
        rationale: m.ext_value("kap-mitigation-rationale")?,
    })
}

// --- adverse events ------------------------------------------------------------------------------

/// The event. What R4 has no element for is in extensions: further codes, interventions, alert times,
/// retraction.
#[must_use]
pub fn write_event(x: &AdverseEvent, e: &Episode) -> Vec<Resource> {
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
    vec![finish(Ok(built))]
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
pub fn read_event<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
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
    one(Fact::AdverseEvent(event), node)
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
