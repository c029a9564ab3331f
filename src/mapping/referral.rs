//! The referral: ServiceRequest, and the Task that carries its workflow (domain reference §3.4).
//!
//! A Task holds only its present state; the steps before it stand in `kap-task-event`. A partner who moves
//! the Task knows nothing of that list: the native state is then read as one more step.

use fhir_sdk::r4b::codes::{
    RequestIntent, RequestPriority, RequestStatus, TaskIntent, TaskStatus as FhirTaskStatus,
};
use fhir_sdk::r4b::resources::{ServiceRequest, Task, TaskOutput, TaskOutputValue};
use fhir_sdk::r4b::types::Extension;

use super::build::{
    Frame, Parts, actor, code, coding, coding_of, concept, date_time, derived, finish, kap_parts,
    local, must, own_identifier, patient, period, record_or_document, reference, some, start,
    words,
};
use super::codes::{SNOMED, is_system, structure, us_core};
use super::narrative::Html;
use super::read::{Facts, Node, Read, Source};
use crate::fhir::resource::Resource;
use crate::kap::dosing::Setting;
use crate::kap::medication::Route;
use crate::kap::referral::{Priority, Referral, ReferralStatus, TaskEvent, TaskStatus};
use crate::kap::{Day, Episode, Fact, Id};

/// ServiceRequest first, then the Task.
pub fn write(x: &Referral, e: &Episode) -> Vec<Resource> {
    vec![service_request(x, e), task(x, e)]
}

fn task_id(x: &Referral) -> Id {
    if x.task_id.is_unset() {
        derived(&x.id, "task")
    } else {
        x.task_id.clone()
    }
}

fn service_request(x: &Referral, e: &Episode) -> Resource {
    let name = x.service.display.as_deref().unwrap_or(&x.service.code);
    let text = Html::new()
        .fact("Referral", name)
        .fact("Status", x.status.code())
        .fact("Priority", x.priority.code());
    let profile = [
        structure("kap-referral-servicerequest"),
        us_core("us-core-servicerequest"),
    ];
    let own = Parts::new()
        .code("setting", x.desired_setting)
        .code("route", x.desired_route)
        .text("task", Some(task_id(x)));
    let day = Some(Day(x.requested_at.0.date()));
    let frame = Frame::clinical(x.id.as_str(), &profile, day, &text, e)
        .extend(kap_parts("kap-referral", own));
    let b = start!(ServiceRequest, frame)
        .status(code(x.status.code(), RequestStatus::Unknown))
        .intent(RequestIntent::Order)
        .priority(code(x.priority.code(), RequestPriority::Routine))
        .subject(patient(e));
    let mut sr = must(b.build());
    sr.identifier = some([own_identifier("referral", &x.id)]);
    let evaluation = coding_of(
        SNOMED,
        "386053000",
        Some("Evaluation procedure (procedure)"),
    );
    sr.category = some([concept([evaluation])]);
    let psychiatry = coding_of(
        SNOMED,
        "183524004",
        Some("Referral to psychiatry service (procedure)"),
    );
    sr.code = Some(concept([psychiatry, coding(&x.service)]));
    sr.authored_on = Some(date_time(x.requested_at));
    sr.requester = Some(actor(&x.requester_id, e));
    sr.performer = some([reference("Organization", &x.performer_org_id)]);
    sr.reason_reference = some(
        x.reason_condition_ids
            .iter()
            .map(|id| reference("Condition", id)),
    );
    sr.supporting_info = some(
        x.supporting_info_ids
            .iter()
            .map(|id| record_or_document(id, e)),
    );
    finish(Ok(sr))
}

fn task(x: &Referral, e: &Episode) -> Resource {
    let last = x.task_events.last();
    let state = last.map_or(TaskStatus::Requested, |t| t.status);
    let id = task_id(x);
    let text = Html::new().fact("Referral workflow", state.code()).list(
        x.task_events
            .iter()
            .map(|t| format!("{} {}", t.at, t.status)),
    );
    let day = Some(Day(x.requested_at.0.date()));
    let events = x.task_events.iter().filter_map(event);
    let frame = Frame::clinical(
        id.as_str(),
        &[structure("kap-referral-task")],
        day,
        &text,
        e,
    )
    .extend(events);
    let fulfil = coding_of(
        "http://hl7.org/fhir/CodeSystem/task-code",
        "fulfill",
        Some("Fulfill the focal request"),
    );
    let b = start!(Task, frame)
        .status(code(state.code(), FhirTaskStatus::Requested))
        .intent(code("order", TaskIntent::Unknown))
        .priority(code(x.priority.code(), RequestPriority::Routine))
        .code(concept([fulfil]))
        .focus(reference("ServiceRequest", &x.id))
        .r#for(patient(e));
    let mut task = must(b.build());
    task.identifier = some([own_identifier("task", &id)]);
    task.based_on = some([reference("ServiceRequest", &x.id)]);
    let business = last.and_then(|t| t.business_status.as_deref());
    task.business_status = business.map(|c| concept([local("kap-task-business-status", c)]));
    let reason = last
        .filter(|t| needs_reason(t.status))
        .and_then(|t| t.note.clone());
    task.status_reason = reason.map(words);
    task.authored_on = Some(date_time(x.requested_at));
    task.last_modified = last.map(|t| date_time(t.at));
    let started = x
        .task_events
        .iter()
        .find(|t| t.status == TaskStatus::InProgress)
        .map(|t| t.at);
    let ended = last
        .filter(|t| t.status == TaskStatus::Completed)
        .map(|t| t.at);
    task.execution_period = started.map(|from| period(Some(from), ended));
    task.requester = Some(reference("Organization", &e.organizations.practice.id));
    task.owner = Some(reference("Organization", &x.performer_org_id));
    let outputs = x
        .task_events
        .iter()
        .filter_map(|t| t.output_clearance_id.as_ref());
    task.output = some(outputs.map(output));
    finish(Ok(task))
}

const fn needs_reason(status: TaskStatus) -> bool {
    use TaskStatus::{Cancelled, Failed, OnHold, Rejected};
    matches!(status, Rejected | OnHold | Failed | Cancelled)
}

fn output(clearance: &Id) -> TaskOutput {
    let decision = concept([local("kap-task-io", "clearance-decision")]);
    let value = TaskOutputValue::Reference(reference("ClinicalImpression", clearance));
    must(TaskOutput::builder().r#type(decision).value(value).build())
}

fn event(x: &TaskEvent) -> Option<Extension> {
    let clearance = x
        .output_clearance_id
        .as_ref()
        .map(|id| reference("ClinicalImpression", id));
    let parts = Parts::new()
        .at("at", Some(x.at))
        .code("status", Some(x.status))
        .code("businessStatus", x.business_status.as_ref())
        .text("note", x.note.as_ref())
        .text("by", x.by.as_ref())
        .reference("clearance", clearance);
    kap_parts("kap-task-event", parts)
}

/// Reads a ServiceRequest of the referral profile, with its Task.
pub fn read<'v>(node: Node<'v>, source: &Source<'v>) -> Facts {
    if !node.has_profile("kap-referral-servicerequest") {
        return Ok(vec![]);
    }
    let id = node.id()?;
    let own = node.ext("kap-referral");
    let focuses = |t: &Node<'v>| {
        t.get("focus").and_then(Node::target) == Some(("ServiceRequest", id.as_str()))
    };
    let mut tasks = source
        .of_kind("Task")
        .filter(|t| t.has_profile("kap-referral-task"));
    let task = tasks.find(focuses);
    let named = own.map(|o| o.part::<Id>("task")).transpose()?.flatten();
    let mut keys = vec![node.key()?];
    keys.extend(task.map(Node::key).transpose()?);
    let ids = |name| {
        node.each(name)
            .filter_map(|r| Id::new(r.target()?.1))
            .collect()
    };
    let mut services = node.need("code")?.codings();
    let service = services.find(|c| {
        c.text("system")
            .is_some_and(|s| is_system(s, "kap-service"))
    });
    let service = service.or_else(|| node.get("code")?.codings().last());
    let referral = Referral {
        task_id: task
            .map(Node::id)
            .transpose()?
            .or(named)
            .unwrap_or_default(),
        requested_at: node.req("authoredOn")?,
        requester_id: source.need_actor(node, "requester")?,
        performer_org_id: source.need_actor(node, "performer")?,
        service: service.ok_or_else(|| node.missing("code.coding"))?.to()?,
        priority: node
            .get("priority")
            .map_or(Ok(Priority::Routine), |p| p.as_code(Priority::from_code))?,
        reason_condition_ids: ids("reasonReference"),
        supporting_info_ids: ids("supportingInfo"),
        desired_setting: own
            .map(|o| o.part_code("setting", Setting::from_code))
            .transpose()?
            .flatten(),
        desired_route: own
            .map(|o| o.part_code("route", Route::from_code))
            .transpose()?
            .flatten(),
        status: node.code("status", ReferralStatus::from_code)?,
        task_events: task
            .map(|t| read_events(t, source))
            .transpose()?
            .unwrap_or_default(),
        id,
    };
    Ok(vec![(Fact::Referral(referral), keys)])
}

fn read_events<'v>(task: Node<'v>, source: &Source<'v>) -> Read<Vec<TaskEvent>> {
    let mut events = task
        .exts("kap-task-event")
        .map(read_event)
        .collect::<Read<Vec<_>>>()?;
    let status = task.code("status", TaskStatus::from_code)?;
    let business = task.local_code("businessStatus", "kap-task-business-status");
    let same = |t: &TaskEvent| t.status == status && t.business_status.as_deref() == business;
    if events.last().is_some_and(same)
        || (events.is_empty() && status == TaskStatus::Requested && business.is_none())
    {
        return Ok(events);
    }
    let at = task.get("lastModified").or_else(|| task.get("authoredOn"));
    let known = |id: &Id| {
        events
            .iter()
            .any(|t| t.output_clearance_id.as_ref() == Some(id))
    };
    let outputs = task
        .each("output")
        .filter_map(|o| o.get("valueReference")?.target());
    let mut clearances = outputs
        .filter(|(kind, _)| *kind == "ClinicalImpression")
        .filter_map(|(_, id)| Id::new(id));
    let output_clearance_id = clearances.find(|id| !known(id));
    events.push(TaskEvent {
        at: at.ok_or_else(|| task.missing("lastModified"))?.to()?,
        status,
        business_status: business.map(str::to_owned),
        note: task
            .get("statusReason")
            .and_then(|r| r.text("text"))
            .map(str::to_owned),
        by: source.actor_at(task, "owner"),
        output_clearance_id,
    });
    Ok(events)
}

fn read_event(node: Node<'_>) -> Read<TaskEvent> {
    let status = node.part_code("status", TaskStatus::from_code)?;
    Ok(TaskEvent {
        at: node.need_part("at")?,
        status: status.ok_or_else(|| node.missing("extension('status')"))?,
        business_status: node.part("businessStatus")?,
        note: node.part("note")?,
        by: node.part("by")?,
        output_clearance_id: node.part("clearance")?,
    })
}
