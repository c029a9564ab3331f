//! Health and the API's own description.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use swagger_ui_dist::{ApiDefinition, OpenApiSource};

use super::respond::{Problem, answer};
use crate::app::App;
use crate::error::{Error, Kind};

const OPENAPI: &str = include_str!("../../openapi.yaml");
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

/// `GET /livez`: the process answers. Asks nothing of the database.
pub async fn live() -> Response {
    answer(StatusCode::OK, "text/plain", "ok\n")
}

/// `GET /readyz`: the database can be read, and the audit is sealed.
pub async fn ready(State(app): State<App>) -> Response {
    if !app.sealing.health.is_good(app.clock.millis()) {
        let text = "The audit cannot be sealed.";
        return Problem(Error::new(Kind::Unavailable, text)).into_response();
    }
    match app.store.ready().await {
        Ok(()) => answer(StatusCode::OK, "text/plain", "ok\n"),
        Err(cause) => {
            Problem(Error::new(Kind::Unavailable, "The database is away.").because(cause))
                .into_response()
        }
    }
}

/// `GET /openapi.yaml`: the contract of the JSON API.
pub async fn openapi() -> Response {
    answer(StatusCode::OK, "application/yaml", OPENAPI)
}

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kap-fhir API</title>
<link rel="stylesheet" href="/docs/ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/ui/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = "window.ui = SwaggerUIBundle({ url: '/openapi.yaml', dom_id: '#swagger-ui', validatorUrl: null });\n";

/// The files of the API page: in the binary, so that the page works offline.
pub fn docs_files() -> Router {
    swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs/ui",
        api_definition: OpenApiSource::Uri("/openapi.yaml"),
        title: Some("kap-fhir API"),
    })
}

/// `GET /docs`: the API as a page.
pub async fn docs() -> Response {
    let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

/// `GET /docs/start.js`: starts the page (a file of its own, so that the page needs no inline script).
pub async fn docs_start() -> Response {
    answer(StatusCode::OK, "text/javascript", START)
}
