//! The OpenAPI 3.1 document, made from the handlers themselves.
//!
//! The error replies that every route shares are added here, once, so that no handler
//! repeats or forgets them.

mod errors;

use axum::{Extension, Router, body::Bytes, http::header, response::IntoResponse};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    error::{ERROR_CODES, ErrorBody},
    routes, session,
    state::AppState,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Capstan", license(name = "MIT OR Apache-2.0")),
    servers((url = "/")),
    components(schemas(ErrorBody)),
    modifiers(&SessionCookie),
    tags(
        (name = "auth", description = "Accounts and sessions"),
        (name = "strategies", description = "Strategies and their life cycle"),
        (name = "backtests", description = "Back-test runs and their results"),
        (name = "sweeps", description = "Many parameter sets of one back-test, ranked"),
        (name = "walk_forwards", description = "Parameters chosen on one stretch and tested on the next"),
        (name = "trading", description = "Orders, positions, the account and the limits on them"),
        (name = "data", description = "Connectors, market data and their fusion"),
        (name = "watchlists", description = "Symbols that a user keeps an eye on"),
        (name = "autonomous", description = "The user's agent, what analysts say, and what may be bought"),
        (name = "events", description = "Server-sent events"),
        (name = "admin", description = "The queue in operators' hands: needs capabilities"),
        (name = "health", description = "Probes"),
    )
)]
struct Frame;

struct SessionCookie;

impl Modify for SessionCookie {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let value = ApiKeyValue::with_description(session::COOKIE, "Set by sign-up and sign-in.");
        let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(value));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", scheme);
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.description =
            Some("An API key, `cap_` and 64 hex digits; see `capstan admin api-key`.".into());
        components.add_security_scheme("apiKey", SecurityScheme::Http(bearer));
    }
}

/// Returns the router that the resources' routes are merged into.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Frame::openapi()).routes(utoipa_axum::routes!(openapi_json))
}

/// Returns `router` with the finished document for [`openapi_json`] to send.
pub(crate) fn attach(router: Router<AppState>, document: utoipa::openapi::OpenApi) -> Router<AppState> {
    router.layer(Extension(Document(Bytes::from(finish(document).to_string()))))
}

#[derive(Debug, Clone)]
struct Document(Bytes);

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "health", responses((status = 200, body = Object)))]
async fn openapi_json(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.0)
}

/// Returns the document as JSON.
pub fn document() -> Value {
    finish(routes::routes().into_openapi())
}

fn finish(document: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"]["description"] = json!(description());
    document["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"] =
        ERROR_CODES.iter().map(|code| code.name()).collect();
    name_operations(&mut document);
    errors::add(&mut document);
    document
}

/// Puts the tag before each handler's name: ids must be unique in the whole document.
fn name_operations(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
    for operation in operations.filter(|operation| operation["operationId"].is_string()) {
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        let name = operation["operationId"].as_str().unwrap_or_default();
        operation["operationId"] = json!(format!("{tag}_{name}"));
    }
}

fn description() -> String {
    let mut text = String::from(
        "Every reply that is not a success has the body `ErrorBody`. Lists are plain arrays; when another \
         page follows, the headers `X-Next-Cursor` and `Link` say where it starts.\n\n\
         | code | status | sent when |\n|---|---|---|\n",
    );
    for code in ERROR_CODES {
        let (name, status, meaning) = (code.name(), code.status().as_u16(), code.meaning());
        text.extend(["| `", name, "` | ", &status.to_string(), " | ", meaning, " |\n"]);
    }
    text
}
