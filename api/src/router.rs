//! The application: routes, and the layers that every request passes through.
//!
//! From the outside in: names, span and count of the request, headers, panics, requests in
//! flight, time limit, origin of writes, body limit, route.

mod guard;
mod headers;
mod origin;
mod serve;
mod trace;
mod traceparent;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::{Method, Uri, request::Parts},
    middleware,
};
use tower_http::catch_panic::CatchPanicLayer;

pub use serve::{Sockets, serve, serve_router};

use crate::{
    error::{ApiError, codes},
    extract::Operator,
    openapi, routes,
    state::AppState,
};

/// Returns the application on `state`.
pub fn app(state: AppState) -> Router {
    let (router, document) = routes::routes().split_for_parts();
    openapi::attach(router, document)
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(state.config.api.body_limit_bytes))
        .layer(middleware::from_fn(origin::check))
        .layer(middleware::from_fn_with_state(state.clone(), guard::time_limit))
        .layer(middleware::from_fn_with_state(state.clone(), guard::in_flight))
        .layer(CatchPanicLayer::custom(guard::answer_panic))
        .layer(middleware::from_fn_with_state(state.clone(), headers::add))
        .layer(middleware::from_fn_with_state(state.clone(), trace::follow))
        .with_state(state)
}

/// Only who has signed in learns which paths below `/api/` there are.
async fn unknown_route(State(state): State<AppState>, mut parts: Parts) -> ApiError {
    if parts.uri.path().starts_with("/api/")
        && let Err(refused) = Operator::from_request_parts(&mut parts, &state).await
    {
        return refused;
    }
    ApiError::not_found(&format!("route {}", parts.uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(codes::METHOD_NOT_ALLOWED, format!("{method} is not allowed on {}", uri.path()))
}
