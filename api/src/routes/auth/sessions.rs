//! A user's own sessions and password.

use std::str::FromStr;

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jobs::db::{audit, sessions, users};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Done, checks, entry, open_session, with_cookie};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    password::{Password, Verdict},
    state::AppState,
    throttle::Subjects,
    timestamp,
};

/// A session, named by the digest of its token, which does not open it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    /// 64 hex digits.
    id: String,
    created_at: String,
    /// Last use, to the minute.
    seen_at: String,
    /// When it ends whatever happens.
    expires_at: String,
    address: Option<String>,
    user_agent: Option<String>,
    /// Whether it is the one this request came with.
    current: bool,
}

/// Lists the caller's sessions, newest first.
#[utoipa::path(
    get, path = "/api/auth/sessions", tag = "auth",
    responses((status = 200, body = [SessionView])), security(("session" = []))
)]
pub(super) async fn list(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Vec<SessionView>>> {
    let mut conn = state.pool.acquire().await?;
    let found = sessions::list(&mut conn, actor.user_id, state.config.api.session_idle_hours).await?;
    let view = |session: sessions::Session| SessionView {
        current: session.token_hash == actor.session,
        id: hex::encode(session.token_hash),
        created_at: timestamp::text(session.created_at),
        seen_at: timestamp::text(session.seen_at),
        expires_at: timestamp::text(session.expires_at),
        address: session.address,
        user_agent: session.user_agent,
    };
    Ok(Json(found.into_iter().map(view).collect()))
}

/// Digest of a token in a path.
pub(super) struct SessionId(Vec<u8>);

impl FromStr for SessionId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        hex::decode(text).ok().filter(|bytes| bytes.len() == 32).map(Self).ok_or(())
    }
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete, path = "/api/auth/sessions/{id}", tag = "auth",
    params(("id" = String, Path, description = "Id of the session")),
    responses((status = 200, body = Done)), security(("session" = []))
)]
pub(super) async fn revoke(
    actor: Actor,
    State(state): State<AppState>,
    Id(SessionId(token_hash)): Id<SessionId>,
) -> ApiResult<Json<Done>> {
    let mut tx = state.pool.begin().await?;
    if !sessions::revoke(&mut tx, actor.user_id, &token_hash).await? {
        return Err(ApiError::not_found("session"));
    }
    audit::record(&mut tx, actor.entry("revoke_session", "session", hex::encode(&token_hash))).await?;
    tx.commit().await?;
    Ok(Json(Done::YES))
}

/// The password so far, and the one from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"currentPassword": "Test123456!", "newPassword": "Vorst-Kelp-91-Quad"}))]
pub(super) struct ChangePassword {
    #[schema(value_type = String, format = Password)]
    current_password: Password,
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

/// Changes the password. Every session ends; the reply opens a new one. A wrong current
/// password counts like a failed sign-in.
#[utoipa::path(
    post, path = "/api/auth/change-password", tag = "auth", request_body = ChangePassword,
    responses(
        (status = 200, description = "Changed; the cookie is a new session.", body = Done),
        (status = 409, description = "The password was changed meanwhile."),
        (status = 429, description = "Too many failures of this account or address."),
    ),
    security(("session" = []))
)]
pub(super) async fn change_password(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<ChangePassword>,
) -> ApiResult<Response> {
    let subjects = Subjects::new(&actor.username, &actor.client);
    subjects.check(&mut *state.pool.acquire().await?).await?;
    let turn = state.passwords.turn().await?;
    checks::password(&state, &turn, &body.new_password, &actor.username, actor.email.as_deref()).await?;
    let old = {
        let mut conn = state.pool.acquire().await?;
        // Again: meanwhile others had their turns, and may have failed.
        subjects.check(&mut conn).await?;
        let found = users::credentials(&mut conn, &actor.username).await?;
        found.ok_or_else(|| ApiError::not_found("account"))?.password_hash
    };
    if state.passwords.verify(&turn, &body.current_password, Some(old.clone())).await? == Verdict::Wrong {
        let mut tx = state.pool.begin().await?;
        subjects.count_failure(&mut tx, &state.config.auth).await?;
        tx.commit().await?;
        return Err(ApiError::bad_request(codes::WRONG_PASSWORD, "the current password is wrong"));
    }
    let new = state.passwords.hash(&turn, &body.new_password).await?;
    drop(turn);

    let mut tx = state.pool.begin().await?;
    if !users::replace_password(&mut tx, actor.user_id, &old, &new).await? {
        return Err(ApiError::conflict(codes::CONFLICT, "the password was changed meanwhile"));
    }
    sessions::revoke_all(&mut tx, actor.user_id).await?;
    let cookie = open_session(&mut tx, &state.config, &actor.client, actor.user_id).await?;
    subjects.clear(&mut tx).await?;
    audit::record(&mut tx, entry(&actor.client, "change_password", actor.user_id)).await?;
    tx.commit().await?;
    Ok(with_cookie(StatusCode::OK, cookie, Done::YES))
}
