//! Who calls: the owner of the session cookie.

use axum::{extract::FromRequestParts, http::request::Parts};
use jobs::db::{audit, sessions};
use uuid::Uuid;

use crate::{
    error::{ApiError, codes},
    extract::Client,
    session,
    state::AppState,
};

/// A signed-in user, as every read and write takes one. As the first argument of a
/// handler it answers 401 before anything is looked up or parsed.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user's id.
    pub user_id: Uuid,
    /// The user's name as shown.
    pub username: String,
    /// The user's mail address.
    pub email: Option<String>,
    /// Whether admin routes are open to the user.
    pub is_admin: bool,
    /// SHA-256 of the session's token: names the session without opening it.
    pub session: Vec<u8>,
    /// Where the request came from.
    pub client: Client,
}

impl Actor {
    /// Returns an audit entry of this actor for a mutation of `resource_id`.
    pub fn entry<'a>(&'a self, action: &'a str, resource: &'a str, resource_id: String) -> audit::Entry<'a> {
        audit::Entry {
            actor_id: Some(self.user_id),
            action,
            resource,
            resource_id: Some(resource_id),
            address: self.client.address_text(),
            trace_id: self.client.trace_id.clone(),
            ..audit::Entry::default()
        }
    }
}

impl FromRequestParts<AppState> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let token =
            session::token(&parts.headers).ok_or_else(|| ApiError::unauthorized(codes::NO_SESSION))?;
        let expired = || ApiError::unauthorized(codes::SESSION_EXPIRED);
        let session = session::digest(&token).ok_or_else(expired)?;
        let idle = state.config.api.session_idle_hours;
        let mut conn = state.pool.acquire().await?;
        let found = sessions::authenticate(&mut conn, &session, idle).await?.ok_or_else(expired)?;
        drop(conn);
        tracing::Span::current().record("user.id", tracing::field::display(found.user_id));
        Ok(Self {
            user_id: found.user_id,
            username: found.username,
            email: found.email,
            is_admin: found.is_admin,
            session,
            client: Client::from_request_parts(parts, state).await?,
        })
    }
}
