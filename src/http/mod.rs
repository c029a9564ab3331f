//! HTTP: axum lives here only. The route table of the service is on this screen.

mod audit;
pub mod extract;
pub mod fhir;
pub mod layer;
pub mod negotiate;
pub mod ops;
pub mod partner;
pub mod practice;
pub mod private_note;
pub mod respond;
pub mod smart;
pub mod validate;
pub mod webhook;

pub use audit::Peer;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post, put};

use crate::app::App;

/// Every route of the service.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(ops::live))
        .route("/readyz", get(ops::ready))
        .route("/openapi.yaml", get(ops::openapi))
        .route("/docs", get(ops::docs))
        .route("/docs/start.js", get(ops::docs_start))
        .route("/.well-known/oauth-authorization-server", get(smart::oauth))
        .route("/auth/token", post(smart::token))
        .route("/auth/introspect", post(smart::introspect))
        .route("/auth/revoke", post(smart::revoke))
        .route(
            "/fhir/.well-known/smart-configuration",
            get(smart::configuration),
        )
        .route("/fhir/metadata", get(fhir::metadata))
        .route(
            "/fhir",
            get(fhir::across::everywhere).post(fhir::transaction),
        )
        .route(
            "/fhir/",
            get(fhir::across::everywhere).post(fhir::transaction),
        )
        .route("/fhir/_search", post(fhir::across::everywhere_by_post))
        .route("/fhir/{type}", get(fhir::search).post(fhir::create))
        .route("/fhir/{type}", put(fhir::change::update_where))
        .route("/fhir/{type}", patch(fhir::change::patch_where))
        .route("/fhir/{type}", delete(fhir::change::delete_where))
        .route("/fhir/{type}/_search", post(fhir::search_by_post))
        .route("/fhir/{type}/{id}", get(fhir::read).put(fhir::update))
        .route("/fhir/{type}/{id}", patch(fhir::change::patch))
        .route("/fhir/{type}/{id}", delete(fhir::change::delete))
        .route("/fhir/{type}/{id}/_history/{version}", get(fhir::vread))
        .route("/fhir/{type}/{id}/{within}", get(fhir::across::compartment))
        .route(
            "/fhir/{type}/{id}/_history",
            get(fhir::history::of_instance),
        )
        .route("/fhir/{type}/_history", get(fhir::history::of_type))
        .route("/fhir/_history", get(fhir::history::of_system))
        .route("/fhir/{type}/$validate", post(validate::kind))
        .route(
            "/fhir/{type}/{id}/$validate",
            get(validate::stored).post(validate::record),
        )
        .merge(fhir::routes::operations())
        .nest(
            "/kap/v1",
            practice::routes()
                .merge(private_note::routes())
                .merge(webhook::routes())
                .merge(partner::routes()),
        )
        .merge(webhook::published())
        .merge(partner::published())
        .merge(ops::docs_files().with_state(()))
        .fallback(layer::no_route)
        .method_not_allowed_fallback(layer::no_method)
        .layer(from_fn_with_state(app.clone(), layer::around))
        .with_state(app)
}
