//! What is due, and messages about it.

use fhir_sdk::r4b::codes::{EventStatus, RequestIntent, RequestStatus, TaskIntent, TaskStatus};
use fhir_sdk::r4b::resources::{
    Communication as FhirMessage, CommunicationPayload, CommunicationPayloadContent,
    ServiceRequest, ServiceRequestOccurrence, Task, TaskRestriction,
};
use fhir_sdk::r4b::types::Reference;

use super::build::{
    Frame, Parts, actor, coding_of, concept, date_time, day_period, day_time, derived,
    episode_link, finish, hl7_concept, kap_parts, local, must, note, own_identifier, patient,
    reference, some, start, words,
};
use super::codes::{SNOMED, structure, us_core};
use super::label::{self, Class};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source, one};
use super::safety::{any_record, record_of};
use super::terms;
use crate::access::Labels;
use crate::fhir::resource::Resource;
use crate::kap::base::Day;
use crate::kap::follow_up::{Communication, FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::{Episode, Fact};

const KIND: &str = "kap-followup-kind";

/// What is asked for (`{id}`), and the task to do it (`{id}-task`).
#[must_use]
pub fn write(x: &FollowUp, e: &Episode) -> Vec<Resource> {
    vec![request(x, e), task(x, e)]
}

fn text(x: &FollowUp) -> Html {
    let what = terms::display(KIND, x.kind.code()).unwrap_or(x.kind.code());
    Html::new()
        .fact(what, format!("due by {}", x.due_by))
        .fact("State", x.status.code())
        .maybe("Note", x.note.as_ref())
}

/// The medical partner for what is medical, else the practice.
fn performer(x: &FollowUp, e: &Episode) -> Reference {
    let medical = matches!(
        x.kind,
        FollowUpKind::Medical30Day
            | FollowUpKind::MedicalQuarterly
            | FollowUpKind::ClearanceReReview
    );
    let orgs = &e.organizations;
    let by = if medical {
        &orgs.partner
    } else {
        &orgs.practice
    };
    reference("Organization", &by.id)
}

fn request(x: &FollowUp, e: &Episode) -> Resource {
    let profiles = [
        structure("kap-followup-servicerequest"),
        us_core("us-core-servicerequest"),
    ];
    let done = x
        .done_session_id
        .as_ref()
        .map(|id| reference("Encounter", id));
    let parts = Parts::new()
        .code("status", Some(x.status))
        .reference("doneSession", done);
    let frame = Frame::clinical(x.id.as_str(), &profiles, Some(x.anchor), &text(x), e)
        .extend(kap_parts("kap-followup", parts));
    let evaluation = coding_of(
        SNOMED,
        "386053000",
        Some("Evaluation procedure (procedure)"),
    );
    let built = start!(ServiceRequest, frame)
        .identifier(some([own_identifier("follow-up", &x.id)]))
        .status(match x.status {
            FollowUpStatus::Open | FollowUpStatus::Scheduled | FollowUpStatus::Overdue => {
                RequestStatus::Active
            }
            FollowUpStatus::Done | FollowUpStatus::OverdueResolved => RequestStatus::Completed,
            FollowUpStatus::Declined | FollowUpStatus::Cancelled => RequestStatus::Revoked,
        })
        .intent(RequestIntent::Plan)
        .category(some([concept([evaluation])]))
        .code(concept([local(KIND, x.kind.code())]))
        .subject(patient(e))
        .occurrence(ServiceRequestOccurrence::Period(day_period(
            Some(x.anchor),
            Some(x.due_by),
        )))
        .authored_on(day_time(x.anchor))
        .requester(reference("Organization", &e.organizations.practice.id))
        .performer(some([performer(x, e)]))
        .note(some(x.note.as_ref().map(note)))
        .build();
    finish(built)
}

fn task(x: &FollowUp, e: &Episode) -> Resource {
    let id = derived(&x.id, "task");
    let profiles = [structure("kap-followup-task")];
    let frame = Frame::clinical(id.as_str(), &profiles, Some(x.anchor), &text(x), e);
    let restriction = TaskRestriction::builder().period(day_period(None, Some(x.due_by)));
    let built = start!(Task, frame)
        .status(match x.status {
            FollowUpStatus::Open | FollowUpStatus::Overdue => TaskStatus::Requested,
            FollowUpStatus::Scheduled => TaskStatus::Accepted,
            FollowUpStatus::Done | FollowUpStatus::OverdueResolved => TaskStatus::Completed,
            FollowUpStatus::Declined => TaskStatus::Rejected,
            FollowUpStatus::Cancelled => TaskStatus::Cancelled,
        })
        .intent("order".parse().unwrap_or(TaskIntent::Unknown))
        .code(concept([
            coding_of(
                "http://hl7.org/fhir/CodeSystem/task-code",
                "fulfill",
                Some("Fulfill the focal request"),
            ),
            local(KIND, x.kind.code()),
        ]))
        .focus(reference("ServiceRequest", &x.id))
        .r#for(patient(e))
        .authored_on(day_time(x.anchor))
        .requester(reference("Organization", &e.organizations.practice.id))
        .owner(performer(x, e))
        .restriction(must(restriction.build()))
        .build();
    let mut built = must(built);
    let unmet = matches!(
        x.status,
        FollowUpStatus::Declined | FollowUpStatus::Cancelled
    );
    let why = x
        .note
        .clone()
        .unwrap_or_else(|| "no reason recorded".into());
    built.status_reason = unmet.then(|| words(why));
    finish(Ok(built))
}

/// Reads a follow-up from its request; a task asks for what the request states.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let Some(kind) = node
        .local_code("code", KIND)
        .and_then(FollowUpKind::from_code)
    else {
        return Ok(vec![]);
    };
    if node.text("resourceType") == Some("Task") {
        return Ok(vec![]);
    }
    let occurrence = node.need("occurrencePeriod")?;
    let stated = node.ext("kap-followup");
    let status = stated
        .map(|s| s.part_code("status", FollowUpStatus::from_code))
        .transpose()?;
    let done = stated.and_then(|s| s.parts("doneSession").next()?.any_value());
    let follow_up = FollowUp {
        id: node.id()?,
        kind,
        anchor: occurrence.req("start")?,
        due_by: occurrence.req("end")?,
        status: match status.flatten() {
            Some(status) => status,
            None => wire_status(node)?,
        },
        done_session_id: done.and_then(record_of),
        note: node
            .get("note")
            .and_then(|n| n.text("text"))
            .map(str::to_owned),
    };
    let id = derived(&follow_up.id, "task");
    let task = source
        .lookup("Task", id.as_str())
        .map(Node::key)
        .transpose()?;
    let keys = [node.key()?].into_iter().chain(task).collect();
    Ok(vec![(Fact::FollowUp(follow_up), keys)])
}

fn wire_status(node: Node<'_>) -> Read<FollowUpStatus> {
    match node.text("status") {
        Some("draft" | "active" | "on-hold") => Ok(FollowUpStatus::Open),
        Some("completed") => Ok(FollowUpStatus::Done),
        Some("revoked" | "entered-in-error") => Ok(FollowUpStatus::Cancelled),
        _ => Err(node.missing("status")),
    }
}

// --- messages ------------------------------------------------------------------------------------

/// The message. Its payload is a reference, never clinical text.
#[must_use]
pub fn write_communication(x: &Communication, e: &Episode) -> Vec<Resource> {
    let day = Some(Day(x.at.0.date()));
    let security = label::labels(Class::Clinical, &x.labels, Labels::NONE, day, e);
    let text = Html::new()
        .fact("Message about", &x.topic)
        .fact("Sent", x.at.to_string())
        .maybe("Received", x.received_at.map(|at| at.to_string()));
    let parts = Parts::new().code("category", x.category.as_ref());
    let parts = x.labels.iter().fold(parts, |p, l| p.code("label", Some(l)));
    let parts = x
        .redactions
        .iter()
        .fold(parts, |p, r| p.code("redaction", Some(r)));
    let profiles = [structure("kap-communication")];
    let frame = Frame::new(x.id.as_str(), &profiles, security, &text, e)
        .extend([episode_link(e)])
        .extend(kap_parts("kap-message", parts));
    let payload = x.payload_ref.as_ref().map(|id| {
        let content = CommunicationPayloadContent::Reference(any_record(id, e));
        must(CommunicationPayload::builder().content(content).build())
    });
    let category = x.category.as_deref().unwrap_or("notification");
    let built = start!(FhirMessage, frame)
        .identifier(some([own_identifier("communication", &x.id)]))
        .status(EventStatus::Completed)
        .category(some([hl7_concept(
            "communication-category",
            category,
            &capital(category),
        )]))
        .subject(patient(e))
        .topic(words(&x.topic))
        .sender(actor(&x.from, e))
        .recipient(some(x.to.iter().map(|id| actor(id, e))))
        .sent(date_time(x.at))
        .payload(some(payload))
        .build();
    let mut built = must(built);
    built.received = x.received_at.map(date_time);
    vec![finish(Ok(built))]
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// Reads a message.
pub fn read_communication<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    let stated = node.ext("kap-message");
    let topic = node
        .get("topic")
        .and_then(|t| t.text("text").or_else(|| t.get("coding")?.text("display")));
    let category = match stated {
        Some(stated) => stated.part("category")?,
        None => stated_category(node),
    };
    let parts = |name: &str| -> Read<Vec<String>> {
        Ok(stated
            .map(|s| s.all_parts(name))
            .transpose()?
            .unwrap_or_default())
    };
    let message = Communication {
        id: node.id()?,
        at: node.req("sent")?,
        from: source.need_actor(node, "sender")?,
        to: node
            .each("recipient")
            .filter_map(|who| source.actor(who))
            .collect(),
        topic: topic.unwrap_or_default().to_owned(),
        payload_ref: node
            .get("payload")
            .and_then(|p| p.get("contentReference"))
            .and_then(record_of),
        category,
        labels: parts("label")?,
        redactions: parts("redaction")?,
        received_at: node.opt("received")?,
    };
    one(Fact::Communication(message), node)
}

/// A category other than `notification`, which is what is meant where none is given.
fn stated_category(node: Node<'_>) -> Option<String> {
    let code = node.get("category")?.get("coding")?.text("code")?;
    (code != "notification").then(|| code.to_owned())
}
