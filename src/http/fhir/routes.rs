//! The routes of operations and of bulk data.

use axum::Router;
use axum::routing::{get, post};

use super::{bulk, meta as labels, operation as op, subscription};
use crate::app::App;

/// Operations of the FHIR API.
pub fn operations() -> Router<App> {
    Router::new()
        .route(
            "/fhir/Composition/{id}/$document",
            get(op::document).post(op::document),
        )
        .route(
            "/fhir/Composition/$document",
            get(op::document_by_id).post(op::document_by_id),
        )
        .route(
            "/fhir/Patient/{id}/$everything",
            get(op::patient).post(op::patient),
        )
        .route(
            "/fhir/EpisodeOfCare/{id}/$everything",
            get(op::episode).post(op::episode),
        )
        .route(
            "/fhir/Patient/{id}/$summary",
            get(op::summary).post(op::summary),
        )
        .route(
            "/fhir/DocumentReference/$docref",
            get(op::docref).post(op::docref),
        )
        .route(
            "/fhir/Patient/$summary",
            get(op::summary_by_identifier).post(op::summary_by_identifier),
        )
        .route(
            "/fhir/Subscription/$status",
            get(subscription::statuses).post(subscription::statuses),
        )
        .route(
            "/fhir/Subscription/{id}/$status",
            get(subscription::status).post(subscription::status),
        )
        .route(
            "/fhir/Subscription/{id}/$events",
            get(subscription::events).post(subscription::events),
        )
        .route("/fhir/$meta", get(labels::everywhere))
        .route("/fhir/{type}/$meta", get(labels::of_type))
        .route("/fhir/{type}/{id}/$meta", get(labels::of_record))
        .route("/fhir/{type}/{id}/$meta-add", post(labels::add))
        .route("/fhir/{type}/{id}/$meta-delete", post(labels::delete))
        .route("/fhir/$export", get(bulk::system).post(bulk::system))
        .route(
            "/fhir/Patient/$export",
            get(bulk::patients).post(bulk::patients),
        )
        .route(
            "/fhir/Group/{id}/$export",
            get(bulk::group).post(bulk::group),
        )
        .route(
            "/fhir/$export/{job}",
            get(bulk::progress).delete(bulk::delete),
        )
        .route("/fhir/$export/{job}/{file}", get(bulk::file))
}
