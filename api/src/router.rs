//! The application: routes, and the layers that every request passes through.
//!
//! From the outside in: request id and span, headers, panics, requests in flight, time
//! limit, origin of writes, body limit, route.

mod guard;
mod headers;
mod origin;
mod serve;
mod trace;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, Uri},
    middleware,
};
use tower_http::catch_panic::CatchPanicLayer;

pub use serve::serve;

use crate::{
    error::{ApiError, codes},
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
        .layer(middleware::from_fn(trace::follow))
        .with_state(state)
}

async fn unknown_route(uri: Uri) -> ApiError {
    ApiError::not_found(&format!("route {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(codes::METHOD_NOT_ALLOWED, format!("{method} is not allowed on {}", uri.path()))
}
