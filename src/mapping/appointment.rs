//! The Appointment `{session}-appt`: the session in the calendar, with the state that the session has.

use fhir_sdk::r4b::codes::{AppointmentStatus, ParticipationStatus};
use fhir_sdk::r4b::resources::{Appointment, AppointmentParticipant};
use fhir_sdk::r4b::types::Reference;

use super::build::{Frame, actor, derived, finish, instant, must, patient, period, some, start};
use super::codes::structure;
use super::narrative::Html;
use super::session::{began, service};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::dosing::{Session, SessionStatus};

/// The Appointment of `x`. R4 lets only a proposal and a cancelled one be without an end: where the end of
/// a session that took place, or was missed, is not known, it is written as the start.
pub(super) fn write(x: &Session, e: &Episode) -> Resource {
    let id = derived(&x.id, "appt");
    let text = Html::new()
        .fact("Appointment", x.start.to_string())
        .fact("Status", x.status.code());
    let profiles = [structure("kap-appointment")];
    let frame = Frame::clinical(id.as_str(), &profiles, Some(began(x)), &text, e);
    let (status, answer) = state(x);
    let attends = |who: Reference| {
        let b = AppointmentParticipant::builder().actor(who).status(answer);
        must(b.build())
    };
    let may_be_open = matches!(
        status,
        AppointmentStatus::Proposed | AppointmentStatus::Cancelled
    );
    let built = start!(Appointment, frame)
        .status(status)
        .service_type(some([service(x)]))
        .participant(some([attends(patient(e)), attends(actor(&x.lead_id, e))]))
        .build();
    let mut built = must(built);
    match x.end.or((!may_be_open).then_some(x.start)) {
        Some(end) => {
            built.start = Some(instant(x.start));
            built.end = Some(instant(end));
        }
        None => built.requested_period = some([period(Some(x.start), None)]),
    }
    finish(Ok(built))
}

/// The states of the appointment and of those who attend.
fn state(x: &Session) -> (AppointmentStatus, ParticipationStatus) {
    use ParticipationStatus::{Accepted, Declined, NeedsAction};
    match x.status {
        SessionStatus::Planned if x.end.is_none() => (AppointmentStatus::Proposed, NeedsAction),
        SessionStatus::Planned => (AppointmentStatus::Booked, Accepted),
        SessionStatus::Arrived | SessionStatus::InProgress => {
            (AppointmentStatus::Arrived, Accepted)
        }
        SessionStatus::Completed => (AppointmentStatus::Fulfilled, Accepted),
        SessionStatus::Cancelled => (AppointmentStatus::Cancelled, Declined),
        SessionStatus::NoShow => (AppointmentStatus::Noshow, Accepted),
        SessionStatus::EnteredInError => (AppointmentStatus::EnteredInError, Accepted),
    }
}
