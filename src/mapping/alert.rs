//! The message on an adverse event: that its alert was acknowledged. The event's own `kap-ae-alert` says the same, so readers
//! of the record skip it.

use fhir_sdk::r4b::codes::EventStatus;
use fhir_sdk::r4b::resources::{
    Communication as FhirMessage, CommunicationPayload, CommunicationPayloadContent,
};
use fhir_sdk::r4b::types::ExtensionValue;
use serde_json::Value;

use super::build::{
    Frame, actor, date_time, derived, finish, hl7_concept, kap, must, patient, reference, some,
    start,
};
use super::codes::structure;
use super::narrative::Html;
use super::read::Node;
use crate::fhir::resource::Resource;
use crate::kap::base::{Day, Id, Instant};
use crate::kap::safety::AdverseEvent;
use crate::kap::{Episode, Fact};

/// The id of the message on an adverse event.
#[must_use]
pub fn message_id(event: &Id) -> Id {
    derived(event, "ack")
}

/// The adverse event that a message restates; `None` for every other record.
#[must_use]
pub fn message_of(value: &Value) -> Option<Id> {
    let of = Node::new(value).ext("kap-projection-of")?;
    let place = of.get("valueReference")?.text("reference")?;
    let event = place.strip_prefix("AdverseEvent/");
    let event = event.filter(|_| value["resourceType"] == "Communication")?;
    Id::new(event)
}

/// That an alert was heard: from who reported the event to who acknowledged it (`{id}-ack`).
#[must_use]
pub fn acknowledgement(x: &AdverseEvent, e: &Episode) -> Option<Resource> {
    let alert = x.alert.as_ref()?;
    let (at, by) = (alert.acknowledged_at?, alert.acknowledged_by.as_ref()?);
    Some(message(x, Some(at), by, e))
}

/// What a changed fact no longer says by itself: the message on an adverse event that `before` was acknowledged and is so no
/// more. It is under way again, to whom it was.
#[must_use]
pub fn reopened(before: &Fact, after: &Fact, e: &Episode) -> Option<Resource> {
    let (Fact::AdverseEvent(before), Fact::AdverseEvent(x)) = (before, after) else {
        return None;
    };
    let old = before.alert.as_ref();
    let old = old.filter(|alert| alert.acknowledged_at.is_some())?;
    let by = old.acknowledged_by.as_ref()?;
    let open = acknowledgement(x, e).is_none();
    open.then(|| message(x, None, by, e))
}

fn message(x: &AdverseEvent, heard: Option<Instant>, by: &Id, e: &Episode) -> Resource {
    let sent = x.alert.as_ref().and_then(|alert| alert.first_attempt_at);
    let (id, day) = (message_id(&x.id), Some(Day(x.occurred_at.0.date())));
    let event = reference("AdverseEvent", &x.id);
    let text = Html::new()
        .fact("Alert of", "an adverse event")
        .maybe("Sent", sent.map(|at| at.to_string()))
        .fact(
            "Acknowledged",
            heard.map_or("not yet".to_owned(), |at| at.to_string()),
        );
    let source = ExtensionValue::Reference(event.clone());
    let profiles = [structure("kap-communication")];
    let frame = Frame::clinical(id.as_str(), &profiles, day, &text, e)
        .extend([kap("kap-projection-of", source)]);
    let content = CommunicationPayloadContent::Reference(event.clone());
    let payload = must(CommunicationPayload::builder().content(content).build());
    let built = start!(FhirMessage, frame)
        .status(match heard {
            _ if x.entered_in_error == Some(true) => EventStatus::EnteredInError,
            Some(_) => EventStatus::Completed,
            None => EventStatus::InProgress,
        })
        .category(some([hl7_concept(
            "communication-category",
            "alert",
            "Alert",
        )]))
        .subject(patient(e))
        .about(some([event]))
        .sender(actor(&x.reported_by, e))
        .recipient(some([actor(by, e)]))
        .payload(some([payload]))
        .build();
    let mut built = must(built);
    (built.sent, built.received) = (sent.map(date_time), heard.map(date_time));
    finish(Ok(built))
}
