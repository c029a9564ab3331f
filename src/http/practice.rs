//! The JSON API of the practice, `/kap/v1`, described by `openapi.yaml`.

mod command;
mod query;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::respond::Problem;
use crate::access::Interaction::{Create, Update};
use crate::app::App;
use crate::error::{Error, Result};
use crate::kap::Id;
use crate::kap::act::Command as C;
use command::{add, of, open_episode, part, set_one, step};
use query::{
    disclosures, episode, episodes, export, organizations, readiness, record, summary, timeline,
    trends, worklist,
};

type Answer = std::result::Result<Response, Problem>;

/// The routes below `/kap/v1`. Each command names the FHIR type and interaction that its scope must allow.
pub fn routes() -> Router<App> {
    let e = "/episodes/{episode}";
    Router::new()
        .route("/organizations", get(organizations))
        .route("/worklist", get(worklist))
        .route("/patients/{id}/disclosures", get(disclosures))
        .route("/episodes", get(episodes).post(open_episode))
        .route(e, get(episode))
        .nest(e, episode_routes())
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "the route table, one line a route")]
fn episode_routes() -> Router<App> {
    Router::new()
        .route("/timeline", get(timeline))
        .route("/trends", get(trends))
        .route("/summary", get(summary))
        .route("/$export-episode", get(export))
        .route("/records/{record}", get(record))
        .route("/sessions/{session}/readiness", get(readiness))
        .route("/care-team", add(Update, "CareTeam", C::AddMember))
        .route("/related-persons", add(Create, "RelatedPerson", C::AddRelatedPerson))
        .route("/problems", add(Create, "Condition", C::AddProblem))
        .route("/allergies", add(Create, "AllergyIntolerance", C::AddAllergy))
        .route("/medications", add(Create, "MedicationRequest", C::AddMedicine))
        .route("/medications/{id}/stop", of(Update, "MedicationRequest", |medicine, body| C::StopMedicine { medicine, body }))
        .route("/screenings", add(Create, "QuestionnaireResponse", C::AddScreening))
        .route("/intentions", add(Create, "Goal", C::AddIntention))
        .route("/plan", set_one(Update, "CarePlan", C::SetPlan))
        .route("/referrals", add(Create, "ServiceRequest", C::SendReferral))
        .route("/referrals/{id}/events", of(Update, "Task", |referral, body| C::RecordReferralEvent { referral, body }))
        .route("/clearances", add(Create, "ClinicalImpression", C::DecideClearance))
        .route("/clearances/{id}/renewals", of(Create, "ClinicalImpression", |clearance, body| C::RenewClearance { clearance, body }))
        .route("/clearances/{id}/revoke", of(Update, "ClinicalImpression", |clearance, body| C::RevokeClearance { clearance, body }))
        .route("/clearances/{id}/conditions/{part}/satisfy", part(Update, "EpisodeOfCare", |clearance, condition, body| C::SatisfyCondition { clearance, condition, body }))
        .route("/consents", add(Create, "Consent", C::AddConsent))
        .route("/consents/{id}/revoke", of(Update, "Consent", |consent, body| C::RevokeConsent { consent, body }))
        .route("/prescriptions", add(Create, "MedicationRequest", C::AddPrescription))
        .route("/prescriptions/{id}/stop", of(Update, "MedicationRequest", |prescription, body| C::StopPrescription { prescription, body }))
        .route("/dispenses", add(Create, "MedicationDispense", C::AddDispense))
        .route("/dispenses/{id}/ship", of(Update, "MedicationDispense", |dispense, body| C::ShipDispense { dispense, body }))
        .route("/dispenses/{id}/deliver", of(Update, "MedicationDispense", |dispense, body| C::DeliverDispense { dispense, body }))
        .route("/dispenses/{id}/receipt", of(Update, "MedicationDispense", |dispense, body| C::ConfirmReceipt { dispense, body }))
        .route("/inventory/adjustments", add(Create, "MedicationDispense", C::AdjustInventory))
        .route("/inventory/counts", add(Create, "Observation", C::CountInventory))
        .route("/detected-issues/{id}/mitigations", of(Update, "DetectedIssue", |issue, body| C::MitigateIssue { issue, body }))
        .route("/sessions", add(Create, "Encounter", C::PlanSession))
        .route("/sessions/{id}/amend", of(Update, "Encounter", |session, body| C::AmendSession { session, body }))
        .route("/sessions/{id}/start", of(Update, "Encounter", |session, body| C::StartSession { session, body }))
        .route("/sessions/{id}/cancel", of(Update, "Encounter", |session, body| C::CancelSession { session, body }))
        .route("/sessions/{id}/no-show", of(Update, "Encounter", |session, body| C::MissSession { session, body }))
        .route("/sessions/{id}/complete", of(Update, "Encounter", |session, body| C::CompleteSession { session, body }))
        .route("/sessions/{id}/checklist", of(Create, "QuestionnaireResponse", |session, body| C::RecordChecklist { session, body }))
        .route("/sessions/{id}/vitals", of(Create, "Observation", |session, body| C::RecordVitals { session, body }))
        .route("/sessions/{id}/doses", of(Create, "MedicationAdministration", |session, body| C::RecordDose { session, body }))
        .route("/sessions/{id}/effects", of(Create, "Observation", |session, body| C::RecordEffects { session, body }))
        .route("/sessions/{id}/side-effects", of(Create, "Observation", |session, body| C::RecordSideEffect { session, body }))
        .route("/sessions/{id}/dose-plan", of(Update, "Encounter", |session, body| C::PlanDose { session, body }))
        .route("/sessions/{id}/interval-override", of(Update, "ClinicalImpression", |session, body| C::OverrideInterval { session, body }))
        .route("/sessions/{id}/discharge", of(Update, "Encounter", |session, body| C::Discharge { session, body }))
        .route("/sessions/{id}/integration", of(Create, "QuestionnaireResponse", |session, body| C::RecordIntegration { session, body }))
        .route("/outcomes", add(Create, "Observation", C::AddOutcome))
        .route("/adverse-events", add(Create, "AdverseEvent", C::ReportAdverseEvent))
        .route("/adverse-events/{id}/updates", of(Update, "AdverseEvent", |event, body| C::UpdateAdverseEvent { event, body }))
        .route("/adverse-events/{id}/acknowledge", of(Update, "AdverseEvent", |event, body| C::AcknowledgeAdverseEvent { event, body }))
        .route("/follow-ups", add(Create, "ServiceRequest", C::AddFollowUp))
        .route("/follow-ups/{id}/complete", of(Update, "ServiceRequest", |follow_up, body| C::CompleteFollowUp { follow_up, body }))
        .route("/follow-ups/{id}/decline", of(Update, "ServiceRequest", |follow_up, body| C::DeclineFollowUp { follow_up, body }))
        .route("/communications", add(Create, "Communication", C::AddCommunication))
        .route("/commands/start-consultation", step(Update, "EpisodeOfCare", C::StartConsultation))
        .route("/commands/start-preparation", step(Update, "EpisodeOfCare", C::StartPreparation))
        .route("/commands/hold", step(Create, "Flag", C::Hold))
        .route("/commands/release", step(Update, "Flag", C::Release))
        .route("/commands/pause", step(Update, "EpisodeOfCare", C::Pause))
        .route("/commands/resume", step(Update, "EpisodeOfCare", C::Resume))
        .route("/commands/maintenance", step(Update, "EpisodeOfCare", C::Maintain))
        .route("/commands/new-course", step(Update, "EpisodeOfCare", C::StartCourse))
        .route("/commands/complete", step(Update, "EpisodeOfCare", C::Complete))
        .route("/commands/discontinue", step(Update, "EpisodeOfCare", C::Discontinue))
        .route("/commands/withdraw", step(Update, "EpisodeOfCare", C::Withdraw))
        .route("/commands/correct", step(Update, "EpisodeOfCare", C::Correct))
}

#[derive(Deserialize)]
struct OfEpisode {
    episode: String,
}

fn id(text: &str) -> Result<Id> {
    Id::new(text).ok_or_else(Error::not_found)
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
