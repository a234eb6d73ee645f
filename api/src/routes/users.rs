//! The caller's own account.

use axum::{Json, extract::State};
use jobs::db::{audit, users};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::auth::{SignedIn, UserView, email, refusal};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body},
    state::AppState,
};

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(user)).routes(routes!(me)).routes(routes!(update_email))
}

impl From<Actor> for SignedIn {
    fn from(actor: Actor) -> Self {
        let Actor { user_id: id, username, is_admin, email, .. } = actor;
        Self::from(UserView { id, username, is_admin, email })
    }
}

/// Says who is signed in.
#[utoipa::path(
    get, path = "/api/user", tag = "auth",
    responses((status = 200, body = SignedIn)), security(("session" = []))
)]
async fn user(actor: Actor) -> Json<SignedIn> {
    Json(actor.into())
}

/// Another name of `GET /api/user`.
#[utoipa::path(
    get, path = "/api/auth/me", tag = "auth",
    responses((status = 200, body = SignedIn)), security(("session" = []))
)]
async fn me(actor: Actor) -> Json<SignedIn> {
    Json(actor.into())
}

/// A mail address.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"email": "alice@mail.example"}))]
struct UpdateEmail {
    email: String,
}

/// Text for people.
#[derive(Debug, Serialize, ToSchema)]
struct Message {
    message: &'static str,
}

/// Sets the caller's mail address.
#[utoipa::path(
    post, path = "/api/auth/update-email", tag = "auth", request_body = UpdateEmail,
    responses((status = 200, body = Message)), security(("session" = []))
)]
async fn update_email(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<UpdateEmail>,
) -> ApiResult<Json<Message>> {
    let invalid = || ApiError::bad_request(codes::INVALID_EMAIL, "the mail address is missing");
    let new = email(Some(&body.email))?.ok_or_else(invalid)?;
    let mut tx = state.pool.begin().await?;
    users::set_email(&mut tx, actor.user_id, &new).await.map_err(refusal)?;
    let entry = audit::Entry {
        before: Some(json!({ "email": actor.email })),
        after: Some(json!({ "email": new })),
        ..actor.entry("update_email", "user", actor.user_id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(Message { message: "email updated" }))
}
