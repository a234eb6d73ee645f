//! The id in a path.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};

use crate::error::ApiError;

/// The path parameter `{id}`; one that is malformed names no row, so it is a 404.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| ApiError::not_found("resource"))?;
        let text = params.iter().find(|(name, _)| *name == "id").map(|(_, text)| text);
        let id = text.and_then(|text| text.parse().ok());
        id.map(Self).ok_or_else(|| ApiError::not_found("resource"))
    }
}

/// The only path parameter, as text.
#[derive(Debug, Clone)]
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| ApiError::not_found("resource"))?;
        let text = params.iter().next().map(|(_, text)| text);
        // No row has a name that Postgres can't store.
        let text = text.filter(|text| !text.contains('\0') && !text.is_empty());
        text.map(|text| Self(text.to_owned())).ok_or_else(|| ApiError::not_found("resource"))
    }
}
